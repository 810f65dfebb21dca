/* SPDX-License-Identifier: MIT */
/* Seeds: stored, applied once or always, to one, to many and to the shared schema; their variables;
 * everything that can be wrong with them. */
#include <unistd.h>

#include "tests/pg/job_support.h"
#include "tests/support/daemon.h"
#include "tests/support/step.h"

#define SQL .type = "application/sql"
#define S "/v1/seeds/"
enum { SOON_MS = 20000 };

static const struct step tenants[] = {
    STEP("a migration", PUT, "/v1/catalogs/tenant/migrations/0001_note",
         "CREATE TABLE note (id serial PRIMARY KEY, who text, body text NOT NULL, n int);"
         "CREATE TABLE single (id int PRIMARY KEY);",
         201, NULL, SQL),
    STEP("a shared migration", PUT, "/v1/catalogs/shared/migrations/0001_plan",
         "CREATE TABLE plan (id text PRIMARY KEY, at text);", 201, NULL, SQL),
    STEP("migrated", POST, "/v1/shared/migrate", "{}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("no seeds yet", GET, "/v1/shared", NULL, 200, NULL,
         .json = {"/seeding_configured == false"}),
    STEP("tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'s1','labels':{'plan':'pro','eu/region':'west'}},"
         "{'id':'s2','labels':{'plan':'free'}},{'id':'s3'}]}",
         200, NULL, .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

static const struct step stored[] = {
    STEP("put", PUT, S "first",
         "INSERT INTO note (who, body) VALUES (:tenant_id, 'It''s :tenant_id');\n"
         "INSERT INTO :\"schema\".note (body) VALUES (:'schema');",
         201, NULL, SQL,
         .json = {"/name == 'first'", "/scope == 'tenant'", "/mode == 'once'", "/statements == 2",
                  "/variables == ['schema','tenant_id']", "/updated_by != null"}),
    STEP("the same again", PUT, S "first",
         "INSERT INTO note (who, body) VALUES (:tenant_id, 'It''s :tenant_id');\n"
         "INSERT INTO :\"schema\".note (body) VALUES (:'schema');",
         200, NULL, SQL),
    STEP("get", GET, S "first", NULL, 200, NULL, .keep = "etag=@ETag",
         .json = {"/sql ~ ':tenant_id'"}),
    STEP("its bytes", GET, S "first", NULL, 200, NULL, .headers = "Accept: application/sql\r\n",
         .json = {"body ~ 'INSERT INTO note'"}),
    STEP("unchanged", GET, S "first", NULL, 304, NULL, .headers = "If-None-Match: {etag}\r\n"),
    STEP("none", GET, S "nothing", NULL, 404, "SEED_NOT_FOUND"),
    STEP("delete none", DELETE, S "nothing", NULL, 404, "SEED_NOT_FOUND"),
    STEP("no text at all", PUT, S "x", "", 400, "BAD_REQUEST", SQL),
    STEP("a bad name", PUT, S "-x", "SELECT 1", 400, "INVALID_PARAMETER", SQL),
    STEP("a bad scope", PUT, S "x?scope=moon", "SELECT 1", 400, "INVALID_PARAMETER", SQL),
    STEP("a bad mode", PUT, S "x?mode=twice", "SELECT 1", 400, "INVALID_PARAMETER", SQL),
    STEP("another parameter", PUT, S "x?force=true", "SELECT 1", 400, "UNKNOWN_PARAMETER", SQL),
    STEP("JSON", PUT, S "x", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    STEP("no SQL", PUT, S "x", "SELECT 1;\nSELEC :a", 422, "SQL_SYNTAX_ERROR", SQL,
         .json = {"/metadata/line == 2", "/metadata/column == 1"}),
    STEP("its own transaction", PUT, S "x", "SELECT :a;\nCOMMIT", 422, "STATEMENT_NOT_ALLOWED", SQL,
         .json = {"/metadata/line == 2"}),
    STEP("a string behind a variable", PUT, S "x", "SELECT :a 'b'", 422, "SQL_SYNTAX_ERROR", SQL,
         .json = {"/metadata/column == 11"}),
    STEP("for the shared schema", PUT, S "plans?scope=shared&mode=always",
         "INSERT INTO plan (id, at) VALUES ('free', :schema) ON CONFLICT (id) DO NOTHING;", 201,
         NULL, SQL, .json = {"/scope == 'shared'", "/mode == 'always'"}),
    STEP("mode and scope stay", PUT, S "plans",
         "INSERT INTO plan (id, at) VALUES ('pro', :schema) ON CONFLICT (id) DO NOTHING;", 200,
         NULL, SQL, .json = {"/scope == 'shared'", "/mode == 'always'"}),
    STEP("the other scope", PUT, S "plans?scope=tenant", "SELECT 1", 409, "CONFLICT", SQL),
    STEP("list", GET, "/v1/seeds", NULL, 200, NULL, .json = {"/seeds# == 2"}),
    STEP("list of a scope", GET, "/v1/seeds?scope=shared", NULL, 200, NULL,
         .json = {"/seeds# == 1", "/seeds/0/name == 'plans'"}),
    STEP("page", GET, "/v1/seeds?page_size=1", NULL, 200, NULL, .keep = "next=/next_page_token",
         .json = {"/seeds/0/name == 'first'"}),
    STEP("next page", GET, "/v1/seeds?page_size=1&page_token={next}", NULL, 200, NULL,
         .json = {"/seeds/0/name == 'plans'", "/next_page_token == absent"}),
    STEP("seeds now", GET, "/v1/shared", NULL, 200, NULL, .json = {"/seeding_configured == true"}),
};

static const struct step once[] = {
    STEP("what would run", POST, S "first/apply?dry_run=true",
         "{'selector':{'all':true},'include_shared':true}", 200, NULL,
         .json = {"/dry_run == true", "/tenants == 3", "/tenant_id == 's1'", "/sql ~ 'tenant_s1'",
                  "/shared_sql ~ 'plan'"}),
    STEP("for all, the shared schema first", POST, S "first/apply",
         "{'selector':{'all':true},'include_shared':true}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/kind == 'seed.apply'", "/state == 'succeeded'", "/progress/succeeded == 4"}),
    STEP("again: they have it", POST, S "first/apply", "{'selector':{'all':true}}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/progress/skipped == 3", "/state == 'succeeded'"}),
    STEP("always", POST, S "first/apply", "{'selector':{'ids':['s2']},'mode':'always'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/progress/succeeded == 1"}),
    STEP("another content", PUT, S "first", "INSERT INTO note (body) VALUES ('new');", 200, NULL,
         SQL),
    STEP("is told by each", POST, S "first/apply", "{'selector':{'all':true}}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/progress/failed == 3",
                  "/failures/0/outcome/code == 'SEED_CHANGED'"}),
    STEP("and at once by one", POST, "/v1/tenants/s1/seed", NULL, 409, "SEED_CHANGED"),
    STEP("by force", POST, "/v1/tenants/s1/seed", "{'seeds':['first'],'force':true}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'", "/subject/id == 's1'"}),
    STEP("force is no always", POST, "/v1/tenants/s1/seed", "{'force':true}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/progress/skipped == 1"}),
    STEP("no such tenant", POST, "/v1/tenants/none/seed", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("shared seeds", POST, "/v1/shared/seed", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/succeeded == 1"}),
    STEP("shared by name", POST, S "plans/apply", "{'shared':true,'mode':'once'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/progress/skipped == 1"}),
};

