/* SPDX-License-Identifier: MIT */
/* Lint over the API: files, live schemas, catalogs; and a gate that only tells. */
#include <stdlib.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define SQL .type = "application/sql"

static const struct step rules[] = {
    STEP("rules", GET, "/v1/lint/rules", NULL, 200, NULL,
         .json = {"/gate == 'warn'", "/rules/0/name == 'syntax-error'",
                  "/rules/3/name == 'table-naming'", "/rules/3/level == 'warn'",
                  "/rules/3/options/style == 'snake_case'", "/rules ~ 'ban-drop-column'",
                  "/rules/7/name == 'require-timestamps'", "/rules/7/default_level == 'off'",
                  "/rules/7/level == 'error'", "/rules/7/options/columns/0 == 'made_at'",
                  "/rules/7/default_options/columns/0 == 'created_at'"}),
    STEP("and one's own", GET, "/v1/lint/rules", NULL, 200, NULL,
         .json = {"/rules ~ 'no-notes'", "/rules ~ 'Notes have a text.'"}),
    STEP("no parameters", GET, "/v1/lint/rules?x=1", NULL, 400, "UNKNOWN_PARAMETER"),
    STEP("no token", GET, "/v1/lint/rules", NULL, 401, "UNAUTHENTICATED", .token = ""),
};

