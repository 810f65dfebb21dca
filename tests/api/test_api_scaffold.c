/* SPDX-License-Identifier: MIT */
/* First drafts: what they say, and that the daemon takes its own. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define SCHEMA "/v1/scaffold/schema"
#define SEED "/v1/scaffold/seed"
#define MIGRATION "/v1/scaffold/migration"
#define T "/v1/catalogs/tenant/migrations/"

static const struct step drafts[] = {
    STEP("a table", POST, SCHEMA, "{'name':'Purchase Orders'}", 200, NULL,
         .json = {"/path == 'src/db/schema/tenant/purchaseOrders.ts'",
                  "/table == 'purchase_orders'", "/content ~ 'pgTable('",
                  "/content ~ 'createInsertSchema'", "/content ~ 'defaultRandom()'",
                  "/kind == 'schema'", "/language == 'drizzle'"}),
    STEP("a bare one", POST, SCHEMA,
         "{'name':'logs','uuid':false,'timestamps':false,'with_zod':false,'with_example':false,"
         "'soft_delete':true,'type':'shared'}",
         200, NULL,
         .json = {"/path == 'src/db/schema/shared/logs.ts'", "/type == 'shared'",
                  "/content ~ 'generatedAlwaysAsIdentity()'", "/content ~ 'deletedAt'"}),
    STEP("in SQL", POST, SCHEMA, "{'name':'orders','language':'sql'}", 200, NULL,
         .json = {"/content ~ 'CREATE TABLE'", "/path == 'src/db/schema/tenant/orders.sql'"}),
    STEP("again", POST, SCHEMA, "{'name':'orders','language':'sql'}", 200, NULL),
    STEP("without a name", POST, SCHEMA, "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/name'"}),
    STEP("with an empty one", POST, SCHEMA, "{'name':''}", 422, "VALIDATION_FAILED"),
    STEP("with one that ends the string", POST, SCHEMA, "{'name':'x\\\");--'}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/code == 'VALIDATION_FAILED'"}),
    STEP("with one that leaves the folder", POST, SEED, "{'name':'../../etc/passwd'}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/name'"}),
    STEP("with a digit first", POST, SCHEMA, "{'name':'1st'}", 422, "VALIDATION_FAILED"),
    STEP("too long a one", POST, SCHEMA,
         "{'name':'a_name_that_is_longer_than_forty_five_bytes_all_in_all'}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/name'"}),
    STEP("all mistakes at once", POST, SCHEMA,
         "{'name':7,'type':'both','uuid':'yes','softdelete':true,'language':'c'}", 422,
         "VALIDATION_FAILED", .json = {"/errors# == 5"}),
    STEP("no body", POST, SCHEMA, NULL, 415, "UNSUPPORTED_MEDIA_TYPE"),
    STEP("a seed", POST, SEED, "{'name':'initial','table':'users'}", 200, NULL,
         .json = {"/path == 'drizzle/seeds/tenant/initial.sql'", "/content ~ 'ON CONFLICT'",
                  "/table == 'users'"}),
    STEP("in TypeScript", POST, SEED, "{'name':'initial','language':'drizzle','type':'shared'}",
         200, NULL, .json = {"/path == 'drizzle/seeds/shared/initial.ts'", "/table == null"}),
    STEP("of a table that cannot be", POST, SEED, "{'name':'initial','table':'a;b'}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/table'"}),
    STEP("the first migration", POST, MIGRATION, "{'name':'create-orders'}", 200, NULL,
         .json = {"/sequence == '0001'", "/template == 'create-table'", "/table == 'orders'",
                  "/path == 'drizzle/tenant-migrations/0001_create_orders.sql'"}),
    STEP("an index", POST, MIGRATION, "{'name':'add-index-to-orders'}", 200, NULL,
         .json = {"/template == 'add-index'", "/table == 'orders'", "/content ~ 'CONCURRENTLY'"}),
    STEP("a column", POST, MIGRATION, "{'name':'addStatusToOrders','sequence':12}", 200, NULL,
         .json = {"/template == 'add-column'", "/sequence == '0012'",
                  "/content ~ 'ADD COLUMN \\\"status\\\"'"}),
    STEP("a key", POST, MIGRATION,
         "{'name':'whatever','template':'add-foreign-key','table':'orders','column':'owner_id',"
         "'references':'people'}",
         200, NULL, .json = {"/content ~ 'REFERENCES \\\"people\\\"'", "/content ~ 'NOT VALID'"}),
    STEP("none of these", POST, MIGRATION, "{'name':'tidy up'}", 200, NULL,
         .json = {"/template == 'blank'", "/table == null"}),
    STEP("no such template", POST, MIGRATION, "{'name':'x','template':'drop'}", 422,
         "VALIDATION_FAILED"),
    STEP("no such sequence", POST, MIGRATION, "{'name':'x','sequence':-1}", 422,
         "VALIDATION_FAILED"),
    STEP("without a token", POST, MIGRATION, "{'name':'x'}", 401, "UNAUTHENTICATED",
         .token = ""),
};

START_TEST(drafts_are_made)
{
    STEPS_RUN(drafts);
}
END_TEST

static const char *const orders[] = {
    "{\"name\":\"create-users\"}",
    "{\"name\":\"create-orders\"}",
    "{\"name\":\"add-user_id-to-orders\"}",
    "{\"name\":\"add_status_to_orders\"}",
    "{\"name\":\"index status on orders\",\"column\":\"status\",\"table\":\"orders\"}",
    "{\"name\":\"orders fk\",\"table\":\"orders\",\"template\":\"add-foreign-key\"}",
    "{\"name\":\"something else\"}",
};

/* Drafts a migration and registers it under its own name. */
static void register_draft(struct steps *steps, const char *body)
{
    CLEANUP(str_clear) struct str url = STR_INIT;
    const struct step draft = {.label = body,
                               .method = HTTP_POST,
                               .path = MIGRATION,
                               .body = body,
                               .status = 200,
                               .raw = true};

    steps_run_one(steps, &draft);
    const char *path = json_string_value(json_object_get(steps->reply, "path"));
    CLEANUP(freep)
    char *content = strdup(json_string_value(json_object_get(steps->reply, "content")));
    const char *file = strrchr(path, '/') + 1;
    str_addf(&url, T "%.*s", (int)(strlen(file) - strlen(".sql")), file);
    const struct step put = {.label = file,
                             .method = HTTP_PUT,
                             .path = str_text(&url),
                             .body = content,
                             .status = 201,
                             .raw = true,
                             .type = "application/sql"};
    steps_run_one(steps, &put);
}

