/* SPDX-License-Identifier: MIT */
/* YAML as the contract may be written, and what it must not be. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "openapi/yaml_json.h"

static const struct pair {
    const char *yaml, *json;
} pairs[] = {
    {"a: 1", "{\"a\":1}"},
    {"- -7\n- +7\n- 0x1F\n- 0o17\n- 007", "[-7,7,31,15,7]"},
    {"[1.5, .5, 1., 2e3, -1E-2]", "[1.5,0.5,1.0,2000.0,-0.01]"},
    {"[no, on, yes, off, y, n]", "[\"no\",\"on\",\"yes\",\"off\",\"y\",\"n\"]"},
    {"[true, False, TRUE]", "[true,false,true]"},
    {"{a: , b: ~, c: null, d: Null}", "{\"a\":null,\"b\":null,\"c\":null,\"d\":null}"},
    {"['200', \"true\", 'null', '']", "[\"200\",\"true\",\"null\",\"\"]"},
    {"200: {x: y}", "{\"200\":{\"x\":\"y\"}}"},
    {"[1.2.3, 12:30, 2026-01-05, 1_000, ., +, e5, 0x, 0o8, 1e, -]",
     "[\"1.2.3\",\"12:30\",\"2026-01-05\",\"1_000\",\".\",\"+\",\"e5\",\"0x\",\"0o8\",\"1e\","
     "\"-\"]"},
    {"z: 1\na: 2\nm: 3", "{\"z\":1,\"a\":2,\"m\":3}"},
    {"t: |\n  one\n  two\n", "{\"t\":\"one\\ntwo\\n\"}"},
    {"t: >-\n  one\n  two\n", "{\"t\":\"one two\"}"},
    {"# only a comment\n{}", "{}"},
    {"s: caf\xc3\xa9", "{\"s\":\"caf\xc3\xa9\"}"},
    {"[9223372036854775807, -9223372036854775808]", "[9223372036854775807,-9223372036854775808]"},
    {"text", "\"text\""},
};

static const struct refusal {
    const char *yaml, *why; /* part of the message */
    int line, column;
} refusals[] = {
    {"a: &x 1\nb: *x", "anchors", 1, 4},
    {"a: &x {b: 1}", "anchors", 1, 4},
    {"- &x [1]", "anchors", 1, 3},
    {"&k a: 1", "anchors", 1, 1},
    {"a: 1\nb: *x", "aliases", 2, 4},
    {"a: !!str 1", "tags", 1, 4},
    {"!thing {a: 1}", "tags", 1, 1},
    {"a: 1\nb: 2\na: 3", "before", 3, 1},
    {"{? [1, 2] : 3}", "a key is a scalar", 1, 4},
    {"a: .inf", "no such number", 1, 4},
    {"a: -.INF", "no such number", 1, 4},
    {"a: .nan", "no such number", 1, 4},
    {"a: 9223372036854775808", "64 bits", 1, 4},
    {"a: 1\n---\nb: 2", "second document", 2, 1},
    {"", "no document", 1, 1},
    {"a: [1, 2", "", 2, 1},
    {"a: b: c", "", 1, 5},
    {"a: \"x\\0y\"", "NUL", 1, 4},
    {"a: 1e999", "JSON", 1, 4},
};

START_TEST(test_means)
{
    const struct pair *pair = &pairs[_i];
    json_auto_t *value = NULL;
    struct err err = {.msg = ""};

    ck_assert_msg(yaml_to_json(pair->yaml, strlen(pair->yaml), &value, &err) == ERR_NONE, "%s: %s",
                  pair->yaml, err.msg);
    CLEANUP(freep) char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    ck_assert_str_eq(text, pair->json);
}
END_TEST

START_TEST(test_refuses)
{
    const struct refusal *refusal = &refusals[_i];
    json_t *value = NULL;
    struct err err;

    ck_assert_msg(yaml_to_json(refusal->yaml, strlen(refusal->yaml), &value, &err) ==
                      ERR_CONFIG_INVALID,
                  "taken: %s", refusal->yaml);
    ck_assert_ptr_null(value);
    ck_assert_msg(strstr(err.msg, refusal->why) != NULL, "%s: %s", refusal->yaml, err.msg);
    ck_assert_msg(err.line == refusal->line && err.column == refusal->column, "%s: %s",
                  refusal->yaml, err.msg);
}
END_TEST

START_TEST(test_bytes_that_are_not_text)
{
    static const char *const bad[] = {"a: \xff", "\xc0\xaf: 1", "a: \xed\xa0\x80"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        json_t *value = NULL;
        struct err err;
        ck_assert_int_eq(yaml_to_json(bad[i], strlen(bad[i]), &value, &err), ERR_CONFIG_INVALID);
        ck_assert_int_eq(yaml_to_json("a: b\0c", 6, &value, NULL), ERR_CONFIG_INVALID);
        ck_assert_ptr_null(value);
    }
}
END_TEST

START_TEST(test_depth_is_bounded)
{
    char deep[20000];
    json_auto_t *value = NULL;
    struct err err;

    memset(deep, '[', sizeof deep);
    ck_assert_int_eq(yaml_to_json(deep, sizeof deep, &value, &err), ERR_CONFIG_INVALID);
    memset(deep + YAML_JSON_DEPTH_MAX, ']', YAML_JSON_DEPTH_MAX);
    ck_assert_int_eq(yaml_to_json(deep, 2 * (size_t)YAML_JSON_DEPTH_MAX, &value, &err), ERR_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("yaml_json");
    TCase *cases = tcase_create("all");
    tcase_add_loop_test(cases, test_means, 0, (int)ARRAY_LEN(pairs));
    tcase_add_loop_test(cases, test_refuses, 0, (int)ARRAY_LEN(refusals));
    tcase_add_test(cases, test_bytes_that_are_not_text);
    tcase_add_test(cases, test_depth_is_bounded);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
