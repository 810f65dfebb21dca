/* SPDX-License-Identifier: MIT */
/* Variables in seeds: where they stand, where they do not, and that no value is more than a value.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/seed_text.h"

static json_t *values;

static void set_up(void)
{
    values = json_pack("{s:s, s:s, s:s, s:i, s:f, s:b, s:n, s:s, s:s}", "id", "acme", "schema",
                       "tenant_acme", "evil", "x'; DROP TABLE users; --", "n", 42, "f", 1.5, "yes",
                       1, "nothing", "slash", "a\\'b", "quote", "a\"b");
    json_object_set_new(values, "lo", json_string("LO"));
}

static void tear_down(void)
{
    json_decref(values);
}

/* What the seed becomes; NULL: it does not, and *err says why. free() it. */
static char *bind(const char *sql, struct err *err)
{
    struct seed_text seed;
    struct seed_bound bound;
    char *out = NULL;

    if (seed_text_make(NULL, sql, strlen(sql), &seed, err))
        return NULL;
    if (!seed_bind(&seed, values, &bound, err)) {
        out = strdup(bound.sql);
        seed_bound_clear(&bound);
    }
    seed_text_clear(&seed);
    return out;
}

static const struct {
    const char *seed, *bound;
} binds[] = {
    {"SELECT :id", "SELECT  'acme'"},
    {"SELECT :'id', :\"schema\".x FROM y", "SELECT  'acme',  \"tenant_acme\".x FROM y"},
    {"SELECT :id::text, ':id', \":id\", $$:id$$, $q$ :id $q$ -- :id\n/* :id */",
     "SELECT  'acme'::text, ':id', \":id\", $$:id$$, $q$ :id $q$ -- :id\n/* :id */"},
    {"SELECT E'\\':id', U&':id', B'01', x::id", "SELECT E'\\':id', U&':id', B'01', x::id"},
    {"SELECT a[lo:hi], a[1:n], a[:n], a[n:], a[(:n)], a[f(:n):2]",
     "SELECT a[lo:hi], a[1:n], a[:n], a[n:], a[( '42')], a[f( '42'):2]"},
    {"SELECT ARRAY[:n, :f], array[[:n],[:n]], (ARRAY[:n])[lo:hi]",
     "SELECT ARRAY[ '42',  '1.5'], array[[ '42'],[ '42']], (ARRAY[ '42'])[lo:hi]"},
    {"SELECT f(a := :n, b =>:n), 1=:n", "SELECT f(a :=  '42', b => '42'), 1= '42'"},
    {"SELECT :evil", "SELECT  'x''; DROP TABLE users; --'"},
    {"SELECT :slash, :quote", "SELECT   E'a\\\\''b',  'a\"b'"},
    {"SELECT :\"quote\", :\"evil\"", "SELECT  \"a\"\"b\",  \"x'; DROP TABLE users; --\""},
    {"SELECT :yes, :nothing, :n", "SELECT  'true',  NULL,  '42'"},
    {"INSERT INTO t VALUES (:id);\n\nUPDATE t SET a = :n WHERE b = DATE :id;",
     "INSERT INTO t VALUES ( 'acme');\n\nUPDATE t SET a =  '42' WHERE b = DATE  'acme';"},
    {"SELECT 'caf\xc3\xa9', :id", "SELECT 'caf\xc3\xa9',  'acme'"},
    {"\xef\xbb\xbfSELECT :id", "\xef\xbb\xbfSELECT  'acme'"},
    {"", ""},
    {"-- nothing but :id\n", "-- nothing but :id\n"},
    {"DO $$BEGIN PERFORM ':id'; END$$", "DO $$BEGIN PERFORM ':id'; END$$"},
};

START_TEST(values_stand_where_variables_stood)
{
    for (size_t i = 0; i < ARRAY_LEN(binds); i++) {
        struct err err = {.msg = ""};
        CLEANUP(freep) char *got = bind(binds[i].seed, &err);
        ck_assert_msg(str_eq(got, binds[i].bound), "%s\nbecame %s\n(%s)", binds[i].seed,
                      got ? got : "nothing", err.msg);
    }
}
END_TEST

