/* SPDX-License-Identifier: MIT */
/* Many schemas in one message: each must end as it would have alone. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/str.h"
#include "core/migrate/apply.h"
#include "tests/support/pg_fixture.h"

enum { COUNT = 12, ODD = 7 }; /* one of them is unlike the others */

/* The second does what the table `odd` of a schema says; characters of several bytes come before. */
static const char *const texts[] = {
    "CREATE TABLE a (x int);",
    "CREATE TABLE b (x int);",
    "-- \xc3\xa9\xc3\xa9\nCREATE TABLE c (x int); /* \xe4\xb8\xad */\n  SELECT odd FROM whether;",
};

static struct pg *pg;
static struct catalog *catalog;
static struct applied_set *assumed; /* the first is applied */
static struct apply_one ones[COUNT];
static char names[COUNT][64];

static struct catalog *make_catalog(const char *const *sql, size_t n)
{
    struct migration *items = calloc(n, sizeof *items);
    struct catalog *made = NULL;
    struct err err;

    for (size_t i = 0; i < n; i++) {
        char version[32];
        (void)snprintf(version, sizeof version, "%04zu_m", i + 1);
        if (migration_make(version, sql[i], strlen(sql[i]), 0, &items[i], &err))
            ck_abort_msg("%s", err.msg);
    }
    ck_assert_int_eq(catalog_new("tenant", items, n, &made, &err), ERR_NONE);
    return made;
}

static struct apply_options options(void)
{
    return (struct apply_options){.shared_schema = "public",
                                  .table = "__drizzle_migrations",
                                  .async_commit = true,
                                  .lock_timeout_ms = 3000};
}

static void in_schema(struct pg *conn, size_t i, const char *sql)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    struct pg_ident ident;

    ck_assert_int_eq(pg_ident_quote(names[i], &ident, NULL), ERR_NONE);
    str_addf(&text, "SET search_path = %s, public; %s; RESET search_path", ident.sql, sql);
    pg_fixture_sql(conn, str_text(&text));
}

static void set_up(void)
{
    struct apply_options o = options();

    pg = pg_fixture_connect();
    catalog = make_catalog(texts, ARRAY_LEN(texts));
    o.target = "0001_m";
    pg_fixture_sql(pg, "DROP TABLE IF EXISTS public.whether; CREATE TABLE public.whether (odd int)");
    for (size_t i = 0; i < COUNT; i++) {
        CLEANUP(apply_result_clear) struct apply_result result;
        struct pg_ident ident;
        CLEANUP(str_clear) struct str drop = STR_INIT;
        (void)snprintf(names[i], sizeof names[i], i % 3 ? "m\xc3\xa9ny %zu" : "m'a\"n\\y%zu", i);
        ck_assert_int_eq(pg_ident_quote(names[i], &ident, NULL), ERR_NONE);
        str_addf(&drop, "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s", ident.sql, ident.sql);
        pg_fixture_sql(pg, str_text(&drop));
        o.schema = names[i];
        ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, NULL), ERR_NONE);
        if (!assumed)
            assumed = applied_set_copy(result.now);
        ones[i] = (struct apply_one){.schema = names[i]};
    }
}

static void tear_down(void)
{
    for (size_t i = 0; i < COUNT; i++)
        apply_result_clear(&ones[i].result);
    applied_set_free(assumed);
    assumed = NULL;
    catalog_free(catalog);
    pg_close(pg);
}

static size_t run(struct pg *conn, size_t from, size_t n, struct applied_set **now)
{
    struct apply_options o = options();
    return apply_many(conn, catalog, assumed, &o, &ones[from], n, now);
}

/* How many migrations the table of a schema tells of. */
static size_t recorded(struct pg *conn, size_t i)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    ck_assert_int_eq(
        tracking_read(conn, names[i], "__drizzle_migrations", TRACKING_NAME, &set, NULL), ERR_NONE);
    return set->count;
}

static void assert_done(size_t from, size_t to, size_t applied)
{
    for (size_t i = from; i < to; i++) {
        ck_assert_msg(ones[i].rc == ERR_NONE, "%zu: %s", i, ones[i].err.msg);
        ck_assert_uint_eq(ones[i].result.applied, applied);
        ck_assert_uint_eq(recorded(pg, i), ARRAY_LEN(texts));
    }
}

static void finish_rest(size_t from)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL;
    ck_assert_uint_eq(run(pg, from, COUNT - from, &now), COUNT - from);
    assert_done(from, COUNT, 2);
}

START_TEST(all_are_brought_to_the_target)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL, *read = NULL;

    ck_assert_uint_eq(run(pg, 0, COUNT, &now), COUNT);
    assert_done(0, COUNT, 2);
    ck_assert_int_eq(
        tracking_read(pg, names[3], "__drizzle_migrations", TRACKING_NAME, &read, NULL), ERR_NONE);
    ck_assert_str_eq(now->digest, read->digest);
    ck_assert(!ones[3].result.now);
}
END_TEST