START_TEST(seeds_are_applied_once)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    STEPS_RUN(tenants);
    STEPS_RUN(stored);
    STEPS_RUN(once);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenant_s1.note"), 3);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenant_s2.note WHERE who = 's2'"
                             " AND body = 'It''s :tenant_id'"),
                     2);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenant_s3.note WHERE body = 'tenant_s3'"),
                     1);
    ck_assert_int_eq(
        ask(pg, "SELECT runs AS v FROM tenant_s2.__tenantd_seeds WHERE name = 'first'"), 2);
    ck_assert_int_eq(ask(pg, "SELECT runs AS v FROM public.__tenantd_seeds WHERE name = 'plans'"),
                     2);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM public.plan WHERE at = 'public'"), 1);
}
END_TEST

static const struct step variables[] = {
    STEP("own ones and labels", PUT, S "vars?mode=always",
         "INSERT INTO note (who, body, n) VALUES (:label_plan, :text, :n);", 201, NULL, SQL),
    STEP("without values", POST, S "vars/apply", "{'selector':{'ids':['s1']}}", 422,
         "UNKNOWN_VARIABLE", .json = {"/metadata/line == 1", "/metadata/column == 54"}),
    STEP("with an evil one", POST, S "vars/apply",
         "{\"selector\":{\"ids\":[\"s1\"]},\"variables\":{\"text\":\"x'); DROP TABLE note; "
         "--\",\"n\":7}}",
         200, NULL, .headers = STEP_WAIT, .raw = true, .json = {"/state == 'succeeded'"}),
    STEP("one that does not fit", POST, S "vars/apply",
         "{'selector':{'ids':['s2']},'variables':{'text':'x','n':'many'}}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/failures/0/outcome/code == 'SEED_FAILED'",
                  "/failures/0/outcome/sqlstate == '22P02'", "/failures/0/outcome/line == 1",
                  "/failures/0/outcome/column == 61", "/failures/0/outcome/version == 'vars'",
                  "/failures/0/outcome/statement == 1"}),
    STEP("a tenant without the label", POST, S "vars/apply",
         "{'selector':{'all':true},'variables':{'text':null,'n':1}}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'failed'", "/progress/failed == 3"}),
    STEP("which", POST, S "vars/apply",
         "{'selector':{'ids':['s3']},'variables':{'text':'x','n':1}}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/failures/0/outcome/code == 'UNKNOWN_VARIABLE'",
                  "/failures/0/outcome/column == 41", "/failures/0/outcome/line == 1"}),
    STEP("a name of tenantd's own", POST, S "vars/apply",
         "{'selector':{'all':true},'variables':{'schema':'x','label_plan':'y','text':[],'n':{}}}",
         422, "VALIDATION_FAILED",
         .json = {"/errors# == 4", "/errors ~ '/variables/schema'", "/errors ~ '/variables/text'"}),
    STEP("a label with other signs", PUT, S "vars",
         "INSERT INTO note (who, body) VALUES (:label_eu_region, 'label');", 200, NULL, SQL),
    STEP("applied", POST, S "vars/apply", "{'selector':{'labels':{'plan':'pro'}}}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/progress/succeeded == 1"}),
    STEP("what would run, with a bad name", PUT, S "names", "INSERT INTO :\"t\" VALUES (1);", 201,
         NULL, SQL),
    STEP("a number is no name", POST, S "names/apply?dry_run=true",
         "{'selector':{'all':true},'variables':{'t':1}}", 422, "INVALID_VARIABLE"),
    STEP("delete", DELETE, S "names", NULL, 204, NULL),
    STEP("delete", DELETE, S "vars", NULL, 204, NULL),
};

