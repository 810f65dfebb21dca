/* SPDX-License-Identifier: MIT */
/*
 * First drafts. With TENANTD_EXPORT_DIR set they are written there, with ! for / in their paths,
 * for tests/contract/export/check.mjs, which compiles them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/sqlcheck.h"
#include "core/schema/scaffold.h"

static void keep(const struct scaffold *draft, int number)
{
    const char *dir = getenv("TENANTD_EXPORT_DIR");
    CLEANUP(str_clear) struct str path = STR_INIT;

    if (!dir)
        return;
    str_addf(&path, "%s/draft%d!", dir, number);
    for (const char *p = draft->path; *p; p++)
        str_add_char(&path, *p == '/' ? '!' : *p);
    FILE *file = fopen(str_text(&path), "w");
    ck_assert_msg(file != NULL, "%s", str_text(&path));
    ck_assert_int_ge(fputs(draft->content, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void must_be_sql(const char *text)
{
    struct statement *statements = NULL;
    size_t count = 0;
    struct err err;

    ck_assert_msg(sql_check(text, strlen(text), &statements, &count, &err) == ERR_NONE, "%s\n%s",
                  err.msg, text);
    ck_assert_uint_gt(count, 0);
    free(statements);
}

/* Every combination of the seven switches. */
START_TEST(a_table_with_any_options)
{
    struct scaffold_schema o = {
        .name = "order items",
        .shared = _i & 1,
        .sql = _i & 2,
        .timestamps = _i & 4,
        .soft_delete = _i & 8,
        .uuid = _i & 16,
        .zod = _i & 32,
        .example = _i & 64,
    };
    CLEANUP(scaffold_clear) struct scaffold draft = {.path = NULL};
    struct err err;

    ck_assert_msg(scaffold_schema(&o, &draft, &err) == ERR_NONE, "%s", err.msg);
    ck_assert_str_eq(draft.table, "order_items");
    const char *words[][2] = {
        {"created_at", o.timestamps ? "y" : NULL},  {"updated_at", o.timestamps ? "y" : NULL},
        {"deleted_at", o.soft_delete ? "y" : NULL}, {"uuid", o.uuid ? "y" : NULL},
        {"is_active", o.example ? "y" : NULL},      {"drizzle-zod", o.zod && !o.sql ? "y" : NULL}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        ck_assert_msg(!words[i][1] == !strstr(draft.content, words[i][0]), "%s in\n%s", words[i][0],
                      draft.content);
    if (o.sql)
        must_be_sql(draft.content);
    else
        keep(&draft, _i);
}
END_TEST

START_TEST(a_seed_with_any_options)
{
    struct scaffold_seed o = {
        .name = "Initial Data",
        .shared = _i & 1,
        .sql = _i & 2,
        .table = _i & 4 ? "order items" : NULL,
    };
    const struct scaffold_schema table = {
        .name = "order items", .shared = o.shared, .example = true};
    CLEANUP(scaffold_clear) struct scaffold draft = {.path = NULL};
    CLEANUP(scaffold_clear) struct scaffold schema = {.path = NULL};

    ck_assert_int_eq(scaffold_seed(&o, &draft, NULL), ERR_NONE);
    ck_assert_int_eq(scaffold_schema(&table, &schema, NULL), ERR_NONE);
    if (o.sql)
        must_be_sql(draft.content);
    else
        keep(&draft, 200 + _i);
    keep(&schema, 200 + _i); /* what the seed imports */
}
END_TEST

static const struct {
    const char *name;
    scaffold_template template;
    const char *table, *has;
} guesses[] = {
    {"create-orders", SCAFFOLD_CREATE_TABLE, "orders", "CREATE TABLE \"orders\""},
    {"create_user_profiles_table", SCAFFOLD_CREATE_TABLE, "user_profiles", "\"user_profiles\""},
    {"CreateOrderItems", SCAFFOLD_CREATE_TABLE, "order_items", "\"order_items\""},
    {"add-index-to-users", SCAFFOLD_ADD_INDEX, "users", "CONCURRENTLY"},
    {"create-index-on-users", SCAFFOLD_ADD_INDEX, "users", "ON \"users\""},
    {"add_status_to_orders", SCAFFOLD_ADD_COLUMN, "orders", "ADD COLUMN \"status\" text"},
    {"add_status_column_to_orders", SCAFFOLD_ADD_COLUMN, "orders", "ADD COLUMN \"status\""},
    {"add_owner_id_to_orders", SCAFFOLD_ADD_COLUMN, "orders", "ADD COLUMN \"owner_id\" uuid"},
    {"add-fk-to-orders", SCAFFOLD_ADD_FOREIGN_KEY, "orders", "\"orders_user_id_fkey\""},
    {"orders_user_reference", SCAFFOLD_ADD_FOREIGN_KEY, "orders_user_reference", "VALIDATE"},
    {"tidy up", SCAFFOLD_BLANK, "", "migrate:down"},
    {"indexed", SCAFFOLD_BLANK, "", "SELECT 1"},
    {"total", SCAFFOLD_BLANK, "", "SELECT 1"},
};

START_TEST(a_migration_says_what_it_is_about)
{
    struct scaffold_migration o = {
        .name = guesses[_i].name,
        .version = "0007",
        .template = scaffold_guess_template(guesses[_i].name),
    };
    CLEANUP(scaffold_clear) struct scaffold draft = {.path = NULL};

    ck_assert_int_eq(o.template, guesses[_i].template);
    ck_assert_int_eq(scaffold_migration(&o, &draft, NULL), ERR_NONE);
    ck_assert_str_eq(draft.table, guesses[_i].table);
    ck_assert_msg(strstr(draft.content, guesses[_i].has) != NULL, "%s", draft.content);
    ck_assert(str_starts(draft.path, "drizzle/tenant-migrations/0007_"));
    must_be_sql(draft.content);
}
END_TEST

static const char *const bad[] = {"",
                                  "1a",
                                  "_a",
                                  "a\"b",
                                  "a;b",
                                  "a/b",
                                  "../a",
                                  "a.b",
                                  "a\nb",
                                  "é",
                                  "a23456789012345678901234567890123456789012345x"};

START_TEST(what_cannot_be_a_name_is_refused)
{
    struct scaffold_schema table = {.name = bad[_i]};
    struct scaffold_seed seed = {.name = "a", .table = bad[_i]};
    struct scaffold_migration key = {
        .name = "a", .version = "1", .template = SCAFFOLD_ADD_FOREIGN_KEY, .references = bad[_i]};
    struct scaffold draft;
    struct err err;

    ck_assert_int_eq(scaffold_schema(&table, &draft, &err), ERR_VALIDATION_FAILED);
    ck_assert_str_eq(err.field, "name");
    ck_assert_int_eq(scaffold_seed(&seed, &draft, &err), ERR_VALIDATION_FAILED);
    ck_assert_str_eq(err.field, "table");
    ck_assert_int_eq(scaffold_migration(&key, &draft, &err), ERR_VALIDATION_FAILED);
    ck_assert_str_eq(err.field, "references");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("scaffold");
    TCase *t = tcase_create("scaffold");
    tcase_add_loop_test(t, a_table_with_any_options, 0, 128);
    tcase_add_loop_test(t, a_seed_with_any_options, 0, 8);
    tcase_add_loop_test(t, a_migration_says_what_it_is_about, 0, ARRAY_LEN(guesses));
    tcase_add_loop_test(t, what_cannot_be_a_name_is_refused, 0, ARRAY_LEN(bad));
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
