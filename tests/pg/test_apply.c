/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/migrate/apply.h"
#include "core/migrate/sqlcheck.h"
#include "tests/support/pg_fixture.h"

struct file {
    const char *version, *sql;
    int64_t when_ms;
};

static struct catalog *make_catalog(const struct file *files, size_t n)
{
    struct migration *items = calloc(n + 1, sizeof *items);
    struct catalog *catalog = NULL;
    struct err err;

    for (size_t i = 0; i < n; i++)
        if (migration_make(files[i].version, files[i].sql, strlen(files[i].sql), files[i].when_ms,
                           &items[i], &err))
            ck_abort_msg("%s: %s", files[i].version, err.msg);
    ck_assert_int_eq(catalog_new("tenant", items, n, &catalog, &err), ERR_NONE);
    return catalog;
}

static const struct file ten[] = {
    {"0001_users", "CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE);", 1000},
    {"0002_orgs", "CREATE TABLE orgs (id int PRIMARY KEY); CREATE INDEX ON orgs (id);", 2000},
    {"0003_fk", "ALTER TABLE users ADD org int REFERENCES orgs (id) -- no newline", 3000},
    {"0004_comments", "-- nothing to do here", 4000},
    {"0005_func",
     "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;;\n;"
     "CREATE FUNCTION g() RETURNS void AS $$BEGIN PERFORM 1; END;$$ LANGUAGE plpgsql;",
     5000},
    {"0006_bom", "\xef\xbb\xbf"
                 "CREATE TABLE bom (\"\xc3\xa9\" int);\r\nSELECT ';';\r\n",
     6000},
    {"0007_data", "INSERT INTO orgs VALUES (1), (2); UPDATE orgs SET id = id + 10;", 7000},
    {"0008_view", "CREATE VIEW v AS SELECT * FROM users;", 8000},
    {"0009_do", "DO $$BEGIN EXECUTE 'CREATE TABLE made (x int)'; END$$;", 9000},
    {"0010_last", "ALTER TABLE made ADD y int;\n--> statement-breakpoint\nSELECT 1;", 10000},
};

static const struct file five[] = {
    {"0001_a", "CREATE TABLE a (x int);", 1},
    {"0002_b", "CREATE TABLE b (x int);", 2},
    {"0003_c", "CREATE TABLE c (x int);;;\n/* \xc3\xa9 */ INSERT INTO c VALUES (1);\n"
               "\n  SELECT '\xc3\xa9\xc3\xa9', nothing FROM c;\nSELECT 4;",
     3},
    {"0004_d", "CREATE TABLE d (x int);", 4},
    {"0005_e", "CREATE TABLE e (x int);", 5},
};

static struct apply_options options_for(const char *schema)
{
    return (struct apply_options){.schema = schema,
                                  .shared_schema = "public",
                                  .table = "__drizzle_migrations",
                                  .lock_timeout_ms = 3000,
                                  .statement_timeout_ms = 30000};
}

static void new_schema(struct pg *pg, const char *schema)
{
    char sql[400];
    struct pg_ident ident;
    struct err err;
    ck_assert_int_eq(pg_ident_quote(schema, &ident, &err), ERR_NONE);
    (void)snprintf(sql, sizeof sql, "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s", ident.sql,
                   ident.sql);
    pg_fixture_sql(pg, sql);
}

static void assert_value(struct pg *pg, const char *sql, const char *expected)
{
    CLEANUP(freep) char *value = pg_fixture_value(pg, sql);
    ck_assert_msg(strcmp(value, expected) == 0, "%s: %s", sql, value);
}

/* What the call said must be what the table says. */
static void assert_truth(struct pg *pg, const struct apply_options *o, const struct applied_set *now)
{
    CLEANUP(applied_set_freep) struct applied_set *read = NULL;
    struct err err;
    ck_assert_int_eq(tracking_read(pg, o->schema, o->table, now->format, &read, &err), ERR_NONE);
    ck_assert_str_eq(read->digest, now->digest);
    ck_assert_uint_eq(read->count, now->count);
    ck_assert(read->has_table == now->has_table && read->format == now->format);
}

