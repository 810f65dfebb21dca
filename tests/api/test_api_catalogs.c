/* SPDX-License-Identifier: MIT */
/* Registered migrations: put, read, listed, taken back; bundles of all kinds; what is refused. */
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant"
#define S "/v1/catalogs/shared"
#define SQL .type = "application/sql"

static const struct step one_by_one[] = {
    STEP("catalogs", GET, "/v1/catalogs", NULL, 200, NULL,
         .json = {"/catalogs# == 2", "/catalogs/0/name == 'tenant'", "/catalogs/1/name == 'shared'",
                  "/catalogs/0/migrations == 0", "/catalogs/0/head == null"}),
    STEP("catalog", GET, T, NULL, 200, NULL, .keep = "revision=/revision",
         .json = {"/name == 'tenant'"}),
    STEP("no such catalog", GET, "/v1/catalogs/none", NULL, 404, "CATALOG_NOT_FOUND"),
    STEP("put", PUT, T "/migrations/0001_a", "CREATE TABLE a (id int); CREATE TABLE b (id int);",
         201, NULL, SQL, .headers = "Repr-Digest: sha-512=:eA==:\r\n", .keep = "sha=/sha256",
         .json = {"/version == '0001_a'", "/number == 1", "/statements == 2", "/size_bytes == 49",
                  "/when_ms == null", "/no_transaction == false", "/catalog == 'tenant'", "/registered_at != null"}),
    STEP("put again", PUT, T "/migrations/0001_a",
         "CREATE TABLE a (id int); CREATE TABLE b (id int);", 200, NULL, SQL,
         .json = {"/sha256 == '{sha}'"}),
    STEP("put another", PUT, T "/migrations/0001_a", "CREATE TABLE a (id bigint);", 409,
         "MIGRATION_IMMUTABLE", SQL),
    STEP("get", GET, T "/migrations/0001_a", NULL, 200, NULL,
         .json = {"/sql == 'CREATE TABLE a (id int); CREATE TABLE b (id int);'", "@ETag ~ '{sha}'"}),
    STEP("get, unchanged", GET, T "/migrations/0001_a", NULL, 304, NULL,
         .headers = "If-None-Match: \"{sha}\"\r\n"),
    STEP("get as SQL", GET, T "/migrations/0001_a", NULL, 200, NULL,
         .headers = "Accept: application/sql\r\n",
         .json = {"body == 'CREATE TABLE a (id int); CREATE TABLE b (id int);'",
                  "@Content-Type == 'application/sql'"}),
    STEP("get as SQL, unchanged", GET, T "/migrations/0001_a", NULL, 304, NULL,
         .headers = "Accept: application/sql\r\nIf-None-Match: \"{sha}\"\r\n"),
    STEP("get none", GET, T "/migrations/0009_x", NULL, 404, "MIGRATION_NOT_FOUND"),
    STEP("get of no catalog", GET, "/v1/catalogs/none/migrations/0001_a", NULL, 404,
         "CATALOG_NOT_FOUND"),
    STEP("list of no catalog", GET, "/v1/catalogs/none/migrations", NULL, 404,
         "CATALOG_NOT_FOUND"),
    STEP("put into no catalog", PUT, "/v1/catalogs/none/migrations/0001_a", "SELECT 1;", 404,
         "CATALOG_NOT_FOUND", SQL),
    STEP("the right digest", PUT, T "/migrations/0002_b", "SELECT 1;", 201, NULL, SQL,
         .headers =
             "Repr-Digest: sha-256=:F9tP02ntuSRLn5HZru0UXD0ErYum6V0GJH8HpjUn0Ro=:\r\n"),
    STEP("the wrong digest", PUT, T "/migrations/0003_c", "SELECT 2;", 422, "DIGEST_MISMATCH", SQL,
         .headers =
             "Repr-Digest: sha-256=:F9tP02ntuSRLn5HZru0UXD0ErYum6V0GJH8HpjUn0Ro=:\r\n"),
    STEP("between, as nobody has any", PUT, T "/migrations/0001_between", "SELECT 3;", 201, NULL,
         SQL),
    STEP("delete", DELETE, T "/migrations/0001_between", NULL, 204, NULL, .json = {"body == ''"}),
    STEP("delete again", DELETE, T "/migrations/0001_between", NULL, 404, "MIGRATION_NOT_FOUND"),
    STEP("delete of no catalog", DELETE, "/v1/catalogs/none/migrations/0001_a", NULL, 404,
         "CATALOG_NOT_FOUND"),
    STEP("the catalog has grown", GET, T, NULL, 200, NULL,
         .json = {"/migrations == 2", "/head == '0002_b'", "/revision != {revision}"}),
};

