/* SPDX-License-Identifier: MIT */
/* Exporters and normalisation on models that no catalog was asked for. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/schema/export.h"
#include "core/schema/export/index_text.h"
#include "core/schema/export/ts_case.h"
#include "core/schema/export/ts_names.h"
#include "core/schema/literal.h"
#include "core/schema/normal.h"
#include "core/schema/schema_json.h"

static char user[] = "user", user_again[] = "USER", other[] = "user!", id[] = "id";
static char integer[] = "integer", name[] = "acme\r\nX-Evil: 1\"; /../\xc3\xa9";
static struct schema_column columns[] = {
    {.name = id, .type = {.name = integer, .class = TYPE_INTEGER}, .not_null = true},
};
static struct schema_table tables[] = {
    {.name = user, .columns = columns, .n_columns = 1},
    {.name = user_again, .columns = columns, .n_columns = 1},
    {.name = other},
};
static const struct schema model = {.name = name, .tables = tables, .n_tables = 3};
static const struct schema bare = {.name = user};

static const struct {
    struct export_options options;
    const char *field;
} refused[] = {
    {{.format = NULL}, "format"},
    {{.format = ""}, "format"},
    {{.format = "JSON"}, "format"},
    {{.format = "xml"}, "format"},
    {{.format = "json-schema", .zod = true}, "zod"},
    {{.format = "mermaid", .zod = true}, "zod"},
    {{.format = "typescript", .theme = "dark"}, "theme"},
    {{.format = "json", .theme = "default"}, "theme"},
    {{.format = "mermaid", .theme = "pink"}, "theme"},
    {{.format = "mermaid", .theme = "dark\n---\nevil: 1"}, "theme"},
    {{.format = "mermaid", .theme = ""}, "theme"},
    {{.format = "typescript", .indexes = true}, "indexes"},
    {{.format = "typescript", .casing = "Camel"}, "casing"},
    {{.format = "zod", .casing = ""}, "casing"},
    {{.format = "json-schema", .casing = "camel"}, "casing"},
    {{.format = "zod", .zod = true}, "zod"},
    {{.format = "dbml", .theme = "dark"}, "theme"},
    {{.format = "typescript", .lenient = true}, "lenient"},
    {{.format = "dbml", .lenient = true}, "lenient"},
    {{.format = "json", .tables = (const char *const[]){"user", "nope"}, .n_tables = 2}, "tables"},
    {{.format = "json", .tables = (const char *const[]){""}, .n_tables = 1}, "tables"},
};

START_TEST(an_option_that_cannot_be_is_refused)
{
    struct export_result result;
    struct err err = {.code = ERR_NONE};
    err_code rc = schema_export(&model, &refused[_i].options, &result, &err);
    ck_assert_str_eq(err_name(rc), "INVALID_PARAMETER");
    ck_assert_str_eq(err.field, refused[_i].field);
    ck_assert_uint_gt(strlen(err.msg), 10);
    ck_assert_int_eq(schema_export(&model, &refused[_i].options, &result, NULL), rc);
}
END_TEST

START_TEST(names_that_collide_get_numbers)
{
    struct export_options options = {.format = "typescript"};
    CLEANUP(export_result_clear) struct export_result r = {.body = NULL};
    ck_assert_int_eq(schema_export(&model, &options, &r, NULL), ERR_NONE);
    ck_assert_str_eq(
        r.body,
        "// Generated from PostgreSQL's catalog by tenantd: change the schema, not this.\n\n"
        "export interface User {\n  id: number;\n}\n\nexport interface NewUser {\n  id: "
        "number;\n}\n\n"
        "export interface USER {\n  id: number;\n}\n\nexport interface NewUSER {\n  id: "
        "number;\n}\n\n"
        "export interface User2 {\n}\n\nexport interface NewUser2 {\n}\n\n");
    ck_assert_str_eq(r.filename, "acme__X-Evil__1____..___.ts");
}
END_TEST

/* A selection keeps the names that the whole has. */
START_TEST(a_selection_keeps_the_names)
{
    struct export_options options = {
        .format = "typescript",
        .zod = true,
        .tables = (const char *const[]){"user!"},
        .n_tables = 1,
    };
    CLEANUP(export_result_clear) struct export_result r = {.body = NULL};
    ck_assert_int_eq(schema_export(&model, &options, &r, NULL), ERR_NONE);
    ck_assert_ptr_nonnull(strstr(r.body, "export interface User2 {\n}\n"));
    ck_assert_ptr_nonnull(strstr(r.body, "export const user2Schema = z.object({\n});\n"));
    ck_assert_ptr_null(strstr(r.body, "interface User {"));
}
END_TEST