/* Those before it are done, it is told apart, and the rest go on. */
START_TEST(a_failure_in_the_middle_is_its_own)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL;

    in_schema(pg, ODD, "CREATE TABLE whether (even int)");
    ck_assert_uint_eq(run(pg, 0, COUNT, &now), ODD + 1);
    assert_done(0, ODD, 2);
    const struct apply_failure *f = &ones[ODD].result.failure;
    ck_assert_int_eq(ones[ODD].rc, ERR_MIGRATION_FAILED);
    ck_assert_uint_eq(ones[ODD].result.applied, 1);
    ck_assert_str_eq(f->version, "0003_m");
    ck_assert_str_eq(f->sqlstate, "42703");
    ck_assert(f->statement == 2 && f->line == 3 && f->column == 10);
    ck_assert(ones[ODD].err.line == 3 && ones[ODD].err.column == 10);
    ck_assert_uint_eq(ones[ODD].result.now->count, 2);
    ck_assert_uint_eq(recorded(pg, ODD), 2);
    ck_assert_uint_eq(recorded(pg, ODD + 1), 1);
    finish_rest(ODD + 1);
}
END_TEST

START_TEST(one_that_is_busy_does_not_hold_up_the_others)
{
    CLEANUP(pg_closep) struct pg *other = pg_fixture_connect();
    CLEANUP(applied_set_freep) struct applied_set *now = NULL;
    char sql[100];

    (void)snprintf(sql, sizeof sql, "BEGIN; SELECT pg_advisory_xact_lock(%lld)",
                   (long long)apply_lock_key(names[ODD]));
    pg_fixture_sql(other, sql);
    ck_assert_uint_eq(run(pg, 0, COUNT, &now), ODD + 1);
    assert_done(0, ODD, 2);
    ck_assert_int_eq(ones[ODD].rc, ERR_LOCK_UNAVAILABLE);
    ck_assert_str_eq(ones[ODD].result.failure.step, "lock");
    ck_assert(!ones[ODD].result.now && !ones[ODD].result.applied);
    finish_rest(ODD + 1);
}
END_TEST

/* Somebody has migrated it, in whole or in part; or has dropped it. */
START_TEST(one_that_is_not_where_it_was_assumed_is_looked_at)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL;
    struct apply_options o = options();
    struct apply_result before;

    o.schema = names[ODD];
    o.target = _i == 1 ? "0002_m" : NULL;
    if (_i)
        ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &before, NULL), ERR_NONE);
    else
        in_schema(pg, ODD, "DROP TABLE __drizzle_migrations, a");
    if (_i)
        apply_result_clear(&before);
    ck_assert_uint_eq(run(pg, 0, COUNT, &now), ODD + 1);
    assert_done(0, ODD, 2);
    assert_done(ODD, ODD + 1, _i == 0 ? 3 : _i == 1 ? 1 : 0);
    ck_assert_uint_eq(ones[ODD].result.now->count, ARRAY_LEN(texts));
    finish_rest(ODD + 1);
}
END_TEST

START_TEST(a_schema_that_is_gone_fails_alone)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL;
    CLEANUP(str_clear) struct str drop = STR_INIT;
    struct pg_ident ident;

    ck_assert_int_eq(pg_ident_quote(names[ODD], &ident, NULL), ERR_NONE);
    str_addf(&drop, "DROP SCHEMA %s CASCADE", ident.sql);
    pg_fixture_sql(pg, str_text(&drop));
    ck_assert_uint_eq(run(pg, 0, COUNT, &now), ODD + 1);
    ck_assert_int_eq(ones[ODD].rc, ERR_SCHEMA_MISSING);
    finish_rest(ODD + 1);
}
END_TEST

/* What became of those that were not answered is not known: the next look reads it. */
START_TEST(after_a_lost_connection_nothing_is_done_twice)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL;
    CLEANUP(pg_closep) struct pg *lost = pg_fixture_connect();
    size_t done = 0;

    in_schema(pg, ODD, "CREATE VIEW whether AS SELECT pg_terminate_backend(pg_backend_pid()) AS odd");
    ck_assert_uint_eq(run(lost, 0, COUNT, &now), COUNT);
    ck_assert(!pg_alive(lost));
    while (done < COUNT && !ones[done].rc)
        done++;
    ck_assert_uint_le(done, ODD);
    for (size_t i = done; i < COUNT; i++) {
        ck_assert_int_eq(ones[i].rc, ERR_DATABASE_UNAVAILABLE);
        ck_assert(ones[i].result.failure.message[0] && !ones[i].result.now);
    }
    in_schema(pg, ODD, "DROP VIEW whether");
    for (size_t from = done; from < COUNT;) { /* those before ODD are found to be there */
        CLEANUP(applied_set_freep) struct applied_set *then = NULL;
        size_t ended = run(pg, from, COUNT - from, &then);
        assert_done(from, from + ended, ones[from].result.applied);
        from += ended;
    }
    ck_assert_uint_eq(recorded(pg, ODD), ARRAY_LEN(texts));
}
END_TEST

