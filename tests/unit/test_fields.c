/* SPDX-License-Identifier: MIT */
/* Bodies and query parameters: every kind of field, every kind of problem. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "service/api/fields.h"

static const char *const colours[] = {"red", "green", NULL};

/* What the fields below are read into; the defaults show what was left alone. */
struct values {
    const char *name, *colour, *note;
    int64_t count;
    bool flag, has_note;
    const json_t *object, *array, *any;
};

static void read_values(const json_t *body, const char *base, struct values *v, struct problems *p)
{
    *v = (struct values){.name = "none", .colour = "none", .note = "none", .count = -1};
    const struct field fields[] = {
        {.name = "name", .kind = FIELD_TEXT, .required = true, .min = 2, .max = 5, .out = &v->name},
        {.name = "colour", .kind = FIELD_TEXT, .words = colours, .out = &v->colour},
        {.name = "note", .kind = FIELD_TEXT, .nullable = true, .out = &v->note,
         .present = &v->has_note},
        {.name = "count", .kind = FIELD_INT, .min = 1, .max = 10, .out = &v->count},
        {.name = "flag", .kind = FIELD_BOOL, .out = &v->flag},
        {.name = "object", .kind = FIELD_OBJECT, .out = &v->object},
        {.name = "array", .kind = FIELD_ARRAY, .min = 1, .max = 2, .out = &v->array},
        {.name = "a/b~c", .kind = FIELD_ANY, .out = &v->any},
    };
    fields_read(body, base, fields, ARRAY_LEN(fields), p);
}

START_TEST(good_bodies_are_read)
{
    CLEANUP(problems_clear) struct problems p = {.list = NULL};
    struct values v;
    json_auto_t *body =
        json_loads("{\"name\": \"abc\", \"colour\": \"green\", \"note\": \"n\", \"count\": 10,"
                   " \"flag\": true, \"object\": {\"x\": 1}, \"array\": [1], \"a/b~c\": null}",
                   0, NULL);

    read_values(body, "", &v, &p);
    ck_assert_ptr_null(p.list);
    ck_assert_str_eq(v.name, "abc");
    ck_assert_str_eq(v.colour, "green");
    ck_assert_str_eq(v.note, "n");
    ck_assert(v.count == 10 && v.flag && v.has_note);
    ck_assert(json_object_size(v.object) == 1 && json_array_size(v.array) == 1);
    ck_assert(json_is_null(v.any));
}
END_TEST

START_TEST(absent_and_null_members_leave_defaults)
{
    CLEANUP(problems_clear) struct problems p = {.list = NULL};
    struct values v;
    json_auto_t *body = json_loads("{\"name\": \"ab\", \"note\": null}", 0, NULL);

    read_values(body, "", &v, &p);
    ck_assert_ptr_null(p.list);
    ck_assert_str_eq(v.colour, "none");
    ck_assert_str_eq(v.note, "none");
    ck_assert(v.has_note && v.count == -1 && !v.flag && !v.object && !v.array && !v.any);
    json_auto_t *without = json_loads("{\"name\": \"ab\"}", 0, NULL);
    read_values(without, "", &v, &p);
    ck_assert(!v.has_note && !p.list);
}
END_TEST

