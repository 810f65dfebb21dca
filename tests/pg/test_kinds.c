/* SPDX-License-Identifier: MIT */
/* What the kinds of tasks do to real schemas, each called as the runner calls it. */
#include <stdatomic.h>

#include "core/job/kinds.h"
#include "core/job/engine.h"
#include "core/job/outcome.h"
#include "core/tenant/schema_ops.h"
#include "core/tenant/tenant_store.h"
#include "tests/pg/job_support.h"

static struct pg_pool *control;
static struct budget_set *budgets;
static struct pool_manager *pools;
static struct engine *engine;
static struct pg *pg; /* control and server at once */

static void drop_leftovers(void)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    OK(schema_find(pg, "k\\_%", 100, &rows, NULL));
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        OK(schema_drop(pg, pg_text(rows, i, "schema_name"), 1, 1000, NULL));
    pg_fixture_sql(pg, "TRUNCATE tenantd.migration; UPDATE tenantd.catalog SET revision = 1");
}

static void set_up(void)
{
    struct engine_settings settings = {.control_url = pg_fixture_url(),
                                       .schema_template = "k_{id}",
                                       .shared_schema = "public",
                                       .tracking_table = "__drizzle_migrations",
                                       .shared_tracking_table = "__drizzle_migrations",
                                       .lock_timeout_ms = 300,
                                       .acquire_timeout_ms = 1000,
                                       .default_format = TRACKING_DRIZZLE_KIT};
    struct pg_pool_options options = {
        .connection = {.url = pg_fixture_url()}, .max = 4, .wait_ms = 1000};
    struct pool_options pool = {POOL_DEFAULTS};

    pg = job_clean();
    drop_leftovers();
    OK(pg_pool_new(&options, &control, NULL));
    OK(budget_set_new((struct budget_limits){.max = 10}, &budgets, NULL));
    pool.budgets = budgets;
    OK(pool_manager_new(&pool, &pools, NULL));
    OK(engine_new(&settings, budgets, pools, &engine, NULL));
}

static void tear_down(void)
{
    engine_free(engine);
    pool_manager_free(pools);
    budget_set_free(budgets);
    pg_pool_free(control);
    pg_close(pg);
}

static void add_migration(const char *version, const char *sql)
{
    struct migration m;
    struct register_result r;

    OK(migration_make(version, sql, strlen(sql), 0, &m, NULL));
    OK(catalog_register(pg, "tenant", &m, 1, &(struct register_options){.by = "t"}, &r, NULL));
    free(r.added);
    migration_clear(&m);
}

static void add_tenant(const char *id, tenant_state state)
{
    char schema[64];
    (void)snprintf(schema, sizeof schema, "k_%s", id);
    struct tenant_spec spec = {.id = id, .server = "default", .schema = schema};
    OK(tenant_register(pg, &spec, NULL));
    OK(tenant_set_state(pg, id, state, 0, NULL));
}

/* Runs a kind for a tenant; job_args is JSON. What it said is left in *result. */
static void run_as(void (*kind)(struct task_run *, struct task_result *), const char *job_kind,
                   const char *id, const char *job_args, bool is_cancelled,
                   struct task_result *result)
{
    char schema[64], tenant[64];
    (void)snprintf(schema, sizeof schema, "k_%s", id);
    (void)snprintf(tenant, sizeof tenant, "%s", id);
    struct job job = {.kind = (char *)(uintptr_t)job_kind, .args = json_loads(job_args, 0, NULL)};
    struct task task = {.id = 1,
                        .tenant_id = tenant,
                        .server = (char[]){"default"},
                        .args = json_pack("{s:s}", "schema", schema)};
    struct task_run run = {.ctx = engine, .job = &job, .task = &task, .control = pg, .server = pg};
    __typeof__(*run.cancelled) flag = is_cancelled;

    run.cancelled = &flag;
    *result = (struct task_result){.verdict = VERDICT_FAILED};
    kind(&run, result);
    ck_assert(!pg_in_transaction(pg));
    json_decref(job.args);
    json_decref(task.args);
}

static void run(void (*kind)(struct task_run *, struct task_result *), const char *id,
                struct task_result *result)
{
    run_as(kind, "test", id, "{}", false, result);
}

