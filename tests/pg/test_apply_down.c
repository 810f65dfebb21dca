/* SPDX-License-Identifier: MIT */
/* Taking migrations back in a schema: every format, failures and their places, others' changes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/apply.h"
#include "core/migrate/down.h"
#include "tests/support/pg_fixture.h"

/* 0001_a … 0005_e; a and b have a section, d and e equal bytes. */
static const struct {
    const char *version, *sql, *down;
} files[] = {
    {"0001_a", "CREATE TABLE a (x int);\n-- migrate:down\nDROP TABLE a;\n", NULL},
    {"0002_b",
     "CREATE TABLE b (x int); SELECT '\xc3\xa9';\n-- migrate:down\nSELECT '\xc3\xa9';\n"
     "  DROP TABLE b; /* \xc3\xa9 */ SELECT 1/(SELECT count(*) FROM hindrance);\n",
     NULL},
    {"0003_c", "CREATE TABLE c (x int);",
     "\xef\xbb\xbf"
     "DROP TABLE c -- no newline"},
    {"0004_d", "INSERT INTO a VALUES (1);", "DELETE FROM a;"},
    {"0005_e", "INSERT INTO a VALUES (1);", "DELETE FROM a;"},
};

static struct catalog *make_catalog(void)
{
    struct migration *items = calloc(ARRAY_LEN(files), sizeof *items);
    struct catalog *catalog = NULL;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (migration_make(files[i].version, files[i].sql, strlen(files[i].sql),
                           1000 * (int64_t)(i + 1), &items[i], &err))
            ck_abort_msg("%s", err.msg);
        if (files[i].down)
            ck_assert(!migration_set_down(&items[i], files[i].down, strlen(files[i].down), &err));
    }
    ck_assert(!catalog_new("tenant", items, ARRAY_LEN(files), &catalog, &err));
    return catalog;
}

static struct apply_options options(const char *schema, tracking_format format)
{
    return (struct apply_options){.schema = schema,
                                  .shared_schema = "public",
                                  .table = "__drizzle_migrations",
                                  .format = format,
                                  .lock_timeout_ms = 3000,
                                  .statement_timeout_ms = 30000};
}

/* A schema with all five applied, and what the second's way back counts. */
static void migrated(struct pg *pg, const struct catalog *catalog, const struct apply_options *o)
{
    CLEANUP(apply_result_clear) struct apply_result result;
    char sql[200];
    struct err err;

    (void)snprintf(sql, sizeof sql,
                   "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s;"
                   "CREATE TABLE %s.hindrance (x int)",
                   o->schema, o->schema, o->schema);
    pg_fixture_sql(pg, sql);
    if (apply_run(pg, catalog, NULL, o, &result, &err))
        ck_abort_msg("%s", err.msg);
    ck_assert_uint_eq(result.applied, 5);
}

static void assert_value(struct pg *pg, const char *sql, const char *expected)
{
    CLEANUP(freep) char *value = pg_fixture_value(pg, sql);
    ck_assert_msg(strcmp(value, expected) == 0, "%s: %s", sql, value);
}

#define TABLES(schema)                                                                             \
    "SELECT coalesce(string_agg(tablename, ' ' ORDER BY tablename), '') AS v FROM pg_tables"       \
    " WHERE schemaname = '" schema "' AND length(tablename) = 1"
#define ROWS(schema) "SELECT count(*)::text AS v FROM " schema ".__drizzle_migrations"

/* What the call said must be what the table says. */
static void assert_truth(struct pg *pg, const struct apply_options *o,
                         const struct applied_set *now)
{
    CLEANUP(applied_set_freep) struct applied_set *read = NULL;
    ck_assert_ptr_nonnull(now);
    ck_assert(!tracking_read(pg, o->schema, o->table, now->format, &read, NULL));
    ck_assert_str_eq(read->digest, now->digest);
    ck_assert_uint_eq(read->count, now->count);
}

static void down_ok(struct pg *pg, const struct catalog *catalog, const struct applied_set *assumed,
                    const struct apply_options *o, size_t reverted)
{
    CLEANUP(apply_result_clear) struct apply_result result;
    struct err err;
    if (apply_run(pg, catalog, assumed, o, &result, &err))
        ck_abort_msg("%s (%s)", err.msg, result.failure.detail);
    ck_assert_uint_eq(result.applied, reverted);
    assert_truth(pg, o, result.now);
}

static const tracking_format formats[] = {TRACKING_NAME, TRACKING_HASH, TRACKING_DRIZZLE_KIT,
                                          TRACKING_DRIZZLE_KIT_V1};

START_TEST(step_by_step_in_every_format)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog();
    struct apply_options o = options("down_steps", formats[_i]);

    migrated(pg, catalog, &o);
    pg_fixture_sql(pg, "INSERT INTO down_steps.hindrance VALUES (1)");
    o.down = true;
    o.target = "0005_e";
    down_ok(pg, catalog, NULL, &o, 0);
    o.target = "0004_d";
    down_ok(pg, catalog, NULL, &o, 1);
    assert_value(pg, ROWS("down_steps"), "4");
    o.target = "0002_b";
    down_ok(pg, catalog, NULL, &o, 2);
    assert_value(pg, TABLES("down_steps"), "a b");
    down_ok(pg, catalog, NULL, &o, 0); /* again */
    o.down = false;
    o.target = NULL;
    down_ok(pg, catalog, NULL, &o, 3); /* and there again */
    assert_value(pg, TABLES("down_steps"), "a b c");
    o.down = true;
    o.target = "none";
    down_ok(pg, catalog, NULL, &o, 5);
    assert_value(pg, TABLES("down_steps"), "");
    assert_value(pg, ROWS("down_steps"), "0");
}
END_TEST

