/* SPDX-License-Identifier: MIT */
#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/str.h"
#include "core/migrate/source.h"

struct item {
    const char *path, *content;
};

#define JOURNAL(entries) "{\"version\":\"7\",\"dialect\":\"postgresql\",\"entries\":[" entries "]}"
#define ENTRY(tag, when) "{\"idx\":0,\"version\":\"7\",\"when\":" when ",\"tag\":\"" tag "\"}"

/* One way to put files together and what comes of it. */
static const struct {
    struct item items[5];
    err_code rc;
    const char *field; /* of the error */
    const char *first; /* version of the first migration */
    int64_t when_ms;   /* of the first migration */
    size_t count;
} cases[] = {
    {{{"0002_b.sql", "SELECT 2"}, {"0001_a.sql", "SELECT 1"}}, ERR_NONE, NULL, "0001_a", 0, 2},
    {{{"0001_a.sql", ""}, {"README.md", "x"}, {"meta/0001_snapshot.json", "{"}}, ERR_NONE, NULL,
     "0001_a", 0, 1},
    {{{"10_b.sql", ""}, {"9_a.sql", ""}, {".hidden.sql", ""}}, ERR_INVALID_MIGRATION_NAME,
     ".hidden.sql", NULL, 0, 0},
    {{{"0000_a.sql", ""}, {"meta/_journal.json", JOURNAL(ENTRY("0000_a", "1700000000123"))}},
     ERR_NONE, NULL, "0000_a", 1700000000123, 1},
    {{{"0000_a.sql", ""}, {"meta/_journal.json", JOURNAL("")}}, ERR_JOURNAL_MISMATCH, "0000_a.sql",
     NULL, 0, 0},
    {{{"0000_a.sql", ""},
      {"meta/_journal.json", JOURNAL(ENTRY("0000_a", "1") "," ENTRY("0001_b", "2"))}},
     ERR_JOURNAL_MISMATCH, "0001_b", NULL, 0, 0},
    {{{"0000_a.sql", ""},
      {"meta/_journal.json", JOURNAL(ENTRY("0000_a", "1") "," ENTRY("0000_a", "2"))}},
     ERR_JOURNAL_MISMATCH, "0000_a", NULL, 0, 0},
    {{{"0000_a.sql", ""}, {"meta/_journal.json", JOURNAL(ENTRY("0000_a", "\"1\""))}},
     ERR_JOURNAL_MISMATCH, "meta/_journal.json", NULL, 0, 0},
    {{{"0000_a.sql", ""}, {"meta/_journal.json", "{\"entries\":"}}, ERR_BUNDLE_INVALID,
     "meta/_journal.json", NULL, 0, 0},
    {{{"0000_a.sql", ""}, {"meta/_journal.json", "[]"}}, ERR_BUNDLE_INVALID, "meta/_journal.json",
     NULL, 0, 0},
    {{{"20240102030405_a/migration.sql", ""}, {"20240102030405_a/snapshot.json", "{}"}}, ERR_NONE,
     NULL, "20240102030405_a", 1704164645000, 1},
    {{{"20241302030405_a/migration.sql", ""}}, ERR_NONE, NULL, "20241302030405_a", 0, 1},
    {{{"20240102030405_a/migration.sql", ""}, {"0001_a.sql", ""}}, ERR_BUNDLE_INVALID,
     "20240102030405_a/migration.sql", NULL, 0, 0},
    {{{"20240102030405_a/migration.sql", ""}, {"meta/_journal.json", JOURNAL("")}},
     ERR_BUNDLE_INVALID, "20240102030405_a/migration.sql", NULL, 0, 0},
    {{{"0001_a.sql", ""}, {"seeds/0001_x.sql", ""}}, ERR_BUNDLE_INVALID, "seeds/0001_x.sql", NULL, 0,
     0},
    {{{"a/b/migration.sql", ""}}, ERR_BUNDLE_INVALID, "a/b/migration.sql", NULL, 0, 0},
    {{{"add_a.sql", ""}}, ERR_INVALID_MIGRATION_NAME, "add_a.sql", NULL, 0, 0},
    {{{"0001_a.sql", "SELECT 1;\nSELEC"}}, ERR_SQL_SYNTAX_ERROR, "0001_a.sql", NULL, 0, 0},
    {{{"0001_a.sql", "COMMIT"}}, ERR_STATEMENT_NOT_ALLOWED, "0001_a.sql", NULL, 0, 0},
    {{{"notes.txt", "x"}}, ERR_BUNDLE_INVALID, "", NULL, 0, 0},
    {{{"0001_a.down.sql", "SELECT 1"}, {"0001_a.up.sql", ""}, {"0002_b.sql", ""}}, ERR_NONE, NULL,
     "0001_a", 0, 2},
    {{{"0001_a.sql", ""}, {"0001_a.down.sql", "SELECT 1"}}, ERR_NONE, NULL, "0001_a", 0, 1},
    {{{"0000_a.sql", ""},
      {"0000_a.down.sql", "SELECT 1"},
      {"meta/_journal.json", JOURNAL(ENTRY("0000_a", "1700000000123"))}},
     ERR_NONE, NULL, "0000_a", 1700000000123, 1},
    {{{"20240102030405_a/migration.sql", ""}, {"20240102030405_a/down.sql", "SELECT 1"}}, ERR_NONE,
     NULL, "20240102030405_a", 1704164645000, 1},
    {{{"0001_a.sql", ""}, {"0002_b.down.sql", "SELECT 1"}}, ERR_DOWN_MISMATCH, "0002_b.down.sql",
     NULL, 0, 0},
    {{{"0001_a.down.sql", "SELECT 1"}}, ERR_DOWN_MISMATCH, "0001_a.down.sql", NULL, 0, 0},
    {{{"0001_a/down.sql", "SELECT 1"}, {"0001_a/migration.sql", ""}, {"0002_b/down.sql", ""}},
     ERR_DOWN_MISMATCH, "0002_b/down.sql", NULL, 0, 0},
    {{{"0001_a.sql", "SELECT 1;\n-- migrate:down\nSELECT 2;"}, {"0001_a.down.sql", "SELECT 1"}},
     ERR_DOWN_MISMATCH, "0001_a.down.sql", NULL, 0, 0},
    {{{"0001_a.sql", ""}, {"0001_a.up.sql", "SELECT 1"}}, ERR_BUNDLE_INVALID, "0001_a", NULL, 0, 0},
    {{{"0001_a.sql", ""}, {"0001_a.down.sql", "COMMIT"}}, ERR_STATEMENT_NOT_ALLOWED,
     "0001_a.down.sql", NULL, 0, 0},
    {{{"0001_a.sql", ""}, {"0001_a/down.sql", "SELECT 1"}}, ERR_BUNDLE_INVALID, "0001_a/down.sql",
     NULL, 0, 0},
    {{{"0001_a.sql", ""}, {"0002_b.down.sql", "SELECT 1"}, {"0002_b.down.sql.bak", ""}},
     ERR_DOWN_MISMATCH, "0002_b.down.sql", NULL, 0, 0},
    {{{"V2__b.sql", "SELECT 2"}, {"V10__c.sql", "SELECT 3"}, {"V1__a.sql", "SELECT 1"}},
     ERR_NONE, NULL, "1__a", 0, 3},
    {{{"V1.1__a.sql", "SELECT 1"}}, ERR_INVALID_MIGRATION_NAME, "V1.1__a.sql", NULL, 0, 0},
    {{{"V1_a.sql", "SELECT 1"}}, ERR_INVALID_MIGRATION_NAME, "V1_a.sql", NULL, 0, 0},
    {{{"V1__a.sql", "SELECT 1"}, {"U1__a.sql", "SELECT 2"}}, ERR_NONE, NULL, "1__a", 0, 1},
    {{{"V1__a.sql", "SELECT 1"}, {"U2__a.sql", "SELECT 2"}},
     ERR_DOWN_MISMATCH, "U2__a.sql", NULL, 0, 0},
    {{{"R__views.sql", "SELECT 1"}}, ERR_INVALID_MIGRATION_NAME, "R__views.sql", NULL, 0, 0},
    {{{"Visits.sql", "SELECT 1"}}, ERR_INVALID_MIGRATION_NAME, "Visits.sql", NULL, 0, 0},
    {{{"V1__a.sql", "SELECT 1"}, {"1__a.sql", "SELECT 2"}}, ERR_BUNDLE_INVALID, "1__a", NULL, 0, 0},
};