static const char *said(const struct task_result *result, const char *member)
{
    const char *text = json_string_value(json_object_get(result->outcome, member));
    return text ? text : "";
}

#define SCHEMAS "SELECT count(*) AS v FROM pg_namespace WHERE nspname = "

START_TEST(a_tenant_is_created_whole)
{
    CLEANUP(task_result_clear) struct task_result result, again;

    add_migration("0001_a", "CREATE TABLE a (id int);");
    add_migration("0002_b", "CREATE TABLE b (id int); CREATE INDEX ON b (id);");
    add_tenant("new", TENANT_PROVISIONING);
    run(kind_create, "new", &result);
    ck_assert_int_eq(result.verdict, VERDICT_SUCCEEDED);
    ck_assert_str_eq(result.tenant_state, "active");
    ck_assert_int_gt(result.applied_set, 0);
    ck_assert_int_eq(json_integer_value(json_object_get(result.outcome, "applied")), 2);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM k_new.b"), 0);
    /* the format that is configured for new tables */
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_attribute WHERE attname = 'created_at'"
                             " AND atttypid = 'int8'::regtype"
                             " AND attrelid = 'k_new.__drizzle_migrations'::regclass"),
                     1);
    /* a replica died after the commit: the next attempt finds the schema and its comment */
    run(kind_create, "new", &again);
    ck_assert_int_eq(again.verdict, VERDICT_SUCCEEDED);
    ck_assert_int_eq(json_integer_value(json_object_get(again.outcome, "applied")), 0);
    ck_assert_int_eq(again.applied_set, result.applied_set);
}
END_TEST

START_TEST(a_schema_of_somebody_else_is_left_alone)
{
    CLEANUP(task_result_clear) struct task_result result;

    pg_fixture_sql(pg, "CREATE SCHEMA k_taken; CREATE TABLE k_taken.precious (id int)");
    add_tenant("taken", TENANT_PROVISIONING);
    run(kind_create, "taken", &result);
    ck_assert_int_eq(result.verdict, VERDICT_FAILED);
    ck_assert_str_eq(said(&result, "code"), "SCHEMA_EXISTS");
    ck_assert_str_eq(result.tenant_state, "error");
    ck_assert(json_equal(result.last_error, result.outcome));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM k_taken.precious"), 0);
}
END_TEST

START_TEST(a_migration_that_fails_leaves_no_schema)
{
    CLEANUP(task_result_clear) struct task_result result;

    add_migration("0001_a", "CREATE TABLE a (id int);\nSELECT 1 / 0;");
    add_tenant("bad", TENANT_PROVISIONING);
    run(kind_create, "bad", &result);
    ck_assert_int_eq(result.verdict, VERDICT_FAILED);
    ck_assert_str_eq(said(&result, "code"), "MIGRATION_FAILED");
    ck_assert_str_eq(said(&result, "version"), "0001_a");
    ck_assert_str_eq(said(&result, "sqlstate"), "22012");
    ck_assert_int_eq(json_integer_value(json_object_get(result.outcome, "statement")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(result.outcome, "line")), 2);
    ck_assert_str_eq(result.tenant_state, "error");
    ck_assert_int_eq(ask(pg, SCHEMAS "'k_bad'"), 0);
}
END_TEST

START_TEST(a_tenant_is_migrated_as_far_as_asked)
{
    CLEANUP(task_result_clear) struct task_result made, first, rest, again, wrong;

    add_migration("0001_a", "CREATE TABLE a (id int);");
    add_tenant("t", TENANT_PROVISIONING);
    run(kind_create, "t", &made);
    add_migration("0002_b", "CREATE TABLE b (id int);");
    add_migration("0003_c", "CREATE TABLE c (id int);");
    OK(tenant_set_state(pg, "t", TENANT_ACTIVE, 0, NULL));
    run_as(kind_migrate, "migration.run", "t", "{\"target\": \"0002_b\", \"revision\": 4}", false,
           &first);
    ck_assert_int_eq(first.verdict, VERDICT_SUCCEEDED);
    ck_assert(first.applied_set && first.applied_set != made.applied_set && !first.tenant_state);
    ck_assert_int_eq(ask(pg, SCHEMAS "'k_t'"), 1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_class WHERE relname = 'c'"
                             " AND relnamespace = 'k_t'::regnamespace"),
                     0);
    run(kind_migrate, "t", &rest);
    ck_assert_int_eq(json_integer_value(json_object_get(rest.outcome, "applied")), 1);
    run(kind_migrate, "t", &again);
    ck_assert_int_eq(again.verdict, VERDICT_SKIPPED);
    ck_assert_int_eq(again.applied_set, rest.applied_set);
    run_as(kind_migrate, "migration.run", "t", "{\"target\": \"0009_x\"}", false, &wrong);
    ck_assert_int_eq(wrong.verdict, VERDICT_FAILED);
    ck_assert_str_eq(said(&wrong, "code"), "UNKNOWN_TARGET");
}
END_TEST

