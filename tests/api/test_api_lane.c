/* SPDX-License-Identifier: MIT */
/* Migrations outside of transactions, seen through the API: registered, run, dirty, taken up again;
 * new tenants; what becomes of waits for locks and of statements that take too long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define RUNS "/v1/migration-runs"
#define SQL .type = "application/sql"

static const struct step registered[] = {
    STEP("tables", PUT, T "0001_tables", "CREATE TABLE t (a int); CREATE TABLE u (a int);", 201,
         NULL, SQL, .json = {"/no_transaction == false"}),
    STEP("four tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'l0'},{'id':'l1'},{'id':'l2'},{'id':'l3'}]}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/progress/succeeded == 4"}),
    STEP("an index", PUT, T "0002_index",
         "ALTER TABLE t ADD b int;\nCREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a);", 201, NULL, SQL,
         .json = {"/no_transaction == true", "/statements == 2"}),
    STEP("by the file's own word", PUT, T "0003_mood",
         "-- tenantd: no-transaction\nCREATE TYPE mood AS ENUM ('a'); ALTER TYPE mood ADD VALUE 'b';"
         " CREATE TABLE m (x mood DEFAULT 'b');",
         201, NULL, SQL, .json = {"/no_transaction == true"}),
    STEP("in the list", GET, "/v1/catalogs/tenant/migrations", NULL, 200, NULL,
         .json = {"/migrations/0/no_transaction == false", "/migrations/1/no_transaction == true"}),
    STEP("what would run", POST, RUNS "?dry_run=true", "{'selector':{'all':true}}", 200, NULL,
         .json = {"/cohorts/0/pending == ['0002_index','0003_mood']",
                  "/cohorts/0/sql ~ '0002_index: outside of transactions'",
                  "/cohorts/0/sql ~ 'CREATE UNIQUE INDEX CONCURRENTLY t_a'",
                  "/cohorts/0/sql ~ 'ADD VALUE'"}),
};

static const struct step dirty[] = {
    STEP("one has doubles", POST, RUNS, "{'selector':{'all':true}}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/state == 'partial'", "/progress/succeeded == 3", "/progress/failed == 1",
                  "/failures/0/tenant_id == 'l1'", "/failures/0/outcome/code == 'MIGRATION_FAILED'",
                  "/failures/0/outcome/sqlstate == '23505'",
                  "/failures/0/outcome/version == '0002_index'",
                  "/failures/0/outcome/statement == 2", "/failures/0/outcome/line == 2"}),
    STEP("the fleet", GET, "/v1/migration-status", NULL, 200, NULL,
         .json = {"/tenants == 4", "/ok == 3", "/dirty == 1", "/behind == 0"}),
    STEP("which one", GET, "/v1/tenants?migration_state=dirty", NULL, 200, NULL,
         .json = {"/tenants# == 1", "/tenants/0/id == 'l1'",
                  "/tenants/0/migration/status == 'dirty'"}),
    STEP("by its schema", GET, "/v1/tenants/l1/migrations", NULL, 200, NULL,
         .json = {"/status == 'dirty'", "/pending == 2", "/migrations/1/state == 'dirty'",
                  "/migrations/2/state == 'pending'"}),
    STEP("it is not taken back under its feet", DELETE, T "0002_index", NULL, 409,
         "MIGRATION_APPLIED"),
    STEP("read anew", POST, "/v1/migration-status/refresh", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'"}),
    STEP("still dirty", GET, "/v1/migration-status", NULL, 200, NULL, .json = {"/dirty == 1"}),
};

static const struct step cleared[] = {
    STEP("again", POST, RUNS, "{'selector':{'ids':['l1']}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/succeeded == 1"}),
    STEP("all well", GET, "/v1/migration-status", NULL, 200, NULL,
         .json = {"/ok == 4", "/dirty == 0"}),
    /* a value added to an enum and used after: not in one transaction, by PostgreSQL up to 16 */
    STEP("a new tenant", POST, "/v1/tenants", "{'id':'l4'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

#define INDEXES                                                                                    \
    "SELECT count(*)::text AS v FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"           \
    " WHERE c.relname = 't_a' AND i.indisvalid AND i.indisunique"

START_TEST(what_was_begun_is_seen_and_taken_up_again)
{
    struct pg *pg = pg_fixture_connect();

    STEPS_RUN(registered);
    pg_fixture_sql(pg, "INSERT INTO tenant_l1.t VALUES (1), (1)");
    STEPS_RUN(dirty);
    pg_fixture_sql(pg, "DELETE FROM tenant_l1.t");
    STEPS_RUN(cleared);
    CLEANUP(freep) char *indexes = pg_fixture_value(pg, INDEXES);
    ck_assert_str_eq(indexes, "5");
    pg_close(pg);
}
END_TEST

#define BLANKS                                                                                     \
    "                                                                                          "   \
    "                                                                                          "

static const struct step locked[] = {
    STEP("one more", PUT, T "0004_d", "SELECT 1;\n  ALTER TABLE u ADD d int;", 201, NULL, SQL),
    STEP("a lock is held", POST, RUNS,
         "{'selector':{'all':true},'lock_timeout_ms':50,'lock_attempts':2}", 200, NULL,
         .headers = STEP_WAIT, .keep = "run=/id",
         .json = {"/state == 'partial'", "/progress/succeeded == 4", "/progress/failed == 1",
                  "/args/lock_attempts == 2", "/failures/0/tenant_id == 'l2'",
                  "/failures/0/lock_waits == 2", "/failures/0/attempt == 1",
                  "/failures/0/outcome/code == 'LOCK_UNAVAILABLE'",
                  "/failures/0/outcome/sqlstate == '55P03'", "/failures/0/outcome/line == 2",
                  "/failures/0/outcome/blocked_by/0/application_name == 'in the way'",
                  "/failures/0/outcome/blocked_by/0/state == 'idle in transaction'"}),
    STEP("whose query", GET, RUNS "/{run}", NULL, 200, NULL,
         .json = {"/failures/0/outcome/blocked_by# == 1",
                  "/failures/0/outcome/blocked_by/0/query ~ 'LOCK TABLE tenant_l2.u'",
                  "/failures/0/outcome/blocked_by/0/query_start != null"}),
    STEP("no attempts", POST, RUNS, "{'selector':{'all':true},'lock_attempts':0}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/lock_attempts'"}),
};

