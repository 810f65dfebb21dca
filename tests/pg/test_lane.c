/* SPDX-License-Identifier: MIT */
/* Migrations outside of transactions: run one statement at a time, marked, looked up again. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/migrate/apply.h"
#include "core/migrate/lane.h"
#include "core/migrate/lane_mark.h"
#include "tests/support/pg_fixture.h"

#define SCHEMA "lane s\"x"
#define QUOTED "\"lane s\"\"x\""

/* What a test lets happen: the session's URL, and what was told. */
struct world {
    const char *url;   /* NULL: the fixture's */
    int opened, begun; /* how often */
    bool stop;
};

static err_code world_open(void *arg, const char *startup, struct pg **out, struct err *err)
{
    struct world *w = arg;
    w->opened++;
    return pg_open(&(struct pg_options){.url = w->url ? w->url : pg_fixture_url(),
                                        .startup = startup},
                   out, err);
}

static void world_close(void *arg, struct pg *pg)
{
    (void)arg;
    pg_close(pg);
}

static void world_begun(void *arg, const struct applied_set *now)
{
    struct world *w = arg;
    ck_assert_ptr_nonnull(now->begun);
    w->begun++;
}

static bool world_stopped(void *arg)
{
    const struct world *w = arg;
    return w->stop;
}

struct run {
    struct world world;
    struct lane_access access;
    struct apply_options options;
    struct apply_result result;
    struct err err;
    struct catalog *catalog;
};

static void run_init(struct run *r, const char *const *files, size_t n)
{
    struct migration *items = calloc(n + 1, sizeof *items);

    *r = (struct run){.options = {.schema = SCHEMA,
                                  .shared_schema = "public",
                                  .table = "__drizzle_migrations",
                                  .lock_timeout_ms = 2000,
                                  .statement_timeout_ms = 30000}};
    for (size_t i = 0; i < n; i++) {
        char version[40];
        (void)snprintf(version, sizeof version, "%04zu_m", i + 1);
        if (migration_make(version, files[i], strlen(files[i]), 0, &items[i], &r->err))
            ck_abort_msg("%s", r->err.msg);
    }
    ck_assert_int_eq(catalog_new("tenant", items, n, &r->catalog, &r->err), ERR_NONE);
    r->access = (struct lane_access){.arg = &r->world,
                                     .open = world_open,
                                     .close = world_close,
                                     .begun = world_begun,
                                     .stopped = world_stopped};
    r->options.lane = &r->access;
}
#define RUN_INIT(r, ...)                                                                           \
    run_init(r, (const char *const[]){__VA_ARGS__},                                                \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void run_clear(struct run *r)
{
    apply_result_clear(&r->result);
    catalog_free(r->catalog);
}

static err_code run_go(struct run *r, struct pg *pg)
{
    apply_result_clear(&r->result);
    r->err = (struct err){.code = ERR_NONE};
    return apply_run(pg, r->catalog, NULL, &r->options, &r->result, &r->err);
}

static struct pg *new_schema(void)
{
    struct pg *pg = pg_fixture_connect();
    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS " QUOTED " CASCADE; CREATE SCHEMA " QUOTED);
    return pg;
}

static void assert_value(struct pg *pg, const char *sql, const char *expected)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    str_addf(&text, "SELECT (%s)::text AS v", sql);
    CLEANUP(freep) char *value = pg_fixture_value(pg, str_text(&text));
    ck_assert_msg(str_eq(value, expected), "%s: %s", sql, value);
}

/* The version that is begun, "" for none: in the schema, and in what the call said. */
static void assert_begun(struct run *r, struct pg *pg, const char *version)
{
    struct lane_mark mark;
    struct err err;
    ck_assert_int_eq(
        lane_mark_read(pg, SCHEMA, "__drizzle_migrations", &mark, NULL, &err), ERR_NONE);
    ck_assert_str_eq(mark.version, version);
    ck_assert_ptr_nonnull(r->result.now);
    ck_assert_str_eq(r->result.now->begun ? r->result.now->begun : "", version);
}

#define INDEX_IS(pg, name, valid)                                                                  \
    assert_value(pg,                                                                               \
                 "SELECT coalesce((SELECT indisvalid::text FROM pg_index i JOIN pg_class c"        \
                 " ON c.oid = i.indexrelid WHERE c.relname = '" name "' AND c.relnamespace ="      \
                 " '" QUOTED "'::regnamespace), 'none')",                                          \
                 valid)

