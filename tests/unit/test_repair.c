/* SPDX-License-Identifier: MIT */
/* What repairs decide from values alone, and how other tools' histories map to a catalog. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/foreign_internal.h"
#include "core/migrate/repair.h"
#include "core/migrate/tracking_internal.h"

static struct catalog *catalog; /* 0001_a … 0004_d, dated 1000 … 4000 */

static void set_up(void)
{
    struct migration *items = calloc(4, sizeof *items);

    for (int i = 0; i < 4; i++) {
        char version[32], sql[32];
        (void)snprintf(version, sizeof version, "%04d_%c", i + 1, "abcd"[i]);
        (void)snprintf(sql, sizeof sql, "SELECT %d", i);
        ck_assert(!migration_make(version, sql, strlen(sql), 1000 * (i + 1), &items[i], NULL));
    }
    ck_assert(!catalog_new("tenant", items, 4, &catalog, NULL));
}

static void tear_down(void)
{
    catalog_free(catalog);
}

/* A letter is a migration, 'X' one that the catalog lacks, '!' before it: with other bytes, '*': it
 * is not recorded, but was begun. */
static struct applied_set *make_set(tracking_format format, const char *rows)
{
    struct applied_set *set = applied_set_empty(format);
    bool named = format == TRACKING_NAME || format == TRACKING_DRIZZLE_KIT_V1;

    for (const char *p = rows; *p; p++) {
        bool modified = *p == '!', begun = *p == '*';
        p += modified || begun;
        int i = *p == 'X' ? -1 : *p - 'a';
        if (begun) {
            ck_assert(applied_set_begin(set, i < 0 ? "0009_x" : catalog->items[i].version));
            continue;
        }
        const char *hash = i < 0 ? "cafe" : modified ? "beef" : catalog->items[i].sha256;
        ck_assert(applied_set_add(set,
                                  !named  ? NULL
                                  : i < 0 ? "0009_x"
                                          : catalog->items[i].version,
                                  format == TRACKING_NAME ? NULL : hash,
                                  i < 0 ? 9000 : 1000 * (i + 1)));
    }
    set->has_table = *rows != '\0';
    applied_set_digest(set);
    return set;
}

/* "-0009_x +0002_b ~0003_c" and, of a swap, "=name" in front. */
static void write_edits(const struct repair *repair, struct str *out)
{
    static const char signs[] = {
        [EDIT_REMOVE] = '-', [EDIT_ACCEPT] = '~', [EDIT_RECORD] = '+', [EDIT_SETTLE] = '*'};

    if (repair->swap)
        str_addf(out, "=%s", tracking_format_name(repair->after->format));
    for (size_t i = 0; i < repair->count; i++)
        str_addf(out, "%s%c%s", out->len ? " " : "", signs[repair->edits[i].kind],
                 repair->edits[i].version);
}

