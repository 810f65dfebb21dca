/* SPDX-License-Identifier: MIT */
/* The tenant manager under load: the budget of a server, waiting, many threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/pg/pool_setup.h"

#define APP "pool_load"

enum { TENANTS = 12 };

static char names[TENANTS][16];
static struct pool_tenant tenants[TENANTS];
static struct pg *admin;

static void set_up(void)
{
    admin = pg_fixture_connect();
    setup_schema(admin, "common");
    for (int i = 0; i < TENANTS; i++) {
        (void)snprintf(names[i], sizeof names[i], "t%d", i);
        tenants[i] = setup_tenant(names[i], names[i]);
        setup_schema(admin, names[i]);
    }
}

static void tear_down(void)
{
    UNTIL(setup_sessions(admin, APP) == 0);
    pg_close(admin);
}

static struct budget *slots_of(struct budget_set *budgets)
{
    struct budget *slots;
    ck_assert_int_eq(budget_set_get(budgets, "default", &slots, NULL), ERR_NONE);
    return slots;
}

START_TEST(room_is_made_before_anyone_waits)
{
    struct budget_set *budgets = setup_budgets(2);
    struct pool_options options = setup_options(budgets, APP);
    struct pool_manager *m = setup_manager(&options);

    (void)setup_use(m, &tenants[0]);
    int kept = setup_use(m, &tenants[1]);
    int64_t began = clock_mono_ms();
    (void)setup_use(m, &tenants[2]); /* t0's idle connection makes room */
    ck_assert_int_lt(clock_mono_ms() - began, options.acquire_timeout_ms / 2);
    ck_assert_int_eq(setup_sessions(admin, APP), 2);
    ck_assert_int_eq(setup_use(m, &tenants[1]), kept);
    ck_assert(budget_take(slots_of(budgets), 0)); /* a migration worker's: t2's goes */
    ck_assert_int_eq(setup_sessions(admin, APP), 1);
    ck_assert_int_eq(setup_use(m, &tenants[1]), kept);
    budget_give(slots_of(budgets));
    pool_manager_free(m);
    budget_set_free(budgets);
}
END_TEST

START_TEST(an_exhausted_server_or_tenant_says_so)
{
    struct budget_set *budgets = setup_budgets(2);
    struct pool_options options = setup_options(budgets, APP);
    options.acquire_timeout_ms = 100;
    options.pool_max = 1;
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease one, other, none;
    struct err err;

    setup_acquire(m, &tenants[0], &one);
    int64_t began = clock_mono_ms();
    ck_assert_int_eq(pool_acquire(m, &tenants[0], &none, &err), ERR_POOL_EXHAUSTED);
    ck_assert_int_ge(clock_mono_ms() - began, 99);
    ck_assert_ptr_nonnull(strstr(err.msg, "tenant t0"));
    setup_acquire(m, &tenants[1], &other);
    ck_assert_int_eq(pool_acquire(m, &tenants[2], &none, &err), ERR_POOL_EXHAUSTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "server default"));
    ck_assert_int_eq(pool_counters(m).exhausted, 2);
    setup_release(m, &one);
    (void)setup_use(m, &tenants[2]);
    setup_release(m, &other);
    pool_manager_free(m);
    budget_set_free(budgets);
}
END_TEST

/* What many threads do to one manager while a watcher counts sessions. */
struct storm {
    struct pool_manager *m;
    atomic_int next, wrong, failed, done;
    int rounds;
};

static void one_round(struct storm *storm, unsigned n)
{
    const struct pool_tenant *tenant = &tenants[n % TENANTS];
    struct pool_lease lease = {.pg = NULL};
    struct err err;

    if (n % 23 == 0)
        (void)pool_evict(storm->m, tenant->id);
    if (n % 31 == 0)
        pool_sweep(storm->m);
    if (pool_acquire(storm->m, tenant, &lease, &err)) {
        atomic_fetch_add(&storm->failed, 1);
        return;
    }
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query_text(lease.pg, "SELECT name FROM who", PG_NO_ARGS, &rows, &err);
    if (rc || !str_eq(pg_text(rows, 0, "name"), tenant->schema))
        atomic_fetch_add(&storm->wrong, 1);
    if (pool_release(storm->m, &lease, n % 2 ? POOL_COMMIT : POOL_ROLLBACK, &err))
        atomic_fetch_add(&storm->failed, 1);
}

static void *weather(void *arg)
{
    struct storm *storm = arg;
    unsigned seed = (unsigned)atomic_fetch_add(&storm->next, 1) * 7919u;

    for (int i = 0; i < storm->rounds; i++)
        one_round(storm, seed = seed * 1103515245u + 12345u);
    atomic_fetch_add(&storm->done, 1);
    return NULL;
}

