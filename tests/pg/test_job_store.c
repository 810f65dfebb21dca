/* SPDX-License-Identifier: MIT */
#include "tests/pg/job_support.h"

START_TEST(a_job_comes_back_as_it_went)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    json_auto_t *args = json_pack("{s:s, s:i}", "target", "\xc3\xa9\"", "n", 7);
    char id[UUID_TEXT_SIZE];
    struct job job;

    job_make(pg, SPEC(.subject = "acme", .args = args, .noop = 2, .request_id = "r1"), 3, "t", 0,
             id);
    OK(job_find(pg, id, &job, NULL));
    ck_assert_str_eq(job.id, id);
    ck_assert_str_eq(job.kind, "toy.run");
    ck_assert_str_eq(job.subject, "acme");
    ck_assert_str_eq(job.request_id, "r1");
    ck_assert_str_eq(job.retry_of, "");
    ck_assert(json_equal(job.args, args));
    ck_assert_int_eq(job.state, JOB_QUEUED);
    ck_assert_int_eq(job.progress.queued, 3);
    ck_assert_int_eq(job.progress.skipped, 2);
    ck_assert_ptr_null(job.started_at);
    ck_assert_ptr_null(job.result);
    ck_assert_int_eq(job.elapsed_ms, 0);
    ck_assert_uint_eq(strlen(job.created_at), strlen("2026-01-05T10:00:00.000Z"));
    job_clear(&job);
}
END_TEST

START_TEST(a_job_that_is_not_there_is_not_found)
{
    static const char *const ids[] = {"", "x", "00000000-0000-0000-0000-000000000000",
                                      "00000000-0000-0000-0000-00000000000g", "'; DROP TABLE x"};
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    const struct job_retry_spec by_t = {.created_by = "t"};
    struct job job;
    char new_id[UUID_TEXT_SIZE];
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        ck_assert_int_eq(job_find(pg, ids[i], &job, &err), ERR_JOB_NOT_FOUND);
        ck_assert_int_eq(job_cancel(pg, ids[i], &err), ERR_JOB_NOT_FOUND);
        ck_assert_int_eq(job_retry(pg, ids[i], &by_t, new_id, &err), ERR_JOB_NOT_FOUND);
        ck_assert_int_eq(job_reconcile(pg, ids[i], NULL, NULL, &err), ERR_JOB_NOT_FOUND);
    }
    ck_assert_int_eq(job_cancel(pg, "00000000-0000-0000-0000-000000000000-and-more", &err),
                     ERR_JOB_NOT_FOUND);
}
END_TEST

START_TEST(a_job_without_tasks_has_succeeded_at_once)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct job job;

    job_make(pg, SPEC(.noop = 4), 0, "t", 0, id);
    OK(job_find(pg, id, &job, NULL));
    ck_assert_int_eq(job.state, JOB_SUCCEEDED);
    ck_assert_int_eq(json_integer_value(json_object_get(job.result, "total")), 4);
    ck_assert_int_eq(json_integer_value(json_object_get(job.result, "skipped")), 4);
    ck_assert_ptr_nonnull(job.finished_at);
    job_clear(&job);
    job_make(pg, SPEC(.noop = 0), 0, "t", 0, id);
    ck_assert_int_eq(job_state_of(pg, id), JOB_SUCCEEDED);
}
END_TEST

START_TEST(a_rolled_back_job_is_not_there)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];

    pg_fixture_sql(pg, "BEGIN");
    OK(job_insert(pg, SPEC(.max_parallel = 1, .wave_count = 1), id, NULL));
    OK(task_insert(pg, id, 0, "t1", "default", 0, true, NULL, NULL));
    OK(job_enqueued(pg, id, NULL));
    ck_assert(pg_in_transaction(pg));
    pg_fixture_sql(pg, "ROLLBACK");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.job"), 0);
}
END_TEST

static void check_page(struct pg *pg, struct job_filter filter, int want)
{
    struct job *jobs = NULL;
    size_t n = 0;
    OK(job_list(pg, &filter, &jobs, &n, NULL));
    ck_assert_int_eq((int)n, want);
    for (size_t i = 0; i < n; i++)
        job_clear(&jobs[i]);
    free(jobs);
}