static void apply_ok(struct pg *pg, const struct catalog *catalog,
                     const struct applied_set *assumed, const struct apply_options *o,
                     size_t applied)
{
    CLEANUP(apply_result_clear) struct apply_result result;
    struct err err;
    if (apply_run(pg, catalog, assumed, o, &result, &err))
        ck_abort_msg("%s (%s)", err.msg, result.failure.detail);
    ck_assert_uint_eq(result.applied, applied);
    ck_assert_ptr_nonnull(result.now);
    assert_truth(pg, o, result.now);
}

static const tracking_format formats[] = {TRACKING_NAME, TRACKING_HASH, TRACKING_DRIZZLE_KIT,
                                          TRACKING_DRIZZLE_KIT_V1};
static const char *const hostile[] = {"plain",
                                      "with\"quote'and\\slash",
                                      "Upper Case; DROP",
                                      "$1 -- %s {}",
                                      "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80",
                                      "a23456789012345678901234567890123456789012345678901234567890123"};

START_TEST(every_format_is_created_and_continued_in_every_schema)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(ten, ARRAY_LEN(ten));
    size_t format = (size_t)_i % ARRAY_LEN(formats);
    struct apply_options o = options_for(hostile[(size_t)_i / ARRAY_LEN(formats)]);

    new_schema(pg, o.schema);
    o.format = formats[format];
    o.target = "0004_comments";
    apply_ok(pg, catalog, NULL, &o, 4);
    o.target = NULL;
    o.async_commit = true;
    apply_ok(pg, catalog, NULL, &o, 6);
    apply_ok(pg, catalog, NULL, &o, 0);
}
END_TEST

START_TEST(provisioning_is_one_transaction)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(ten, ARRAY_LEN(ten));
    struct apply_options o = options_for(hostile[_i]);
    CLEANUP(apply_result_clear) struct apply_result result;
    struct err err;
    char sql[200];
    struct pg_ident ident;

    ck_assert_int_eq(pg_ident_quote(o.schema, &ident, &err), ERR_NONE);
    (void)snprintf(sql, sizeof sql, "DROP SCHEMA IF EXISTS %s CASCADE", ident.sql);
    pg_fixture_sql(pg, sql);
    o.create_schema = true;
    apply_ok(pg, catalog, NULL, &o, 10);
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_SCHEMA_EXISTS);
    ck_assert_str_eq(result.failure.step, "create_schema");
    ck_assert_uint_eq(result.applied, 0);
    o.create_schema = false;
    apply_ok(pg, catalog, NULL, &o, 0);
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(DISTINCT xmin::text)::text AS v FROM %s.__drizzle_migrations",
                   ident.sql);
    assert_value(pg, sql, "1");
}
END_TEST

START_TEST(a_failed_provisioning_leaves_nothing)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(five, ARRAY_LEN(five));
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("half");
    struct err err;

    o.create_schema = true;
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_MIGRATION_FAILED);
    ck_assert_uint_eq(result.applied, 0);
    ck_assert_str_eq(result.failure.version, "0003_c");
    assert_value(pg, "SELECT count(*)::text AS v FROM pg_namespace WHERE nspname = 'half'", "0");
}
END_TEST

START_TEST(what_was_committed_before_a_failure_stays_and_the_place_is_exact)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(five, ARRAY_LEN(five));
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("fails");
    struct err err;

    new_schema(pg, o.schema);
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_MIGRATION_FAILED);
    ck_assert_uint_eq(result.applied, 2);
    ck_assert_str_eq(result.failure.step, "migrate");
    ck_assert_str_eq(result.failure.version, "0003_c");
    ck_assert_str_eq(result.failure.sqlstate, "42703");
    ck_assert_int_eq(result.failure.statement, 3);
    ck_assert_int_eq(result.failure.line, 4); /* the column's own place, not the statement's */
    ck_assert_int_eq(result.failure.column, 16);
    ck_assert(err.line == 4 && err.column == 16);
    ck_assert_str_eq(err.subject, "0003_c");
    ck_assert_ptr_nonnull(result.now);
    assert_truth(pg, &o, result.now);
    assert_value(pg, "SELECT to_regclass('fails.c')::text AS v", "");
    assert_value(pg, "SELECT to_regclass('fails.b')::text AS v", "fails.b");
}
END_TEST