/* backup: rows of a backup in the name format; NULL: none. result: the edits, or the error. */
static const struct {
    repair_kind kind;
    const char *args;
    tracking_format format;
    const char *rows, *backup, *result, *applied;
} cases[] = {
    /* sync: each only when asked for */
    {REPAIR_SYNC, "{\"clean_orphans\":true}", TRACKING_NAME, "acX", NULL, "-0009_x", "1010"},
    {REPAIR_SYNC, "{\"mark_missing\":true}", TRACKING_NAME, "acX", NULL, "+0002_b +0004_d", "1111"},
    {REPAIR_SYNC, "{\"mark_out_of_order\":true}", TRACKING_NAME, "acX", NULL, "+0002_b", "1110"},
    {REPAIR_SYNC, "{\"accept_checksums\":true}", TRACKING_DRIZZLE_KIT_V1, "a!bX", NULL, "~0002_b",
     "1100"},
    {REPAIR_SYNC, "{\"clean_orphans\":true,\"mark_missing\":true,\"accept_checksums\":true}",
     TRACKING_DRIZZLE_KIT_V1, "a!bXd", NULL, "~0002_b +0003_c -0009_x", "1111"},
    {REPAIR_SYNC, "{\"clean_orphans\":true,\"mark_missing\":true}", TRACKING_HASH, "abcd", NULL, "",
     "1111"},
    {REPAIR_SYNC, "{\"mark_missing\":true}", TRACKING_NAME, "", NULL,
     "+0001_a +0002_b +0003_c +0004_d", "1111"},
    {REPAIR_SYNC, "{}", TRACKING_NAME, "acX", NULL, "", "1010"},
    /* baseline */
    {REPAIR_BASELINE, "{\"version\":\"0002_b\"}", TRACKING_NAME, "", NULL, "+0001_a +0002_b",
     "1100"},
    {REPAIR_BASELINE, "{\"version\":\"0002_b\"}", TRACKING_NAME, "a", NULL, "+0002_b", "1100"},
    {REPAIR_BASELINE, "{\"version\":\"0002_b\"}", TRACKING_NAME, "ab", NULL, "", "1100"},
    {REPAIR_BASELINE, "{\"version\":\"0002_b\"}", TRACKING_NAME, "abc", NULL, "NOT_EMPTY_HISTORY",
     ""},
    {REPAIR_BASELINE, "{\"version\":\"0002_b\"}", TRACKING_NAME, "X", NULL, "NOT_EMPTY_HISTORY",
     ""},
    {REPAIR_BASELINE, "{\"version\":\"0002_b\"}", TRACKING_DRIZZLE_KIT, "!a", NULL,
     "NOT_EMPTY_HISTORY", ""},
    {REPAIR_BASELINE, "{\"version\":\"0002_z\"}", TRACKING_NAME, "", NULL, "UNKNOWN_TARGET", ""},
    {REPAIR_BASELINE, "{\"versions\":[\"0003_c\",\"0001_a\"]}", TRACKING_NAME, "dX", NULL,
     "+0001_a +0003_c", "1011"},
    {REPAIR_BASELINE, "{\"versions\":[\"0001_a\"]}", TRACKING_DRIZZLE_KIT, "!a", NULL,
     "NOT_EMPTY_HISTORY", ""},
    {REPAIR_BASELINE, "{\"versions\":[\"0001_a\",7]}", TRACKING_NAME, "", NULL, "UNKNOWN_TARGET",
     ""},
    /* conversion */
    {REPAIR_CONVERT, "{\"to\":\"hash\"}", TRACKING_NAME, "ab", NULL, "=hash", "1100"},
    {REPAIR_CONVERT, "{\"to\":\"name\"}", TRACKING_NAME, "ab", NULL, "", "1100"},
    {REPAIR_CONVERT, "{\"to\":\"hash\"}", TRACKING_NAME, "", NULL, "", "0000"},
    {REPAIR_CONVERT, "{\"to\":\"hash\"}", TRACKING_NAME, "abX", NULL, "UNMAPPABLE_ROWS", ""},
    {REPAIR_CONVERT, "{\"to\":\"name\"}", TRACKING_DRIZZLE_KIT, "abX", NULL, "UNMAPPABLE_ROWS", ""},
    {REPAIR_CONVERT, "{\"to\":\"hash\"}", TRACKING_DRIZZLE_KIT, "abX", NULL, "=hash", "1100"},
    {REPAIR_CONVERT, "{\"to\":\"name\"}", TRACKING_DRIZZLE_KIT_V1, "abX", NULL, "=name", "1100"},
    {REPAIR_CONVERT, "{\"to\":\"drizzle-kit-v1\"}", TRACKING_DRIZZLE_KIT, "a!b", NULL,
     "=drizzle-kit-v1", "1100"},
    {REPAIR_CONVERT, "{\"to\":\"name\"}", TRACKING_DRIZZLE_KIT, "a!b", NULL, "=name", "1100"},
    {REPAIR_CONVERT, "{\"to\":\"name\"}", TRACKING_HASH, "aab", NULL, "=name", "1100"},
    /* begun outside of transactions, and not ended */
    {REPAIR_RESOLVE, "{\"version\":\"0002_b\",\"as\":\"applied\"}", TRACKING_NAME, "a*b", NULL,
     "*0002_b +0002_b", "1100"},
    {REPAIR_RESOLVE, "{\"version\":\"0002_b\",\"as\":\"rolled_back\"}", TRACKING_NAME, "a*b", NULL,
     "*0002_b", "1000"},
    {REPAIR_RESOLVE, "{\"version\":\"0002_b\",\"as\":\"applied\"}", TRACKING_NAME, "ab*b", NULL,
     "*0002_b", "1100"},
    {REPAIR_RESOLVE, "{\"version\":\"0001_a\",\"as\":\"applied\"}", TRACKING_NAME, "a*b", NULL,
     "NOT_DIRTY", ""},
    {REPAIR_RESOLVE, "{\"version\":\"0002_b\",\"as\":\"applied\"}", TRACKING_NAME, "a", NULL,
     "NOT_DIRTY", ""},
    {REPAIR_RESOLVE, "{\"version\":\"0009_x\",\"as\":\"applied\"}", TRACKING_NAME, "a*X", NULL,
     "UNKNOWN_TARGET", ""},
    {REPAIR_RESOLVE, "{\"version\":\"0009_x\",\"as\":\"rolled_back\"}", TRACKING_NAME, "a*X", NULL,
     "*0009_x", "1000"},
    {REPAIR_SYNC, "{\"mark_missing\":true}", TRACKING_NAME, "a*b", NULL, "+0003_c +0004_d", "1011"},
    {REPAIR_BASELINE, "{\"version\":\"0003_c\"}", TRACKING_NAME, "a*b", NULL, "NOT_EMPTY_HISTORY",
     ""},
    {REPAIR_BASELINE, "{\"version\":\"0001_a\"}", TRACKING_NAME, "*b", NULL, "+0001_a", "1000"},
    {REPAIR_CONVERT, "{\"to\":\"hash\"}", TRACKING_NAME, "a*b", NULL, "=hash", "1000"},
    /* back from a backup */
    {REPAIR_CONVERT, "{\"restore\":true}", TRACKING_DRIZZLE_KIT, "abc", "ab", "=name +0003_c",
     "1110"},
    {REPAIR_CONVERT, "{\"restore\":true}", TRACKING_DRIZZLE_KIT, "a", "ab", "HISTORY_DIVERGED", ""},
    {REPAIR_CONVERT, "{\"restore\":true}", TRACKING_DRIZZLE_KIT, "abX", "ab", "HISTORY_DIVERGED",
     ""},
};

