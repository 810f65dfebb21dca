/* SPDX-License-Identifier: MIT */
/* What a model's script makes looks like the model. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pg/ident.h"
#include "core/schema/diff.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"
#include "core/schema/script.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/schema_samples.h"

static struct schema *must_read(struct pg *pg, const char *name)
{
    struct schema *s = NULL;
    struct err err = {.code = ERR_NONE};
    ck_assert_msg(!schema_read(pg, name, NULL, &s, &err), "%s", err.msg);
    return s;
}

static void run_script(struct pg *pg, const struct schema *s, const char *name)
{
    CLEANUP(schema_script_clear) struct schema_script script = {.n = 0};
    CLEANUP(str_clear) struct str begin = STR_INIT;
    struct pg_ident ident;
    struct err err = {.code = ERR_NONE};

    ck_assert_msg(!schema_script(s, name, &script, &err), "%s", err.msg);
    ck_assert(!pg_ident_quote(name, &ident, NULL));
    str_addf(&begin,
             "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s; SET search_path = %s;"
             " SET check_function_bodies = off",
             ident.sql, ident.sql, ident.sql);
    pg_fixture_sql(pg, str_text(&begin));
    for (size_t i = 0; i < script.n; i++)
        ck_assert_msg(!pg_command(pg, script.statements[i].sql, &err), "%s\nin %.1000s", err.msg,
                      script.statements[i].sql);
    pg_fixture_sql(pg, "RESET search_path; RESET check_function_bodies");
}

static void assert_equal(const struct schema *s, const struct schema *t)
{
    json_auto_t *a = schema_json(s, false), *b = schema_json(t, false), *lines = json_array();
    size_t differences = schema_diff(a, b, 8, lines);
    CLEANUP(freep) char *text = json_dumps(lines, JSON_COMPACT);
    ck_assert_msg(!differences, "%.3000s", text);
}

static const char *const samples[] = {"test_schema_objects.sql", "test_schema_rich.sql"};

START_TEST(a_script_makes_what_was_read)
{
    static const char *const names[] = {"copied", "Copied \"so\""};
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    schema_sample_make(pg, "original", samples[_i]);
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "original");

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        run_script(pg, s, names[i]);
        CLEANUP(schema_freep) struct schema *copy = must_read(pg, names[i]);
        assert_equal(s, copy);
        char of[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
        ck_assert(!schema_fingerprint(s, of, NULL) && !schema_fingerprint(copy, other, NULL));
        ck_assert_str_eq(of, other);
    }
}
END_TEST

START_TEST(pg_dump_sees_no_difference)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(str_clear) struct str source = STR_INIT, copy = STR_INIT;
    schema_sample_make(pg, "xq_source", samples[_i]);
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "xq_source");
    run_script(pg, s, "xq_target");
    if (!schema_sample_dump(pg, "xq_source", "--schema-only", &source) ||
        !schema_sample_dump(pg, "xq_target", "--schema-only", &copy))
        return;
    ck_assert_uint_gt(source.len, 1000);
    schema_sample_same(str_text(&source), str_text(&copy));
}
END_TEST

START_TEST(what_cannot_be_made_is_named)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    CLEANUP(schema_script_clear) struct schema_script script = {.n = 0};
    struct err err = {.code = ERR_NONE};
    pg_fixture_sql(pg,
                   "DROP SCHEMA IF EXISTS odd CASCADE; CREATE SCHEMA odd;"
                   "CREATE OPERATOR odd.<+> (leftarg = int, rightarg = int, function = int4pl)");
    CLEANUP(schema_freep) struct schema *s = must_read(pg, "odd");

    ck_assert_int_eq(schema_script(s, NULL, &script, &err), ERR_UNSUPPORTED_OBJECT);
    ck_assert_ptr_nonnull(strstr(err.msg, "operator"));
    ck_assert_ptr_nonnull(strstr(err.subject, "<+>"));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("schema_script");
    TCase *t = tcase_create("script");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, a_script_makes_what_was_read, 0, ARRAY_LEN(samples));
    tcase_add_loop_test(t, pg_dump_sees_no_difference, 0, ARRAY_LEN(samples));
    tcase_add_test(t, what_cannot_be_made_is_named);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return pg_fixture_run(suite());
}
