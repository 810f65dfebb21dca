/* SPDX-License-Identifier: MIT */
/* The SQL that turns one schema into another is run, and the first is then the second. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/change.h"
#include "core/schema/diff.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/random_schema.h"
#include "tests/support/schema_samples.h"

static void make_schema(struct pg *pg, const char *name, const char *sql)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    str_addf(&text, "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s; SET search_path = %s;",
             name, name, name);
    str_add(&text, sql);
    str_add(&text, "; RESET search_path");
    pg_fixture_sql(pg, str_text(&text));
}

static struct schema *must_read(struct pg *pg, const char *name)
{
    struct schema *s = NULL;
    struct err err = {.code = ERR_NONE};
    ck_assert_msg(!schema_read(pg, name, NULL, &s, &err), "%s", err.msg);
    return s;
}

static struct schema_changes *must_compare(const struct schema *from, const struct schema *to,
                                           const struct change_options *options)
{
    struct schema_changes *changes = NULL;
    struct err err = {.code = ERR_NONE};
    ck_assert_msg(!schema_changes(from, to, options, &changes, &err), "%s", err.msg);
    return changes;
}

/* As a migration would run: one transaction, the schema first in the search path. */
static void must_apply(struct pg *pg, const char *schema, const char *sql, const char *about)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    struct err err = {.code = ERR_NONE};

    str_addf(&text, "BEGIN; SET LOCAL search_path = %s, shared, pg_temp;\n", schema);
    str_add(&text, sql);
    str_add(&text, "COMMIT");
    err_code rc = pg_command(pg, str_text(&text), &err);
    ck_assert_msg(!rc, "%s: %s\n%.3000s", about, err.msg, sql);
}

static int by_name(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    return strcmp(json_string_value(json_object_get(x, "name")),
                  json_string_value(json_object_get(y, "name")));
}

/* Columns by name, for PostgreSQL moves none. */
static void sort_columns(json_t *model)
{
    size_t i, k;
    json_t *t, *column;

    json_array_foreach(json_object_get(model, "tables"), i, t)
    {
        json_t *columns = json_object_get(t, "columns");
        size_t n = json_array_size(columns);
        json_t **items = calloc(n + 1, sizeof(json_t *));
        ck_assert_ptr_nonnull(items);
        json_array_foreach(columns, k, column) items[k] = json_incref(column);
        qsort(items, n, sizeof(json_t *), by_name);
        (void)json_array_clear(columns);
        for (k = 0; k < n; k++)
            (void)json_array_append_new(columns, items[k]);
        free(items);
    }
}

static bool tells_of_order(const struct schema_changes *changes)
{
    for (size_t i = 0; i < changes->n_changes; i++)
        if (str_eq(changes->changes[i].kind, "column_order"))
            return true;
    return false;
}

/* The fingerprints, or all but the order of the columns where that was told. */
static void must_be_alike(struct pg *pg, const char *is, const char *must, bool any_order,
                          const char *sql, const char *about)
{
    CLEANUP(schema_freep) struct schema *a = must_read(pg, is);
    CLEANUP(schema_freep) struct schema *b = must_read(pg, must);
    json_auto_t *x = schema_json(a, false), *y = schema_json(b, false), *lines = json_array();
    char p[SHA256_HEX_SIZE], q[SHA256_HEX_SIZE];

    if (any_order) {
        sort_columns(x);
        sort_columns(y);
    }
    size_t n = schema_diff(y, x, 5, lines);
    CLEANUP(freep) char *text = json_dumps(lines, JSON_COMPACT);
    ck_assert_msg(!n && json_equal(x, y), "%s: %zu differences: %.1500s\n%.3000s", about, n, text,
                  sql);
    ck_assert(!schema_fingerprint(a, p, NULL) && !schema_fingerprint(b, q, NULL));
    if (!any_order)
        ck_assert_str_eq(p, q);
}

