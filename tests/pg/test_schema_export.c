/* SPDX-License-Identifier: MIT */
/*
 * What the exporters make of a rich schema. With TENANTD_EXPORT_DIR set, the exports and some real
 * rows are written there for tests/contract/export/check.mjs, which gives them to tsc, zod, ajv,
 * mermaid, @dbml/core and drizzle-kit. Run again after it, this holds what drizzle-kit made of them
 * against the schema.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/diff.h"
#include "core/schema/export.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/schema_samples.h"

static const char rows_sql[] =
    "INSERT INTO shared.plans VALUES (1) ON CONFLICT DO NOTHING;"
    "INSERT INTO rich.users (email, plan_id, contact) VALUES ('min@example.org', 1, 'c@d');"
    "INSERT INTO rich.users (email, name, mood, plan_id, score, big, ratio, settings, updated_at,"
    " birthday, wakes, sleeps, photo, flags, nicknames, grid, moods, labels, contact, addr, span,"
    " pause) VALUES ('max@example.org', repeat(U&'\\+01F600', 20), 'it''s \"great\"', 1,"
    " 999999.90, 9223372036854775807, 1e300, '[null, {\"a\": 1}]', '2024-02-29 23:59:59.123',"
    " '2024-02-29', '23:59:59.999999', '10:00+05:30', '\\xdeadbeef', B'1010',"
    " ARRAY['a', NULL, '{}'], '{{1,2},{3,NULL}}', '{ok,NULL}', '{x}', 'c@d', '10.0.0.1/8',"
    " '[1,5)', '1 day 2 hours');"
    "INSERT INTO rich.orders (region, user_id) SELECT 'eu', id FROM rich.users;"
    "INSERT INTO rich.own_types VALUES ('an own type named as PostgreSQL''s', '*/', NULL);"
    "INSERT INTO rich.\"weird \"\"table\"\"\" (\"c-d\", \"*/ alert(1) /*\", \"😀\")"
    " VALUES (1, 'x', '😀😀');"
    "REFRESH MATERIALIZED VIEW rich.moods;";

/* Rows as drivers give them: as JSON, bigint and numeric as text. */
static const char users_sql[] =
    "SELECT json_agg(to_jsonb(u) || jsonb_build_object('big', big::text, 'number', number::text,"
    " 'score', score::text))::text AS v FROM rich.users u";
static const char others_sql[] =
    "SELECT jsonb_build_object("
    "'own_types', (SELECT jsonb_agg(to_jsonb(r)) FROM rich.own_types r),"
    "'weird \"table\"', (SELECT jsonb_agg(to_jsonb(r)) FROM rich.\"weird \"\"table\"\"\" r),"
    "'orders', (SELECT jsonb_agg(to_jsonb(t) || jsonb_build_object('id', id::text))"
    " FROM rich.orders t),"
    "'moods', (SELECT jsonb_agg(to_jsonb(t) || jsonb_build_object('n', n::text))"
    " FROM rich.moods t))::text AS v";

static void make_rich(struct pg *pg)
{
    schema_sample_make(pg, "rich", "test_schema_rich.sql");
    pg_fixture_sql(pg, "SET timezone = 'UTC'");
    pg_fixture_sql(pg, rows_sql);
}

static void make_drizzled(struct pg *pg)
{
    schema_sample_make(pg, "drizzled", "test_schema_drizzle.sql");
    pg_fixture_sql(pg, "SET timezone = 'UTC'");
}

static struct schema *read_schema(struct pg *pg, const char *name)
{
    struct schema_options options = {.tracking_table = "__drizzle_migrations"};
    struct schema *s = NULL;
    struct err err = {.code = ERR_NONE};
    ck_assert_msg(schema_read(pg, name, &options, &s, &err) == ERR_NONE, "%s", err.msg);
    return s;
}

static struct export_result must_export(const struct schema *s,
                                        const struct export_options *options)
{
    struct export_result result;
    struct err err = {.code = ERR_NONE};
    ck_assert_msg(schema_export(s, options, &result, &err) == ERR_NONE, "%s", err.msg);
    ck_assert_uint_eq(strlen(result.body), result.body_len);
    ck_assert_uint_eq(utf8_valid_len(result.body, result.body_len), result.body_len);
    return result;
}