static const struct step of_sql[] = {
    STEP("a statement", POST, "/v1/lint", "{'sql':'SELECT 1;\\n  DROP TABLE orders;'}", 200, NULL,
         .json = {"/success == false", "/errors == 1", "/total_schemas == 1",
                  "/issues/0/rule == 'ban-drop-table'", "/issues/0/line == 2",
                  "/issues/0/column == 3", "/issues/0/severity == 'error'",
                  "/issues/0/lock ~ 'ACCESS EXCLUSIVE'", "/issues/0/why == present",
                  "/issues/0/instead == present", "/issues/0/statement == 2"}),
    STEP("a syntax error is an issue", POST, "/v1/lint", "{'sql':'SELECT 1;\\nCREATE TABEL a;'}",
         200, NULL,
         .json = {"/success == false", "/issues# == 1", "/issues/0/rule == 'syntax-error'",
                  "/issues/0/line == 2", "/issues/0/column == 8"}),
    STEP("so is what registration refuses", POST, "/v1/lint",
         "{'sql':'CREATE EXTENSION citext; DROP TABLE a;'}", 200, NULL,
         .json = {"/issues# == 2", "/issues/0/rule == 'statement-not-allowed'",
                  "/issues/1/rule == 'ban-drop-table'"}),
    STEP("nothing at all", POST, "/v1/lint", "{'sql':''}", 200, NULL,
         .json = {"/success == true", "/issues# == 0"}),
    STEP("files, one after the other", POST, "/v1/lint",
         "{'files':[{'path':'1.sql','sql':'CREATE TABLE a (x text, made_at date);'},"
         "{'path':'2.sql','sql':'ALTER TABLE a ADD PRIMARY KEY (x);'}]}",
         200, NULL, .json = {"/total_schemas == 2", "/tables == 1", "/issues# == 0"}),
    STEP("names in quotes", POST, "/v1/lint",
         "{\"files\":[{\"path\":\"1.sql\",\"sql\":\"CREATE TABLE a (x text, made_at date);\"},"
         "{\"path\":\"2.sql\",\"sql\":\"ALTER TABLE a ADD PRIMARY KEY (x);\"},"
         "{\"path\":\"3.sql\",\"sql\":\"CREATE TABLE \\\"userX\\\" (x text PRIMARY KEY, made_at "
         "date);\"}]}",
         200, NULL, .raw = true,
         .json = {"/tables == 2", "/issues# == 1", "/issues/0/rule == 'table-naming'",
                  "/issues/0/file == '3.sql'", "/issues/0/table == 'userX'"}),
    STEP("each at a time of its own", POST, "/v1/lint",
         "{'separate':true,'files':[{'path':'1.sql','sql':'CREATE TABLE a (x text, made_at date);'},"
         "{'path':'2.sql','sql':'ALTER TABLE a ADD PRIMARY KEY (x);'}]}",
         200, NULL, .json = {"/issues/0/rule == 'adding-serial-primary-key-field'"}),
    STEP("rules of the request", POST, "/v1/lint",
         "{'sql':'DROP TABLE a;','rules':{'ban-drop-table':'warn'}}", 200, NULL,
         .json = {"/success == true", "/warnings == 1"}),
    STEP("options of the request", POST, "/v1/lint",
         "{'sql':'CREATE TABLE user_x (x text PRIMARY KEY, made_at date);',"
         "'rules':{'table-naming':['error',{'style':'camelCase'}]}}",
         200, NULL, .json = {"/errors == 1", "/issues/0/message ~ 'userX'"}),
    STEP("they are gone after it", POST, "/v1/lint",
         "{'sql':'CREATE TABLE user_x (x text PRIMARY KEY, made_at date);'}", 200, NULL,
         .json = {"/issues# == 0"}),
    STEP("those of the configuration hold", POST, "/v1/lint",
         "{'sql':'CREATE TABLE a (x text PRIMARY KEY);'}", 200, NULL,
         .json = {"/issues/0/rule == 'require-timestamps'", "/issues/0/severity == 'error'",
                  "/issues/0/message ~ 'made_at'"}),
    STEP("comments", POST, "/v1/lint",
         "{'sql':'-- lint-ignore ban-drop-table: we agreed\\nDROP TABLE a;'}", 200, NULL,
         .json = {"/issues# == 0"}),
    STEP("as text", POST, "/v1/lint?format=text", "{'sql':'DROP TABLE a;'}", 200, NULL,
         .json = {"@Content-Type ~ 'text/plain'", "body ~ 'stdin.sql:1:1: error: Table'"}),
    STEP("for GitHub", POST, "/v1/lint", "{'sql':'DROP TABLE a;','format':'github'}", 200, NULL,
         .json = {"body ~ '::error file=stdin.sql,line=1,col=1,title=ban-drop-table::'"}),
    STEP("as SARIF", POST, "/v1/lint?format=sarif", "{'sql':'DROP TABLE a;'}", 200, NULL,
         .json = {"@Content-Type == 'application/sarif+json'", "/version == '2.1.0'",
                  "/runs/0/tool/driver/name == 'tenantd'",
                  "/runs/0/results/0/ruleId == 'ban-drop-table'"}),
    STEP("a key is of no use", POST, "/v1/lint?format=text", "{'sql':'DROP TABLE a;'}", 200, NULL,
         .headers = "Idempotency-Key: lint-1\r\n", .json = {"@Lint-Errors == '1'"}),
    STEP("and means nothing", POST, "/v1/lint?format=text", "{'sql':'SELECT 1;'}", 200, NULL,
         .headers = "Idempotency-Key: lint-1\r\n",
         .json = {"@Lint-Errors == '0'", "@Idempotent-Replayed == absent"}),
    STEP("the query goes first", POST, "/v1/lint?format=json", "{'sql':'','format':'text'}", 200,
         NULL, .json = {"/success == true"}),
};

