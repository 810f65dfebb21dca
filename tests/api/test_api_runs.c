/* SPDX-License-Identifier: MIT */
/* Migration runs: previews, outcomes, failures by tenant, stopping, cancelling, retrying, the shared
 * schema, targets and deviations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define S "/v1/catalogs/shared/migrations/"
#define RUNS "/v1/migration-runs"
#define SQL .type = "application/sql"

static const struct step ten_tenants[] = {
    STEP("first", PUT, T "0001_users", "CREATE TABLE users (id serial PRIMARY KEY, email text);",
         201, NULL, SQL),
    STEP("ten tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'r0'},{'id':'r1'},{'id':'r2'},{'id':'r3','labels':{'ring':'one'}},"
         "{'id':'r4','labels':{'ring':'one'}},{'id':'r5'},{'id':'r6'},{'id':'r7'},{'id':'r8'},"
         "{'id':'r9'}]}",
         200, NULL, .headers = STEP_WAIT, .json = {"/progress/succeeded == 10"}),
    STEP("second", PUT, T "0002_unique",
         "CREATE TABLE log (at timestamptz);\n"
         "CREATE UNIQUE INDEX users_email ON users (email);",
         201, NULL, SQL),
};

static const struct step previews[] = {
    STEP("status", GET, "/v1/migration-status", NULL, 200, NULL,
         .json = {"/head == '0002_unique'", "/tenants == 10", "/behind == 10", "/ok == 0",
                  "/cohorts# == 1", "/cohorts/0/pending == 1"}),
    STEP("of a tenant", GET, "/v1/tenants/r0/migrations", NULL, 200, NULL,
         .json = {"/tenant_id == 'r0'", "/catalog == 'tenant'", "/schema == 'tenant_r0'",
                  "/status == 'behind'", "/migrations# == 2", "/migrations/0/state == 'applied'",
                  "/migrations/1/state == 'pending'", "/migrations/1/applied_at == null"}),
    STEP("of none", GET, "/v1/tenants/none/migrations", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("behind", GET, "/v1/tenants?migration_state=behind", NULL, 200, NULL,
         .json = {"/tenants# == 10"}),
    STEP("dry run", POST, RUNS "?dry_run=true", "{'selector':{'all':true},'include_shared':true}",
         200, NULL,
         .json = {"/dry_run == true", "/target == '0002_unique'", "/tenants == 10", "/noop == 0",
                  "/cohorts# == 1", "/cohorts/0/pending == ['0002_unique']",
                  "/cohorts/0/sample# == 5", "/cohorts/0/sql ~ 'CREATE UNIQUE INDEX'",
                  "/cohorts/0/problem == null", "/shared/pending == []"}),
    STEP("dry run for a target that is reached", POST, RUNS "?dry_run=true",
         "{'selector':{'all':true},'target':'0001_users'}", 200, NULL,
         .json = {"/noop == 10", "/cohorts == []", "/shared == null"}),
};

START_TEST(a_dry_run_changes_nothing)
{
    static const char all[] = "SELECT md5(string_agg(v, ',')) AS v FROM ("
                              " SELECT t::text AS v FROM tenantd.tenant t"
                              " UNION ALL SELECT j::text FROM tenantd.job j"
                              " UNION ALL SELECT k::text FROM tenantd.task k"
                              " UNION ALL SELECT c.oid::regclass::text FROM pg_class c"
                              "  WHERE relnamespace::regnamespace::text LIKE 'tenant\\_%'"
                              " ORDER BY v) x";
    struct pg *pg = pg_fixture_connect();

    STEPS_RUN(ten_tenants);
    steps_run_table(previews, 3); /* reading a tenant's table notes that it was read */
    CLEANUP(freep) char *before = pg_fixture_value(pg, all);
    steps_run_table(previews + 3, ARRAY_LEN(previews) - 3);
    CLEANUP(freep) char *after = pg_fixture_value(pg, all);
    ck_assert_str_eq(before, after);
    pg_close(pg);
}
END_TEST

