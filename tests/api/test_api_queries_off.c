/* SPDX-License-Identifier: MIT */
/* Queries that are switched off: nothing is made for them, and the answer says which setting it is.
 */
#include "tests/support/daemon.h"
#include "tests/support/step.h"

#define ONE "{'sql':'SELECT 1'}"
#define OFF .json = {"/detail ~ 'query.role_mode'", "/retryable == false"}

static const struct step off[] = {
    STEP("a tenant", POST, "/v1/tenants", "{'id':'one'}", 200, NULL, .headers = STEP_WAIT),
    STEP("its query", POST, "/v1/tenants/one/query", ONE, 409, "QUERY_UNAVAILABLE", OFF),
    STEP("writing", POST, "/v1/tenants/one/query", "{'sql':'DELETE FROM a','write':true}", 409,
         "QUERY_UNAVAILABLE", OFF),
    STEP("the shared one", POST, "/v1/shared/query", ONE, 409, "QUERY_UNAVAILABLE", OFF),
    STEP("of all", POST, "/v1/queries", "{'sql':'SELECT 1','selector':{'all':true}}", 409,
         "QUERY_UNAVAILABLE", OFF),
    STEP("what would be run is told", POST, "/v1/tenants/one/query?dry_run=true", ONE, 200, NULL),
    STEP("its purge", DELETE, "/v1/tenants/one?mode=purge&force=true", NULL, 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

START_TEST(queries_are_off)
{
    STEPS_RUN(off);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("queries_off");
    TCase *tc = tcase_create("queries_off");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, queries_are_off);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, (const char *const[]){"TENANTD_QUERY_ROLE_MODE=off", NULL});
}
