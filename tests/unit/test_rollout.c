/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "core/base/attr.h"
#include "core/job/rollout.h"

static const struct limit_case {
    const char *what;
    struct failure_limit limit;
    struct ended ended;
    bool whole;
    int64_t missing;
} limit_cases[] = {
    {"no limit", {.by_count = false}, {100, 100}, true, 0},
    {"none may fail", {.by_count = true}, {1, 1}, false, 1},
    {"just enough", {.by_count = true, .max_failures = 3}, {9, 3}, false, 0},
    {"two too many", {.by_count = true, .max_failures = 3}, {9, 5}, false, 2},
    {"a ratio among nineteen", {.by_ratio = true, .max_ratio = 0.1}, {19, 19}, false, 0},
    {"at the end it counts", {.by_ratio = true, .max_ratio = 0.5}, {3, 2}, true, 1},
    {"a ratio among twenty", {.by_ratio = true, .max_ratio = 0.1}, {20, 3}, false, 1},
    {"0.07 of 100 is 7", {.by_ratio = true, .max_ratio = 0.07}, {100, 7}, false, 0},
    {"0.29 of 100 is 29", {.by_ratio = true, .max_ratio = 0.29}, {100, 30}, false, 1},
    {"all may fail", {.by_ratio = true, .max_ratio = 1}, {50, 50}, true, 0},
    {"the stricter one",
     {.by_count = true, .by_ratio = true, .max_failures = 1, .max_ratio = 0.5},
     {40, 30},
     false,
     29},
};

START_TEST(limits)
{
    const struct limit_case *c = &limit_cases[_i];
    int64_t missing = failure_limit_missing(&c->limit, c->ended, c->whole);

    ck_assert_msg(missing == c->missing, "%s: %lld", c->what, (long long)missing);
    ck_assert_int_eq(failure_limit_exceeded(&c->limit, missing, c->ended, c->whole), false);
    if (missing)
        ck_assert(failure_limit_exceeded(&c->limit, missing - 1, c->ended, c->whole));
}
END_TEST

START_TEST(waves_are_read_as_they_are_written)
{
    const struct wave wave = {
        .tasks = 7,
        .limit = {.by_count = true, .by_ratio = true, .max_failures = 2, .max_ratio = 0.25},
        .bake_ms = 60000,
        .gated = true};
    struct wave back[ROLLOUT_WAVES_MAX];
    int count = 0;
    json_t *list = json_array();

    (void)json_array_append_new(list, rollout_wave_json("a", &wave));
    (void)json_array_append_new(list, rollout_wave_json("b", &(struct wave){.tasks = 1}));
    ck_assert(!rollout_read_waves(list, back, &count, NULL));
    ck_assert_int_eq(count, 2);
    ck_assert(back[0].tasks == 7 && back[0].bake_ms == 60000 && back[0].gated);
    ck_assert(back[0].limit.by_count && back[0].limit.max_failures == 2);
    ck_assert(back[0].limit.by_ratio && back[0].limit.max_ratio == 0.25);
    ck_assert(!back[1].limit.by_count && !back[1].limit.by_ratio && !back[1].gated);
    while (json_array_size(list) <= ROLLOUT_WAVES_MAX)
        (void)json_array_append_new(list, json_object());
    ck_assert_int_eq(rollout_read_waves(list, back, &count, NULL), ERR_INTERNAL);
    json_decref(list);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rollout");
    TCase *tc = tcase_create("rollout");

    tcase_add_loop_test(tc, limits, 0, ARRAY_LEN(limit_cases));
    tcase_add_test(tc, waves_are_read_as_they_are_written);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
