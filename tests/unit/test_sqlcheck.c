/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/lane_target.h"
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
    {"SELECT a.b, public.f(x.y.z) FROM public.t a, information_schema.tables, pg_catalog.pg_class", 1},
    {"ALTER SEQUENCE q OWNED BY t.c; COMMENT ON COLUMN t.c IS 'other.t'; DROP TRIGGER g ON t", 3},
    {"UPDATE t SET a = 'other.b', c = t.d FROM pg_temp.u WHERE u.id = t.id", 1},
    {"INSERT INTO t VALUES (1.5, 'x.y') ON CONFLICT (id) DO UPDATE SET a = excluded.a", 1},
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
    {"CREATE INDEX CONCURRENTLY ON t (a)", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "give the index a name"},
    {"SAVEPOINT a;\nVACUUM t", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "runs by itself"},
    {"-- tenantd: no-transaction\nSELECT 1;\nSET LOCAL a.b = 1", ERR_STATEMENT_NOT_ALLOWED, 3, 1,
     "runs by itself"},
    {"INSERT INTO other.t VALUES (1)", ERR_STATEMENT_NOT_ALLOWED, 1, 13, "foreign_schema"},
    {"SELECT 1;\nSELECT * FROM a JOIN \"Tenant B\".u USING (id)", ERR_STATEMENT_NOT_ALLOWED, 2, 22,
     "Tenant B"},
    {"CREATE TABLE t (id int REFERENCES other.u)", ERR_STATEMENT_NOT_ALLOWED, 1, 35, "other"},
    {"ALTER TABLE t ALTER x TYPE other.mood", ERR_STATEMENT_NOT_ALLOWED, 1, 28, "other"},
    {"DROP TABLE a, other.t", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "other"},
    {"DROP TRIGGER g ON other.t", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "other"},
    {"COMMENT ON COLUMN other.t.c IS 'x'", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "other"},
    {"COMMENT ON SCHEMA other IS 'x'", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "\"schema\" in"},
    {"CREATE FUNCTION other.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", ERR_STATEMENT_NOT_ALLOWED,
     1, 1, "other"},
    {"SELECT other.f()", ERR_STATEMENT_NOT_ALLOWED, 1, 8, "other"},
    {"ALTER TABLE t SET SCHEMA other", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "other"},
    {"GRANT SELECT ON ALL TABLES IN SCHEMA other TO x", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "other"},
    {"CREATE INDEX CONCURRENTLY i ON other.t (a)", ERR_STATEMENT_NOT_ALLOWED, 1, 32, "other"},
    {"REINDEX SCHEMA s", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"CLUSTER", ERR_STATEMENT_NOT_ALLOWED, 1, 1, NULL},
    {"CREATE SCHEMA s", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "schema"},
    {"DROP SCHEMA s CASCADE", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "schema"},
    {"ALTER SCHEMA s RENAME TO t", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "schema"},
    {"ALTER SCHEMA s OWNER TO t", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "schema"},
    {"CREATE TEMP TABLE t (x int)", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "ON COMMIT DROP"},
    {"CREATE TEMP TABLE t AS SELECT 1", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "ON COMMIT DROP"},
    {"/* a\n */ -- b\n\t/* \xc3\xa9 */ CLUSTER", ERR_STATEMENT_NOT_ALLOWED, 3, 10, NULL},
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

