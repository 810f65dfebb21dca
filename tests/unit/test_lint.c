/* SPDX-License-Identifier: MIT */
/* Each rule by itself: what it says of which SQL, and where. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/lint/lint.h"

#define COLUMNS_A "CREATE TABLE a (id uuid PRIMARY KEY, b_id uuid);\n"

/* options: of the rule, as JSON with ' for "; NULL: none. found: "LINE:COLUMN " of each issue. */
static const struct {
    const char *rule, *options, *sql, *found;
} cases[] = {
    {"syntax-error", NULL, "SELECT 1;\nCREATE TABEL a (x int);", "2:8 "},
    {"syntax-error", NULL, "CREATE TABLE a (x int);\n\\d", "2:1 "},
    {"syntax-error", NULL, "SELECT '\xff';", "1:9 "},
    {"syntax-error", NULL, "SELECT 1", ""},
    {"syntax-error", NULL, "", ""},
    {"syntax-error", NULL, "-- lint-ignore-file syntax-error\nSELEKT 1;", "2:1 "},
    {"statement-not-allowed", NULL, "SELECT 1;\n CREATE EXTENSION citext;", "2:2 "},
    {"statement-not-allowed", NULL, "CREATE TABLE other.a (x int);", "1:14 "},
    {"statement-not-allowed", NULL, "CREATE TABLE public.a (x int);", ""},
    {"unused-ignore", NULL, "-- lint-ignore ban-drop-tables\nSELECT 1;", "1:1 "},
    {"unused-ignore", NULL, "/* lint-ignore-file no-such-rule */\nSELECT 1;", "1:1 "},
    {"unused-ignore", NULL, "-- lint-ignorely\nSELECT 1; -- nothing", ""},

    {"table-naming", NULL, "CREATE TABLE\n  \"userOrders\" (x int);", "2:3 "},
    {"table-naming", NULL, "CREATE TABLE user_orders2 (x int); CREATE TABLE a (x int);", ""},
    {"table-naming", NULL, "CREATE TABLE a__b (x int); CREATE TABLE a_ (x int);", "1:14 1:41 "},
    {"table-naming", "{'style':'camelCase'}", "CREATE TABLE \"userOrders\" (x int);", ""},
    {"table-naming", "{'style':'camelCase'}", "CREATE TABLE user_orders (x int);", "1:14 "},
    {"table-naming", "{'style':'PascalCase'}", "CREATE TABLE \"UserOrders\" (x int);", ""},
    {"table-naming", "{'style':'PascalCase'}", "CREATE TABLE \"userOrders\" (x int);", "1:14 "},
    {"table-naming", "{'style':'kebab-case'}", "CREATE TABLE \"user-orders\" (x int);", ""},
    {"table-naming", "{'style':'kebab-case'}", "CREATE TABLE user_orders (x int);", "1:14 "},
    {"table-naming", "{'exceptions':['legacy*','*Old*']}",
     "CREATE TABLE \"legacyX\" (x int); CREATE TABLE \"anOldOne\" (x int); CREATE TABLE \"aB\" (x "
     "int);",
     "1:79 "},
    {"table-naming", NULL, "CREATE TABLE \"aB\" (x int); ALTER TABLE \"aB\" RENAME TO a_b;", ""},
    {"table-naming", NULL, "CREATE TABLE public.\"aB\" (x int); ALTER TABLE public.\"aB\" RENAME TO "
                           "\"aC\"; DROP TABLE public.\"aC\";",
     ""},
    {"table-naming", NULL, "CREATE TEMP TABLE \"aB\" (x int) ON COMMIT DROP;", ""},
    {"column-naming", NULL, "CREATE TABLE a (x int,\n  \"createdAt\" date);", "2:3 "},
    {"column-naming", NULL, "ALTER TABLE a ADD \"createdAt\" date;", "1:19 "},
    {"column-naming", NULL, "CREATE TABLE a (created_at date);", ""},
    {"column-naming", "{'style':'camelCase','exceptions':['id_*']}",
     "CREATE TABLE a (\"createdAt\" date, id_x int, id_ int, x_y int);", "1:54 "},
    {"require-primary-key", NULL, "CREATE TABLE a (x int);", "1:14 "},
    {"require-primary-key", NULL, "CREATE TABLE a (x int PRIMARY KEY);", ""},
    {"require-primary-key", NULL, "CREATE TABLE a (x int, PRIMARY KEY (x));", ""},
    {"require-primary-key", NULL, "CREATE TABLE a (x int); ALTER TABLE a ADD PRIMARY KEY (x);", ""},
    {"require-primary-key", NULL,
     "CREATE TABLE a (x int PRIMARY KEY); ALTER TABLE a DROP CONSTRAINT a_pkey;", "1:14 "},
    {"require-primary-key", NULL, "CREATE TABLE a (x int); DROP TABLE a;", ""},
    {"require-primary-key", NULL, "CREATE TABLE a (LIKE b INCLUDING ALL);", ""},
    {"require-primary-key", NULL, "CREATE TABLE a PARTITION OF b FOR VALUES IN (1);", ""},
    {"require-primary-key", NULL, "CREATE TABLE a AS SELECT 1 AS x;", "1:14 "},
    {"require-primary-key", NULL, "ALTER TABLE a ADD x int;", ""},
    {"prefer-uuid-pk", NULL, "CREATE TABLE a (x int,\n id bigserial PRIMARY KEY);", "2:2 "},
    {"prefer-uuid-pk", NULL, "CREATE TABLE a (id integer); ALTER TABLE a ADD PRIMARY KEY (id);",
     "1:17 "},
    {"prefer-uuid-pk", NULL, "CREATE TABLE a (id uuid PRIMARY KEY, x int);", ""},
    {"prefer-uuid-pk", NULL, "CREATE TABLE a (x int, y int, PRIMARY KEY (x, y));", ""},
    {"prefer-uuid-pk", NULL, "CREATE TABLE a (id int PRIMARY KEY REFERENCES b);", ""},
    {"require-timestamps", NULL, "CREATE TABLE a (x int);", "1:14 1:14 "},
    {"require-timestamps", NULL, "CREATE TABLE a (created_at date);", "1:14 "},
    {"require-timestamps", NULL, "CREATE TABLE a (created_at date, \"updatedAt\" date);", ""},
    {"require-timestamps", "{'columns':['made']}", "CREATE TABLE a (made date);", ""},
    {"require-timestamps", "{'columns':[]}", "CREATE TABLE a (x int);", ""},
    {"require-timestamps", NULL, "CREATE TABLE a (x int) INHERITS (b);", ""},
    {"index-foreign-keys", NULL, "CREATE TABLE a (id int,\n b_id int REFERENCES b);", "2:11 "},
    {"index-foreign-keys", NULL,
     "CREATE TABLE a (b_id int REFERENCES b); CREATE INDEX ON a (b_id, x);", ""},
    {"index-foreign-keys", NULL,
     "CREATE TABLE a (b_id int REFERENCES b); CREATE INDEX ON a (x, b_id);", "1:26 "},
    {"index-foreign-keys", NULL,
     "CREATE TABLE a (b_id int REFERENCES b); CREATE INDEX ON a (b_id) WHERE x > 1;", "1:26 "},
    {"index-foreign-keys", NULL, "CREATE TABLE a (b_id int PRIMARY KEY REFERENCES b);", ""},
    {"index-foreign-keys", NULL, "CREATE TABLE a (b_id int UNIQUE REFERENCES b);", ""},
    {"index-foreign-keys", NULL,
     "CREATE TABLE a (x int, y int, FOREIGN KEY (x, y) REFERENCES b (x, y)); CREATE INDEX ON a "
     "(y, x);",
     ""},
    {"index-foreign-keys", NULL,
     "CREATE TABLE a (x int, y int, FOREIGN KEY (x, y) REFERENCES b (x, y)); CREATE INDEX ON a "
     "(x);",
     "1:31 "},
    {"index-foreign-keys", NULL,
     "CREATE TABLE a (b_id int REFERENCES b); CREATE INDEX i ON a (b_id); DROP INDEX i;", "1:26 "},
    {"index-foreign-keys", NULL, "ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b;", ""},
    {"index-foreign-keys", NULL, "ALTER TABLE a ADD b_id int REFERENCES b;", "1:28 "},
    {"no-cascade-delete", NULL, "CREATE TABLE a (x int REFERENCES b ON DELETE CASCADE);", "1:23 "},
    {"no-cascade-delete", NULL,
     "ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES b ON DELETE CASCADE;", "1:19 "},
    {"no-cascade-delete", NULL, "CREATE TABLE a (x int REFERENCES b ON DELETE SET NULL);", ""},
    {"require-soft-delete", NULL, "CREATE TABLE a (x int);", "1:14 "},
    {"require-soft-delete", NULL, "CREATE TABLE a (\"deletedAt\" date);", ""},
    {"require-soft-delete", "{'column':'gone'}", "CREATE TABLE a (gone date);", ""},
    {"require-soft-delete", NULL, "CREATE TABLE a (x int); ALTER TABLE a ADD deleted_at date;", ""},

    {"adding-field-with-default", NULL, "ALTER TABLE a ADD x uuid DEFAULT gen_random_uuid();",
     "1:19 "},
    {"adding-field-with-default", NULL, "ALTER TABLE a ADD y int,\n ADD x serial;", "2:6 "},
    {"adding-field-with-default", NULL, "ALTER TABLE a ADD x int DEFAULT 1;", ""},
    {"adding-field-with-default", NULL, "ALTER TABLE a ADD x date DEFAULT now();", ""},
    {"adding-field-with-default", NULL, COLUMNS_A "ALTER TABLE a ADD x serial;", ""},
    {"adding-required-field", NULL, "ALTER TABLE a ADD x int NOT NULL;", "1:19 "},
    {"adding-required-field", NULL, "ALTER TABLE a ADD x int NOT NULL DEFAULT 1;", ""},
    {"adding-required-field", NULL, COLUMNS_A "ALTER TABLE a ADD x int NOT NULL;", ""},
    {"adding-serial-primary-key-field", NULL, "ALTER TABLE a ADD id serial PRIMARY KEY;", "1:19 "},
    {"adding-serial-primary-key-field", NULL, "ALTER TABLE a ADD PRIMARY KEY (x);", "1:19 "},
    {"adding-serial-primary-key-field", NULL, "ALTER TABLE a ADD PRIMARY KEY USING INDEX i;", ""},
    {"adding-not-nullable-field", NULL, "ALTER TABLE a ALTER x SET NOT NULL;", "1:1 "},
    {"adding-not-nullable-field", NULL,
     "ALTER TABLE a ADD CONSTRAINT c CHECK (x IS NOT NULL) NOT VALID; ALTER TABLE a ALTER x SET NOT "
     "NULL;",
     "1:65 "},
    {"adding-not-nullable-field", NULL,
     "ALTER TABLE a ADD CONSTRAINT c CHECK (x IS NOT NULL) NOT VALID; ALTER TABLE a VALIDATE "
     "CONSTRAINT c; ALTER TABLE a ALTER x SET NOT NULL;",
     ""},
    {"adding-not-nullable-field", NULL,
     "ALTER TABLE a ADD CONSTRAINT c CHECK (y IS NOT NULL); ALTER TABLE a ALTER x SET NOT NULL;",
     "1:55 "},
    {"adding-foreign-key-constraint", NULL, "ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b;",
     "1:19 "},
    {"adding-foreign-key-constraint", NULL,
     "ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b NOT VALID;", ""},
    {"adding-foreign-key-constraint", NULL, "ALTER TABLE a ADD x int REFERENCES b;", ""},
    {"adding-foreign-key-constraint", NULL, "ALTER TABLE a ADD x int DEFAULT 1 REFERENCES b;",
     "1:19 "},
    {"adding-foreign-key-constraint", NULL, "CREATE TABLE a (x int REFERENCES b);", ""},
    {"constraint-missing-not-valid", NULL, "ALTER TABLE a ADD CHECK (x > 0);", "1:19 "},
    {"constraint-missing-not-valid", NULL, "ALTER TABLE a ADD CHECK (x > 0) NOT VALID;", ""},
    {"constraint-missing-not-valid", NULL, "ALTER TABLE a ADD x int CHECK (x > 0);", "1:19 "},
    {"constraint-missing-not-valid", NULL,
     "ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0) NOT VALID;\nALTER TABLE a VALIDATE CONSTRAINT c;",
     "2:1 "},
    {"constraint-missing-not-valid", NULL, "ALTER TABLE a VALIDATE CONSTRAINT c;", ""},
    {"disallowed-unique-constraint", NULL, "ALTER TABLE a ADD UNIQUE (x);", "1:19 "},
    {"disallowed-unique-constraint", NULL, "ALTER TABLE a ADD x int UNIQUE;", "1:19 "},
    {"disallowed-unique-constraint", NULL, "ALTER TABLE a ADD UNIQUE USING INDEX i;", ""},
    {"adding-exclusion-constraint", NULL, "ALTER TABLE a ADD EXCLUDE USING gist (x WITH &&);",
     "1:19 "},
    {"adding-exclusion-constraint", NULL, "CREATE TABLE a (x box, EXCLUDE USING gist (x WITH &&));",
     ""},
    {"ban-alter-domain-with-add-constraint", NULL, "ALTER DOMAIN d ADD CHECK (VALUE > 0);", "1:1 "},
    {"ban-alter-domain-with-add-constraint", NULL, "ALTER DOMAIN d DROP CONSTRAINT c;", ""},
    {"ban-create-domain-with-constraint", NULL, "CREATE DOMAIN d AS int CHECK (VALUE > 0);", "1:1 "},
    {"ban-create-domain-with-constraint", NULL, "CREATE DOMAIN d AS int NOT NULL;", "1:1 "},
    {"ban-create-domain-with-constraint", NULL, "CREATE DOMAIN d AS int;", ""},
    {"changing-column-type", NULL, "ALTER TABLE a ALTER x TYPE bigint;", "1:21 "},
    {"changing-column-type", NULL, COLUMNS_A "ALTER TABLE a ALTER x TYPE bigint;", ""},
    {"ban-table-rewrite", NULL, "ALTER TABLE a SET UNLOGGED;", "1:1 "},
    {"ban-table-rewrite", NULL, "ALTER TABLE a SET (fillfactor = 70);", ""},
    {"prefer-repack", NULL, "CLUSTER a USING i; SELECT 1;", "1:1 "},
    {"prefer-repack", NULL, "VACUUM (FULL) a;", "1:1 "},
    {"prefer-repack", NULL, "VACUUM a;", ""},
    {"ban-drop-column", NULL, "ALTER TABLE a DROP x, DROP y;", "1:1 1:1 "},
    {"ban-drop-column", NULL, COLUMNS_A "ALTER TABLE a DROP b_id;", ""},
    {"ban-drop-table", NULL, "SELECT 1;\nDROP TABLE a, b;", "2:1 2:1 "},
    {"ban-drop-table", NULL, COLUMNS_A "DROP TABLE a; DROP VIEW v; DROP FUNCTION f();", ""},
    {"ban-drop-database", NULL, "DROP DATABASE d;", "1:1 "},
    {"ban-drop-database", NULL, "SELECT 1;", ""},
    {"ban-drop-not-null", NULL, "ALTER TABLE a ALTER x DROP NOT NULL;", "1:1 "},
    {"ban-drop-not-null", NULL, "ALTER TABLE a ALTER x DROP DEFAULT;", ""},
    {"ban-truncate-cascade", NULL, "TRUNCATE a CASCADE;", "1:1 "},
    {"ban-truncate-cascade", NULL, "TRUNCATE a;", ""},
    {"ban-truncate", NULL, "TRUNCATE a, b;", "1:1 1:1 "},
    {"ban-truncate", NULL, COLUMNS_A "TRUNCATE a;", ""},
    {"renaming-column", NULL, "ALTER TABLE a RENAME x TO y;", "1:1 "},
    {"renaming-column", NULL, "ALTER TABLE a RENAME TO b; ALTER INDEX i RENAME TO j;", ""},
    {"renaming-table", NULL, "ALTER TABLE a RENAME TO b;", "1:1 "},
    {"renaming-table", NULL, "ALTER TABLE a RENAME x TO y; ALTER VIEW v RENAME TO w;", ""},
    {"require-concurrent-index-creation", NULL, "CREATE INDEX i ON a (x);", "1:1 "},
    {"require-concurrent-index-creation", NULL, "CREATE INDEX CONCURRENTLY i ON a (x);", ""},
    {"require-concurrent-index-creation", NULL, COLUMNS_A "CREATE INDEX i ON a (b_id);", ""},
    {"require-concurrent-index-deletion", NULL, "DROP INDEX i;", "1:1 "},
    {"require-concurrent-index-deletion", NULL, "DROP INDEX CONCURRENTLY i;", ""},
    {"require-concurrent-index-deletion", NULL,
     COLUMNS_A "CREATE INDEX i ON a (b_id); DROP INDEX i;", ""},
    {"require-concurrent-reindex", NULL, "REINDEX TABLE a;", "1:1 "},
    {"require-concurrent-reindex", NULL, "REINDEX TABLE CONCURRENTLY a;", ""},
    {"require-concurrent-partition-detach", NULL, "ALTER TABLE a DETACH PARTITION b;", "1:1 "},
    {"require-concurrent-partition-detach", NULL, "ALTER TABLE a DETACH PARTITION b CONCURRENTLY;",
     ""},
    {"require-concurrent-refresh", NULL, "REFRESH MATERIALIZED VIEW v;", "1:1 "},
    {"require-concurrent-refresh", NULL, "REFRESH MATERIALIZED VIEW CONCURRENTLY v;", ""},
    {"ban-concurrent-index-creation-in-transaction", NULL,
     "BEGIN; CREATE INDEX CONCURRENTLY i ON a (x); COMMIT; DROP INDEX CONCURRENTLY i;", "1:8 "},
    {"ban-concurrent-index-creation-in-transaction", NULL, "CREATE INDEX CONCURRENTLY i ON a (x);",
     ""},
    {"isolate-concurrent-statements", NULL,
     "CREATE INDEX CONCURRENTLY i ON a (x);\nALTER TABLE a ADD y int;", "2:1 "},
    {"isolate-concurrent-statements", NULL,
     "CREATE INDEX CONCURRENTLY i ON a (x);\nDROP INDEX CONCURRENTLY j;", ""},
    {"adding-unique-index", NULL, "CREATE UNIQUE INDEX CONCURRENTLY i ON a (x);", "1:1 "},
    {"adding-unique-index", NULL, COLUMNS_A "CREATE UNIQUE INDEX i ON a (b_id);", ""},
    {"limit-index-columns", NULL, "CREATE INDEX i ON a (x, y, z, u);", "1:1 "},
    {"limit-index-columns", NULL, "CREATE INDEX i ON a (x, y, z);", ""},
    {"limit-index-columns", "{'columns':1}", "CREATE INDEX i ON a (x, y);", "1:1 "},
    {"ban-whole-table-write", NULL, "UPDATE a SET x = 1; DELETE FROM a;", "1:1 1:21 "},
    {"ban-whole-table-write", NULL, "UPDATE a SET x = 1 WHERE y; DELETE FROM a WHERE y;", ""},
    {"ban-whole-table-write", NULL, COLUMNS_A "UPDATE a SET b_id = id;", ""},
    {"ban-lock-table", NULL, "LOCK TABLE a, b IN SHARE MODE;", "1:1 1:1 "},
    {"ban-lock-table", NULL, "SELECT * FROM a FOR UPDATE;", ""},
    {"ban-duplicate-column-assignments", NULL, "UPDATE a SET x = 1, x = 2 WHERE y;", "1:1 "},
    {"ban-duplicate-column-assignments", NULL,
     "INSERT INTO a VALUES (1) ON CONFLICT (x) DO UPDATE SET y = 1, y = 2;", "1:1 "},
    {"ban-duplicate-column-assignments", NULL, "UPDATE a SET x[1] = 1, x[2] = 2, y = 1 WHERE y;",
     ""},
    {"transaction-nesting", NULL, "BEGIN; SELECT 1; COMMIT;", "1:1 1:18 "},
    {"transaction-nesting", NULL, "SAVEPOINT s; RELEASE s;", ""},
    {"ban-uncommitted-transaction", NULL, "SELECT 1;\nBEGIN; SELECT 1;", "2:1 "},
    {"ban-uncommitted-transaction", NULL, "BEGIN; SELECT 1; COMMIT;", ""},
    {"require-timeout-settings", NULL, "SET LOCAL lock_timeout = 0;", "1:1 "},
    {"require-timeout-settings", NULL, "SET LOCAL statement_timeout = '0s';", "1:1 "},
    {"require-timeout-settings", NULL, "RESET statement_timeout;", "1:1 "},
    {"require-timeout-settings", NULL,
     "SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '500ms'; SET LOCAL work_mem = 0;",
     ""},
    {"prefer-robust-stmts", NULL, "CREATE INDEX CONCURRENTLY i ON a (x);\nCREATE TABLE b (x int);",
     "2:1 "},
    {"prefer-robust-stmts", NULL,
     "CREATE INDEX CONCURRENTLY i ON a (x);\nALTER TABLE a ADD y int, DROP z;", "2:1 2:19 "},
    {"prefer-robust-stmts", NULL, "CREATE TABLE b (x int); ALTER TABLE a ADD y int;", ""},
    {"prefer-robust-stmts", NULL,
     "CREATE INDEX CONCURRENTLY i ON a (x); CREATE TABLE IF NOT EXISTS b (x int); ALTER TABLE a ADD "
     "IF NOT EXISTS y int, DROP IF EXISTS z; DROP TABLE IF EXISTS c;",
     ""},
    {"require-table-schema", NULL, "CREATE TABLE a (x int);", "1:1 "},
    {"require-table-schema", NULL, "CREATE TABLE public.a (x int);", ""},
    {"ban-char-field", NULL, "CREATE TABLE a (x char(3), y \"char\", z char[]);", "1:17 1:38 "},
    {"ban-char-field", NULL, "CREATE TABLE a (x varchar(3), y text);", ""},
    {"prefer-text-field", NULL, "CREATE TABLE a (x varchar(3));", "1:17 "},
    {"prefer-text-field", NULL, "ALTER TABLE a ALTER x TYPE varchar(9);", "1:21 "},
    {"prefer-text-field", NULL, "CREATE TABLE a (x varchar, y text);", ""},
    {"prefer-timestamp-tz", NULL, "ALTER TABLE a ADD x timestamp(3);", "1:19 "},
    {"prefer-timestamp-tz", NULL, "ALTER TABLE a ADD x timestamptz;", ""},
    {"prefer-jsonb", NULL, "CREATE TABLE a (x json);", "1:17 "},
    {"prefer-jsonb", NULL, "CREATE TABLE a (x jsonb);", ""},
    {"prefer-bigint-over-int", NULL, "CREATE TABLE a (x int, y serial);", "1:17 1:24 "},
    {"prefer-bigint-over-int", NULL, "CREATE TABLE a (x bigint, y smallint);", ""},
    {"prefer-bigint-over-smallint", NULL, "CREATE TABLE a (x smallint, y smallserial);",
     "1:17 1:29 "},
    {"prefer-bigint-over-smallint", NULL, "CREATE TABLE a (x int);", ""},
    {"prefer-identity", NULL, "CREATE TABLE a (x bigserial);", "1:17 "},
    {"prefer-identity", NULL, "CREATE TABLE a (x bigint GENERATED ALWAYS AS IDENTITY);", ""},
    {"require-enum-value-ordering", NULL, "ALTER TYPE e ADD VALUE 'x';", "1:1 "},
    {"require-enum-value-ordering", NULL,
     "ALTER TYPE e ADD VALUE 'x' AFTER 'y'; ALTER TYPE e RENAME VALUE 'x' TO 'z';", ""},
    {"identifier-too-long", NULL,
     "CREATE TABLE a (x int,\n abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm int);",
     "2:2 "},
    {"identifier-too-long", NULL,
     "CREATE TABLE a (x int,\n \"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk\" "
     "int);",
     ""},
};