START_TEST(every_format_exports_a_schema_without_tables)
{
    const char *format = export_format_name((size_t)_i);
    struct export_options options = {.format = format};
    CLEANUP(export_result_clear) struct export_result r = {.body = NULL};
    ck_assert_ptr_nonnull(format);
    ck_assert_int_eq(schema_export(&bare, &options, &r, NULL), ERR_NONE);
    ck_assert_uint_gt(r.body_len, 0);
    ck_assert(str_starts(r.filename, "user."));
}
END_TEST

START_TEST(a_fingerprint_forgets_the_name)
{
    char a[SHA256_HEX_SIZE], b[SHA256_HEX_SIZE], c[SHA256_HEX_SIZE];
    struct schema renamed = model, shorter = model;
    renamed.name = user;
    shorter.n_tables = 2;
    ck_assert_int_eq(schema_fingerprint(&model, a, NULL), ERR_NONE);
    ck_assert_int_eq(schema_fingerprint(&renamed, b, NULL), ERR_NONE);
    ck_assert_int_eq(schema_fingerprint(&shorter, c, NULL), ERR_NONE);
    ck_assert_str_eq(a, b);
    ck_assert_str_ne(a, c);
}
END_TEST

static const struct {
    const char *name, *pascal, *camel, *snake;
} spellings[] = {
    {"users", "Users", "users", "users"},
    {"user_id", "UserId", "userId", "user_id"},
    {"userId", "UserId", "userId", "user_id"},
    {"URLPath", "URLPath", "urlPath", "urlpath"},
    {"ID", "ID", "id", "id"},
    {"USER_ID", "USERID", "userid", "user_id"},
    {"1st prize", "T1stPrize", "t1stPrize", "t1st_prize"},
    {"__proto__", "Proto", "proto", "proto"},
    {"a/b~c%d", "ABCD", "abcd", "a_b_c_d"},
    {"gr\xc3\xb6\xc3\x9f" "e", "Gr\xc3\xb6\xc3\x9f" "e", "gr\xc3\xb6\xc3\x9f" "e",
     "gr\xc3\xb6\xc3\x9f" "e"},
    {"line2x", "Line2x", "line2x", "line2x"},
    {"", "T", "t", "t"},
    {"?!", "T", "t", "t"},
};

START_TEST(names_are_spelled_in_every_casing)
{
    CLEANUP(str_clear) struct str pascal = STR_INIT;
    CLEANUP(str_clear) struct str camel = STR_INIT;
    CLEANUP(str_clear) struct str snake = STR_INIT;
    ts_add_pascal(&pascal, spellings[_i].name);
    ts_add_camel(&camel, spellings[_i].name);
    ts_add_snake(&snake, spellings[_i].name);
    ck_assert_str_eq(str_text(&pascal), spellings[_i].pascal);
    ck_assert_str_eq(str_text(&camel), spellings[_i].camel);
    ck_assert_str_eq(str_text(&snake), spellings[_i].snake);
}
END_TEST

static char twice_a[] = "created_at", twice_b[] = "createdAt", twice_c[] = "created at";

START_TEST(properties_that_collide_get_numbers)
{
    struct schema_column three[] = {{.name = twice_a}, {.name = twice_b}, {.name = twice_c}};
    struct schema_table t = {.name = user, .columns = three, .n_columns = 3};
    CLEANUP(name_list_clear) struct name_list fields = {.n = 0};
    ck_assert_int_eq(ts_fields_init(&fields, &t, TS_CAMEL, NULL, NULL), ERR_NONE);
    ck_assert_str_eq(fields.items[0], "createdAt");
    ck_assert_str_eq(fields.items[1], "createdAt2");
    ck_assert_str_eq(fields.items[2], "createdAt3");
}
END_TEST

