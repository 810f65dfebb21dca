/* SPDX-License-Identifier: MIT */
/* How pools come and go, and what the events tell of it. */
#include <string.h>

#include "tests/pg/pool_setup.h"

#define APP "pool_life"

/* What events told. */
struct told {
    int created, evicted[POOL_EVICT_REASONS], retries, errors;
    char last_evicted[64];
    struct err last_error;
};

static void on_created(void *arg, const char *id, const char *schema)
{
    ck_assert(*id && *schema);
    ((struct told *)arg)->created++;
}

static void on_evicted(void *arg, const char *id, pool_evict_reason reason)
{
    struct told *told = arg;
    told->evicted[reason]++;
    (void)snprintf(told->last_evicted, sizeof told->last_evicted, "%s", id);
}

static void on_retry(void *arg, const char *id, int attempt, int64_t delay_ms,
                     const struct err *why)
{
    struct told *told = arg;
    ck_assert(*id && why->code);
    ck_assert_int_eq(attempt, ++told->retries);
    ck_assert_int_ge(delay_ms, 1);
}

static void on_error(void *arg, const char *id, const struct err *why)
{
    struct told *told = arg;
    ck_assert_ptr_nonnull(id);
    told->errors++;
    told->last_error = *why;
}

/* Each test has these; check runs a test in a process of its own. */
static struct pg *admin;
static struct budget_set *budgets;
static struct told told;
static struct pool_options options;

static void set_up(void)
{
    admin = pg_fixture_connect();
    budgets = setup_budgets(20);
    told = (struct told){.created = 0};
    options = setup_options(budgets, APP);
    options.retry = (struct retry_policy){
        .max_attempts = 3, .initial_delay_ms = 5, .max_delay_ms = 20, .multiplier = 2};
    options.events = (struct pool_events){.arg = &told,
                                          .created = on_created,
                                          .evicted = on_evicted,
                                          .retry = on_retry,
                                          .error = on_error};
    setup_schema(admin, "common");
}

static void tear_down(void)
{
    UNTIL(setup_sessions(admin, APP) == 0);
    struct budget *slots;
    ck_assert_int_eq(budget_set_get(budgets, "default", &slots, NULL), ERR_NONE);
    ck_assert_int_eq(budget_stats(slots).used, 0);
    budget_set_free(budgets);
    pg_close(admin);
}

START_TEST(the_least_recently_used_goes_first)
{
    struct pool_tenant a = setup_tenant("a", "a"), b = setup_tenant("b", "b"),
                       c = setup_tenant("c", "c");
    options.max_pools = 2;
    struct pool_manager *m = setup_manager(&options);

    setup_schema(admin, "a");
    setup_schema(admin, "b");
    setup_schema(admin, "c");
    (void)setup_use(m, &a);
    (void)setup_use(m, &b);
    (void)setup_use(m, &a); /* so b is the one */
    (void)setup_use(m, &c);
    ck_assert_int_eq(pool_count(m), 2);
    ck_assert(pool_has(m, "a") && !pool_has(m, "b") && pool_has(m, "c"));
    ck_assert_int_eq(told.created, 3);
    ck_assert_int_eq(told.evicted[POOL_EVICT_LRU], 1);
    ck_assert_str_eq(told.last_evicted, "b");
    ck_assert_int_eq(setup_sessions(admin, APP), 2);
    struct pool_lease lease; /* what is in use stays, though it was used least recently */
    setup_acquire(m, &a, &lease);
    (void)setup_use(m, &c);
    (void)setup_use(m, &b);
    ck_assert_str_eq(told.last_evicted, "c");
    setup_release(m, &lease);
    pool_manager_free(m);
}
END_TEST

START_TEST(more_in_use_than_max_pools_still_works)
{
    struct pool_tenant a = setup_tenant("a", "a"), b = setup_tenant("b", "b");
    options.max_pools = 1;
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease lease_a, lease_b;

    setup_schema(admin, "a");
    setup_schema(admin, "b");
    setup_acquire(m, &a, &lease_a);
    setup_acquire(m, &b, &lease_b);
    ck_assert_int_eq(pool_count(m), 1);
    char *who = pg_fixture_value(lease_a.pg, "SELECT name AS v FROM who");
    ck_assert_str_eq(who, "a");
    free(who);
    setup_release(m, &lease_a); /* its pool is gone, so is the connection */
    ck_assert_int_eq(setup_sessions(admin, APP), 1);
    setup_release(m, &lease_b);
    pool_manager_free(m);
}
END_TEST

START_TEST(unused_pools_and_idle_connections_go_in_time)
{
    struct pool_tenant a = setup_tenant("a", "a"), b = setup_tenant("b", "b");
    options.pool_ttl_ms = 300;
    options.idle_timeout_ms = 50;
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease lease;

    setup_schema(admin, "a");
    setup_schema(admin, "b");
    setup_acquire(m, &a, &lease);
    (void)setup_use(m, &b);
    pool_sweep(m);
    ck_assert_int_eq(pool_count(m), 2);
    int64_t began = clock_mono_ms();
    UNTIL((pool_sweep(m), setup_sessions(admin, APP) == 1));
    ck_assert(clock_mono_ms() - began >= 250 || pool_has(m, "b")); /* idle, not yet expired */
    UNTIL((pool_sweep(m), pool_count(m) == 1));
    ck_assert_int_ge(clock_mono_ms() - began, 200);
    ck_assert(pool_has(m, "a")); /* in use: does not expire */
    ck_assert_int_eq(told.evicted[POOL_EVICT_TTL], 1);
    setup_release(m, &lease);
    UNTIL((pool_sweep(m), pool_count(m) == 0));
    ck_assert_int_eq(setup_sessions(admin, APP), 0);
    pool_manager_free(m);
}
END_TEST

