/* SPDX-License-Identifier: MIT */
/* Queries: what they give, what they refuse, and how far the login of a tenant reaches. */
#include <stdio.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define Q "/v1/tenants/ada/query"
#define SQL .type = "application/sql"

static const struct step tenants[] = {
    STEP("a schema", PUT, T "0001_notes",
         "CREATE TYPE mood AS ENUM ('glad', 'sad');"
         "CREATE TABLE notes (id serial PRIMARY KEY, body text NOT NULL, plan int, m mood);"
         "INSERT INTO notes (body, plan, m) VALUES ('one', 1, 'glad'), ('two', 2, NULL);",
         201, NULL, SQL),
    STEP("ada", POST, "/v1/tenants", "{'id':'ada'}", 200, NULL, .headers = STEP_WAIT),
    STEP("bob", POST, "/v1/tenants", "{'id':'bob'}", 200, NULL, .headers = STEP_WAIT),
    STEP("who reads", POST, "/v1/tokens", "{'name':'reader','scopes':['queries:run']}", 201, NULL,
         .keep = "reader=/token"),
    STEP("who does not", POST, "/v1/tokens", "{'name':'other','role':'operator'}", 201, NULL,
         .keep = "other=/token"),
};

static const struct step answers[] = {
    STEP("rows", POST, Q, "{'sql':'SELECT id, body, m FROM notes ORDER BY id'}", 200, NULL,
         .token = "{reader}",
         .json = {"/columns == [{'name':'id','type':'integer'},{'name':'body','type':'text'},"
                  "{'name':'m','type':'mood'}]",
                  "/rows == [[1,'one','glad'],[2,'two',null]]", "/row_count == 2",
                  "/truncated == false", "/duration_ms != null"}),
    STEP("the same with a key is asked anew", POST, Q, "{'sql':'SELECT 1 AS one'}", 200, NULL,
         .headers = "Idempotency-Key: q1\r\n", .json = {"/rows == [[1]]"}),
    STEP("and again", POST, Q, "{'sql':'SELECT 1 AS one'}", 200, NULL,
         .headers = "Idempotency-Key: q1\r\n", .json = {"@Idempotent-Replayed == absent"}),
    STEP("parameters", POST, Q,
         "{'sql':'SELECT body FROM notes WHERE id = $1 OR body = ANY ($2) OR m::text = $3 ORDER BY "
         "1',"
         "'params':[1,['two','x'],null]}",
         200, NULL, .json = {"/rows == [['one'],['two']]"}),
    STEP("values are values", POST, Q,
         "{'sql':'SELECT $1::text','params':['\\u0027; DROP TABLE notes; --']}", 200, NULL,
         .json = {"/rows/0/0 ~ 'DROP TABLE'"}),
    STEP("with the shared schema", POST, Q,
         "{'sql':'SELECT n.body, p.name FROM $tenant.notes n JOIN $shared.plans p ON p.id = n.plan"
         " WHERE \\u0027$tenant.\\u0027 <> $1 /* $shared.x */ ORDER BY 1','params':['']}",
         200, NULL, .json = {"/rows == [['one','free'],['two','pro']]"}),
    STEP("what would be run", POST, Q "?dry_run=true", "{'sql':'TABLE $tenant.notes'}", 200, NULL,
         .json = {"/dry_run == true", "/sql == 'TABLE \\u0022tenant_ada\\u0022.notes'"}),
    STEP("types", POST, Q,
         "{'sql':'SELECT true, 1::int2, 9007199254740993, 9007199254740992, 1.50::numeric, "
         "2.5::float8,"
         " \\u0027NaN\\u0027::float4, \\u0027{\\u0022a\\u0022: [1]}\\u0027::json, "
         "\\u0027\\u005cx00ff\\u0027::bytea, ARRAY[1,2],"
         " \\u00272026-01-05 10:00+00\\u0027::timestamptz, NULL'}",
         200, NULL,
         .json =
             {"/rows/0 == [true,1,'9007199254740993',9007199254740992,'1.50',2.5,'NaN',{'a':[1]},"
              "'\\u005cx00ff','{1,2}','2026-01-05 10:00:00+00',null]"}),
    STEP("no more rows than asked for", POST, Q,
         "{'sql':'SELECT generate_series(1, 1000000000)','max_rows':3}", 200, NULL,
         .json = {"/rows == [[1],[2],[3]]", "/row_count == 3", "/truncated == true"}),
    STEP("exactly as many", POST, Q, "{'sql':'VALUES (1), (2), (3)','max_rows':3}", 200, NULL,
         .json = {"/row_count == 3", "/truncated == false"}),
    STEP(
        "nor more bytes", POST, Q,
        "{'sql':'SELECT repeat(\\u0027x\\u0027, 500) FROM generate_series(1, 9)','max_bytes':1200}",
        200, NULL, .json = {"/row_count == 2", "/truncated == true"}),
    STEP("a plan", POST, Q, "{'sql':'EXPLAIN (COSTS false) SELECT 1'}", 200, NULL,
         .json = {"/rows == [['Result']]"}),
    STEP("none", POST, Q, "{'sql':'SELECT FROM notes WHERE false'}", 200, NULL,
         .json = {"/columns == []", "/rows == []"}),
    STEP("the shared schema alone", POST, "/v1/shared/query",
         "{'sql':'SELECT name FROM $shared.plans WHERE id = $1','params':[2]}", 200, NULL,
         .json = {"/rows == [['pro']]"}),
    STEP("it is told", GET, "/v1/events?types=query.run&tenant_id=ada", NULL, 200, NULL,
         .json = {"/events/0/type == 'query.run'", "/events/0/data/rows == 2",
                  "/events/0/data/write == false", "/events/0/data/sql_sha256 == present",
                  "/events/0/data/principal == present"}),
};

