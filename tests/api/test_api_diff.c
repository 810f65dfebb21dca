/* SPDX-License-Identifier: MIT */
/* Two schemas are compared, and what makes one the other is what a migration then does. */
#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define DIFF "/v1/schema/diff"
#define SQL .type = "application/sql"
#define SAME "'from':{'sql':''}"

static const struct step a_shop[] = {
    STEP("users", PUT, T "0001_users",
         "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL);", 201, NULL, SQL),
    STEP(
        "orders", PUT, T "0002_orders",
        "CREATE TYPE state AS ENUM ('new');\n"
        "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users, state state);"
        "ALTER TABLE users ADD name text; CREATE INDEX CONCURRENTLY users_email ON users (email);",
        201, NULL, SQL),
    STEP("a tenant", POST, "/v1/tenants", "{'id':'shop'}", 200, NULL, .headers = STEP_WAIT),
    STEP("and a twin", POST, "/v1/tenants", "{'id':'twin'}", 200, NULL, .headers = STEP_WAIT),
};

static const struct step equal[] = {
    STEP("twins", POST, DIFF, "{'from':{'tenant_id':'shop'},'to':{'tenant_id':'twin'}}", 200, NULL,
         .json = {"/equal == true", "/changes# == 0", "/migration_sql == ''", "/statements# == 0",
                  "/destructive == false"}),
    STEP("a tenant and its catalog", POST, DIFF,
         "{'from':{'tenant_id':'shop'},'to':{'catalog':'tenant'}}", 200, NULL,
         .json = {"/equal == true"}),
    STEP("a tenant and what it says it has", POST, DIFF,
         "{'from':{'tenant_id':'shop'},'to':{'tenant_id':'shop','expected':true}}", 200, NULL,
         .json = {"/equal == true"}),
    STEP("nothing and nothing", POST, DIFF, "{" SAME ",'to':{'sql':'-- no statement'}}", 200, NULL,
         .json = {"/equal == true"}),
    STEP("the shared schema and an empty catalog", POST, DIFF,
         "{'from':{'shared':true},'to':{'catalog':'shared'}}", 200, NULL,
         /* a grant on a schema itself is in no migration */
         .json = {"/migration_sql == ''"}),
};

static const struct step changes[] = {
    STEP("a release", POST, DIFF,
         "{'from':{'catalog':'tenant','version':'0001_users'},'to':{'catalog':'tenant'}}", 200,
         NULL,
         .json = {"/equal == false", "/changes# == 4", "/changes/0/kind == 'enum'",
                  "/changes/0/class == 'missing'", "/migration_sql ~ 'CREATE TABLE \\\"orders\\\"'",
                  "/migration_sql ~ 'ADD COLUMN \\\"name\\\" text'",
                  "/changes ~ 'tables/users/indexes/users_email'", "/destructive == false",
                  "/hazards ~ 'builds_index'", "/statements ~ 'SHARE'"}),
    STEP("and back", POST, DIFF,
         "{'from':{'tenant_id':'shop'},'to':{'catalog':'tenant','version':'0001_users'}}", 200,
         NULL,
         .json = {"/destructive == true", "/changes ~ 'extra'",
                  "/migration_sql ~ 'DROP TABLE \\\"orders\\\"'", "/hazards ~ 'data is lost'"}),
    STEP("SQL", POST, DIFF,
         "{'from':{'catalog':'tenant','version':'0001_users'},"
         "'to':{'sql':'CREATE TABLE users (id bigint PRIMARY KEY, mail varchar(50));'}}",
         200, NULL,
         .json = {"/changes# == 2", "/destructive == true", "/hazards ~ 'ACCESS EXCLUSIVE'"}),
    STEP("with a rename", POST, DIFF,
         "{'from':{'catalog':'tenant','version':'0001_users'},"
         "'to':{'sql':'CREATE TABLE users (id bigint PRIMARY KEY, mail varchar(50));'},"
         "'options':{'renames':{'users.email':'users.mail'}}}",
         200, NULL,
         .json = {"/destructive == false", "/migration_sql ~ 'RENAME COLUMN'",
                  "/migration_sql ~ 'DROP NOT NULL'", "/hazards ~ 'renames'",
                  "/hazards ~ 'may_fail'"}),
    STEP(
        "a table's", POST, DIFF,
        "{'from':{'sql':'CREATE TABLE a (x int PRIMARY KEY); CREATE TABLE b (x int REFERENCES a)'},"
        "'to':{'sql':'CREATE TABLE c (x int PRIMARY KEY, CONSTRAINT b_x CHECK (x > 0));"
        "CREATE TABLE b (x int CONSTRAINT b_x_fkey REFERENCES c)'},"
        "'options':{'renames':{'a':'c'},'safe':true}}",
        200, NULL,
        .json = {"/destructive == false", "/migration_sql ~ 'RENAME TO \\\"c\\\"'",
                 "/migration_sql ~ 'NOT VALID'", "/migration_sql ~ 'VALIDATE CONSTRAINT'"}),
    STEP("columns that would have to move", POST, DIFF,
         "{'from':{'sql':'CREATE TABLE a (x int, y int)'},'to':{'sql':'CREATE TABLE a (y int, x "
         "int)'}}",
         200, NULL,
         .json = {"/equal == false", "/changes/0/kind == 'column_order'", "/changes/0/sql == null",
                  "/migration_sql == ''"}),
    STEP("a model", GET, "/v1/tenants/shop/schema/export?format=json", NULL, 200, NULL,
         .json = {"/tables# == 2"}),
    STEP("by hand", POST, DIFF,
         "{" SAME ",'to':{'model':{'tables':[{'name':'t','columns':[{'name':'c','type':'integer',"
         "'base':'integer','nullable':false}]}]}}}",
         200, NULL, .json = {"/migration_sql ~ '\\\"c\\\" integer NOT NULL'"}),
};