static const struct step one_in_ten[] = {
    STEP("run", POST, RUNS, "{'selector':{'all':true},'max_parallel':3}", 200, NULL,
         .headers = STEP_WAIT, .keep = "run=/id",
         .json = {"/kind == 'migration.run'", "/state == 'partial'", "/progress/succeeded == 9",
                  "/progress/failed == 1", "/failures# == 1", "/failures/0/tenant_id == 'r4'",
                  "/failures/0/outcome/sqlstate == '23505'",
                  "/failures/0/outcome/version == '0002_unique'",
                  "/failures/0/outcome/statement == 2"}),
    STEP("get", GET, RUNS "/{run}", NULL, 200, NULL, .keep = "etag=@ETag",
         .json = {"/state == 'partial'"}),
    STEP("get, unchanged", GET, RUNS "/{run}", NULL, 304, NULL,
         .headers = "If-None-Match: {etag}\r\n"),
    STEP("expected otherwise", GET, RUNS "/{run}?wait=1&expect=succeeded", NULL, 409, "JOB_OUTCOME",
         .json = {"/metadata/job/id == '{run}'", "/metadata/job/state == 'partial'"}),
    STEP("expected so", GET, RUNS "/{run}?wait=1&expect=partial", NULL, 200, NULL),
    STEP("expected what", GET, RUNS "/{run}?wait=1&expect=luck", NULL, 400, "INVALID_PARAMETER"),
    STEP("waiting too long", GET, RUNS "/{run}?wait=56", NULL, 400, "INVALID_PARAMETER"),
    STEP("failed tasks", GET, RUNS "/{run}/tasks?state=failed", NULL, 200, NULL,
         .json = {"/tasks# == 1", "/tasks/0/tenant_id == 'r4'"}),
    STEP("by SQLSTATE", GET, RUNS "/{run}/tasks?sqlstate=23505", NULL, 200, NULL,
         .json = {"/tasks# == 1"}),
    STEP("by another SQLSTATE", GET, RUNS "/{run}/tasks?sqlstate=42P01", NULL, 200, NULL,
         .json = {"/tasks == []"}),
    STEP("by code", GET, RUNS "/{run}/tasks?code=MIGRATION_FAILED", NULL, 200, NULL,
         .json = {"/tasks# == 1"}),
    STEP("by tenant", GET, RUNS "/{run}/tasks?tenant_id=r3", NULL, 200, NULL,
         .json = {"/tasks# == 1", "/tasks/0/state == 'succeeded'",
                  "/tasks/0/outcome/applied == 1"}),
    STEP("no such state", GET, RUNS "/{run}/tasks?state=broken", NULL, 400, "INVALID_PARAMETER"),
    STEP("tasks 1", GET, RUNS "/{run}/tasks?page_size=6", NULL, 200, NULL,
         .keep = "t=/next_page_token", .json = {"/tasks# == 6"}),
    STEP("tasks 2", GET, RUNS "/{run}/tasks?page_size=6&page_token={t}", NULL, 200, NULL,
         .json = {"/tasks# == 4", "/next_page_token == absent"}),
    STEP("tasks of no run", GET, RUNS "/01890000-0000-7000-8000-000000000000/tasks", NULL, 404,
         "JOB_NOT_FOUND"),
    STEP("the tenant says it", GET, "/v1/tenants/r4", NULL, 200, NULL,
         .json = {"/state == 'active'", "/migration/status == 'behind'",
                  "/last_error/code == 'MIGRATION_FAILED'"}),
    STEP("status", GET, "/v1/migration-status", NULL, 200, NULL,
         .json = {"/ok == 9", "/behind == 1", "/cohorts# == 2"}),
    STEP("cancel what has ended", POST, RUNS "/{run}/cancel", NULL, 409, "INVALID_STATE"),
    STEP("retry fails as before", POST, RUNS "/{run}/retry", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/retry_of == '{run}'", "/progress/total == 1"}),
};

static const struct step repaired[] = {
    STEP("runs", GET, RUNS "?state=partial", NULL, 200, NULL, .keep = "run=/migration_runs/0/id",
         .json = {"/migration_runs# == 1"}),
    STEP("retry", POST, RUNS "/{run}/retry", "{}", 200, NULL, .headers = STEP_WAIT, .keep = "again=/id",
         .json = {"/state == 'succeeded'", "/progress/succeeded == 1"}),
    STEP("retry what succeeded", POST, RUNS "/{again}/retry", NULL, 409, "NOTHING_TO_RETRY"),
    STEP("no error any more", GET, "/v1/tenants/r4", NULL, 200, NULL,
         .json = {"/migration/status == 'ok'", "/last_error == null"}),
    STEP("nothing to do", POST, RUNS, "{'selector':{'all':true}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/skipped == 10", "/progress/total == 10"}),
    STEP("nothing to do for one", POST, "/v1/tenants/r1/migrate", NULL, 200, NULL,
         .headers = STEP_WAIT, .json = {"/progress/skipped == 1", "/subject/id == 'r1'"}),
};