START_TEST(many_threads_stay_within_the_budget_and_on_their_tenants)
{
    enum { THREADS = 32, BUDGET = 6 };
    struct budget_set *budgets = setup_budgets(BUDGET);
    struct pool_options options = setup_options(budgets, APP);
    options.max_pools = 8;
    options.pool_max = 3;
    options.acquire_timeout_ms = PATIENCE_MS;
    struct storm storm = {.m = setup_manager(&options), .rounds = 15};
    pthread_t threads[THREADS];
    int most = 0;

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, weather, &storm), 0);
    while (atomic_load(&storm.done) < THREADS) {
        int sessions = setup_sessions(admin, APP);
        most = sessions > most ? sessions : most;
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    ck_assert_int_eq(storm.wrong, 0);
    ck_assert_int_eq(storm.failed, 0);
    ck_assert_int_le(most, BUDGET);
    ck_assert_int_ge(most, 2); /* it did look */
    ck_assert_int_le(pool_count(storm.m), 8);
    ck_assert_int_eq(pool_counters(storm.m).acquired, THREADS * storm.rounds);
    pool_manager_free(storm.m);
    ck_assert_int_eq(budget_stats(slots_of(budgets)).used, 0);
    budget_set_free(budgets);
}
END_TEST

START_TEST(threads_of_one_tenant_share_its_connections)
{
    enum { THREADS = 8 };
    struct budget_set *budgets = setup_budgets(20);
    struct pool_options options = setup_options(budgets, APP);
    options.pool_max = 2;
    options.acquire_timeout_ms = PATIENCE_MS;
    struct storm storm = {.m = setup_manager(&options), .rounds = 1};
    pthread_t threads[THREADS];
    struct pool_lease leases[2];
    struct pool_metrics metrics = {.tenants = NULL};

    for (int i = 0; i < TENANTS; i++)
        tenants[i] = tenants[0]; /* every thread takes the same */
    setup_acquire(storm.m, &tenants[0], &leases[0]);
    setup_acquire(storm.m, &tenants[0], &leases[1]);
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    for (int i = 0; i < THREADS; i++) {
        atomic_store(&storm.next, 1); /* a seed that neither evicts nor sweeps */
        ck_assert_int_eq(pthread_create(&threads[i], NULL, weather, &storm), 0);
    }
    do {
        pool_metrics_clear(&metrics);
        ck_assert_int_eq(pool_metrics(storm.m, &metrics, NULL), ERR_NONE);
        ck_assert(clock_mono_ms() < end);
    } while (metrics.tenants[0].connections.waiting < THREADS);
    ck_assert_int_eq(metrics.tenants[0].connections.total, 2);
    pool_metrics_clear(&metrics);
    setup_release(storm.m, &leases[0]);
    setup_release(storm.m, &leases[1]);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    ck_assert_int_eq(storm.failed, 0);
    ck_assert_int_eq(pool_counters(storm.m).opened, 2);
    pool_manager_free(storm.m);
    budget_set_free(budgets);
}
END_TEST

struct waiting_acquire {
    struct pool_manager *m;
    err_code rc;
};

static void *acquire_and_release(void *arg)
{
    struct waiting_acquire *w = arg;
    struct pool_lease lease = {.pg = NULL};

    w->rc = pool_acquire(w->m, &tenants[0], &lease, NULL);
    if (!w->rc)
        w->rc = pool_release(w->m, &lease, POOL_COMMIT, NULL);
    return NULL;
}

START_TEST(who_waits_in_an_evicted_pool_gets_the_next)
{
    struct budget_set *budgets = setup_budgets(20);
    struct pool_options options = setup_options(budgets, APP);
    options.pool_max = 1;
    options.acquire_timeout_ms = PATIENCE_MS;
    struct waiting_acquire w = {.m = setup_manager(&options), .rc = ERR_INTERNAL};
    struct pool_metrics metrics = {.tenants = NULL};
    struct pool_lease lease;
    pthread_t thread;
    int64_t end = clock_mono_ms() + PATIENCE_MS;

    setup_acquire(w.m, &tenants[0], &lease);
    ck_assert_int_eq(pthread_create(&thread, NULL, acquire_and_release, &w), 0);
    do {
        pool_metrics_clear(&metrics);
        ck_assert_int_eq(pool_metrics(w.m, &metrics, NULL), ERR_NONE);
        ck_assert(clock_mono_ms() < end);
    } while (metrics.tenants[0].connections.waiting < 1);
    pool_metrics_clear(&metrics);
    ck_assert(pool_evict(w.m, "t0"));
    (void)pthread_join(thread, NULL); /* though the old lease is still out */
    ck_assert_int_eq(w.rc, ERR_NONE);
    setup_release(w.m, &lease);
    pool_manager_free(w.m);
    budget_set_free(budgets);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    Suite *suite = suite_create("pool_load");
    TCase *tc = tcase_create("pool_load");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, room_is_made_before_anyone_waits);
    tcase_add_test(tc, an_exhausted_server_or_tenant_says_so);
    tcase_add_test(tc, many_threads_stay_within_the_budget_and_on_their_tenants);
    tcase_add_test(tc, threads_of_one_tenant_share_its_connections);
    tcase_add_test(tc, who_waits_in_an_evicted_pool_gets_the_next);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