static void write_file(const char *dir, const char *name, const char *text)
{
    CLEANUP(str_clear) struct str path = STR_INIT;
    str_addf(&path, "%s/%s", dir, name);
    FILE *file = fopen(str_text(&path), "w");
    ck_assert_msg(file != NULL, "%s", str_text(&path));
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static const struct {
    const char *file;
    struct export_options options;
} files[] = {
    {"rich.json", {.format = "json"}},
    {"rich.schema.json", {.format = "json-schema"}},
    {"rich.ts", {.format = "typescript"}},
    {"rich.zod.ts", {.format = "typescript", .zod = true}},
    {"rich.camel.ts", {.format = "typescript", .casing = "camel"}},
    {"rich.snake.zod.ts", {.format = "typescript", .zod = true, .casing = "snake"}},
    {"rich.only-zod.ts", {.format = "zod"}},
    {"rich.drizzle.ts", {.format = "drizzle", .zod = true, .lenient = true}},
    {"rich.preserve.drizzle.ts", {.format = "drizzle", .casing = "preserve", .lenient = true}},
    {"rich.snake.drizzle.ts", {.format = "drizzle", .casing = "snake", .lenient = true}},
    {"rich.dbml", {.format = "dbml"}},
    {"rich.mmd", {.format = "mermaid"}},
    {"rich.dark.mmd", {.format = "mermaid", .theme = "dark", .indexes = true}},
    {"rich.neutral.mmd", {.format = "mermaid", .theme = "neutral"}},
    {"rich.forest.mmd", {.format = "mermaid", .theme = "forest"}},
};

static const struct {
    const char *file;
    struct export_options options;
} empty_files[] = {
    {"empty.schema.json", {.format = "json-schema"}},
    {"empty.ts", {.format = "typescript"}},
    {"empty.zod.ts", {.format = "typescript", .zod = true}},
    {"empty.only-zod.ts", {.format = "zod"}},
    {"empty.drizzle.ts", {.format = "drizzle", .zod = true}},
    {"empty.dbml", {.format = "dbml"}},
    {"empty.mmd", {.format = "mermaid", .theme = "default", .indexes = true}},
};

START_TEST(files_for_the_oracles)
{
    const char *dir = getenv("TENANTD_EXPORT_DIR");
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg);
    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS empty; CREATE SCHEMA empty");
    CLEANUP(schema_freep) struct schema *s = read_schema(pg, "rich");
    CLEANUP(schema_freep) struct schema *empty = read_schema(pg, "empty");
    CLEANUP(freep) char *users = pg_fixture_value(pg, users_sql);
    CLEANUP(freep) char *others = pg_fixture_value(pg, others_sql);

    ck_assert_uint_gt(strlen(users), 100);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(export_result_clear) struct export_result r = must_export(s, &files[i].options);
        ck_assert_ptr_null(strstr(r.body, "__drizzle_migrations"));
        if (dir)
            write_file(dir, files[i].file, r.body);
    }
    for (size_t i = 0; i < ARRAY_LEN(empty_files); i++) {
        CLEANUP(export_result_clear)
        struct export_result r = must_export(empty, &empty_files[i].options);
        if (dir)
            write_file(dir, empty_files[i].file, r.body);
    }
    if (dir) {
        write_file(dir, "users.rows.json", users);
        write_file(dir, "others.rows.json", others);
    }
}
END_TEST

/* In every casing: the database's names are the same, so drizzle-kit must come to the same. */
static const struct {
    const char *file, *casing;
    bool zod;
} drizzled_files[] = {
    {"drizzled.drizzle.ts", NULL, true},
    {"drizzled.snake.drizzle.ts", "snake", false},
    {"drizzled.preserve.drizzle.ts", "preserve", false},
};

START_TEST(drizzle_says_all_it_can)
{
    const char *dir = getenv("TENANTD_EXPORT_DIR");
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_drizzled(pg);
    CLEANUP(schema_freep) struct schema *s = read_schema(pg, "drizzled");

    for (size_t i = 0; i < ARRAY_LEN(drizzled_files); i++) {
        struct export_options options = {.format = "drizzle",
                                         .casing = drizzled_files[i].casing,
                                         .zod = drizzled_files[i].zod};
        CLEANUP(export_result_clear) struct export_result r = must_export(s, &options);
        if (dir)
            write_file(dir, drizzled_files[i].file, r.body);
    }
}
END_TEST

/* What check.mjs had drizzle-kit make of drizzled.drizzle.ts must be the schema it came from. */
START_TEST(drizzle_kit_makes_the_same)
{
    const char *dir = getenv("TENANTD_EXPORT_DIR");
    CLEANUP(str_clear) struct str path = STR_INIT;

    str_addf(&path, "%s/drizzled.drizzle.sql", dir ? dir : "/nonexistent");
    if (access(str_text(&path), R_OK))
        return; /* it has not run yet */
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_drizzled(pg);
    schema_sample_make(pg, "kit", str_text(&path));
    CLEANUP(schema_freep) struct schema *want = read_schema(pg, "drizzled");
    CLEANUP(schema_freep) struct schema *got = read_schema(pg, "kit");
    json_auto_t *expected = schema_json(want, false), *found = schema_json(got, false);
    json_auto_t *differences = json_array();
    size_t n = schema_diff(expected, found, 20, differences);
    CLEANUP(freep) char *text = json_dumps(differences, JSON_INDENT(1));
    ck_assert_msg(n == 0, "%zu differences: %s", n, text);
}
END_TEST