static const struct step mistakes[] = {
    STEP("nothing to look at", POST, "/v1/lint", "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/code == 'REQUIRED'"}),
    STEP("too much", POST, "/v1/lint", "{'sql':'','tenant_id':'a'}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/code == 'CONTRADICTION'"}),
    STEP("all at once", POST, "/v1/lint",
         "{'files':[{'path':''},{'path':'a','sql':'','x':1},7],'rules':{'no-rule':'off',"
         "'table-naming':['warn',{'style':'x','y':1}],'syntax-error':'off'},'z':1}",
         422, "VALIDATION_FAILED",
         .json = {"/errors# == 9", "/errors ~ '/rules/no-rule'",
                  "/errors ~ '/rules/table-naming/1/style'", "/errors ~ '/files/0/sql'",
                  "/errors ~ '/files/1/x'", "/errors ~ '/files/2'"}),
    STEP("no files", POST, "/v1/lint", "{'files':[]}", 422, "VALIDATION_FAILED"),
    STEP("not the shared schema", POST, "/v1/lint", "{'shared':false}", 422, "VALIDATION_FAILED"),
    STEP("another format", POST, "/v1/lint?format=pdf", "{'sql':''}", 400, "INVALID_PARAMETER"),
    STEP("another format in the body", POST, "/v1/lint", "{'sql':'','format':'pdf'}", 422,
         "VALIDATION_FAILED"),
    STEP("no such catalog", POST, "/v1/lint", "{'catalog':'x'}", 422, "VALIDATION_FAILED"),
    STEP("a version without a catalog", POST, "/v1/lint", "{'sql':'','version':'1'}", 422,
         "VALIDATION_FAILED"),
    STEP("version and from", POST, "/v1/lint", "{'catalog':'tenant','version':'1','from':'1'}", 422,
         "VALIDATION_FAILED"),
    STEP("no such version", POST, "/v1/lint", "{'catalog':'tenant','version':'0099_x'}", 422,
         "UNKNOWN_TARGET"),
    STEP("no such tenant", POST, "/v1/lint", "{'tenant_id':'nobody'}", 404, "TENANT_NOT_FOUND"),
    STEP("not JSON", POST, "/v1/lint", "DROP TABLE a;", 400, "MALFORMED_JSON", .raw = true),
    STEP("SQL as it is", POST, "/v1/lint", "DROP TABLE a;", 415, "UNSUPPORTED_MEDIA_TYPE",
         .raw = true, SQL),
};

START_TEST(rules_are_listed)
{
    STEPS_RUN(rules);
}
END_TEST

START_TEST(sql_is_linted)
{
    STEPS_RUN(of_sql);
    STEPS_RUN(mistakes);
}
END_TEST

