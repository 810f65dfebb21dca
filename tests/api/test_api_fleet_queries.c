/* SPDX-License-Identifier: MIT */
/* The same query in many tenants: rows, outputs, totals, and what happens when some of them fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "tests/pg/job_support.h"
#include "tests/support/daemon.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define Q "/v1/queries"
#define ALL "'selector':{'all':true}"
#define SQL .type = "application/sql"

static const struct step tenants[] = {
    STEP("a schema", PUT, T "0001_sales",
         "CREATE TABLE sales (kind text, amount numeric(10,2), n int, at date, w float8);"
         "INSERT INTO sales VALUES ('a', 1.10, 1, '2026-01-01', 0.5), ('b', 2.20, 2, '2026-01-02', "
         "1.5),"
         " ('a', 3.30, 3, '2026-01-03', NULL);",
         201, NULL, SQL),
    STEP("tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'t1','labels':{'plan':'pro'}},{'id':'t2','labels':{'plan':'pro'}},"
         "{'id':'t3'},{'id':'t4'},{'id':'t5'}]}",
         200, NULL, .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("a reader", POST, "/v1/tokens", "{'name':'viewer','role':'viewer'}", 201, NULL,
         .keep = "viewer=/token"),
};

static const struct step fleets[] = {
    STEP("rows with their tenant", POST, Q,
         "{'sql':'SELECT kind, n FROM sales WHERE n = $1','params':[2]," ALL ",'max_parallel':1}",
         200, NULL,
         .json = {"/columns/0 == {'name':'tenant_id','type':'text'}", "/columns/1/name == 'kind'",
                  "/rows == [['t1','b',2],['t2','b',2],['t3','b',2],['t4','b',2],['t5','b',2]]",
                  "/row_count == 5", "/tenants == 5", "/succeeded == 5", "/truncated == false",
                  "/errors == []", "/unreachable == []"}),
    STEP("of some", POST, Q, "{'sql':'SELECT 1','selector':{'labels':{'plan':'pro'}}}", 200, NULL,
         .json = {"/tenants == 2", "/row_count == 2"}),
    STEP("of none", POST, Q, "{'sql':'SELECT 1','selector':{'labels':{'plan':'none'}}}", 200, NULL,
         .json = {"/tenants == 0", "/rows == []", "/columns# == 1"}),
    STEP("a few of each", POST, Q, "{'sql':'TABLE sales'," ALL ",'max_rows':2}", 200, NULL,
         .json = {"/row_count == 10", "/truncated == true", "/succeeded == 5"}),
    STEP("a few of all", POST, Q, "{'sql':'TABLE sales'," ALL ",'max_total_rows':7}", 200, NULL,
         .json = {"/row_count == 6", "/truncated == true", "/succeeded == 2"}),
    STEP("a few bytes", POST, Q,
         "{'sql':'SELECT repeat(kind, 400) FROM sales'," ALL ",'max_bytes':3000}", 200, NULL,
         .json = {"/row_count == 6", "/truncated == true"}),
    STEP("sums", POST, Q,
         "{'sql':'SELECT kind, count(*) AS c, sum(amount) AS s FROM sales GROUP BY kind'," ALL ","
         "'aggregate':{'group_by':['kind'],'sum':['c','s']}}",
         200, NULL,
         .json = {"/columns == [{'name':'kind','type':'text'},{'name':'sum_c','type':'numeric'},"
                  "{'name':'sum_s','type':'numeric'}]",
                  "/rows == [['a',10,'22.00'],['b',5,'11.00']]", "/row_count == 10",
                  "/succeeded == 5"}),
    STEP("the rest", POST, Q,
         "{'sql':'SELECT n, at, w FROM sales'," ALL ","
         "'aggregate':{'count':['w','n'],'min':['at','n'],'max':['at','w'],'avg':['n'],'sum':['w']}"
         "}",
         200, NULL, .json = {"/rows == [[10,10,15,'2026-01-01',1,'2026-01-03',1.5,2]]"}),
    STEP("by tenant", POST, Q,
         "{'sql':'SELECT n FROM sales','selector':{'ids':['t2','t1']},"
         "'aggregate':{'group_by':['tenant_id'],'max':['n']}}",
         200, NULL, .json = {"/rows == [['t1',3],['t2',3]]"}),
    STEP("of nothing", POST, Q,
         "{'sql':'SELECT n FROM sales WHERE false'," ALL
         ",'aggregate':{'sum':['n'],'count':['n']}}",
         200, NULL, .json = {"/rows == [[null,0]]"}),
    STEP("NDJSON", POST, Q, "{'sql':'SELECT n FROM sales WHERE n = 1'," ALL ",'output':'ndjson'}",
         200, NULL, .streamed = true,
         .json = {"@Content-Type == 'application/x-ndjson'", "body ~ '\\u0022row\\u0022:[1]'",
                  "body ~ '\\u0022end\\u0022:true,\\u0022row_count\\u0022:5'",
                  "body ~ '{\\u0022columns\\u0022:[{'"}),
    STEP("CSV", POST, Q,
         "{'sql':'SELECT kind AS \\u0022a,b\\u0022, NULL, \\u0027\\u0027, \\u0027say "
         "\\u0022hi\\u0022\\u0027 FROM"
         " sales WHERE n = 1','selector':{'ids':['t1']},'output':'csv'}",
         200, NULL, .streamed = true,
         .json = {"@Content-Type ~ 'text/csv'",
                  "body == 'tenant_id,\\u0022a,b\\u0022,?column?,?column?,?column?\\r\\n"
                  "t1,a,,\\u0022\\u0022,\\u0022say \\u0022\\u0022hi\\u0022\\u0022\\u0022\\r\\n'"}),
    STEP("the event", GET, "/v1/events?types=query.run", NULL, 200, NULL,
         .json = {"/events/0/data/tenants == 5", "/events/0/data/rows == 5"}),
};

static const struct step refusals[] = {
    STEP("no scope", POST, Q, "{}", 403, "PERMISSION_DENIED", .token = "{viewer}"),
    STEP("nothing", POST, Q, "{}", 422, "VALIDATION_FAILED", .json = {"/errors# == 2"}),
    STEP(
        "all that is wrong", POST, Q,
        "{'sql':'','params':1,'selector':{'ids':[]},'timeout_ms':0,'max_rows':0,'max_total_rows':0,"
        "'max_bytes':0,'max_parallel':17,'output':'xml','aggregate':{'sums':['a']},'write':true}",
        422, "VALIDATION_FAILED", .json = {"/errors# == 12"}),
    STEP("nobody by that name", POST, Q, "{'sql':'SELECT 1','selector':{'ids':['t1','nobody']}}",
         422, "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/selector/ids/1'"}),
    STEP("an empty selector", POST, Q, "{'sql':'SELECT 1','selector':{}}", 422, "EMPTY_SELECTOR"),
    STEP("no writing", POST, Q, "{'sql':'DELETE FROM sales'," ALL "}", 403, "QUERY_NOT_ALLOWED"),
    STEP("not two", POST, Q, "{'sql':'SELECT 1; SELECT 2'," ALL "}", 422, "MULTIPLE_STATEMENTS"),
    STEP("no SQL", POST, Q, "{'sql':'SELEC 1'," ALL "}", 422, "SQL_SYNTAX_ERROR"),
    STEP("an aggregate that is streamed", POST, Q,
         "{'sql':'SELECT 1 AS a'," ALL ",'output':'csv','aggregate':{'sum':['a']}}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/output'"}),
    STEP("of a column that is not there", POST, Q,
         "{'sql':'SELECT kind FROM sales'," ALL ",'aggregate':{'group_by':['x'],'sum':['kind']}}",
         422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/aggregate/group_by/0'",
                  "/errors/1/pointer == '/aggregate/sum/0'"}),
    STEP("large JSON", POST, Q, "{'sql':'SELECT 1'," ALL ",'max_bytes':40000000}", 422,
         "VALIDATION_FAILED"),
};

/* Some tenants cannot answer; a server is away. */
static const struct step failing[] = {
    STEP("the others answer", POST, Q, "{'sql':'SELECT n FROM sales WHERE n = 1'," ALL "}", 200,
         NULL,
         .json = {"/row_count == 3", "/tenants == 5", "/succeeded == 3", "/error_count == 1",
                  "/errors/0/tenant_id == 't4'", "/errors/0/code == 'QUERY_FAILED'",
                  "/errors/0/sqlstate == '42P01'", "/unreachable_count == 1",
                  "/unreachable/0/tenant_id == 't5'",
                  "/unreachable/0/code == 'DATABASE_UNAVAILABLE'"}),
    STEP("as lines", POST, Q, "{'sql':'SELECT n FROM sales WHERE n = 1'," ALL ",'output':'ndjson'}",
         200, NULL, .streamed = true,
         .json = {"body ~ '\\u0022error_count\\u0022:1,\\u0022unreachable_count\\u0022:1'"}),
    STEP("too slow", POST, Q,
         "{'sql':'SELECT pg_sleep(n) FROM sales WHERE n = 1','selector':{'ids':['t1','t2']},"
         "'timeout_ms':100}",
         200, NULL,
         .json = {"/succeeded == 0", "/error_count == 2", "/errors/0/code == 'QUERY_TIMEOUT'"}),
    STEP("out of their schemas", POST, Q,
         "{'sql':'SELECT * FROM tenant_t1.sales','selector':{'ids':['t1','t2']}}", 200, NULL,
         .json = {"/succeeded == 1", "/errors/0/tenant_id == 't2'",
                  "/errors/0/code == 'QUERY_DENIED'"}),
};