static const struct step refusals[] = {
    STEP("without the scope", POST, Q, "{'sql':'SELECT 1'}", 403, "PERMISSION_DENIED",
         .token = "{other}"),
    STEP("writing needs another", POST, Q, "{'sql':'DELETE FROM notes','write':true}", 403,
         "PERMISSION_DENIED", .token = "{reader}"),
    STEP("before anything else", POST, "/v1/tenants/none/query", "{'write':true,'x':1}", 403,
         "PERMISSION_DENIED", .token = "{reader}"),
    STEP("no tenant", POST, "/v1/tenants/none/query", "{'sql':'SELECT 1'}", 404,
         "TENANT_NOT_FOUND"),
    STEP("no SQL", POST, Q, "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/sql'"}),
    STEP("all that is wrong", POST, Q,
         "{'sql':1,'params':{},'max_rows':0,'timeout_ms':60001,'max_bytes':1,'write':'yes','limt':"
         "1}",
         422, "VALIDATION_FAILED", .json = {"/errors# == 7"}),
    STEP("a parameter too few", POST, Q, "{'sql':'SELECT $1::int, $2::int','params':[1]}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/params'"}),
    STEP("a parameter that is nothing", POST, Q, "{'sql':'SELECT $1','params':[[[1]]]}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/params/0'"}),
    STEP("empty", POST, Q, "{'sql':' -- nothing'}", 422, "SQL_SYNTAX_ERROR"),
    STEP("no SQL at all", POST, Q, "{'sql':'SELECT 1\\nFROM WHERE'}", 422, "SQL_SYNTAX_ERROR",
         .json = {"/metadata/line == 2", "/metadata/column == 6", "/errors/0/pointer == '/sql'"}),
    STEP("two", POST, Q, "{'sql':'SELECT 1; DELETE FROM notes'}", 422, "MULTIPLE_STATEMENTS"),
    STEP(
        "the place in what was sent", POST, Q,
        "{'sql':'SELECT *\\nFROM $tenant.notes JOIN $shared.plans ON nope = 1'}", 422,
        "QUERY_FAILED",
        .json = {"/metadata/sqlstate == '42703'", "/metadata/line == 2", "/metadata/column == 42"}),
    STEP("a failure", POST, Q, "{'sql':'SELECT 1 / (SELECT 0)'}", 422, "QUERY_FAILED",
         .json = {"/metadata/sqlstate == '22012'"}),
    STEP("no tenant in the shared schema", POST, "/v1/shared/query",
         "{'sql':'TABLE $tenant.notes'}", 422, "SQL_SYNTAX_ERROR"),
    STEP("too long", POST, Q, "{'sql':'SELECT pg_sleep(30)','timeout_ms':200}", 504,
         "QUERY_TIMEOUT"),
    STEP("a huge row", POST, Q, "{'sql':'SELECT repeat(\\u0027x\\u0027, 5000000)'}", 200, NULL,
         .json = {"/rows == []", "/truncated == true"}),
};

