/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/plan.h"
#include "core/migrate/tracking_internal.h"

static struct catalog *catalog; /* 0001_a … 0005_e, dated 1000 … 5000; d and e have equal bytes */

static void make_catalog(void)
{
    static const char *const texts[] = {"SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", "SELECT 4"};
    struct migration *items = calloc(5, sizeof *items);
    struct err err;

    for (int i = 0; i < 5; i++) {
        char version[16];
        (void)snprintf(version, sizeof version, "%04d_%c", i + 1, "abcde"[i]);
        ck_assert_int_eq(migration_make(version, texts[i], 8, 1000 * (i + 1), &items[i], &err),
                         ERR_NONE);
    }
    ck_assert_int_eq(catalog_new("tenant", items, 5, &catalog, &err), ERR_NONE);
}

static void drop_catalog(void)
{
    catalog_free(catalog);
}

/*
 * A row of a table: a letter says which migration, '#' before it: by its hash, '@': by its name in
 * the column of hashes, '!': with its date but other bytes, '&': its name, other bytes, '?': NULL
 * name and its hash, dated elsewhere, '~': another name and its hash. A capital is a migration that the catalog lacks.
 */
static void add_row(struct applied_set *set, char kind, char letter)
{
    char name[16], other[SHA256_HEX_SIZE];
    int i = letter >= 'a' && letter <= 'e' ? letter - 'a' : -1;
    bool v1 = set->format == TRACKING_DRIZZLE_KIT_V1;

    (void)snprintf(name, sizeof name, "%04d_%c", i < 0 ? 9 : i + 1, letter);
    sha256_hex(&letter, 1, other);
    const char *hash = i >= 0 ? catalog->items[i].sha256 : other;
    int64_t when = i >= 0 ? catalog->items[i].when_ms : 9000;
    if (kind == 'n')
        ck_assert(applied_set_add(set, name, v1 ? hash : NULL, when));
    else if (kind == '&')
        ck_assert(applied_set_add(set, name, other, when));
    else if (kind == '~')
        ck_assert(applied_set_add(set, "20260101000000_renamed", hash, when));
    else if (kind == '@')
        ck_assert(applied_set_add(set, NULL, name, 77));
    else if (kind == '!')
        ck_assert(applied_set_add(set, NULL, other, when));
    else
        ck_assert(applied_set_add(set, NULL, hash, kind == '?' ? 77 : when));
}

static struct applied_set *make_set(tracking_format format, const char *rows)
{
    struct applied_set *set = applied_set_empty(format);
    for (const char *p = rows; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'e') || (*p >= 'A' && *p <= 'Z');
        char kind = plain ? 'n' : *p++;
        add_row(set, kind, *p);
    }
    set->has_table = true;
    return set;
}

/* states: a letter an entry: Applied, Pending, Modified, out of Order, orpHaned; small: in target */
static const struct {
    tracking_format format;
    const char *rows, *target, *states, *head, *status;
} cases[] = {
    {TRACKING_NAME, "", NULL, "ppppp", NULL, "behind"},
    {TRACKING_NAME, "abcde", NULL, "AAAAA", "0005_e", "ok"},
    {TRACKING_NAME, "edcba", NULL, "AAAAA", "0005_e", "ok"},
    {TRACKING_NAME, "ab", NULL, "AAppp", "0002_b", "behind"},
    {TRACKING_NAME, "ab", "0003_c", "AApPP", "0002_b", "behind"},
    {TRACKING_NAME, "abcd", "0002_b", "AAAAP", "0004_d", "behind"},
    {TRACKING_NAME, "ac", NULL, "AoApp", "0003_c", "diverged"},
    {TRACKING_NAME, "ac", "0001_a", "AOAPP", "0003_c", "diverged"},
    {TRACKING_NAME, "abX", NULL, "AApppH", "0002_b", "diverged"},
    {TRACKING_NAME, "XY", NULL, "pppppHH", NULL, "diverged"},
    {TRACKING_HASH, "#a#b", NULL, "AAppp", "0002_b", "behind"},
    {TRACKING_HASH, "@a#b@c", NULL, "AAApp", "0003_c", "behind"},
    {TRACKING_HASH, "#a?b#b", NULL, "AAppp", "0002_b", "behind"}, /* the same twice */
    {TRACKING_HASH, "#a!b", NULL, "AMppp", "0002_b", "diverged"},
    {TRACKING_HASH, "#a!b#b", NULL, "AApppH", "0002_b", "diverged"},
    {TRACKING_HASH, "#a#X", NULL, "AppppH", "0001_a", "diverged"},
    {TRACKING_DRIZZLE_KIT, "#a#b#c#d", NULL, "AAAAp", "0004_d", "behind"}, /* d's bytes are e's */
    {TRACKING_DRIZZLE_KIT, "#a#b#c#e", NULL, "AAAoA", "0005_e", "diverged"},
    {TRACKING_DRIZZLE_KIT, "#a#b#c?d?d", NULL, "AAAAA", "0005_e", "ok"},
    {TRACKING_DRIZZLE_KIT, "?a?b", NULL, "AAppp", "0002_b", "behind"},
    {TRACKING_DRIZZLE_KIT_V1, "abc", NULL, "AAApp", "0003_c", "behind"},
    {TRACKING_DRIZZLE_KIT_V1, "~a~bc", NULL, "AAApp", "0003_c", "behind"},
    {TRACKING_DRIZZLE_KIT_V1, "a&b", NULL, "AMppp", "0002_b", "diverged"},
    {TRACKING_DRIZZLE_KIT_V1, "#a?bc", NULL, "AAApp", "0003_c", "behind"},
    {TRACKING_DRIZZLE_KIT_V1, "aX#Y", NULL, "AppppHH", "0001_a", "diverged"},
};