/* Which statements are for the lane, what each is about, and what is left of it in a transaction. */
static const struct {
    const char *sql;
    statement_kind kind;
    bool no_transaction;
    const char *relation, *other, *stripped;
} lanes[] = {
    {"SELECT 1", STATEMENT_PLAIN, false, NULL, NULL, "SELECT 1"},
    {"CALL p()", STATEMENT_CALL, false, NULL, NULL, "CALL p()"},
    {"DO 'BEGIN COMMIT; END'", STATEMENT_CALL, false, NULL, NULL, "DO 'BEGIN COMMIT; END'"},
    {"CREATE INDEX concurrently i ON t (a)", STATEMENT_CREATE_INDEX, true, "t", "i",
     "CREATE INDEX              i ON t (a)"},
    {"create unique index /* CONCURRENTLY */ CONCURRENTLY if not exists \"I \"\"x\" on only"
     " public . \"T\" (a)",
     STATEMENT_CREATE_INDEX, true, "public.\"T\"", "\"I \"\"x\"",
     "create unique index /* CONCURRENTLY */              if not exists \"I \"\"x\" on only"
     " public . \"T\" (a)"},
    {"DROP INDEX CONCURRENTLY IF EXISTS i", STATEMENT_DROP_INDEX, true, "i", "",
     "DROP INDEX              IF EXISTS i"},
    {"REINDEX (VERBOSE, CONCURRENTLY) TABLE t", STATEMENT_REINDEX, true, "t", "", ""},
    {"REINDEX INDEX CONCURRENTLY public.i", STATEMENT_REINDEX, true, "public.i", "", ""},
    {"ALTER TABLE IF EXISTS p DETACH PARTITION q CONCURRENTLY", STATEMENT_DETACH, true, "p", "q",
     "ALTER TABLE IF EXISTS p DETACH PARTITION q             "},
    {"VACUUM (ANALYZE) t", STATEMENT_VACUUM, true, NULL, NULL, ""},
    {"-- x\n--\ttenantd:  no-transaction \n/* y */ALTER TYPE m ADD VALUE 'x'", STATEMENT_PLAIN,
     true, NULL, NULL, "ALTER TYPE m ADD VALUE 'x'"},
    {"/* tenantd: no-transaction */ SELECT 1", STATEMENT_PLAIN, false, NULL, NULL, "SELECT 1"},
    {"-- tenantd: no-transactions\nSELECT 1", STATEMENT_PLAIN, false, NULL, NULL, "SELECT 1"},
    {"SELECT 1 -- tenantd: no-transaction", STATEMENT_PLAIN, false, NULL, NULL,
     "SELECT 1 -- tenantd: no-transaction"},
};

START_TEST(what_is_for_the_lane_is_told)
{
    struct sql_facts facts;
    struct lane_target target;
    struct err err = {.code = ERR_NONE};
    const char *sql = lanes[_i].sql;

    err_code rc = sql_check_by(NULL, sql, strlen(sql), &facts, &err);
    ck_assert_msg(!rc, "%s: %s", sql, err.msg);
    ck_assert_uint_eq(facts.count, 1);
    ck_assert_int_eq(facts.statements[0].kind, lanes[_i].kind);
    ck_assert(facts.no_transaction == lanes[_i].no_transaction);
    CLEANUP(freep) char *text =
        strndup(sql + facts.statements[0].offset, facts.statements[0].length);
    bool told = lane_target_read(lanes[_i].kind, text, strlen(text), &target);
    ck_assert(told == (lanes[_i].relation != NULL));
    if (told) {
        ck_assert_str_eq(target.relation, lanes[_i].relation);
        ck_assert_str_eq(target.index[0] ? target.index : target.partition, lanes[_i].other);
    }
    bool left = lane_strip(lanes[_i].kind, text, strlen(text));
    ck_assert(left == (lanes[_i].stripped[0] != '\0'));
    if (left)
        ck_assert_str_eq(text, lanes[_i].stripped);
    free(facts.statements);
}
END_TEST

/* What is refused, the word that allows it, and that the word alone does. */
static const struct {
    const char *sql, *word;
} allowed[] = {
    {"BEGIN; COMMIT", "transaction_control"},
    {"SET search_path = a", "search_path"},
    {"SELECT set_config('search_path', 'a', true)", "search_path"},
    {"SET LOCAL ROLE a", "role"},
    {"SELECT set_config('role', 'a', true)", "role"},
    {"SET statement_timeout = 0", "session_setting"},
    {"PREPARE p AS SELECT 1", "prepared_statement"},
    {"CREATE TEMP TABLE t (x int)", "temporary_table"},
    {"CREATE EXTENSION citext", "extension"},
    {"CREATE SCHEMA s", "schema"},
    {"INSERT INTO s.t VALUES (1)", "foreign_schema"},
    {"CREATE ROLE r", "server"},
};