static void *cancel_the_sleep(void *arg)
{
    CLEANUP(pg_closep) struct pg *watch = pg_fixture_connect();
    char sleeps[120];

    (void)snprintf(sleeps, sizeof sleeps,
                   "SELECT count(*) AS v FROM pg_stat_activity WHERE pid = %d AND wait_event ="
                   " 'PgSleep'",
                   *(int *)arg);
    for (bool asleep = false; !asleep;) {
        CLEANUP(freep) char *value = pg_fixture_value(watch, sleeps);
        asleep = *value == '1';
    }
    (void)snprintf(sleeps, sizeof sleeps, "SELECT pg_cancel_backend(%d)", *(int *)arg);
    pg_fixture_sql(watch, sleeps);
    return NULL;
}

START_TEST(a_cancel_hits_one_and_loses_none)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL;
    int pid = pg_backend_pid(pg);
    pthread_t thread;

    in_schema(pg, ODD, "CREATE VIEW whether AS SELECT pg_sleep(60)::text AS odd");
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_the_sleep, &pid), 0);
    ck_assert_uint_eq(run(pg, 0, COUNT, &now), ODD + 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    assert_done(0, ODD, 2);
    ck_assert_str_eq(ones[ODD].result.failure.sqlstate, "57014");
    ck_assert_str_eq(ones[ODD].result.failure.version, "0003_m");
    ck_assert_uint_eq(ones[ODD].result.applied, 1);
    ck_assert_uint_eq(recorded(pg, ODD + 1), 1);
    finish_rest(ODD + 1);
}
END_TEST

START_TEST(a_message_has_an_end)
{
    CLEANUP(str_clear) struct str big = STR_INIT;
    const char *sql[2] = {texts[0]};
    size_t done = 0, calls = 0;

    str_add(&big, "CREATE TABLE big (x int); /*");
    for (int i = 0; i < 100000; i++)
        str_add_char(&big, 'x');
    str_add(&big, "*/");
    sql[1] = str_text(&big);
    catalog_free(catalog);
    catalog = make_catalog(sql, 2);
    for (; done < COUNT; calls++) {
        CLEANUP(applied_set_freep) struct applied_set *now = NULL;
        done += run(pg, done, COUNT - done, &now);
    }
    ck_assert(calls > 1 && calls < COUNT);
    for (size_t i = 0; i < COUNT; i++)
        ck_assert(!ones[i].rc && recorded(pg, i) == 2);
}
END_TEST

/* The server may know less than the parser that looked: then nothing of the message has run. */
START_TEST(what_the_server_cannot_parse_is_found_in_the_first)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL;
    struct migration *m = &catalog->items[2];

    memcpy(m->sql + m->sql_len - strlen("FROM whether;"), "FROM FROM er;", strlen("FROM whether;"));
    ck_assert_uint_eq(run(pg, 0, COUNT, &now), 1);
    ck_assert_str_eq(ones[0].result.failure.sqlstate, "42601");
    ck_assert_str_eq(ones[0].result.failure.version, "0003_m");
    ck_assert_int_eq(ones[0].result.failure.line, 3);
    for (size_t i = 0; i < COUNT; i++)
        ck_assert_uint_eq(recorded(pg, i), 1);
}
END_TEST

START_TEST(what_cannot_go_together_goes_alone)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL, *none = NULL;
    struct apply_options o = options();

    o.target = "0001_m"; /* nothing to do */
    ck_assert_uint_eq(apply_many(pg, catalog, assumed, &o, ones, COUNT, &none), 1);
    ck_assert(!ones[0].rc && !ones[0].result.applied && ones[0].result.now && !none);
    apply_result_clear(&ones[0].result);
    o.target = NULL; /* nothing assumed */
    ck_assert_uint_eq(apply_many(pg, catalog, NULL, &o, ones, COUNT, &now), 1);
    ck_assert(!ones[0].rc && ones[0].result.applied == 2);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    Suite *suite = suite_create("apply_many");
    TCase *tcase = tcase_create("on PostgreSQL");
    tcase_set_timeout(tcase, 90);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, all_are_brought_to_the_target);
    tcase_add_test(tcase, a_failure_in_the_middle_is_its_own);
    tcase_add_test(tcase, one_that_is_busy_does_not_hold_up_the_others);
    tcase_add_loop_test(tcase, one_that_is_not_where_it_was_assumed_is_looked_at, 0, 3);
    tcase_add_test(tcase, a_schema_that_is_gone_fails_alone);
    tcase_add_test(tcase, after_a_lost_connection_nothing_is_done_twice);
    tcase_add_test(tcase, a_cancel_hits_one_and_loses_none);
    tcase_add_test(tcase, a_message_has_an_end);
    tcase_add_test(tcase, what_the_server_cannot_parse_is_found_in_the_first);
    tcase_add_test(tcase, what_cannot_go_together_goes_alone);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
