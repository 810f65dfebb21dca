/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/sqlcheck.h"

/* What stands in a migration every day, and looks like something else at times. */
static const struct {
    const char *sql;
    size_t count;
} good[] = {
    {"", 0},
    {" \r\n\t", 0},
    {"-- only a comment", 0},
    {"/* a /* nested */ comment */", 0},
    {";;;", 0},
    {"SELECT 1", 1},
    {"SELECT 1;;\n;SELECT 2;", 2},
    {"\xef\xbb\xbfSELECT 1;\r\nSELECT 2;\r\n", 2},
    {"CREATE TABLE a (x int);\n--> statement-breakpoint\nCREATE TABLE b (x int);", 2},
    {"DO $$ BEGIN PERFORM 1; COMMIT; END $$; SELECT ';'", 2},
    {"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3",
     2},
    {"CREATE FUNCTION f() RETURNS int AS $x$ SELECT 1; $x$ LANGUAGE sql SET search_path = a", 1},
    {"CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); DELETE FROM v)", 1},
    {"SAVEPOINT a; ROLLBACK TO a; RELEASE a", 3},
    {"SET LOCAL statement_timeout = 0; SET CONSTRAINTS ALL DEFERRED", 2},
    {"ANALYZE; CLUSTER t; REINDEX TABLE t; REINDEX INDEX i", 4},
    {"REFRESH MATERIALIZED VIEW CONCURRENTLY v", 1},
    {"COPY t FROM '/tmp/x'; COPY t TO PROGRAM 'cat'", 2},
    {"CREATE TEMP TABLE t (x int) ON COMMIT DROP; CREATE TEMP TABLE u ON COMMIT DROP AS SELECT 1", 2},
    {"ALTER TABLE a RENAME TO b; ALTER TABLE b OWNER TO c; DROP TABLE b; DROP INDEX i", 4},
    {"ALTER TABLE p DETACH PARTITION q", 1},
    {"NOTIFY pgrst, 'reload schema'", 1},
    {"SELECT set_config('a.b', 'c', true), 'set_config(''search_path'')'", 1},
    {"COMMENT ON TABLE t IS 'set_config(''search_path'', ''x'', false)'", 1},
    {"CREATE TABLE \"COMMIT\" (\"begin;\" text DEFAULT 'ROLLBACK;')", 1},
    {"INSERT INTO t VALUES (E'a\\'; COMMIT; --', U&'\\0041', B'01', $q$;$q$)", 1},
    {"CREATE TABLE "
     "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
     "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
     "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
     "\xc3\xa4\xc3\xa4\xc3\xa4 (x int)", /* a name that PostgreSQL cuts inside a letter */
     1},
    {"COMMENT ON TABLE t IS E'\\001\\xc3\\xa9 \"}]{['", 1},
};

START_TEST(what_is_allowed_is_counted)
{
    struct statement *statements = NULL;
    size_t count = 99;
    struct err err = {.code = ERR_NONE};

    err_code rc = sql_check(good[_i].sql, strlen(good[_i].sql), &statements, &count, &err);
    ck_assert_msg(rc == ERR_NONE, "%s: %s", good[_i].sql, err.msg);
    ck_assert_uint_eq(count, good[_i].count);
    free(statements);
}
END_TEST