START_TEST(values_are_values)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    STEPS_RUN(variables);
    ck_assert_int_eq(ask(pg, "SELECT n AS v FROM tenant_s1.note WHERE who = 'pro'"
                             " AND body = 'x''); DROP TABLE note; --'"),
                     7);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenant_s1.note WHERE who = 'west'"), 1);
}
END_TEST

static const struct step wrong[] = {
    STEP("nowhere", POST, S "first/apply", "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/selector'"}),
    STEP("everywhere", POST, S "first/apply",
         "{'selector':{'all':true},'shared':true,'include_shared':true}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 2"}),
    STEP("nobody", POST, S "first/apply", "{'selector':{}}", 422, "EMPTY_SELECTOR"),
    STEP("somebody unknown", POST, S "first/apply", "{'selector':{'ids':['s1','none']}}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/selector/ids/1'"}),
    STEP("an unknown member and a bad mode", POST, S "first/apply",
         "{'selector':{'all':true},'mode':'twice','what':1}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 2"}),
    STEP("no such seed", POST, S "nothing/apply", "{'selector':{'all':true}}", 404,
         "SEED_NOT_FOUND"),
    STEP("of the shared schema", POST, S "plans/apply", "{'selector':{'all':true}}", 409,
         "CONFLICT"),
    STEP("of the tenants", POST, S "first/apply", "{'shared':true}", 409, "CONFLICT"),
    STEP("names that are none", POST, "/v1/tenants/s1/seed",
         "{'seeds':['first','nothing','plans',7]}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 3", "/errors ~ '/seeds/1'", "/errors ~ '/seeds/2'",
                  "/errors ~ '/seeds/3'"}),
    STEP("no names", POST, "/v1/shared/seed", "{'seeds':[]}", 422, "VALIDATION_FAILED"),
    STEP("a selector for one", POST, "/v1/tenants/s1/seed", "{'selector':{'all':true}}", 422,
         "VALIDATION_FAILED"),
    STEP("a seed that fails half way", PUT, S "half",
         "INSERT INTO single VALUES (1);\nINSERT INTO note (body) VALUES ('\xc3\xa9'), "
         "(:tenant_id);\n"
         "-- a comment\n  INSERT INTO single\n VALUES (1 / 0);",
         201, NULL, SQL),
    STEP("leaves nothing", POST, "/v1/tenants/s3/seed", "{'seeds':['half']}", 200, NULL,
         .headers = STEP_WAIT, .keep = "job=/id",
         .json = {"/state == 'failed'", "/failures/0/outcome/sqlstate == '22012'",
                  "/failures/0/outcome/statement == 3", "/failures/0/outcome/line == 4",
                  "/failures/0/outcome/column == 3", "/failures/0/outcome/step == 'seed'"}),
    STEP("a table that is not there", PUT, S "half",
         "SELECT 1;\nINSERT INTO note (body) VALUES ('\xc3\xa9' || :tenant_id || nowhere.x);", 200,
         NULL, SQL),
    STEP("has its place", POST, "/v1/tenants/s3/seed", "{'seeds':['half']}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/failures/0/outcome/sqlstate == '42P01'", "/failures/0/outcome/line == 2",
                  "/failures/0/outcome/column == 54"}),
    STEP("repaired", PUT, S "half", "INSERT INTO single VALUES (1);", 200, NULL, SQL),
    STEP("a job is for what it saw", POST, "/v1/jobs/{job}/retry", NULL, 200, NULL,
         .headers = STEP_WAIT, .json = {"/failures/0/outcome/code == 'SEED_CHANGED'"}),
    STEP("and now", POST, "/v1/tenants/s3/seed", "{'seeds':['half']}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("the export does not show it", GET, "/v1/tenants/s3/schema/export?format=mermaid", NULL,
         200, NULL, .json = {"body ~ 'single'"}),
    STEP("shared that fails", PUT, S "bad?scope=shared", "INSERT INTO nowhere VALUES (1);", 201,
         NULL, SQL),
    STEP("keeps the tenants out", POST, S "half/apply",
         "{'selector':{'all':true},'include_shared':true}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/progress/failed == 1", "/progress/cancelled == 3"}),
    STEP("gone", DELETE, S "bad", NULL, 204, NULL),
};