/* Statements that a careless count would be thrown off by, before one that fails at run time, where
 * PostgreSQL gives no position. */
static const struct {
    const char *sql;
    int statement, line, column;
} traps[] = {
    {";;\n-- c\n;SELECT 1;;SELECT 1/0", 2, 3, 12},
    {"DO $$BEGIN PERFORM 1; PERFORM 2; END$$; SELECT 1/0", 2, 1, 41},
    {"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\nSELECT 1/0",
     2, 2, 1},
    {"CREATE TABLE t (x int); CREATE TABLE l (x int);\nCREATE RULE r AS ON INSERT TO t DO ALSO"
     " (INSERT INTO l VALUES (1); INSERT INTO l VALUES (2));\nINSERT INTO t VALUES (1);\nSELECT 1/0",
     5, 4, 1},
    {"CREATE TABLE t (x int);\nCREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);\n"
     "INSERT INTO t VALUES (1);\nSELECT 1/0",
     4, 4, 1},
    {"CREATE TABLE t (x int);\nCREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING;\n"
     "INSERT INTO t VALUES (1);\nSELECT 1/0",
     4, 4, 1},
    {"CREATE TABLE t (x int); CREATE FUNCTION w() RETURNS trigger AS $$BEGIN RAISE NOTICE 'a';"
     " RETURN NEW; END$$ LANGUAGE plpgsql;\nCREATE TRIGGER w BEFORE INSERT ON t FOR EACH ROW"
     " EXECUTE FUNCTION w();\nINSERT INTO t VALUES (1), (2);\nSELECT 1/0",
     5, 4, 1},
    {"SELECT 1; SELECT 2 -- a\n/* b */ ; SELECT 1/0 -- end", 3, 2, 11},
    {"SAVEPOINT a; SELECT 1; ROLLBACK TO a; SELECT 1/0", 4, 1, 39},
    {"DO $$BEGIN EXECUTE 'SELEC'; END$$", 1, 1, 1},
    {"SELECT 1;\r\nCREATE TABLE \xc3\xa9 (\xc3\xa9\xc3\xa9 nosuch)", 2, 2, 20},
};

START_TEST(nothing_shifts_the_attribution)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct file files[] = {{"0001_\x61", "-- \xc3\xa9\nSELECT 1; SELECT 2", 1},
                           {"0002_trap", traps[_i].sql, 2}};
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(files, 2);
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("trap\xc3\xa9");
    struct err err;

    new_schema(pg, o.schema);
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_MIGRATION_FAILED);
    ck_assert_str_eq(result.failure.version, "0002_trap");
    ck_assert_msg(result.failure.statement == traps[_i].statement &&
                      result.failure.line == traps[_i].line &&
                      result.failure.column == traps[_i].column,
                  "%s: statement %d, %d:%d", traps[_i].sql, result.failure.statement,
                  result.failure.line, result.failure.column);
    ck_assert_uint_eq(result.applied, 1);
}
END_TEST

START_TEST(nothing_to_do_asks_the_server_nothing)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(ten, ARRAY_LEN(ten));
    struct apply_options o = options_for("idle");
    struct apply_result first, again;
    struct err err;

    new_schema(pg, o.schema);
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &first, &err), ERR_NONE);
    struct pg *dead = pg_fixture_connect();
    char sql[80];
    (void)snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)", pg_backend_pid(dead));
    pg_fixture_sql(pg, sql);
    ck_assert_int_eq(apply_run(dead, catalog, first.now, &o, &again, &err), ERR_NONE);
    ck_assert_uint_eq(again.applied, 0);
    ck_assert_str_eq(again.now->digest, first.now->digest);
    apply_result_clear(&again);
    ck_assert_int_eq(apply_run(dead, catalog, NULL, &o, &again, &err), ERR_DATABASE_UNAVAILABLE);
    ck_assert_ptr_null(again.now);
    apply_result_clear(&again);
    apply_result_clear(&first);
    pg_close(dead);
}
END_TEST