static const struct {
    const char *sql;
    err_code rc;
    int line, column;
    const char *says; /* a part of the message, or NULL */
} bad[] = {
    {"BEGIN", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "transaction"},
    {"SELECT 1;\n  COMMIT;", ERR_STATEMENT_NOT_ALLOWED, 2, 3, NULL},
    {"START TRANSACTION", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"ROLLBACK", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"END", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"ABORT", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"COMMIT AND CHAIN", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"PREPARE TRANSACTION 'x'", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"SET search_path = x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "search path"},
    {"SET LOCAL search_path = x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "search path"},
    {"SET SCHEMA 'x'", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"SET LOCAL ROLE x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"RESET ROLE", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"SET LOCAL SESSION AUTHORIZATION x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"SET statement_timeout = 0", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "SET LOCAL"},
    {"RESET ALL", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"DISCARD ALL", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"SELECT pg_catalog.SET_CONFIG('search_path', '', false)", ERR_STATEMENT_NOT_ALLOWED, 1, 1,
     "search path"},
    {"WITH x AS (SELECT set_config('role', 'a', true)) TABLE x", ERR_STATEMENT_NOT_ALLOWED, 1, 1,
     NULL},
    {"PREPARE p AS SELECT 1", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"DEALLOCATE ALL", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"COPY t FROM STDIN", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "COPY"},
    {"COPY (SELECT 1) TO STDOUT", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "COPY"},
    {"CREATE EXTENSION IF NOT EXISTS citext", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "extension"},
    {"ALTER EXTENSION x SET SCHEMA y", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "extension"},
    {"ALTER EXTENSION x UPDATE", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "extension"},
    {"ALTER EXTENSION x ADD TABLE y", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "extension"},
    {"DROP EXTENSION x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "extension"},
    {"CREATE DATABASE x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"DROP DATABASE x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"ALTER DATABASE x SET a = b", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"ALTER DATABASE x RENAME TO y", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"CREATE TABLESPACE x LOCATION '/x'", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"CREATE USER x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"ALTER ROLE x SET search_path = y", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"DROP ROLE x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"DROP OWNED BY x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"ALTER SYSTEM SET a = b", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"CREATE INDEX CONCURRENTLY i ON t (a)", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "CONCURRENTLY"},
    {"DROP INDEX CONCURRENTLY i", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "CONCURRENTLY"},
    {"REINDEX TABLE CONCURRENTLY t", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "CONCURRENTLY"},
    {"ALTER TABLE p DETACH PARTITION q CONCURRENTLY", ERR_STATEMENT_NOT_ALLOWED, 1, 1,
     "CONCURRENTLY"},
    {"REINDEX SCHEMA s", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"VACUUM t", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"CLUSTER", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"CREATE SCHEMA s", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "schema"},
    {"DROP SCHEMA s CASCADE", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "schema"},
    {"ALTER SCHEMA s RENAME TO t", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "schema"},
    {"ALTER SCHEMA s OWNER TO t", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "schema"},
    {"CREATE TEMP TABLE t (x int)", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "ON COMMIT DROP"},
    {"CREATE TEMP TABLE t AS SELECT 1", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "ON COMMIT DROP"},
    {"/* a\n */ -- b\n\t/* \xc3\xa9 */ VACUUM", ERR_STATEMENT_NOT_ALLOWED, 3, 10, NULL},
    {"SELEC", ERR_SQL_SYNTAX_ERROR, 1, 1, "PostgreSQL 15"},
    {"SELECT 1;\r\nSELECT '\xc3\xa9\xc3\xa9' FRM t x y", ERR_SQL_SYNTAX_ERROR, 2, 17, NULL},
    {"\xef\xbb\xbfSELEC", ERR_SQL_SYNTAX_ERROR, 1, 1, NULL},
    {"SELECT 1;\n\\connect other", ERR_SQL_SYNTAX_ERROR, 2, 1, "backslash"},
    {"SELECT $a$ unterminated", ERR_SQL_SYNTAX_ERROR, 1, 8, "dollar"},
    {"SELECT 1 /* unterminated", ERR_SQL_SYNTAX_ERROR, 1, 10, "comment"},
    {"SELECT 'unterminated", ERR_SQL_SYNTAX_ERROR, 1, 8, "quoted string"},
    {"MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE RETURNING 1", ERR_SQL_SYNTAX_ERROR, 1,
     55, "PostgreSQL 15"},
    {"SELECT '\xff'", ERR_SQL_SYNTAX_ERROR, 1, 9, "UTF-8"},
    {"SELECT 1;\n\xc0\xaf", ERR_SQL_SYNTAX_ERROR, 2, 1, "UTF-8"},
};

START_TEST(what_is_not_allowed_is_refused_with_its_place)
{
    struct statement *statements = NULL;
    size_t count = 99;
    struct err err = {.code = ERR_NONE};

    err_code rc = sql_check(bad[_i].sql, strlen(bad[_i].sql), &statements, &count, &err);
    ck_assert_msg(rc == bad[_i].rc, "%s: %d %s", bad[_i].sql, rc, err.msg);
    ck_assert_msg(err.line == bad[_i].line && err.column == bad[_i].column, "%s: %d:%d",
                  bad[_i].sql, err.line, err.column);
    ck_assert_msg(!bad[_i].says || strstr(err.msg, bad[_i].says), "%s", err.msg);
    ck_assert_uint_eq(count, 99); /* written on success only */
}
END_TEST

START_TEST(statements_are_where_they_say)
{
    static const char sql[] = "\xef\xbb\xbf-- \xc3\xa9\nSELECT 1;  /* \xc3\xa9 */ SELECT 2 ;\r\n"
                              "-- x\r\n  INSERT INTO t VALUES ('\xc3\xa9') -- end";
    struct statement *s = NULL;
    size_t count;
    struct err err;

    ck_assert_int_eq(sql_check(sql, strlen(sql), &s, &count, &err), ERR_NONE);
    ck_assert_uint_eq(count, 3);
    ck_assert(strncmp(sql + s[0].offset, "SELECT 1", s[0].length) == 0);
    ck_assert(s[0].line == 2 && s[0].column == 1 && s[0].length == 8);
    ck_assert(strncmp(sql + s[1].offset, "SELECT 2", s[1].length) == 0);
    ck_assert(s[1].line == 2 && s[1].column == 20 && s[1].length == 8);
    ck_assert(strncmp(sql + s[2].offset, "INSERT", 6) == 0);
    ck_assert(s[2].line == 4 && s[2].column == 3);
    free(s);
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
    struct statement *s;
    size_t count;
    struct err err;

    ck_assert_int_eq(sql_check("SELECT 1;\n\0COMMIT", 17, &s, &count, &err), ERR_SQL_SYNTAX_ERROR);
    ck_assert(err.line == 2 && err.column == 1);
    ck_assert_ptr_nonnull(strstr(err.msg, "NUL"));
}
END_TEST

/* prefix, then unit so many times, then suffix */
static err_code check_repeated(const char *prefix, const char *unit, size_t times,
                               const char *suffix, size_t *count, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct statement *s = NULL;

    str_add(&sql, prefix);
    for (size_t i = 0; i < times; i++)
        str_add(&sql, unit);
    str_add(&sql, suffix);
    ck_assert(str_ok(&sql));
    err_code rc = sql_check(str_text(&sql), sql.len, &s, count, err);
    if (!rc)
        free(s);
    return rc;
}

START_TEST(deep_and_big_input_neither_crashes_nor_takes_long)
{
    struct err err;
    size_t count = 0;

    /* 50 MB of data, 700,000 statements, a million terms, and what the parser itself gives up on */
    ck_assert_int_eq(check_repeated("INSERT INTO t VALUES (0)", ",\n(1,'abcdefghij')", 2600000, ";",
                                    &count, &err),
                     ERR_NONE);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(check_repeated("", "INSERT INTO t VALUES (1);\n", 700000, "", &count, &err),
                     ERR_NONE);
    ck_assert_uint_eq(count, 700000);
    ck_assert_int_eq(check_repeated("SELECT 1", "+1", 1000000, "", &count, &err), ERR_NONE);
    ck_assert_int_eq(check_repeated("CREATE VIEW v AS SELECT 1", "+1", 520000, "", &count, &err),
                     ERR_NONE);
    ck_assert_int_eq(check_repeated("CREATE VIEW v AS SELECT 1", "+1", 530000, "", &count, &err),
                     ERR_STATEMENT_NOT_ALLOWED);
    ck_assert_int_eq(check_repeated("SELECT ", "(", 1000000, "1", &count, &err),
                     ERR_SQL_SYNTAX_ERROR);
    ck_assert_int_eq(check_repeated("SELECT 1", "+-", 500000, "1", &count, &err),
                     ERR_SQL_SYNTAX_ERROR);
    ck_assert_int_eq(check_repeated("", "/*", 1000000, "", &count, &err), ERR_SQL_SYNTAX_ERROR);
    ck_assert_int_eq(check_repeated("SELECT 1", "@/**/", 1000000, "", &count, &err),
                     ERR_SQL_SYNTAX_ERROR);
    ck_assert_int_eq(check_repeated("", ";", 1000000, "", &count, &err), ERR_NONE);
    ck_assert_int_eq(check_repeated("-- ", "-", 1000000, "", &count, &err), ERR_NONE);
}
END_TEST

static void *check_many(void *arg)
{
    size_t *failures = arg;
    for (int i = 0; i < 200; i++) {
        struct statement *s = NULL;
        size_t count = 0;
        struct err err;
        if (sql_check("CREATE TABLE t (x int); DROP TABLE t", 36, &s, &count, &err) || count != 2)
            (*failures)++;
        free(s);
        if (sql_check("SELEC", 5, &s, &count, &err) != ERR_SQL_SYNTAX_ERROR)
            (*failures)++;
    }
    return NULL;
}

START_TEST(threads_do_not_disturb_each_other)
{
    pthread_t threads[4];
    size_t failures[4] = {0};

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, check_many, &failures[i]), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(failures[i], 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sqlcheck");
    TCase *tcase = tcase_create("rules"), *big = tcase_create("big");
    tcase_add_loop_test(tcase, what_is_allowed_is_counted, 0, (int)ARRAY_LEN(good));
    tcase_add_loop_test(tcase, what_is_not_allowed_is_refused_with_its_place, 0,
                        (int)ARRAY_LEN(bad));
    tcase_add_test(tcase, statements_are_where_they_say);
    tcase_add_test(tcase, a_nul_byte_is_refused);
    tcase_add_test(tcase, threads_do_not_disturb_each_other);
    tcase_add_test(big, deep_and_big_input_neither_crashes_nor_takes_long);
    tcase_set_timeout(big, 120);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, big);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
