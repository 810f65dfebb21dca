/* SPDX-License-Identifier: MIT */
/* Documents that become files: round about back to the schema they came from, and what is refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define IMPORT "/v1/schema/import"

static const struct step imports[] = {
    STEP("SQL becomes a file for Drizzle", POST, IMPORT,
         "{'format':'sql','content':'CREATE TABLE a (id serial PRIMARY KEY, ok boolean NOT NULL"
         " DEFAULT true); -- so\\nCREATE INDEX CONCURRENTLY a_ok ON a (ok) WHERE ok;'}",
         200, NULL,
         .json = {"/files# == 1", "/files/0/path == 'src/db/schema/tenant/schema.ts'",
                  "/files/0/content ~ 'serial('", "/files/0/content ~ 'a_ok'", "/warnings# == 0",
                  "/registered == null"}),
    STEP("and nothing is left of it", GET, "/v1/shared/schema", NULL, 200, NULL,
         .json = {"/tables# == 0"}),
    STEP("in another casing, with Zod", POST, IMPORT,
         "{'format':'sql','content':'CREATE TABLE a_b (c_d int)','casing':'snake','with_zod':true,"
         "'type':'shared'}",
         200, NULL,
         .json = {"/files/0/path == 'src/db/schema/shared/schema.ts'",
                  "/files/0/content ~ 'c_d: integer'", "/files/0/content ~ 'drizzle-zod'"}),
    STEP("SQL becomes SQL", POST, IMPORT,
         "{'format':'sql','output':'sql','name':'it','content':'CREATE TABLE b (id int);"
         " ALTER TABLE b RENAME TO c;'}",
         200, NULL, .json = {"/files/0/path == 'it.sql'", "/files/0/content ~ 'CREATE TABLE'"}),
    STEP("an error has its place", POST, IMPORT,
         "{'format':'sql','content':'CREATE TABLE a (id int);\\n\\n  CREATE TABLE a (id int);'}",
         422, "IMPORT_UNSUPPORTED",
         .json = {"/metadata/line == 3", "/metadata/column == 3", "/metadata/sqlstate == '42P07'"}),
    STEP("so has one of syntax", POST, IMPORT, "{'format':'sql','content':'CREATE TABEL a ()'}",
         422, "SQL_SYNTAX_ERROR", .json = {"/metadata/line == 1"}),
    STEP("rows are no definition", POST, IMPORT,
         "{'format':'sql','content':'CREATE TABLE a (id int);\\nINSERT INTO a VALUES (1);'}", 422,
         "IMPORT_UNSUPPORTED", .json = {"/metadata/line == 2"}),
    STEP("nor is code that runs", POST, IMPORT,
         "{'format':'sql','content':'DO $$ BEGIN PERFORM 1; END $$'}", 422, "IMPORT_UNSUPPORTED"),
    STEP("the transaction is ours", POST, IMPORT, "{'format':'sql','content':'COMMIT'}", 422,
         "STATEMENT_NOT_ALLOWED"),
    STEP("other schemas are out of reach", POST, IMPORT,
         "{'format':'sql','content':'DROP TABLE tenantd.job'}", 422, "STATEMENT_NOT_ALLOWED"),
    STEP(
        "what Drizzle has no word for", POST, IMPORT,
        "{'format':'sql','content':'CREATE TABLE a (r int4range, EXCLUDE USING gist (r WITH &&))'}",
        422, "IMPORT_UNSUPPORTED", .json = {"/detail ~ 'lenient'"}),
    STEP("is left out when that is wanted", POST, IMPORT,
         "{'format':'sql','lenient':true,'content':'CREATE TABLE a (r int4range, EXCLUDE USING gist"
         " (r WITH &&))'}",
         200, NULL, .json = {"/files/0/content ~ 'EXCLUDE'"}),
    STEP("SQL that is no text", POST, IMPORT, "{'format':'sql','content':{}}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/content'"}),
    STEP("JSON that is none", POST, IMPORT, "{'format':'json','content':'{'}", 400,
         "MALFORMED_JSON"),
    STEP("a document with mistakes", POST, IMPORT,
         "{'format':'seed-json','content':{'tables':[{'name':'t','columns':[{'name':'a','dataType':"
         "'custom'},{}]}]}}",
         422, "IMPORT_UNSUPPORTED",
         .json = {"/errors# == 2", "/errors/0/pointer == '/content/tables/0/columns/0/dataType'"}),
    STEP("drizzle-multitenant's JSON", POST, IMPORT,
         "{'format':'seed-json','output':'migration','name':'users','content':{'tables':[{'name':"
         "'users','schemaType':'tenant','columns':[{'name':'id','dataType':'serial','isPrimaryKey':"
         "true}]}]}}",
         200, NULL,
         .json = {"/files/0/path == 'drizzle/tenant-migrations/0001_users.sql'",
                  "/files/0/content ~ 'IDENTITY'", "/registered == null"}),
    STEP("an expression that is more", POST, IMPORT,
         "{'format':'json-schema','output':'sql','content':{'$defs':{'t':{'properties':{'a':{"
         "'x-type':'int); DROP TABLE users; CREATE TABLE u (x int'}}}}}}",
         422, "IMPORT_UNSUPPORTED"),
    STEP("DBML", POST, IMPORT, "{'format':'dbml','content':'Table a {}'}", 422,
         "IMPORT_UNSUPPORTED"),
    STEP("all mistakes at once", POST, IMPORT,
         "{'format':'xml','output':'pdf','type':'both','overwrite':true}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 5"}),
    STEP("what does not go together", POST, IMPORT,
         "{'format':'sql','content':'','register':true,'name':'A-b'}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 2"}),
    STEP("casing of SQL", POST, IMPORT,
         "{'format':'sql','content':'','output':'sql','casing':'camel'}", 422, "VALIDATION_FAILED"),
    STEP("who may read schemas", POST, "/v1/tokens", "{'name':'reader','scopes':['schema:read']}",
         201, NULL, .keep = "reader=/token"),
    STEP("may import documents", POST, IMPORT, "{'format':'json-schema','content':{'$defs':{}}}",
         200, NULL, .token = "{reader}"),
    STEP("but run no SQL", POST, IMPORT, "{'format':'sql','content':'CREATE TABLE a ()'}", 403,
         "PERMISSION_DENIED", .token = "{reader}"),
    STEP("and register nothing", POST, IMPORT,
         "{'format':'json-schema','content':{'$defs':{}},'output':'migration','register':true}",
         403, "PERMISSION_DENIED", .token = "{reader}"),
};

START_TEST(documents_become_files)
{
    STEPS_RUN(imports);
}
END_TEST

#define TABLES "?format=json&tables=customers,orders,big"

static const struct step a_shop[] = {
    STEP(
        "a schema", PUT, "/v1/catalogs/tenant/migrations/0001_shop",
        "CREATE TYPE mood AS ENUM ('sad', 'ok');"
        "CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%');"
        "CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " email varchar(320) NOT NULL UNIQUE, mail mail NOT NULL, mood mood NOT NULL DEFAULT 'ok');"
        "CREATE TABLE orders (id serial PRIMARY KEY,"
        " customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,"
        " total numeric(10,2) CHECK (total > 0));"
        "CREATE INDEX orders_customer_idx ON orders (customer_id) WHERE total > 1;"
        "CREATE VIEW big AS SELECT id FROM orders WHERE total > 100;",
        201, NULL, .type = "application/sql", .raw = true),
    STEP("a tenant", POST, "/v1/tenants", "{'id':'shop'}", 200, NULL, .headers = STEP_WAIT),
    STEP("its model", GET, "/v1/tenants/shop/schema/export?format=json", NULL, 200, NULL),
};

static const struct step migrate[] = {
    STEP("the shared schema gets it", POST, "/v1/shared/migrate", "{}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

static json_t *exported(struct steps *steps, const char *path)
{
    const struct step get = {.label = path, .method = HTTP_GET, .path = path, .status = 200};

    steps_run_one(steps, &get);
    return json_incref(steps->reply);
}

/* A tenant's schema, as JSON, as a migration of the shared schema, is the tenant's schema. */
START_TEST(a_model_comes_back_as_it_was)
{
    struct steps steps;

    steps_open(&steps);
    steps_run_all(&steps, a_shop, ARRAY_LEN(a_shop));
    json_auto_t *body =
        json_pack("{s:s, s:O, s:s, s:s, s:s, s:b}", "format", "json", "content", steps.reply,
                  "output", "migration", "type", "shared", "name", "shop", "register", 1);
    CLEANUP(freep) char *text = json_dumps(body, JSON_COMPACT);
    const struct step import = {.label = "it becomes a migration",
                                .method = HTTP_POST,
                                .path = IMPORT,
                                .body = text,
                                .status = 200,
                                .raw = true,
                                .json = {"/registered == '0001_shop'"}};
    steps_run_one(&steps, &import);
    steps_run_all(&steps, migrate, ARRAY_LEN(migrate));
    json_auto_t *want = exported(&steps, "/v1/tenants/shop/schema/export" TABLES);
    json_auto_t *got = exported(&steps, "/v1/shared/schema/export" TABLES);
    CLEANUP(freep) char *wanted = json_dumps(want, JSON_INDENT(1));
    CLEANUP(freep) char *found = json_dumps(got, JSON_INDENT(1));
    size_t same = 0;
    while (wanted[same] && wanted[same] == found[same])
        same++;
    ck_assert_msg(!wanted[same] && !found[same], "%.300s\nis not\n%.300s", wanted + same,
                  found + same);
    steps_close(&steps);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api import");
    TCase *tc = tcase_create("import");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, documents_become_files);
    tcase_add_test(tc, a_model_comes_back_as_it_was);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