static char hostile_definition[] =
    "CREATE UNIQUE INDEX \" USING gin (\" ON \"a USING b\" USING btree (\"x, (y\" DESC, f(a, 'it''s,)',"
    " (b)), c COLLATE \"C\" text_ops) INCLUDE (d, \" WHERE \") NULLS NOT DISTINCT WHERE (a = ' WHERE ')";
static char plain_definition[] = "CREATE INDEX i ON t USING hash (a)";
static char no_definition[] = "DROP INDEX i";

START_TEST(definitions_of_indexes_are_taken_apart)
{
    struct schema_index hostile = {.definition = hostile_definition};
    struct schema_index plain = {.definition = plain_definition};
    struct schema_index none = {.definition = no_definition};
    struct index_text text;
    ck_assert(index_text_split(&hostile, &text));
    ck_assert_uint_eq(text.keys.n, 3);
    ck_assert_str_eq(text.keys.items[0], "\"x, (y\" DESC");
    ck_assert_str_eq(text.keys.items[1], "f(a, 'it''s,)', (b))");
    ck_assert_str_eq(text.keys.items[2], "c COLLATE \"C\" text_ops");
    ck_assert_str_eq(text.rest, "INCLUDE (d, \" WHERE \") NULLS NOT DISTINCT");
    index_text_clear(&text);
    ck_assert(index_text_split(&plain, &text));
    ck_assert_uint_eq(text.keys.n, 1);
    ck_assert_str_eq(text.keys.items[0], "a");
    ck_assert_str_eq(text.rest, "");
    index_text_clear(&text);
    ck_assert(!index_text_split(&none, &text));
}
END_TEST

static const struct {
    const char *sql, *schema, *want;
} unqualified[] = {
    {"acme.f(x)", "acme", "f(x)"},
    {"\"acme\".f(x)", "acme", "f(x)"},
    {"acme.\"F\"(x) + shared.g(y)", "acme", "\"F\"(x) + shared.g(y)"},
    {"myacme.f(acme)", "acme", "myacme.f(acme)"},
    {"a.acme.b", "acme", "a.acme.b"},
    {"'acme.f'::text", "acme", "'acme.f'::text"},
    {"E'\\\\'' acme.f' || acme.f()", "acme", "E'\\\\'' acme.f' || f()"},
    {"'it''s acme.f' || acme.f()", "acme", "'it''s acme.f' || f()"},
    {"\"A \"\"x\"\"\".f(\"A \"\"x\"\"\")", "A \"x\"", "f(\"A \"\"x\"\"\")"},
    {"(acme.* IS NOT NULL)", "acme", "(acme.* IS NOT NULL)"},
    {"Acme.f(1)", "acme", "Acme.f(1)"},
    {"f('unended", "acme", "f('unended"},
    {"caf\xc3\xa9.f(1.5)", "caf\xc3\xa9", "f(1.5)"},
    {"nextval('acme.seq'::regclass)", "acme", "nextval('seq'::regclass)"},
    {"nextval('\"it''s\".\"Seq\"'::regclass)", "it's", "nextval('\"Seq\"'::regclass)"},
    {"acme.f(1 OPERATOR(acme.+) 2)", "acme", "f(1 OPERATOR($tenant.+) 2)"},
    {"acme.text || acme.\"text\" || acme.texts", "acme", "$tenant.text || $tenant.\"text\" || texts"},
    {"", "acme", ""},
};

START_TEST(the_schemas_own_name_goes)
{
    char *shadowed_names[] = {(char[]){"text"}};
    const struct name_list shadowed = {.items = shadowed_names, .n = 1};
    CLEANUP(freep) char *got =
        schema_unqualify(unqualified[_i].sql, unqualified[_i].schema, &shadowed);
    ck_assert_str_eq(got, unqualified[_i].want);
}
END_TEST

static const struct {
    const char *sql, *marked, *back; /* as the schema "b c" */
} marked[] = {
    {"SELECT acme.f(x)", "SELECT $tenant.f(x)", "SELECT \"b c\".f(x)"},
    {"SET search_path TO 'acme', 'x'", "SET search_path TO '$tenant', 'x'",
     "SET search_path TO 'b c', 'x'"},
    {"-- don't\nacme.f()", "-- don't\n$tenant.f()", "-- don't\n\"b c\".f()"},
    {"/* it's */ acme.f()", "/* it's */ $tenant.f()", "/* it's */ \"b c\".f()"},
    {"$function$ acme.f() $function$", "$function$ $tenant.f() $function$",
     "$function$ \"b c\".f() $function$"},
};

