/* SPDX-License-Identifier: MIT */
/* Whole schemas: found by pattern, dropped in chunks whatever is in them and however often. */
#include <check.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/tenant/schema_ops.h"
#include "tests/support/pg_fixture.h"

enum { KEY = 4711, LOCK_MS = 300 };

static int64_t PRINTF_LIKE(2, 3) ask(struct pg *pg, const char *format, ...)
{
    char sql[1000];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    CLEANUP(freep) char *text = pg_fixture_value(pg, sql);
    return strtoll(text, NULL, 10);
}

static bool has_schema(struct pg *pg, const char *name)
{
    return ask(pg, "SELECT count(*) AS v FROM pg_namespace WHERE nspname = '%s'", name) == 1;
}

static err_code drop(struct pg *pg, const char *schema, struct err *err)
{
    err_code rc = schema_drop(pg, schema, KEY, LOCK_MS, err);
    ck_assert(!pg_in_transaction(pg));
    return rc;
}

START_TEST(a_schema_of_hundreds_of_tables_goes)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    pg_fixture_sql(pg, "CREATE SCHEMA big; DO $$ BEGIN FOR i IN 1..400 LOOP EXECUTE format("
                       "'CREATE TABLE big.t%s (id serial PRIMARY KEY, x text UNIQUE)', i);"
                       " END LOOP; END $$");
    ck_assert_int_eq(drop(pg, "big", NULL), ERR_NONE);
    ck_assert(!has_schema(pg, "big"));
    ck_assert_int_eq(drop(pg, "big", NULL), ERR_NONE); /* a schema that is not there is fine */
}
END_TEST

START_TEST(everything_that_can_be_in_a_schema_goes)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    pg_fixture_sql(
        pg, "CREATE SCHEMA \"Odd\"\"Name\"; SET search_path = \"Odd\"\"Name\";"
            "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);"
            "CREATE SEQUENCE counter; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
            "CREATE TABLE parent (id int PRIMARY KEY, m mood, p positive) PARTITION BY RANGE (id);"
            "CREATE TABLE part1 PARTITION OF parent FOR VALUES FROM (0) TO (10);"
            "CREATE TABLE part2 PARTITION OF parent FOR VALUES FROM (10) TO (20);"
            "CREATE TABLE child (id int REFERENCES parent, up int);"
            "CREATE TABLE me (id int PRIMARY KEY, up int REFERENCES me);"
            "CREATE TABLE x (id int PRIMARY KEY, y int); CREATE TABLE y (id int PRIMARY KEY, x int"
            " REFERENCES x); ALTER TABLE x ADD FOREIGN KEY (y) REFERENCES y;"
            "CREATE VIEW v1 AS SELECT * FROM child; CREATE VIEW v2 AS SELECT * FROM v1;"
            "CREATE MATERIALIZED VIEW mv AS SELECT * FROM v2; CREATE INDEX ON mv (id);"
            "CREATE TABLE base (id int); CREATE TABLE heir () INHERITS (base);"
            "CREATE TABLE \"quo\"\"te; DROP TABLE x\" (id int); RESET search_path");
    ck_assert_int_eq(drop(pg, "Odd\"Name", NULL), ERR_NONE);
    ck_assert(!has_schema(pg, "Odd\"Name"));
}
END_TEST

/* The neighbours keep their tables and rows; what pointed into the schema is gone. */
START_TEST(other_schemas_lose_only_what_pointed_here)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    pg_fixture_sql(pg, "CREATE SCHEMA gone; CREATE TABLE gone.t (id int PRIMARY KEY);"
                       "CREATE SCHEMA stays; CREATE TABLE stays.t (id int PRIMARY KEY,"
                       " g int REFERENCES gone.t); INSERT INTO gone.t VALUES (1);"
                       "INSERT INTO stays.t VALUES (1, 1);"
                       "CREATE VIEW stays.own AS SELECT * FROM stays.t;"
                       "CREATE VIEW stays.pointing AS SELECT * FROM gone.t");
    ck_assert_int_eq(drop(pg, "gone", NULL), ERR_NONE);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM stays.own WHERE g = 1"), 1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_constraint WHERE contype = 'f'"
                             " AND conrelid = 'stays.t'::regclass"),
                     0);
    pg_fixture_sql(pg, "DROP SCHEMA stays CASCADE");
}
END_TEST

