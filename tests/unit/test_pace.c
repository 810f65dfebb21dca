/* SPDX-License-Identifier: MIT */
#include <check.h>

#include "core/job/pace.h"

/* A server that gets nothing more done with more than `cores` at a time, and a little less with each. */
struct server {
    double cores, loss;
    unsigned noise;
};

static double capacity(const struct server *s, int parallel)
{
    double over = parallel > s->cores ? parallel - s->cores : 0, rest = 1 - s->loss * over;
    return 100 * (parallel < s->cores ? parallel : s->cores) * (rest > 0.2 ? rest : 0.2);
}

/* Within two percent, the same in every run. */
static double shaken(struct server *s, double value)
{
    s->noise = s->noise * 1103515245U + 12345U;
    return value * (0.98 + 0.04 * (double)(s->noise >> 16 & 0x7fff) / 0x7fff);
}

static struct pace_window full(struct server *s, int parallel)
{
    return (struct pace_window){
        .seconds = 8, .busy = 8.0 * parallel, .tasks = 8 * shaken(s, capacity(s, parallel))};
}

/* The mean of what gets done in the last of many windows, against the best there is. */
static double reached(struct server *s, struct pace *pace)
{
    double best = 0, sum = 0;

    for (int n = 1; n <= PACE_MAX; n++)
        best = capacity(s, n) > best ? capacity(s, n) : best;
    for (int i = 0; i < 120; i++) {
        struct pace_window w = full(s, pace->parallel);
        sum += i < 60 ? 0 : capacity(s, pace->parallel);
        ck_assert(pace_can_tell(pace, &w));
        (void)pace_step(pace, &w);
        ck_assert_int_ge(pace->parallel, 1);
        ck_assert_int_le(pace->parallel, PACE_MAX);
    }
    return sum / 60 / best;
}

static const struct server servers[] = {
    {.cores = 1, .loss = 0.005}, {.cores = 2, .loss = 0.005},  {.cores = 2, .loss = 0.03},
    {.cores = 4, .loss = 0.01},  {.cores = 8, .loss = 0.01},   {.cores = 16, .loss = 0.005},
    {.cores = 32, .loss = 0.005}, {.cores = 100, .loss = 0.01},
};

START_TEST(the_best_number_is_found)
{
    static const int starts[] = {1, 4, 64};

    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        struct server server = servers[_i];
        struct pace pace;
        pace_start(&pace, starts[i]);
        ck_assert_double_gt(reached(&server, &pace), 0.9);
    }
}
END_TEST

START_TEST(a_server_that_has_become_smaller_gets_fewer)
{
    struct server large = {.cores = 32, .loss = 0.01}, small = {.cores = 2, .loss = 0.01};
    struct pace pace;

    pace_start(&pace, 4);
    ck_assert_double_gt(reached(&large, &pace), 0.9);
    (void)reached(&small, &pace);
    (void)reached(&small, &pace);
    ck_assert_double_gt(reached(&small, &pace), 0.9);
    ck_assert_int_le(pace.parallel, 8);
}
END_TEST

START_TEST(lock_waits_are_too_many_at_a_time)
{
    struct pace_window w = {.seconds = 2, .busy = 16, .tasks = 80, .lock_waits = 20};
    struct pace pace;

    pace_start(&pace, 8);
    ck_assert(pace_step(&pace, &w));
    ck_assert_int_eq(pace.parallel, 6);
    for (int i = 0; i < 9; i++)
        (void)pace_step(&pace, &w);
    ck_assert_int_eq(pace.parallel, 1);
    w.lock_waits = 1; /* few are no sign; it is not tried at once whether they have gone */
    ck_assert(!pace_step(&pace, &w));
}
END_TEST

START_TEST(nothing_is_concluded_where_something_else_limits)
{
    struct pace_window idle = {.seconds = 10, .busy = 10, .tasks = 1000};
    struct pace pace;

    pace_start(&pace, 4);
    for (int i = 0; i < 50; i++)
        ck_assert(!pace_step(&pace, &idle));
    ck_assert_int_eq(pace.parallel, 4);
}
END_TEST

START_TEST(a_short_window_tells_nothing)
{
    struct pace pace;

    pace_start(&pace, 4);
    ck_assert(!pace_can_tell(&pace, &(struct pace_window){.seconds = 1.5, .tasks = 1000}));
    ck_assert(!pace_can_tell(&pace, &(struct pace_window){.seconds = 100, .tasks = 15}));
    ck_assert(pace_can_tell(&pace, &(struct pace_window){.seconds = 2, .tasks = 10, .lock_waits = 6}));
    pace_start(&pace, 0);
    ck_assert_int_eq(pace.parallel, 1);
    pace_start(&pace, 1000);
    ck_assert_int_eq(pace.parallel, PACE_MAX);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("pace");
    tcase_add_loop_test(tc, the_best_number_is_found, 0, sizeof servers / sizeof servers[0]);
    tcase_add_test(tc, a_server_that_has_become_smaller_gets_fewer);
    tcase_add_test(tc, lock_waits_are_too_many_at_a_time);
    tcase_add_test(tc, nothing_is_concluded_where_something_else_limits);
    tcase_add_test(tc, a_short_window_tells_nothing);
    Suite *suite = suite_create("pace");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
