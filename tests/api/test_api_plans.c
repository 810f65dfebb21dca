/* SPDX-License-Identifier: MIT */
/* The way back and the way planned: down scripts, runs that go down, plans, rollbacks. */
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
#define PLANS "/v1/migration-plans"
#define SQL .type = "application/sql"

static const struct step down_scripts[] = {
    STEP("a migration", PUT, S "0001_a", "CREATE TABLE sa (id int);", 201, NULL, SQL,
         .keep = "sha=/sha256", .json = {"/down == null"}),
    STEP("no way back", GET, S "0001_a/down", NULL, 404, "MIGRATION_NOT_FOUND"),
    STEP("to be forgotten", DELETE, S "0001_a/down", NULL, 404, "MIGRATION_NOT_FOUND"),
    STEP("of no migration", PUT, S "0009_x/down", "DROP TABLE x;", 404, "MIGRATION_NOT_FOUND", SQL),
    STEP("of no catalog", PUT, "/v1/catalogs/none/migrations/0001_a/down", "DROP TABLE x;", 404,
         "CATALOG_NOT_FOUND", SQL),
    STEP("the catalog", GET, "/v1/catalogs/shared", NULL, 200, NULL, .keep = "r=/revision"),
    STEP("nothing", PUT, S "0001_a/down", "", 400, "BAD_REQUEST", SQL),
    STEP("only words", PUT, S "0001_a/down", "-- later\n", 422, "DOWN_MISMATCH", SQL),
    STEP("no SQL", PUT, S "0001_a/down", "SELECT 1;\n DORP TABLE sa;", 422, "SQL_SYNTAX_ERROR", SQL,
         .json = {"/metadata/line == 2", "/metadata/column == 2"}),
    STEP("no statement for it", PUT, S "0001_a/down", "COMMIT;", 422, "STATEMENT_NOT_ALLOWED", SQL),
    STEP("not SQL's type", PUT, S "0001_a/down", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    STEP("the wrong digest", PUT, S "0001_a/down", "SELECT 2;", 422, "DIGEST_MISMATCH", SQL,
         .headers = "Repr-Digest: sha-256=:F9tP02ntuSRLn5HZru0UXD0ErYum6V0GJH8HpjUn0Ro=:\r\n"),
    STEP("nothing has changed", GET, "/v1/catalogs/shared", NULL, 200, NULL,
         .json = {"/revision == {r}"}),
    STEP("the way back", PUT, S "0001_a/down", "DROP TABLE sa; SELECT 1;", 201, NULL, SQL,
         .keep = "down=/sha256", .json = {"/statements == 2", "/in_file == false"}),
    STEP("again", PUT, S "0001_a/down", "DROP TABLE sa; SELECT 1;", 200, NULL, SQL,
         .json = {"/sha256 == '{down}'"}),
    STEP("a new revision", GET, "/v1/catalogs/shared", NULL, 200, NULL,
         .json = {"/revision != {r}"}),
    STEP("get", GET, S "0001_a/down", NULL, 200, NULL,
         .json = {"/sql == 'DROP TABLE sa; SELECT 1;'", "@ETag ~ '{down}'"}),
    STEP("get, unchanged", GET, S "0001_a/down", NULL, 304, NULL,
         .headers = "If-None-Match: \"{down}\"\r\n"),
    STEP("get as SQL", GET, S "0001_a/down", NULL, 200, NULL,
         .headers = "Accept: application/sql\r\n", .json = {"body == 'DROP TABLE sa; SELECT 1;'"}),
    STEP("another way", PUT, S "0001_a/down", "DROP TABLE sa;", 201, NULL, SQL),
    STEP("the migration is the same", GET, S "0001_a", NULL, 200, NULL,
         .json = {"/sha256 == '{sha}'", "/down/statements == 1", "/sql ~ 'CREATE'"}),
    STEP("without it again", PUT, S "0001_a", "CREATE TABLE sa (id int);", 200, NULL, SQL,
         .json = {"/down/statements == 1"}),
    STEP("forgotten", DELETE, S "0001_a/down", NULL, 204, NULL),
    STEP("there is none", GET, S "0001_a", NULL, 200, NULL, .json = {"/down == null"}),
};

static const struct step sections[] = {
    STEP("a section", PUT, S "0002_b",
         "CREATE TABLE sb (id int);\n-- migrate:down\nDROP TABLE sb;\n", 201, NULL, SQL,
         .json = {"/statements == 1", "/down/statements == 1", "/down/in_file == true"}),
    STEP("as it stands there", GET, S "0002_b/down", NULL, 200, NULL,
         .json = {"/sql == 'DROP TABLE sb;\\n'"}),
    STEP("cannot be replaced", PUT, S "0002_b/down", "SELECT 1;", 409, "MIGRATION_IMMUTABLE", SQL),
    STEP("nor forgotten", DELETE, S "0002_b/down", NULL, 409, "MIGRATION_IMMUTABLE"),
    STEP("a section too many", PUT, S "0003_c",
         "SELECT 1;\n-- migrate:down\nSELECT 2;\n-- migrate:up\nSELECT 3;", 422, "SQL_SYNTAX_ERROR",
         SQL, .json = {"/metadata/line == 4"}),
    STEP("a section that is wrong", PUT, S "0003_c", "SELECT 1;\n-- migrate:down\n VACUUM;", 422,
         "STATEMENT_NOT_ALLOWED", SQL, .json = {"/metadata/line == 3", "/metadata/column == 2"}),
};

static const struct step bundles[] = {
    STEP("both ways", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0004_d.up.sql','content':'CREATE TABLE sd (id int);'},"
         "{'path':'0004_d.down.sql','content':'DROP TABLE sd;'},"
         "{'path':'0005_e.sql','content':'SELECT 5;'},{'path':'0005_e.down.sql','content':''}]}",
         201, NULL, .json = {"/added == ['0004_d','0005_e']", "/downs == 1"}),
    STEP("again", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0004_d.sql','content':'CREATE TABLE sd (id int);'},"
         "{'path':'0004_d.down.sql','content':'DROP TABLE sd;'}]}",
         200, NULL, .keep = "r=/revision", .json = {"/unchanged == 1", "/downs == 0"}),
    STEP("another way back", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0004_d.sql','content':'CREATE TABLE sd (id int);'},"
         "{'path':'0004_d.down.sql','content':'DROP TABLE IF EXISTS sd;'}]}",
         200, NULL, .json = {"/unchanged == 1", "/downs == 1", "/revision != {r}"}),
    STEP("it is that", GET, S "0004_d/down", NULL, 200, NULL, .json = {"/sql ~ 'IF EXISTS'"}),
    STEP("of nothing", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0006_f.down.sql','content':'SELECT 1;'}]}", 422, "DOWN_MISMATCH"),
    STEP("refused", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0006_f.sql','content':''},{'path':'0006_f.down.sql',"
         "'content':'SELECT 1;\\nCOMMIT;'}]}",
         422, "STATEMENT_NOT_ALLOWED", .json = {"/metadata/line == 2"}),
};

START_TEST(down_scripts_are_registered)
{
    STEPS_RUN(down_scripts);
    STEPS_RUN(sections);
    STEPS_RUN(bundles);
}
END_TEST

#define DOWN(table) "CREATE TABLE " table " (id int);\n-- migrate:down\nDROP TABLE " table ";\n"

static const struct step fleet[] = {
    STEP("a", PUT, T "0001_a", DOWN("ta"), 201, NULL, SQL),
    STEP("b", PUT, T "0002_b", "CREATE TABLE tb (id int);", 201, NULL, SQL),
    STEP("three tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'p1'},{'id':'p2'},{'id':'p3'}]}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 3"}),
    STEP("c", PUT, T "0003_c", DOWN("tc"), 201, NULL, SQL),
    STEP("d", PUT, T "0004_d", "CREATE TABLE td (id int);", 201, NULL, SQL),
    STEP("its way back", PUT, T "0004_d/down", "SELECT 1;\nDROP TABLE td;", 201, NULL, SQL),
    STEP("all of them", POST, RUNS, "{'selector':{'all':true}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 3"}),
};