START_TEST(a_set_gives_its_plan)
{
    CLEANUP(applied_set_freep) struct applied_set *set =
        make_set(cases[_i].format, cases[_i].rows);
    CLEANUP(plan_clear) struct plan plan;
    struct err err;
    char states[32] = "";
    size_t todo = 0;

    ck_assert_int_eq(plan_make(catalog, set, cases[_i].target, &plan, &err), ERR_NONE);
    for (size_t i = 0; i < plan.count; i++) {
        states[i] = "APMOH"[plan.entries[i].state];
        if (plan.entries[i].in_target) {
            states[i] = (char)(states[i] + ('a' - 'A'));
            todo++;
        }
        ck_assert_ptr_nonnull(plan.entries[i].version);
    }
    ck_assert_str_eq(states, cases[_i].states);
    ck_assert_uint_eq(plan.todo, todo);
    ck_assert_uint_eq(plan.count, plan.applied + plan.pending + plan.modified +
                                      plan.out_of_order + plan.orphaned);
    ck_assert_str_eq(plan.head ? plan.head : "", cases[_i].head ? cases[_i].head : "");
    ck_assert_str_eq(plan_status(&plan), cases[_i].status);
}
END_TEST

START_TEST(a_deviation_needs_its_own_permission)
{
    static const struct {
        tracking_format format;
        const char *rows;
        unsigned allow;
        err_code code;
    } rows[] = {
        {TRACKING_NAME, "abX", ALLOW_ORPHANED, ERR_HISTORY_DIVERGED},
        {TRACKING_NAME, "ac", ALLOW_OUT_OF_ORDER, ERR_OUT_OF_ORDER},
        {TRACKING_HASH, "#a!b", ALLOW_MODIFIED, ERR_HISTORY_DIVERGED},
    };
    CLEANUP(applied_set_freep) struct applied_set *set = make_set(rows[_i].format, rows[_i].rows);
    CLEANUP(plan_clear) struct plan plan;
    struct err err;
    const unsigned all = ALLOW_ORPHANED | ALLOW_MODIFIED | ALLOW_OUT_OF_ORDER;

    ck_assert_int_eq(plan_make(catalog, set, NULL, &plan, &err), ERR_NONE);
    ck_assert_int_eq(plan_check(&plan, 0, &err), rows[_i].code);
    ck_assert_str_ne(err.subject, "");
    ck_assert_int_eq(plan_check(&plan, all & ~rows[_i].allow, &err), rows[_i].code);
    ck_assert_int_eq(plan_check(&plan, rows[_i].allow, &err), ERR_NONE);
}
END_TEST

START_TEST(an_unknown_target_is_refused)
{
    CLEANUP(applied_set_freep) struct applied_set *set = make_set(TRACKING_NAME, "ab");
    struct plan plan;
    struct err err;
    ck_assert_int_eq(plan_make(catalog, set, "0003", &plan, &err), ERR_UNKNOWN_TARGET);
    ck_assert_int_eq(plan_make(catalog, set, "", &plan, &err), ERR_UNKNOWN_TARGET);
}
END_TEST

START_TEST(an_empty_catalog_has_an_empty_plan)
{
    CLEANUP(applied_set_freep) struct applied_set *set = make_set(TRACKING_NAME, "X");
    CLEANUP(catalog_freep) struct catalog *empty = NULL;
    CLEANUP(plan_clear) struct plan plan;
    struct err err;
    ck_assert_int_eq(catalog_new("tenant", NULL, 0, &empty, &err), ERR_NONE);
    ck_assert_int_eq(plan_make(empty, set, NULL, &plan, &err), ERR_NONE);
    ck_assert(plan.count == 1 && plan.orphaned == 1 && plan.todo == 0 && !plan.head);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tcase = tcase_create("states");
    tcase_add_checked_fixture(tcase, make_catalog, drop_catalog);
    tcase_add_loop_test(tcase, a_set_gives_its_plan, 0, (int)ARRAY_LEN(cases));
    tcase_add_loop_test(tcase, a_deviation_needs_its_own_permission, 0, 3);
    tcase_add_test(tcase, an_unknown_target_is_refused);
    tcase_add_test(tcase, an_empty_catalog_has_an_empty_plan);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