static const struct step described[] = {
    STEP("tables of both schemas", POST, Q,
         "{'from':{'table':'notes','as':'n'},'joins':[{'type':'left','table':'plans','as':'p',"
         "'on':[{'column':'n.plan','other':'p.id'}]}],'select':['n.body',{'column':'p.name','as':'"
         "plan'}],"
         "'where':{'or':[{'column':'n.id','op':'in','value':[1,2]},{'and':[{'column':'n.body','op':"
         "'like',"
         "'value':'x%'},{'not':{'column':'p.name','op':'is_null'}}]}]},"
         "'order_by':[{'column':'n.id','direction':'desc','nulls':'last'},'p.id'],'limit':10,'"
         "offset':0}",
         200, NULL,
         .json = {"/columns/1/name == 'plan'", "/rows == [['two','pro'],['one','free']]"}),
    STEP(
        "the SQL of it", POST, Q "?dry_run=true",
        "{'from':{'table':'notes'},'joins':[{'table':'plans','schema':'shared','type':'full','on':["
        "{'column':'notes.plan','op':'<>','other':'plans.id'}]}],'where':{'column':'body',"
        "'value':'\\u0027; DROP'},'limit':1,'offset':2}",
        200, NULL,
        .json = {"/sql == 'SELECT * FROM \\u0022tenant_ada\\u0022.\\u0022notes\\u0022 AS "
                 "\\u0022notes\\u0022"
                 " FULL JOIN \\u0022public\\u0022.\\u0022plans\\u0022 AS \\u0022plans\\u0022 ON"
                 " (\\u0022notes\\u0022.\\u0022plan\\u0022 <> \\u0022plans\\u0022.\\u0022id\\u0022)"
                 " WHERE \\u0022body\\u0022 = $1 LIMIT 1 OFFSET 2'",
                 "/params == ['\\u0027; DROP']"}),
    STEP("names are only names", POST, Q,
         "{'from':{'table':'notes'},'select':['id; DROP TABLE notes']}", 422, "QUERY_FAILED",
         .json = {"/metadata/sqlstate == '42703'"}),
    STEP("all", POST, Q, "{'from':{'table':'notes','schema':'tenant'}}", 200, NULL,
         .json = {"/row_count == 2", "/columns# == 4"}),
    STEP("in the shared schema", POST, "/v1/shared/query",
         "{'from':{'table':'plans'},'where':{'column':'id','op':'>','value':1}}", 200, NULL,
         .json = {"/rows == [[2,'pro']]"}),
    STEP("no such tables", POST, Q,
         "{'from':{'table':'nope'},'joins':[{'table':'plans','schema':'tenant','on':[{'column':'a',"
         "'other':'b'}]}]}",
         422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/from/table'", "/errors/1/pointer == '/joins/0/table'"}),
    STEP("another tenant's", POST, Q, "{'from':{'table':'tenant_bob.notes'}}", 422,
         "VALIDATION_FAILED"),
    STEP("all that is wrong", POST, Q,
         "{'from':{'tabel':'x'},'joins':[{'table':'y','type':'cross','on':[{'column':'a','op':'~','"
         "value':1},"
         "{'column':'a'}]}],'select':[1],'where':{'and':[]},'order_by':[{'column':'a','direction':'"
         "up'}]}",
         422, "VALIDATION_FAILED", .json = {"/errors# == 8"}),
    STEP("written and described", POST, Q,
         "{'sql':'SELECT 1','from':{'table':'notes'},'params':[1],"
         "'write':true}",
         422, "VALIDATION_FAILED", .json = {"/errors# == 3"}),
    STEP("from nothing", POST, Q, "{'select':['id']}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/from'"}),
    STEP("null and lists", POST, Q,
         "{'from':{'table':'notes'},'where':{'or':[{'column':'a','value':null},{'column':'a','op':'"
         "in',"
         "'value':1},{'column':'a','op':'is_null','value':1},{'column':'a','value':1,'other':'b'}]}"
         "}",
         422, "VALIDATION_FAILED", .json = {"/errors# == 4"}),
};