START_TEST(queries_of_a_fleet)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct steps steps;

    steps_open(&steps);
    steps_run_all(&steps, tenants, ARRAY_LEN(tenants));
    steps_run_all(&steps, fleets, ARRAY_LEN(fleets));
    steps_run_all(&steps, refusals, ARRAY_LEN(refusals));
    pg_fixture_sql(pg, "DROP TABLE tenant_t4.sales; INSERT INTO tenantd.server (id, url)"
                       " VALUES ('away', 'postgresql://x@127.0.0.1:1/x');"
                       "UPDATE tenantd.tenant SET server = 'away' WHERE id = 't5'");
    steps_run_all(&steps, failing, ARRAY_LEN(failing));
    pg_fixture_sql(pg, "UPDATE tenantd.tenant SET server = 'default' WHERE id = 't5';"
                       "DELETE FROM tenantd.server WHERE id = 'away'");
    steps_close(&steps);
}
END_TEST

/* A client that goes away: nothing goes on for it. */
START_TEST(who_leaves_is_not_worked_for)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    static const char body[] = "{\"sql\":\"SELECT pg_sleep(20), $1::text AS mark_of_who_leaves\","
                               "\"params\":[\"x\"],\"selector\":{\"ids\":[\"t1\",\"t2\"]},"
                               "\"timeout_ms\":30000,\"output\":\"ndjson\"}";
    char request[1000];
    struct http_client client;

    (void)snprintf(request, sizeof request,
                   "POST /v1/queries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   daemon_token(), strlen(body), body);
    http_client_open(&client, daemon_port());
    http_client_send(&client, request);
    await(pg, 2, 10000,
          "SELECT count(*) AS v FROM pg_stat_activity WHERE state = 'active'"
          " AND query LIKE '%%mark_of_who_leaves' AND usename ~ '^tenantd_r_'");
    http_client_close(&client);
    await(pg, 0, 10000,
          "SELECT count(*) AS v FROM pg_stat_activity WHERE usename ~ '^tenantd_r_'"
          " AND datname = current_database()");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fleet_queries");
    TCase *tc = tcase_create("fleet_queries");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, queries_of_a_fleet);
    tcase_add_test(tc, who_leaves_is_not_worked_for);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