static const struct step too_long[] = {
    STEP("retried", POST, RUNS, "{'selector':{'all':true}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/succeeded == 1"}),
    STEP("one that takes long", PUT, T "0005_e", "SELECT 1;\n  SELECT pg_sleep(60);", 201, NULL,
         SQL),
    STEP("once more, then it is a failure", POST, RUNS,
         "{'selector':{'ids':['l0']},'statement_timeout_ms':100}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/failures/0/attempt == 2",
                  "/failures/0/outcome/code == 'MIGRATION_FAILED'",
                  "/failures/0/outcome/sqlstate == '57014'", "/failures/0/outcome/line == 2",
                  "/failures/0/outcome/column == 3", "/failures/0/outcome/version == '0005_e'"}),
    STEP("taken back", DELETE, T "0005_e", NULL, 204, NULL),
};

START_TEST(locks_and_time_run_out)
{
    struct pg *pg = pg_fixture_connect(), *other = pg_fixture_connect();

    pg_fixture_sql(other, "SET application_name = 'in the way'; BEGIN");
    pg_fixture_sql(other, "LOCK TABLE tenant_l2.u IN ACCESS SHARE MODE -- \xc3\xa9" BLANKS "!");
    STEPS_RUN(locked);
    pg_fixture_sql(other, "ROLLBACK");
    STEPS_RUN(too_long);
    pg_close(other);
    pg_close(pg);
}
END_TEST

/* A migration that says what a full disk would. */
static const struct step full[] = {
    STEP("the disk is full", PUT, T "0006_full",
         "DO $$ BEGIN IF EXISTS (SELECT FROM public.disk) THEN"
         " RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END IF; END $$;",
         201, NULL, SQL),
    STEP("nobody fails", POST, RUNS, "{'selector':{'all':true}}", 202, NULL, .keep = "run=/id"),
};

static const struct step paused[] = {
    STEP("the server says why", GET, "/v1/servers/default", NULL, 200, NULL,
         .json = {"/state == 'paused'", "/reason/sqlstate == '53100'",
                  "/reason/message == 'no space left'", "/reason/since != null",
                  "/reason/probe_at != null", "/reason/code == 'DATABASE_UNAVAILABLE'"}),
    STEP("nobody failed", GET, RUNS, NULL, 200, NULL,
         .json = {"/migration_runs/0/state == 'running'", "/migration_runs/0/progress/failed == 0",
                  "/migration_runs/0/progress/succeeded == 0"}),
};

static const struct step resumed[] = {
    STEP("they all go on by themselves", GET, RUNS "/{run}?wait=50", NULL, 200, NULL,
         .json = {"/state == 'succeeded'", "/progress/succeeded == 5", "/failures == []"}),
    STEP("the server is well", GET, "/v1/servers", NULL, 200, NULL,
         .json = {"/servers/0/state == 'online'", "/servers/0/reason == null"}),
};

static void await(struct pg *pg, const char *sql)
{
    for (int i = 0; i < 20000; i++) {
        CLEANUP(freep) char *value = pg_fixture_value(pg, sql);
        if (str_eq(value, "true"))
            return;
    }
    ck_abort_msg("%s", sql);
}

START_TEST(a_full_disk_pauses_the_server_and_fails_nobody)
{
    struct pg *pg = pg_fixture_connect();
    struct steps steps;

    pg_fixture_sql(pg, "CREATE TABLE public.disk AS SELECT true"); /* no row: there is room */
    steps_open(&steps);
    steps_run_all(&steps, full, ARRAY_LEN(full));
    await(pg, "SELECT (trouble IS NOT NULL)::text AS v FROM tenantd.server");
    await(pg, "SELECT (probes > 0)::text AS v FROM tenantd.server"); /* tried, and still full */
    steps_run_all(&steps, paused, ARRAY_LEN(paused));
    pg_fixture_sql(pg, "DELETE FROM public.disk");
    steps_run_all(&steps, resumed, ARRAY_LEN(resumed));
    steps_close(&steps);
    pg_close(pg);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api lane");
    TCase *tc = tcase_create("lane");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_was_begun_is_seen_and_taken_up_again);
    tcase_add_test(tc, locks_and_time_run_out);
    tcase_add_test(tc, a_full_disk_pauses_the_server_and_fails_nobody);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
