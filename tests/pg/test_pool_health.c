/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <string.h>

#include "tests/pg/pool_setup.h"

#define APP "pool_health"

static struct pg *admin;
static struct budget_set *budgets;
static struct pool_options options;
static struct pool_tenant a, b, c;

static void set_up(void)
{
    admin = pg_fixture_connect();
    budgets = setup_budgets(20);
    options = setup_options(budgets, APP);
    setup_schema(admin, "common");
    setup_schema(admin, "a");
    setup_schema(admin, "b");
    setup_schema(admin, "c");
    a = setup_tenant("a", "a");
    b = setup_tenant("b", "b");
    c = setup_tenant("c", "c");
}

static void tear_down(void)
{
    UNTIL(setup_sessions(admin, APP) == 0);
    budget_set_free(budgets);
    pg_close(admin);
}

static struct pool_health check(struct pool_manager *m, const struct pool_health_query *query)
{
    struct pool_health health;
    struct err err;
    if (pool_health(m, query, &health, &err))
        ck_abort_msg("%s", err.msg);
    return health;
}

static const struct pool_health_row *row_of(const struct pool_health *health, const char *id)
{
    for (size_t i = 0; i < health->total_pools; i++)
        if (str_eq(health->pools[i].tenant_id, id))
            return &health->pools[i];
    ck_abort_msg("no row for %s", id);
}

static const struct pool_health_query everything = {
    .ping = true, .include_shared = true, .ping_timeout_ms = POOL_PING_TIMEOUT_MS};

START_TEST(what_works_is_healthy)
{
    struct pool_manager *m = setup_manager(&options);

    struct pool_health health = check(m, &everything);
    ck_assert(health.healthy);
    ck_assert_uint_eq(health.total_pools, 0);
    ck_assert_int_eq(health.shared.status, POOL_OK);
    pool_health_clear(&health);
    int pid = setup_use(m, &a);
    (void)setup_use(m, &b);
    health = check(m, &everything);
    ck_assert(health.healthy);
    ck_assert_uint_eq(health.total_pools, 2);
    ck_assert_int_eq(row_of(&health, "a")->status, POOL_OK);
    ck_assert_int_ge(row_of(&health, "a")->response_time_ms, 0);
    ck_assert_int_eq(row_of(&health, "b")->connections.idle, 1);
    ck_assert_int_gt(health.timestamp, 0);
    pool_health_clear(&health);
    ck_assert_int_eq(setup_use(m, &a), pid); /* the ping left the connection as it was */
    pool_manager_free(m);
}
END_TEST

START_TEST(only_what_was_asked_for_is_checked)
{
    struct pool_manager *m = setup_manager(&options);
    const char *ids[] = {"b", "unknown"};
    const struct pool_health_query some = {.tenant_ids = ids, .tenant_count = 2};

    (void)setup_use(m, &a);
    (void)setup_use(m, &b);
    struct pool_health health = check(m, &some);
    ck_assert_uint_eq(health.total_pools, 1);
    ck_assert_str_eq(health.pools[0].tenant_id, "b");
    ck_assert_int_eq(health.pools[0].response_time_ms, -1); /* no ping */
    ck_assert_int_eq(health.pools[0].status, POOL_OK);
    ck_assert_int_eq(health.shared.status, POOL_UNCHECKED);
    ck_assert(health.healthy);
    pool_health_clear(&health);
    pool_manager_free(m);
}
END_TEST

START_TEST(a_check_is_no_access)
{
    options.max_pools = 2;
    struct pool_manager *m = setup_manager(&options);
    const char *ids[] = {"a"};
    const struct pool_health_query one = {
        .tenant_ids = ids, .tenant_count = 1, .ping = true, .ping_timeout_ms = 5000};

    (void)setup_use(m, &a);
    (void)setup_use(m, &b);
    struct pool_health health = check(m, &one);
    pool_health_clear(&health);
    (void)setup_use(m, &c);
    ck_assert(!pool_has(m, "a") && pool_has(m, "b")); /* a is still the least recently used */
    pool_manager_free(m);
}
END_TEST