static const struct step going_down[] = {
    STEP("an older target alone does nothing", POST, RUNS,
         "{'selector':{'all':true},'target':'0002_b'}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/skipped == 3", "/progress/succeeded == 0"}),
    STEP("no target", POST, RUNS, "{'selector':{'all':true},'direction':'down'}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/target'"}),
    STEP("no such target", POST, RUNS,
         "{'selector':{'all':true},'direction':'down','target':'0009_x'}", 422, "UNKNOWN_TARGET"),
    STEP("none is for down", POST, RUNS, "{'selector':{'all':true},'target':'none'}", 422,
         "UNKNOWN_TARGET"),
    STEP("sideways", POST, RUNS, "{'selector':{'all':true},'direction':'left'}", 422,
         "VALIDATION_FAILED"),
    STEP("the shared schema does not follow", POST, RUNS,
         "{'selector':{'all':true},'direction':'down','target':'0002_b','include_shared':true}",
         422, "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/include_shared'"}),
    STEP("a look at it", POST, RUNS "?dry_run=true",
         "{'selector':{'all':true},'direction':'down','target':'0003_c'}", 200, NULL,
         .json = {"/cohorts# == 1", "/cohorts/0/pending == ['0004_d']",
                  "/cohorts/0/problem == null", "/cohorts/0/sql ~ 'DROP TABLE td'",
                  "/cohorts/0/sql ~ 'DELETE FROM'", "/target == '0003_c'"}),
    STEP("one of them has no way back", POST, RUNS "?dry_run=true",
         "{'selector':{'all':true},'direction':'down','target':'none'}", 200, NULL,
         .json = {"/cohorts/0/problem/code == 'NO_DOWN_MIGRATION'", "/cohorts/0/sql == ''"}),
    STEP("one tenant, one step", POST, "/v1/tenants/p1/migrate",
         "{'direction':'down','target':'0003_c'}", 200, NULL, .headers = STEP_WAIT,
         .keep = "one=/id", .json = {"/state == 'succeeded'", "/args/direction == 'down'"}),
    STEP("its task says so", GET, RUNS "/{one}/tasks", NULL, 200, NULL,
         .json = {"/tasks/0/outcome/reverted == 1", "/tasks/0/outcome/applied == absent"}),
    STEP("it stands there", GET, "/v1/tenants/p1", NULL, 200, NULL,
         .json = {"/migration/head == '0003_c'", "/migration/pending == 1"}),
    STEP("the fleet", POST, RUNS, "{'selector':{'all':true},'direction':'down','target':'0002_b'}",
         200, NULL, .headers = STEP_WAIT, .json = {"/progress/succeeded == 3"}),
    STEP("again", POST, RUNS, "{'selector':{'all':true},'direction':'down','target':'0002_b'}", 200,
         NULL, .headers = STEP_WAIT, .json = {"/progress/skipped == 3", "/state == 'succeeded'"}),
    STEP("further is refused, tenant by tenant", POST, RUNS,
         "{'selector':{'all':true},'direction':'down','target':'0001_a'}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/failures/0/outcome/code == 'NO_DOWN_MIGRATION'",
                  "/failures/0/outcome/message ~ '0002_b'"}),
    STEP("nothing has happened to them", GET, "/v1/migration-status", NULL, 200, NULL,
         .json = {"/cohorts# == 1", "/cohorts/0/head == '0002_b'"}),
    STEP("up again", POST, RUNS, "{'selector':{'all':true}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 3"}),
};

