/* SPDX-License-Identifier: MIT */
/* What live schemas look like in every format, and adopting schemas that were there before. */
#include <stdio.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define EXPORT "/v1/tenants/shop/schema/export"
#define SQL .type = "application/sql"

static const struct step a_shop[] = {
    STEP("a schema", PUT, T "0001_shop",
         "CREATE TABLE customers (id serial PRIMARY KEY, email text NOT NULL UNIQUE);\n"
         "CREATE TABLE orders (id bigserial PRIMARY KEY,"
         " customer_id int NOT NULL REFERENCES customers, total numeric(10,2));",
         201, NULL, SQL),
    STEP("a tenant", POST, "/v1/tenants", "{'id':'shop'}", 200, NULL, .headers = STEP_WAIT),
    STEP("and one of the same shape", POST, "/v1/tenants", "{'id':'shop2'}", 200, NULL,
         .headers = STEP_WAIT),
};

static const struct step exports[] = {
    STEP("no format", GET, EXPORT, NULL, 400, "INVALID_PARAMETER",
         .json = {"/errors/0/parameter == 'format'"}),
    STEP("another format", GET, EXPORT "?format=pdf", NULL, 400, "INVALID_PARAMETER"),
    STEP("JSON Schema", GET, EXPORT "?format=json-schema", NULL, 200, NULL, .keep = "etag=@ETag",
         .json = {"@Content-Type == 'application/schema+json'", "body ~ 'customers'",
                  "body ~ 'orders'", "@Content-Disposition ~ 'attachment'"}),
    STEP("JSON Schema, unchanged", GET, EXPORT "?format=json-schema", NULL, 304, NULL,
         .headers = "If-None-Match: {etag}\r\n"),
    STEP("the same shape has the same tag", GET,
         "/v1/tenants/shop2/schema/export?format=json-schema", NULL, 304, NULL,
         .headers = "If-None-Match: {etag}\r\n"),
    STEP("another format has another", GET, EXPORT "?format=typescript", NULL, 200, NULL,
         .headers = "If-None-Match: {etag}\r\n",
         .json = {"@Content-Type ~ 'text/plain'", "body ~ 'export'", "body ~ 'email'"}),
    STEP("with Zod", GET, EXPORT "?format=typescript&zod=true", NULL, 200, NULL,
         .json = {"body ~ 'zod'"}),
    STEP("Mermaid", GET, EXPORT "?format=mermaid", NULL, 200, NULL,
         .json = {"body ~ 'erDiagram'", "body ~ 'customers'"}),
    STEP("Mermaid in the dark", GET, EXPORT "?format=mermaid&theme=dark&indexes=true", NULL, 200,
         NULL, .json = {"body ~ 'dark'"}),
    STEP("Zod alone", GET, EXPORT "?format=zod", NULL, 200, NULL,
         .json = {"body ~ 'export const customersSchema'", "@Content-Disposition ~ '.zod.ts'"}),
    STEP("Drizzle", GET, EXPORT "?format=drizzle", NULL, 200, NULL, .keep = "drizzle=@ETag",
         .json = {"body ~ 'customerId: integer'", "body ~ 'orders_customer_id_fkey'"}),
    STEP("Drizzle, unchanged", GET, EXPORT "?format=drizzle", NULL, 304, NULL,
         .headers = "If-None-Match: {drizzle}\r\n", .json = {"@ETag == present"}),
    STEP("another casing has another tag", GET, EXPORT "?format=drizzle&casing=snake", NULL, 200,
         NULL, .headers = "If-None-Match: {drizzle}\r\n",
         .json = {"body ~ 'customer_id: integer'"}),
    STEP("whatever it is", GET, EXPORT "?format=drizzle", NULL, 304, NULL,
         .headers = "If-None-Match: *\r\n"),
    STEP("a question that makes no sense has no tag", GET, EXPORT "?format=drizzle&theme=dark",
         NULL, 400, "INVALID_PARAMETER", .headers = "If-None-Match: *\r\n"),
    STEP("no such casing", GET, EXPORT "?format=drizzle&casing=kebab", NULL, 400,
         "INVALID_PARAMETER", .json = {"/errors/0/parameter == 'casing'"}),
    STEP("casing in a diagram", GET, EXPORT "?format=dbml&casing=camel", NULL, 400,
         "INVALID_PARAMETER"),
    STEP("DBML", GET, EXPORT "?format=dbml", NULL, 200, NULL, .json = {"body ~ 'Ref '"}),
    STEP("the model", GET, EXPORT "?format=json", NULL, 200, NULL,
         .json = {"/tables# == 2", "/tables/0/name == 'customers'", "/name == absent"}),
    STEP("one table", GET, EXPORT "?format=json-schema&tables=customers", NULL, 200, NULL,
         .json = {"body ~ 'customers'", "body ~ 'email'"}),
    STEP("no such table", GET, EXPORT "?format=json-schema&tables=customers,nope", NULL, 400,
         "INVALID_PARAMETER", .json = {"/errors/0/parameter == 'tables'"}),
    STEP("Zod in another format", GET, EXPORT "?format=mermaid&zod=true", NULL, 400,
         "INVALID_PARAMETER", .json = {"/errors/0/parameter == 'zod'"}),
    STEP("no such theme", GET, EXPORT "?format=mermaid&theme=pink", NULL, 400, "INVALID_PARAMETER"),
    STEP("no boolean", GET, EXPORT "?format=mermaid&indexes=maybe", NULL, 400, "INVALID_PARAMETER"),
    STEP("no such tenant", GET, "/v1/tenants/none/schema/export?format=mermaid", NULL, 404,
         "TENANT_NOT_FOUND"),
    STEP("shared", GET, "/v1/shared/schema/export?format=mermaid", NULL, 200, NULL,
         .json = {"body ~ 'erDiagram'"}),
    STEP("shared, no format", GET, "/v1/shared/schema/export", NULL, 400, "INVALID_PARAMETER"),
    STEP("head", GET, EXPORT "?format=mermaid", NULL, 200, NULL, .verb = "HEAD"),
};

