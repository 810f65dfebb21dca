/* SPDX-License-Identifier: MIT */
/* Differences between two models, as people read them. */
#include <check.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/schema/diff.h"

#define T(members) "{\"tables\":[{\"name\":\"a\"," members "}]}"

/* paths: of the differences, in order */
static const struct {
    const char *expected, *found, *paths;
} cases[] = {
    {T("\"columns\":[]"), T("\"columns\":[]"), ""},
    {T("\"columns\":[{\"name\":\"x\",\"type\":\"int\"}]"),
     T("\"columns\":[{\"name\":\"x\",\"type\":\"text\"}]"), "tables/a/columns/x/type int text"},
    {T("\"columns\":[{\"name\":\"x\"},{\"name\":\"y\"}]"),
     T("\"columns\":[{\"name\":\"y\"},{\"name\":\"x\"}]"), ""},
    {T("\"columns\":[{\"name\":\"x\"}]"), T("\"columns\":[]"), "tables/a/columns/x x -"},
    {T("\"columns\":[]"), T("\"columns\":[{\"name\":\"x\"}]"), "tables/a/columns/x - x"},
    {"{\"tables\":[{\"name\":\"a\"}]}", "{\"tables\":[{\"name\":\"b\"}]}",
     "tables/a a -, tables/b - b"},
    {T("\"primary_key\":null"), T("\"primary_key\":{\"name\":\"k\"}"), "tables/a/primary_key - k"},
    {T("\"labels\":[\"p\"]"), T("\"labels\":[\"q\"]"), "tables/a/labels [\"p\"] [\"q\"]"},
};

static void write_value(const json_t *value, struct str *out)
{
    CLEANUP(freep) char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    str_add(out, json_is_null(value)     ? "-"
                 : json_is_string(value) ? json_string_value(value)
                                         : text);
}

START_TEST(differences)
{
    json_auto_t *expected = json_loads(cases[_i].expected, 0, NULL);
    json_auto_t *found = json_loads(cases[_i].found, 0, NULL);
    json_auto_t *out = json_array();
    CLEANUP(str_clear) struct str text = STR_INIT;
    size_t n = schema_diff(expected, found, 10, out);

    ck_assert_uint_eq(n, json_array_size(out));
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(out, i);
        str_addf(&text, "%s%s ", i ? ", " : "", json_string_value(json_object_get(one, "path")));
        write_value(json_object_get(one, "expected"), &text);
        str_add_char(&text, ' ');
        write_value(json_object_get(one, "found"), &text);
    }
    ck_assert_str_eq(str_text(&text), cases[_i].paths);
}
END_TEST

START_TEST(only_so_many_are_shown)
{
    json_auto_t *expected = json_pack("{s:i, s:i, s:i}", "a", 1, "b", 2, "c", 3);
    json_auto_t *found = json_object(), *out = json_array();

    ck_assert_uint_eq(schema_diff(expected, found, 2, out), 3);
    ck_assert_uint_eq(json_array_size(out), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema diff");
    TCase *tc = tcase_create("diff");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tc, differences, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tc, only_so_many_are_shown);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