START_TEST(runs_go_down_when_told_to)
{
    STEPS_RUN(fleet);
    STEPS_RUN(going_down);
}
END_TEST

static const struct step failing_down[] = {
    STEP("a way back that fails", PUT, T "0004_d/down", "SELECT 1;\n DROP TABLE td, nothing;", 201,
         NULL, SQL),
    STEP("run", POST, RUNS, "{'selector':{'ids':['p1']},'direction':'down','target':'0003_c'}", 200,
         NULL, .headers = STEP_WAIT, .keep = "run=/id",
         .json = {"/failures/0/outcome/version == '0004_d'", "/failures/0/outcome/statement == 2",
                  "/failures/0/outcome/line == 2", "/failures/0/outcome/sqlstate == '42P01'"}),
    STEP("repaired", PUT, T "0004_d/down", "SELECT 1;\nDROP TABLE td;", 201, NULL, SQL),
    STEP("retried", POST, RUNS "/{run}/retry", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 1", "/args/direction == 'down'"}),
    STEP("up again", POST, RUNS, "{'selector':{'all':true}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/progress/succeeded == 1"}),
    STEP("the shared schema, up", POST, "/v1/shared/migrate", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("and down", POST, "/v1/shared/migrate", "{'direction':'down','target':'0002_b'}", 422,
         "UNKNOWN_TARGET"),
};

START_TEST(a_way_back_that_fails)
{
    STEPS_RUN(failing_down);
}
END_TEST

static const struct step fifth[] = {
    STEP("e", PUT, T "0005_e",
         "CREATE INDEX ON ta (id);\nCREATE TABLE te (id int);\n-- migrate:down\nDROP TABLE te;\n"
         "DROP INDEX ta_id_idx;\n",
         201, NULL, SQL),
    STEP("label", PATCH, "/v1/tenants/p3", "{'labels':{'ring':'one'}}", 200, NULL,
         .type = "application/merge-patch+json"),
};

static const struct step bad_plans[] = {
    STEP("nothing", POST, PLANS, "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/selector'"}),
    STEP("for nobody", POST, PLANS, "{'selector':{}}", 422, "EMPTY_SELECTOR"),
    STEP("for strangers", POST, PLANS, "{'selector':{'ids':['p1','x1','x2']}}", 422,
         "VALIDATION_FAILED",
         .json = {"/errors# == 2", "/errors/1/pointer == '/selector/ids/2'",
                  "/errors/0/code == 'TENANT_NOT_FOUND'"}),
    STEP("to nowhere", POST, PLANS, "{'selector':{'all':true},'target':'0099_x'}", 422,
         "UNKNOWN_TARGET"),
    STEP("down to where", POST, PLANS, "{'selector':{'all':true},'direction':'down'}", 422,
         "VALIDATION_FAILED"),
    STEP("all that is wrong", POST, PLANS,
         "{'selector':{'all':true},'catalog':'shared','direction':'left','allow':['magic'],"
         "'lock_timeout_ms':-1,'max_parallel':3,'plan_id':'x'}",
         422, "VALIDATION_FAILED", .json = {"/errors# == 6"}),
    STEP("a strategy that is none", POST, PLANS,
         "{'selector':{'all':true},'strategy':{'waves':[{'percent':101}]}}", 422,
         "VALIDATION_FAILED"),
    STEP("no way back", POST, PLANS, "{'selector':{'all':true},'direction':'down','target':'none'}",
         409, "NO_DOWN_MIGRATION",
         .json = {"/metadata/cohorts# == 1", "/metadata/cohorts/0/tenants == 3",
                  "/metadata/cohorts/0/sample == ['p1','p2','p3']",
                  "/metadata/cohorts/0/code == 'NO_DOWN_MIGRATION'", "/detail ~ '0002_b'"}),
    STEP("nothing was stored", GET, PLANS, NULL, 200, NULL, .json = {"/migration_plans == []"}),
    STEP("no plan", GET, PLANS "/nonsense", NULL, 404, "PLAN_NOT_FOUND"),
    STEP("nor its targets", GET, PLANS "/018cc251-f400-7000-8000-000000000007/targets", NULL, 404,
         "PLAN_NOT_FOUND"),
    STEP("nor to be deleted", DELETE, PLANS "/018cc251-f400-7000-8000-000000000007", NULL, 404,
         "PLAN_NOT_FOUND"),
    STEP("nor to be run", POST, RUNS, "{'plan_id':'018cc251-f400-7000-8000-000000000007'}", 422,
         "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/plan_id'", "/errors/0/code == 'PLAN_NOT_FOUND'"}),
    STEP("a number", POST, RUNS, "{'plan_id':7}", 422, "VALIDATION_FAILED"),
    STEP("a state that is none", GET, PLANS "?state=odd", NULL, 400, "INVALID_PARAMETER"),
};