static void to_json(const char *text, struct str *out)
{
    for (; text && *text; text++)
        str_add_char(out, *text == '\'' ? '"' : *text);
}

static void no_complaint(void *ctx, const char *pointer, const char *code, const char *detail)
{
    ck_abort_msg("%s: %s %s (%s)", pointer, code, detail, (const char *)ctx);
}

/* Every rule is off, but one. */
static struct lint_config *only(const char *rule, const char *options)
{
    struct lint_config *config = lint_config_new(NULL);
    json_auto_t *rules = lint_rules_json(config), *set = json_object();
    CLEANUP(str_clear) struct str text = STR_INIT;
    size_t i;
    json_t *item;

    json_array_foreach (rules, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (!str_eq(name, "syntax-error"))
            json_object_set_new(set, name, json_string("off"));
    }
    to_json(options ? options : "{}", &text);
    json_t *given = json_loads(str_text(&text), 0, NULL);
    ck_assert_ptr_nonnull(given);
    json_object_set_new(set, rule, json_pack("[s, o]", "error", given));
    lint_config_set(config, set, "", no_complaint, (void *)(uintptr_t)rule);
    return config;
}

static json_t *lint(const struct lint_config *config, const struct lint_input *input)
{
    json_t *result = NULL;
    struct err err;
    ck_assert_msg(!lint_files(config, input, &result, &err), "%s", err.msg);
    return result;
}