START_TEST(a_stale_assumption_is_planned_again)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(ten, ARRAY_LEN(ten));
    CLEANUP(applied_set_freep) struct applied_set *none = applied_set_empty(formats[_i]);
    CLEANUP(applied_set_freep) struct applied_set *three = NULL;
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("stale");
    struct err err;

    new_schema(pg, o.schema);
    o.target = "0003_fk";
    apply_ok(pg, catalog, none, &o, 3); /* right by luck */
    ck_assert_int_eq(tracking_read(pg, o.schema, o.table, TRACKING_NAME, &three, &err), ERR_NONE);
    ck_assert_int_eq(three->format, formats[_i]);
    o.target = "0005_func";
    apply_ok(pg, catalog, none, &o, 2); /* thought that there is no table */
    o.target = NULL;
    apply_ok(pg, catalog, three, &o, 5); /* thought that there are three */
    pg_fixture_sql(pg, "DROP SCHEMA stale CASCADE");
    ck_assert_int_eq(apply_run(pg, catalog, three, &o, &result, &err), ERR_SCHEMA_MISSING);
    apply_result_clear(&result);
    ck_assert_int_eq(apply_run(pg, catalog, none, &o, &result, &err), ERR_SCHEMA_MISSING);
    ck_assert_uint_eq(result.applied, 0);
    ck_assert_ptr_nonnull(result.failure.step);
}
END_TEST

START_TEST(a_table_of_unknown_shape_is_refused)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(five, 2);
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("shape");
    struct err err;

    new_schema(pg, o.schema);
    pg_fixture_sql(pg, "CREATE TABLE shape.__drizzle_migrations (version int)");
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_HISTORY_DIVERGED);
    assert_value(pg, "SELECT to_regclass('shape.a')::text AS v", "");
}
END_TEST

START_TEST(deviations_are_refused_unless_allowed)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(five, 2);
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("deviant");
    struct err err;

    new_schema(pg, o.schema);
    pg_fixture_sql(pg, "CREATE TABLE deviant.__drizzle_migrations (id serial PRIMARY KEY, name"
                       " varchar(255) NOT NULL UNIQUE, applied_at timestamptz DEFAULT now());"
                       "INSERT INTO deviant.__drizzle_migrations (name) VALUES ('0002_b'), ('0009_x')");
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_HISTORY_DIVERGED);
    ck_assert_str_eq(err.subject, "0009_x");
    o.allow = ALLOW_ORPHANED;
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_OUT_OF_ORDER);
    ck_assert_str_eq(err.subject, "0001_a");
    o.target = "0007_none";
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_UNKNOWN_TARGET);
    o.target = NULL;
    o.allow = ALLOW_ORPHANED | ALLOW_OUT_OF_ORDER;
    apply_ok(pg, catalog, NULL, &o, 1);
}
END_TEST

START_TEST(drizzle_finds_its_own_dates)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct file files[] = {{"0001_a", "CREATE TABLE a (x int);", 1700000000001},
                           {"0002_b", "CREATE TABLE b (x int);", 1700000000002},
                           {"0003_c", "CREATE TABLE c (x int);", 0}};
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(files, 3);
    struct apply_options o = options_for("drizzle");
    char sql[300];

    new_schema(pg, o.schema);
    pg_fixture_sql(pg, "CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text"
                       " NOT NULL, created_at bigint); CREATE TABLE drizzle.a (x int)");
    /* written by drizzle-multitenant: the date is its own, far in the future here */
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO drizzle.__drizzle_migrations (hash, created_at)"
                   " VALUES ('%s', 99999999999999)",
                   catalog->items[0].sha256);
    pg_fixture_sql(pg, sql);
    apply_ok(pg, catalog, NULL, &o, 2);
    assert_value(pg,
                 "SELECT string_agg(created_at::text, ' ' ORDER BY id) AS v"
                 " FROM drizzle.__drizzle_migrations",
                 "99999999999999 1700000000002 99999999999999");
}
END_TEST