static json_t *to_json(const struct item *items)
{
    json_t *files = json_array();
    for (; items->path; items++)
        (void)json_array_append_new(
            files, json_pack("{s:s, s:s}", "path", items->path, "content", items->content));
    return json_pack("{s:o}", "files", files);
}

START_TEST(files_become_migrations)
{
    CLEANUP(source_clear) struct source source = {.files = NULL};
    json_auto_t *body = to_json(cases[_i].items);
    struct migration *made = NULL;
    size_t count = 0;
    struct err err = {.code = ERR_NONE};

    ck_assert_int_eq(source_read_json(body, &source, &err), ERR_NONE);
    err_code rc = source_migrations(&source, &made, &count, &err);
    ck_assert_msg(rc == cases[_i].rc, "%d: %s", rc, err.msg);
    ck_assert_uint_eq(count, cases[_i].count);
    if (rc) {
        ck_assert_str_eq(err.field, cases[_i].field);
        return;
    }
    ck_assert_str_eq(made[0].version, cases[_i].first);
    ck_assert(made[0].when_ms == cases[_i].when_ms);
    for (size_t i = 0; i < count; i++)
        migration_clear(&made[i]);
    free(made);
}
END_TEST

static const struct {
    const char *json, *field;
} bad_json[] = {
    {"{}", "/files"},
    {"[]", "/files"},
    {"{\"files\":{}}", "/files"},
    {"{\"files\":[],\"more\":1}", "/files"},
    {"{\"files\":[1]}", "/files/0"},
    {"{\"files\":[{\"path\":\"a\"}]}", "/files/0"},
    {"{\"files\":[{\"path\":1,\"content\":\"\"}]}", "/files/0"},
    {"{\"files\":[{\"path\":\"a\",\"content\":\"\",\"mode\":1}]}", "/files/0"},
    {"{\"files\":[{\"path\":\"a\",\"content\":\"\"},{\"path\":\"a\",\"content\":\"\"}]}", "a"},
    {"{\"files\":[{\"path\":\"\",\"content\":\"\"}]}", "/files/0/path"},
    {"{\"files\":[{\"path\":\"/a.sql\",\"content\":\"\"}]}", "/files/0/path"},
    {"{\"files\":[{\"path\":\"../a.sql\",\"content\":\"\"}]}", "/files/0/path"},
    {"{\"files\":[{\"path\":\"a/../b.sql\",\"content\":\"\"}]}", "/files/0/path"},
    {"{\"files\":[{\"path\":\"a/./b.sql\",\"content\":\"\"}]}", "/files/0/path"},
    {"{\"files\":[{\"path\":\"a//b.sql\",\"content\":\"\"}]}", "/files/0/path"},
    {"{\"files\":[{\"path\":\"a/\",\"content\":\"\"}]}", "/files/0/path"},
    {"{\"files\":[{\"path\":\"..\",\"content\":\"\"}]}", "/files/0/path"},
    {"{\"files\":[{\"path\":\"a\\\\b.sql\",\"content\":\"\"}]}", "/files/0/path"},
    {"{\"files\":[{\"path\":\"a\\nb.sql\",\"content\":\"\"}]}", "/files/0/path"},
};

