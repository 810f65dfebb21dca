/* SPDX-License-Identifier: MIT */
/* What is taken back for a target, or to return to a set; what stands in the way. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/down.h"
#include "core/migrate/plan_down.h"
#include "core/migrate/tracking_internal.h"

static struct catalog *catalog; /* 0001_a … 0005_e; c has no way back, d and e have equal bytes */

static void make_catalog(void)
{
    static const char *const texts[] = {"SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", "SELECT 4"};
    struct migration *items = calloc(5, sizeof *items);
    struct err err;

    for (int i = 0; i < 5; i++) {
        char version[16];
        (void)snprintf(version, sizeof version, "%04d_%c", i + 1, "abcde"[i]);
        ck_assert(!migration_make(version, texts[i], 8, 1000 * (i + 1), &items[i], &err));
        if (i != 2)
            ck_assert(!migration_set_down(&items[i], "SELECT -1", 9, &err));
    }
    ck_assert(!catalog_new("tenant", items, 5, &catalog, &err));
}

static void drop_catalog(void)
{
    catalog_free(catalog);
}

/* A row a letter: by name, by hash, or both, as the format has it; a capital is not in the catalog,
 * '!' before it: other bytes. */
static struct applied_set *make_set(tracking_format format, const char *rows)
{
    struct applied_set *set = applied_set_empty(format);

    for (const char *p = rows; *p; p++) {
        char name[16], other[SHA256_HEX_SIZE];
        bool bad = *p == '!';
        p += bad;
        int i = *p >= 'a' ? *p - 'a' : -1;
        (void)snprintf(name, sizeof name, "%04d_%c", i < 0 ? 9 : i + 1, *p);
        sha256_hex(p, 1, other);
        const char *hash = i < 0 || bad ? other : catalog->items[i].sha256;
        bool named = format == TRACKING_NAME || format == TRACKING_DRIZZLE_KIT_V1;
        ck_assert(applied_set_add(set, named ? name : NULL, format == TRACKING_NAME ? NULL : hash,
                                  i < 0 ? 9000 : catalog->items[i].when_ms));
    }
    set->has_table = true;
    applied_set_digest(set);
    return set;
}

/* todo: letters in the order they are taken back. keep: rows of the set to return to. */
static const struct {
    tracking_format format;
    const char *rows, *target, *keep, *todo, *after;
    unsigned allow;
    err_code check;
} cases[] = {
    {TRACKING_NAME, "abde", "0002_b", NULL, "ed", "ab", 0, ERR_NONE},
    {TRACKING_NAME, "ab", "0002_b", NULL, "", "ab", 0, ERR_NONE},
    {TRACKING_NAME, "", "0002_b", NULL, "", "", 0, ERR_NONE},
    {TRACKING_NAME, "ab", "0005_e", NULL, "", "ab", 0, ERR_NONE}, /* it never goes up */
    {TRACKING_NAME, "ab", "none", NULL, "ba", "", 0, ERR_NONE},
    {TRACKING_NAME, "abc", "0002_b", NULL, "c", "ab", 0, ERR_NO_DOWN_MIGRATION},
    {TRACKING_NAME, "abcd", "0003_c", NULL, "d", "abc", 0, ERR_NONE}, /* c stays */
    {TRACKING_NAME, "abX", "0001_a", NULL, "b", "aX", 0, ERR_HISTORY_DIVERGED},
    {TRACKING_NAME, "abX", "0001_a", NULL, "b", "aX", ALLOW_ORPHANED, ERR_NONE},
    {TRACKING_NAME, "aXb", "0001_a", NULL, "b", "aX", 0, ERR_NONE}, /* not in the way */
    {TRACKING_NAME, "abX", "0002_b", NULL, "", "abX", 0, ERR_NONE}, /* nothing to do */
    {TRACKING_NAME, "abb", "0001_a", NULL, "b", "ab", 0, ERR_HISTORY_DIVERGED},
    {TRACKING_NAME, "bad", "0001_a", NULL, "db", "a", 0, ERR_NONE},
    {TRACKING_NAME, "abde", NULL, "ae", "db", "ae", 0, ERR_NONE},
    {TRACKING_NAME, "ab", NULL, "abd", "", "ab", 0, ERR_NONE},
    {TRACKING_NAME, "ab", NULL, "", "ba", "", 0, ERR_NONE},
    {TRACKING_HASH, "abde", "0004_d", NULL, "e", "abd", 0,
     ERR_NONE}, /* equal bytes: one row goes */
    {TRACKING_HASH, "abde", "0001_a", NULL, "edb", "a", 0, ERR_NONE},
    {TRACKING_HASH, "abb", "0001_a", NULL, "b", "ab", 0, ERR_HISTORY_DIVERGED},
    {TRACKING_DRIZZLE_KIT, "abed", "0004_d", NULL, "e", "abd", 0, ERR_NONE},
    {TRACKING_DRIZZLE_KIT, "a!b", "0001_a", NULL, "b", "a", 0, ERR_HISTORY_DIVERGED},
    {TRACKING_DRIZZLE_KIT, "a!b", "0001_a", NULL, "b", "a", ALLOW_MODIFIED, ERR_NONE},
    {TRACKING_DRIZZLE_KIT, "!ab", "0001_a", NULL, "b", "!a", 0, ERR_NONE}, /* it stays */
    {TRACKING_DRIZZLE_KIT_V1, "abde", "0002_b", NULL, "ed", "ab", 0, ERR_NONE},
    {TRACKING_DRIZZLE_KIT_V1, "abde", NULL, "ab", "ed", "ab", 0, ERR_NONE},
};