static const struct step good_plan[] = {
    STEP("plan", POST, PLANS, "{'selector':{'all':true},'lock_timeout_ms':1234}", 201, NULL,
         .keep = "plan=/id hash=/plan_hash sql=/cohorts/0/steps/0/sha256",
         .json = {"/state == 'open'", "/tenants == 3", "/noop == 0", "/target == '0005_e'",
                  "/direction == 'up'", "/run_id == null", "/cohorts# == 1",
                  "/cohorts/0/tenants == 3", "/cohorts/0/head == '0004_d'",
                  "/cohorts/0/steps/0/version == '0005_e'",
                  "/cohorts/0/sql ~ 'lock_timeout = 1234'", "/cohorts/0/set == absent"}),
    STEP("the same in full", GET, PLANS "/{plan}", NULL, 200, NULL,
         .json = {"/cohorts/0/hazards# == 1", "/cohorts/0/hazards/0/rule == 'create_index'",
                  "/cohorts/0/hazards/0/table == 'ta'",
                  "/cohorts/0/est_locks == [{'table':'ta','lock':'SHARE'}]",
                  "/cohorts/0/sql ~ 'CREATE TABLE te'", "/cohorts/0/pending == ['0005_e']",
                  "/request/selector == {'all':true}", "/request/target == '0005_e'"}),
    STEP("the dry run says the same", POST, RUNS "?dry_run=true",
         "{'selector':{'all':true},'lock_timeout_ms':1234}", 200, NULL,
         .json = {"/cohorts/0/steps/0/sha256 == '{sql}'"}),
    STEP("planned again: the same", POST, PLANS, "{'selector':{'all':true},'lock_timeout_ms':1234}",
         201, NULL, .keep = "again=/id", .json = {"/plan_hash == '{hash}'"}),
    STEP("not the same", POST, PLANS, "{'selector':{'ids':['p1']}}", 201, NULL, .keep = "one=/id",
         .json = {"/plan_hash != '{hash}'", "/tenants == 1"}),
    STEP("targets", GET, PLANS "/{plan}/targets?page_size=2", NULL, 200, NULL,
         .keep = "t=/next_page_token",
         .json = {"/targets# == 2", "/targets/0/tenant_id == 'p1'", "/targets/0/cohort == 0",
                  "/targets/0/schema == 'tenant_p1'", "/targets/0/server == 'default'"}),
    STEP("the rest", GET, PLANS "/{plan}/targets?page_size=2&page_token={t}", NULL, 200, NULL,
         .json = {"/targets# == 1", "/next_page_token == absent"}),
    STEP("list", GET, PLANS "?page_size=2", NULL, 200, NULL, .keep = "l=/next_page_token",
         .json = {"/migration_plans# == 2", "/migration_plans/0/id == '{one}'",
                  "/migration_plans/0/cohorts == absent"}),
    STEP("the rest of it", GET, PLANS "?page_size=2&page_token={l}", NULL, 200, NULL,
         .json = {"/migration_plans# == 1", "/migration_plans/0/id == '{plan}'"}),
    STEP("by state", GET, PLANS "?state=used", NULL, 200, NULL, .json = {"/migration_plans == []"}),
    STEP("by nobody", GET, PLANS "?created_by=nobody", NULL, 200, NULL,
         .json = {"/migration_plans == []"}),
    STEP("deleted", DELETE, PLANS "/{one}", NULL, 204, NULL),
    STEP("it is gone", GET, PLANS "/{one}", NULL, 404, "PLAN_NOT_FOUND"),
};