static json_t *lint_sql(const struct lint_config *config, const char *sql)
{
    struct lint_file file = {.path = "a.sql", .sql = sql, .len = strlen(sql)};
    return lint(config, &(struct lint_input){.files = &file, .count = 1});
}

/* "LINE:COLUMN " of each issue, or with the rule's name before. */
static void found_in(const json_t *result, bool named, struct str *out)
{
    size_t i;
    json_t *issue;

    json_array_foreach (json_object_get(result, "issues"), i, issue) {
        if (named)
            str_addf(out, "%s@", json_string_value(json_object_get(issue, "rule")));
        str_addf(out, "%lld:%lld ",
                 (long long)json_integer_value(json_object_get(issue, "line")),
                 (long long)json_integer_value(json_object_get(issue, "column")));
    }
}

START_TEST(each_rule)
{
    CLEANUP(lint_config_freep) struct lint_config *config = only(cases[_i].rule, cases[_i].options);
    CLEANUP(str_clear) struct str found = STR_INIT;
    json_auto_t *result = lint_sql(config, cases[_i].sql);
    size_t i;
    json_t *issue;

    found_in(result, false, &found);
    ck_assert_msg(str_eq(str_text(&found), cases[_i].found), "%s: %s\n is \"%s\", not \"%s\"",
                  cases[_i].rule, cases[_i].sql, str_text(&found), cases[_i].found);
    json_array_foreach (json_object_get(result, "issues"), i, issue)
        ck_assert_str_eq(json_string_value(json_object_get(issue, "rule")), cases[_i].rule);
    ck_assert(json_is_true(json_object_get(result, "success")) == !*cases[_i].found);
}
END_TEST