static const struct step refused[] = {
    STEP("nothing", POST, DIFF, "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 2", "/errors/0/pointer == '/from'", "/errors/1/pointer == '/to'"}),
    STEP("no sides", POST, DIFF, "{'from':{},'to':{'tenant_id':'shop','sql':'','x':1}}", 422,
         "VALIDATION_FAILED",
         .json = {"/errors# == 3", "/errors/0/code == 'REQUIRED'", "/errors ~ '/to/x'",
                  "/errors ~ 'CONTRADICTION'"}),
    STEP("what does not go together", POST, DIFF,
         "{'from':{'tenant_id':'shop','version':'0001_users'},'to':{'shared':false}}", 422,
         "VALIDATION_FAILED", .json = {"/errors# == 2"}),
    STEP("expected of a catalog", POST, DIFF,
         "{'from':{'catalog':'tenant','expected':true},'to':{'catalog':'moon'}}", 422,
         "VALIDATION_FAILED", .json = {"/errors# == 2"}),
    STEP("no such tenant", POST, DIFF, "{'from':{'tenant_id':'none'},'to':{'sql':''}}", 404,
         "TENANT_NOT_FOUND"),
    STEP("no such version", POST, DIFF, "{" SAME ",'to':{'catalog':'tenant','version':'9'}}", 422,
         "UNKNOWN_TARGET", .json = {"/errors/0/pointer == '/to/version'"}),
    STEP("SQL that is none", POST, DIFF, "{" SAME ",'to':{'sql':'SELECT 1;\\n  CREATE TABEL x'}}",
         422, "SQL_SYNTAX_ERROR",
         .json = {"/metadata/line == 2", "/metadata/column == 10",
                  "/errors/0/pointer == '/to/sql'"}),
    STEP("SQL that may not be", POST, DIFF, "{" SAME ",'to':{'sql':'COMMIT'}}", 422,
         "STATEMENT_NOT_ALLOWED", .json = {"/metadata/line == 1"}),
    STEP("SQL that fails", POST, DIFF,
         "{'from':{'sql':'CREATE TABLE x ();\\n  CREATE TABLE x ()'},'to':{'sql':''}}", 422,
         "MIGRATION_FAILED",
         .json = {"/metadata/line == 2", "/metadata/column == 3", "/metadata/sqlstate == '42P07'",
                  "/errors/0/pointer == '/from/sql'"}),
    STEP("a model that is none", POST, DIFF,
         "{'from':{'model':{'tables':[{'name':'','columns':7}]}},'to':{'model':{'tabels':[]}}}",
         422, "VALIDATION_FAILED",
         .json = {"/errors# == 4", "/errors ~ '/from/model/tables/0/name'",
                  "/errors ~ '/from/model/tables/0/columns'", "/errors ~ '/to/model/tabels'"}),
    STEP("a definition that is two statements", POST, DIFF,
         "{" SAME ",'to':{'model':{'tables':[{'name':'t','columns':[],'checks':[{'name':'k',"
         "'definition':'CHECK (true)); DROP TABLE users; SELECT (1'}]}]}}}",
         422, "VALIDATION_FAILED", .json = {"/detail ~ 'more than one'"}),
    STEP("a definition that is no SQL", POST, DIFF,
         "{" SAME ",'to':{'model':{'tables':[{'name':'t','columns':[{'name':'c','type':'no type (',"
         "'base':'other'}]}]}}}",
         422, "VALIDATION_FAILED", .json = {"/detail ~ 'parser'"}),
    STEP("renames of nothing", POST, DIFF,
         "{'from':{'sql':'CREATE TABLE a (x int)'},'to':{'sql':'CREATE TABLE a (y int)'},"
         "'options':{'renames':{'a.z':'a.y'}}}",
         422, "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/options/renames/a.z'"}),
    STEP("renames to nothing", POST, DIFF,
         "{'from':{'sql':'CREATE TABLE a (x int)'},'to':{'sql':'CREATE TABLE a (y int)'},"
         "'options':{'renames':{'a.x':'a.z'},'fast':true}}",
         422, "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/options/fast'"}),
    STEP("renames to no names", POST, DIFF,
         "{" SAME ",'to':{'sql':''},'options':{'renames':{'a':7}}}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/options/renames/a'"}),
};