static const struct step plan_run[] = {
    STEP("a plan", GET, PLANS "?state=open", NULL, 200, NULL,
         .keep = "again=/migration_plans/0/id plan=/migration_plans/1/id"),
    STEP("contradictions", POST, RUNS,
         "{'plan_id':'{plan}','target':'0004_d','selector':{'ids':['p1']},'direction':'down',"
         "'allow':['modified'],'lock_timeout_ms':1}",
         422, "VALIDATION_FAILED", .json = {"/errors# == 5", "/errors/0/code == 'CONTRADICTION'"}),
    STEP("not dry", POST, RUNS "?dry_run=true", "{'plan_id':'{plan}'}", 422, "VALIDATION_FAILED"),
    STEP("run, saying the same", POST, RUNS,
         "{'plan_id':'{plan}','target':'0005_e','selector':{'all':true},'max_parallel':2}", 200,
         NULL, .headers = STEP_WAIT, .keep = "run=/id",
         .json = {"/state == 'succeeded'", "/progress/total == 3", "/args/plan_id == '{plan}'",
                  "/args/target == '0005_e'", "/args/lock_timeout_ms == 1234"}),
    STEP("it is used", GET, PLANS "/{plan}", NULL, 200, NULL,
         .json = {"/state == 'used'", "/run_id == '{run}'"}),
    STEP("once", POST, RUNS, "{'plan_id':'{plan}'}", 409, "PLAN_USED",
         .json = {"/metadata/subject == '{run}'"}),
    STEP("the other is stale", POST, RUNS, "{'plan_id':'{again}'}", 409, "PLAN_STALE",
         .json = {"/metadata/tenants# == 3", "/metadata/tenants/0/tenant_id == 'p1'",
                  "/metadata/cohorts == []"}),
    STEP("by state", GET, PLANS "?state=used", NULL, 200, NULL, .json = {"/migration_plans# == 1"}),
};

