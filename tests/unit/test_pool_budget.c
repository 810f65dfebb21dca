/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/attr.h"
#include "core/base/clock.h"
#include "core/pool/budget.h"

static struct budget *make(int max, int reserved)
{
    struct budget *budget = NULL;
    ck_assert_int_eq(
        budget_new((struct budget_limits){.max = max, .reserved = reserved}, &budget, NULL),
        ERR_NONE);
    return budget;
}

static void await_waiting(struct budget *budget, int n)
{
    int64_t end = clock_mono_ms() + 10000;
    while (budget_stats(budget).waiting != n) {
        ck_assert(clock_mono_ms() < end);
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

START_TEST(limits_that_leave_nothing_are_refused)
{
    static const struct budget_limits bad[] = {{0, 0}, {-1, 0}, {3, 3}, {3, 4}, {3, -1}};
    struct budget *budget = NULL;
    struct budget_set *set = NULL;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_int_eq(budget_new(bad[i], &budget, &err), ERR_CONFIG_INVALID);
        ck_assert_int_eq(budget_set_new(bad[i], &set, &err), ERR_CONFIG_INVALID);
    }
    ck_assert_ptr_null(budget);
    ck_assert_ptr_null(set);
}
END_TEST

START_TEST(reserved_slots_are_not_given)
{
    struct budget *budget = make(5, 3);

    ck_assert(budget_try(budget) && budget_take(budget, 0));
    ck_assert(!budget_try(budget));
    int64_t began = clock_mono_ms();
    ck_assert(!budget_take(budget, 50));
    ck_assert_int_ge(clock_mono_ms() - began, 49);
    ck_assert(!budget_take(budget, -5));
    budget_give(budget);
    ck_assert(budget_take(budget, 0));
    struct budget_stats stats = budget_stats(budget);
    ck_assert_int_eq(stats.used, 2);
    ck_assert_int_eq(stats.waiting, 0);
    budget_free(budget);
}
END_TEST

START_TEST(a_budget_grows_and_shrinks)
{
    struct budget *budget = make(2, 0);

    ck_assert(budget_try(budget) && budget_try(budget));
    ck_assert_int_eq(budget_resize(budget, (struct budget_limits){.max = 1}, NULL), ERR_NONE);
    budget_give(budget);
    ck_assert(!budget_try(budget));
    ck_assert_int_eq(budget_resize(budget, (struct budget_limits){.max = 0}, NULL),
                     ERR_CONFIG_INVALID);
    ck_assert_int_eq(budget_resize(budget, (struct budget_limits){.max = 2}, NULL), ERR_NONE);
    ck_assert(budget_try(budget));
    budget_free(budget);
}
END_TEST

struct queued {
    struct budget *budget;
    atomic_int *turn;
    int got;
};

static void *wait_for_turn(void *arg)
{
    struct queued *q = arg;
    if (budget_take(q->budget, 10000)) {
        q->got = atomic_fetch_add(q->turn, 1);
        budget_give(q->budget);
    }
    return NULL;
}

START_TEST(who_waits_longest_is_next)
{
    enum { N = 8 };
    struct budget *budget = make(1, 0);
    atomic_int turn = 0;
    struct queued queued[N];
    pthread_t threads[N];

    ck_assert(budget_try(budget));
    for (int i = 0; i < N; i++) {
        queued[i] = (struct queued){.budget = budget, .turn = &turn, .got = -1};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_for_turn, &queued[i]), 0);
        await_waiting(budget, i + 1);
    }
    budget_give(budget);
    for (int i = 0; i < N; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert_int_eq(queued[i].got, i);
    }
    ck_assert_int_eq(budget_stats(budget).used, 0);
    budget_free(budget);
}
END_TEST

struct crowd {
    struct budget *budget;
    atomic_int inside, most, refused;
};

static void *come_and_go(void *arg)
{
    struct crowd *crowd = arg;

    for (int i = 0; i < 400; i++) {
        if (!budget_take(crowd->budget, i % 3 ? 1000 : 0)) {
            atomic_fetch_add(&crowd->refused, 1);
            continue;
        }
        int inside = atomic_fetch_add(&crowd->inside, 1) + 1, most = atomic_load(&crowd->most);
        while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside))
            continue;
        atomic_fetch_sub(&crowd->inside, 1);
        budget_give(crowd->budget);
    }
    return NULL;
}

START_TEST(a_crowd_never_exceeds_it)
{
    enum { N = 32 };
    struct crowd crowd = {.budget = make(3, 0)};
    pthread_t threads[N];

    for (int i = 0; i < N; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, &crowd), 0);
    for (int i = 0; i < N; i++)
        (void)pthread_join(threads[i], NULL);
    ck_assert_int_le(crowd.most, 3);
    ck_assert_int_eq(budget_stats(crowd.budget).used, 0);
    ck_assert_int_eq(budget_stats(crowd.budget).waiting, 0);
    budget_free(crowd.budget);
}
END_TEST

static void give_one(void *arg, struct budget *budget)
{
    ++*(int *)arg;
    budget_give(budget);
}

START_TEST(a_full_budget_asks_before_anyone_waits)
{
    struct budget_set *set = NULL;
    struct budget *one = NULL, *same = NULL, *other = NULL;
    int asked = 0;

    ck_assert_int_eq(budget_set_new((struct budget_limits){.max = 1}, &set, NULL), ERR_NONE);
    ck_assert_int_eq(budget_set_get(set, "one", &one, NULL), ERR_NONE);
    ck_assert_int_eq(budget_set_get(set, "one", &same, NULL), ERR_NONE);
    ck_assert_int_eq(budget_set_get(set, "other", &other, NULL), ERR_NONE);
    ck_assert_ptr_eq(one, same);
    ck_assert_ptr_ne(one, other);
    budget_set_reclaimer(set, give_one, &asked);
    ck_assert(budget_take(one, 0) && budget_take(other, 0));
    ck_assert_int_eq(asked, 0);
    ck_assert(!budget_try(one)); /* makes nobody give one up */
    ck_assert_int_eq(asked, 0);
    ck_assert(budget_take(one, 0));
    ck_assert_int_eq(asked, 1);
    budget_set_reclaimer(set, NULL, NULL);
    ck_assert(!budget_take(one, 0));
    ck_assert_int_eq(asked, 1);
    budget_set_free(set);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("budget");
    TCase *tc = tcase_create("budget");
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, limits_that_leave_nothing_are_refused);
    tcase_add_test(tc, reserved_slots_are_not_given);
    tcase_add_test(tc, a_budget_grows_and_shrinks);
    tcase_add_test(tc, who_waits_longest_is_next);
    tcase_add_test(tc, a_crowd_never_exceeds_it);
    tcase_add_test(tc, a_full_budget_asks_before_anyone_waits);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