START_TEST(json_of_another_shape_is_refused)
{
    struct source source;
    struct err err;
    json_auto_t *body = json_loads(bad_json[_i].json, 0, NULL);
    ck_assert_ptr_nonnull(body);
    ck_assert_int_eq(source_read_json(body, &source, &err), ERR_BUNDLE_INVALID);
    ck_assert_str_eq(err.field, bad_json[_i].field);
}
END_TEST

/* A tar archive in memory; type 0 is a regular file, else what archive_entry_set_filetype() takes. */
struct packed {
    char bytes[400000];
    size_t n;
};

static void pack(struct packed *out, const struct item *items, bool gzip, unsigned type)
{
    struct archive *a = archive_write_new();
    ck_assert_int_eq(archive_write_set_format_pax_restricted(a), ARCHIVE_OK);
    if (gzip)
        ck_assert_int_eq(archive_write_add_filter_gzip(a), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_open_memory(a, out->bytes, sizeof out->bytes, &out->n),
                     ARCHIVE_OK);
    for (; items->path; items++) {
        struct archive_entry *e = archive_entry_new();
        size_t n = strlen(items->content);
        archive_entry_set_pathname(e, items->path);
        archive_entry_set_filetype(e, type ? type : (unsigned)AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, type ? 0 : (la_int64_t)n);
        if (type)
            archive_entry_set_symlink(e, items->content);
        ck_assert_int_eq(archive_write_header(a, e), ARCHIVE_OK);
        if (!type)
            ck_assert_int_eq(archive_write_data(a, items->content, n), (la_ssize_t)n);
        archive_entry_free(e);
    }
    ck_assert_int_eq(archive_write_close(a), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_free(a), ARCHIVE_OK);
}

