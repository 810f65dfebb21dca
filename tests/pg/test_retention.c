/* SPDX-License-Identifier: MIT */
#include "core/job/retention.h"
#include "tests/pg/job_support.h"

static void archived(struct pg *pg, int n, const char *when)
{
    tell(pg,
         "INSERT INTO tenantd.tenant (id, server, schema_name, state, purge_at)"
         " SELECT 'r' || g, 'default', 's' || g, 'archived', now() + interval '%s'"
         " FROM generate_series(1, %d) g",
         when, n);
}

START_TEST(what_is_not_due_stays)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    int tenants = -1;

    archived(pg, 3, "1 minute");
    OK(retention_purge(pg, &tenants, NULL));
    ck_assert_int_eq(tenants, 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.job"), 0);
}
END_TEST

START_TEST(what_is_due_is_purged_once)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    int first = 0, second = 0, third = -1;

    archived(pg, RETENTION_BATCH + 5, "-1 minute");
    OK(retention_purge(pg, &first, NULL));
    OK(retention_purge(pg, &second, NULL));
    OK(retention_purge(pg, &third, NULL));
    ck_assert_int_eq(first, RETENTION_BATCH);
    ck_assert_int_eq(second, 5);
    ck_assert_int_eq(third, 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant WHERE state = 'deleting'"),
                     RETENTION_BATCH + 5);
    ck_assert_int_eq(ask(pg, "SELECT count(DISTINCT k.tenant_id) AS v FROM tenantd.task k"
                             " JOIN tenantd.job j ON j.id = k.job_id WHERE j.kind = 'tenant.purge'"
                             "  AND k.args ->> 'schema' = 's' || substr(k.tenant_id, 2)"),
                     RETENTION_BATCH + 5);
}
END_TEST

START_TEST(a_busy_tenant_is_left_for_later)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    int tenants = -1;

    archived(pg, 2, "-1 minute");
    job_make(pg, SPEC(.max_parallel = 1), 1, "r", 0, id); /* a live task of r1 */
    OK(retention_purge(pg, &tenants, NULL));
    ck_assert_int_eq(tenants, 1);
    ck_assert_int_eq(
        ask(pg, "SELECT count(*) AS v FROM tenantd.tenant WHERE id = 'r1' AND state = 'archived'"),
        1);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("retention");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_is_not_due_stays);
    tcase_add_test(tc, what_is_due_is_purged_once);
    tcase_add_test(tc, a_busy_tenant_is_left_for_later);
    Suite *suite = suite_create("retention");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