/* A rule that never fires, or always, is none. */
START_TEST(every_rule_has_both)
{
    CLEANUP(lint_config_freep) struct lint_config *config = lint_config_new(NULL);
    json_auto_t *rules = lint_rules_json(config);
    size_t i;
    json_t *rule;

    json_array_foreach (rules, i, rule) {
        const char *name = json_string_value(json_object_get(rule, "name"));
        bool fires = false, rests = false;
        for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
            bool is = str_eq(cases[c].rule, name);
            fires |= is && *cases[c].found;
            rests |= is && !*cases[c].found;
        }
        ck_assert_msg(fires && rests, "%s", name);
        if (str_eq(json_string_value(json_object_get(rule, "group")), "unsafe")) {
            ck_assert_msg(json_is_string(json_object_get(rule, "lock")), "%s", name);
            ck_assert_msg(json_is_string(json_object_get(rule, "why")), "%s", name);
            ck_assert_msg(json_is_string(json_object_get(rule, "instead")), "%s", name);
        }
    }
}
END_TEST

/* A type that is seen to be wider costs nothing. */
static const struct {
    const char *from, *to;
    bool rewrites;
} types[] = {
    {"varchar(10)", "varchar(20)", false}, {"varchar(20)", "varchar(10)", true},
    {"varchar(10)", "text", false},        {"varchar", "varchar(10)", true},
    {"text", "varchar", false},            {"text", "varchar(10)", true},
    {"numeric(10,2)", "numeric(12,2)", false}, {"numeric(10,2)", "numeric(12,3)", true},
    {"numeric(10,2)", "numeric", false},   {"int", "bigint", true},
    {"int", "integer", false},             {"text", "text[]", true},
    {"varchar(10)[]", "varchar(20)[]", true}, {"cidr", "inet", false},
};