/* Dropped with the schema, an extension would take the columns of other tenants along. */
START_TEST(an_extension_is_never_dropped_along)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct err err;

    if (!ask(pg, "SELECT count(*) AS v FROM pg_available_extensions WHERE name = 'citext'"))
        return;
    pg_fixture_sql(pg, "CREATE SCHEMA one; CREATE EXTENSION citext SCHEMA one;"
                       "CREATE TABLE one.t (id int); CREATE SCHEMA two;"
                       "CREATE TABLE two.t (name one.citext)");
    ck_assert_int_eq(drop(pg, "one", &err), ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.msg, "citext"));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM one.t"), 0); /* still there */
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM pg_attribute WHERE attname = 'name'"
                             " AND attrelid = 'two.t'::regclass"),
                     1);
    pg_fixture_sql(pg, "ALTER EXTENSION citext SET SCHEMA two;"
                       "CREATE TABLE one.member (id int); ALTER EXTENSION citext ADD TABLE one.member");
    ck_assert_int_eq(drop(pg, "one", &err), ERR_CONFLICT);
    pg_fixture_sql(pg, "ALTER EXTENSION citext DROP TABLE one.member");
    ck_assert_int_eq(drop(pg, "one", &err), ERR_NONE);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM two.t"), 0);
    pg_fixture_sql(pg, "DROP SCHEMA two CASCADE");
}
END_TEST

START_TEST(a_schema_at_work_is_left_alone)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect(), *other = pg_fixture_connect();
    struct err err;

    pg_fixture_sql(pg, "CREATE SCHEMA busy; CREATE TABLE busy.t (id int)");
    pg_fixture_sql(other, "BEGIN; SELECT pg_advisory_xact_lock(4711)");
    ck_assert_int_eq(drop(pg, "busy", &err), ERR_LOCK_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.msg, "busy"));
    pg_fixture_sql(other, "COMMIT; BEGIN; LOCK TABLE busy.t IN ACCESS SHARE MODE");
    ck_assert_int_eq(drop(pg, "busy", &err), ERR_LOCK_UNAVAILABLE); /* lock_timeout */
    ck_assert_str_eq(err.sqlstate, "55P03");
    pg_fixture_sql(other, "ROLLBACK");
    ck_assert_int_eq(drop(pg, "busy", &err), ERR_NONE);
    ck_assert(!has_schema(pg, "busy"));
    /* the session's own setting is as it was */
    CLEANUP(freep) char *timeout = pg_fixture_value(pg, "SELECT current_setting('lock_timeout') AS v");
    ck_assert_str_eq(timeout, "0");
}
END_TEST

/* The connection dies after some chunks: they stay dropped, the next try does the rest. */
START_TEST(an_interrupted_drop_is_repeated)
{
    struct pg *pg = pg_fixture_connect();
    CLEANUP(pg_closep) struct pg *other = pg_fixture_connect();
    struct err err;

    /* the table made first is dropped last: the lock on it stops the last chunk */
    pg_fixture_sql(pg, "CREATE SCHEMA half; DO $$ BEGIN FOR i IN 1..60 LOOP EXECUTE format("
                       "'CREATE TABLE half.t%s (id int)', i); END LOOP; END $$");
    pg_fixture_sql(other, "BEGIN; LOCK TABLE half.t1 IN ACCESS SHARE MODE");
    ck_assert_int_eq(drop(pg, "half", &err), ERR_LOCK_UNAVAILABLE);
    int64_t left = ask(other, "SELECT count(*) AS v FROM pg_class WHERE relkind = 'r' AND relnamespace"
                              " = 'half'::regnamespace");
    ck_assert(left > 0 && left < 60);
    pg_fixture_sql(other, "COMMIT");
    (void)ask(other, "SELECT pg_terminate_backend(%d)::int AS v", pg_backend_pid(pg));
    ck_assert_int_eq(schema_drop(pg, "half", KEY, LOCK_MS, &err), ERR_DATABASE_UNAVAILABLE);
    pg_close(pg);
    ck_assert_int_eq(drop(other, "half", &err), ERR_NONE);
    ck_assert(!has_schema(other, "half"));
}
END_TEST