/* Its migrations may name the shared schema, which is there and in use. */
static const struct step shared[] = {
    STEP("plans", PUT, "/v1/catalogs/shared/migrations/0001_plans",
         "CREATE TYPE public.term AS ENUM ('month');\n"
         "CREATE TABLE public.plans (id int PRIMARY KEY, term term);",
         201, NULL, SQL),
    STEP("they are made", POST, "/v1/shared/migrate", "{}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("as the catalog says", POST, DIFF, "{'from':{'shared':true},'to':{'catalog':'shared'}}",
         200, NULL, .json = {"/migration_sql == ''"}),
    STEP("from nothing", POST, DIFF, "{" SAME ",'to':{'catalog':'shared'}}", 200, NULL,
         .json = {"/changes# == 2", "/migration_sql ~ 'CREATE TABLE \\\"plans\\\"'"}),
    STEP("nothing happened to it", GET, "/v1/shared/migrations", NULL, 200, NULL,
         .json = {"/applied == 1"}),
};

START_TEST(schemas_are_compared)
{
    STEPS_RUN(a_shop);
    STEPS_RUN(equal);
    STEPS_RUN(changes);
    STEPS_RUN(refused);
    STEPS_RUN(shared);
}
END_TEST

static const struct step drifted[] = {
    STEP("what is to do", POST, DIFF,
         "{'from':{'tenant_id':'twin'},'to':{'tenant_id':'twin','expected':true}}", 200, NULL,
         .json = {"/changes# == 2", "/changes ~ 'tables/users/columns/extra'",
                  "/changes ~ 'tables/users/indexes/users_email'"}),
};

START_TEST(nothing_is_left_behind)
{
    struct pg *pg = pg_fixture_connect();

    pg_fixture_sql(pg, "ALTER TABLE tenant_twin.users ADD extra int;"
                       "DROP INDEX tenant_twin.users_email");
    STEPS_RUN(drifted);
    CLEANUP(freep)
    char *left = pg_fixture_value(pg, "SELECT count(*) AS v FROM pg_namespace"
                                      " WHERE nspname LIKE 'tenantd_scratch%'");
    ck_assert_str_eq(left, "0");
    pg_close(pg);
}
END_TEST

static const struct step scopes[] = {
    STEP("a reader", POST, "/v1/tokens", "{'name':'reader','scopes':['schema:read']}", 201, NULL,
         .keep = "reader=/token"),
    STEP("one who does not read", POST, "/v1/tokens", "{'name':'other','scopes':['catalog:write']}",
         201, NULL, .keep = "other=/token"),
    STEP("reads tenants", POST, DIFF, "{'from':{'tenant_id':'shop'},'to':{'catalog':'tenant'}}",
         200, NULL, .token = "{reader}"),
    STEP("runs nothing", POST, DIFF, "{'from':{'tenant_id':'shop'},'to':{'sql':'SELECT 1'}}", 403,
         "PERMISSION_DENIED", .token = "{reader}"),
    STEP("sees nothing", POST, DIFF, "{'from':{'tenant_id':'shop'},'to':{'catalog':'tenant'}}", 403,
         "PERMISSION_DENIED", .token = "{other}"),
};

START_TEST(scopes_are_needed)
{
    STEPS_RUN(scopes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api diff");
    TCase *tc = tcase_create("diff");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, schemas_are_compared);
    tcase_add_test(tc, nothing_is_left_behind);
    tcase_add_test(tc, scopes_are_needed);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