static const struct step refused[] = {
    STEP("a syntax error, by place", PUT, T "/migrations/0005_x",
         "CREATE TABLE ok (id int);\nCREATE TABEL x (id int);", 422, "SQL_SYNTAX_ERROR", SQL,
         .json = {"/metadata/line == 2", "/metadata/column == 8", "/detail ~ 'TABEL'"}),
    STEP("a transaction of its own", PUT, T "/migrations/0005_x", "SELECT 1;\nCOMMIT;", 422,
         "STATEMENT_NOT_ALLOWED", SQL, .json = {"/metadata/line == 2"}),
    STEP("the word that would allow it", PUT, T "/migrations/0005_x",
         "SELECT 1;\n  CREATE EXTENSION citext;", 422, "STATEMENT_NOT_ALLOWED", SQL,
         .json = {"/metadata/line == 2", "/metadata/column == 3", "/detail ~ 'extension'",
                  "/detail ~ 'migrations.allow'"}),
    STEP("another tenant's schema", PUT, T "/migrations/0005_x",
         "INSERT INTO a SELECT *\nFROM tenant_b.a;", 422, "STATEMENT_NOT_ALLOWED", SQL,
         .json = {"/metadata/line == 2", "/metadata/column == 6", "/detail ~ 'foreign_schema'"}),
    STEP("an index without a name", PUT, T "/migrations/0005_x",
         "CREATE INDEX CONCURRENTLY ON a (id);", 422, "STATEMENT_NOT_ALLOWED", SQL,
         .json = {"/detail ~ 'name'"}),
    STEP("a savepoint outside of transactions", PUT, T "/migrations/0005_x",
         "-- tenantd: no-transaction\nSAVEPOINT s;", 422, "STATEMENT_NOT_ALLOWED", SQL,
         .json = {"/metadata/line == 2"}),
    STEP("no number", PUT, T "/migrations/init", "SELECT 1;", 422, "INVALID_MIGRATION_NAME", SQL),
    STEP("a quote in its name", PUT, T "/migrations/0005_%27x", "SELECT 1;", 422,
         "INVALID_MIGRATION_NAME", SQL),
    STEP("a slash in its name", PUT, T "/migrations/0005%2Fx", "SELECT 1;", 422,
         "INVALID_MIGRATION_NAME", SQL),
    STEP("NUL in its name", PUT, T "/migrations/0005%00x", "SELECT 1;", 400, "BAD_REQUEST", SQL),
    STEP("as JSON", PUT, T "/migrations/0005_x", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    STEP("an unknown parameter", PUT, T "/migrations/0005_x?force=true", "SELECT 1;", 400,
         "UNKNOWN_PARAMETER", SQL),
    STEP("a parameter that is no boolean", PUT, T "/migrations/0005_x?allow_out_of_order=1",
         "SELECT 1;", 400, "INVALID_PARAMETER", SQL),
    STEP("none of it is there", GET, T, NULL, 200, NULL, .json = {"/head == '0002_b'"}),
};

static const struct step pages[] = {
    STEP("more", POST, S "/bundles",
         "{'files':[{'path':'0000_a.sql','content':'SELECT 1;'},"
         "{'path':'0001_b.sql','content':'SELECT 2;'},{'path':'0002_c.sql','content':'SELECT 3;'}]}",
         201, NULL, .json = {"/catalog == 'shared'", "/added == ['0000_a','0001_b','0002_c']",
                             "/unchanged == 0", "/revision == 2"}),
    STEP("page 1", GET, S "/migrations?page_size=1", NULL, 200, NULL, .keep = "t=/next_page_token",
         .json = {"/migrations# == 1", "/migrations/0/version == '0000_a'",
                  "/migrations/0/sql == absent"}),
    STEP("page 2", GET, S "/migrations?page_size=1&page_token={t}", NULL, 200, NULL,
         .keep = "t=/next_page_token", .json = {"/migrations/0/version == '0001_b'"}),
    STEP("page 3", GET, S "/migrations?page_size=1&page_token={t}", NULL, 200, NULL,
         .json = {"/migrations/0/version == '0002_c'", "/next_page_token == absent"}),
    STEP("of the other catalog", GET, T "/migrations?page_token={t}", NULL, 400,
         "PAGE_TOKEN_INVALID"),
    STEP("the same again", POST, S "/bundles",
         "{'files':[{'path':'0000_a.sql','content':'SELECT 1;'}]}", 200, NULL,
         .json = {"/added == []", "/unchanged == 1"}),
    STEP("one changed, one new: nothing is taken", POST, S "/bundles",
         "{'files':[{'path':'0000_a.sql','content':'SELECT 9;'},"
         "{'path':'0003_d.sql','content':'SELECT 4;'}]}",
         409, "MIGRATION_IMMUTABLE"),
    STEP("nothing was taken", GET, S, NULL, 200, NULL, .json = {"/head == '0002_c'"}),
};

static const struct step bad_bundles[] = {
    STEP("no files", POST, S "/bundles", "{'files':[]}", 422, "BUNDLE_INVALID"),
    STEP("no object", POST, S "/bundles", "[]", 422, "BUNDLE_INVALID"),
    STEP("unknown members", POST, S "/bundles",
         "{'files':[{'path':'0004_a.sql','content':'SELECT 1;','mode':7}]}", 422, "BUNDLE_INVALID"),
    STEP("a way out", POST, S "/bundles",
         "{'files':[{'path':'../0004_a.sql','content':'SELECT 1;'}]}", 422, "BUNDLE_INVALID"),
    STEP("an absolute path", POST, S "/bundles",
         "{'files':[{'path':'/etc/0004_a.sql','content':'SELECT 1;'}]}", 422, "BUNDLE_INVALID"),
    STEP("twice", POST, S "/bundles",
         "{'files':[{'path':'0004_a.sql','content':'SELECT 1;'},"
         "{'path':'0004_a.sql','content':'SELECT 1;'}]}",
         422, "BUNDLE_INVALID"),
    STEP("bad SQL, by file", POST, S "/bundles",
         "{'files':[{'path':'0004_a.sql','content':'SELEC 1;'}]}", 422, "SQL_SYNTAX_ERROR",
         .json = {"/metadata/line == 1", "/metadata/subject ~ '0004_a'", "/errors == absent"}),
    STEP("a journal of other files", POST, S "/bundles",
         "{'files':[{'path':'0004_a.sql','content':'SELECT 1;'},{'path':'meta/_journal.json',"
         "'content':'{\\'version\\':\\'7\\',\\'dialect\\':\\'postgresql\\',\\'entries\\':[]}'}]}",
         422, "JOURNAL_MISMATCH"),
    STEP("no such catalog", POST, "/v1/catalogs/none/bundles", "{'files':[]}", 404,
         "CATALOG_NOT_FOUND"),
    STEP("no archive", POST, S "/bundles", "this is none", 422, "BUNDLE_INVALID",
         .type = "application/gzip"),
    STEP("of another type", POST, S "/bundles", "SELECT 1;", 415, "UNSUPPORTED_MEDIA_TYPE", SQL),
};

START_TEST(migrations_one_by_one)
{
    STEPS_RUN(one_by_one);
    STEPS_RUN(refused);
}
END_TEST

START_TEST(bundles_and_pages)
{
    STEPS_RUN(pages);
    STEPS_RUN(bad_bundles);
}
END_TEST

static const struct step applied[] = {
    STEP("a tenant has them", POST, "/v1/tenants", "{'id':'user'}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("what is applied stays", DELETE, T "/migrations/0002_b", NULL, 409, "MIGRATION_APPLIED"),
    STEP("before what is applied", PUT, T "/migrations/0001_late", "SELECT 5;", 409, "OUT_OF_ORDER",
         SQL),
    STEP("before what is applied, as a bundle", POST, T "/bundles",
         "{'files':[{'path':'0001_late.sql','content':'SELECT 5;'}]}", 409, "OUT_OF_ORDER"),
    STEP("it was meant", PUT, T "/migrations/0001_late?allow_out_of_order=true", "SELECT 5;", 201,
         NULL, SQL),
    STEP("and is taken back", DELETE, T "/migrations/0001_late", NULL, 204, NULL),
    STEP("behind what is applied", PUT, T "/migrations/0003_c", "SELECT 6;", 201, NULL, SQL),
};

START_TEST(what_is_applied_stays)
{
    STEPS_RUN(applied);
}
END_TEST

struct packed {
    char bytes[65536];
    size_t len;
};

/* A tar of NULL-terminated pairs path, content. */
static void pack(struct packed *out, bool gzip, mode_t kind, const char *const *files)
{
    struct archive *a = archive_write_new();

    if (gzip)
        (void)archive_write_add_filter_gzip(a);
    (void)archive_write_set_format_ustar(a);
    ck_assert_int_eq(archive_write_open_memory(a, out->bytes, sizeof out->bytes, &out->len), 0);
    for (; *files; files += 2) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, files[0]);
        archive_entry_set_filetype(entry, kind);
        archive_entry_set_perm(entry, 0644);
        if (kind == AE_IFLNK)
            archive_entry_set_symlink(entry, files[1]);
        else
            archive_entry_set_size(entry, (la_int64_t)strlen(files[1]));
        ck_assert_int_eq(archive_write_header(a, entry), 0);
        if (kind != AE_IFLNK)
            (void)archive_write_data(a, files[1], strlen(files[1]));
        archive_entry_free(entry);
    }
    ck_assert_int_eq(archive_write_close(a), 0);
    (void)archive_write_free(a);
}