START_TEST(jobs_are_listed_newest_first_page_by_page)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE], after_id[UUID_TEXT_SIZE] = "", after_at[40] = "";
    int seen = 0;

    for (int i = 0; i < 7; i++)
        job_make(pg, SPEC(.subject = i % 2 ? "odd" : "even"), i < 3 ? 0 : 1, "t", 0, id);
    /* created in the same millisecond: the id decides */
    pg_fixture_sql(pg, "UPDATE tenantd.job SET created_at = date_trunc('second', now())");
    for (;;) {
        struct job_filter f = {.limit = 3,
                               .after_id = seen ? after_id : NULL,
                               .after_created_at = seen ? after_at : NULL};
        struct job *jobs = NULL;
        size_t n = 0;
        OK(job_list(pg, &f, &jobs, &n, NULL));
        for (size_t i = 0; i < n; i++) {
            ck_assert(!after_id[0] || strcmp(jobs[i].id, after_id) < 0);
            memcpy(after_id, jobs[i].id, sizeof after_id);
            (void)snprintf(after_at, sizeof after_at, "%s", jobs[i].created_at);
            job_clear(&jobs[i]);
        }
        free(jobs);
        seen += (int)n;
        if (!n)
            break;
    }
    ck_assert_int_eq(seen, 7);
    check_page(pg, (struct job_filter){.limit = 10, .state = "succeeded"}, 3);
    check_page(pg, (struct job_filter){.limit = 10, .state = "queued,succeeded"}, 7);
    check_page(pg, (struct job_filter){.limit = 10, .subject = "odd", .kind = "toy.run"}, 3);
    check_page(pg, (struct job_filter){.limit = 10, .kind = "nope"}, 0);
    check_page(pg, (struct job_filter){.limit = 10, .created_by = "test"}, 7);
}
END_TEST

START_TEST(tasks_are_listed_by_what_became_of_them)
{
    static const struct {
        struct task_filter filter;
        size_t want;
    } cases[] = {
        {{.limit = 100}, 6},
        {{.limit = 4}, 4},
        {{.limit = 100, .state = "failed"}, 2},
        {{.limit = 100, .tenant_id = "t3"}, 1},
        {{.limit = 100, .sqlstate = "42P01"}, 1},
        {{.limit = 100, .code = "MIGRATION_FAILED"}, 2},
        {{.limit = 100, .code = "MIGRATION_FAILED", .tenant_id = "t6"}, 0},
    };
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];

    job_make(pg, SPEC(.noop = 0), 6, "t", 0, id);
    pg_fixture_sql(pg, "UPDATE tenantd.task SET state = 'failed', finished_at = now(), outcome ="
                       " '{\"code\": \"MIGRATION_FAILED\"}' WHERE tenant_id IN ('t1', 't2');"
                       "UPDATE tenantd.task SET outcome = outcome || '{\"sqlstate\": \"42P01\"}'"
                       " WHERE tenant_id = 't2'");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct task *tasks = NULL;
        size_t n = 0;
        OK(task_list(pg, id, &cases[i].filter, &tasks, &n, NULL));
        ck_assert_uint_eq(n, cases[i].want);
        for (size_t k = 0; k < n; k++) {
            ck_assert_str_eq(tasks[k].job_id, id);
            task_clear(&tasks[k]);
        }
        free(tasks);
    }
}
END_TEST

START_TEST(a_queued_job_is_cancelled_at_once)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct err err;

    job_make(pg, SPEC(.noop = 0), 3, "t", 1, id);
    OK(job_cancel(pg, id, &err));
    ck_assert_int_eq(job_state_of(pg, id), JOB_CANCELLED);
    OK(job_cancel(pg, id, &err)); /* again */
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'cancelled'"
                             " AND finished_at IS NOT NULL AND outcome ->> 'code' = 'CANCELLED'"),
                     3);
    job_make(pg, SPEC(.noop = 0), 0, "t", 1, id);
    ck_assert_int_eq(job_cancel(pg, id, &err), ERR_INVALID_STATE);
}
END_TEST

START_TEST(a_running_job_is_cancelling_until_nothing_runs)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];

    job_make(pg, SPEC(.noop = 0), 3, "t", 0, id);
    tell(pg, "UPDATE tenantd.task SET state = 'running', claimed_by = gen_random_uuid(), slot = 0"
             " WHERE tenant_id = 't1'");
    OK(job_cancel(pg, id, NULL));
    ck_assert_int_eq(job_state_of(pg, id), JOB_CANCELLING);
    OK(job_cancel(pg, id, NULL));
    tell(pg, "UPDATE tenantd.task SET state = 'succeeded', claimed_by = NULL"
             " WHERE tenant_id = 't1'");
    OK(job_reconcile(pg, id, NULL, NULL, NULL));
    ck_assert_int_eq(job_state_of(pg, id), JOB_CANCELLED);
}
END_TEST

