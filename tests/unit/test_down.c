/* SPDX-License-Identifier: MIT */
/* The way back of a migration: sections of files, scripts of their own, places in both. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/down.h"

/* A file, and how many statements of it lead there and back; -1: there is no way back. */
static const struct {
    const char *sql;
    int up, down;
} files[] = {
    {"CREATE TABLE a (id int);", 1, -1},
    {"-- migrate:up\nCREATE TABLE a (id int);\n\n-- migrate:down\nDROP TABLE a;\n", 1, 1},
    {"CREATE TABLE a (id int)\n-- migrate:down\nDROP TABLE a", 1, 1},
    {"CREATE TABLE a (id int);\r\n-- migrate:down transaction:true\r\nSELECT 1;DROP TABLE a;\r\n",
     1, 2},
    {"-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n-- +goose Down\n"
     "SELECT 2;",
     1, 1},
    {"-- +migrate Up\nSELECT 1;\n--   +MIGRATE   down  \nSELECT 2; SELECT 3;", 1, 2},
    {"SELECT 1;\n  --migrate:down\nSELECT 2;", 1, 1},
    {"\xef\xbb\xbf-- migrate:down\nSELECT 2;", 0, 1},
    {"SELECT 1;\n-- migrate:down", 1, -1},                 /* a template nobody filled */
    {"SELECT 1;\n-- migrate:down\n\n-- TODO\n", 1, -1},    /* the same with a wish */
    {"SELECT 1;\n-- migrate:downgrade\nSELECT 2;", 2, -1}, /* other words */
    {"SELECT 1;\n-- see migrate:down\nSELECT 2;", 2, -1},
    {"SELECT 1; -- migrate:down\nSELECT 2;", 2, -1}, /* not a line of its own */
    {"SELECT 1;\n-- +goose Downwards\nSELECT 2;", 2, -1},
    {"-- Up Migration\nSELECT 1;\n\n-- Down Migration\r\nSELECT 2;", 1, 1},
    {"-- down migration: there is none\nSELECT 1;", 1, -1},
    {"SELECT 1;\n--- migrate:down\nSELECT 2;", 2, -1},
    {"", 0, -1},
};

START_TEST(sections_of_a_file)
{
    const char *sql = files[_i].sql;
    CLEANUP(migration_clear) struct migration m = {.version = NULL};
    char hash[SHA256_HEX_SIZE];
    struct err err;

    ck_assert_msg(!migration_make("0001_a", sql, strlen(sql), 0, &m, &err), "%s", err.msg);
    ck_assert_int_eq((int)m.statement_count, files[_i].up);
    ck_assert_int_eq(m.down ? (int)m.down->statement_count : -1, files[_i].down);
    ck_assert(m.down_in_file == (m.down != NULL));
    sha256_hex(sql, strlen(sql), hash);
    ck_assert_str_eq(m.sha256, hash); /* of the whole file, as drizzle records it */
    ck_assert_str_eq(m.sql, sql);
    if (m.down)
        ck_assert_str_eq(m.down->version, m.version);
}
END_TEST

static const struct {
    const char *sql;
    err_code rc;
    int line, column;
} refused[] = {
    {"-- migrate:down\nSELECT 1;\n-- migrate:up\nSELECT 2;", ERR_SQL_SYNTAX_ERROR, 3, 1},
    {"SELECT 1;\n-- migrate:down\nSELECT 1;\n-- +goose Down\nSELECT 2;", ERR_SQL_SYNTAX_ERROR, 4,
     1},
    {"SELECT '\xc3\xa9';\n-- migrate:down\n  SELEC 1;", ERR_SQL_SYNTAX_ERROR, 3, 3},
    {"SELECT 1;\n-- migrate:down\nSELECT 1;\nCOMMIT;", ERR_STATEMENT_NOT_ALLOWED, 4, 1},
    {"SELECT $$\n-- migrate:down\n$$;", ERR_SQL_SYNTAX_ERROR, 1, 8}, /* torn apart: never run */
};

START_TEST(sections_that_are_refused)
{
    const char *sql = refused[_i].sql;
    CLEANUP(migration_clear) struct migration m = {.version = NULL};
    struct err err = {.code = ERR_NONE};

    ck_assert_int_eq(migration_make("0001_a", sql, strlen(sql), 0, &m, &err), refused[_i].rc);
    ck_assert_int_eq(err.line, refused[_i].line);
    ck_assert_int_eq(err.column, refused[_i].column);
    ck_assert_str_eq(err.field, "0001_a");
    ck_assert_int_eq(migration_make("0001_a", sql, strlen(sql), 0, &m, NULL), refused[_i].rc);
}
END_TEST

START_TEST(a_script_of_its_own)
{
    static const char up[] = "CREATE TABLE a (id int);", down[] = "\xef\xbb\xbf"
                                                                  "DROP TABLE a;";
    static const char bad[] = "SELECT 1;\n VACUUM a;";
    CLEANUP(migration_clear) struct migration m = {.version = NULL};
    struct err err;

    ck_assert(!migration_make("0001_a", up, strlen(up), 0, &m, &err));
    ck_assert(!migration_set_down(&m, "", 0, &err));
    ck_assert(!migration_set_down(&m, "-- nothing\n", 11, &err));
    ck_assert_ptr_null(m.down);
    ck_assert_int_eq(migration_set_down(&m, bad, strlen(bad), &err), ERR_STATEMENT_NOT_ALLOWED);
    ck_assert(err.line == 2 && err.column == 2 && !m.down);
    ck_assert(!migration_set_down(&m, down, strlen(down), &err));
    ck_assert(m.down->run_from == 3 && m.down->run_to == strlen(down) && !m.down_in_file);
    ck_assert_int_eq(migration_set_down(&m, down, strlen(down), &err), ERR_DOWN_MISMATCH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("down");
    TCase *tcase = tcase_create("rules");
    tcase_add_loop_test(tcase, sections_of_a_file, 0, (int)ARRAY_LEN(files));
    tcase_add_loop_test(tcase, sections_that_are_refused, 0, (int)ARRAY_LEN(refused));
    tcase_add_test(tcase, a_script_of_its_own);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