START_TEST(one_tenant_in_ten_fails)
{
    struct pg *pg = pg_fixture_connect();

    pg_fixture_sql(pg, "INSERT INTO tenant_r4.users (email) VALUES ('x'), ('x')");
    STEPS_RUN(one_in_ten);
    CLEANUP(freep) char *half = pg_fixture_value(pg, "SELECT to_regclass('tenant_r4.log') AS v");
    ck_assert_str_eq(half, "");
    pg_fixture_sql(pg, "DELETE FROM tenant_r4.users");
    STEPS_RUN(repaired);
    pg_close(pg);
}
END_TEST

static const struct step bad_runs[] = {
    STEP("no selector", POST, RUNS, "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/selector'"}),
    STEP("empty selector", POST, RUNS, "{'selector':{}}", 422, "EMPTY_SELECTOR"),
    STEP("all and more", POST, RUNS, "{'selector':{'all':true,'ids':['r1']}}", 422,
         "VALIDATION_FAILED"),
    STEP("not all", POST, RUNS, "{'selector':{'all':false}}", 422, NULL),
    STEP("ids that are none", POST, RUNS, "{'selector':{'ids':['r1','nope','r2','nada']}}", 422,
         "VALIDATION_FAILED",
         .json = {"/errors# == 2", "/errors ~ '/selector/ids/1'", "/errors ~ '/selector/ids/3'"}),
    STEP("ids of another type", POST, RUNS, "{'selector':{'ids':[1]}}", 422, "VALIDATION_FAILED"),
    STEP("no ids", POST, RUNS, "{'selector':{'ids':[]}}", 422, NULL),
    STEP("labels of another type", POST, RUNS, "{'selector':{'labels':'x'}}", 422,
         "VALIDATION_FAILED"),
    STEP("a selector by another name", POST, RUNS, "{'selector':{'tenants':['r1']}}", 422, NULL),
    STEP("no such target", POST, RUNS, "{'selector':{'all':true},'target':'0009_x'}", 422,
         "UNKNOWN_TARGET", .json = {"/errors/0/pointer == '/target'"}),
    STEP("no such target, dry", POST, RUNS "?dry_run=true",
         "{'selector':{'all':true},'target':'0009_x'}", 422, "UNKNOWN_TARGET"),
    STEP("allow what", POST, RUNS, "{'selector':{'all':true},'allow':['magic']}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/allow/0'"}),
    STEP("values out of range", POST, RUNS,
         "{'selector':{'all':true},'max_parallel':0,'lock_timeout_ms':-1,'on_failure':'panic',"
         "'statement_timeout_ms':86400001,'include_shared':1}",
         422, "VALIDATION_FAILED", .json = {"/errors# == 5"}),
    STEP("a number beyond integers", POST, RUNS,
         "{'selector':{'all':true},'max_parallel':99999999999999999999}", 400, "MALFORMED_JSON"),
    STEP("a fraction", POST, RUNS, "{'selector':{'all':true},'max_parallel':1.5}", 422,
         "VALIDATION_FAILED"),
    STEP("one tenant: a selector is not known", POST, "/v1/tenants/r1/migrate",
         "{'selector':{'all':true}}", 422, "VALIDATION_FAILED"),
    STEP("one tenant: none", POST, "/v1/tenants/none/migrate", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("one tenant: no such target", POST, "/v1/tenants/r1/migrate", "{'target':'x'}", 422,
         "UNKNOWN_TARGET"),
    STEP("no run", GET, RUNS "/nonsense", NULL, 404, "JOB_NOT_FOUND"),
    STEP("cancel no run", POST, RUNS "/nonsense/cancel", NULL, 404, "JOB_NOT_FOUND"),
    STEP("retry no run", POST, RUNS "/nonsense/retry", NULL, 404, "JOB_NOT_FOUND"),
    STEP("another job", GET, "/v1/jobs?kind=tenant.create", NULL, 200, NULL, .keep = "job=/jobs/0/id"),
    STEP("is no run", GET, RUNS "/{job}", NULL, 404, "JOB_NOT_FOUND"),
    STEP("its tasks neither", GET, RUNS "/{job}/tasks", NULL, 404, "JOB_NOT_FOUND"),
    STEP("nor to be retried here", POST, RUNS "/{job}/retry", NULL, 404, "JOB_NOT_FOUND"),
    STEP("nor cancelled", POST, RUNS "/{job}/cancel", NULL, 404, "JOB_NOT_FOUND"),
};