START_TEST(wider_types)
{
    CLEANUP(lint_config_freep) struct lint_config *config = only("changing-column-type", NULL);
    CLEANUP(str_clear) struct str made = STR_INIT, changed = STR_INIT;

    str_addf(&made, "CREATE TABLE a (x %s);", types[_i].from);
    str_addf(&changed, "ALTER TABLE a ALTER x TYPE %s;", types[_i].to);
    struct lint_file files[] = {
        {.path = "1", .sql = str_text(&made), .len = made.len, .context = true},
        {.path = "2", .sql = str_text(&changed), .len = changed.len}};
    json_auto_t *result = lint(config, &(struct lint_input){.files = files, .count = 2});
    ck_assert_msg(json_is_true(json_object_get(result, "success")) != types[_i].rewrites, "%s %s",
                  types[_i].from, types[_i].to);
}
END_TEST

/* Comments that leave something out. */
static const struct {
    const char *sql, *found;
} ignored[] = {
    {"-- lint-ignore ban-drop-table\nDROP TABLE a;", ""},
    {"-- squawk-ignore ban-drop-table\nDROP TABLE a;", ""},
    {"-- lint-ignore ban-drop-table: we agreed\nDROP TABLE a;", ""},
    {"-- lint-ignore ban-drop-table because of that\nDROP TABLE a;", ""},
    {"-- lint-ignore\nDROP TABLE a;", ""},
    {"/* lint-ignore ban-drop-table */ DROP TABLE a;", ""},
    {"--lint-ignore ban-truncate, ban-drop-table\nDROP TABLE a;", "unused-ignore@1:1 "},
    {"-- lint-ignore ban-drop-table\n\n-- another comment\nDROP TABLE a;", ""},
    {"-- lint-ignore ban-drop-table\nDROP TABLE a;\nDROP TABLE b;", "ban-drop-table@3:1 "},
    {"-- lint-ignore-file ban-drop-table\nDROP TABLE a;\nDROP TABLE b;", ""},
    {"DROP TABLE a;\nDROP TABLE b;\n-- squawk-ignore-file ban-drop-table", ""},
    {"-- lint-ignore-file\nDROP TABLE a;\nALTER TABLE b DROP x;", ""},
    {"-- lint-ignore ban-drop-column\nDROP TABLE a;",
     "unused-ignore@1:1 ban-drop-table@2:1 "},
    {"-- lint-ignore ban-drop-tables\nDROP TABLE a;",
     "unused-ignore@1:1 ban-drop-table@2:1 "},
    {"-- lint-ignore ban-drop-table\nSELECT 1;", "unused-ignore@1:1 "},
    {"SELECT '-- lint-ignore ban-drop-table';\nDROP TABLE a;", "ban-drop-table@2:1 "},
    {"-- lint-ignore require-primary-key\nCREATE TABLE a (x text);", ""},
    {"-- lint-ignore-file lint-ignore\n-- lint-ignore unused-ignore\nSELECT 1;",
     "unused-ignore@1:1 unused-ignore@2:1 "},
    /* a rule that is off is not asked for */
    {"-- lint-ignore require-timestamps\nCREATE TABLE a (x uuid PRIMARY KEY);", ""},
};