static struct packed packed;

static const struct {
    struct item items[4];
    const char *paths[4]; /* as they come out, in order */
} trees[] = {
    {{{"0001_a.sql", "SELECT 1"}, {"meta/_journal.json", "{}"}, {"._0001_a.sql", "x"}},
     {"0001_a.sql", "meta/_journal.json"}},
    {{{"drizzle/0001_a.sql", "SELECT 1"}, {"drizzle/meta/_journal.json", "{}"}, {"README", ""}},
     {"0001_a.sql", "meta/_journal.json"}},
    {{{"./top/1_a/migration.sql", ""}, {"./top/2_b/migration.sql", ""}},
     {"1_a/migration.sql", "2_b/migration.sql"}},
    {{{"1_a/migration.sql", ""}}, {"1_a/migration.sql"}},
    {{{"1_a/migration.sql", ""}, {"2_b/migration.sql", ""}},
     {"1_a/migration.sql", "2_b/migration.sql"}},
};

START_TEST(an_archive_gives_its_files)
{
    for (int gzip = 0; gzip < 2; gzip++) {
        CLEANUP(source_clear) struct source source = {.files = NULL};
        struct err err = {.code = ERR_NONE};
        size_t n = 0;

        pack(&packed, trees[_i].items, gzip, 0);
        err_code rc = source_read_tar(packed.bytes, packed.n, 10000, &source, &err);
        ck_assert_msg(rc == ERR_NONE, "%s", err.msg);
        for (; n < 4 && trees[_i].paths[n]; n++)
            ck_assert_str_eq(source.files[n].path, trees[_i].paths[n]);
        ck_assert_uint_eq(source.count, n);
    }
}
END_TEST

START_TEST(a_hostile_archive_is_refused)
{
    static const struct item bad[][3] = {{{"../0001_a.sql", ""}},
                                         {{"/etc/0001_a.sql", ""}},
                                         {{"a/../../0001_a.sql", ""}},
                                         {{"0001_a.sql", ""}, {"0001_a.sql", ""}}};
    static const struct item big[] = {{"0001_a.sql", "0123456789"}, {NULL, NULL}};
    static const struct item skipped[] = {{"x.bin", "0123456789"}, {NULL, NULL}};
    static const struct item link[] = {{"0001_a.sql", "/etc/passwd"}, {NULL, NULL}};
    struct source source = {.files = NULL};
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        pack(&packed, bad[i], false, 0);
        ck_assert_int_eq(source_read_tar(packed.bytes, packed.n, 1000, &source, &err),
                         ERR_BUNDLE_INVALID);
    }
    pack(&packed, big, true, 0);
    ck_assert_int_eq(source_read_tar(packed.bytes, packed.n, 9, &source, &err), ERR_BUNDLE_INVALID);
    pack(&packed, skipped, true, 0);
    ck_assert_int_eq(source_read_tar(packed.bytes, packed.n, 9, &source, &err), ERR_BUNDLE_INVALID);
    pack(&packed, link, false, (unsigned)AE_IFLNK);
    ck_assert_int_eq(source_read_tar(packed.bytes, packed.n, 1000, &source, &err),
                     ERR_BUNDLE_INVALID);
    pack(&packed, big, true, 0);
    for (size_t n = 1; n < packed.n - 8; n += 3) /* cut short anywhere in the compressed data */
        if (!source_read_tar(packed.bytes, n, 1000, &source, &err))
            source_clear(&source);
    ck_assert_int_eq(source_read_tar("no archive at all", 17, 1000, &source, &err),
                     ERR_BUNDLE_INVALID);
    ck_assert_uint_eq(source.count, 0);
}
END_TEST