START_TEST(what_runs_refuse)
{
    STEPS_RUN(bad_runs);
}
END_TEST

static const struct step cancelling[] = {
    STEP("a slow one", PUT, T "0003_slow", "SELECT pg_sleep(60);", 201, NULL, SQL),
    STEP("run", POST, RUNS, "{'selector':{'all':true},'max_parallel':2}", 202, NULL,
         .keep = "run=/id etag=/etag", .json = {"/state != 'succeeded'", "@Retry-After == '1'"}),
    STEP("until it moves", GET, RUNS "/{run}?wait=20", NULL, 200, NULL,
         .headers = "If-None-Match: \"{etag}\"\r\n", .json = {"/state == 'running'"}),
    STEP("still live", GET, RUNS "/{run}?wait=1&expect=succeeded", NULL, 202, NULL),
    STEP("its tenant is busy", GET, "/v1/tenants?page_size=1", NULL, 200, NULL,
         .json = {"/tenants/0/active_job == '{run}'"}),
    STEP("nor archived", DELETE, "/v1/tenants/r0?force=true", NULL, 409, "TENANT_BUSY",
         .json = {"/metadata/subject == '{run}'"}),
    STEP("nor purged", DELETE, "/v1/tenants/r0?mode=purge&force=true", NULL, 409, "TENANT_BUSY"),
    STEP("nothing has failed yet", POST, RUNS "/{run}/retry", NULL, 409, "NOTHING_TO_RETRY"),
    STEP("cancel", POST, RUNS "/{run}/cancel", NULL, 202, NULL,
         .json = {"/cancel_requested == true"}),
    STEP("it ends at once", GET, RUNS "/{run}?wait=20&expect=cancelled", NULL, 200, NULL,
         .json = {"/state == 'cancelled'", "/progress/cancelled == 10", "/progress/running == 0"}),
    STEP("a cancelled tenant is as before", GET, "/v1/tenants/r0/migrations", NULL, 200, NULL,
         .json = {"/migrations/2/state == 'pending'"}),
    STEP("the time is up", POST, RUNS, "{'selector':{'ids':['r1']},'statement_timeout_ms':100}",
         200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/failures/0/outcome/sqlstate == '57014'"}),
    STEP("taken back", DELETE, T "0003_slow", NULL, 204, NULL),
};

static const struct step stopping[] = {
    STEP("one that always fails", PUT, T "0003_fails", "SELECT 1/0;", 201, NULL, SQL),
    STEP("stop at the first", POST, RUNS,
         "{'selector':{'all':true},'max_parallel':1,'on_failure':'stop'}", 200, NULL,
         .headers = STEP_WAIT, .keep = "run=/id",
         .json = {"/state == 'failed'", "/progress/cancelled != 0", "/progress/succeeded == 0",
                  "/failures/0/outcome/sqlstate == '22012'"}),
    STEP("stopped ones can be retried", POST, RUNS "/{run}/retry", NULL, 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'failed'", "/progress/total == 10"}),
    STEP("taken back", DELETE, T "0003_fails", NULL, 204, NULL),
};

START_TEST(cancelled_and_stopped)
{
    STEPS_RUN(cancelling);
    STEPS_RUN(stopping);
}
END_TEST

static const struct step targets[] = {
    STEP("third", PUT, T "0003_c", "CREATE TABLE c (id int);", 201, NULL, SQL),
    STEP("fourth", PUT, T "0004_d", "CREATE TABLE d (id int);", 201, NULL, SQL),
    STEP("by label, up to the third", POST, RUNS,
         "{'selector':{'labels':{'ring':'one'}},'target':'0003_c'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/progress/succeeded == 2", "/args/target == '0003_c'"}),
    STEP("one stands there", GET, "/v1/tenants/r3", NULL, 200, NULL,
         .json = {"/migration/head == '0003_c'", "/migration/pending == 1"}),
    STEP("ids and labels must both hold", POST, RUNS "?dry_run=true",
         "{'selector':{'labels':{'ring':'one'},'ids':['r0','r3']}}", 200, NULL,
         .json = {"/tenants == 1"}),
    STEP("one tenant up to the third", POST, "/v1/tenants/r5/migrate", "{'target':'0003_c'}", 200,
         NULL, .headers = STEP_WAIT, .json = {"/state == 'succeeded'", "/subject/id == 'r5'"}),
    STEP("suspended tenants are migrated", POST, "/v1/tenants/r6/suspend", NULL, 200, NULL),
    STEP("archived ones are not", DELETE, "/v1/tenants/r7?force=true", NULL, 200, NULL),
    STEP("three cohorts", POST, RUNS, "{'selector':{'all':true}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 9", "/progress/total == 9"}),
    STEP("behind, but archived", GET, "/v1/tenants/r7", NULL, 200, NULL,
         .json = {"/migration/status == 'behind'"}),
    STEP("status", GET, "/v1/migration-status", NULL, 200, NULL,
         .json = {"/tenants == 9", "/ok == 9"}),
};