START_TEST(comments)
{
    CLEANUP(lint_config_freep) struct lint_config *config = lint_config_new(NULL);
    CLEANUP(str_clear) struct str found = STR_INIT;
    json_auto_t *result = lint_sql(config, ignored[_i].sql);

    found_in(result, true, &found);
    ck_assert_msg(str_eq(str_text(&found), ignored[_i].found), "%s\n is \"%s\"", ignored[_i].sql,
                  str_text(&found));
}
END_TEST

/* Problems of a configuration: "POINTER CODE " of each. */
static const struct {
    const char *rules, *told;
} configs[] = {
    {"{'ban-drop-table':'off','table-naming':['warn',{'style':'camelCase'}]}", ""},
    {"{'table-naming':['error']}", ""},
    {"{'ban-drop-tables':'off'}", "/r/ban-drop-tables UNKNOWN_FIELD "},
    {"{'ban-drop-table':'of'}", "/r/ban-drop-table UNKNOWN_VALUE "},
    {"{'ban-drop-table':1,'table-naming':[]}",
     "/r/ban-drop-table UNKNOWN_VALUE /r/table-naming UNKNOWN_VALUE "},
    {"{'table-naming':['warn',{'style':'Camel'}]}", "/r/table-naming/1/style UNKNOWN_VALUE "},
    {"{'table-naming':['warn',{'styles':'camelCase'}]}", "/r/table-naming/1/styles UNKNOWN_FIELD "},
    {"{'table-naming':['warn',{'exceptions':'a'}]}", "/r/table-naming/1/exceptions UNKNOWN_VALUE "},
    {"{'table-naming':['warn',{'exceptions':[1]}]}", "/r/table-naming/1/exceptions UNKNOWN_VALUE "},
    {"{'table-naming':['warn',1]}", "/r/table-naming/1 WRONG_TYPE "},
    {"{'table-naming':['warn',{},1]}", "/r/table-naming UNKNOWN_VALUE "},
    {"{'require-soft-delete':['warn',{'column':''}]}",
     "/r/require-soft-delete/1/column UNKNOWN_VALUE "},
    {"{'changing-column-type':['warn',{'max_rows':-1}]}",
     "/r/changing-column-type/1/max_rows UNKNOWN_VALUE "},
    {"{'ban-drop-table':['warn',{'max_rows':1}]}", "/r/ban-drop-table/1/max_rows UNKNOWN_FIELD "},
    {"{'syntax-error':'off'}", "/r/syntax-error UNKNOWN_VALUE "},
    {"[]", "/r WRONG_TYPE "},
};

