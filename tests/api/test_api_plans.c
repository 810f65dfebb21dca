/* SPDX-License-Identifier: MIT */
/* The way back and the way planned: down scripts, runs that go down, plans, rollbacks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define S "/v1/catalogs/shared/migrations/"
#define RUNS "/v1/migration-runs"
#define PLANS "/v1/migration-plans"
#define SQL .type = "application/sql"

static const struct step down_scripts[] = {
    STEP("a migration", PUT, S "0001_a", "CREATE TABLE sa (id int);", 201, NULL, SQL,
         .keep = "sha=/sha256", .json = {"/down == null"}),
    STEP("no way back", GET, S "0001_a/down", NULL, 404, "MIGRATION_NOT_FOUND"),
    STEP("to be forgotten", DELETE, S "0001_a/down", NULL, 404, "MIGRATION_NOT_FOUND"),
    STEP("of no migration", PUT, S "0009_x/down", "DROP TABLE x;", 404, "MIGRATION_NOT_FOUND", SQL),
    STEP("of no catalog", PUT, "/v1/catalogs/none/migrations/0001_a/down", "DROP TABLE x;", 404,
         "CATALOG_NOT_FOUND", SQL),
    STEP("the catalog", GET, "/v1/catalogs/shared", NULL, 200, NULL, .keep = "r=/revision"),
    STEP("nothing", PUT, S "0001_a/down", "", 422, "DOWN_MISMATCH", SQL),
    STEP("only words", PUT, S "0001_a/down", "-- later\n", 422, "DOWN_MISMATCH", SQL),
    STEP("no SQL", PUT, S "0001_a/down", "SELECT 1;\n DORP TABLE sa;", 422, "SQL_SYNTAX_ERROR", SQL,
         .json = {"/metadata/line == 2", "/metadata/column == 2"}),
    STEP("no statement for it", PUT, S "0001_a/down", "COMMIT;", 422, "STATEMENT_NOT_ALLOWED", SQL),
    STEP("not SQL's type", PUT, S "0001_a/down", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    STEP("the wrong digest", PUT, S "0001_a/down", "SELECT 2;", 422, "DIGEST_MISMATCH", SQL,
         .headers = "Repr-Digest: sha-256=:F9tP02ntuSRLn5HZru0UXD0ErYum6V0GJH8HpjUn0Ro=:\r\n"),
    STEP("nothing has changed", GET, "/v1/catalogs/shared", NULL, 200, NULL,
         .json = {"/revision == {r}"}),
    STEP("the way back", PUT, S "0001_a/down", "DROP TABLE sa; SELECT 1;", 201, NULL, SQL,
         .keep = "down=/sha256", .json = {"/statements == 2", "/in_file == false"}),
    STEP("again", PUT, S "0001_a/down", "DROP TABLE sa; SELECT 1;", 200, NULL, SQL,
         .json = {"/sha256 == '{down}'"}),
    STEP("a new revision", GET, "/v1/catalogs/shared", NULL, 200, NULL,
         .json = {"/revision != {r}"}),
    STEP("get", GET, S "0001_a/down", NULL, 200, NULL,
         .json = {"/sql == 'DROP TABLE sa; SELECT 1;'", "@ETag ~ '{down}'"}),
    STEP("get, unchanged", GET, S "0001_a/down", NULL, 304, NULL,
         .headers = "If-None-Match: \"{down}\"\r\n"),
    STEP("get as SQL", GET, S "0001_a/down", NULL, 200, NULL,
         .headers = "Accept: application/sql\r\n", .json = {"body == 'DROP TABLE sa; SELECT 1;'"}),
    STEP("another way", PUT, S "0001_a/down", "DROP TABLE sa;", 201, NULL, SQL),
    STEP("the migration is the same", GET, S "0001_a", NULL, 200, NULL,
         .json = {"/sha256 == '{sha}'", "/down/statements == 1", "/sql ~ 'CREATE'"}),
    STEP("without it again", PUT, S "0001_a", "CREATE TABLE sa (id int);", 200, NULL, SQL,
         .json = {"/down/statements == 1"}),
    STEP("forgotten", DELETE, S "0001_a/down", NULL, 204, NULL),
    STEP("there is none", GET, S "0001_a", NULL, 200, NULL, .json = {"/down == null"}),
};

static const struct step sections[] = {
    STEP("a section", PUT, S "0002_b",
         "CREATE TABLE sb (id int);\n-- migrate:down\nDROP TABLE sb;\n", 201, NULL, SQL,
         .json = {"/statements == 1", "/down/statements == 1", "/down/in_file == true"}),
    STEP("as it stands there", GET, S "0002_b/down", NULL, 200, NULL,
         .json = {"/sql == 'DROP TABLE sb;\\n'"}),
    STEP("cannot be replaced", PUT, S "0002_b/down", "SELECT 1;", 409, "MIGRATION_IMMUTABLE", SQL),
    STEP("nor forgotten", DELETE, S "0002_b/down", NULL, 409, "MIGRATION_IMMUTABLE"),
    STEP("a section too many", PUT, S "0003_c",
         "SELECT 1;\n-- migrate:down\nSELECT 2;\n-- migrate:up\nSELECT 3;", 422, "SQL_SYNTAX_ERROR",
         SQL, .json = {"/metadata/line == 4"}),
    STEP("a section that is wrong", PUT, S "0003_c", "SELECT 1;\n-- migrate:down\n VACUUM;", 422,
         "STATEMENT_NOT_ALLOWED", SQL, .json = {"/metadata/line == 3", "/metadata/column == 2"}),
};

static const struct step bundles[] = {
    STEP("both ways", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0004_d.up.sql','content':'CREATE TABLE sd (id int);'},"
         "{'path':'0004_d.down.sql','content':'DROP TABLE sd;'},"
         "{'path':'0005_e.sql','content':'SELECT 5;'},{'path':'0005_e.down.sql','content':''}]}",
         201, NULL, .json = {"/added == ['0004_d','0005_e']", "/downs == 1"}),
    STEP("again", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0004_d.sql','content':'CREATE TABLE sd (id int);'},"
         "{'path':'0004_d.down.sql','content':'DROP TABLE sd;'}]}",
         200, NULL, .keep = "r=/revision", .json = {"/unchanged == 1", "/downs == 0"}),
    STEP("another way back", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0004_d.sql','content':'CREATE TABLE sd (id int);'},"
         "{'path':'0004_d.down.sql','content':'DROP TABLE IF EXISTS sd;'}]}",
         200, NULL, .json = {"/unchanged == 1", "/downs == 1", "/revision != {r}"}),
    STEP("it is that", GET, S "0004_d/down", NULL, 200, NULL, .json = {"/sql ~ 'IF EXISTS'"}),
    STEP("of nothing", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0006_f.down.sql','content':'SELECT 1;'}]}", 422, "DOWN_MISMATCH"),
    STEP("refused", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0006_f.sql','content':''},{'path':'0006_f.down.sql',"
         "'content':'SELECT 1;\\nCOMMIT;'}]}",
         422, "STATEMENT_NOT_ALLOWED", .json = {"/metadata/line == 2"}),
};

START_TEST(down_scripts_are_registered)
{
    STEPS_RUN(down_scripts);
    STEPS_RUN(sections);
    STEPS_RUN(bundles);
}
END_TEST

#define DOWN(table) "CREATE TABLE " table " (id int);\n-- migrate:down\nDROP TABLE " table ";\n"

static const struct step fleet[] = {
    STEP("a", PUT, T "0001_a", DOWN("ta"), 201, NULL, SQL),
    STEP("b", PUT, T "0002_b", "CREATE TABLE tb (id int);", 201, NULL, SQL),
    STEP("three tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'p1'},{'id':'p2'},{'id':'p3'}]}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 3"}),
    STEP("c", PUT, T "0003_c", DOWN("tc"), 201, NULL, SQL),
    STEP("d", PUT, T "0004_d", "CREATE TABLE td (id int);", 201, NULL, SQL),
    STEP("its way back", PUT, T "0004_d/down", "SELECT 1;\nDROP TABLE td;", 201, NULL, SQL),
    STEP("all of them", POST, RUNS, "{'selector':{'all':true}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 3"}),
};

static const struct step going_down[] = {
    STEP("an older target alone does nothing", POST, RUNS,
         "{'selector':{'all':true},'target':'0002_b'}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/skipped == 3", "/progress/succeeded == 0"}),
    STEP("no target", POST, RUNS, "{'selector':{'all':true},'direction':'down'}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/target'"}),
    STEP("no such target", POST, RUNS,
         "{'selector':{'all':true},'direction':'down','target':'0009_x'}", 422, "UNKNOWN_TARGET"),
    STEP("none is for down", POST, RUNS, "{'selector':{'all':true},'target':'none'}", 422,
         "UNKNOWN_TARGET"),
    STEP("sideways", POST, RUNS, "{'selector':{'all':true},'direction':'left'}", 422,
         "VALIDATION_FAILED"),
    STEP("the shared schema does not follow", POST, RUNS,
         "{'selector':{'all':true},'direction':'down','target':'0002_b','include_shared':true}",
         422, "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/include_shared'"}),
    STEP("a look at it", POST, RUNS "?dry_run=true",
         "{'selector':{'all':true},'direction':'down','target':'0003_c'}", 200, NULL,
         .json = {"/cohorts# == 1", "/cohorts/0/pending == ['0004_d']",
                  "/cohorts/0/problem == null", "/cohorts/0/sql ~ 'DROP TABLE td'",
                  "/cohorts/0/sql ~ 'DELETE FROM'", "/target == '0003_c'"}),
    STEP("one of them has no way back", POST, RUNS "?dry_run=true",
         "{'selector':{'all':true},'direction':'down','target':'none'}", 200, NULL,
         .json = {"/cohorts/0/problem/code == 'NO_DOWN_MIGRATION'", "/cohorts/0/sql == ''"}),
    STEP("one tenant, one step", POST, "/v1/tenants/p1/migrate",
         "{'direction':'down','target':'0003_c'}", 200, NULL, .headers = STEP_WAIT,
         .keep = "one=/id", .json = {"/state == 'succeeded'", "/args/direction == 'down'"}),
    STEP("its task says so", GET, RUNS "/{one}/tasks", NULL, 200, NULL,
         .json = {"/tasks/0/outcome/reverted == 1", "/tasks/0/outcome/applied == absent"}),
    STEP("it stands there", GET, "/v1/tenants/p1", NULL, 200, NULL,
         .json = {"/migration/head == '0003_c'", "/migration/pending == 1"}),
    STEP("the fleet", POST, RUNS, "{'selector':{'all':true},'direction':'down','target':'0002_b'}",
         200, NULL, .headers = STEP_WAIT, .json = {"/progress/succeeded == 3"}),
    STEP("again", POST, RUNS, "{'selector':{'all':true},'direction':'down','target':'0002_b'}", 200,
         NULL, .headers = STEP_WAIT, .json = {"/progress/skipped == 3", "/state == 'succeeded'"}),
    STEP("further is refused, tenant by tenant", POST, RUNS,
         "{'selector':{'all':true},'direction':'down','target':'0001_a'}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/failures/0/outcome/code == 'NO_DOWN_MIGRATION'",
                  "/failures/0/outcome/message ~ '0002_b'"}),
    STEP("nothing has happened to them", GET, "/v1/migration-status", NULL, 200, NULL,
         .json = {"/cohorts# == 1", "/cohorts/0/head == '0002_b'"}),
    STEP("up again", POST, RUNS, "{'selector':{'all':true}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 3"}),
};

START_TEST(runs_go_down_when_told_to)
{
    STEPS_RUN(fleet);
    STEPS_RUN(going_down);
}
END_TEST

static const struct step failing_down[] = {
    STEP("a way back that fails", PUT, T "0004_d/down", "SELECT 1;\n DROP TABLE td, nothing;", 201,
         NULL, SQL),
    STEP("run", POST, RUNS, "{'selector':{'ids':['p1']},'direction':'down','target':'0003_c'}", 200,
         NULL, .headers = STEP_WAIT, .keep = "run=/id",
         .json = {"/failures/0/outcome/version == '0004_d'", "/failures/0/outcome/statement == 2",
                  "/failures/0/outcome/line == 2", "/failures/0/outcome/sqlstate == '42P01'"}),
    STEP("repaired", PUT, T "0004_d/down", "SELECT 1;\nDROP TABLE td;", 201, NULL, SQL),
    STEP("retried", POST, RUNS "/{run}/retry", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 1", "/args/direction == 'down'"}),
    STEP("up again", POST, RUNS, "{'selector':{'all':true}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("the shared schema, up", POST, "/v1/shared/migrate", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("and down", POST, "/v1/shared/migrate", "{'direction':'down','target':'0002_b'}", 422,
         "UNKNOWN_TARGET"),
};

START_TEST(a_way_back_that_fails)
{
    STEPS_RUN(failing_down);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api plans");
    TCase *tc = tcase_create("plans");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, runs_go_down_when_told_to);
    tcase_add_test(tc, a_way_back_that_fails);
    tcase_add_test(tc, down_scripts_are_registered);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