static const struct {
    const char *seed;
    err_code code;
    int line, column;
    const char *says;
} refusals[] = {
    {"SELECT 1;\n  SELECT :who", ERR_UNKNOWN_VARIABLE, 2, 10, "who"},
    {"SELECT '\xc3\xa9', :Id", ERR_UNKNOWN_VARIABLE, 1, 13, "Id"},
    {"SELECT :\"n\"", ERR_INVALID_VARIABLE, 1, 8, "name"},
    {"SELECT :\"nothing\"", ERR_INVALID_VARIABLE, 1, 8, "name"},
    {"SELECT 'a'\n:id", ERR_SQL_SYNTAX_ERROR, 2, 1, "right after a string"},
    {"SELECT :id\n'a'", ERR_SQL_SYNTAX_ERROR, 2, 1, "right after a variable"},
    {"SELECT :id\n:id", ERR_SQL_SYNTAX_ERROR, 2, 1, "right after"},
    {"SELECT :id'a'", ERR_SQL_SYNTAX_ERROR, 1, 11, "right after a variable"},
    {"SELECT E:id", ERR_SQL_SYNTAX_ERROR, 1, 9, "a blank"},
    {"SELECT :'no name'", ERR_SQL_SYNTAX_ERROR, 1, 8, "no name"},
    {"SELECT :'o''neil'", ERR_SQL_SYNTAX_ERROR, 1, 8, "no name"},
    {"SELECT : id", ERR_SQL_SYNTAX_ERROR, 1, 8, "syntax error"},
    {"SELECT :1", ERR_SQL_SYNTAX_ERROR, 1, 8, "syntax error"},
    {"SELECT 'open", ERR_SQL_SYNTAX_ERROR, 1, 8, "unterminated"},
    {"SELECT :id id id", ERR_SQL_SYNTAX_ERROR, 1, 15, "syntax error"},
    {"SELEC :id", ERR_SQL_SYNTAX_ERROR, 1, 1, "syntax error"},
    {"SELECT a[1:2:3]", ERR_SQL_SYNTAX_ERROR, 1, 13, "syntax error"},
    {"SELECT 1;\nCOMMIT", ERR_STATEMENT_NOT_ALLOWED, 2, 1, "transaction"},
    {"CREATE TABLE a (b int DEFAULT :n);\nSET search_path = :\"schema\"", ERR_STATEMENT_NOT_ALLOWED,
     2, 1, "search path"},
    {"INSERT INTO t VALUES (:id);\n DELETE FROM tenant_b.users", ERR_STATEMENT_NOT_ALLOWED, 2, 14,
     "tenant_b"},
    {"SELECT 1;\nDELETE FROM :\"quote\".users", ERR_STATEMENT_NOT_ALLOWED, 2, 13, "is named"},
    {"SELECT :id;\n CREATE INDEX CONCURRENTLY i ON t (a)", ERR_STATEMENT_NOT_ALLOWED, 2, 2,
     "one transaction"},
    {"-- tenantd: no-transaction\nSELECT 1", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "one transaction"},
    {"CREATE TEMPORARY TABLE t ()", ERR_STATEMENT_NOT_ALLOWED, 1, 1, "temporary"},
    {"SELECT \xff", ERR_SQL_SYNTAX_ERROR, 1, 8, "UTF-8"},
};

START_TEST(what_cannot_be_is_told_with_its_place)
{
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct err err = {.msg = ""};
        CLEANUP(freep) char *got = bind(refusals[i].seed, &err);
        ck_assert_msg(!got, "%s became %s", refusals[i].seed, got);
        ck_assert_msg(err.code == refusals[i].code && err.line == refusals[i].line &&
                          err.column == refusals[i].column && strstr(err.msg, refusals[i].says),
                      "%s: %s at %d:%d: %s", refusals[i].seed, err_name(err.code), err.line,
                      err.column, err.msg);
    }
}
END_TEST

/* An identifier decides what a statement does: the rules hold for the text that is sent. */
START_TEST(names_cannot_get_around_the_rules)
{
    static const char sql[] = "SELECT :id;\nSET LOCAL :\"what\" = 'x'";
    struct err err = {.msg = ""};

    json_object_set_new(values, "what", json_string("work_mem"));
    CLEANUP(freep) char *fine = bind(sql, &err);
    ck_assert_ptr_nonnull(fine);
    json_object_set_new(values, "what", json_string("search_path"));
    json_object_set_new(values, "id", json_string("two\nlines"));
    CLEANUP(freep) char *got = bind(sql, &err);
    ck_assert_ptr_null(got);
    ck_assert_int_eq(err.code, ERR_STATEMENT_NOT_ALLOWED);
    ck_assert_int_eq(err.line, 2);
    ck_assert_int_eq(err.column, 1);
}
END_TEST

START_TEST(places_are_found_again)
{
    static const char sql[] = "A :id BC :n D";
    struct seed_variable variables[] = {{.offset = 2, .length = 3}, {.offset = 9, .length = 2}};
    size_t ends[] = {9, 18};
    struct seed_text seed = {.sql = (char[]){"A :id BC :n D"},
                             .len = sizeof sql - 1,
                             .variables = variables,
                             .variable_count = 2};
    struct seed_bound bound = {.seed = &seed, .ends = ends}; /* "A  'acme' BC  '42' D" */
    const struct {
        size_t bound, origin;
    } rows[] = {{0, 0},  {2, 2},  {5, 2},  {8, 2},   {9, 5},  {10, 6},
                {12, 8}, {13, 9}, {17, 9}, {18, 11}, {19, 12}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_uint_eq(seed_bound_origin(&bound, rows[i].bound), rows[i].origin);
}
END_TEST

START_TEST(names_are_listed_once)
{
    static const char sql[] = "SELECT :b, :a, :\"b\", ':c', :'a'";
    struct seed_text seed;

    ck_assert_int_eq(seed_text_make(NULL, sql, strlen(sql), &seed, NULL), ERR_NONE);
    json_auto_t *names = seed_text_names(&seed), *want = json_pack("[s, s]", "a", "b");
    ck_assert(json_equal(names, want));
    ck_assert_uint_eq(seed.statement_count, 1);
    ck_assert_uint_eq(seed.variable_count, 4);
    seed_text_clear(&seed);
}
END_TEST

START_TEST(too_long_is_refused)
{
    CLEANUP(freep) char *sql = malloc(SEED_MAX + 2);
    struct seed_text seed;

    memset(sql, ' ', SEED_MAX + 1);
    sql[SEED_MAX + 1] = '\0';
    ck_assert_int_eq(seed_text_make(NULL, sql, SEED_MAX + 1, &seed, NULL), ERR_BODY_TOO_LARGE);
    ck_assert_int_eq(seed_text_make(NULL, sql, SEED_MAX, &seed, NULL), ERR_NONE);
    seed_text_clear(&seed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("seed text");
    TCase *tc = tcase_create("seed text");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, values_stand_where_variables_stood);
    tcase_add_test(tc, what_cannot_be_is_told_with_its_place);
    tcase_add_test(tc, names_cannot_get_around_the_rules);
    tcase_add_test(tc, places_are_found_again);
    tcase_add_test(tc, names_are_listed_once);
    tcase_add_test(tc, too_long_is_refused);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