/* Turns a into b, and finds nothing more to do. */
static bool turn(struct pg *pg, const char *a, const char *b, const struct change_options *options,
                 const char *about)
{
    CLEANUP(schema_freep) struct schema *from = must_read(pg, a);
    CLEANUP(schema_freep) struct schema *to = must_read(pg, b);
    CLEANUP(schema_changes_freep) struct schema_changes *changes = must_compare(from, to, options);
    CLEANUP(freep) char *sql = schema_changes_sql(changes);
    bool any_order = tells_of_order(changes);

    must_apply(pg, a, sql, about);
    must_be_alike(pg, a, b, any_order, sql, about);
    CLEANUP(schema_freep) struct schema *now = must_read(pg, a);
    CLEANUP(schema_changes_freep) struct schema_changes *rest = must_compare(now, to, options);
    ck_assert_msg(!rest->n_statements, "%s: still to do: %s", about, rest->statements[0].sql);
    ck_assert_msg(any_order || !rest->n_changes, "%s: still told: %s", about,
                  rest->n_changes ? rest->changes[0].path : "");
    return changes->n_statements > 0;
}

enum { PAIRS = 120 };

START_TEST(random_pairs)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    const char *wanted = getenv("TENANTD_SEED"), *pairs = getenv("TENANTD_PAIRS");
    unsigned first = wanted ? (unsigned)strtoul(wanted, NULL, 10) : 1;
    unsigned n = pairs ? (unsigned)strtoul(pairs, NULL, 10) : wanted ? 1 : PAIRS;
    size_t moved = 0;

    for (unsigned seed = first; seed < first + n; seed++) {
        CLEANUP(freep) char *a = random_schema_sql(seed, 0);
        CLEANUP(freep) char *b = random_schema_sql(seed, 5 + seed % 96);
        char about[40];
        (void)snprintf(about, sizeof about, "TENANTD_SEED=%u", seed);
        make_schema(pg, "first", a);
        make_schema(pg, "second", b);
        moved += turn(pg, "first", "second",
                      &(struct change_options){.schema = "first", .safe = seed % 3 == 0}, about);
    }
    ck_assert_msg(wanted || pairs || moved > n / 2, "only %zu of %u pairs differ", moved, n);
}
END_TEST

static const struct {
    const char *from, *to;
} samples[] = {
    {NULL, "test_schema_objects.sql"},
    {"test_schema_objects.sql", NULL},
    {NULL, "test_schema_rich.sql"},
    {"test_schema_rich.sql", NULL},
    {"test_schema_objects.sql", "test_schema_rich.sql"},
    {"test_schema_rich.sql", "test_schema_objects.sql"},
};

START_TEST(samples_become_each_other)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    const char *const files[] = {samples[_i].from, samples[_i].to}, *names[] = {"first", "second"};

    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (files[i])
            schema_sample_make(pg, names[i], files[i]);
        else
            make_schema(pg, names[i], "");
    ck_assert(turn(pg, "first", "second", &(struct change_options){.schema = "first"},
                   files[1] ? files[1] : "nothing"));
}
END_TEST

/* What happens to rows: the first schema with some, the options, the second, and what is read then.
 * hazards: bits that the changes have, all of them. */