START_TEST(what_drizzle_has_no_word_for_is_refused)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct export_result r;
    struct err err = {.code = ERR_NONE};
    make_rich(pg);
    CLEANUP(schema_freep) struct schema *s = read_schema(pg, "rich");
    struct export_options options = {.format = "drizzle"};

    ck_assert_int_eq(schema_export(s, &options, &r, &err), ERR_UNSUPPORTED_TYPE);
    ck_assert_ptr_nonnull(strstr(err.msg, "lenient=true"));
    options.lenient = true;
    ck_assert_int_eq(schema_export(s, &options, &r, &err), ERR_NONE);
    ck_assert_ptr_nonnull(strstr(r.body, "//   that orders is partitioned by LIST (region)\n"));
    ck_assert_ptr_nonnull(strstr(r.body, "//   the domain email\n"));
    ck_assert_ptr_nonnull(strstr(r.body, "EXCLUDE USING gist"));
    ck_assert_ptr_nonnull(strstr(r.body, "is MATCH FULL DEFERRABLE"));
    export_result_clear(&r);
}
END_TEST

/* The pieces of a text that a reader looks for. */
static void must_contain(const char *body, const char *const *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(strstr(body, pieces[i]) != NULL, "no %s in\n%s", pieces[i], body);
}

static const char *const typescript_pieces[] = {
    "export type Mood = \"sad\" | \"ok\" | \"it's \\\"great\\\"\";\n",
    "/** how they feel */\nexport type Mood",
    "export type NoLabels = never;\n",
    "/** People who log in */\nexport interface Users {\n  id: string;\n  email: string;\n"
    "  /** as they write it */\n  name: string | null;\n  mood: Mood;\n  plan_id: number;\n",
    "  score: string;\n  big: string;\n  ratio: number | null;\n  active: boolean;\n"
    "  settings: Json;\n  created_at: Date;\n",
    "  nicknames: (string | null)[];\n  grid: (number | null)[][] | null;\n",
    "export interface NewUsers {\n  id?: string;\n  email: string;\n",
    "  \"a.b\": number | null;\n",
    "export interface T123 {\n",
    "export interface Date2 {\n  at: Date;\n",
    "export interface Json2 {\n  v: Json;\n",
    "export interface 日本 {\n",
    "export interface Nothing {\n}\n",
    "export interface ActiveUsers {\n",
};

START_TEST(typescript_says_what_the_rows_are)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg);
    CLEANUP(schema_freep) struct schema *s = read_schema(pg, "rich");
    struct export_options options = {.format = "typescript"};
    CLEANUP(export_result_clear) struct export_result r = must_export(s, &options);

    must_contain(r.body, typescript_pieces, ARRAY_LEN(typescript_pieces));
    ck_assert_str_eq(r.filename, "rich.ts");
    ck_assert_ptr_null(strstr(r.body, "zod"));
    ck_assert_ptr_null(strstr(r.body, "NewActiveUsers")); /* a view takes no INSERT here */
    ck_assert_ptr_null(strstr(r.body, "OrdersEu"));       /* a partition repeats its parent */
    const char *insert = strstr(r.body, "\nexport interface NewProfiles ");
    ck_assert_ptr_nonnull(insert);
    ck_assert(str_starts(insert, "\nexport interface NewProfiles {\n  user_id: string;\n"
                                 "  bio?: string | null;\n}\n"));
}
END_TEST

static const char *const mermaid_pieces[] = {
    "---\nconfig:\n  theme: dark\n---\nerDiagram\n",
    "        uuid id PK\n",
    "        email email UK\n",
    "        varchar(20) name \"as they write it; index users_active_idx\"\n",
    "        integer plan_id FK\n",
    "        numeric(10_2) score\n",
    "    %% CREATE UNIQUE INDEX users_email_lower_idx ON users USING btree",
    "    \"shared.plans\" ||..o{ \"users\" : \"users_plan_id_fkey\"\n",
    "    \"users\" |o..o{ \"users\" : \"users_manager_id_fkey\"\n",
    "    \"users\" ||--o| \"profiles\" : \"profiles_user_id_fkey\"\n",
    "    \"orders\" ||--o{ \"lines\" : \"lines_order_fkey\"\n",
    "    \"orders\" ||..o{ \"full_match\" : ", /* MATCH FULL with one column NOT NULL */
    "    \"weird #34;table#34;\" {\n",
    "        integer _pk \"pk\"\n",
    "    \"my direction#32;TB\" {\n",
    "    \"nothing\"\n",
};

