/* SPDX-License-Identifier: MIT */
#include <check.h>

#include "core/base/retry.h"

static const struct retry_policy plain = {
    .max_attempts = 5, .initial_delay_ms = 100, .max_delay_ms = 5000, .multiplier = 2};

static const struct {
    int attempt;
    int64_t ms;
} delays[] = {{2, 100}, {3, 200}, {4, 400}, {5, 800}, {7, 3200}, {8, 5000}, {9, 5000}, {1000, 5000}};

START_TEST(delays_grow_up_to_a_bound)
{
    ck_assert_int_eq(retry_delay_ms(&plain, delays[_i].attempt, 0.9), delays[_i].ms);
}
END_TEST

START_TEST(jitter_adds_up_to_a_quarter)
{
    struct retry_policy policy = plain;

    policy.jitter = true;
    ck_assert_int_eq(retry_delay_ms(&policy, 2, 0), 100);
    ck_assert_int_eq(retry_delay_ms(&policy, 2, 0.5), 112);
    ck_assert_int_eq(retry_delay_ms(&policy, 2, 0.9999), 124);
    ck_assert_int_eq(retry_delay_ms(&policy, 100, 0.9999), 6249);
}
END_TEST

START_TEST(odd_policies_are_harmless)
{
    struct retry_policy policy = {.max_attempts = 3};

    ck_assert_int_eq(retry_delay_ms(&policy, 2, 0.5), 0);
    policy = (struct retry_policy){
        .max_attempts = 3, .initial_delay_ms = 9000, .max_delay_ms = 50, .multiplier = 1};
    ck_assert_int_eq(retry_delay_ms(&policy, 2, 0.5), 50);
    policy.max_delay_ms = INT64_C(3600000);
    ck_assert_int_eq(retry_delay_ms(&policy, 100, 0.5), 9000);
    ck_assert_int_eq(RETRY_DEFAULT.max_attempts, 3);
}
END_TEST

START_TEST(random_numbers_are_in_range_and_differ)
{
    double first = retry_random(), low = first, high = first;

    for (int i = 0; i < 1000; i++) {
        double x = retry_random();
        ck_assert(x >= 0 && x < 1);
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    ck_assert(low < 0.1 && high > 0.9);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("retry");
    tcase_add_loop_test(tc, delays_grow_up_to_a_bound, 0, sizeof delays / sizeof delays[0]);
    tcase_add_test(tc, jitter_adds_up_to_a_quarter);
    tcase_add_test(tc, odd_policies_are_harmless);
    tcase_add_test(tc, random_numbers_are_in_range_and_differ);
    Suite *suite = suite_create("retry");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
