/* SPDX-License-Identifier: MIT */
/* What a run shows while it is stuck, who keeps it waiting, and what its report says afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define RUNS "/v1/migration-runs"
#define NO_RUN RUNS "/01890000-0000-7000-8000-000000000000"
#define PUT_SQL(label, version, sql)                                                               \
    STEP(label, PUT, "/v1/catalogs/tenant/migrations/" version, sql, 201, NULL,                    \
         .type = "application/sql")

static const struct step prepare[] = {
    PUT_SQL("first", "0001_users", "CREATE TABLE users (id int, email text);"),
    STEP("tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'i1'},{'id':'i2'},{'id':'i3'},{'id':'i4'},{'id':'i5'}]}", 200, NULL,
         .headers = STEP_WAIT, .keep = "batch=/id", .json = {"/progress/succeeded == 5"}),
    PUT_SQL("second", "0002_unique", "ALTER TABLE users ADD note text;\n"
                                     "CREATE UNIQUE INDEX users_email ON users (email);"),
};

static const struct step start[] = {
    STEP("run", POST, RUNS,
         "{'selector':{'ids':['i1','i2','i3','i4']},'lock_timeout_ms':60000}", 202, NULL,
         .keep = "run=/id"),
    STEP("no report of what lives", GET, RUNS "/{run}/report", NULL, 409, "RUN_NOT_FINISHED"),
};

static const struct step stuck[] = {
    STEP("its task", GET, RUNS "/{run}/tasks?tenant_id=i1", NULL, 200, NULL,
         .keep = "task=/tasks/0/id", .json = {"/tasks# == 1", "/tasks/0/state == 'running'"}),
    STEP("alone", GET, RUNS "/{run}/tasks/{task}", NULL, 200, NULL,
         .json = {"/tenant_id == 'i1'", "/state == 'running'"}),
    STEP("its session", GET, RUNS "/{run}/tasks/{task}/session", NULL, 200, NULL,
         .json = {"/tenant_id == 'i1'", "/session/wait_event_type == 'Lock'",
                  "/session/application_name ~ 'tenantd/'", "/session/state == 'active'",
                  "/blocked_by# == 1", "/blocked_by/0/application_name == 'the blocker'",
                  "/blocked_by/0/state == 'idle in transaction'",
                  "/blocked_by/0/query ~ 'LOCK TABLE'"}),
    STEP("a straggler", GET, RUNS "/{run}", NULL, 200, NULL,
         .json = {"/stragglers# == 1", "/stragglers/0/tenant_id == 'i1'",
                  "/stragglers/0/task_id == {task}", "/eta_seconds != null",
                  "/rate_per_second != null", "/failures_by_sqlstate# == 1",
                  "/failures_by_sqlstate/0/sqlstate == '23505'",
                  "/failures_by_sqlstate/0/tenant_id == 'i4'",
                  "/failures_by_sqlstate/0/count == 1"}),
};

static const struct step refused[] = {
    STEP("no run", GET, NO_RUN "/tasks/1", NULL, 404, "JOB_NOT_FOUND"),
    STEP("no run's session", GET, NO_RUN "/tasks/1/session", NULL, 404, "JOB_NOT_FOUND"),
    STEP("no run's report", GET, NO_RUN "/report", NULL, 404, "JOB_NOT_FOUND"),
    STEP("another job's report", GET, RUNS "/{batch}/report", NULL, 404, "JOB_NOT_FOUND"),
    STEP("no task", GET, RUNS "/{run}/tasks/999999", NULL, 404, "TASK_NOT_FOUND"),
    STEP("no number", GET, RUNS "/{run}/tasks/one", NULL, 404, "TASK_NOT_FOUND"),
    STEP("a huge number", GET, RUNS "/{run}/tasks/99999999999999999999/session", NULL, 404,
         "TASK_NOT_FOUND"),
    STEP("a form that is not", GET, RUNS "/{run}/report?format=pdf", NULL, 400,
         "INVALID_PARAMETER"),
};

static const struct step ended[] = {
    STEP("until it ends", GET, RUNS "/{run}?wait=30", NULL, 200, NULL,
         .json = {"/state == 'partial'", "/stragglers == []", "/failures_by_sqlstate# == 1"}),
    STEP("it runs no more", GET, RUNS "/{run}/tasks/{task}/session", NULL, 404, "NOT_RUNNING"),
    STEP("as JSON", GET, RUNS "/{run}/report", NULL, 200, NULL,
         .json = {"/run/id == '{run}'", "/failed# == 1", "/failed/0/tenant_id == 'i4'",
                  "/failed/0/outcome/sqlstate == '23505'"}),
    STEP("as Markdown", GET, RUNS "/{run}/report?format=markdown", NULL, 200, NULL,
         .json = {"@Content-Type == 'text/markdown'", "body ~ '| 3 | 1 | 0 | 0 |'",
                  "body ~ '| i4 | MIGRATION&#95;FAILED | 23505 |'"}),
    STEP("as JUnit, for who accepts it", GET, RUNS "/{run}/report", NULL, 200, NULL,
         .headers = "Accept: application/xml\r\n",
         .json = {"@Content-Type == 'application/xml'", "body ~ 'tests=\\\"4\\\" failures=\\\"1\\\"'",
                  "body ~ '<testcase name=\\\"i1\\\" classname=\\\"migration.run\\\"'",
                  "body ~ 'type=\\\"23505\\\"'"}),
    STEP("the same by its name", GET, RUNS "/{run}/report?format=junit", NULL, 200, NULL,
         .json = {"body ~ '</testsuites>'"}),
};

static void run_tables(struct steps *steps, const char *locker)
{
    struct pg *blocker = pg_fixture_connect(), *watcher = pg_fixture_connect();

    steps_run_all(steps, prepare, ARRAY_LEN(prepare));
    pg_fixture_sql(watcher, "INSERT INTO tenant_i4.users VALUES (1, 'same'), (2, 'same')");
    pg_fixture_sql(blocker, "SET application_name = 'the blocker'; BEGIN");
    pg_fixture_sql(blocker, locker);
    steps_run_all(steps, start, ARRAY_LEN(start));
    for (int64_t until = clock_mono_ms() + 30000;;) {
        CLEANUP(freep) char *n = pg_fixture_value(
            watcher, "SELECT count(*) AS v FROM tenantd.job j JOIN tenantd.task t ON t.job_id = j.id"
                     " JOIN pg_stat_activity a ON a.application_name ="
                     "  'tenantd/' || t.claimed_by || '/' || t.slot AND a.wait_event_type = 'Lock'"
                     " WHERE t.tenant_id = 'i1' AND t.state = 'running'"
                     "  AND t.claimed_at < now() - interval '2100 ms'"
                     "  AND (j.progress ->> 'failed')::int = 1"
                     "  AND (j.progress ->> 'succeeded')::int = 2");
        if (str_eq(n, "1"))
            break;
        ck_assert_msg(clock_mono_ms() < until, "the run is not stuck as it should");
    }
    steps_run_all(steps, stuck, ARRAY_LEN(stuck));
    steps_run_all(steps, refused, ARRAY_LEN(refused));
    pg_fixture_sql(blocker, "ROLLBACK");
    steps_run_all(steps, ended, ARRAY_LEN(ended));
    pg_close(blocker);
    pg_close(watcher);
}

START_TEST(a_stuck_run_says_why)
{
    struct steps steps;

    steps_open(&steps);
    run_tables(&steps, "LOCK TABLE tenant_i1.users IN ACCESS SHARE MODE");
    steps_close(&steps);
}
END_TEST

int main(void)
{
    static const char *const settings[] = {"TENANTD_JOBS_WORKERS=4", NULL};
    Suite *suite = suite_create("api_insight");
    TCase *tc = tcase_create("all");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_stuck_run_says_why);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, settings);
}