START_TEST(each_statement_runs_alone_and_in_its_place)
{
    CLEANUP(pg_closep) struct pg *pg = new_schema();
    CLEANUP(run_clear) struct run r;

    RUN_INIT(&r, "CREATE TABLE t (a int, b text); INSERT INTO t SELECT g, g FROM generate_series(1, 9) g",
             "CREATE INDEX CONCURRENTLY by_a ON t (a);\nUPDATE t SET b = 'x' WHERE a = 1;\n"
             "CREATE INDEX CONCURRENTLY IF NOT EXISTS \"By B\" ON ONLY t (b);\n"
             "DROP INDEX CONCURRENTLY by_a;\nREINDEX INDEX CONCURRENTLY \"By B\";\n"
             "REINDEX (CONCURRENTLY) TABLE t; VACUUM (ANALYZE) t;",
             "ALTER TABLE t ADD c int",
             "-- tenantd: no-transaction\nCREATE TYPE mood AS ENUM ('a');"
             "ALTER TYPE mood ADD VALUE 'b';CREATE TABLE m (x mood DEFAULT 'b');"
             "DO $$ BEGIN INSERT INTO m DEFAULT VALUES; COMMIT; INSERT INTO m DEFAULT VALUES; END $$");
    if (run_go(&r, pg))
        ck_abort_msg("%s", r.err.msg);
    ck_assert_uint_eq(r.result.applied, 4);
    ck_assert_uint_eq(r.result.now->count, 4);
    ck_assert_int_eq(r.world.opened, 2);
    assert_begun(&r, pg, "");
    INDEX_IS(pg, "by_a", "none");
    INDEX_IS(pg, "By B", "true");
    assert_value(pg, "SELECT count(*) FROM " QUOTED ".m", "2");
    assert_value(pg, "SELECT count(*) FROM " QUOTED ".__drizzle_migrations", "4");
    assert_value(pg, "SELECT current_setting('search_path') ~ 'lane'", "false"); /* nothing is left */
    ck_assert(!pg_in_transaction(pg));
    ck_assert_int_eq(run_go(&r, pg), ERR_NONE);
    ck_assert_uint_eq(r.result.applied, 0);
}
END_TEST

START_TEST(a_new_schema_gets_all_of_it_in_one_transaction)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(run_clear) struct run r;

    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS " QUOTED " CASCADE");
    RUN_INIT(&r, "CREATE TABLE t (a int) PARTITION BY RANGE (a);"
             "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (1) TO (9)",
             "\xef\xbb\xbf-- \xc3\xa9\nCREATE INDEX /* CONCURRENTLY */ CONCURRENTLY i ON t1 (a); VACUUM t1;\n"
             "DROP INDEX CONCURRENTLY i; REINDEX TABLE CONCURRENTLY t1;"
             "ALTER TABLE t DETACH PARTITION t1 CONCURRENTLY; CREATE INDEX CONCURRENTLY j ON t1 (a)",
             "CREATE INDEX CONCURRENTLY j2 ON t1 (a);\nSELECT\n  nothing");
    r.options.create_schema = true;
    r.options.lane = NULL;
    r.options.target = "0002_m";
    if (run_go(&r, pg))
        ck_abort_msg("%s", r.err.msg);
    ck_assert_uint_eq(r.result.applied, 2);
    INDEX_IS(pg, "j", "true");
    pg_fixture_sql(pg, "DROP SCHEMA " QUOTED " CASCADE");
    r.options.target = NULL;
    ck_assert_int_eq(run_go(&r, pg), ERR_MIGRATION_FAILED);
    ck_assert_str_eq(r.result.failure.version, "0003_m");
    ck_assert(r.result.failure.line == 3 && r.result.failure.column == 3);
}
END_TEST