static const struct step live[] = {
    STEP("registration tells", PUT, T "0001_shop",
         "CREATE TABLE customers (id serial PRIMARY KEY, made_at date);\n"
         "CREATE TABLE orders (customer_id int NOT NULL REFERENCES customers, made_at date);",
         201, NULL, SQL,
         .json = {"/lint/success == false", "/lint/errors == 1", "/lint ~ 'require-primary-key'",
                  "/lint/issues/0/file == '0001_shop'"}),
    STEP("what is registered is not looked at again", PUT, T "0001_shop",
         "CREATE TABLE customers (id serial PRIMARY KEY, made_at date);\n"
         "CREATE TABLE orders (customer_id int NOT NULL REFERENCES customers, made_at date);",
         200, NULL, SQL, .json = {"/lint/issues# == 0"}),
    STEP("a bundle", POST, "/v1/catalogs/tenant/bundles",
         "{'files':[{'path':'0002_index.sql','content':'CREATE INDEX o ON orders (customer_id);'},"
         "{'path':'0003_notes.sql','content':'CREATE TABLE notes (id uuid PRIMARY KEY, made_at "
         "date); CREATE INDEX n ON notes (made_at);'}]}",
         201, NULL,
         .json = {"/added# == 2", "/lint/errors == 1", "/lint/issues/0/file == '0002_index'",
                  "/lint/issues/0/rule == 'require-concurrent-index-creation'"}),
    STEP("the catalog, each by itself", POST, "/v1/lint", "{'catalog':'tenant'}", 200, NULL,
         .json = {"/total_schemas == 3", "/tables == 3", "/issues ~ 'require-primary-key'",
                  "/issues ~ '0002_index'"}),
    STEP("after a version", POST, "/v1/lint", "{'catalog':'tenant','from':'0001_shop'}", 200, NULL,
         .json = {"/total_schemas == 2", "/issues# == 1",
                  "/issues/0/rule == 'require-concurrent-index-creation'"}),
    STEP("one version", POST, "/v1/lint", "{'catalog':'tenant','version':'0003_notes'}", 200, NULL,
         .json = {"/total_schemas == 1", "/issues# == 0"}),
    STEP("an empty catalog", POST, "/v1/lint", "{'catalog':'shared'}", 200, NULL,
         .json = {"/total_schemas == 0", "/success == true"}),
    STEP("a tenant", POST, "/v1/tenants", "{'id':'shop'}", 200, NULL, .headers = STEP_WAIT),
    STEP("its schema", POST, "/v1/lint", "{'tenant_id':'shop','rules':{'no-notes':'off'}}", 200,
         NULL,
         .json = {"/total_schemas == 1", "/tables == 3", "/errors == 1", "/issues/0/file == null",
                  "/issues/0/line == null", "/issues ~ 'require-primary-key'",
                  "/issues ~ 'prefer-uuid-pk'", "/issues/0/table == present"}),
    STEP("its schema as SARIF", POST, "/v1/lint?format=sarif", "{'tenant_id':'shop'}", 200, NULL,
         .json = {"/runs/0/results/0/locations/0/logicalLocations == present"}),
    STEP("its schema for GitHub", POST, "/v1/lint?format=github", "{'tenant_id':'shop'}", 200, NULL,
         .json = {"body ~ '::error title=require-primary-key::'"}),
    STEP("a rule of one's own", POST, "/v1/lint", "{'tenant_id':'shop','rules':{'no-notes':'error','broken':'warn','writes':'warn'}}",
         200, NULL,
         .json = {"/errors == 4", "/issues ~ 'no-notes'", "/issues ~ 'notes has no text'",
                  "/issues ~ 'The rule could not be asked'", "/issues ~ 'read-only transaction'"}),
    STEP("it is off", POST, "/v1/lint",
         "{'tenant_id':'shop','rules':{'no-notes':'off'}}", 200, NULL,
         .json = {"/errors == 1"}),
    STEP("its SQL is not the caller's", POST, "/v1/lint",
         "{'tenant_id':'shop','rules':{'no-notes':['warn',{'sql':'SELECT 1'}],'mine':'off'}}", 422,
         "VALIDATION_FAILED", .json = {"/errors# == 2"}),
    STEP("the shared schema", POST, "/v1/lint", "{'shared':true}", 200, NULL,
         .json = {"/total_schemas == 1"}),
};

/* Plans say what it means for the tables as they are. */
static const struct step plans[] = {
    STEP("indexes", PUT, T "0004_indexes",
         "CREATE INDEX o2 ON orders (made_at); CREATE INDEX n2 ON notes (made_at);\n"
         "ALTER TABLE orders DROP made_at;",
         201, NULL, SQL, .json = {"/lint/errors == 3"}),
    STEP("a plan", POST, "/v1/migration-plans", "{'selector':{'ids':['shop']}}", 201, NULL,
         .keep = "plan=/id",
         .json = {"/cohorts/0/lint/issues# == 3", "/cohorts/0/lint/errors == 2",
                  "/cohorts/0/lint/issues/0/table == 'orders'",
                  "/cohorts/0/lint/issues/0/rows == 101",
                  "/cohorts/0/lint/issues/0/severity == 'error'",
                  "/cohorts/0/lint/issues/0/file == '0004_indexes'",
                  "/cohorts/0/lint/issues/1/table == 'notes'",
                  "/cohorts/0/lint/issues/1/severity == 'warn'",
                  "/cohorts/0/lint/issues/1/rows == 0", "/cohorts/0/hazards == present"}),
    STEP("read again", GET, "/v1/migration-plans/{plan}", NULL, 200, NULL,
         .json = {"/cohorts/0/lint/errors == 2"}),
    STEP("a run of it", POST, "/v1/migration-runs", "{'plan_id':'{plan}'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("used up", GET, "/v1/migration-plans/{plan}", NULL, 200, NULL,
         .json = {"/state == 'used'", "/cohorts/0/lint == absent"}),
    STEP("nothing left", POST, "/v1/migration-plans", "{'selector':{'all':true}}", 201, NULL,
         .json = {"/cohorts# == 0"}),
};