/* One problem each, at the pointer. */
static const struct {
    const char *body, *pointer, *code;
} bad[] = {
    {"[]", "/base", "WRONG_TYPE"},
    {"null", "/base", "WRONG_TYPE"},
    {"\"x\"", "/base", "WRONG_TYPE"},
    {"{}", "/base/name", "REQUIRED"},
    {"{\"name\": null}", "/base/name", "WRONG_TYPE"},
    {"{\"name\": 1}", "/base/name", "WRONG_TYPE"},
    {"{\"name\": [\"ab\"]}", "/base/name", "WRONG_TYPE"},
    {"{\"name\": \"a\"}", "/base/name", "OUT_OF_RANGE"},
    {"{\"name\": \"abcdef\"}", "/base/name", "OUT_OF_RANGE"},
    {"{\"name\": \"caf\xc3\xa9s\"}", "/base/name", "OUT_OF_RANGE"}, /* bytes, not characters */
    {"{\"name\": \"ab\", \"Name\": \"ab\"}", "/base/Name", "UNKNOWN_FIELD"},
    {"{\"name\": \"ab\", \"x/y~z\": 1}", "/base/x~1y~0z", "UNKNOWN_FIELD"},
    {"{\"name\": \"ab\", \"\": 1}", "/base/", "UNKNOWN_FIELD"},
    {"{\"name\": \"ab\", \"colour\": \"blue\"}", "/base/colour", "UNKNOWN_VALUE"},
    {"{\"name\": \"ab\", \"colour\": \"\"}", "/base/colour", "UNKNOWN_VALUE"},
    {"{\"name\": \"ab\", \"colour\": null}", "/base/colour", "WRONG_TYPE"},
    {"{\"name\": \"ab\", \"count\": 0}", "/base/count", "OUT_OF_RANGE"},
    {"{\"name\": \"ab\", \"count\": 11}", "/base/count", "OUT_OF_RANGE"},
    {"{\"name\": \"ab\", \"count\": -9223372036854775808}", "/base/count", "OUT_OF_RANGE"},
    {"{\"name\": \"ab\", \"count\": 1.0}", "/base/count", "WRONG_TYPE"},
    {"{\"name\": \"ab\", \"count\": \"1\"}", "/base/count", "WRONG_TYPE"},
    {"{\"name\": \"ab\", \"count\": true}", "/base/count", "WRONG_TYPE"},
    {"{\"name\": \"ab\", \"flag\": 1}", "/base/flag", "WRONG_TYPE"},
    {"{\"name\": \"ab\", \"flag\": \"true\"}", "/base/flag", "WRONG_TYPE"},
    {"{\"name\": \"ab\", \"flag\": null}", "/base/flag", "WRONG_TYPE"},
    {"{\"name\": \"ab\", \"object\": []}", "/base/object", "WRONG_TYPE"},
    {"{\"name\": \"ab\", \"object\": null}", "/base/object", "WRONG_TYPE"},
    {"{\"name\": \"ab\", \"array\": {}}", "/base/array", "WRONG_TYPE"},
    {"{\"name\": \"ab\", \"array\": []}", "/base/array", "OUT_OF_RANGE"},
    {"{\"name\": \"ab\", \"array\": [1, 2, 3]}", "/base/array", "OUT_OF_RANGE"},
};

static const char *text_of(const json_t *list, size_t i, const char *name)
{
    const char *text = json_string_value(json_object_get(json_array_get(list, i), name));
    ck_assert_ptr_nonnull(text);
    return text;
}

START_TEST(problems_are_named)
{
    CLEANUP(problems_clear) struct problems p = {.list = NULL};
    struct values v;
    json_auto_t *body = json_loads(bad[_i].body, JSON_DECODE_ANY, NULL);

    ck_assert_ptr_nonnull(body);
    read_values(body, "/base", &v, &p);
    ck_assert_uint_eq(json_array_size(p.list), 1);
    ck_assert_str_eq(text_of(p.list, 0, "pointer"), bad[_i].pointer);
    ck_assert_str_eq(text_of(p.list, 0, "code"), bad[_i].code);
    ck_assert(*text_of(p.list, 0, "detail"));
}
END_TEST

START_TEST(all_problems_are_told_at_once)
{
    CLEANUP(problems_clear) struct problems p = {.list = NULL};
    struct values v;
    struct request req = {.path = "/v1/x", .id = "r1"};
    struct call call = {.req = &req};
    json_auto_t *body = json_loads(
        "{\"x\": 1, \"count\": 0, \"flag\": 1, \"object\": 1, \"array\": 1, \"colour\": 1}", 0,
        NULL);

    read_values(body, "", &v, &p);
    ck_assert_uint_eq(json_array_size(p.list), 7);
    struct reply reply = problems_reply(&call, &p);
    ck_assert_int_eq(reply.status, 422);
    ck_assert_int_eq(reply.code, ERR_VALIDATION_FAILED);
    json_auto_t *problem = json_loads(reply.body, 0, NULL);
    ck_assert(json_equal(json_object_get(problem, "errors"), p.list));
    reply_clear(&reply);
}
END_TEST

START_TEST(a_single_problem_may_have_a_code_of_its_own)
{
    static const err_code own[] = {ERR_INVALID_TENANT_ID, ERR_RESERVED_NAME,
                                   ERR_SCHEMA_NAME_TOO_LONG, ERR_EMPTY_SELECTOR};
    struct request req = {.path = "/v1/x", .id = "r1"};
    struct call call = {.req = &req};

    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        CLEANUP(problems_clear) struct problems p = {.list = NULL};
        struct err err;
        (void)err_set(&err, own[i], "why");
        problems_add_err(&p, "/id", &err);
        struct reply one = problems_reply(&call, &p);
        ck_assert_int_eq(one.code, own[i]);
        ck_assert_int_eq(one.status, 422);
        problems_add_err(&p, "/id", &err);
        struct reply two = problems_reply(&call, &p);
        ck_assert_int_eq(two.code, ERR_VALIDATION_FAILED);
        reply_clear(&one);
        reply_clear(&two);
    }
}
END_TEST

START_TEST(problems_have_a_bound)
{
    CLEANUP(problems_clear) struct problems p = {.list = NULL};
    struct values v;
    json_auto_t *body = json_object();
    char name[32];

    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof name, "unknown%d", i);
        (void)json_object_set_new(body, name, json_null());
    }
    read_values(body, "", &v, &p);
    ck_assert_uint_eq(json_array_size(p.list), 100);
}
END_TEST

