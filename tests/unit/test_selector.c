/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/tenant/selector.h"

/* What a selector becomes, or the pointer to what is wrong with it. */
static const struct {
    const char *json, *ids, *labels;
    err_code code;
    const char *field;
} cases[] = {
    {"{\"all\": true}", NULL, NULL, ERR_NONE, ""},
    {"{\"ids\": [\"a\"]}", "{\"a\"}", NULL, ERR_NONE, ""},
    {"{\"ids\": [\"a\", \"b\"]}", "{\"a\",\"b\"}", NULL, ERR_NONE, ""},
    {"{\"ids\": [\"{}\", \"a\\\"b\", \"c\\\\d\", \"NULL\", \"x,y\"]}",
     "{\"{}\",\"a\\\"b\",\"c\\\\d\",\"NULL\",\"x,y\"}", NULL, ERR_NONE, ""},
    {"{\"labels\": {\"plan\": \"pro\"}}", NULL, "{\"plan\":\"pro\"}", ERR_NONE, ""},
    {"{\"ids\": [\"a\"], \"labels\": {\"b\": \"2\", \"a\": \"1\"}}", "{\"a\"}",
     "{\"a\":\"1\",\"b\":\"2\"}", ERR_NONE, ""},
    {"{}", NULL, NULL, ERR_EMPTY_SELECTOR, "/selector"},
    {"[]", NULL, NULL, ERR_VALIDATION_FAILED, "/selector"},
    {"[\"a\"]", NULL, NULL, ERR_VALIDATION_FAILED, "/selector"},
    {"null", NULL, NULL, ERR_VALIDATION_FAILED, "/selector"},
    {"true", NULL, NULL, ERR_VALIDATION_FAILED, "/selector"},
    {"\"all\"", NULL, NULL, ERR_VALIDATION_FAILED, "/selector"},
    {"{\"all\": false}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/all"},
    {"{\"all\": null}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/all"},
    {"{\"all\": 1}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/all"},
    {"{\"all\": \"true\"}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/all"},
    {"{\"all\": true, \"ids\": [\"a\"]}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/all"},
    {"{\"all\": true, \"labels\": {\"a\": \"b\"}}", NULL, NULL, ERR_VALIDATION_FAILED,
     "/selector/all"},
    {"{\"ids\": []}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/ids"},
    {"{\"ids\": {}}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/ids"},
    {"{\"ids\": null}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/ids"},
    {"{\"ids\": \"a\"}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/ids"},
    {"{\"ids\": [\"a\", 1]}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/ids/1"},
    {"{\"ids\": [null]}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/ids/0"},
    {"{\"ids\": [\"\"]}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/ids/0"},
    {"{\"labels\": {}}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/labels"},
    {"{\"labels\": []}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/labels"},
    {"{\"labels\": {\"plan\": 1}}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/labels/plan"},
    {"{\"labels\": {\"plan\": null}}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/labels/plan"},
    {"{\"ids\": [\"a\"], \"labels\": {\"io/x\": 1}}", NULL, NULL, ERR_VALIDATION_FAILED,
     "/selector/labels/io~1x"},
    {"{\"id\": [\"a\"]}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/id"},
    {"{\"ids\": [\"a\"], \"lables\": {\"a\": \"b\"}}", NULL, NULL, ERR_VALIDATION_FAILED,
     "/selector/lables"},
    {"{\"all\": true, \"a/b\": 1}", NULL, NULL, ERR_VALIDATION_FAILED, "/selector/a~1b"},
};

static void check_text(const char *got, const char *wanted)
{
    ck_assert(!got == !wanted);
    if (wanted)
        ck_assert_str_eq(got, wanted);
}

START_TEST(selectors_are_read)
{
    json_auto_t *value = json_loads(cases[_i].json, JSON_DECODE_ANY, NULL);
    struct selector s = {.ids = NULL};
    struct err err = {.code = ERR_NONE};

    ck_assert_ptr_nonnull(value);
    ck_assert_int_eq(selector_parse(value, "/selector", &s, &err), cases[_i].code);
    ck_assert_str_eq(err.field, cases[_i].field);
    check_text(s.ids, cases[_i].ids);
    check_text(s.labels, cases[_i].labels);
    selector_clear(&s);
    ck_assert_int_eq(selector_parse(value, "/selector", &s, NULL), cases[_i].code);
    selector_clear(&s);
}
END_TEST

START_TEST(ids_have_a_bound)
{
    json_auto_t *value = json_pack("{s:[]}", "ids");
    json_t *ids = json_object_get(value, "ids");
    struct selector s = {.ids = NULL};

    for (int i = 0; i < 1000; i++)
        (void)json_array_append_new(ids, json_sprintf("t%d", i));
    ck_assert_int_eq(selector_parse(value, "", &s, NULL), ERR_NONE);
    ck_assert_uint_eq(s.id_count, 1000);
    selector_clear(&s);
    (void)json_array_append_new(ids, json_string("more"));
    ck_assert_int_eq(selector_parse(value, "", &s, NULL), ERR_VALIDATION_FAILED);
    ck_assert_ptr_null(s.ids);
}
END_TEST

START_TEST(one_id_is_a_selector)
{
    struct selector s;

    ck_assert_int_eq(selector_of_id("a\"b", &s, NULL), ERR_NONE);
    ck_assert_str_eq(s.ids, "{\"a\\\"b\"}");
    ck_assert_ptr_null(s.labels);
    selector_clear(&s);
    ck_assert_ptr_null(s.ids);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("selector");
    tcase_add_loop_test(tc, selectors_are_read, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, ids_have_a_bound);
    tcase_add_test(tc, one_id_is_a_selector);
    Suite *suite = suite_create("selector");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