START_TEST(a_failure_has_its_place_in_the_file)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog();
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options("down_fails", TRACKING_NAME);
    struct err err;

    migrated(pg, catalog, &o);
    pg_fixture_sql(pg, "DROP TABLE down_fails.hindrance");
    o.down = true;
    o.target = "0001_a";
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_MIGRATION_FAILED);
    ck_assert_uint_eq(result.applied, 3); /* what was committed stays so */
    ck_assert_str_eq(result.failure.version, "0002_b");
    ck_assert_str_eq(result.failure.sqlstate, "42P01");
    ck_assert_int_eq(result.failure.statement, 3);
    ck_assert_int_eq(result.failure.line, 4);
    ck_assert_int_eq(result.failure.column, 56);
    assert_truth(pg, &o, result.now);
    assert_value(pg, TABLES("down_fails"), "a b");
    assert_value(pg, ROWS("down_fails"), "2");
}
END_TEST

START_TEST(back_to_where_it_was)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog();
    CLEANUP(applied_set_freep) struct applied_set *before = NULL;
    struct apply_options o = options("down_back", TRACKING_HASH);

    migrated(pg, catalog, &o);
    o.down = true;
    o.target = "0003_c";
    down_ok(pg, catalog, NULL, &o, 2);
    ck_assert(!tracking_read(pg, o.schema, o.table, o.format, &before, NULL));
    o.down = false;
    o.target = NULL;
    down_ok(pg, catalog, NULL, &o, 2);
    o.down = true;
    o.back_to = before;
    down_ok(pg, catalog, NULL, &o, 2);
    assert_value(pg, ROWS("down_back"), "3");
    down_ok(pg, catalog, NULL, &o, 0);
}
END_TEST

START_TEST(what_is_refused_leaves_everything)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog();
    CLEANUP(apply_result_clear) struct apply_result none = {.now = NULL}, orphan = {.now = NULL};
    struct apply_options o = options("down_refused", TRACKING_NAME);
    struct err err;

    migrated(pg, catalog, &o);
    migration_clear(catalog->items[2].down);
    free(catalog->items[2].down);
    catalog->items[2].down = NULL;
    o.down = true;
    o.target = "0001_a";
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &none, &err), ERR_NO_DOWN_MIGRATION);
    ck_assert_str_eq(err.subject, "0003_c");
    assert_value(pg, ROWS("down_refused"), "5"); /* not even what could have been */
    pg_fixture_sql(pg, "INSERT INTO down_refused.__drizzle_migrations (name) VALUES ('0009_x')");
    o.target = "0004_d";
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &orphan, &err), ERR_HISTORY_DIVERGED);
    assert_value(pg, ROWS("down_refused"), "6");
}
END_TEST

/* The guard holds both ways: what somebody else did since is seen, and planned anew. */
START_TEST(a_stale_assumption_is_read_again)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog();
    CLEANUP(applied_set_freep) struct applied_set *assumed = NULL;
    struct apply_options o = options("down_stale", TRACKING_NAME);

    migrated(pg, catalog, &o);
    ck_assert(!tracking_read(pg, o.schema, o.table, o.format, &assumed, NULL));
    pg_fixture_sql(pg, "DELETE FROM down_stale.__drizzle_migrations WHERE name = '0005_e'");
    o.down = true;
    o.target = "0003_c";
    down_ok(pg, catalog, assumed, &o, 1);
    assert_value(pg, ROWS("down_stale"), "3");
}
END_TEST

START_TEST(the_preview_is_what_runs)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog();
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct apply_options o = options("down_preview", TRACKING_NAME);
    struct err err;

    migrated(pg, catalog, &o);
    ck_assert(!tracking_read(pg, o.schema, o.table, o.format, &set, NULL));
    o.down = true;
    o.target = "0002_b";
    ck_assert(!apply_preview(catalog, set, &o, &sql, &err));
    const char *e = strstr(str_text(&sql), "-- 0005_e down"),
               *c = strstr(str_text(&sql), "DROP TABLE c");
    ck_assert(e && c && e < c);
    ck_assert_ptr_nonnull(strstr(str_text(&sql), "DELETE FROM \"down_preview\""));
    ck_assert_ptr_null(strstr(str_text(&sql), "CREATE TABLE"));
}
END_TEST

int main(void)
{
    pg_fixture_start();
    Suite *suite = suite_create("apply_down");
    TCase *tcase = tcase_create("on PostgreSQL");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, step_by_step_in_every_format, 0, (int)ARRAY_LEN(formats));
    tcase_add_test(tcase, a_failure_has_its_place_in_the_file);
    tcase_add_test(tcase, back_to_where_it_was);
    tcase_add_test(tcase, what_is_refused_leaves_everything);
    tcase_add_test(tcase, a_stale_assumption_is_read_again);
    tcase_add_test(tcase, the_preview_is_what_runs);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