START_TEST(plans_are_made_and_run_once)
{
    STEPS_RUN(fifth);
    STEPS_RUN(bad_plans);
    STEPS_RUN(good_plan);
    STEPS_RUN(plan_run);
}
END_TEST

static const struct step rollback[] = {
    STEP("the run", GET, RUNS "?page_size=1", NULL, 200, NULL, .keep = "run=/migration_runs/0/id"),
    STEP("back, all wrong", POST, RUNS "/{run}/rollback-plan",
         "{'selector':{'all':true},'target':'0001_a','allow':['x']}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 3"}),
    STEP("one is back already", POST, "/v1/tenants/p2/migrate",
         "{'direction':'down','target':'0004_d'}", 200, NULL, .headers = STEP_WAIT,
         .keep = "down=/id"),
    STEP("a plan to go back", POST, RUNS "/{run}/rollback-plan", NULL, 201, NULL,
         .keep = "plan=/id",
         .json = {"/direction == 'down'", "/tenants == 2", "/noop == 1", "/target == null",
                  "/rollback_of == '{run}'", "/cohorts/0/steps/0/version == '0005_e'",
                  "/cohorts/0/sql ~ 'DROP TABLE te'", "/cohorts/0/hazards/0/rule == 'drop_table'",
                  "/cohorts/0/hazards/0/line == 4"}),
    STEP("who goes up is not who goes down", POST, RUNS,
         "{'plan_id':'{plan}','direction':'up','selector':{'all':true}}", 422, "VALIDATION_FAILED",
         .json = {"/errors# == 2"}),
    STEP("back", POST, RUNS, "{'plan_id':'{plan}'}", 200, NULL, .headers = STEP_WAIT,
         .keep = "back=/id",
         .json = {"/state == 'succeeded'", "/progress/succeeded == 2", "/args/target == null",
                  "/args/direction == 'down'"}),
    STEP("they are where they were", GET, "/v1/migration-status", NULL, 200, NULL,
         .json = {"/cohorts# == 1", "/cohorts/0/head == '0004_d'", "/cohorts/0/tenants == 3"}),
    STEP("nothing is left to take back", POST, RUNS "/{run}/rollback-plan", "{}", 409,
         "NOTHING_TO_REVERT"),
    STEP("nor of a run that went down", POST, RUNS "/{back}/rollback-plan", "{}", 409,
         "INVALID_STATE"),
    STEP("of no run", POST, RUNS "/nonsense/rollback-plan", NULL, 404, "JOB_NOT_FOUND"),
    STEP("of another job", GET, "/v1/jobs?kind=tenant.create", NULL, 200, NULL,
         .keep = "job=/jobs/0/id"),
    STEP("is no run", POST, RUNS "/{job}/rollback-plan", NULL, 404, "JOB_NOT_FOUND"),
};

START_TEST(a_run_is_taken_back)
{
    STEPS_RUN(rollback);
}
END_TEST