static const struct {
    const char *label, *from, *to, *renames, *read, *value;
    unsigned hazards;
} kept[] = {
    {"a number grows", "CREATE TABLE t (a int); INSERT INTO t VALUES (7)",
     "CREATE TABLE t (a bigint)", NULL, "SELECT a AS v FROM t", "7",
     CHANGE_REWRITES | CHANGE_MAY_FAIL},
    {"a text grows", "CREATE TABLE t (a varchar(5)); INSERT INTO t VALUES ('x')",
     "CREATE TABLE t (a varchar(9))", NULL, "SELECT a AS v FROM t", "x", 0},
    {"a text becomes a number", "CREATE TABLE t (a text DEFAULT '1'); INSERT INTO t VALUES ('12')",
     "CREATE TABLE t (a int DEFAULT 2)", NULL, "SELECT a AS v FROM t", "12",
     CHANGE_REWRITES | CHANGE_MAY_FAIL},
    {"a boolean becomes a number", "CREATE TABLE t (a bool); INSERT INTO t VALUES (true)",
     "CREATE TABLE t (a bigint)", NULL, "SELECT a AS v FROM t", "1",
     CHANGE_REWRITES | CHANGE_MAY_FAIL},
    {"bits become a number", "CREATE TABLE t (a bit(3)); INSERT INTO t VALUES (B'101')",
     "CREATE TABLE t (a int)", NULL, "SELECT a AS v FROM t", "5",
     CHANGE_REWRITES | CHANGE_MAY_FAIL},
    {"a value becomes a list", "CREATE TABLE t (a int); INSERT INTO t VALUES (7)",
     "CREATE TABLE t (a int[])", NULL, "SELECT a AS v FROM t", "{7}",
     CHANGE_REWRITES | CHANGE_MAY_FAIL},
    {"digits are lost", "CREATE TABLE t (a numeric); INSERT INTO t VALUES (1.6)",
     "CREATE TABLE t (a int)", NULL, "SELECT a AS v FROM t", "2",
     CHANGE_REWRITES | CHANGE_MAY_FAIL | CHANGE_DESTRUCTIVE},
    {"a label goes",
     "CREATE TYPE e AS ENUM ('a', 'b'); CREATE TABLE t (a e, l e[]); INSERT INTO t VALUES ('b',"
     " '{b}')",
     "CREATE TYPE e AS ENUM ('b', 'c'); CREATE TABLE t (a e DEFAULT 'c', l e[])", NULL,
     "SELECT a || l::text AS v FROM t", "b{b}", CHANGE_REWRITES | CHANGE_MAY_FAIL},
    {"a label comes",
     "CREATE TYPE e AS ENUM ('a'); CREATE TABLE t (a e); INSERT INTO t VALUES ('a')",
     "CREATE TYPE e AS ENUM ('b', 'a', 'c'); CREATE TABLE t (a e)", NULL,
     "SELECT a AS v FROM t WHERE a > 'b'", "a", CHANGE_NEW_LABEL},
    {"a column's name",
     "CREATE TABLE t (a int PRIMARY KEY, b text); CREATE INDEX x ON t (lower(b)) WHERE b <> 'b';"
     "CREATE TABLE u (a int REFERENCES t); INSERT INTO t VALUES (1, 'c')",
     "CREATE TABLE t (c int PRIMARY KEY, d text); CREATE INDEX x ON t (lower(d)) WHERE d <> 'b';"
     "CREATE TABLE u (a int REFERENCES t)",
     "{\"t.a\": \"t.c\", \"t.b\": \"t.d\"}", "SELECT c || d AS v FROM t", "1c", CHANGE_RENAMES},
    {"a table's name, and a column's in it",
     "CREATE TABLE t (a int, CHECK (a > 0)); CREATE INDEX x ON t (a); INSERT INTO t VALUES (1);"
     "CREATE VIEW v AS SELECT a FROM t",
     "CREATE TABLE \"T t\" (\"A\" int, CONSTRAINT t_a_check CHECK (\"A\" > 0));"
     "CREATE INDEX x ON \"T t\" (\"A\"); CREATE VIEW v AS SELECT \"A\" AS a FROM \"T t\"",
     "{\"t\": \"T t\", \"t.a\": \"T t.A\"}", "SELECT \"A\" AS v FROM \"T t\"", "1", CHANGE_RENAMES},
    {"the name of a table with all that hangs on it",
     "CREATE TABLE t (a serial PRIMARY KEY, b int); CREATE TABLE k () INHERITS (t);"
     "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
     "CREATE TRIGGER g BEFORE UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION f();"
     "CREATE POLICY p ON t USING (a > 1); GRANT SELECT ON t TO pg_monitor;"
     "CREATE STATISTICS s ON a, b FROM t; INSERT INTO t VALUES (7)",
     "CREATE SEQUENCE t_a_seq AS int; CREATE TABLE u (c int NOT NULL DEFAULT nextval('t_a_seq')"
     " CONSTRAINT t_pkey PRIMARY KEY, b int); ALTER SEQUENCE t_a_seq OWNED BY u.c;"
     "CREATE TABLE k () INHERITS (u);"
     "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
     "CREATE TRIGGER g BEFORE UPDATE OF c ON u FOR EACH ROW EXECUTE FUNCTION f();"
     "CREATE POLICY p ON u USING (c > 1); GRANT SELECT ON u TO pg_monitor;"
     "CREATE STATISTICS s ON c, b FROM u",
     "{\"t\": \"u\", \"t.a\": \"u.c\", \"k.a\": \"k.c\"}", "SELECT c AS v FROM u", "7",
     CHANGE_RENAMES},
    {"what is generated is not lost",
     "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED); INSERT INTO t VALUES (1)",
     "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 2) STORED)", NULL,
     "SELECT b AS v FROM t", "3", CHANGE_REWRITES},
    {"what was generated stays",
     "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED); INSERT INTO t VALUES (1)",
     "CREATE TABLE t (a int, b int)", NULL, "SELECT b AS v FROM t", "2", 0},
    {"a column goes", "CREATE TABLE t (a int, b int)", "CREATE TABLE t (a int)", NULL,
     "SELECT count(*) AS v FROM t", "0", CHANGE_DESTRUCTIVE},
    {"a table goes", "CREATE TABLE t (a int)", "", NULL, "SELECT 1 AS v", "1", CHANGE_DESTRUCTIVE},
    {"an index comes", "CREATE TABLE t (a int)", "CREATE TABLE t (a int); CREATE INDEX x ON t (a)",
     NULL, "SELECT 1 AS v", "1", CHANGE_BUILDS_INDEX},
    {"a new table hurts nobody", "",
     "CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL CHECK (b > 0)); CREATE INDEX x ON t (b)",
     NULL, "SELECT 1 AS v", "1", 0},
    {"numbers come", "CREATE TABLE t (a int NOT NULL)",
     "CREATE TABLE t (a int NOT NULL GENERATED ALWAYS AS IDENTITY)", NULL, "SELECT 1 AS v", "1",
     CHANGE_RESTARTS},
};

