/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/tracking_internal.h"
#include "tests/support/pg_fixture.h"

/* Tables as they are found in the field. */
static const struct {
    const char *columns;
    err_code rc;
    tracking_format format;
    const char *insert; /* columns and values of one row, or NULL */
    const char *name, *hash;
    int64_t at_ms;
} shapes[] = {
    {"id serial PRIMARY KEY, name varchar(255) NOT NULL UNIQUE, applied_at timestamptz DEFAULT now()",
     ERR_NONE, TRACKING_NAME, "(name, applied_at) VALUES ('0001_a', '1970-01-01 00:00:05+00')",
     "0001_a", NULL, 5000},
    {"id serial, name text, created_at timestamp", ERR_NONE, TRACKING_NAME,
     "(name, created_at) VALUES ('0001_a', '1970-01-01 00:00:05')", "0001_a", NULL, 5000},
    {"name text", ERR_NONE, TRACKING_NAME, "(name) VALUES ('0001_a')", "0001_a", NULL, 0},
    {"id serial, name text, applied_at timestamptz", ERR_NONE, TRACKING_NAME,
     "(name, applied_at) VALUES ('0001_a', 'infinity')", "0001_a", NULL, 0},
    {"id serial PRIMARY KEY, hash text NOT NULL, created_at timestamptz DEFAULT now()", ERR_NONE,
     TRACKING_HASH, "(hash, created_at) VALUES ('h', '1970-01-01 00:00:05.123456+00')", NULL, "h",
     5123},
    {"id serial PRIMARY KEY, hash text NOT NULL, created_at bigint", ERR_NONE, TRACKING_DRIZZLE_KIT,
     "(hash, created_at) VALUES ('h', 1700000000123)", NULL, "h", 1700000000123},
    {"id serial, hash text, created_at bigint", ERR_NONE, TRACKING_DRIZZLE_KIT,
     "(hash) VALUES ('h')", NULL, "h", 0},
    {"id serial, hash text, created_at bigint, name text, applied_at timestamptz DEFAULT now(),"
     " version integer",
     ERR_NONE, TRACKING_DRIZZLE_KIT_V1,
     "(hash, created_at, name, applied_at) VALUES ('h', 7000, NULL, NULL)", NULL, "h", 7000},
    {"id serial, hash text, created_at bigint, name text, applied_at timestamptz", ERR_NONE,
     TRACKING_DRIZZLE_KIT_V1,
     "(hash, created_at, name, applied_at) VALUES ('h', 7000, '0001_a', '1970-01-01 00:00:08+00')",
     "0001_a", "h", 8000},
    {"id serial, hash text, name text, created_at timestamptz", ERR_HISTORY_DIVERGED, 0, NULL, NULL,
     NULL, 0},
    {"id serial, hash text", ERR_HISTORY_DIVERGED, 0, NULL, NULL, NULL, 0},
    {"id serial, hash text, created_at text", ERR_HISTORY_DIVERGED, 0, NULL, NULL, NULL, 0},
    {"id serial, name int", ERR_HISTORY_DIVERGED, 0, NULL, NULL, NULL, 0},
    {"version int", ERR_HISTORY_DIVERGED, 0, NULL, NULL, NULL, 0},
    {"", ERR_HISTORY_DIVERGED, 0, NULL, NULL, NULL, 0},
};

static void run_sql(struct pg *pg, const char *before, const char *part, const char *after)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    str_add(&sql, before);
    str_add(&sql, part);
    str_add(&sql, after);
    pg_fixture_sql(pg, str_text(&sql));
}

START_TEST(a_table_is_known_by_its_columns)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    struct err err = {.code = ERR_NONE};

    pg_fixture_sql(pg, "SET TIME ZONE 'UTC'; DROP SCHEMA IF EXISTS s CASCADE; CREATE SCHEMA s");
    run_sql(pg, "CREATE TABLE s.m (", shapes[_i].columns, ")");
    if (shapes[_i].insert)
        run_sql(pg, "INSERT INTO s.m ", shapes[_i].insert, "");
    err_code rc = tracking_read(pg, "s", "m", TRACKING_HASH, &set, &err);
    ck_assert_msg(rc == shapes[_i].rc, "%s: %s", shapes[_i].columns, err.msg);
    if (rc)
        return;
    ck_assert_int_eq(set->format, shapes[_i].format);
    ck_assert(set->has_table && set->count == 1);
    ck_assert_str_eq(set->rows[0].name ? set->rows[0].name : "-",
                     shapes[_i].name ? shapes[_i].name : "-");
    ck_assert_str_eq(set->rows[0].hash ? set->rows[0].hash : "-",
                     shapes[_i].hash ? shapes[_i].hash : "-");
    ck_assert(set->rows[0].at_ms == shapes[_i].at_ms);
}
END_TEST

START_TEST(what_is_not_there_is_said)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    struct applied_set *none = NULL;
    struct err err;

    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS s CASCADE; CREATE SCHEMA s; CREATE SCHEMA IF NOT"
                       " EXISTS other; CREATE TABLE IF NOT EXISTS other.m (name text)");
    ck_assert_int_eq(tracking_read(pg, "s", "m", TRACKING_HASH, &set, &err), ERR_NONE);
    ck_assert(!set->has_table && set->count == 0 && set->format == TRACKING_HASH);
    ck_assert_int_eq(tracking_read(pg, "nowhere", "m", TRACKING_HASH, &none, &err),
                     ERR_SCHEMA_MISSING);
    ck_assert_int_eq(tracking_read(pg, "", "m", TRACKING_HASH, &none, &err), ERR_INVALID_PARAMETER);
    ck_assert_int_eq(tracking_read(pg, "S", "m", TRACKING_HASH, &none, &err), ERR_SCHEMA_MISSING);
    pg_fixture_sql(pg, "CREATE VIEW s.m AS SELECT * FROM other.m");
    ck_assert_int_eq(tracking_read(pg, "s", "m", TRACKING_HASH, &none, &err), ERR_HISTORY_DIVERGED);
    ck_assert_ptr_null(none);
}
END_TEST