START_TEST(a_tenant_that_is_gone_fails_no_run)
{
    CLEANUP(task_result_clear) struct task_result gone, missing;

    run(kind_migrate, "nobody", &gone);
    ck_assert_int_eq(gone.verdict, VERDICT_SKIPPED);
    add_tenant("lost", TENANT_ACTIVE); /* but one whose schema was dropped by hand does */
    run(kind_migrate, "lost", &missing);
    ck_assert_int_eq(missing.verdict, VERDICT_FAILED);
    ck_assert_str_eq(said(&missing, "code"), "SCHEMA_MISSING");
}
END_TEST

START_TEST(a_busy_schema_is_waited_for)
{
    CLEANUP(task_result_clear) struct task_result made, migrated, purged, cancelled;
    CLEANUP(pg_closep) struct pg *other = pg_fixture_connect();

    add_migration("0001_a", "CREATE TABLE a (id int);");
    add_tenant("t", TENANT_PROVISIONING);
    run(kind_create, "t", &made);
    add_migration("0002_b", "ALTER TABLE a ADD x int;");
    tell(other, "BEGIN; SELECT pg_advisory_xact_lock(%lld)", (long long)apply_lock_key("k_t"));
    run(kind_migrate, "t", &migrated);
    ck_assert_int_eq(migrated.verdict, VERDICT_SNOOZE);
    ck_assert_int_eq(migrated.snooze, SNOOZE_LOCK);
    ck_assert_int_eq(migrated.lock_attempts, 20);
    const json_t *by = json_array_get(json_object_get(migrated.outcome, "blocked_by"), 0);
    ck_assert_int_eq(json_integer_value(json_object_get(by, "pid")), pg_backend_pid(other));
    ck_assert_str_eq(json_string_value(json_object_get(by, "state")), "idle in transaction");
    run(kind_purge, "t", &purged);
    ck_assert_int_eq(purged.verdict, VERDICT_SNOOZE);
    ck_assert(!purged.delete_tenant && !purged.last_error);
    run_as(kind_migrate, "migration.run", "t", "{}", true, &cancelled);
    ck_assert_int_eq(cancelled.verdict, VERDICT_CANCELLED);
    pg_fixture_sql(other, "COMMIT");
}
END_TEST