/* A catalog whose statements were never looked at: the run-time check is the second lock. */
START_TEST(a_migration_that_ends_its_transaction_is_caught)
{
    static const char *const texts[] = {"COMMIT", "ROLLBACK; BEGIN", "COMMIT AND CHAIN"};
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(five, 2);
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("ends");
    struct migration *m = &catalog->items[0];
    struct err err;

    new_schema(pg, o.schema);
    free(m->sql);
    m->sql = strdup(texts[_i]);
    m->sql_len = m->run_to = strlen(m->sql);
    m->statement_count = _i == 1 ? 2 : 1;
    m->statements = realloc(m->statements, 2 * sizeof *m->statements);
    m->statements[1] = m->statements[0];
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_MIGRATION_FAILED);
    ck_assert_str_eq(result.failure.sqlstate, "2D000");
    ck_assert_str_eq(result.failure.version, "0001_a");
    ck_assert_uint_eq(result.applied, 0);
    assert_value(pg, "SELECT to_regclass('ends.b')::text AS v", "");
    ck_assert(!pg_in_transaction(pg));
}
END_TEST

/* The server may know less than the parser that looked: nothing runs then, and the place is told. */
START_TEST(a_syntax_error_of_the_servers_own_has_its_place)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(five, 3);
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("older");
    struct migration *m = &catalog->items[1];
    struct err err;

    new_schema(pg, o.schema);
    free(m->sql);
    m->sql = strdup("-- \xc3\xa9\nSELECT '\xc3\xa9';\n  SELECT 1 NEWER SYNTAX;");
    m->sql_len = m->run_to = strlen(m->sql);
    m->statement_count = 2;
    m->statements = realloc(m->statements, 2 * sizeof *m->statements);
    m->statements[0] = (struct statement){.offset = 6, .length = 11, .line = 2, .column = 1};
    m->statements[1] = (struct statement){.offset = 21, .length = 21, .line = 3, .column = 3};
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_MIGRATION_FAILED);
    ck_assert_str_eq(result.failure.sqlstate, "42601");
    ck_assert_str_eq(result.failure.version, "0002_b");
    ck_assert_int_eq(result.failure.statement, 2);
    ck_assert(result.failure.line == 3 && result.failure.column == 18);
    ck_assert_uint_eq(result.applied, 0);
    ck_assert_ptr_null(result.now); /* the guard did not run */
    assert_value(pg, "SELECT to_regclass('older.a')::text AS v", "");
}
END_TEST

START_TEST(a_procedure_cannot_end_the_transaction)
{
    static const char *const texts[] = {
        "CREATE PROCEDURE p() AS $$BEGIN COMMIT; END$$ LANGUAGE plpgsql; CALL p()",
        "DO $$BEGIN ROLLBACK; END$$",
        "SELECT set_config('tenantd.nonce', '', true)",
    };
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct file files[] = {{"0001_a", texts[_i], 1}};
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(files, 1);
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("proc");
    struct err err;

    new_schema(pg, o.schema);
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_MIGRATION_FAILED);
    ck_assert_str_eq(result.failure.sqlstate, "2D000");
    ck_assert_ptr_nonnull(result.now);
    assert_truth(pg, &o, result.now);
}
END_TEST

struct racer {
    const struct catalog *catalog;
    const struct apply_options *options;
    size_t applied;
    int busy;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    int64_t deadline = clock_mono_ms() + 60000;

    while (clock_mono_ms() < deadline) {
        CLEANUP(apply_result_clear) struct apply_result result;
        struct err err;
        err_code rc = apply_run(pg, r->catalog, NULL, r->options, &result, &err);
        r->applied += result.applied;
        if (rc == ERR_NONE)
            return NULL;
        if (rc != ERR_LOCK_UNAVAILABLE)
            ck_abort_msg("%s", err.msg);
        r->busy++;
    }
    return NULL;
}

