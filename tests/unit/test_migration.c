/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/migration.h"

static const struct {
    const char *version;
    err_code rc;
    int64_t number;
} names[] = {
    {"0007_add_invoices", ERR_NONE, 7},
    {"1", ERR_NONE, 1},
    {"20240131235959_x.y-Z", ERR_NONE, 20240131235959},
    {"9223372036854775807_most", ERR_NONE, INT64_MAX},
    {"9223372036854775808_too_much", ERR_INVALID_MIGRATION_NAME, 0},
    {"99999999999999999999999", ERR_INVALID_MIGRATION_NAME, 0},
    {"", ERR_INVALID_MIGRATION_NAME, 0},
    {"add_invoices", ERR_INVALID_MIGRATION_NAME, 0},
    {"-1_x", ERR_INVALID_MIGRATION_NAME, 0},
    {"0001 x", ERR_INVALID_MIGRATION_NAME, 0},
    {"0001_x;drop", ERR_INVALID_MIGRATION_NAME, 0},
    {"0001_x'y", ERR_INVALID_MIGRATION_NAME, 0},
    {"0001/../x", ERR_INVALID_MIGRATION_NAME, 0},
    {"0001_\xc3\xa9", ERR_INVALID_MIGRATION_NAME, 0},
};

START_TEST(names_have_a_number_first)
{
    struct err err;
    int64_t number = 0;

    ck_assert_int_eq(migration_number(names[_i].version, &number, &err), names[_i].rc);
    if (!names[_i].rc)
        ck_assert(number == names[_i].number);
    else
        ck_assert_str_ne(err.msg, "");
}
END_TEST

START_TEST(a_name_may_be_200_bytes_long)
{
    char name[MIGRATION_VERSION_MAX + 2];
    int64_t number;
    struct err err;

    memset(name, 'x', sizeof name);
    name[0] = '1';
    name[MIGRATION_VERSION_MAX] = '\0';
    ck_assert_int_eq(migration_number(name, &number, &err), ERR_NONE);
    name[MIGRATION_VERSION_MAX] = 'x';
    name[MIGRATION_VERSION_MAX + 1] = '\0';
    ck_assert_int_eq(migration_number(name, &number, &err), ERR_INVALID_MIGRATION_NAME);
}
END_TEST

START_TEST(bytes_are_kept_and_hashed_as_they_came)
{
    static const char sql[] = "\xef\xbb\xbfSELECT 1;\r\n-- end";
    struct migration m;
    struct err err;

    ck_assert_int_eq(migration_make("0001_a", sql, strlen(sql), 5, &m, &err), ERR_NONE);
    ck_assert_uint_eq(m.sql_len, strlen(sql));
    ck_assert_str_eq(m.sql, sql);
    char hash[SHA256_HEX_SIZE];
    sha256_hex(sql, strlen(sql), hash);
    ck_assert_str_eq(m.sha256, hash);
    ck_assert_uint_eq(m.statement_count, 1);
    ck_assert(m.when_ms == 5 && m.number == 1);
    migration_clear(&m);
    migration_clear(&m); /* and again */
}
END_TEST

START_TEST(errors_name_the_version)
{
    struct migration m;
    struct err err;

    ck_assert_int_eq(migration_make("0001_a", "SELEC", 5, 0, &m, &err), ERR_SQL_SYNTAX_ERROR);
    ck_assert_str_eq(err.field, "0001_a");
    ck_assert_int_eq(err.line, 1);
    ck_assert_int_eq(migration_make("0001_a", "COMMIT", 6, 0, &m, NULL),
                     ERR_STATEMENT_NOT_ALLOWED);
}
END_TEST

START_TEST(a_catalog_is_ordered_by_number_then_bytes)
{
    static const char *const versions[] = {"10_b", "0009_a", "10_a", "2_z", "0010_a"};
    static const char *const order[] = {"2_z", "0009_a", "0010_a", "10_a", "10_b"};
    struct migration *items = calloc(5, sizeof *items);
    CLEANUP(catalog_freep) struct catalog *catalog = NULL;
    struct err err;

    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(migration_make(versions[i], "", 0, 0, &items[i], &err), ERR_NONE);
    ck_assert_int_eq(catalog_new("tenant", items, 5, &catalog, &err), ERR_NONE);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_str_eq(catalog->items[i].version, order[i]);
        ck_assert_uint_eq(catalog_find(catalog, order[i]), i);
    }
    ck_assert_uint_eq(catalog_find(catalog, "3_none"), 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("migration");
    TCase *tcase = tcase_create("rules");
    tcase_add_loop_test(tcase, names_have_a_number_first, 0, (int)ARRAY_LEN(names));
    tcase_add_test(tcase, a_name_may_be_200_bytes_long);
    tcase_add_test(tcase, bytes_are_kept_and_hashed_as_they_came);
    tcase_add_test(tcase, errors_name_the_version);
    tcase_add_test(tcase, a_catalog_is_ordered_by_number_then_bytes);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