#define REFUSED(label, sql) STEP(label, POST, Q, "{'sql':'" sql "'}", 403, "QUERY_NOT_ALLOWED")
static const struct step not_queries[] = {
    REFUSED("insert", "INSERT INTO notes (body) VALUES (1)"),
    REFUSED("update", "UPDATE notes SET body = 1"),
    REFUSED("delete", "DELETE FROM notes"),
    REFUSED("in with", "WITH d AS (DELETE FROM notes RETURNING 1) SELECT * FROM d"),
    REFUSED("select into", "SELECT 1 AS a INTO TEMP x"),
    REFUSED("a lock", "SELECT * FROM notes FOR UPDATE"),
    REFUSED("analyze", "EXPLAIN ANALYZE SELECT 1"),
    REFUSED("explained", "EXPLAIN DELETE FROM notes"),
    REFUSED("copy", "COPY notes TO PROGRAM \\u0027id\\u0027"),
    REFUSED("do", "DO \\u0027BEGIN END\\u0027"),
    REFUSED("set", "SET ROLE postgres"),
    REFUSED("ddl", "CREATE TABLE x ()"),
    REFUSED("call", "CALL x()"),
    REFUSED("begin", "BEGIN"),
    REFUSED("SQL in a function",
            "SELECT query_to_xml(\\u0027SELECT 1\\u0027, true, true, \\u0027\\u0027)"),
    REFUSED("a setting", "SELECT set_config(\\u0027role\\u0027, \\u0027postgres\\u0027, true)"),
    REFUSED("a file", "SELECT pg_read_file(\\u0027/etc/passwd\\u0027)"),
    REFUSED("a lock of tenantd", "SELECT pg_catalog.pg_advisory_lock(1)"),
    REFUSED("another server",
            "SELECT * FROM dblink(\\u0027\\u0027, \\u0027SELECT 1\\u0027) AS t(a int)"),
    REFUSED("a large object", "SELECT lo_export(1, \\u0027/tmp/x\\u0027)"),
};

#define DENIED(label, sql) STEP(label, POST, Q, "{'sql':'" sql "'}", 403, "QUERY_DENIED")
static const struct step escapes[] = {
    DENIED("another tenant's table", "SELECT * FROM tenant_bob.notes"),
    DENIED("the control schema", "SELECT * FROM tenantd.token"),
    DENIED("its secrets", "SELECT value FROM tenantd.secret"),
    DENIED("passwords", "SELECT rolpassword FROM pg_authid"),
    DENIED("a sequence", "SELECT nextval(\\u0027notes_id_seq\\u0027)"),
    DENIED("files", "SELECT pg_hba_file_rules()"),
    STEP("by a name of its own", POST, Q,
         "{'sql':'SELECT current_user = session_user,"
         " current_user ~ \\u0027^tenantd_r_tenant_ada_\\u0027'}",
         200, NULL, .json = {"/rows == [[true,true]]"}),
};

