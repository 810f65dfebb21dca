/* SPDX-License-Identifier: MIT */
/* A gate that refuses migrations with lint errors. */
#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define SQL .type = "application/sql"
#define BUNDLE "/v1/catalogs/tenant/bundles"

static const struct step gate[] = {
    STEP("a table without a key", PUT, T "0001_a", "CREATE TABLE a (x text);", 422, "LINT_FAILED",
         SQL,
         .json = {"/errors# == 1", "/errors/0/pointer == ''", "/errors/0/code == 'LINT_FAILED'",
                  "/errors/0/detail ~ '0001_a, line 1, column 14'",
                  "/errors/0/detail ~ 'require-primary-key'", "/metadata/lint/errors == 1",
                  "/metadata/lint/issues/0/rule == 'require-primary-key'"}),
    STEP("is not registered", GET, T "0001_a", NULL, 404, "MIGRATION_NOT_FOUND"),
    STEP("a bundle, all or nothing", POST, BUNDLE,
         "{'files':[{'path':'0001_a.sql','content':'CREATE TABLE a (x text PRIMARY KEY);'},"
         "{'path':'0002_b.sql','content':'DROP TABLE z;\\nDROP TABLE y;'}]}",
         422, "LINT_FAILED",
         .json = {"/errors# == 2", "/errors/0/pointer == '/files/1/content'",
                  "/errors/1/detail ~ 'line 2, column 1'"}),
    STEP("in a folder", POST, BUNDLE,
         "{'files':[{'path':'20240101000000_a/migration.sql','content':'CREATE TABLE a (x "
         "text);'}]}",
         422, "LINT_FAILED", .json = {"/errors/0/pointer == '/files/0/content'"}),
    STEP("nothing of it is registered", GET, "/v1/catalogs/tenant", NULL, 200, NULL,
         .json = {"/migrations == 0"}),
    STEP("a syntax error stays one", PUT, T "0001_a", "CREATE TABEL a;", 422, "SQL_SYNTAX_ERROR",
         SQL),
    STEP("a whole history, whose tables are new", POST, BUNDLE,
         "{'files':[{'path':'0001_a.sql','content':'CREATE TABLE a (x text);'},"
         "{'path':'0002_b.sql','content':'ALTER TABLE a ADD PRIMARY KEY (x); CREATE INDEX i ON a "
         "(x); ALTER TABLE a ADD y text; ALTER TABLE a DROP y;'}]}",
         201, NULL, .json = {"/lint/success == true"}),
    STEP("again", POST, BUNDLE,
         "{'files':[{'path':'0001_a.sql','content':'CREATE TABLE a (x text);'},"
         "{'path':'0002_b.sql','content':'ALTER TABLE a ADD PRIMARY KEY (x); CREATE INDEX i ON a "
         "(x); ALTER TABLE a ADD y text; ALTER TABLE a DROP y;'}]}",
         200, NULL, .json = {"/unchanged == 2"}),
    STEP("what is there is filled now", PUT, T "0003_c", "CREATE INDEX j ON a (x);", 422,
         "LINT_FAILED", SQL),
    STEP("warnings pass", PUT, T "0003_c", "CREATE TABLE b (x varchar(9) PRIMARY KEY);", 201, NULL,
         SQL, .json = {"/lint/warnings == 1", "/lint/issues/0/rule == 'prefer-text-field'"}),
    STEP("so does what is meant", PUT, T "0004_d",
         "-- lint-ignore ban-drop-table: nobody uses it\nDROP TABLE b;", 201, NULL, SQL,
         .json = {"/lint/issues# == 0"}),
    STEP("the shared catalog has one too", PUT, "/v1/catalogs/shared/migrations/0001_a",
         "CREATE TABLE plans (x text);", 422, "LINT_FAILED", SQL),
    STEP("lint itself refuses nothing", POST, "/v1/lint", "{'sql':'DROP TABLE a;'}", 200, NULL,
         .json = {"/success == false"}),
};

START_TEST(a_gate_that_refuses)
{
    STEPS_RUN(gate);
}
END_TEST

int main(void)
{
    static const char *const settings[] = {"TENANTD_LINT_GATE=error", NULL};
    Suite *suite = suite_create("api lint gate");
    TCase *tc = tcase_create("gate");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_gate_that_refuses);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, settings);
}