static const struct step deviations[] = {
    STEP("refreshed", POST, "/v1/migration-status/refresh", "{'selector':{'ids':['r0','r1','r2']}}",
         200, NULL, .headers = STEP_WAIT, .json = {"/state == 'succeeded'", "/progress/total == 3"}),
    STEP("refreshed, all", POST, "/v1/migration-status/refresh", NULL, 200, NULL,
         .headers = STEP_WAIT, .json = {"/progress/total == 9"}),
    STEP("refresh what", POST, "/v1/migration-status/refresh", "{'selector':{}}", 422,
         "EMPTY_SELECTOR"),
    STEP("refresh whom", POST, "/v1/migration-status/refresh", "{'selector':{'ids':['ghost']}}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/selector/ids/0'"}),
    STEP("diverged", GET, "/v1/tenants?migration_state=diverged", NULL, 200, NULL,
         .json = {"/tenants# == 1", "/tenants/0/id == 'r0'"}),
    STEP("a run refuses it", POST, RUNS, "{'selector':{'ids':['r0']}}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/failures/0/outcome/code == 'HISTORY_DIVERGED'"}),
    STEP("the preview says so", POST, RUNS "?dry_run=true", "{'selector':{'ids':['r0']}}", 200, NULL,
         .json = {"/cohorts/0/problem/code == 'HISTORY_DIVERGED'"}),
    STEP("it is allowed", POST, RUNS, "{'selector':{'ids':['r0']},'allow':['orphaned']}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("what is orphaned shows", GET, "/v1/tenants/r0/migrations", NULL, 200, NULL,
         .json = {"/orphaned == 1", "/status == 'diverged'", "/migrations ~ 'orphaned'"}),
};

START_TEST(targets_and_deviations)
{
    struct pg *pg = pg_fixture_connect();

    STEPS_RUN(targets);
    pg_fixture_sql(pg, "INSERT INTO tenant_r0.__drizzle_migrations (name) VALUES ('0001_by_hand')");
    STEPS_RUN(deviations);
    pg_close(pg);
}
END_TEST