START_TEST(what_is_taken_back)
{
    CLEANUP(applied_set_freep) struct applied_set *set = make_set(cases[_i].format, cases[_i].rows);
    CLEANUP(applied_set_freep)
    struct applied_set *keep = cases[_i].keep ? make_set(cases[_i].format, cases[_i].keep) : NULL;
    CLEANUP(applied_set_freep)
    struct applied_set *after = make_set(cases[_i].format, cases[_i].after);
    CLEANUP(plan_clear) struct plan plan = {.entries = NULL};
    CLEANUP(str_clear) struct str todo = STR_INIT;
    CLEANUP(applied_set_freep) struct applied_set *now = applied_set_copy(set);
    struct err err = {.code = ERR_NONE};

    ck_assert(!plan_make_down(catalog, set, cases[_i].target, keep, &plan, &err));
    for (size_t i = 0; i < plan.count; i++) {
        const struct plan_entry *entry = plan_nth(&plan, i);
        if (!entry->in_target)
            continue;
        str_add_char(&todo, entry->version[5]);
        ck_assert(plan_entry_done(&plan, entry, now));
    }
    ck_assert_str_eq(str_text(&todo), cases[_i].todo);
    ck_assert_uint_eq(plan.todo, strlen(cases[_i].todo));
    applied_set_digest(now);
    ck_assert_str_eq(now->digest, after->digest);
    ck_assert_int_eq(plan_check(&plan, cases[_i].allow, &err), cases[_i].check);
    if (cases[_i].check)
        ck_assert_str_ne(err.subject, "");
    ck_assert_int_eq(plan_check(&plan, cases[_i].allow, NULL), cases[_i].check);
}
END_TEST

START_TEST(a_target_must_be_named)
{
    CLEANUP(applied_set_freep) struct applied_set *set = make_set(TRACKING_NAME, "ab");
    struct plan plan;
    struct err err;

    ck_assert_int_eq(plan_make_down(catalog, set, NULL, NULL, &plan, &err), ERR_UNKNOWN_TARGET);
    ck_assert_int_eq(plan_make_down(catalog, set, "0009_x", NULL, &plan, &err), ERR_UNKNOWN_TARGET);
    ck_assert_int_eq(plan_make_down(catalog, set, "", NULL, &plan, NULL), ERR_UNKNOWN_TARGET);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan_down");
    TCase *tcase = tcase_create("rules");
    tcase_add_checked_fixture(tcase, make_catalog, drop_catalog);
    tcase_add_loop_test(tcase, what_is_taken_back, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, a_target_must_be_named);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