START_TEST(a_cancelled_provisioning_leaves_no_tenant_in_between)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];

    tell(pg, "INSERT INTO tenantd.tenant (id, server, schema_name, state)"
             " VALUES ('p1', 'default', 's1', 'provisioning'), ('p2', 'default', 's2', 'active')");
    job_make(pg, SPEC(.max_parallel = 1), 2, "p", 0, id);
    OK(job_cancel(pg, id, NULL));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant WHERE id = 'p1'"
                             " AND state = 'error' AND last_error ->> 'code' = 'CANCELLED'"),
                     1);
    ck_assert_int_eq(
        ask(pg, "SELECT count(*) AS v FROM tenantd.tenant WHERE id = 'p2' AND state = 'active'"), 1);
}
END_TEST

START_TEST(retry_takes_what_failed_and_what_was_cancelled)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE], again[UUID_TEXT_SIZE];
    struct err err;
    const struct job_retry_spec by_me = {.created_by = "me", .request_id = "r2"};
    struct job job;

    job_make(pg, SPEC(.subject = "s", .max_parallel = 3, .stop_on_failure = true), 6, "t", 2, id);
    ck_assert_int_eq(job_retry(pg, id, &by_me, again, &err), ERR_INVALID_STATE);
    tell(pg, "UPDATE tenantd.job SET wave_count = 3;"
             "UPDATE tenantd.task SET state = CASE WHEN wave = 0 THEN 'succeeded'"
             " WHEN wave = 1 THEN 'failed' ELSE 'cancelled' END");
    OK(job_reconcile(pg, id, NULL, NULL, NULL));
    ck_assert_int_eq(job_retry(pg, id, &by_me, again, &err), ERR_NOTHING_TO_RETRY);
    tell(pg, "INSERT INTO tenantd.tenant (id, server, schema_name, state)"
             " SELECT 't' || g, 'default', 't' || g, 'active' FROM generate_series(1, 6) g");
    OK(job_retry(pg, id, &by_me, again, &err));
    OK(job_find(pg, again, &job, &err));
    ck_assert_str_eq(job.retry_of, id);
    ck_assert_str_eq(job.created_by, "me");
    ck_assert_str_eq(job.subject, "s");
    ck_assert_int_eq(job.max_parallel, 3);
    ck_assert(job.stop_on_failure);
    ck_assert_int_eq(job.progress.queued, 4);
    job_clear(&job);
    /* what is left over is one wave */
    ck_assert_int_eq(ask(pg, "SELECT sum(wave + wave_count) AS v FROM tenantd.task t JOIN"
                             " tenantd.job j ON j.id = job_id WHERE j.id = '%s'", again), 4);
    job_make(pg, SPEC(.noop = 0), 0, "t", 1, id);
    ck_assert_int_eq(job_retry(pg, id, &by_me, again, &err), ERR_NOTHING_TO_RETRY);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.job"), 3);
}
END_TEST

START_TEST(reconciling_writes_only_what_moved)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    bool changed = true;
    job_state state = JOB_FAILED;
    int moved = -1;

    job_make(pg, SPEC(.wave_count = 2), 4, "t", 2, id);
    OK(job_reconcile(pg, id, &changed, &state, NULL));
    ck_assert(!changed);
    ck_assert_int_eq(state, JOB_QUEUED);
    int64_t version = ask(pg, "SELECT row_version AS v FROM tenantd.job");
    tell(pg, "UPDATE tenantd.task SET state = 'succeeded' WHERE wave = 0");
    OK(job_reconcile_all(pg, &moved, NULL));
    ck_assert_int_eq(moved, 1);
    OK(job_reconcile_all(pg, &moved, NULL));
    ck_assert_int_eq(moved, 0);
    ck_assert_int_eq(ask(pg, "SELECT open_wave AS v FROM tenantd.job"), 1);
    ck_assert_int_eq(ask(pg, "SELECT row_version AS v FROM tenantd.job"), version + 1);
    tell(pg, "UPDATE tenantd.task SET state = 'failed' WHERE wave = 1");
    OK(job_reconcile(pg, id, &changed, &state, NULL));
    ck_assert(changed);
    ck_assert_int_eq(state, JOB_PARTIAL);
    ck_assert_int_eq(ask(pg, "SELECT (result = '{\"total\": 4, \"succeeded\": 2, \"skipped\": 0,"
                             " \"failed\": 2, \"cancelled\": 0}')::int AS v FROM tenantd.job"),
                     1);
}
END_TEST