START_TEST(an_invalid_index_is_dropped_and_made_again)
{
    CLEANUP(pg_closep) struct pg *pg = new_schema();
    CLEANUP(run_clear) struct run r;

    RUN_INIT(&r, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)",
             "ALTER TABLE t ADD b int;\n"
             "  CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS u ON t (a)");
    ck_assert_int_eq(run_go(&r, pg), ERR_MIGRATION_FAILED);
    ck_assert_str_eq(r.result.failure.sqlstate, "23505");
    ck_assert_str_eq(r.result.failure.version, "0002_m");
    ck_assert(r.result.failure.statement == 2 && r.result.failure.line == 2 &&
              r.result.failure.column == 3);
    assert_begun(&r, pg, "0002_m");
    ck_assert_int_eq(r.world.begun, 1);
    INDEX_IS(pg, "u", "false");
    /* IF NOT EXISTS says that it is there: it is not taken at its word */
    ck_assert_int_eq(run_go(&r, pg), ERR_MIGRATION_FAILED);
    INDEX_IS(pg, "u", "false");
    pg_fixture_sql(pg, "DELETE FROM " QUOTED ".t");
    if (run_go(&r, pg))
        ck_abort_msg("%s", r.err.msg);
    ck_assert_uint_eq(r.result.applied, 1);
    assert_begun(&r, pg, "");
    INDEX_IS(pg, "u", "true");
}
END_TEST

START_TEST(a_failure_that_left_nothing_leaves_the_schema_clean)
{
    CLEANUP(pg_closep) struct pg *pg = new_schema();
    CLEANUP(run_clear) struct run r;

    RUN_INIT(&r, "CREATE TABLE t (a int); CREATE INDEX there ON t (a)",
             "CREATE INDEX CONCURRENTLY i ON t (\xc3\xa4,\n nothing)", "");
    ck_assert_int_eq(run_go(&r, pg), ERR_MIGRATION_FAILED);
    ck_assert_str_eq(r.result.failure.sqlstate, "42703");
    assert_begun(&r, pg, "");
    run_clear(&r);
    RUN_INIT(&r, "CREATE TABLE t (a int); CREATE INDEX there ON t (a)",
             "CREATE INDEX CONCURRENTLY there ON t (a)");
    ck_assert_int_eq(run_go(&r, pg), ERR_MIGRATION_FAILED);
    ck_assert_str_eq(r.result.failure.sqlstate, "42P07");
    assert_begun(&r, pg, "");
    run_clear(&r);
    RUN_INIT(&r, "CREATE TABLE t (a int); CREATE INDEX there ON t (a)",
             "-- tenantd: no-transaction\nINSERT INTO t VALUES (1);\nINSERT INTO t\n VALUES (nothing)");
    ck_assert_int_eq(run_go(&r, pg), ERR_MIGRATION_FAILED);
    ck_assert(r.result.failure.statement == 2 && r.result.failure.line == 4 &&
              r.result.failure.column == 10);
    assert_begun(&r, pg, "0002_m"); /* half of it is done, and is not done again */
    ck_assert_int_eq(run_go(&r, pg), ERR_MIGRATION_FAILED);
    assert_value(pg, "SELECT count(*) FROM " QUOTED ".t", "1");
}
END_TEST

/* A mark as a crash leaves it. */
static void mark(struct pg *pg, const struct run *r, size_t item, int done, bool running)
{
    CLEANUP(str_clear) struct str text = STR_INIT, sql = STR_INIT;
    struct lane_mark m = {.done = done, .running = running};

    (void)snprintf(m.version, sizeof m.version, "%s", r->catalog->items[item].version);
    (void)snprintf(m.sha256, sizeof m.sha256, "%s", r->catalog->items[item].sha256);
    lane_mark_write(&text, "somebody's words", &m);
    lane_mark_sql(&sql, QUOTED ".__drizzle_migrations", str_text(&text));
    pg_fixture_sql(pg, str_text(&sql));
}