static void *drop_in_thread(void *arg)
{
    err_code *rc = arg;
    struct pg *pg = pg_fixture_connect();
    *rc = schema_drop(pg, "twice", KEY, LOCK_MS, NULL);
    pg_close(pg);
    return NULL;
}

START_TEST(two_at_once_do_no_harm)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    pthread_t threads[4];
    err_code results[4];

    pg_fixture_sql(pg, "CREATE SCHEMA twice; DO $$ BEGIN FOR i IN 1..100 LOOP EXECUTE format("
                       "'CREATE TABLE twice.t%s (id int)', i); END LOOP; END $$");
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, drop_in_thread, &results[i]), 0);
    for (int i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert(results[i] == ERR_NONE || results[i] == ERR_LOCK_UNAVAILABLE);
    }
    ck_assert_int_eq(drop(pg, "twice", NULL), ERR_NONE);
    ck_assert(!has_schema(pg, "twice"));
}
END_TEST

START_TEST(a_name_that_is_none_is_refused)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    char big[65];

    memset(big, 'a', 64);
    big[64] = '\0';
    ck_assert_int_eq(drop(pg, "", NULL), ERR_INVALID_PARAMETER);
    ck_assert_int_eq(drop(pg, big, NULL), ERR_SCHEMA_NAME_TOO_LONG);
}
END_TEST

static void find(struct pg *pg, const char *pattern, int limit, const char *wanted)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(str_clear) struct str names = STR_INIT;

    ck_assert_int_eq(schema_find(pg, pattern, limit, &rows, NULL), ERR_NONE);
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        str_addf(&names, "%s;", pg_text(rows, i, "schema_name"));
    ck_assert_str_eq(str_text(&names), wanted);
}

START_TEST(schemas_are_found_by_pattern)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    pg_fixture_sql(pg, "CREATE SCHEMA find_a; CREATE SCHEMA find_b; CREATE SCHEMA findxa;"
                       "CREATE SCHEMA \"find%a\"; CREATE SCHEMA \"find\\a\"; CREATE SCHEMA \"Find_a\";"
                       "CREATE SCHEMA pgx; CREATE SCHEMA tenantd");
    find(pg, "find\\_%", 10, "find_a;find_b;");
    find(pg, "find_a", 10, "find%a;find\\a;find_a;findxa;");
    find(pg, "find\\%a", 10, "find%a;");
    find(pg, "find\\\\a", 10, "find\\a;");
    find(pg, "find\\_%", 1, "find_a;");
    find(pg, "pg%", 10, "pgx;");
    find(pg, "tenantd", 10, "");
    find(pg, "information%", 10, "");
    find(pg, "'; DROP SCHEMA find_a; --", 10, "");
    find(pg, "", 10, "");
    pg_fixture_sql(pg, "DROP SCHEMA tenantd; DROP SCHEMA find_a; DROP SCHEMA find_b");
}
END_TEST

START_TEST(comments_are_read)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    char *comment = NULL;

    pg_fixture_sql(pg, "CREATE SCHEMA spoken; CREATE SCHEMA silent;"
                       "COMMENT ON SCHEMA spoken IS 'it''s mine'");
    ck_assert_int_eq(schema_comment(pg, "spoken", &comment, NULL), ERR_NONE);
    ck_assert_str_eq(comment, "it's mine");
    free(comment);
    ck_assert_int_eq(schema_comment(pg, "silent", &comment, NULL), ERR_NONE);
    ck_assert_str_eq(comment, "");
    free(comment);
    comment = NULL;
    ck_assert_int_eq(schema_comment(pg, "absent", &comment, NULL), ERR_SCHEMA_MISSING);
    ck_assert_ptr_null(comment);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("schema_ops");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_schema_of_hundreds_of_tables_goes);
    tcase_add_test(tc, everything_that_can_be_in_a_schema_goes);
    tcase_add_test(tc, other_schemas_lose_only_what_pointed_here);
    tcase_add_test(tc, an_extension_is_never_dropped_along);
    tcase_add_test(tc, a_schema_at_work_is_left_alone);
    tcase_add_test(tc, an_interrupted_drop_is_repeated);
    tcase_add_test(tc, two_at_once_do_no_harm);
    tcase_add_test(tc, a_name_that_is_none_is_refused);
    tcase_add_test(tc, schemas_are_found_by_pattern);
    tcase_add_test(tc, comments_are_read);
    Suite *suite = suite_create("schema_ops");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