static void note_complaint(void *ctx, const char *pointer, const char *code, const char *detail)
{
    ck_assert(*detail);
    str_addf(ctx, "%s %s ", pointer, code);
}

START_TEST(configurations)
{
    CLEANUP(lint_config_freep) struct lint_config *config = lint_config_new(NULL);
    CLEANUP(str_clear) struct str text = STR_INIT, told = STR_INIT;

    to_json(configs[_i].rules, &text);
    json_auto_t *rules = json_loads(str_text(&text), 0, NULL);
    lint_config_set(config, rules, "/r", note_complaint, &told);
    ck_assert_str_eq(str_text(&told), configs[_i].told);
}
END_TEST

START_TEST(a_configuration_on_another)
{
    CLEANUP(lint_config_freep) struct lint_config *first = only("ban-drop-table", NULL);
    CLEANUP(lint_config_freep) struct lint_config *second = lint_config_new(first);
    json_auto_t *off = json_pack("{s:s}", "ban-drop-table", "off");

    lint_config_set(second, off, "", no_complaint, NULL);
    json_auto_t *before = lint_sql(first, "DROP TABLE a;"), *after = lint_sql(second, "DROP TABLE a;");
    ck_assert_int_eq(json_integer_value(json_object_get(before, "errors")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(after, "errors")), 0);
}
END_TEST

#define FILE_OF(p, s) {.path = (p), .sql = (s), .len = sizeof(s) - 1}

START_TEST(several_files)
{
    CLEANUP(lint_config_freep) struct lint_config *config = lint_config_new(NULL);
    CLEANUP(str_clear) struct str found = STR_INIT, apart = STR_INIT;
    struct lint_file files[] = {FILE_OF("1.sql", "CREATE TABLE a (x text);"),
                                FILE_OF("2.sql", "\nALTER TABLE a ADD PRIMARY KEY (x);"),
                                FILE_OF("3.sql", "DROP TABLE b;")};
    struct lint_input input = {.files = files, .count = 3};
    json_auto_t *together = lint(config, &input);

    found_in(together, true, &found);
    ck_assert_str_eq(str_text(&found), "ban-drop-table@1:1 ");
    ck_assert_int_eq(json_integer_value(json_object_get(together, "total_schemas")), 3);
    ck_assert_int_eq(json_integer_value(json_object_get(together, "tables")), 1);
    const json_t *issue = json_array_get(json_object_get(together, "issues"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(issue, "file")), "3.sql");
    input.separate = true;
    json_auto_t *separate = lint(config, &input);
    found_in(separate, true, &apart);
    ck_assert_str_eq(str_text(&apart),
                     "adding-serial-primary-key-field@2:19 ban-drop-table@1:1 ");
}
END_TEST

/* What was there before is known, and not spoken of; its tables are filled. */
START_TEST(files_of_before)
{
    CLEANUP(lint_config_freep) struct lint_config *config = lint_config_new(NULL);
    CLEANUP(str_clear) struct str found = STR_INIT;
    struct lint_file files[] = {FILE_OF("1.sql", "CREATE TABLE a (x text); DROP TABLE z;"),
                                FILE_OF("2.sql", "CREATE INDEX i ON a (x); CREATE TABLE b (y "
                                                 "text PRIMARY KEY); CREATE INDEX j ON b (y);")};
    files[0].context = true;
    json_auto_t *result = lint(config, &(struct lint_input){.files = files, .count = 2});
    found_in(result, true, &found);
    ck_assert_str_eq(str_text(&found), "require-concurrent-index-creation@1:1 ");
}
END_TEST

START_TEST(by_rows)
{
    CLEANUP(lint_config_freep) struct lint_config *config = lint_config_new(NULL);
    json_auto_t *rows = json_pack("{s:i, s:i}", "few", 10000, "many", 10001);
    struct lint_file file = FILE_OF("1.sql", "CREATE INDEX i ON few (x); CREATE INDEX j ON many "
                                             "(x); CREATE INDEX k ON none (x); DROP TABLE few;");
    json_auto_t *result = lint(config, &(struct lint_input){.files = &file, .count = 1});
    const json_t *issues = json_object_get(result, "issues");

    ck_assert_int_eq(json_integer_value(json_object_get(result, "errors")), 4);
    lint_weigh(config, result, rows);
    ck_assert_int_eq(json_integer_value(json_object_get(result, "errors")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(result, "warnings")), 2);
    ck_assert_int_eq(
        json_integer_value(json_object_get(json_array_get(issues, 1), "rows")), 10001);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(issues, 1), "severity")),
                     "error");
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(issues, 0), "severity")),
                     "warn");
    ck_assert(json_is_false(json_object_get(result, "success")));
}
END_TEST

START_TEST(down_sections_are_not_looked_at)
{
    CLEANUP(lint_config_freep) struct lint_config *config = lint_config_new(NULL);
    json_auto_t *result = lint_sql(
        config, "CREATE TABLE a (x text PRIMARY KEY);\n-- migrate:down\nDROP TABLE a; SELEKT;");
    ck_assert_uint_eq(json_array_size(json_object_get(result, "issues")), 0);
}
END_TEST

