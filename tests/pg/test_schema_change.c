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

enum { PAIRS = 400 };

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

    pg_fixture_sql(pg, "CREATE SCHEMA IF NOT EXISTS shared;"
                       "CREATE TABLE IF NOT EXISTS shared.plans (id int PRIMARY KEY)");
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (files[i])
            schema_sample_make(pg, names[i], files[i]);
        else
            make_schema(pg, names[i], "");
    ck_assert(turn(pg, "first", "second", &(struct change_options){.schema = "first"},
                   files[1] ? files[1] : "nothing"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema change");
    TCase *tc = tcase_create("change");

    pg_fixture_start();
    tcase_set_timeout(tc, 280);
    tcase_add_loop_test(tc, samples_become_each_other, 0, (int)ARRAY_LEN(samples));
    tcase_add_test(tc, random_pairs);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