START_TEST(wrong_seeds_and_requests)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    STEPS_RUN(wrong);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenant_s3.single"), 1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenant_s1.single"), 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenant_s3.note WHERE body = '\xc3\xa9'"),
                     0);
}
END_TEST

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static char folder[] = "/tmp/tenantd-seeds-XXXXXX";

START_TEST(folders_are_watched)
{
    static const struct step seen[] = {
        STEP("it is there", GET, S "from_file", NULL, 200, NULL,
             .json = {"/updated_by == 'folder'", "/scope == 'tenant'",
                      "/variables == ['tenant_id']"}),
    };
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    char path[64];

    (void)snprintf(path, sizeof path, "%s/from_file.sql", folder);
    write_file(path, "SELECT :tenant_id;");
    await(pg, 1, SOON_MS, "SELECT count(*) AS v FROM tenantd.seed WHERE name = 'from_file'");
    STEPS_RUN(seen);
    write_file(path, "SELECT :tenant_id, 2;");
    await(pg, 1, SOON_MS,
          "SELECT count(*) AS v FROM tenantd.seed WHERE name = 'from_file'"
          " AND convert_from(sql, 'UTF8') LIKE '%%2;'");
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

int main(void)
{
    char setting[128];
    Suite *suite = suite_create("api seeds");
    TCase *tc = tcase_create("seeds");

    if (!mkdtemp(folder))
        return 1;
    (void)snprintf(setting, sizeof setting, "TENANTD_SEEDS_FOLDER=%s", folder);
    const char *const settings[] = {setting, "TENANTD_MIGRATIONS_WATCH_INTERVAL_MS=100", NULL};
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, seeds_are_applied_once);
    tcase_add_test(tc, values_are_values);
    tcase_add_test(tc, wrong_seeds_and_requests);
    tcase_add_test(tc, folders_are_watched);
    suite_add_tcase(suite, tc);
    int failed = daemon_run(suite, settings);
    (void)rmdir(folder);
    return failed;
}