static const struct step run[] = {
    STEP("a tenant gets them all", POST, "/v1/tenants", "{'id':'drafted'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("which are there", GET, "/v1/tenants/drafted/schema", NULL, 200, NULL,
         .json = {"/tables# == 2", "/tables/0/foreign_keys/0/validated == true"}),
    STEP("the next number", POST, MIGRATION,
         "{'name':'add_note_to_users'}", 200, NULL,
         .json = {"/sequence == '0008'", "/content ~ 'note'"}),
    STEP("a seed of it", POST, SEED, "{'name':'first users','table':'users'}", 200, NULL),
};

static void apply_seed(struct steps *steps)
{
    CLEANUP(freep)
    char *content = strdup(json_string_value(json_object_get(steps->reply, "content")));
    const struct step put = {.label = "seed",
                             .method = HTTP_PUT,
                             .path = "/v1/seeds/first_users",
                             .body = content,
                             .status = 201,
                             .raw = true,
                             .type = "application/sql"};
    const struct step apply = {.label = "apply",
                               .method = HTTP_POST,
                               .path = "/v1/seeds/first_users/apply",
                               .body = "{'selector':{'ids':['drafted']}}",
                               .status = 200,
                               .headers = STEP_WAIT,
                               .json = {"/state == 'succeeded'"}};

    steps_run_one(steps, &put);
    steps_run_one(steps, &apply);
}

START_TEST(drafts_run)
{
    struct pg *pg = pg_fixture_connect();
    struct steps steps;

    steps_open(&steps);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        register_draft(&steps, orders[i]);
    steps_run_all(&steps, run, ARRAY_LEN(run));
    apply_seed(&steps);
    steps_close(&steps);
    CLEANUP(freep)
    char *rows = pg_fixture_value(
        pg, "SELECT count(*)::text AS v FROM tenant_drafted.users WHERE is_active");
    ck_assert_str_eq(rows, "2");
    pg_fixture_sql(pg, "UPDATE tenant_drafted.users SET name = 'x'");
    CLEANUP(freep)
    char *touched = pg_fixture_value(
        pg, "SELECT count(*)::text AS v FROM tenant_drafted.users WHERE updated_at > created_at");
    ck_assert_str_eq(touched, "2");
    pg_close(pg);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api scaffold");
    TCase *tc = tcase_create("scaffold");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, drafts_are_made);
    tcase_add_test(tc, drafts_run);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