START_TEST(rows_stay)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    json_auto_t *renames = kept[_i].renames ? json_loads(kept[_i].renames, 0, NULL) : NULL;
    struct change_options options = {.renames = renames};

    make_schema(pg, "first", kept[_i].from);
    make_schema(pg, "second", kept[_i].to);
    CLEANUP(schema_freep) struct schema *from = must_read(pg, "first");
    CLEANUP(schema_freep) struct schema *to = must_read(pg, "second");
    CLEANUP(schema_changes_freep)
    struct schema_changes *changes = must_compare(from, to, &options);
    CLEANUP(freep) char *sql = schema_changes_sql(changes);
    must_apply(pg, "first", sql, kept[_i].label);
    must_be_alike(pg, "first", "second", false, sql, kept[_i].label);
    ck_assert_msg(changes->hazards == kept[_i].hazards, "%s: hazards %u\n%s", kept[_i].label,
                  changes->hazards, sql);
    pg_fixture_sql(pg, "SET search_path = first");
    CLEANUP(freep) char *value = pg_fixture_value(pg, kept[_i].read);
    ck_assert_msg(str_eq(value, kept[_i].value), "%s: %s\n%s", kept[_i].label, value, sql);
}
END_TEST

/* A cast would cut it. */
START_TEST(a_text_that_is_too_long_stops_it)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct err err = {.code = ERR_NONE};

    make_schema(pg, "first", "CREATE TABLE t (a text); INSERT INTO t VALUES ('too long')");
    make_schema(pg, "second", "CREATE TABLE t (a varchar(3))");
    CLEANUP(schema_freep) struct schema *from = must_read(pg, "first");
    CLEANUP(schema_freep) struct schema *to = must_read(pg, "second");
    CLEANUP(schema_changes_freep) struct schema_changes *changes = must_compare(from, to, NULL);
    CLEANUP(freep) char *sql = schema_changes_sql(changes);
    pg_fixture_sql(pg, "SET search_path = first");
    ck_assert_int_ne(pg_command(pg, sql, &err), ERR_NONE);
    ck_assert_str_eq(err.sqlstate, "22001");
    ck_assert_uint_eq(changes->hazards, CHANGE_MAY_FAIL | CHANGE_REWRITES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema change");
    TCase *tc = tcase_create("change");

    pg_fixture_start();
    tcase_set_timeout(tc, 280);
    tcase_add_loop_test(tc, samples_become_each_other, 0, (int)ARRAY_LEN(samples));
    tcase_add_loop_test(tc, rows_stay, 0, (int)ARRAY_LEN(kept));
    tcase_add_test(tc, a_text_that_is_too_long_stops_it);
    tcase_add_test(tc, random_pairs);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