START_TEST(what_a_crash_left_is_looked_up)
{
    CLEANUP(pg_closep) struct pg *pg = new_schema();
    CLEANUP(run_clear) struct run r;

    RUN_INIT(&r, "CREATE TABLE t (a int) PARTITION BY RANGE (a);"
             "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (1) TO (9);"
             "CREATE INDEX gone ON t1 (a); CREATE INDEX made ON t1 (a)",
             "CREATE INDEX CONCURRENTLY made ON t1 (a)", "DROP INDEX CONCURRENTLY gone",
             "ALTER TABLE t DETACH PARTITION t1 CONCURRENTLY");
    r.options.target = "0001_m";
    ck_assert_int_eq(run_go(&r, pg), ERR_NONE);
    r.options.target = "0002_m";
    mark(pg, &r, 1, 0, true); /* the index was made, nobody knows */
    if (run_go(&r, pg))
        ck_abort_msg("%s", r.err.msg);
    assert_begun(&r, pg, "");
    r.options.target = "0003_m";
    pg_fixture_sql(pg, "DROP INDEX " QUOTED ".gone");
    mark(pg, &r, 2, 0, true);
    ck_assert_int_eq(run_go(&r, pg), ERR_NONE);
    pg_fixture_sql(pg, "ALTER TABLE " QUOTED ".t DETACH PARTITION " QUOTED ".t1");
    mark(pg, &r, 3, 0, true);
    r.options.target = "0004_m";
    ck_assert_int_eq(run_go(&r, pg), ERR_NONE);
    assert_begun(&r, pg, "");
    assert_value(pg, "SELECT obj_description('" QUOTED ".__drizzle_migrations'::regclass)",
                 "somebody's words");
    /* not of this catalog, or other bytes: for a person to settle */
    mark(pg, &r, 3, 0, true);
    ck_assert_int_eq(run_go(&r, pg), ERR_HISTORY_DIVERGED);
    ck_assert_int_eq(lane_mark_resolve(pg, SCHEMA, "__drizzle_migrations", "0003_m", &r.err),
                     ERR_NOT_FOUND);
    ck_assert_int_eq(lane_mark_resolve(pg, SCHEMA, "__drizzle_migrations", "0004_m", &r.err),
                     ERR_NONE);
    ck_assert_int_eq(run_go(&r, pg), ERR_NONE);
    ck_assert_int_eq(lane_mark_resolve(pg, SCHEMA, "__drizzle_migrations", NULL, &r.err),
                     ERR_NOT_FOUND);
}
END_TEST

static void *cancel_soon(void *arg)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    bool cancelled = false;

    for (int64_t end = clock_mono_ms() + 20000; !cancelled && clock_mono_ms() < end;) {
        CLEANUP(freep) char *hit = pg_fixture_value(
            pg, "SELECT pg_cancel_backend(pid)::text AS v FROM pg_stat_activity WHERE query LIKE"
                " 'ALTER TABLE t DETACH%' AND wait_event_type = 'Lock'");
        cancelled = str_eq(hit, "true");
    }
    return arg;
}

START_TEST(a_detach_that_was_stopped_is_finalized)
{
    CLEANUP(pg_closep) struct pg *pg = new_schema(), *reader = pg_fixture_connect();
    CLEANUP(run_clear) struct run r;
    pthread_t thread;

    RUN_INIT(&r, "CREATE TABLE t (a int) PARTITION BY RANGE (a);"
             "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (1) TO (9)",
             "ALTER TABLE t DETACH PARTITION t1 CONCURRENTLY");
    r.options.target = "0001_m";
    ck_assert_int_eq(run_go(&r, pg), ERR_NONE);
    r.options.target = NULL;
    r.options.lock_timeout_ms = 0;
    pg_fixture_sql(reader, "BEGIN; SELECT * FROM " QUOTED ".t");
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    ck_assert_int_eq(run_go(&r, pg), ERR_MIGRATION_FAILED);
    (void)pthread_join(thread, NULL);
    ck_assert_str_eq(r.result.failure.sqlstate, "57014");
    assert_begun(&r, pg, "0002_m");
    assert_value(pg, "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = '" QUOTED
                     ".t1'::regclass", "true");
    pg_fixture_sql(reader, "COMMIT");
    if (run_go(&r, pg))
        ck_abort_msg("%s", r.err.msg);
    assert_value(pg, "SELECT count(*) FROM pg_inherits WHERE inhrelid = '" QUOTED
                     ".t1'::regclass", "0");
}
END_TEST