/* Names of any length and any bytes give valid JSON. */
START_TEST(odd_names_are_pointed_at)
{
    CLEANUP(problems_clear) struct problems p = {.list = NULL};
    CLEANUP(str_clear) struct str name = STR_INIT;
    struct values v;
    json_auto_t *body = json_pack("{s:s}", "name", "ab");

    for (int i = 0; i < 500; i++)
        str_add(&name, i % 2 ? "/" : "\xc3\xa9");
    (void)json_object_set_new(body, str_text(&name), json_true());
    read_values(body, "", &v, &p);
    ck_assert_uint_eq(json_array_size(p.list), 1);
    const char *pointer = text_of(p.list, 0, "pointer");
    ck_assert(str_starts(pointer, "/\xc3\xa9~1\xc3\xa9"));
    ck_assert_uint_eq(utf8_valid_len(pointer, strlen(pointer)), strlen(pointer));
}
END_TEST

/* Query parameters */

static struct call with_query(struct request *req, const char *value)
{
    static char name[] = "n";

    *req = (struct request){.path = "/v1/x"};
    if (value)
        req->query[req->query_count++] =
            (struct http_field){.name = name, .value = (char *)(uintptr_t)value};
    return (struct call){.req = req};
}

static const struct {
    const char *text;
    bool ok;
    int64_t value;
} numbers[] = {
    {NULL, true, 7}, {"0", true, 0},    {"-5", true, -5},  {"10", true, 10},
    {"010", true, 10}, {"11", false, 7}, {"-6", false, 7}, {"", false, 7},
    {" 1", false, 7}, {"1 ", false, 7}, {"+1", false, 7},  {"\t1", false, 7},
    {"--1", false, 7}, {"-", false, 7}, {"1.5", false, 7}, {"one", false, 7},
    {"9223372036854775808", false, 7},
};

START_TEST(query_numbers)
{
    struct request req;
    struct call call = with_query(&req, numbers[_i].text);
    struct err err = {.code = ERR_NONE};
    int64_t out = 42;
    err_code rc = query_int(&call, "n", -5, 10, 7, &out, &err);

    ck_assert_int_eq(rc, numbers[_i].ok ? ERR_NONE : ERR_INVALID_PARAMETER);
    ck_assert_str_eq(err.field, rc ? "n" : "");
    ck_assert_int_eq(out, rc ? 42 : numbers[_i].value);
}
END_TEST

START_TEST(query_booleans_and_words)
{
    static const char *const bad_bools[] = {"", "1", "0", "yes", "True", "TRUE", "true ", "truefalse"};
    struct request req;
    struct err err;
    bool out = false;
    const char *word = "as it was";

    struct call call = with_query(&req, NULL);
    ck_assert(!query_bool(&call, "n", true, &out, &err) && out);
    ck_assert(!query_word(&call, "n", colours, "red", &word, &err));
    ck_assert_str_eq(word, "red");
    call = with_query(&req, "false");
    ck_assert(!query_bool(&call, "n", true, &out, &err) && !out);
    call = with_query(&req, "true");
    ck_assert(!query_bool(&call, "n", false, &out, &err) && out);
    for (size_t i = 0; i < ARRAY_LEN(bad_bools); i++) {
        call = with_query(&req, bad_bools[i]);
        ck_assert_int_eq(query_bool(&call, "n", false, &out, &err), ERR_INVALID_PARAMETER);
        ck_assert_str_eq(err.field, "n");
        ck_assert(out); /* as it was */
    }
    call = with_query(&req, "green");
    ck_assert(!query_word(&call, "n", colours, NULL, &word, &err));
    ck_assert_str_eq(word, "green");
    word = "as it was";
    call = with_query(&req, "blue");
    ck_assert_int_eq(query_word(&call, "n", colours, NULL, &word, &err), ERR_INVALID_PARAMETER);
    ck_assert_str_eq(word, "as it was");
    ck_assert_ptr_nonnull(strstr(err.msg, "red, green"));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("fields");
    tcase_add_test(tc, good_bodies_are_read);
    tcase_add_test(tc, absent_and_null_members_leave_defaults);
    tcase_add_loop_test(tc, problems_are_named, 0, ARRAY_LEN(bad));
    tcase_add_test(tc, all_problems_are_told_at_once);
    tcase_add_test(tc, a_single_problem_may_have_a_code_of_its_own);
    tcase_add_test(tc, problems_have_a_bound);
    tcase_add_test(tc, odd_names_are_pointed_at);
    tcase_add_loop_test(tc, query_numbers, 0, ARRAY_LEN(numbers));
    tcase_add_test(tc, query_booleans_and_words);
    Suite *suite = suite_create("fields");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