/* The guard stands on this: the database and this program compute the same digest. */
static void add_row(struct pg *pg, tracking_format format, const char *value, bool named)
{
    if (format == TRACKING_NAME)
        run_sql(pg, "INSERT INTO s.m (name) VALUES ('", value, "')");
    else if (format == TRACKING_HASH)
        run_sql(pg, "INSERT INTO s.m (hash) VALUES ('", value, "')");
    else if (format == TRACKING_DRIZZLE_KIT)
        run_sql(pg, "INSERT INTO s.m (hash, created_at) VALUES ('", value, "', 1)");
    else if (!named)
        run_sql(pg, "INSERT INTO s.m (hash) VALUES ('", value, "')");
    else
        run_sql(pg, "INSERT INTO s.m (name, hash) VALUES ('", value, "', 'x')");
}

START_TEST(the_database_computes_the_same_digest)
{
    static const tracking_format formats[] = {TRACKING_NAME, TRACKING_HASH, TRACKING_DRIZZLE_KIT,
                                              TRACKING_DRIZZLE_KIT_V1};
    static const char *const names[] = {"b", "a", "B", "10:x;", "\xc3\xa9", "\xf0\x9f\x98\x80",
                                        "a_b", "a-b", "", "z;\n"};
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    tracking_format format = formats[_i];
    CLEANUP(str_clear) struct str create = STR_INIT, digest = STR_INIT;

    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS s CASCADE; CREATE SCHEMA s");
    tracking_sql_create(&create, format, "s.m");
    pg_fixture_sql(pg, str_text(&create));
    str_add(&digest, "SELECT ");
    tracking_sql_digest(&digest, format, "s.m");
    str_add(&digest, " AS v");
    for (size_t i = 0; i <= ARRAY_LEN(names); i++) {
        CLEANUP(applied_set_freep) struct applied_set *set = NULL;
        struct err err;
        ck_assert_int_eq(tracking_read(pg, "s", "m", format, &set, &err), ERR_NONE);
        ck_assert_uint_eq(set->count, i);
        CLEANUP(freep) char *theirs = pg_fixture_value(pg, str_text(&digest));
        ck_assert_str_eq(theirs, set->digest);
        if (i == ARRAY_LEN(names))
            return;
        add_row(pg, format, names[i], i % 2 == 0);
    }
}
END_TEST

static bool differs(struct pg *pg, const struct applied_set *set)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    str_add(&sql, "SELECT CASE WHEN ");
    bool from_table = tracking_sql_differs(&sql, set, "s.m");
    str_add(&sql, from_table ? " THEN 1 END AS v FROM s.m" : " THEN 1 END AS v");
    CLEANUP(freep) char *value = pg_fixture_value(pg, str_text(&sql));
    return value && *value == '1';
}

/* Rows that are alike in every way of writing them down but one; the last make a long history. */
START_TEST(the_guard_tells_every_set_from_every_other)
{
    static const tracking_format formats[] = {TRACKING_NAME, TRACKING_HASH, TRACKING_DRIZZLE_KIT,
                                              TRACKING_DRIZZLE_KIT_V1};
    static const char *const values[] = {
        "a", "b", "B", "a_b", "a-b", "0001_x", "NULL", "null", "a,b", "{a}", "\xc3\xa9", "", " a",
    };
    enum { PLAIN = 6, LONG = 12, SETS = ARRAY_LEN(values) + LONG + 1 };
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    tracking_format format = formats[_i / 2];
    struct applied_set *sets[SETS] = {NULL};
    CLEANUP(str_clear) struct str create = STR_INIT;

    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS s CASCADE; CREATE SCHEMA s");
    tracking_sql_create(&create, format, "s.m");
    pg_fixture_sql(pg, str_text(&create));
    for (int i = 0, row = 0; i < SETS; i++) {
        char text[80];
        ck_assert_int_eq(tracking_read(pg, "s", "m", format, &sets[i], NULL), ERR_NONE);
        for (int j = 0; j <= i; j++)
            ck_assert_msg(differs(pg, sets[j]) == (j < i), "row %d, set %d", i, j);
        if (_i % 2 && row == PLAIN) /* plain ones only: the long history of the short question */
            row = ARRAY_LEN(values);
        (void)snprintf(text, sizeof text, "%04d_a_rather_long_name_of_a_migration", row);
        add_row(pg, format, row < (int)ARRAY_LEN(values) ? values[row] : text, row != 3);
        row++;
    }
    for (int i = 0; i < SETS; i++)
        applied_set_free(sets[i]);
    pg_fixture_sql(pg, "DELETE FROM s.m");
    CLEANUP(applied_set_freep) struct applied_set *none = applied_set_empty(format);
    ck_assert(!differs(pg, none));
}
END_TEST

int main(void)
{
    pg_fixture_start();
    Suite *suite = suite_create("tracking_read");
    TCase *tcase = tcase_create("tables");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_table_is_known_by_its_columns, 0, (int)ARRAY_LEN(shapes));
    tcase_add_test(tcase, what_is_not_there_is_said);
    tcase_add_loop_test(tcase, the_database_computes_the_same_digest, 0, 4);
    tcase_add_loop_test(tcase, the_guard_tells_every_set_from_every_other, 0, 8);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