static const struct step staleness[] = {
    STEP("up, by a plan", POST, PLANS, "{'selector':{'ids':['p1','p2']}}", 201, NULL,
         .keep = "up=/id"),
    STEP("back, by a plan", POST, PLANS,
         "{'selector':{'labels':{'ring':'one'}},'direction':'down','target':'0003_c'}", 201, NULL,
         .keep = "back=/id", .json = {"/tenants == 1", "/cohorts/0/pending == ['0004_d']"}),
    STEP("another way back", PUT, T "0004_d/down", "DROP TABLE td;", 201, NULL, SQL),
    STEP("is not what was planned", POST, RUNS, "{'plan_id':'{back}'}", 409, "PLAN_STALE",
         .json = {"/metadata/cohorts# == 1", "/metadata/cohorts/0/cohort == 0",
                  "/metadata/cohorts/0/sample == ['p3']", "/metadata/tenants == []"}),
    STEP("the way up is as it was", PUT, T "0006_f", "CREATE TABLE tf (id int);", 201, NULL, SQL),
    STEP("one is suspended", POST, "/v1/tenants/p1/suspend", NULL, 200, NULL),
    STEP("one is archived", DELETE, "/v1/tenants/p2?force=true", NULL, 200, NULL),
    STEP("which is told", POST, RUNS, "{'plan_id':'{up}'}", 409, "PLAN_STALE",
         .json = {"/metadata/cohorts == []", "/metadata/tenants# == 1",
                  "/metadata/tenants/0/tenant_id == 'p2'",
                  "/metadata/tenants/0/detail ~ 'archived'"}),
    STEP("and is back", POST, "/v1/tenants/p2/resume", NULL, 200, NULL),
    STEP("so it runs, to what was planned", POST, RUNS, "{'plan_id':'{up}'}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/succeeded == 2", "/args/target == '0005_e'"}),
    STEP("with a strategy", POST, PLANS,
         "{'selector':{'all':true},'strategy':{'canary':{'tenants':['p2']},"
         "'waves':[{'percent':100}]}}",
         201, NULL, .keep = "staged=/id", .json = {"/tenants == 3", "/cohorts# == 2"}),
    STEP("another strategy", POST, RUNS, "{'plan_id':'{staged}','strategy':{'waves':[{}]}}", 422,
         "VALIDATION_FAILED"),
    STEP("is the run's", POST, RUNS, "{'plan_id':'{staged}'}", 200, NULL, .headers = STEP_WAIT,
         .keep = "run=/id", .json = {"/state == 'succeeded'", "/progress/succeeded == 3"}),
    STEP("the canary came first", GET, RUNS "/{run}/tasks", NULL, 200, NULL,
         .json = {"/tasks/0/tenant_id == 'p2'"}),
    STEP("nothing to do is a plan too", POST, PLANS, "{'selector':{'all':true}}", 201, NULL,
         .keep = "idle=/id", .json = {"/tenants == 0", "/noop == 3", "/cohorts == []"}),
    STEP("and a run", POST, RUNS, "{'plan_id':'{idle}'}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/total == 0"}),
    STEP("one that will expire", POST, PLANS, "{'selector':{'all':true}}", 201, NULL,
         .keep = "late=/id"),
};

static const struct step expired[] = {
    STEP("list", GET, PLANS "?state=expired", NULL, 200, NULL, .keep = "late=/migration_plans/0/id",
         .json = {"/migration_plans# == 3"}),
    STEP("too late", POST, RUNS, "{'plan_id':'{late}'}", 410, "PLAN_EXPIRED"),
};

START_TEST(a_plan_must_still_be_true)
{
    struct pg *pg = pg_fixture_connect();

    STEPS_RUN(staleness);
    pg_fixture_sql(pg, "UPDATE tenantd.plan SET expires_at = now()");
    STEPS_RUN(expired);
    pg_close(pg);
}
END_TEST

static const struct step access_steps[] = {
    STEP("a reader", POST, "/v1/tokens", "{'name':'v','role':'viewer'}", 201, NULL,
         .keep = "v=/token"),
    STEP("reads plans", GET, PLANS, NULL, 200, NULL, .token = "{v}"),
    STEP("but makes none", POST, PLANS, "{'selector':{'all':true}}", 403, "PERMISSION_DENIED",
         .token = "{v}"),
    STEP("a planner", POST, "/v1/tokens", "{'name':'p','scopes':['migrations:plan']}", 201, NULL,
         .keep = "p=/token"),
    STEP("makes plans", POST, PLANS, "{'selector':{'all':true}}", 201, NULL, .token = "{p}",
         .keep = "plan=/id"),
    STEP("but no runs", POST, RUNS, "{'plan_id':'{plan}'}", 403, "PERMISSION_DENIED",
         .token = "{p}"),
    STEP("once for a key", POST, PLANS, "{'selector':{'all':true}}", 201, NULL, .keep = "k=/id",
         .headers = "Idempotency-Key: plan-1\r\n"),
    STEP("and again", POST, PLANS, "{'selector':{'all':true}}", 201, NULL,
         .headers = "Idempotency-Key: plan-1\r\n",
         .json = {"/id == '{k}'", "@Idempotent-Replayed == 'true'"}),
};

START_TEST(who_may_plan)
{
    STEPS_RUN(access_steps);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api plans");
    TCase *tc = tcase_create("plans");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, runs_go_down_when_told_to);
    tcase_add_test(tc, a_way_back_that_fails);
    tcase_add_test(tc, plans_are_made_and_run_once);
    tcase_add_test(tc, a_run_is_taken_back);
    tcase_add_test(tc, a_plan_must_still_be_true);
    tcase_add_test(tc, who_may_plan);
    tcase_add_test(tc, down_scripts_are_registered);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