START_TEST(what_exists_is_imported)
{
    CLEANUP(task_result_clear) struct task_result found, plain, missing, strange;

    pg_fixture_sql(pg,
                   "CREATE SCHEMA k_old; CREATE TABLE k_old.__drizzle_migrations (id serial PRIMARY KEY,"
                   " hash text NOT NULL, created_at bigint);"
                   "INSERT INTO k_old.__drizzle_migrations (hash, created_at) VALUES ('x', 1);"
                   "CREATE SCHEMA k_plain; CREATE SCHEMA k_strange;"
                   "CREATE TABLE k_strange.__drizzle_migrations (what text)");
    run(kind_import, "old", &found);
    ck_assert_int_eq(found.verdict, VERDICT_SUCCEEDED);
    ck_assert_str_eq(found.tenant_state, "active");
    ck_assert_int_eq(json_integer_value(json_object_get(found.outcome, "found")), 1);
    run(kind_import, "plain", &plain);
    ck_assert(plain.verdict == VERDICT_SUCCEEDED && plain.applied_set);
    run(kind_import, "absent", &missing);
    ck_assert(missing.verdict == VERDICT_FAILED && missing.delete_tenant && !missing.tenant_state);
    ck_assert_str_eq(said(&missing, "code"), "SCHEMA_MISSING");
    run(kind_import, "strange", &strange);
    ck_assert(strange.verdict == VERDICT_FAILED && strange.delete_tenant);
    ck_assert_str_eq(said(&strange, "code"), "HISTORY_DIVERGED");
    ck_assert_int_eq(ask(pg, SCHEMAS "'k_strange'"), 1);
    /* a refresh says the same and decides nothing */
    CLEANUP(task_result_clear) struct task_result fresh, gone;
    run(kind_refresh, "old", &fresh);
    ck_assert(fresh.verdict == VERDICT_SUCCEEDED && fresh.applied_set == found.applied_set);
    ck_assert(!fresh.tenant_state && !fresh.delete_tenant);
    run(kind_refresh, "absent", &gone);
    ck_assert(gone.verdict == VERDICT_FAILED && !gone.delete_tenant && !gone.tenant_state);
}
END_TEST

START_TEST(a_tenant_is_purged)
{
    CLEANUP(task_result_clear) struct task_result made, purged, again, empty;

    add_migration("0001_a", "CREATE TABLE a (id int);");
    add_tenant("t", TENANT_PROVISIONING);
    run(kind_create, "t", &made);
    run(kind_purge, "t", &purged);
    ck_assert(purged.verdict == VERDICT_SUCCEEDED && purged.delete_tenant);
    ck_assert_int_eq(ask(pg, SCHEMAS "'k_t'"), 0);
    run(kind_purge, "t", &again); /* the replica died before the row went */
    ck_assert(again.verdict == VERDICT_SUCCEEDED && again.delete_tenant);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_class WHERE relname = 'ran'"), 1);
    struct job job = {.kind = (char[]){"tenant.purge"}};
    struct task task = {.tenant_id = (char[]){"t"}};
    struct task_run nameless = {.ctx = engine, .job = &job, .task = &task, .control = pg, .server = pg};
    __typeof__(*nameless.cancelled) flag = false;
    nameless.cancelled = &flag;
    empty = (struct task_result){.verdict = VERDICT_SUCCEEDED};
    kind_purge(&nameless, &empty); /* a task without its schema's name never guesses one */
    ck_assert(empty.verdict == VERDICT_FAILED && !empty.delete_tenant);
}
END_TEST

START_TEST(a_pool_is_warmed_once)
{
    CLEANUP(task_result_clear) struct task_result made, warmed, again, missing, unknown;

    add_tenant("t", TENANT_PROVISIONING);
    run(kind_create, "t", &made);
    run(kind_warmup, "t", &warmed);
    ck_assert_int_eq(warmed.verdict, VERDICT_SUCCEEDED);
    ck_assert(json_is_false(json_object_get(warmed.outcome, "already_warm")));
    run(kind_warmup, "t", &again);
    ck_assert(json_is_true(json_object_get(again.outcome, "already_warm")));
    ck_assert(pool_has(pools, "t"));
    add_tenant("lost", TENANT_ACTIVE);
    run(kind_warmup, "lost", &missing);
    ck_assert_int_eq(missing.verdict, VERDICT_FAILED);
    ck_assert_str_eq(said(&missing, "code"), "SCHEMA_MISSING");
    run(kind_warmup, "nobody", &unknown);
    ck_assert_str_eq(said(&unknown, "code"), "TENANT_NOT_FOUND");
}
END_TEST