START_TEST(decisions)
{
    json_auto_t *args = json_loads(cases[_i].args, 0, NULL);
    struct repair_wish wish = repair_wish_of(cases[_i].kind, args);
    CLEANUP(applied_set_freep) struct applied_set *set = make_set(cases[_i].format, cases[_i].rows);
    CLEANUP(applied_set_freep)
    struct applied_set *backup =
        cases[_i].backup ? make_set(TRACKING_NAME, cases[_i].backup) : NULL;
    struct repair_look look = {.catalog = catalog, .set = set, .backup = backup};
    CLEANUP(repair_clear) struct repair repair = {.edits = NULL};
    CLEANUP(str_clear) struct str result = STR_INIT, applied = STR_INIT;
    struct err err = {.code = ERR_NONE};
    err_code rc = repair_decide(&wish, &look, &repair, &err);

    if (rc)
        str_add(&result, err_name(rc));
    else
        write_edits(&repair, &result);
    for (size_t i = 0; !rc && i < catalog->count; i++)
        str_add_char(&applied, repair.applied[i] ? '1' : '0');
    ck_assert_msg(str_eq(str_text(&result), cases[_i].result), "case %d: %s, not %s", _i,
                  str_text(&result), cases[_i].result);
    ck_assert_str_eq(str_text(&applied), cases[_i].applied);
    json_auto_t *json = rc ? NULL : repair_json(&repair, set);
    ck_assert(rc || json_array_size(json) == repair.count + repair.swap);
}
END_TEST

/* A conversion keeps the journal's dates for drizzle-orm, and hashes of its own. */
START_TEST(converted_rows)
{
    json_auto_t *args = json_pack("{s:s}", "to", "drizzle-kit");
    struct repair_wish wish = repair_wish_of(REPAIR_CONVERT, args);
    CLEANUP(applied_set_freep) struct applied_set *set = make_set(TRACKING_NAME, "ba");
    struct repair_look look = {.catalog = catalog, .set = set};
    CLEANUP(repair_clear) struct repair repair = {.edits = NULL};

    set->rows[0].at_ms = 77;
    ck_assert(!repair_decide(&wish, &look, &repair, NULL));
    ck_assert_uint_eq(repair.after->count, 2);
    ck_assert_str_eq(repair.after->rows[0].hash, catalog->items[1].sha256);
    ck_assert_int_eq(repair.after->rows[0].at_ms, 2000);
    ck_assert_ptr_null(repair.after->rows[0].name);
}
END_TEST

static const struct foreign_reader *reader_of(const char *name)
{
    for (size_t i = 0; i < foreign_reader_count; i++)
        if (str_eq(foreign_readers[i].name, name))
            return &foreign_readers[i];
    ck_abort_msg("no reader %s", name);
    return NULL;
}

/* versions: of the catalog, which is dated by nothing; keys: '^' before one: all up to it, '#':
 * with another hash, '?': with a problem. */
