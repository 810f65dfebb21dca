/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "tests/pg/pool_setup.h"

#define APP "pool_test"

/* Each test has these; check runs a test in a process of its own. */
static struct pg *admin;
static struct budget_set *budgets;
static struct pool_options options;

static void set_up(void)
{
    admin = pg_fixture_connect();
    budgets = setup_budgets(20);
    options = setup_options(budgets, APP);
    options.retry = (struct retry_policy){
        .max_attempts = 3, .initial_delay_ms = 5, .max_delay_ms = 20, .multiplier = 2};
    setup_schema(admin, "common");
    pg_fixture_sql(admin, "DROP TABLE IF EXISTS public.who;"
                          "CREATE TABLE public.who AS SELECT 'public'::text AS name");
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

static const char *const hostile[] = {
    "Acme",
    "a\"b",
    "a,b",
    "a'b\\",
    "tenant-1",
    "select",
    "\"$user\"",
    "x\"; DROP SCHEMA common; --",
    "\xc3\xa9t\xc3\xa9",
    "x23456789012345678901234567890123456789012345678901234567890123", /* 64 - 1 below */
};

START_TEST(a_lease_is_on_its_schema_whatever_its_name)
{
    char schema[64];
    (void)snprintf(schema, sizeof schema, "%s", hostile[_i]); /* the last one is cut to 63 */
    struct pool_tenant tenant = setup_tenant("acme", schema);
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease lease;

    setup_schema(admin, schema);
    for (int again = 0; again < 2; again++) {
        setup_acquire(m, &tenant, &lease);
        ck_assert(pg_in_transaction(lease.pg));
        char *who = pg_fixture_value(lease.pg, "SELECT name AS v FROM who");
        char *depth = pg_fixture_value(
            lease.pg, "SELECT array_length(current_schemas(false), 1) AS v"); /* and common */
        ck_assert_str_eq(who, schema);
        ck_assert_str_eq(depth, "2");
        free(who);
        free(depth);
        setup_release(m, &lease);
    }
    pool_manager_free(m);
}
END_TEST

START_TEST(a_missing_schema_is_never_public)
{
    struct pool_tenant missing = setup_tenant("acme", "ACME");
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease lease = {.pg = NULL};
    struct err err;

    setup_schema(admin, "acme"); /* what the name folds to */
    pg_fixture_sql(admin, "DROP SCHEMA IF EXISTS \"ACME\" CASCADE");
    ck_assert_int_eq(pool_acquire(m, &missing, &lease, &err), ERR_SCHEMA_MISSING);
    ck_assert_ptr_nonnull(strstr(err.msg, "\"ACME\""));
    ck_assert_ptr_null(lease.pg);
    ck_assert_int_eq(pool_counters(m).retries, 0);
    ck_assert(!pool_has(m, "acme"));
    UNTIL(setup_sessions(admin, APP) == 0); /* its connection was dropped */
    pool_manager_free(m);
}
END_TEST

START_TEST(a_schema_dropped_between_uses_is_found_out)
{
    struct pool_tenant tenant = setup_tenant("acme", "acme");
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease lease, second;
    struct err err;

    setup_schema(admin, "acme");
    setup_acquire(m, &tenant, &lease);
    setup_acquire(m, &tenant, &second);
    setup_release(m, &lease);
    setup_release(m, &second);
    pg_fixture_sql(admin, "DROP SCHEMA acme CASCADE");
    ck_assert_int_eq(pool_acquire(m, &tenant, &lease, &err), ERR_SCHEMA_MISSING);
    ck_assert_int_eq(setup_sessions(admin, APP), 0); /* the idle one is not trusted either */
    setup_schema(admin, "acme");
    (void)setup_use(m, &tenant);
    pool_manager_free(m);
}
END_TEST

static const struct bad_tenant {
    struct pool_tenant tenant;
    err_code code;
} bad_tenants[] = {
    {{.id = "", .schema = "s", .server = "x", .url = ""}, ERR_INVALID_TENANT_ID},
    {{.id = "x23456789012345678901234567890123456789012345678901234567890123456",
      .schema = "s",
      .server = "x",
      .url = ""},
     ERR_INVALID_TENANT_ID},
    {{.id = "a", .schema = "s", .server = "", .url = ""}, ERR_SERVER_NOT_FOUND},
    {{.id = "a", .schema = "", .server = "x", .url = ""}, ERR_INVALID_PARAMETER},
    {{.id = "a", .schema = "\xff", .server = "x", .url = ""}, ERR_INVALID_PARAMETER},
    {{.id = "a",
      .schema = "x234567890123456789012345678901234567890123456789012345678901234567",
      .server = "x",
      .url = ""},
     ERR_SCHEMA_NAME_TOO_LONG},
    {{.id = "a", .schema = "s", .server = "x", .url = "host=/nowhere"}, ERR_DATABASE_UNAVAILABLE},
};

START_TEST(bad_tenants_are_refused)
{
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease lease;
    pool_warmth warmth;
    struct err err;

    ck_assert_int_eq(pool_acquire(m, &bad_tenants[_i].tenant, &lease, &err), bad_tenants[_i].code);
    ck_assert_int_eq(pool_warm(m, &bad_tenants[_i].tenant, false, &warmth, NULL),
                     bad_tenants[_i].code);
    ck_assert_int_eq(pool_count(m), 0);
    pool_manager_free(m);
}
END_TEST

START_TEST(bad_options_are_refused)
{
    struct pool_manager *m = NULL;
    struct err err;
    struct pool_options bad[] = {options, options, options, options, options, options};

    bad[0].max_pools = 0;
    bad[1].pool_max = 0;
    bad[2].pool_ttl_ms = 0;
    bad[3].retry.max_attempts = 0;
    bad[4].shared.schema = "";
    bad[5].shared.url = NULL;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_int_ne(pool_manager_new(&bad[i], &m, &err), ERR_NONE);
    ck_assert_ptr_null(m);
}
END_TEST

START_TEST(ends_are_what_they_seem)
{
    struct pool_tenant a = setup_tenant("a", "a");
    struct pool_manager *m = setup_manager(&options);
    struct pool_lease lease;
    struct err err;

    setup_schema(admin, "a");
    pg_fixture_sql(admin, "CREATE TABLE a.t (x int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    setup_acquire(m, &a, &lease);
    pg_fixture_sql(lease.pg, "INSERT INTO t VALUES (1)");
    ck_assert_int_eq(pool_release(m, &lease, POOL_ROLLBACK, &err), ERR_NONE);
    setup_acquire(m, &a, &lease);
    pg_fixture_sql(lease.pg, "INSERT INTO t VALUES (2); SET work_mem = '123kB'");
    setup_release(m, &lease);
    setup_acquire(m, &a, &lease); /* a failed statement: COMMIT must not look like a success */
    pg_fixture_sql(lease.pg, "INSERT INTO t VALUES (3)");
    ck_assert_int_eq(pg_command(lease.pg, "SELECT 1/0", &err), ERR_INTERNAL);
    ck_assert_int_eq(pool_release(m, &lease, POOL_COMMIT, &err), ERR_CONFLICT);
    setup_acquire(m, &a, &lease); /* a constraint that is checked at COMMIT */
    char *work_mem = pg_fixture_value(lease.pg, "SELECT current_setting('work_mem') AS v");
    ck_assert_str_ne(work_mem, "123kB");
    free(work_mem);
    pg_fixture_sql(lease.pg, "INSERT INTO t VALUES (2)");
    ck_assert_int_eq(pool_release(m, &lease, POOL_COMMIT, &err), ERR_CONFLICT);
    ck_assert_str_eq(err.sqlstate, "23505");
    ck_assert_int_eq(setup_sessions(admin, APP), 1); /* neither cost the connection */
    setup_acquire(m, &a, &lease);                    /* somebody else's COMMIT */
    pg_fixture_sql(lease.pg, "COMMIT; SET search_path = common");
    ck_assert_int_eq(pool_release(m, &lease, POOL_COMMIT, &err), ERR_INTERNAL);
    ck_assert_int_eq(setup_sessions(admin, APP), 0);
    char *rows = pg_fixture_value(admin, "SELECT string_agg(x::text, ',') AS v FROM a.t");
    ck_assert_str_eq(rows, "2");
    free(rows);
    pool_manager_free(m);
}
END_TEST

START_TEST(warming_opens_one_ahead)
{
    struct pool_tenant a = setup_tenant("a", "a"), b = setup_tenant("b", "b"),
                       gone = setup_tenant("gone", "gone");
    struct pool_manager *m = setup_manager(&options);
    pool_warmth warmth;

    setup_schema(admin, "a");
    setup_schema(admin, "b");
    ck_assert_int_eq(pool_warm(m, &a, true, &warmth, NULL), ERR_NONE);
    ck_assert_int_eq(warmth, POOL_WARMED);
    ck_assert_int_eq(pool_warm(m, &a, true, &warmth, NULL), ERR_NONE);
    ck_assert_int_eq(warmth, POOL_ALREADY_WARM);
    ck_assert_int_eq(pool_warm(m, &b, false, &warmth, NULL), ERR_NONE);
    ck_assert_int_eq(warmth, POOL_WARMED);
    ck_assert_int_eq(setup_sessions(admin, APP), 2);
    (void)setup_use(m, &a);
    (void)setup_use(m, &b);
    ck_assert_int_eq(pool_counters(m).opened, 2);
    ck_assert_int_eq(pool_warm(m, &gone, true, &warmth, NULL), ERR_SCHEMA_MISSING);
    ck_assert_int_eq(pool_count(m), 2);
    pool_manager_free(m);
}
END_TEST

START_TEST(the_shared_schema_has_a_pool_of_its_own)
{
    struct pool_manager *m = setup_manager(&options);
    struct pool_metrics metrics;
    struct pool_lease lease;
    struct err err;

    ck_assert_int_eq(pool_metrics(m, &metrics, &err), ERR_NONE);
    ck_assert(!metrics.shared_initialized);
    pool_metrics_clear(&metrics);
    ck_assert_int_eq(pool_acquire_shared(m, &lease, &err), ERR_NONE);
    char *who = pg_fixture_value(lease.pg, "SELECT name AS v FROM who");
    ck_assert_str_eq(who, "common");
    free(who);
    setup_release(m, &lease);
    ck_assert_int_eq(pool_metrics(m, &metrics, &err), ERR_NONE);
    ck_assert(metrics.shared_initialized);
    ck_assert_int_eq(metrics.shared.idle, 1);
    ck_assert_uint_eq(metrics.total, 0);
    ck_assert_int_eq(pool_count(m), 0);
    pool_metrics_clear(&metrics);
    pool_manager_free(m);
    options.shared.schema = NULL;
    m = setup_manager(&options);
    ck_assert_int_eq(pool_acquire_shared(m, &lease, &err), ERR_NOT_FOUND);
    pool_manager_free(m);
}
END_TEST

START_TEST(metrics_tell_what_is_there)
{
    struct pool_tenant a = setup_tenant("a", "a"), b = setup_tenant("b", "B b");
    struct pool_manager *m = setup_manager(&options);
    struct pool_metrics metrics;
    struct pool_lease lease;

    setup_schema(admin, "a");
    setup_schema(admin, "B b");
    int64_t before = clock_unix_ms();
    (void)setup_use(m, &a);
    setup_acquire(m, &b, &lease);
    ck_assert_int_eq(pool_metrics(m, &metrics, NULL), ERR_NONE);
    ck_assert_uint_eq(metrics.total, 2);
    ck_assert_int_eq(metrics.max_pools, 50);
    ck_assert_str_eq(metrics.tenants[0].tenant_id, "a");
    ck_assert_int_eq(metrics.tenants[0].connections.idle, 1);
    ck_assert_str_eq(metrics.tenants[1].schema_name, "B b");
    ck_assert_int_eq(metrics.tenants[1].connections.total, 1);
    ck_assert_int_eq(metrics.tenants[1].connections.idle, 0);
    ck_assert_int_ge(metrics.tenants[1].last_accessed_at, before);
    ck_assert_int_ge(metrics.timestamp, metrics.tenants[1].last_accessed_at);
    pool_metrics_clear(&metrics);
    setup_release(m, &lease);
    pool_manager_free(m);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    Suite *suite = suite_create("pool");
    TCase *tc = tcase_create("pool");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_lease_is_on_its_schema_whatever_its_name, 0, ARRAY_LEN(hostile));
    tcase_add_test(tc, a_missing_schema_is_never_public);
    tcase_add_test(tc, a_schema_dropped_between_uses_is_found_out);
    tcase_add_loop_test(tc, bad_tenants_are_refused, 0, ARRAY_LEN(bad_tenants));
    tcase_add_test(tc, bad_options_are_refused);
    tcase_add_test(tc, ends_are_what_they_seem);
    tcase_add_test(tc, warming_opens_one_ahead);
    tcase_add_test(tc, the_shared_schema_has_a_pool_of_its_own);
    tcase_add_test(tc, metrics_tell_what_is_there);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