START_TEST(a_failed_strict_wave_ends_the_job)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];

    job_make(pg, SPEC(.wave_count = 2, .strict_waves = 1), 6, "t", 2, id);
    tell(pg, "UPDATE tenantd.task SET state = 'failed' WHERE tenant_id = 't1'");
    OK(job_reconcile(pg, id, NULL, NULL, NULL));
    ck_assert_int_eq(job_state_of(pg, id), JOB_RUNNING); /* t2 of the same wave goes on */
    tell(pg, "UPDATE tenantd.task SET state = 'succeeded' WHERE tenant_id = 't2'");
    OK(job_reconcile(pg, id, NULL, NULL, NULL));
    ck_assert_int_eq(job_state_of(pg, id), JOB_FAILED);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'cancelled'"),
                     4);
}
END_TEST

START_TEST(the_live_job_of_a_tenant_is_known)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE], found[UUID_TEXT_SIZE] = "x";

    OK(job_of_tenant(pg, "t1", found, NULL));
    ck_assert_str_eq(found, "");
    job_make(pg, SPEC(.noop = 0), 1, "t", 0, id);
    OK(job_of_tenant(pg, "t1", found, NULL));
    ck_assert_str_eq(found, id);
    OK(job_cancel(pg, id, NULL));
    OK(job_of_tenant(pg, "t1", found, NULL));
    ck_assert_str_eq(found, "");
}
END_TEST

START_TEST(only_old_finished_jobs_are_pruned)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char live[UUID_TEXT_SIZE], old[UUID_TEXT_SIZE], fresh[UUID_TEXT_SIZE];
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    job_make(pg, SPEC(.noop = 0), 1, "t", 0, live);
    job_make(pg, SPEC(.noop = 0), 0, "t", 0, old);
    job_make(pg, SPEC(.noop = 0), 0, "t", 0, fresh);
    tell(pg, "UPDATE tenantd.job SET finished_at = now() - interval '31 days' WHERE id = '%s'",
         old);
    tell(pg, "UPDATE tenantd.job SET created_at = now() - interval '31 days'");
    OK(job_prune(pg, 30, 10, NULL));
    ck_assert_int_eq(job_find(pg, old, &(struct job){.kind = NULL}, NULL), ERR_JOB_NOT_FOUND);
    char ids[120];
    (void)snprintf(ids, sizeof ids, "{%s,%s,%s}", live, old, fresh);
    OK(job_versions(pg, ids, &rows, NULL));
    ck_assert_uint_eq(pg_rows_count(rows), 2);
    ck_assert_int_ge(pg_bigint(rows, 0, "row_version"), 1);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("job_store");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_job_comes_back_as_it_went);
    tcase_add_test(tc, a_job_that_is_not_there_is_not_found);
    tcase_add_test(tc, a_job_without_tasks_has_succeeded_at_once);
    tcase_add_test(tc, a_rolled_back_job_is_not_there);
    tcase_add_test(tc, jobs_are_listed_newest_first_page_by_page);
    tcase_add_test(tc, tasks_are_listed_by_what_became_of_them);
    tcase_add_test(tc, a_queued_job_is_cancelled_at_once);
    tcase_add_test(tc, a_running_job_is_cancelling_until_nothing_runs);
    tcase_add_test(tc, a_cancelled_provisioning_leaves_no_tenant_in_between);
    tcase_add_test(tc, retry_takes_what_failed_and_what_was_cancelled);
    tcase_add_test(tc, reconciling_writes_only_what_moved);
    tcase_add_test(tc, a_failed_strict_wave_ends_the_job);
    tcase_add_test(tc, the_live_job_of_a_tenant_is_known);
    tcase_add_test(tc, only_old_finished_jobs_are_pruned);
    return run_suite("job_store", tc);
}