START_TEST(two_at_once_apply_nothing_twice)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct file files[40];
    char names[40][16], texts[40][80];
    pthread_t threads[4];
    struct apply_options o = options_for("raced");
    struct racer racers[4];
    size_t applied = 0;

    for (size_t i = 0; i < 40; i++) { /* would not fail when applied twice */
        (void)snprintf(names[i], sizeof names[i], "%04zu_x", i);
        (void)snprintf(texts[i], sizeof texts[i],
                       "CREATE TABLE IF NOT EXISTS n (i int); INSERT INTO n VALUES (%zu)", i);
        files[i] = (struct file){names[i], texts[i], 0};
    }
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(files, 40);
    o.format = formats[_i];
    new_schema(pg, o.schema);
    for (size_t i = 0; i < 4; i++) {
        racers[i] = (struct racer){.catalog = catalog, .options = &o};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        applied += racers[i].applied;
    }
    ck_assert_uint_eq(applied, 40);
    assert_value(pg, "SELECT count(*)::text AS v FROM raced.n", "40");
    assert_value(pg, "SELECT count(DISTINCT i)::text AS v FROM raced.n", "40");
    assert_value(pg, "SELECT count(*)::text AS v FROM raced.__drizzle_migrations", "40");
}
END_TEST

START_TEST(somebody_elses_locks_are_not_waited_for_long)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect(), *other = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(ten, ARRAY_LEN(ten));
    CLEANUP(apply_result_clear) struct apply_result result, later;
    struct apply_options o = options_for("locked");
    struct err err;
    char sql[100];

    later = (struct apply_result){.now = NULL};
    new_schema(pg, o.schema);
    (void)snprintf(sql, sizeof sql, "BEGIN; SELECT pg_advisory_xact_lock(%lld)",
                   (long long)apply_lock_key(o.schema));
    pg_fixture_sql(other, sql);
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_LOCK_UNAVAILABLE);
    ck_assert_str_eq(result.failure.step, "lock");
    ck_assert_ptr_null(result.now);
    pg_fixture_sql(other, "COMMIT");
    o.target = "0002_orgs";
    apply_ok(pg, catalog, NULL, &o, 2);
    pg_fixture_sql(other, "BEGIN; SELECT * FROM locked.users");
    o.target = NULL;
    o.lock_timeout_ms = 50;
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &later, &err), ERR_LOCK_UNAVAILABLE);
    ck_assert_str_eq(later.failure.step, "migrate");
    ck_assert_str_eq(later.failure.version, "0003_fk");
    ck_assert_int_eq(later.failure.statement, 1);
    ck_assert_str_eq(later.failure.sqlstate, "55P03");
    ck_assert(err_is_retryable(err.code));
    assert_truth(pg, &o, later.now);
    pg_fixture_sql(other, "COMMIT");
    apply_ok(pg, catalog, NULL, &o, 8);
}
END_TEST

START_TEST(a_deadline_ends_a_hanging_statement)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct file files[] = {{"0001_a", "CREATE TABLE a (x int);", 1},
                           {"0002_b", "SELECT pg_sleep(60)", 2}};
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(files, 2);
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("hangs");
    struct err err;
    int64_t start = clock_mono_ms();

    new_schema(pg, o.schema);
    o.deadline_ms = _i ? 300 : 0;
    o.statement_timeout_ms = _i ? 0 : 300;
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_MIGRATION_FAILED);
    ck_assert_int_lt(clock_mono_ms() - start, 20000);
    ck_assert_uint_eq(result.applied, 1);
    ck_assert_str_eq(result.failure.version, "0002_b");
    ck_assert_str_eq(result.failure.sqlstate, "57014");
    assert_truth(pg, &o, result.now);
}
END_TEST

START_TEST(a_lost_backend_leaves_whole_migrations)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct file files[] = {
        {"0001_a", "CREATE TABLE a (x int);", 1},
        {"0002_b", "CREATE TABLE b (x int); SELECT pg_terminate_backend(pg_backend_pid())", 2}};
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(files, 2);
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("killed");
    struct err err;

    new_schema(pg, o.schema);
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_DATABASE_UNAVAILABLE);
    ck_assert_uint_eq(result.applied, 1);
    ck_assert_str_eq(result.failure.version, "0002_b");
    ck_assert_ptr_null(result.now); /* not known: read it */
    ck_assert(!pg_alive(pg));
    CLEANUP(pg_closep) struct pg *again = pg_fixture_connect();
    assert_value(again, "SELECT count(*)::text AS v FROM killed.__drizzle_migrations", "1");
    assert_value(again, "SELECT to_regclass('killed.b')::text AS v", "");
}
END_TEST

