/* SPDX-License-Identifier: MIT */
/* What new tenants begin with instead of the history. */
#include "tests/support/daemon.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant"
#define S "/v1/catalogs/shared"

static const struct step baseline[] = {
    STEP("nothing to squash", GET, T "/baseline", NULL, 200, NULL,
         .json = {"/state == 'replay'", "/reason ~ 'too few'", "/version == null",
                  "/sql == absent"}),
    STEP("of no catalog", GET, "/v1/catalogs/none/baseline", NULL, 404, "CATALOG_NOT_FOUND"),
    STEP("of the shared one", GET, S "/baseline", NULL, 404, "CATALOG_NOT_FOUND"),
    STEP("sql is yes or no", GET, T "/baseline?sql=perhaps", NULL, 400, "INVALID_PARAMETER"),
    STEP("one", PUT, T "/migrations/0001_a", "CREATE TABLE a (id int, old int);", 201, NULL,
         .type = "application/sql"),
    STEP("two", PUT, T "/migrations/0002_b", "ALTER TABLE a DROP old, ADD note text;", 201, NULL,
         .type = "application/sql"),
    STEP("not yet", GET, T "/baseline", NULL, 200, NULL, .json = {"/state == 'unknown'"}),
    STEP("on no server", POST, T "/baseline?server=nowhere", NULL, 404, "SERVER_NOT_FOUND"),
    STEP("with what it does not take", POST, T "/baseline", "{'sql':true}", 422,
         "VALIDATION_FAILED"),
    STEP("now", POST, T "/baseline?sql=true", NULL, 200, NULL,
         .json = {"/state == 'ready'", "/version == '0002_b'", "/migrations == 2",
                  "/statements == 1", "/sql ~ 'CREATE TABLE'", "/reason == null"}),
    STEP("it is known", GET, T "/baseline", NULL, 200, NULL, .json = {"/state == 'ready'"}),
    STEP("a tenant of it", POST, "/v1/tenants", "{'id':'squashed'}", 200, NULL,
         .headers = STEP_WAIT),
    STEP("has the whole history", GET, "/v1/tenants/squashed/migrations", NULL, 200, NULL,
         .json = {"/applied == 2", "/pending == 0", "/status == 'ok'"}),
    STEP("and the tables", GET, "/v1/tenants/squashed/schema/export?format=json", NULL, 200, NULL,
         .json = {"/tables# == 1", "/tables/0/columns/1/name == 'note'"}),
    STEP("rows", PUT, T "/migrations/0003_c", "INSERT INTO a VALUES (1);", 201, NULL,
         .type = "application/sql"),
    STEP("cannot be squashed", POST, T "/baseline", NULL, 200, NULL,
         .json = {"/state == 'replay'", "/reason ~ 'puts rows into a'"}),
};

START_TEST(new_tenants_begin_with_it)
{
    STEPS_RUN(baseline);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api baseline");
    TCase *tc = tcase_create("baseline");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, new_tenants_begin_with_it);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