static const struct step models[] = {
    STEP("the schema", GET, "/v1/tenants/shop/schema", NULL, 200, NULL, .keep = "schema=@ETag",
         .json = {"/name == 'tenant_shop'", "/tables# == 2", "/tables/1/foreign_keys# == 1"}),
    STEP("unchanged", GET, "/v1/tenants/shop/schema", NULL, 304, NULL,
         .headers = "If-None-Match: {schema}\r\n", .json = {"@ETag == present"}),
    STEP("another tenant of the same shape has its fingerprint", GET, "/v1/tenants/shop2/schema",
         NULL, 304, NULL, .headers = "If-None-Match: {schema}\r\n"),
    STEP("and so its own name", GET, "/v1/tenants/shop2/schema", NULL, 200, NULL,
         .json = {"@ETag == present", "/name == 'tenant_shop2'"}),
    STEP("no such tenant", GET, "/v1/tenants/none/schema", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("it takes no format", GET, "/v1/tenants/shop/schema?format=json", NULL, 400,
         "UNKNOWN_PARAMETER"),
    STEP("the shared schema", GET, "/v1/shared/schema", NULL, 200, NULL, .keep = "shared=@ETag",
         .json = {"/tables == present", "/name == 'public'"}),
    STEP("unchanged", GET, "/v1/shared/schema", NULL, 304, NULL,
         .headers = "If-None-Match: {shared}\r\n"),
};

static const struct step changed[] = {
    STEP("it has another tag", GET, "/v1/tenants/shop/schema", NULL, 200, NULL,
         .headers = "If-None-Match: {schema}\r\n",
         .json = {"/tables/0/columns# == 3", "/tables/0/kind == 'table'"}),
};

static const struct step beyond_drizzle[] = {
    STEP("an exclusion constraint", GET, EXPORT "?format=drizzle", NULL, 422, "UNSUPPORTED_TYPE",
         .json = {"/detail ~ 'bookings_during_excl'", "/detail ~ 'lenient'"}),
    STEP("is left out and said", GET, EXPORT "?format=drizzle&lenient=true", NULL, 200, NULL,
         .json = {"body ~ 'bookings_during_excl'"}),
    STEP("the rest needs no leave", GET, EXPORT "?format=drizzle&tables=orders,customers", NULL,
         200, NULL),
    STEP("a diagram does not say it", GET, EXPORT "?format=mermaid&lenient=true", NULL, 400,
         "INVALID_PARAMETER"),
};

/* A tag is good for as long as the schema is as it was, whoever changes it. */
START_TEST(models_of_live_schemas)
{
    struct pg *pg = pg_fixture_connect();
    struct steps steps;

    steps_open(&steps);
    steps_run_all(&steps, models, ARRAY_LEN(models));
    pg_fixture_sql(pg, "ALTER TABLE tenant_shop.customers ADD COLUMN vip boolean");
    steps_run_all(&steps, changed, ARRAY_LEN(changed));
    pg_fixture_sql(pg, "CREATE TABLE tenant_shop.bookings (during tsrange,"
                       " EXCLUDE USING gist (during WITH &&))");
    steps_run_all(&steps, beyond_drizzle, ARRAY_LEN(beyond_drizzle));
    pg_fixture_sql(pg, "DROP TABLE tenant_shop.bookings");
    steps_close(&steps);
    pg_close(pg);
}
END_TEST

START_TEST(exports_of_live_schemas)
{
    STEPS_RUN(a_shop);
    STEPS_RUN(exports);
}
END_TEST

static const struct step lost[] = {
    STEP("its migrations", GET, "/v1/tenants/shop2/migrations", NULL, 409, "SCHEMA_MISSING"),
    STEP("its export", GET, "/v1/tenants/shop2/schema/export?format=mermaid", NULL, 409,
         "SCHEMA_MISSING"),
    STEP("the registry still has it", GET, "/v1/tenants/shop2", NULL, 200, NULL),
    STEP("its purge is no trouble", DELETE, "/v1/tenants/shop2?mode=purge&force=true", NULL, 200,
         NULL, .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

START_TEST(a_schema_that_is_gone)
{
    struct pg *pg = pg_fixture_connect();

    pg_fixture_sql(pg, "DROP SCHEMA tenant_shop2 CASCADE");
    STEPS_RUN(lost);
    pg_close(pg);
}
END_TEST

/* Schemas as each of the tools in the field leaves them; %s is the migration's sha-256. */
static const char legacy[] =
    "CREATE SCHEMA tenant_name; CREATE TABLE tenant_name.__drizzle_migrations (id serial PRIMARY"
    " KEY, name varchar(255) NOT NULL UNIQUE, applied_at timestamptz DEFAULT now());"
    "INSERT INTO tenant_name.__drizzle_migrations (name) VALUES ('0001_shop');"
    "CREATE SCHEMA tenant_hash; CREATE TABLE tenant_hash.__drizzle_migrations (id serial PRIMARY"
    " KEY, hash text NOT NULL, created_at timestamptz DEFAULT now());"
    "INSERT INTO tenant_hash.__drizzle_migrations (hash) VALUES ('%s');"
    "CREATE SCHEMA tenant_kit; CREATE TABLE tenant_kit.__drizzle_migrations (id serial PRIMARY"
    " KEY, hash text NOT NULL, created_at bigint);"
    "INSERT INTO tenant_kit.__drizzle_migrations (hash, created_at) VALUES ('%s', 1700000000000);"
    "CREATE SCHEMA tenant_kitv1; CREATE TABLE tenant_kitv1.__drizzle_migrations (id serial PRIMARY"
    " KEY, hash text NOT NULL, created_at bigint, name text, applied_at timestamptz);"
    "INSERT INTO tenant_kitv1.__drizzle_migrations (hash, created_at, name)"
    " VALUES ('%s', 1700000000000, '0001_shop');"
    "CREATE SCHEMA tenant_fresh; CREATE SCHEMA tenant_batch; CREATE SCHEMA \"tenant_Big\";"
    "CREATE SCHEMA tenant_odd; CREATE TABLE tenant_odd.__drizzle_migrations (what int);";

static const struct step imports[] = {
    STEP("dry run", POST, "/v1/tenants/import?dry_run=true", NULL, 200, NULL,
         .json = {"/dry_run == true", "/count == 6", "/schemas# == 8", "/schemas ~ 'tenant_kitv1'",
                  "/schemas ~ 'RESERVED_NAME'", "/schemas ~ 'INVALID_TENANT_ID'"}),
    STEP("it changed nothing", GET, "/v1/tenants/kit", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("by a pattern", POST, "/v1/tenants/import?dry_run=true", "{'schema_pattern':'tenant\\\\_k%'}",
         200, NULL, .json = {"/count == 2"}),
    STEP("import", POST, "/v1/tenants/import", "{'labels':{'from':'drizzle'}}", 200, NULL,
         .headers = STEP_WAIT, .keep = "job=/id",
         .json = {"/kind == 'tenant.import'", "/state == 'partial'", "/progress/succeeded == 5",
                  "/progress/failed == 1", "/failures/0/tenant_id == 'odd'"}),
    STEP("what failed is not there", GET, "/v1/tenants/odd", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("so there is nothing to retry", POST, "/v1/jobs/{job}/retry", NULL, 409,
         "NOTHING_TO_RETRY"),
    STEP("name", GET, "/v1/tenants/name", NULL, 200, NULL,
         .json = {"/migration/format == 'name'", "/migration/status == 'ok'",
                  "/labels/from == 'drizzle'", "/state == 'active'"}),
    STEP("hash", GET, "/v1/tenants/hash", NULL, 200, NULL,
         .json = {"/migration/format == 'hash'", "/migration/status == 'ok'"}),
    STEP("drizzle-kit", GET, "/v1/tenants/kit", NULL, 200, NULL,
         .json = {"/migration/format == 'drizzle-kit'", "/migration/status == 'ok'"}),
    STEP("drizzle-kit, newer", GET, "/v1/tenants/kitv1", NULL, 200, NULL,
         .json = {"/migration/format == 'drizzle-kit-v1'", "/migration/status == 'ok'"}),
    STEP("without a table", GET, "/v1/tenants/fresh", NULL, 200, NULL,
         .json = {"/migration/status == 'behind'", "/migration/pending == 1"}),
    STEP("again, only what is left", POST, "/v1/tenants/import?dry_run=true", "{}", 200, NULL,
         .json = {"/count == 1", "/schemas# == 3"}),
    STEP("the next migration", PUT, T "0002_more", "CREATE TABLE more (id int);", 201, NULL, SQL),
    STEP("reaches all formats", POST, "/v1/migration-runs",
         "{'selector':{'labels':{'from':'drizzle'}}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/succeeded == 5"}),
    STEP("as they say themselves", GET, "/v1/tenants/kitv1/migrations", NULL, 200, NULL,
         .json = {"/format == 'drizzle-kit-v1'", "/applied == 2", "/status == 'ok'"}),
    STEP("import nothing", POST, "/v1/tenants/import", "{'schema_pattern':'nothing'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'", "/progress/total == 0"}),
    STEP("not ours", POST, "/v1/tenants/import?dry_run=true", "{'schema_pattern':'%'}", 200, NULL,
         .json = {"/schemas ~ 'tenant_odd'"}),
    STEP("from no server", POST, "/v1/tenants/import", "{'server':'moon'}", 404,
         "SERVER_NOT_FOUND"),
    STEP("mistakes", POST, "/v1/tenants/import", "{'schema_pattern':'','labels':7,'x':1}", 422,
         "VALIDATION_FAILED", .json = {"/errors# == 3"}),
};

START_TEST(schemas_are_adopted)
{
    struct pg *pg = pg_fixture_connect();
    CLEANUP(freep) char *sha = pg_fixture_value(
        pg, "SELECT sha256 AS v FROM tenantd.migration WHERE version = '0001_shop'");
    char sql[4096];

    /* the schemas are empty but for the table: only what it says counts */
    (void)snprintf(sql, sizeof sql, legacy, sha, sha, sha);
    pg_fixture_sql(pg, sql);
    STEPS_RUN(imports);
    pg_close(pg);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api schemas");
    TCase *tc = tcase_create("schemas");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, exports_of_live_schemas);
    tcase_add_test(tc, models_of_live_schemas);
    tcase_add_test(tc, a_schema_that_is_gone);
    tcase_add_test(tc, schemas_are_adopted);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