START_TEST(one_at_a_time_in_a_database)
{
    CLEANUP(pg_closep) struct pg *pg = new_schema(), *other = pg_fixture_connect();
    CLEANUP(run_clear) struct run r;

    RUN_INIT(&r, "CREATE TABLE t (a int)", "CREATE INDEX CONCURRENTLY i ON t (a)");
    pg_fixture_sql(other, "BEGIN; SELECT pg_advisory_xact_lock(32762622053872748)");
    ck_assert_int_eq(run_go(&r, pg), ERR_LOCK_UNAVAILABLE);
    ck_assert_str_eq(r.result.failure.step, "lane");
    ck_assert_uint_eq(r.result.applied, 1);
    INDEX_IS(pg, "i", "none");
    pg_fixture_sql(other, "ROLLBACK");
    ck_assert_int_eq(run_go(&r, pg), ERR_NONE);
    INDEX_IS(pg, "i", "true");
}
END_TEST

START_TEST(an_index_that_is_still_being_made_is_waited_for)
{
    CLEANUP(pg_closep) struct pg *pg = new_schema(), *other = pg_fixture_connect();
    CLEANUP(run_clear) struct run r;

    RUN_INIT(&r, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)",
             "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)");
    ck_assert_int_eq(run_go(&r, pg), ERR_MIGRATION_FAILED);
    pg_fixture_sql(other, "BEGIN; LOCK TABLE " QUOTED ".t IN SHARE UPDATE EXCLUSIVE MODE");
    ck_assert_int_eq(run_go(&r, pg), ERR_LOCK_UNAVAILABLE);
    assert_begun(&r, pg, "0002_m");
    INDEX_IS(pg, "i", "false");
    pg_fixture_sql(other, "ROLLBACK; DELETE FROM " QUOTED ".t");
    ck_assert_int_eq(run_go(&r, pg), ERR_NONE);
    INDEX_IS(pg, "i", "true");
}
END_TEST

START_TEST(it_stops_between_two_statements)
{
    CLEANUP(pg_closep) struct pg *pg = new_schema();
    CLEANUP(run_clear) struct run r;

    RUN_INIT(&r, "CREATE TABLE t (a int)", "CREATE INDEX CONCURRENTLY i ON t (a)");
    r.world.stop = true;
    ck_assert_int_eq(run_go(&r, pg), ERR_CANCELLED);
    assert_begun(&r, pg, "");
    r.world.stop = false;
    ck_assert_int_eq(run_go(&r, pg), ERR_NONE);
}
END_TEST

/* An idle transaction of ours, the one with the locks, must not be waited for: the index is made
 * while it is open, which would otherwise never end. Another tenant's open snapshot is waited for. */
START_TEST(a_timeout_leaves_it_begun)
{
    CLEANUP(pg_closep) struct pg *pg = new_schema(), *other = pg_fixture_connect();
    CLEANUP(run_clear) struct run r;

    RUN_INIT(&r, "CREATE TABLE t (a int)", "CREATE INDEX CONCURRENTLY i ON t (a)");
    pg_fixture_sql(other, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    r.options.statement_timeout_ms = 300;
    r.options.lock_timeout_ms = 50; /* not of this wait */
    ck_assert_int_eq(run_go(&r, pg), ERR_MIGRATION_FAILED);
    ck_assert_str_eq(r.result.failure.sqlstate, "57014");
    ck_assert(r.result.failure.line == 1 && r.result.failure.column == 1);
    assert_begun(&r, pg, "0002_m");
    pg_fixture_sql(other, "ROLLBACK");
    ck_assert_int_eq(run_go(&r, pg), ERR_NONE);
    INDEX_IS(pg, "i", "true");
}
END_TEST

int main(void)
{
    pg_fixture_start();
    Suite *suite = suite_create("lane");
    TCase *tcase = tcase_create("on PostgreSQL");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, each_statement_runs_alone_and_in_its_place);
    tcase_add_test(tcase, a_new_schema_gets_all_of_it_in_one_transaction);
    tcase_add_test(tcase, an_invalid_index_is_dropped_and_made_again);
    tcase_add_test(tcase, a_failure_that_left_nothing_leaves_the_schema_clean);
    tcase_add_test(tcase, what_a_crash_left_is_looked_up);
    tcase_add_test(tcase, a_detach_that_was_stopped_is_finalized);
    tcase_add_test(tcase, one_at_a_time_in_a_database);
    tcase_add_test(tcase, an_index_that_is_still_being_made_is_waited_for);
    tcase_add_test(tcase, it_stops_between_two_statements);
    tcase_add_test(tcase, a_timeout_leaves_it_begun);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