START_TEST(the_text_of_a_function_is_marked)
{
    CLEANUP(freep) char *got = schema_mark(marked[_i].sql, "acme");
    CLEANUP(freep) char *back = schema_requalify(marked[_i].marked, "b c");
    ck_assert_str_eq(got, marked[_i].marked);
    ck_assert_str_eq(back, marked[_i].back);
}
END_TEST

static const struct {
    type_class class;
    const char *sql, *want; /* NULL: no constant */
} defaults[] = {
    {TYPE_TEXT, "'x'::text", "\"x\""},
    {TYPE_TEXT, "'it''s'::character varying(10)", "\"it's\""},
    {TYPE_TEXT, "E'a\\\\b'::text", "\"a\\\\b\""},
    {TYPE_TEXT, "''::text", "\"\""},
    {TYPE_TEXT, "('a'::text || 'b'::text)", NULL},
    {TYPE_TEXT, "'a'::text || 'b'::text", NULL},
    {TYPE_TEXT, "CURRENT_USER", NULL},
    {TYPE_TEXT, "NULL::text", NULL},
    {TYPE_ENUM, "'ok'::\"My Mood\"", "\"ok\""},
    {TYPE_INTEGER, "42", "42"},
    {TYPE_INTEGER, "'-1'::integer", "-1"},
    {TYPE_INTEGER, "(1 + 1)", NULL},
    {TYPE_INTEGER, "nextval('s'::regclass)", NULL},
    {TYPE_BIGINT, "9223372036854775807", "\"9223372036854775807\""},
    {TYPE_NUMERIC, "0.00", "\"0.00\""},
    {TYPE_NUMERIC, "'NaN'::numeric", NULL},
    {TYPE_FLOAT, "'-0.5'::numeric", "-0.5"},
    {TYPE_BOOL, "true", "true"},
    {TYPE_BOOL, "'f'::boolean", "false"},
    {TYPE_BOOL, "(NOT true)", NULL},
    {TYPE_JSON, "'[1, null]'::jsonb", "[1,null]"},
    {TYPE_JSON, "'nonsense'::jsonb", NULL},
    {TYPE_TIMESTAMPTZ, "now()", NULL},
    {TYPE_UUID, "gen_random_uuid()", NULL},
    {TYPE_OTHER, "'1.2.3.4'::inet", NULL},
};

START_TEST(only_constants_are_defaults)
{
    CLEANUP(freep) char *sql = strdup(defaults[_i].sql);
    struct schema_column c = {.type = {.class = defaults[_i].class}, .default_expr = sql};
    json_auto_t *got = column_default_json(&c);
    CLEANUP(freep) char *text = got ? json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    ck_assert_pstr_eq(text, defaults[_i].want);
    c.generated = true;
    ck_assert_ptr_null(column_default_json(&c));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("schema_export");
    TCase *t = tcase_create("export");
    tcase_add_loop_test(t, an_option_that_cannot_be_is_refused, 0, ARRAY_LEN(refused));
    tcase_add_test(t, names_that_collide_get_numbers);
    tcase_add_test(t, a_selection_keeps_the_names);
    tcase_add_loop_test(t, every_format_exports_a_schema_without_tables, 0, 7);
    tcase_add_loop_test(t, names_are_spelled_in_every_casing, 0, ARRAY_LEN(spellings));
    tcase_add_test(t, properties_that_collide_get_numbers);
    tcase_add_test(t, definitions_of_indexes_are_taken_apart);
    tcase_add_test(t, a_fingerprint_forgets_the_name);
    tcase_add_loop_test(t, the_schemas_own_name_goes, 0, ARRAY_LEN(unqualified));
    tcase_add_loop_test(t, the_text_of_a_function_is_marked, 0, ARRAY_LEN(marked));
    tcase_add_loop_test(t, only_constants_are_defaults, 0, ARRAY_LEN(defaults));
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