START_TEST(schemas_and_catalogs_are_linted)
{
    struct pg *pg = pg_fixture_connect();

    STEPS_RUN(live);
    pg_fixture_sql(pg, "INSERT INTO tenant_shop.customers SELECT FROM generate_series(1, 101);"
                       "INSERT INTO tenant_shop.orders SELECT id FROM tenant_shop.customers;"
                       "ANALYZE tenant_shop.orders, tenant_shop.notes");
    STEPS_RUN(plans);
    pg_close(pg);
}
END_TEST

static const struct step viewers[] = {
    STEP("a viewer", POST, "/v1/tokens", "{'name':'v','scopes':['schema:read']}", 201, NULL,
         .keep = "token=/token"),
    STEP("may lint", POST, "/v1/lint", "{'sql':''}", 200, NULL, .token = "{token}"),
    STEP("another", POST, "/v1/tokens", "{'name':'w','scopes':['jobs:read']}", 201, NULL,
         .keep = "other=/token"),
    STEP("may not", POST, "/v1/lint", "{'sql':''}", 403, "PERMISSION_DENIED", .token = "{other}"),
};

START_TEST(a_scope_is_needed)
{
    STEPS_RUN(viewers);
}
END_TEST

/* What someone might send to keep us busy. */
START_TEST(much_and_deep)
{
    CLEANUP(steps_close) struct steps steps;
    CLEANUP(str_clear) struct str wide = STR_INIT, deep = STR_INIT;

    steps_open(&steps);
    str_add(&wide, "{\"sql\":\"CREATE TABLE a (x0 int");
    for (int i = 1; i < 1500; i++)
        str_addf(&wide, ",\\\"X%d\\\" int REFERENCES b", i);
    str_add(&wide, ");\"}");
    steps_run_one(&steps, &(struct step)STEP("a wide table", POST, "/v1/lint", str_text(&wide), 200,
                                             NULL, .raw = true,
                                             .json = {"/truncated == true", "/issues# == 1000"}));
    str_add(&deep, "{\"sql\":\"SELECT ");
    for (int i = 0; i < 10000; i++)
        str_add(&deep, "(");
    str_add(&deep, "1");
    for (int i = 0; i < 10000; i++)
        str_add(&deep, ")");
    str_add(&deep, ";\"}");
    steps_run_one(&steps, &(struct step)STEP("a deep expression", POST, "/v1/lint", str_text(&deep),
                                             200, NULL, .raw = true,
                                             .json = {"/issues/0/rule == 'syntax-error'"}));
}
END_TEST

int main(void)
{
    static const char *const settings[] = {
        "TENANTD_LINT_GATE=warn",
        "TENANTD_LINT_RULES={\"require-timestamps\":[\"error\",{\"columns\":[\"made_at\"]}],"
        "\"require-concurrent-index-creation\":[\"error\",{\"max_rows\":100}],"
        "\"prefer-bigint-over-int\":\"off\",\"prefer-identity\":\"off\"}",
        "TENANTD_LINT_CUSTOM={\"no-notes\":{\"sql\":\"SELECT t->>'name' AS object, t->>'name' ||"
        " ' has no text' AS message FROM jsonb_array_elements($1->'tables') t WHERE"
        " t->>'name' = 'notes' -- so\",\"description\":\"Notes have a text.\"},"
        "\"broken\":{\"sql\":\"SELECT 1\",\"level\":\"off\"},"
        "\"writes\":{\"sql\":\"SELECT 1 AS object, nextval('tenantd.applied_set_id_seq') AS message\",\"level\":\"off\"}}",
        NULL};
    Suite *suite = suite_create("api lint");
    TCase *tc = tcase_create("lint");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, rules_are_listed);
    tcase_add_test(tc, sql_is_linted);
    tcase_add_test(tc, schemas_and_catalogs_are_linted);
    tcase_add_test(tc, a_scope_is_needed);
    tcase_add_test(tc, much_and_deep);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, settings);
}