/* Every code that passes by itself is tried again, every other one fails. */
START_TEST(errors_become_verdicts)
{
    static const struct {
        err_code code;
        task_verdict verdict;
    } rows[] = {
        {ERR_LOCK_UNAVAILABLE, VERDICT_SNOOZE},    {ERR_POOL_EXHAUSTED, VERDICT_SNOOZE},
        {ERR_DATABASE_UNAVAILABLE, VERDICT_SNOOZE}, {ERR_DATABASE_CONTENTION, VERDICT_RETRY},
        {ERR_DATABASE_TIMEOUT, VERDICT_FAILED},    {ERR_MIGRATION_FAILED, VERDICT_FAILED},
        {ERR_INTERNAL, VERDICT_FAILED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(task_result_clear) struct task_result result = {.verdict = VERDICT_SUCCEEDED};
        struct task_run some = {.ctx = engine};
        __typeof__(*some.cancelled) flag = false;
        struct err err;
        some.cancelled = &flag;
        (void)err_set(&err, rows[i].code, "bad \xff bytes");
        outcome_error(&some, &err, "step", NULL, &result);
        ck_assert_int_eq(result.verdict, rows[i].verdict);
        ck_assert_str_eq(said(&result, "code"), err_name(rows[i].code));
        ck_assert_str_eq(said(&result, "message"), "bad \xef\xbf\xbd bytes");
        ck_assert_str_eq(said(&result, "step"), "step");
    }
}
END_TEST

/* What the SQLSTATE says outweighs the code. */
START_TEST(sqlstates_become_verdicts)
{
    static const struct {
        err_code code;
        const char *sqlstate, *step;
        int attempt;
        bool probing;
        task_verdict verdict;
        snooze_reason snooze;
    } rows[] = {
        {ERR_MIGRATION_FAILED, "57014", "migrate", 1, false, VERDICT_RETRY, SNOOZE_ELSE},
        {ERR_MIGRATION_FAILED, "57014", "migrate", 2, false, VERDICT_FAILED, SNOOZE_ELSE},
        {ERR_MIGRATION_FAILED, "42P01", "migrate", 1, false, VERDICT_FAILED, SNOOZE_ELSE},
        {ERR_MIGRATION_FAILED, "53200", "migrate", 1, false, VERDICT_SNOOZE, SNOOZE_SERVER},
        {ERR_MIGRATION_FAILED, "53200", "migrate", 1, true, VERDICT_FAILED, SNOOZE_ELSE},
        {ERR_DATABASE_UNAVAILABLE, "53100", "migrate", 1, true, VERDICT_SNOOZE, SNOOZE_SERVER},
        {ERR_DATABASE_UNAVAILABLE, "25006", "lock", 1, false, VERDICT_SNOOZE, SNOOZE_SERVER},
        {ERR_DATABASE_UNAVAILABLE, "53300", "lock", 1, false, VERDICT_SNOOZE, SNOOZE_ELSE},
        {ERR_LOCK_UNAVAILABLE, "55P03", "migrate", 1, false, VERDICT_SNOOZE, SNOOZE_LOCK},
        {ERR_LOCK_UNAVAILABLE, "", "lane", 1, false, VERDICT_SNOOZE, SNOOZE_LANE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(task_result_clear) struct task_result result = {.verdict = VERDICT_SUCCEEDED};
        struct task task = {.attempt = rows[i].attempt};
        bool flag = false;
        struct task_run some = {.ctx = engine, .task = &task, .probing = rows[i].probing,
                                .cancelled = &flag};
        struct apply_failure failure = {.step = rows[i].step, .message = "why"};
        struct err err;
        memcpy(failure.sqlstate, rows[i].sqlstate, strlen(rows[i].sqlstate));
        (void)err_set(&err, rows[i].code, "why");
        outcome_error(&some, &err, "step", &failure, &result);
        ck_assert_int_eq(result.verdict, rows[i].verdict);
        ck_assert_int_eq(result.snooze, rows[i].snooze);
    }
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("kinds");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_tenant_is_created_whole);
    tcase_add_test(tc, a_schema_of_somebody_else_is_left_alone);
    tcase_add_test(tc, a_migration_that_fails_leaves_no_schema);
    tcase_add_test(tc, a_tenant_is_migrated_as_far_as_asked);
    tcase_add_test(tc, a_tenant_that_is_gone_fails_no_run);
    tcase_add_test(tc, a_busy_schema_is_waited_for);
    tcase_add_test(tc, what_exists_is_imported);
    tcase_add_test(tc, a_tenant_is_purged);
    tcase_add_test(tc, a_pool_is_warmed_once);
    tcase_add_test(tc, errors_become_verdicts);
    tcase_add_test(tc, sqlstates_become_verdicts);
    return run_suite("kinds", tc);
}