static const struct {
    const char *tool, *versions, *keys, *result;
} maps[] = {
    {"flyway", "1__a 2__b 10__c", "1 2", "110"},
    {"flyway", "1__a 1.1__b 2__c", "1 1.1", "110"},
    {"flyway", "001__a 002__b", "1 2", "11"},
    {"flyway", "1_1__a 2__b", "1.1", "10"},
    {"flyway", "1__a 2__b 3__c", "^2", "110"},
    {"flyway", "1__a 2__b", "1 ?2", "HISTORY_NOT_CLEAN"},
    {"flyway", "1__a 2__b", "1 3", "UNMAPPABLE_ROWS"},
    {"flyway", "1__a 1_a", "1", "UNMAPPABLE_ROWS"}, /* two that are number 1 */
    {"golang-migrate", "000001_a 000002_b 000003_c", "^2", "110"},
    {"golang-migrate", "000001_a 000002_b", "^2 ^1", "HISTORY_NOT_CLEAN"},
    {"golang-migrate", "000001_a 000002_b", "", "00"},
    {"dbmate", "20240101120000_a 20240102120000_b", "20240102120000", "01"},
    {"rails", "20240101120000_a", "20240101120001", "UNMAPPABLE_ROWS"},
    {"rails", "20240101120000_a", "not-a-number", "UNMAPPABLE_ROWS"},
    {"rails", "1_a", "", "0"},
    {"ecto", "20240101120000_a", "20240101120000", "1"},
    {"node-pg-migrate", "1588_a 1589_b", "1588_a 1589_b", "11"},
    {"node-pg-migrate", "1588_a 1589_b", "1588", "UNMAPPABLE_ROWS"},
    {"prisma", "20240101120000_init 20240102120000_b", "20240101120000_init", "10"},
    {"prisma", "20240101120000_init", "#20240101120000_init", "UNMAPPABLE_ROWS"},
    {"prisma", "20240101120000_init", "?20240101120000_init", "HISTORY_NOT_CLEAN"},
    {"alembic", "0001_ae1027a6acf_a 0002_27c6a30d7c24_b 0003_c", "^27c6a30d7c24", "110"},
    {"alembic", "0001_ae1027a6acf_a", "^27c6a30d7c24", "UNMAPPABLE_ROWS"},
    {"alembic", "0001_ae1027a6acf_a", "^e1027", "UNMAPPABLE_ROWS"}, /* within a part */
    {"alembic", "0001_a 0002_b", "^0002", "11"},
};

static struct catalog *catalog_of(const char *versions)
{
    CLEANUP(freep) char *list = strdup(versions);
    struct migration *items = calloc(8, sizeof *items);
    struct catalog *out = NULL;
    size_t n = 0;
    char *rest = NULL;

    for (char *v = strtok_r(list, " ", &rest); v; v = strtok_r(NULL, " ", &rest))
        ck_assert(!migration_make(v, "SELECT 1", 8, 0, &items[n++], NULL));
    ck_assert(!catalog_new("tenant", items, n, &out, NULL));
    return out;
}

static void history_of(const char *tool, const char *keys, struct foreign_history *out)
{
    CLEANUP(freep) char *list = strdup(keys);
    char *rest = NULL;

    *out = (struct foreign_history){
        .reader = reader_of(tool), .table = strdup("t"), .rows = calloc(8, sizeof *out->rows)};
    for (char *k = strtok_r(list, " ", &rest); k; k = strtok_r(NULL, " ", &rest)) {
        char mark = strchr("^#?", *k) ? *k : ' ';
        out->rows[out->count++] =
            (struct foreign_row){.key = strdup(mark == ' ' ? k : k + 1),
                                 .hash = mark == '#' ? strdup("cafe") : NULL,
                                 .problem = mark == '?' ? strdup("failed") : NULL,
                                 .upto = mark == '^'};
    }
}

START_TEST(other_tools)
{
    struct catalog *own = catalog_of(maps[_i].versions);
    CLEANUP(foreign_history_clear) struct foreign_history history;
    char result[32] = "";
    bool applied[8] = {false};
    struct err err = {.code = ERR_NONE};

    history_of(maps[_i].tool, maps[_i].keys, &history);
    err_code rc = foreign_map(own, &history, applied, &err);
    for (size_t i = 0; i < own->count && !rc; i++)
        result[i] = applied[i] ? '1' : '0';
    ck_assert_msg(str_eq(rc ? err_name(rc) : result, maps[_i].result),
                  "%s \"%s\" \"%s\": %s, not %s", maps[_i].tool, maps[_i].versions, maps[_i].keys,
                  rc ? err_name(rc) : result, maps[_i].result);
    catalog_free(own);
}
END_TEST

START_TEST(names_of_tables)
{
    ck_assert(foreign_is_tracker("flyway_schema_history"));
    ck_assert(foreign_is_tracker("alembic_version"));
    ck_assert(!foreign_is_tracker("users"));
    ck_assert(repair_is_backup("t", "t_backup_rows"));
    ck_assert(repair_is_backup("t", "t_backup_kit_20260101000000"));
    ck_assert(!repair_is_backup("t", "t"));
    ck_assert(!repair_is_backup("t", "x_backup_rows"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repair");
    TCase *tc = tcase_create("repair");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, decisions, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tc, converted_rows);
    tcase_add_loop_test(tc, other_tools, 0, (int)ARRAY_LEN(maps));
    tcase_add_test(tc, names_of_tables);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