START_TEST(each_class_is_allowed_by_its_word)
{
    struct sql_policy policy;
    struct sql_facts facts;
    struct err err = {.code = ERR_NONE};
    const char *sql = allowed[_i].sql;
    char said[60];

    ck_assert_int_eq(sql_check_by(NULL, sql, strlen(sql), &facts, &err),
                     ERR_STATEMENT_NOT_ALLOWED);
    (void)snprintf(said, sizeof said, "\"%s\" in migrations.allow", allowed[_i].word);
    ck_assert_msg(strstr(err.msg, said) != NULL, "%s", err.msg);
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        ck_assert_int_eq(sql_policy_make(allowed[i].word, "public", "", &policy, &err), ERR_NONE);
        err_code rc = sql_check_by(&policy, sql, strlen(sql), &facts, &err);
        ck_assert_msg(rc == (str_eq(allowed[i].word, allowed[_i].word) ? ERR_NONE
                                                                       : ERR_STATEMENT_NOT_ALLOWED),
                      "%s by %s: %s", sql, allowed[i].word, err.msg);
        if (!rc)
            free(facts.statements);
        sql_policy_clear(&policy);
    }
}
END_TEST

START_TEST(a_policy_is_read_from_words)
{
    struct sql_policy policy;
    struct sql_facts facts;
    struct err err = {.code = ERR_NONE};

    ck_assert_int_eq(sql_policy_make("role, extension\tschema", "Common", "a, b", &policy, &err),
                     ERR_NONE);
    ck_assert_uint_eq(policy.allow, SQL_ROLE | SQL_EXTENSION | SQL_SCHEMA);
    ck_assert(sql_policy_has_schema(&policy, "Common", 6) && sql_policy_has_schema(&policy, "b", 1));
    ck_assert(!sql_policy_has_schema(&policy, "public", 6));
    ck_assert_int_eq(sql_check_by(&policy, "SELECT * FROM \"Common\".t, a.u, b.v", 34, &facts, &err),
                     ERR_NONE);
    free(facts.statements);
    ck_assert_int_eq(sql_check_by(&policy, "SELECT * FROM public.t", 22, &facts, &err),
                     ERR_STATEMENT_NOT_ALLOWED);
    sql_policy_clear(&policy);
    ck_assert_int_eq(sql_policy_make("role roles", "public", "", &policy, &err),
                     ERR_CONFIG_INVALID);
    ck_assert_ptr_nonnull(strstr(err.msg, "\"roles\", which is no class"));
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

#ifdef __SANITIZE_ADDRESS__
/* the sanitizer takes ten times as long, and for strstr() the length of the whole text each time */
enum { LESS = 10, VIEW_TERMS = 2000 };
#else
enum { LESS = 1, VIEW_TERMS = 520000 };
#endif

START_TEST(deep_and_big_input_neither_crashes_nor_takes_long)
{
    struct err err;
    size_t count = 0;

    /* 50 MB of data, 700,000 statements, a million terms, and what the parser itself gives up on */
    ck_assert_int_eq(check_repeated("INSERT INTO t VALUES (0)", ",\n(1,'abcdefghij')", 2600000 / LESS, ";",
                                    &count, &err),
                     ERR_NONE);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(check_repeated("", "INSERT INTO t VALUES (1);\n", 700000 / LESS, "",
                                    &count, &err),
                     ERR_NONE);
    ck_assert_uint_eq(count, 700000 / LESS);
    /* too big for a tree: its words are looked through */
    ck_assert_int_eq(check_repeated("INSERT INTO public.t VALUES (0)", ",\n(1,'a.b')", 200000, ";",
                                    &count, &err),
                     ERR_NONE);
    ck_assert_int_eq(check_repeated("INSERT INTO \"Other\".t VALUES (0)", ",\n(1,'a.b')", 200000, ";",
                                    &count, &err),
                     ERR_STATEMENT_NOT_ALLOWED);
    ck_assert(err.line == 1 && err.column == 13);
    ck_assert_int_eq(check_repeated("SELECT 1", "+1", 1000000, "", &count, &err), ERR_NONE);
    ck_assert_int_eq(check_repeated("CREATE VIEW v AS SELECT 1", "+1", VIEW_TERMS, "", &count, &err),
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
    tcase_add_loop_test(tcase, what_is_for_the_lane_is_told, 0, (int)ARRAY_LEN(lanes));
    tcase_add_loop_test(tcase, each_class_is_allowed_by_its_word, 0, (int)ARRAY_LEN(allowed));
    tcase_add_test(tcase, a_policy_is_read_from_words);
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