START_TEST(a_deferred_constraint_fails_at_commit)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct file files[] = {{"0001_a",
                            "CREATE TABLE a (x int PRIMARY KEY, y int REFERENCES a DEFERRABLE"
                            " INITIALLY DEFERRED); INSERT INTO a VALUES (1, 2)",
                            1}};
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(files, 1);
    CLEANUP(apply_result_clear) struct apply_result result;
    struct apply_options o = options_for("deferred");
    struct err err;

    new_schema(pg, o.schema);
    ck_assert_int_eq(apply_run(pg, catalog, NULL, &o, &result, &err), ERR_MIGRATION_FAILED);
    ck_assert_str_eq(result.failure.step, "commit");
    ck_assert_str_eq(result.failure.version, "0001_a");
    ck_assert_str_eq(result.failure.sqlstate, "23503");
    ck_assert_uint_eq(result.applied, 0);
    assert_truth(pg, &o, result.now);
}
END_TEST

START_TEST(the_preview_is_what_runs)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(catalog_freep) struct catalog *catalog = make_catalog(ten, ARRAY_LEN(ten));
    CLEANUP(applied_set_freep) struct applied_set *set = applied_set_empty(formats[_i]);
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct apply_options o = options_for("preview");
    struct err err;

    new_schema(pg, o.schema);
    ck_assert_int_eq(apply_preview(catalog, set, &o, &sql, &err), ERR_NONE);
    ck_assert_ptr_nonnull(strstr(str_text(&sql), "SET LOCAL search_path = \"preview\", \"public\""));
    pg_fixture_sql(pg, str_text(&sql));
    apply_ok(pg, catalog, NULL, &o, 0);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    Suite *suite = suite_create("apply");
    TCase *tcase = tcase_create("on PostgreSQL");
    const int n_formats = (int)ARRAY_LEN(formats), n_names = (int)ARRAY_LEN(hostile);
    tcase_set_timeout(tcase, 90);
    tcase_add_loop_test(tcase, every_format_is_created_and_continued_in_every_schema, 0,
                        n_formats * n_names);
    tcase_add_loop_test(tcase, provisioning_is_one_transaction, 0, n_names);
    tcase_add_test(tcase, a_failed_provisioning_leaves_nothing);
    tcase_add_test(tcase, what_was_committed_before_a_failure_stays_and_the_place_is_exact);
    tcase_add_loop_test(tcase, nothing_shifts_the_attribution, 0, (int)ARRAY_LEN(traps));
    tcase_add_test(tcase, nothing_to_do_asks_the_server_nothing);
    tcase_add_loop_test(tcase, a_stale_assumption_is_planned_again, 0, n_formats);
    tcase_add_test(tcase, a_table_of_unknown_shape_is_refused);
    tcase_add_test(tcase, deviations_are_refused_unless_allowed);
    tcase_add_test(tcase, drizzle_finds_its_own_dates);
    tcase_add_loop_test(tcase, a_migration_that_ends_its_transaction_is_caught, 0, 3);
    tcase_add_test(tcase, a_syntax_error_of_the_servers_own_has_its_place);
    tcase_add_loop_test(tcase, a_procedure_cannot_end_the_transaction, 0, 3);
    tcase_add_loop_test(tcase, two_at_once_apply_nothing_twice, 0, n_formats);
    tcase_add_test(tcase, somebody_elses_locks_are_not_waited_for_long);
    tcase_add_loop_test(tcase, a_deadline_ends_a_hanging_statement, 0, 2);
    tcase_add_test(tcase, a_lost_backend_leaves_whole_migrations);
    tcase_add_test(tcase, a_deferred_constraint_fails_at_commit);
    tcase_add_loop_test(tcase, the_preview_is_what_runs, 0, n_formats);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
