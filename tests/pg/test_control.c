/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/control/control.h"
#include "tests/support/pg_fixture.h"

static void *migrate_once(void *arg)
{
    err_code *rc = arg;
    struct pg *pg = pg_fixture_connect();
    *rc = control_migrate(pg, NULL, NULL);
    pg_close(pg);
    return NULL;
}

START_TEST(replicas_that_start_together_migrate_once)
{
    enum { REPLICAS = 6 };
    pthread_t threads[REPLICAS];
    err_code results[REPLICAS];

    for (int i = 0; i < REPLICAS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, migrate_once, &results[i]), 0);
    for (int i = 0; i < REPLICAS; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert_int_eq(results[i], ERR_NONE);
    }
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    int version = 0;
    ck_assert_int_eq(control_migrate(pg, &version, NULL), ERR_NONE);
    ck_assert_int_eq(version, control_wanted_version());
    char *servers = pg_fixture_value(pg, "SELECT count(*) AS v FROM tenantd.server");
    ck_assert_str_eq(servers, "1");
    free(servers);
}
END_TEST

START_TEST(a_newer_schema_is_refused)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct err err;

    ck_assert_int_eq(control_migrate(pg, NULL, &err), ERR_NONE);
    pg_fixture_sql(pg, "INSERT INTO tenantd.control_version VALUES (9999)");
    ck_assert_int_eq(control_migrate(pg, NULL, &err), ERR_INVALID_STATE);
    pg_fixture_sql(pg, "DELETE FROM tenantd.control_version WHERE version = 9999");
}
END_TEST

START_TEST(a_secret_is_made_once)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    unsigned char *first = NULL, *again = NULL;
    size_t n = 0, m = 0;

    ck_assert_int_eq(control_migrate(pg, NULL, NULL), ERR_NONE);
    ck_assert_int_eq(control_secret(pg, "test", &first, &n, NULL), ERR_NONE);
    ck_assert_int_eq(control_secret(pg, "test", &again, &m, NULL), ERR_NONE);
    ck_assert(n == 32 && m == 32 && memcmp(first, again, n) == 0);
    free(first);
    free(again);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("control");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, replicas_that_start_together_migrate_once);
    tcase_add_test(tc, a_newer_schema_is_refused);
    tcase_add_test(tc, a_secret_is_made_once);
    Suite *suite = suite_create("control");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
