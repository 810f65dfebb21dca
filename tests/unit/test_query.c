/* SPDX-License-Identifier: MIT */
/* The text of queries: placeholders, what may be run, values in and out. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/query/param.h"
#include "core/query/text.h"
#include "core/query/value.h"

static const struct query_names names = {.tenant = "ten\"ant", .shared = "public"};
#define NT "\"ten\"\"ant\"."
#define NS "\"public\"."

static const struct {
    const char *sql, *made;
} placeholders[] = {
    {"SELECT * FROM $tenant.a", "SELECT * FROM " NT "a"},
    {"SELECT * FROM $tenant.a, $shared.\"b c\"", "SELECT * FROM " NT "a, " NS "\"b c\""},
    {"SELECT $tenant.f($1)", "SELECT " NT "f($1)"},
    {"SELECT '$tenant.a', E'\\'$tenant.b', \"$tenant.c\", $$ $tenant.d $$, $x$ $tenant.e $x$",
     "SELECT '$tenant.a', E'\\'$tenant.b', \"$tenant.c\", $$ $tenant.d $$, $x$ $tenant.e $x$"},
    {"SELECT 1 -- $tenant.a\n/* $shared.b /* $tenant.c */ */",
     "SELECT 1 -- $tenant.a\n/* $shared.b /* $tenant.c */ */"},
    {"SELECT a$tenant.b FROM a$tenant", "SELECT a$tenant.b FROM a$tenant"},
    {"SELECT U&'d\\0061t' || '$tenant.' FROM $tenant.a",
     "SELECT U&'d\\0061t' || '$tenant.' FROM " NT "a"},
    {"TABLE $shared.a", "TABLE " NS "a"},
};

START_TEST(placeholders_become_names)
{
    struct query_text text;
    struct err err;

    ck_assert_msg(!query_text_make(placeholders[_i].sql, &names, false, &text, &err), "%s: %s",
                  placeholders[_i].sql, err.msg);
    ck_assert_str_eq(text.sql, placeholders[_i].made);
    ck_assert_str_eq(text.original, placeholders[_i].sql);
    query_text_clear(&text);
}
END_TEST

START_TEST(places_are_those_of_what_was_written)
{
    static const char sql[] = "SELECT '\xc3\xa4'\nFROM $tenant.a, $shared.b WHERE c";
    struct query_text text;
    struct err err = {.line = 0};

    ck_assert(!query_text_make(sql, &names, false, &text, &err));
    size_t at = (size_t)(strrchr(text.sql, 'c') - text.sql);
    query_text_place(&text, utf8_chars(text.sql, at) + 1, &err);
    ck_assert_int_eq(err.line, 2);
    ck_assert_int_eq(err.column, 33);
    at =
        (size_t)(strstr(text.sql, NS) - text.sql) + 2; /* in a name: where the placeholder begins */
    query_text_place(&text, utf8_chars(text.sql, at) + 1, &err);
    ck_assert_int_eq(err.column, 17);
    query_text_place(&text, 1, &err);
    ck_assert_int_eq(err.line, 1);
    ck_assert_int_eq(err.column, 1);
    query_text_clear(&text);
}
END_TEST