START_TEST(eviction_by_hand_and_by_epoch)
{
    struct pool_tenant a = setup_tenant("a", "a"), moved = setup_tenant("a", "a2");
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease lease;

    setup_schema(admin, "a");
    setup_schema(admin, "a2");
    ck_assert(!pool_evict(m, "a") && !pool_evict(m, ""));
    int first = setup_use(m, &a);
    ck_assert_int_eq(setup_use(m, &a), first); /* the same connection as long as nothing happens */
    ck_assert(pool_evict(m, "a") && !pool_evict(m, "a"));
    ck_assert_int_eq(setup_sessions(admin, APP), 0);
    int second = setup_use(m, &a);
    ck_assert_int_ne(second, first);
    setup_acquire(m, &a, &lease);
    a.epoch = 2; /* another replica evicted */
    int third = setup_use(m, &a);
    ck_assert_int_ne(third, second);
    setup_release(m, &lease);
    ck_assert_int_eq(setup_sessions(admin, APP), 1); /* the old one is not taken back */
    a.epoch = 1; /* who looked the tenant up too early gets what is there */
    ck_assert_int_eq(setup_use(m, &a), third);
    moved.epoch = 3;
    (void)setup_use(m, &moved);
    setup_acquire(m, &a, &lease);
    char *who = pg_fixture_value(lease.pg, "SELECT name AS v FROM who");
    ck_assert_str_eq(who, "a2");
    free(who);
    setup_release(m, &lease);
    ck_assert_int_eq(told.evicted[POOL_EVICT_EPOCH], 2);
    ck_assert_int_eq(told.evicted[POOL_EVICT_API], 1);
    pool_manager_free(m);
}
END_TEST

START_TEST(a_terminated_backend_is_replaced)
{
    struct pool_tenant a = setup_tenant("a", "a");
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease lease;
    struct err err;

    setup_schema(admin, "a");
    int first = setup_use(m, &a);
    setup_terminate(admin, first);
    ck_assert_int_ne(setup_use(m, &a), first);
    ck_assert_int_eq(told.retries, 0); /* seen before it was lent */
    setup_acquire(m, &a, &lease);
    setup_terminate(admin, pg_backend_pid(lease.pg));
    ck_assert_int_eq(pool_release(m, &lease, POOL_COMMIT, &err), ERR_DATABASE_UNAVAILABLE);
    ck_assert_ptr_null(lease.pg);
    ck_assert_int_eq(pool_release(m, &lease, POOL_COMMIT, &err), ERR_NONE); /* empty: fine */
    (void)setup_use(m, &a);
    ck_assert_int_eq(pool_counters(m).broken, 2);
    pool_manager_free(m);
}
END_TEST

START_TEST(a_server_without_room_is_tried_again_then_told)
{
    char url[700];
    (void)snprintf(url, sizeof url, "%s&user=limited", pg_fixture_url());
    struct pool_tenant a = setup_tenant("a", "a"), b = setup_tenant("b", "b");
    a.url = b.url = url;
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease lease, none = {.pg = NULL};
    struct err err;

    setup_schema(admin, "a");
    setup_schema(admin, "b");
    pg_fixture_sql(admin,
                   "DROP ROLE IF EXISTS limited; CREATE ROLE limited LOGIN CONNECTION LIMIT 1;"
                   "GRANT USAGE ON SCHEMA a, b TO limited");
    setup_acquire(m, &a, &lease);
    ck_assert_int_eq(pool_acquire(m, &b, &none, &err), ERR_DATABASE_UNAVAILABLE); /* 53300 */
    ck_assert_ptr_nonnull(strstr(err.msg, "too many connections"));
    ck_assert_int_eq(told.retries, 2);
    ck_assert_int_eq(told.errors, 1);
    ck_assert_int_eq(told.evicted[POOL_EVICT_BROKEN], 1);
    ck_assert(!pool_has(m, "b"));
    struct pool_counters counters = pool_counters(m);
    ck_assert_int_eq(counters.open_failed, 3);
    ck_assert_int_eq(counters.retries, 2);
    setup_release(m, &lease);
    (void)pool_evict(m, "a");
    told.retries = 0;
    (void)setup_use(m, &b);
    pool_manager_free(m);
    pg_fixture_sql(admin, "DROP OWNED BY limited; DROP ROLE limited");
}
END_TEST

int main(void)
{
    pg_fixture_start();
    Suite *suite = suite_create("pool_life");
    TCase *tc = tcase_create("pool_life");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, the_least_recently_used_goes_first);
    tcase_add_test(tc, more_in_use_than_max_pools_still_works);
    tcase_add_test(tc, unused_pools_and_idle_connections_go_in_time);
    tcase_add_test(tc, eviction_by_hand_and_by_epoch);
    tcase_add_test(tc, a_terminated_backend_is_replaced);
    tcase_add_test(tc, a_server_without_room_is_tried_again_then_told);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