START_TEST(one_hanging_tenant_is_told_from_the_others)
{
    struct pool_manager *m = setup_manager(&options);
    const struct pool_health_query quick = {.ping = true, .ping_timeout_ms = 300};

    (void)setup_use(m, &a);
    int hanging = setup_use(m, &b);
    (void)setup_use(m, &c);
    if (kill(hanging, SIGSTOP)) { /* somebody else's server */
        pool_manager_free(m);
        return;
    }
    struct pool_health health = check(m, &quick);
    (void)kill(hanging, SIGCONT);
    ck_assert(!health.healthy);
    ck_assert_uint_eq(health.unhealthy_pools, 1);
    ck_assert_int_eq(row_of(&health, "b")->status, POOL_UNHEALTHY);
    ck_assert_int_eq(row_of(&health, "b")->response_time_ms, -1);
    ck_assert_str_ne(row_of(&health, "b")->error, "");
    ck_assert_int_eq(row_of(&health, "a")->status, POOL_OK);
    ck_assert_int_eq(row_of(&health, "c")->status, POOL_OK);
    ck_assert_int_lt(health.duration_ms, 10000); /* the time and the grace to heed a cancel */
    pool_health_clear(&health);
    ck_assert_int_ne(setup_use(m, &b), hanging);
    pool_manager_free(m);
}
END_TEST

START_TEST(a_broken_tenant_is_unhealthy)
{
    struct pool_manager *m = setup_manager(&options);

    (void)setup_use(m, &a);
    (void)setup_use(m, &b);
    pg_fixture_sql(admin, "DROP SCHEMA b CASCADE");
    struct pool_health health = check(m, &everything);
    ck_assert(!health.healthy);
    ck_assert_uint_eq(health.unhealthy_pools, 1);
    ck_assert_ptr_nonnull(strstr(row_of(&health, "b")->error, "schema \"b\""));
    ck_assert_int_eq(row_of(&health, "a")->status, POOL_OK);
    pool_health_clear(&health);
    pool_manager_free(m);
}
END_TEST

START_TEST(a_pool_without_a_free_connection_is_degraded)
{
    options.pool_max = 1;
    struct pool_manager *m = setup_manager(&options);
    const struct pool_health_query quick = {.ping = true, .ping_timeout_ms = 100};
    struct pool_lease lease;

    setup_acquire(m, &a, &lease);
    struct pool_health health = check(m, &quick);
    ck_assert(health.healthy);
    ck_assert_uint_eq(health.degraded_pools, 1);
    ck_assert_int_eq(health.pools[0].status, POOL_DEGRADED);
    ck_assert_str_ne(health.pools[0].error, "");
    pool_health_clear(&health);
    setup_release(m, &lease);
    pool_manager_free(m);
}
END_TEST

START_TEST(a_shared_schema_that_is_gone_is_unhealthy)
{
    options.shared.schema = "nowhere";
    struct pool_manager *m = setup_manager(&options);

    struct pool_health health = check(m, &everything);
    ck_assert(!health.healthy);
    ck_assert_int_eq(health.shared.status, POOL_UNHEALTHY);
    ck_assert_str_ne(health.shared.error, "");
    ck_assert_uint_eq(health.unhealthy_pools, 0);
    pool_health_clear(&health);
    pool_manager_free(m);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    Suite *suite = suite_create("pool_health");
    TCase *tc = tcase_create("pool_health");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, what_works_is_healthy);
    tcase_add_test(tc, only_what_was_asked_for_is_checked);
    tcase_add_test(tc, a_check_is_no_access);
    tcase_add_test(tc, one_hanging_tenant_is_told_from_the_others);
    tcase_add_test(tc, a_broken_tenant_is_unhealthy);
    tcase_add_test(tc, a_pool_without_a_free_connection_is_degraded);
    tcase_add_test(tc, a_shared_schema_that_is_gone_is_unhealthy);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