/* What becomes of a statement that reads, and with leave to write. */
static const struct {
    const char *sql;
    err_code reads, writes;
} verdicts[] = {
#define YES ERR_NONE
#define NO ERR_QUERY_NOT_ALLOWED
#define MANY ERR_MULTIPLE_STATEMENTS
#define BAD ERR_SQL_SYNTAX_ERROR
    {"SELECT 1", YES, YES},
    {"SELECT 1;", YES, YES},
    {";;SELECT 1;; -- x", YES, YES},
    {"VALUES (1), (2)", YES, YES},
    {"TABLE a", YES, YES},
    {"(SELECT 1) UNION ALL (SELECT 2)", YES, YES},
    {"WITH RECURSIVE t(n) AS (VALUES (1) UNION SELECT n + 1 FROM t) SELECT * FROM t LIMIT 3", YES,
     YES},
    {"EXPLAIN SELECT 1", YES, YES},
    {"EXPLAIN (FORMAT json, VERBOSE) TABLE a", YES, YES},
    {"SELECT 'DELETE FROM a', '{\"DeleteStmt\":{'", YES, YES},
    {"SELECT \"pg_read\"(1), my_pg_read_file(1)", YES, YES},
    {"SELECT coalesce(lower(a), 'x'), count(*), jsonb_agg(b) FROM t", YES, YES},
    {"INSERT INTO a VALUES (1)", NO, YES},
    {"UPDATE a SET b = 1", NO, YES},
    {"DELETE FROM a RETURNING *", NO, YES},
    {"MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", NO, YES},
    {"WITH d AS (DELETE FROM a RETURNING *) SELECT * FROM d", NO, YES},
    {"SELECT * FROM (WITH i AS (INSERT INTO a VALUES (1) RETURNING 1) SELECT * FROM i) x", NO, YES},
    {"SELECT 1 INTO a", NO, NO},
    {"SELECT 1 INTO TEMP a", NO, NO},
    {"SELECT * FROM a FOR UPDATE", NO, YES},
    {"SELECT * FROM (SELECT * FROM a FOR SHARE SKIP LOCKED) b", NO, YES},
    {"EXPLAIN ANALYZE SELECT 1", NO, NO},
    {"EXPLAIN ANALYSE SELECT 1", NO, NO},
    {"EXPLAIN (\"analyze\" true) SELECT 1", NO, NO},
    {"EXPLAIN DELETE FROM a", NO, NO},
    {"EXPLAIN EXECUTE p", NO, NO},
    {"EXPLAIN CREATE TABLE a AS SELECT 1", NO, NO},
    {"CREATE TABLE a AS SELECT 1", NO, NO},
    {"CREATE VIEW a AS SELECT 1", NO, NO},
    {"COPY a TO STDOUT", NO, NO},
    {"COPY a FROM PROGRAM 'id'", NO, NO},
    {"DO 'BEGIN END'", NO, NO},
    {"CALL p()", NO, NO},
    {"SET ROLE x", NO, NO},
    {"SHOW ALL", NO, NO},
    {"RESET ALL", NO, NO},
    {"BEGIN", NO, NO},
    {"COMMIT", NO, NO},
    {"LOCK TABLE a", NO, NO},
    {"TRUNCATE a", NO, NO},
    {"DROP TABLE a", NO, NO},
    {"GRANT ALL ON a TO b", NO, NO},
    {"PREPARE p AS SELECT 1", NO, NO},
    {"EXECUTE p", NO, NO},
    {"DECLARE c CURSOR FOR SELECT 1", NO, NO},
    {"FETCH 1 FROM c", NO, NO},
    {"LISTEN a", NO, NO},
    {"NOTIFY a", NO, NO},
    {"VACUUM", NO, NO},
    {"REFRESH MATERIALIZED VIEW a", NO, NO},
    {"SELECT query_to_xml('x', true, true, '')", NO, NO},
    {"SELECT * FROM pg_catalog.ts_stat('x')", NO, NO},
    {"VALUES (pg_advisory_lock(1))", NO, NO},
    {"SELECT 1 WHERE \"pg_try_advisory_xact_lock\"(1)", NO, NO},
    {"SELECT 1 ORDER BY set_config('a', 'b', false)", NO, NO},
    {"SELECT U&\"pg_read\\005ffile\"('x')", NO, NO},
    {"SELECT public.dblink_exec('x')", NO, NO},
    {"SELECT LO_EXPORT(1, 'x')", NO, NO},
    {"SELECT (SELECT max(x) FILTER (WHERE pg_notify('a', '') IS NULL) FROM t)", NO, NO},
    {"INSERT INTO a SELECT lo_import('x')", NO, NO},
    {"SELECT 1; SELECT 2", MANY, MANY},
    {"SELECT 1; DROP TABLE a", MANY, MANY},
    {"", BAD, BAD},
    {" ; -- nothing", BAD, BAD},
    {"SELEC 1", BAD, BAD},
    {"SELECT $other.a", BAD, BAD},
    {"SELECT $tenant", BAD, BAD},
    {"SELECT 'x", BAD, BAD},
    {"\\d", BAD, BAD},
};

START_TEST(what_may_be_run)
{
    struct query_text text;
    struct err err;

    for (int write = 0; write < 2; write++) {
        err_code want = write ? verdicts[_i].writes : verdicts[_i].reads;
        err_code got = query_text_make(verdicts[_i].sql, &names, write, &text, &err);
        ck_assert_msg(got == want, "%s: %s, %s", verdicts[_i].sql, err_name(got),
                      got ? err.msg : "");
        if (!got)
            query_text_clear(&text);
    }
}
END_TEST