static const struct step writes[] = {
    STEP("a row", POST, Q,
         "{'sql':'INSERT INTO notes (body) VALUES ($1) RETURNING "
         "id','params':['three'],'write':true}",
         200, NULL, .headers = "Idempotency-Key: w1\r\n",
         .json = {"/rows == [[3]]", "/affected == 1"}),
    STEP("not twice", POST, Q,
         "{'sql':'INSERT INTO notes (body) VALUES ($1) RETURNING "
         "id','params':['three'],'write':true}",
         409, "CONFLICT", .headers = "Idempotency-Key: w1\r\n"),
    STEP("all rows, though few are shown", POST, Q,
         "{'sql':'UPDATE notes SET plan = 2 RETURNING id','max_rows':1,'write':true}", 200, NULL,
         .json = {"/row_count == 1", "/truncated == true", "/affected == 3"}),
    STEP("it stays", POST, Q, "{'sql':'SELECT count(*) FROM notes WHERE plan = 2'}", 200, NULL,
         .json = {"/rows == [[3]]"}),
    STEP("merge", POST, Q,
         "{'sql':'MERGE INTO notes n USING (VALUES (3)) v(id) ON v.id = n.id WHEN MATCHED THEN "
         "DELETE',"
         "'write':true}",
         200, NULL, .json = {"/affected == 1", "/rows == []"}),
    STEP("not in the shared schema", POST, Q, "{'sql':'DELETE FROM $shared.plans','write':true}",
         403, "QUERY_DENIED"),
    STEP("not what tenantd keeps", POST, Q,
         "{'sql':'DELETE FROM __drizzle_migrations','write':true}", 403, "QUERY_DENIED"),
    STEP("not elsewhere", POST, Q, "{'sql':'DELETE FROM tenant_bob.notes','write':true}", 403,
         "QUERY_DENIED"),
    STEP("no table", POST, Q, "{'sql':'CREATE TABLE x ()','write':true}", 403, "QUERY_NOT_ALLOWED"),
    STEP("a failure leaves nothing", POST, Q,
         "{'sql':'INSERT INTO notes SELECT g, 1 FROM generate_series(50, 1, -1) g','write':true}",
         422, "QUERY_FAILED", .json = {"/metadata/sqlstate == '23505'"}),
    STEP("nothing", POST, Q, "{'sql':'SELECT max(id) FROM notes'}", 200, NULL,
         .json = {"/rows == [[2]]"}),
    STEP("in the shared schema itself", POST, "/v1/shared/query",
         "{'sql':'UPDATE plans SET name = upper(name)','write':true}", 200, NULL,
         .json = {"/affected == 2"}),
};

static const struct step later[] = {
    STEP("a table that came later", PUT, T "0002_more",
         "CREATE TABLE more (id int);"
         "INSERT INTO more VALUES (7)",
         201, NULL, SQL),
    STEP("everywhere", POST, "/v1/migration-runs", "{'selector':{'all':true}}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("is read", POST, Q, "{'sql':'TABLE more'}", 200, NULL, .json = {"/rows == [[7]]"}),
    STEP("and written", POST, Q, "{'sql':'DELETE FROM more','write':true}", 200, NULL,
         .json = {"/affected == 1"}),
    STEP("archived", DELETE, "/v1/tenants/ada?force=true", NULL, 200, NULL),
    STEP("is read still", POST, Q, "{'sql':'SELECT 1'}", 200, NULL),
    STEP("but not written", POST, Q, "{'sql':'SELECT 1','write':true}", 409, "INVALID_STATE"),
    STEP("purged", DELETE, "/v1/tenants/ada?mode=purge&force=true", NULL, 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

static void clean(void)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    pg_fixture_sql(pg, "CREATE TABLE IF NOT EXISTS plans (id int PRIMARY KEY, name text);"
                       "INSERT INTO plans VALUES (1, 'free'), (2, 'pro') ON CONFLICT DO NOTHING");
}

static char *roles(void)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    return pg_fixture_value(pg,
                            "SELECT count(*) AS v FROM pg_roles r WHERE rolname LIKE"
                            " 'tenantd\\_%\\_tenant\\_%' AND EXISTS (SELECT FROM pg_shdepend d,"
                            " pg_database b WHERE b.oid = d.dbid AND b.datname = current_database()"
                            " AND d.refobjid = r.oid)");
}

static const struct {
    const struct step *table;
    size_t n;
} tables[] = {
    {answers, ARRAY_LEN(answers)},     {refusals, ARRAY_LEN(refusals)},
    {described, ARRAY_LEN(described)}, {not_queries, ARRAY_LEN(not_queries)},
    {escapes, ARRAY_LEN(escapes)},     {writes, ARRAY_LEN(writes)},
    {later, ARRAY_LEN(later)},
};

/* One after the other, with the names that the first one keeps. */
START_TEST(what_queries_do)
{
    struct steps steps;

    clean();
    steps_open(&steps);
    steps_run_all(&steps, tenants, ARRAY_LEN(tenants));
    CLEANUP(freep) char *before = roles();
    ck_assert_str_eq(before, "0"); /* nobody has asked yet */
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        steps_run_all(&steps, tables[i].table, tables[i].n);
    steps_close(&steps);
    CLEANUP(freep) char *after = roles();
    ck_assert_str_eq(after, "0"); /* the logins went with their schema */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queries");
    TCase *tc = tcase_create("queries");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_queries_do);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