static const struct step shared[] = {
    STEP("shared", GET, "/v1/shared", NULL, 200, NULL,
         .json = {"/schema == 'public'", "/catalog_head == null", "/seeding_configured == false"}),
    STEP("a shared migration", PUT, S "0001_plans", "CREATE TABLE plans (id int PRIMARY KEY);", 201,
         NULL, SQL),
    STEP("pending", GET, "/v1/shared/migrations", NULL, 200, NULL,
         .json = {"/tenant_id == null", "/catalog == 'shared'", "/status == 'behind'",
                  "/schema == 'public'"}),
    STEP("preview", POST, RUNS "?dry_run=true", "{'selector':{'all':true},'include_shared':true}",
         200, NULL,
         .json = {"/shared/pending == ['0001_plans']", "/shared/sql ~ 'CREATE TABLE plans'"}),
    STEP("migrate shared", POST, "/v1/shared/migrate", "{}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/kind == 'shared.migrate'", "/state == 'succeeded'"}),
    STEP("migrate shared again", POST, "/v1/shared/migrate", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/skipped == 1"}),
    STEP("no such target", POST, "/v1/shared/migrate", "{'target':'0009_x'}", 422,
         "UNKNOWN_TARGET"),
    STEP("unknown members", POST, "/v1/shared/migrate", "{'selector':{'all':true}}", 422,
         "VALIDATION_FAILED"),
    STEP("two more", PUT, S "0002_a", "CREATE TABLE shared_a (id int);", 201, NULL, SQL),
    STEP("the last", PUT, S "0003_b", "CREATE TABLE shared_b (id int);", 201, NULL, SQL),
    STEP("only the first of them", POST, "/v1/shared/migrate", "{'target':'0002_a'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("stands there", GET, "/v1/shared/migrations", NULL, 200, NULL,
         .json = {"/head == '0002_a'", "/pending == 1"}),
    STEP("and the rest", POST, "/v1/shared/migrate", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("a shared one that fails", PUT, S "0004_fails", "SELECT 1/0;", 201, NULL, SQL),
    STEP("a tenants' one", PUT, T "0005_e", "CREATE TABLE e (id int);", 201, NULL, SQL),
    STEP("no tenant is touched when the shared schema fails", POST, RUNS,
         "{'selector':{'ids':['r1','r2']},'include_shared':true}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/progress/failed == 1", "/progress/cancelled == 2",
                  "/progress/succeeded == 0", "/failures/0/tenant_id == null",
                  "/failures/0/outcome/sqlstate == '22012'"}),
    STEP("they are behind", GET, "/v1/tenants/r1", NULL, 200, NULL,
         .json = {"/migration/status == 'behind'"}),
    STEP("taken back", DELETE, S "0004_fails", NULL, 204, NULL),
    STEP("and now together", POST, RUNS, "{'selector':{'ids':['r1','r2']},'include_shared':true}",
         200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/succeeded == 2", "/progress/total == 3"}),
};

START_TEST(the_shared_schema)
{
    STEPS_RUN(shared);
}
END_TEST

static const struct step lists[] = {
    STEP("runs 1", GET, RUNS "?page_size=1", NULL, 200, NULL, .keep = "t=/next_page_token",
         .json = {"/migration_runs# == 1", "/migration_runs/0/kind == 'migration.run'"}),
    STEP("runs 2", GET, RUNS "?page_size=1&page_token={t}", NULL, 200, NULL,
         .json = {"/migration_runs# == 1"}),
    STEP("of one tenant", GET, RUNS "?subject=r5", NULL, 200, NULL,
         .json = {"/migration_runs# == 1", "/migration_runs/0/subject/id == 'r5'"}),
    STEP("cancelled", GET, RUNS "?state=cancelled", NULL, 200, NULL,
         .json = {"/migration_runs# == 1"}),
    STEP("no such state", GET, RUNS "?state=odd", NULL, 400, "INVALID_PARAMETER"),
    STEP("by nobody", GET, RUNS "?created_by=nobody", NULL, 200, NULL,
         .json = {"/migration_runs == []"}),
};

START_TEST(lists_of_runs)
{
    STEPS_RUN(lists);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api runs");
    TCase *tc = tcase_create("runs");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_dry_run_changes_nothing);
    tcase_add_test(tc, one_tenant_in_ten_fails);
    tcase_add_test(tc, what_runs_refuse);
    tcase_add_test(tc, cancelled_and_stopped);
    tcase_add_test(tc, targets_and_deviations);
    tcase_add_test(tc, the_shared_schema);
    tcase_add_test(tc, lists_of_runs);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