static int post_bundle(struct http_client *client, const char *type, const struct packed *packed)
{
    http_client_sendf(client,
                      "POST " S "/bundles HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                      "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                      daemon_token(), type, packed->len);
    (void)http_client_write(client, packed->bytes, packed->len);
    return http_client_read(client);
}

START_TEST(archives)
{
    static const char *const good[] = {"drizzle/0010_x.sql", "SELECT 10;", "drizzle/0011_y.sql",
                                       "SELECT 11;", NULL};
    static const char *const more[] = {"0012_z.sql", "SELECT 12;", NULL};
    static const char *const out[] = {"../../0013_z.sql", "SELECT 13;", NULL};
    static const char *const link[] = {"0014_z.sql", "/etc/passwd", NULL};
    struct packed packed;
    struct http_client client;

    http_client_open(&client, daemon_port());
    pack(&packed, true, AE_IFREG, good);
    ck_assert_int_eq(post_bundle(&client, "application/gzip", &packed), 201);
    ck_assert_ptr_nonnull(strstr(client.body, "[\"0010_x\",\"0011_y\"]"));
    ck_assert_int_eq(post_bundle(&client, "application/gzip", &packed), 200);
    pack(&packed, false, AE_IFREG, more);
    ck_assert_int_eq(post_bundle(&client, "application/x-tar", &packed), 201);
    pack(&packed, true, AE_IFREG, out);
    ck_assert_int_eq(post_bundle(&client, "application/x-gtar", &packed), 422);
    pack(&packed, true, AE_IFLNK, link);
    ck_assert_int_eq(post_bundle(&client, "application/gzip", &packed), 422);
    ck_assert_ptr_nonnull(strstr(client.body, "BUNDLE_INVALID"));
    packed.len /= 2; /* cut in the middle */
    ck_assert_int_eq(post_bundle(&client, "application/gzip", &packed), 422);
    http_client_close(&client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api catalogs");
    TCase *tc = tcase_create("catalogs");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, migrations_one_by_one);
    tcase_add_test(tc, bundles_and_pages);
    tcase_add_test(tc, what_is_applied_stays);
    tcase_add_test(tc, archives);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