static char folder[] = "/tmp/tenantd-source-XXXXXX";

static void put(const char *path, const char *content)
{
    char full[200];
    (void)snprintf(full, sizeof full, "%s/%s", folder, path);
    FILE *file = fopen(full, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(content, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void at(char out[200], const char *path)
{
    (void)snprintf(out, 200, "%s/%s", folder, path);
}

START_TEST(a_folder_is_read_one_level_deep)
{
    CLEANUP(source_clear) struct source source = {.files = NULL};
    struct err err = {.code = ERR_NONE};
    char a[200], b[200];

    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(source_read_folder(folder, &source, &err), ERR_NONE);
    ck_assert_uint_eq(source.count, 0);
    at(a, "meta");
    ck_assert_int_eq(mkdir(a, 0700), 0);
    at(a, "meta/deep");
    ck_assert_int_eq(mkdir(a, 0700), 0);
    put("0001_a.sql", "SELECT 1");
    put("meta/_journal.json", "{}");
    put("meta/deep/0009_x.sql", "");
    put(".0002_hidden.sql", "");
    put("notes.txt", "");
    at(a, "0001_a.sql");
    at(b, "0003_link.sql");
    ck_assert_int_eq(symlink(a, b), 0);
    at(a, "meta");
    at(b, "linked");
    ck_assert_int_eq(symlink(a, b), 0); /* not followed: not a regular file, and not .sql */
    ck_assert_msg(source_read_folder(folder, &source, &err) == ERR_NONE, "%s", err.msg);
    ck_assert_uint_eq(source.count, 3);
    ck_assert_str_eq(source.files[0].path, "0001_a.sql");
    ck_assert_str_eq(source.files[1].path, "0003_link.sql");
    ck_assert_str_eq(source.files[1].content, "SELECT 1");
    ck_assert_str_eq(source.files[2].path, "meta/_journal.json");

    struct source bad;
    at(b, "0004_dir.sql");
    ck_assert_int_eq(symlink(a, b), 0);
    ck_assert_int_eq(source_read_folder(folder, &bad, &err), ERR_BUNDLE_INVALID);
    ck_assert_str_eq(err.field, "0004_dir.sql");
    ck_assert_int_eq(unlink(b), 0);
    ck_assert_int_eq(mkfifo(b, 0600), 0);
    ck_assert_int_eq(source_read_folder(folder, &bad, &err), ERR_BUNDLE_INVALID);
    at(a, "0001_a.sql");
    ck_assert_int_eq(source_read_folder(a, &bad, &err), ERR_BUNDLE_INVALID);
    ck_assert_int_eq(source_read_folder("/nonexistent", &bad, &err), ERR_BUNDLE_INVALID);
}
END_TEST

static void remove_folder(void)
{
    static const char *const inside[] = {"0004_dir.sql", "linked",           "0003_link.sql",
                                         "notes.txt",    ".0002_hidden.sql", "meta/deep/0009_x.sql",
                                         "meta/deep",    "meta/_journal.json", "meta",
                                         "0001_a.sql",   ""};
    char path[200];
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        at(path, inside[i]);
        (void)remove(path);
    }
}

int main(void)
{
    Suite *suite = suite_create("source");
    TCase *tcase = tcase_create("readers");
    tcase_add_checked_fixture(tcase, NULL, remove_folder);
    tcase_add_loop_test(tcase, files_become_migrations, 0, (int)ARRAY_LEN(cases));
    tcase_add_loop_test(tcase, json_of_another_shape_is_refused, 0, (int)ARRAY_LEN(bad_json));
    tcase_add_loop_test(tcase, an_archive_gives_its_files, 0, (int)ARRAY_LEN(trees));
    tcase_add_test(tcase, a_hostile_archive_is_refused);
    tcase_add_test(tcase, a_folder_is_read_one_level_deep);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