START_TEST(as_text)
{
    CLEANUP(lint_config_freep) struct lint_config *config = lint_config_new(NULL);
    json_auto_t *result = lint_sql(config, "DROP TABLE \"a\nb\";");
    const char *type = NULL;
    CLEANUP(freep) char *text = lint_report(result, "text", &type);

    ck_assert_str_eq(type, "text/plain; charset=utf-8");
    ck_assert_ptr_nonnull(strstr(text, "a.sql:1:1: error: Table \"a?b\" is dropped (ban-drop-table)\n"));
    ck_assert_ptr_nonnull(strstr(text, "    lock: ACCESS EXCLUSIVE on the table\n"));
    ck_assert_ptr_nonnull(strstr(text, "0 tables: 1 errors, 0 warnings\n"));
}
END_TEST

START_TEST(as_github)
{
    CLEANUP(lint_config_freep) struct lint_config *config = lint_config_new(NULL);
    struct lint_file file = FILE_OF("a,b:c.sql", "DROP TABLE \"100%\n::error::x\";");
    json_auto_t *result = lint(config, &(struct lint_input){.files = &file, .count = 1});
    const char *type = NULL;
    CLEANUP(freep) char *text = lint_report(result, "github", &type);

    ck_assert_ptr_nonnull(strstr(text, "::error file=a%2Cb%3Ac.sql,line=1,col=1,title=ban-drop-table"
                                       "::Table \"100%25%0A::error::x\" is dropped; instead: "));
    ck_assert_ptr_nonnull(strstr(text, "\n::notice::Lint: 0 tables, 1 errors, 0 warnings\n"));
}
END_TEST

/* What SARIF 2.1.0 requires, and what we say in it. */
START_TEST(as_sarif)
{
    CLEANUP(lint_config_freep) struct lint_config *config = lint_config_new(NULL);
    struct lint_file file = FILE_OF("db/0001 ä.sql", "SELECT 1;\nDROP TABLE a;");
    json_auto_t *result = lint(config, &(struct lint_input){.files = &file, .count = 1});
    const char *type = NULL, *uri, *id, *level, *message, *driver, *version, *rule;
    int line, column, index;
    CLEANUP(freep) char *text = lint_report(result, "sarif", &type);
    json_auto_t *log = json_loads(text, 0, NULL);

    ck_assert_str_eq(type, "application/sarif+json");
    ck_assert_int_eq(
        json_unpack(log,
                    "{s:s, s:[{s:{s:{s:s}}, s:[{s:s, s:i, s:s, s:{s:s},"
                    " s:[{s:{s:{s:s}, s:{s:i, s:i}}}]}]}]}",
                    "version", &version, "runs", "tool", "driver", "name", &driver, "results",
                    "ruleId", &id, "ruleIndex", &index, "level", &level, "message", "text",
                    &message, "locations", "physicalLocation", "artifactLocation", "uri", &uri,
                    "region", "startLine", &line, "startColumn", &column),
        0);
    ck_assert_str_eq(version, "2.1.0");
    ck_assert_str_eq(driver, "tenantd");
    ck_assert_str_eq(id, "ban-drop-table");
    ck_assert_str_eq(level, "error");
    ck_assert_str_eq(uri, "db/0001%20%C3%A4.sql");
    ck_assert_int_eq(line, 2);
    ck_assert_int_eq(column, 1);
    const json_t *tool = json_object_get(
        json_array_get(json_object_get(log, "runs"), 0), "tool");
    const json_t *rules = json_object_get(json_object_get(tool, "driver"), "rules");
    rule = json_string_value(json_object_get(json_array_get(rules, (size_t)index), "id"));
    ck_assert_str_eq(rule, id);
}
END_TEST

/* Of more than can be shown all are counted. */
START_TEST(many_issues)
{
    CLEANUP(lint_config_freep) struct lint_config *config = only("ban-drop-table", NULL);
    CLEANUP(str_clear) struct str sql = STR_INIT;

    for (int i = 0; i < 1500; i++)
        str_addf(&sql, "DROP TABLE t%d;\n", i);
    json_auto_t *result = lint_sql(config, str_text(&sql));
    ck_assert_int_eq(json_integer_value(json_object_get(result, "errors")), 1500);
    ck_assert_uint_eq(json_array_size(json_object_get(result, "issues")), 1000);
    ck_assert(json_is_true(json_object_get(result, "truncated")));
    const json_t *last = json_array_get(json_object_get(result, "issues"), 999);
    ck_assert_int_eq(json_integer_value(json_object_get(last, "line")), 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lint");
    TCase *rules = tcase_create("rules"), *rest = tcase_create("rest");

    tcase_add_loop_test(rules, each_rule, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(rules, every_rule_has_both);
    tcase_add_loop_test(rules, wider_types, 0, (int)ARRAY_LEN(types));
    tcase_add_loop_test(rest, comments, 0, (int)ARRAY_LEN(ignored));
    tcase_add_loop_test(rest, configurations, 0, (int)ARRAY_LEN(configs));
    tcase_add_test(rest, a_configuration_on_another);
    tcase_add_test(rest, several_files);
    tcase_add_test(rest, files_of_before);
    tcase_add_test(rest, by_rows);
    tcase_add_test(rest, down_sections_are_not_looked_at);
    tcase_add_test(rest, as_text);
    tcase_add_test(rest, as_github);
    tcase_add_test(rest, as_sarif);
    tcase_add_test(rest, many_issues);
    suite_add_tcase(suite, rules);
    suite_add_tcase(suite, rest);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