START_TEST(hostile_text)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct query_text text;

    str_add(&sql, "SELECT ");
    for (int i = 0; i < 30000; i++)
        str_add(&sql, "(");
    ck_assert_int_eq(query_text_make(str_text(&sql), &names, false, &text, NULL),
                     ERR_SQL_SYNTAX_ERROR);
    str_reset(&sql);
    for (int i = 0; i < QUERY_SQL_MAX; i++)
        str_add(&sql, "x ");
    ck_assert_int_eq(query_text_make(str_text(&sql), &names, false, &text, NULL),
                     ERR_SQL_SYNTAX_ERROR);
    str_reset(&sql);
    str_add(&sql, "SELECT 1");
    for (int i = 0; i < 8000; i++)
        str_add(&sql, ", $tenant.a");
    ck_assert_int_eq(query_text_make(str_text(&sql), &names, false, &text, NULL), ERR_NONE);
    ck_assert_uint_eq(text.shift_count, 8000);
    query_text_clear(&text);
    ck_assert_int_eq(query_text_make("SELECT '\xff'", &names, false, &text, NULL),
                     ERR_SQL_SYNTAX_ERROR);
    ck_assert_int_eq(query_text_make("TABLE $tenant.a", &(struct query_names){.shared = "public"},
                                     false, &text, NULL),
                     ERR_SQL_SYNTAX_ERROR);
}
END_TEST

START_TEST(parameters)
{
    json_auto_t *list =
        json_loads("[\"a\", 1, -2.5, true, false, null, [1, null, \"a\\\"b,c\"], [],"
                   " {\"k\": [1]}, \"\"]",
                   0, NULL);
    static const char *const want[] = {
        "a",  "1",           "-2.5", "true", "false", NULL, "{\"1\",NULL,\"a\\\"b,c\"}",
        "{}", "{\"k\":[1]}", ""};
    struct query_params params;
    struct err err;

    ck_assert(!query_params_make(list, &params, &err));
    ck_assert_uint_eq(params.count, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        if (want[i])
            ck_assert_str_eq(params.values[i], want[i]);
        else
            ck_assert_ptr_null(params.values[i]);
    query_params_clear(&params);
    ck_assert(!query_params_make(NULL, &params, &err));
    query_params_clear(&params);
    json_auto_t *deep = json_loads("[1, [[1]]]", 0, NULL);
    ck_assert_int_eq(query_params_make(deep, &params, &err), ERR_VALIDATION_FAILED);
    ck_assert_str_eq(err.field, "/params/1");
}
END_TEST

static const struct {
    unsigned oid;
    const char *text, *json;
} values[] = {
    {16, "t", "true"},
    {16, "f", "false"},
    {23, "-7", "-7"},
    {20, "9007199254740992", "9007199254740992"},
    {20, "9007199254740993", "\"9007199254740993\""},
    {20, "-9223372036854775808", "\"-9223372036854775808\""},
    {701, "1e-05", "1e-05"},
    {701, "-Infinity", "\"-Infinity\""},
    {700, "NaN", "\"NaN\""},
    {1700, "1.50", "\"1.50\""},
    {114, "{\n\"a\": \"b\\n\"\r\n}", "{ \"a\": \"b\\n\"  }"},
    {3802, "[1]", "[1]"},
    {25, "a\"b\n", "\"a\\\"b\\n\""},
    {25, "", "\"\""},
    {25, NULL, "null"},
    {1082, "2026-01-05", "\"2026-01-05\""},
};

START_TEST(values_as_json)
{
    CLEANUP(str_clear) struct str out = STR_INIT;
    const char *text = values[_i].text;

    query_add_json_value(&out, values[_i].oid, text, text ? strlen(text) : 0);
    ck_assert_str_eq(str_text(&out), values[_i].json);
}
END_TEST

START_TEST(values_as_csv)
{
    static const char *const fields[] = {"a", "a,b", "say \"x\"", "two\nlines",
                                         "",  NULL,  " blank "};
    CLEANUP(str_clear) struct str out = STR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        str_add(&out, i ? "|" : "");
        query_add_csv(&out, fields[i], fields[i] ? strlen(fields[i]) : 0);
    }
    ck_assert_str_eq(str_text(&out), "a|\"a,b\"|\"say \"\"x\"\"\"|\"two\nlines\"|\"\"|| blank ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("query");
    TCase *tc = tcase_create("query");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, placeholders_become_names, 0, (int)ARRAY_LEN(placeholders));
    tcase_add_test(tc, places_are_those_of_what_was_written);
    tcase_add_loop_test(tc, what_may_be_run, 0, (int)ARRAY_LEN(verdicts));
    tcase_add_test(tc, hostile_text);
    tcase_add_test(tc, parameters);
    tcase_add_loop_test(tc, values_as_json, 0, (int)ARRAY_LEN(values));
    tcase_add_test(tc, values_as_csv);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