START_TEST(mermaid_says_how_tables_hang_together)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg);
    CLEANUP(schema_freep) struct schema *s = read_schema(pg, "rich");
    struct export_options options = {.format = "mermaid", .theme = "dark", .indexes = true};
    CLEANUP(export_result_clear) struct export_result r = must_export(s, &options);
    must_contain(r.body, mermaid_pieces, ARRAY_LEN(mermaid_pieces));
}
END_TEST

/* The value at a path of keys, as JSON text. */
static void must_be(const json_t *root, const char *const path[], const char *want)
{
    for (size_t i = 0; path[i]; i++)
        root = json_object_get(root, path[i]);
    CLEANUP(freep) char *text = root ? json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    ck_assert_pstr_eq(text, want);
}

static const struct {
    const char *column, *want;
} properties[] = {
    {"id", "{\"type\":\"string\",\"format\":\"uuid\",\"x-type\":\"uuid\"}"},
    {"name", "{\"type\":[\"string\",\"null\"],\"maxLength\":20,"
             "\"description\":\"as they write it\",\"x-type\":\"character varying(20)\"}"},
    {"mood", "{\"type\":\"string\",\"enum\":[\"sad\",\"ok\",\"it's \\\"great\\\"\"],"
             "\"default\":\"ok\",\"x-type\":\"mood\"}"},
    {"active", "{\"type\":\"boolean\",\"default\":true,\"x-type\":\"boolean\"}"},
    {"settings", "{\"description\":\"any JSON value\",\"default\":{\"theme\":\"dark\"},"
                 "\"x-type\":\"jsonb\"}"},
    {"created_at", "{\"type\":\"string\",\"format\":\"date-time\","
                   "\"x-type\":\"timestamp with time zone\"}"},
    {"rank", "{\"type\":\"integer\",\"minimum\":-32768,\"maximum\":32767,\"default\":-1,"
             "\"x-type\":\"smallint\"}"},
    {"grid", "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"array\",\"items\":{"
             "\"type\":[\"integer\",\"null\"],\"minimum\":-2147483648,\"maximum\":2147483647}},"
             "\"x-type\":\"integer[]\"}"},
    {"upper_name", "{\"type\":[\"string\",\"null\"],\"readOnly\":true,\"x-type\":\"text\"}"},
};

START_TEST(json_schema_says_what_a_row_is)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg);
    CLEANUP(schema_freep) struct schema *s = read_schema(pg, "rich");
    struct export_options options = {.format = "json-schema"};
    CLEANUP(export_result_clear) struct export_result r = must_export(s, &options);
    json_auto_t *root = json_loads(r.body, 0, NULL);

    for (size_t i = 0; i < ARRAY_LEN(properties); i++)
        must_be(root, (const char *[]){"$defs", "users", "properties", properties[i].column, NULL},
                properties[i].want);
    must_be(root, (const char *[]){"$defs", "lines", "x-primary-key", NULL},
            "[\"region\",\"order_id\",\"no\"]");
    must_be(root, (const char *[]){"$defs", "profiles", "x-foreign-keys", NULL},
            "[{\"name\":\"profiles_user_id_fkey\",\"columns\":[\"user_id\"],\"references\":"
            "{\"table\":\"users\",\"columns\":[\"id\"]},\"on_delete\":\"cascade\","
            "\"on_update\":\"no_action\"}]");
    must_be(root, (const char *[]){"$defs", "profiles", "required", NULL}, "[\"user_id\",\"bio\"]");
    must_be(root, (const char *[]){"$defs", "own_types", "properties", "n", "enum", NULL},
            "[null]");
    ck_assert_str_eq(r.content_type, "application/schema+json");
}
END_TEST

START_TEST(tables_can_be_chosen)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    make_rich(pg);
    CLEANUP(schema_freep) struct schema *s = read_schema(pg, "rich");
    struct export_options options = {
        .format = "mermaid",
        .tables = (const char *const[]){"orders_eu", "profiles"},
        .n_tables = 2,
    };
    CLEANUP(export_result_clear) struct export_result r = must_export(s, &options);
    ck_assert_ptr_nonnull(strstr(r.body, "\"orders_eu\" {")); /* a partition, when asked for */
    ck_assert_ptr_nonnull(strstr(r.body, "\"profiles\" {"));
    ck_assert_ptr_null(strstr(r.body, "\"users\""));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("schema_export");
    TCase *t = tcase_create("export");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, files_for_the_oracles);
    tcase_add_test(t, drizzle_says_all_it_can);
    tcase_add_test(t, drizzle_kit_makes_the_same);
    tcase_add_test(t, what_drizzle_has_no_word_for_is_refused);
    tcase_add_test(t, typescript_says_what_the_rows_are);
    tcase_add_test(t, mermaid_says_how_tables_hang_together);
    tcase_add_test(t, json_schema_says_what_a_row_is);
    tcase_add_test(t, tables_can_be_chosen);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return pg_fixture_run(suite());
}
