/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "core/job/claim.h"
#include "core/job/finish.h"
#include "core/job/worker_store.h"
#include "core/tenant/server_store.h"
#include "tests/pg/job_support.h"

static const struct worker_spec host = {
    .host = "h", .build = "b", .kinds = "{toy.run}", .slots = 8};

static int size_of_chunk(void *arg, const char *kind)
{
    (void)kind;
    return *(int *)arg;
}

/* Claims as a slot of a worker; CLAIM_BUSY is asked again. */
static claim_answer claim(struct pg *pg, const char *worker, int slot, int size, struct chunk *out)
{
    struct claimer claimer = {.worker = worker,
                              .slot = slot,
                              .kinds = "{toy.run}",
                              .default_max_parallel = 4,
                              .chunk_size = size_of_chunk,
                              .arg = &size};
    claim_answer answer = CLAIM_BUSY;
    struct err err;
    while (answer == CLAIM_BUSY)
        if (claim_chunk(pg, &claimer, &answer, out, &err))
            ck_abort_msg("%s", err.msg);
    return answer;
}

static int claim_count(struct pg *pg, const char *worker, int slot, int size)
{
    struct chunk chunk;
    if (claim(pg, worker, slot, size, &chunk) != CLAIM_GOT)
        return 0;
    int n = (int)chunk.count;
    chunk_clear(&chunk);
    return n;
}

START_TEST(a_claim_takes_a_chunk_and_begins_the_job)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE], worker[UUID_TEXT_SIZE];
    struct chunk chunk;

    OK(worker_register(pg, &host, worker, NULL));
    job_make(pg, SPEC(.noop = 0), 5, "t", 0, id);
    ck_assert_int_eq(claim(pg, worker, 3, 2, &chunk), CLAIM_GOT);
    ck_assert_uint_eq(chunk.count, 2);
    ck_assert(chunk.job_began);
    ck_assert(chunk.server_is_control);
    ck_assert_str_eq(chunk.server, "default");
    ck_assert_str_eq(chunk.worker, worker);
    ck_assert_str_eq(chunk.job.id, id);
    ck_assert_int_eq(chunk.tasks[0].attempt, 1);
    ck_assert_int_eq(chunk.tasks[0].state, TASK_RUNNING);
    chunk_clear(&chunk);
    ck_assert_int_eq(job_state_of(pg, id), JOB_RUNNING);
    ck_assert_int_eq(claim(pg, worker, 4, 9, &chunk), CLAIM_GOT);
    ck_assert(!chunk.job_began);
    ck_assert_uint_eq(chunk.count, 3);
    chunk_clear(&chunk);
    ck_assert_int_eq(claim_count(pg, worker, 5, 9), 0);
}
END_TEST

static const struct rule_case {
    const char *what, *sql;
    int want; /* tasks claimed of ten at one go of four */
} rule_cases[] = {
    {"nothing in the way", "SELECT 1", 4},
    {"a kind this build does not know", "UPDATE tenantd.job SET kind = 'other'", 0},
    {"the server is paused", "UPDATE tenantd.server SET state = 'paused'", 0},
    {"the job is being cancelled", "UPDATE tenantd.job SET cancel_requested_at = now()", 0},
    {"not yet", "UPDATE tenantd.task SET run_after = now() + interval '1 h'", 0},
    {"some not yet",
     "UPDATE tenantd.task SET run_after = now() + interval '1 h' WHERE tenant_id <> 't7'", 1},
    {"a later wave", "UPDATE tenantd.task SET wave = 1", 0},
    {"a wave that has been opened",
     "UPDATE tenantd.task SET wave = 1;"
     "UPDATE tenantd.job SET open_wave = 1",
     4},
    {"the server has no room",
     "UPDATE tenantd.server SET max_parallel = 1;"
     "INSERT INTO tenantd.task (job_id, server, state, claimed_by, slot) SELECT id, 'default',"
     " 'running', gen_random_uuid(), 0 FROM tenantd.job",
     0},
    {"the job has no room",
     "UPDATE tenantd.job SET max_parallel = 1;"
     "INSERT INTO tenantd.task (job_id, server, state, claimed_by, slot) SELECT id, 'default',"
     " 'running', gen_random_uuid(), 0 FROM tenantd.job",
     0},
    {"slots are counted, not tasks",
     "UPDATE tenantd.job SET max_parallel = 2;"
     "INSERT INTO tenantd.task (job_id, server, state, claimed_by, slot) SELECT id, 'default',"
     " 'running', '00000000-0000-0000-0000-000000000001', 0 FROM tenantd.job,"
     " generate_series(1, 9)",
     4},
    {"what was on its way when a worker was lost is tried alone",
     "UPDATE tenantd.task SET rescues = 1 WHERE tenant_id = 't1'", 1},
    {"and takes nobody's company", "UPDATE tenantd.task SET rescues = 1 WHERE tenant_id = 't2'", 3},
    {"tenants that are busy are passed over",
     "INSERT INTO tenantd.job (id, kind, max_parallel, created_by)"
     " VALUES ('00000000-0000-0000-0000-000000000001', 'x', 1, 'x');"
     "INSERT INTO tenantd.task (job_id, tenant_id, server, state, claimed_by, slot)"
     " SELECT '00000000-0000-0000-0000-000000000001', 't' || g, 'elsewhere', 'running',"
     " gen_random_uuid(), 0 FROM generate_series(2, 10) g",
     1},
    {"who does not insist on being alone is not passed over",
     "UPDATE tenantd.task SET exclusive = false;"
     "INSERT INTO tenantd.job (id, kind, max_parallel, created_by)"
     " VALUES ('00000000-0000-0000-0000-000000000001', 'x', 1, 'x');"
     "INSERT INTO tenantd.task (job_id, tenant_id, server, state, claimed_by, slot)"
     " SELECT '00000000-0000-0000-0000-000000000001', 't' || g, 'elsewhere', 'running',"
     " gen_random_uuid(), 0 FROM generate_series(1, 10) g",
     4},
    {"a draining worker", "UPDATE tenantd.worker SET draining = true", 0},
    {"a worker that is gone", "DELETE FROM tenantd.worker", 0},
};

START_TEST(rules)
{
    const struct rule_case *c = &rule_cases[_i];
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE], worker[UUID_TEXT_SIZE];

    OK(worker_register(pg, &host, worker, NULL));
    job_make(pg, SPEC(.wave_count = 2), 10, "t", 0, id);
    pg_fixture_sql(pg, c->sql);
    int got = claim_count(pg, worker, 0, 4);
    ck_assert_msg(got == c->want, "%s: %d instead of %d", c->what, got, c->want);
}
END_TEST

/* A server that everything fails on is left alone, then tried by one task, again and again. */
START_TEST(a_server_with_trouble_is_probed_by_one_task)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE], worker[UUID_TEXT_SIZE];
    json_auto_t *why = json_pack("{s:s, s:s, s:s}", "code", "DATABASE_UNAVAILABLE", "sqlstate",
                                 "53100", "message", "full");
    struct chunk chunk;

    OK(worker_register(pg, &host, worker, NULL));
    job_make(pg, SPEC(.noop = 0), 9, "t", 0, id);
    OK(server_pause(pg, "default", why, false, NULL));
    OK(server_pause(pg, "default", why, false, NULL)); /* another worker, at the same time */
    ck_assert_int_eq(claim_count(pg, worker, 0, 4), 0);
    ck_assert_int_eq(ask(pg, "SELECT probes AS v FROM tenantd.server"), 0);
    tell(pg, "UPDATE tenantd.server SET probe_at = now()");
    ck_assert_int_eq(claim(pg, worker, 0, 4, &chunk), CLAIM_GOT);
    ck_assert_uint_eq(chunk.count, 1);
    ck_assert(chunk.probing);
    chunk_clear(&chunk);
    ck_assert_int_eq(claim_count(pg, worker, 1, 4), 0); /* while it is tried */
    for (int64_t i = 1, seconds = 2; i < 10; i++, seconds = seconds < 64 ? 2 * seconds : 64) {
        OK(server_pause(pg, "default", why, true, NULL));
        ck_assert_int_eq(ask(pg, "SELECT probes AS v FROM tenantd.server"), i);
        int64_t left = ask(pg, "SELECT round(extract(epoch FROM probe_at - clock_timestamp()))"
                               "::text AS v FROM tenantd.server");
        ck_assert_int_ge(left, (seconds / 2 < 60 ? seconds / 2 : 60) - 1);
        ck_assert_int_le(left, 60);
    }
    OK(server_resume(pg, "default", NULL));
    ck_assert_int_eq(claim(pg, worker, 1, 4, &chunk), CLAIM_GOT);
    ck_assert(chunk.count == 4 && !chunk.probing);
    chunk_clear(&chunk);
}
END_TEST

START_TEST(a_blocked_job_does_not_starve_the_next)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char first[UUID_TEXT_SIZE], second[UUID_TEXT_SIZE], other[UUID_TEXT_SIZE],
        worker[UUID_TEXT_SIZE];
    struct chunk chunk;

    OK(worker_register(pg, &host, worker, NULL));
    job_make(pg, SPEC(.noop = 0), 1, "t", 0, first);
    ck_assert_int_eq(claim_count(pg, worker, 0, 1), 1);
    job_make(pg, SPEC(.noop = 0), 1, "t", 0, second); /* the same tenant */
    job_make(pg, SPEC(.noop = 0), 1, "u", 0, other);
    ck_assert_int_eq(claim(pg, worker, 1, 1, &chunk), CLAIM_GOT);
    ck_assert_str_eq(chunk.job.id, other);
    chunk_clear(&chunk);
}
END_TEST

START_TEST(a_claim_does_not_wait_for_a_lock)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    CLEANUP(pg_closep) struct pg *holder = pg_fixture_connect();
    char id[UUID_TEXT_SIZE], worker[UUID_TEXT_SIZE];
    int size = 1;
    claim_answer answer = CLAIM_GOT;
    struct chunk chunk;

    OK(worker_register(pg, &host, worker, NULL));
    job_make(pg, SPEC(.noop = 0), 2, "t", 0, id);
    pg_fixture_sql(holder, "BEGIN; SELECT 1 FROM tenantd.job FOR NO KEY UPDATE");
    struct claimer claimer = {.worker = worker,
                              .kinds = "{toy.run}",
                              .default_max_parallel = 4,
                              .chunk_size = size_of_chunk,
                              .arg = &size};
    OK(claim_chunk(pg, &claimer, &answer, &chunk, NULL));
    ck_assert_int_eq(answer, CLAIM_BUSY);
    pg_fixture_sql(holder, "ROLLBACK");
    ck_assert_int_eq(claim_count(pg, worker, 0, 1), 1);
}
END_TEST

/* Claimers of several replicas against each other, each with a job of its own for the same tenants
 * and one for all; a table of what ran when shows whether a rule was broken. */
enum { CLAIMERS = 8, JOB_CAP = 3, SERVER_CAP = 4 };
struct claimer_thread {
    int number, claimed;
    bool broken;
};

static void *claim_until_done(void *arg)
{
    struct claimer_thread *t = arg;
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    char worker[UUID_TEXT_SIZE];
    int64_t deadline = clock_mono_ms() + 40000;

    t->broken = worker_register(pg, &host, worker, NULL) != ERR_NONE;
    while (!t->broken && clock_mono_ms() < deadline &&
           ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'queued'")) {
        struct chunk chunk;
        if (claim(pg, worker, t->number, 3, &chunk) != CLAIM_GOT)
            continue;
        struct finished items[3];
        /* the counts as everybody sees them while this chunk runs */
        t->broken |= ask(pg, "SELECT count(DISTINCT (claimed_by, slot)) AS v FROM tenantd.task"
                             " WHERE state = 'running'") > SERVER_CAP;
        t->broken |= ask(pg, "SELECT coalesce(max(n), 0) AS v FROM (SELECT count(DISTINCT"
                             " (claimed_by, slot)) AS n FROM tenantd.task WHERE state = 'running'"
                             " GROUP BY job_id) x") > JOB_CAP;
        t->broken |= ask(pg, "SELECT count(*) - count(DISTINCT tenant_id) AS v FROM tenantd.task"
                             " WHERE state = 'running'") != 0;
        for (size_t i = 0; i < chunk.count; i++)
            items[i] = (struct finished){.task = &chunk.tasks[i], .state = TASK_SUCCEEDED};
        t->broken |= finish_store(pg, worker, t->number, items, chunk.count, NULL) != ERR_NONE;
        for (size_t i = 0; i < chunk.count; i++)
            t->broken |= !items[i].stored;
        t->claimed += (int)chunk.count;
        chunk_clear(&chunk);
    }
    return NULL;
}

START_TEST(caps_and_exclusivity_hold_among_many_claimers)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    struct claimer_thread threads[CLAIMERS];
    pthread_t ids[CLAIMERS];
    char id[UUID_TEXT_SIZE];
    int claimed = 0;

    for (int i = 0; i < 3; i++)
        job_make(pg, SPEC(.max_parallel = JOB_CAP), 60, "t", 0, id);
    for (int i = 0; i < CLAIMERS; i++) {
        threads[i] = (struct claimer_thread){.number = i};
        ck_assert_int_eq(pthread_create(&ids[i], NULL, claim_until_done, &threads[i]), 0);
    }
    for (int i = 0; i < CLAIMERS; i++) {
        (void)pthread_join(ids[i], NULL);
        ck_assert(!threads[i].broken);
        claimed += threads[i].claimed;
    }
    ck_assert_int_eq(claimed, 180);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'succeeded'"
                             " AND attempt = 1"),
                     180);
}
END_TEST

/* One claimed task of tenant t1, which exists. */
static void claim_one(struct pg *pg, char worker[UUID_TEXT_SIZE], char job[UUID_TEXT_SIZE],
                      struct chunk *chunk)
{
    OK(worker_register(pg, &host, worker, NULL));
    pg_fixture_sql(pg, "INSERT INTO tenantd.tenant (id, server, schema_name, state, last_error)"
                       " VALUES ('t1', 'default', 'tenant_t1', 'provisioning', '{}');"
                       "INSERT INTO tenantd.applied_set (format, has_table, digest, content)"
                       " VALUES ('x', true, 'x', '{}')");
    job_make(pg, SPEC(.noop = 0), 1, "t", 0, job);
    ck_assert_int_eq(claim(pg, worker, 0, 1, chunk), CLAIM_GOT);
}

static bool finish_one(struct pg *pg, const char *worker, const struct chunk *chunk,
                       struct finished item)
{
    item.task = &chunk->tasks[0];
    OK(finish_store(pg, worker, 0, &item, 1, NULL));
    finished_clear(&item);
    return item.stored;
}

START_TEST(finishing_moves_the_tenant_along)
{
    static const struct {
        const char *state, *check;
    } steps[] = {
        {"active",
         "state = 'active' AND epoch = 2 AND last_error IS NULL AND applied_set IS NOT NULL"
         " AND checked_at IS NOT NULL"},
        {"suspended", "state = 'suspended' AND suspended_at IS NOT NULL AND epoch = 3"},
        {"active", "suspended_at IS NULL"},
        {"archived", "archived_at IS NOT NULL AND purge_at IS NULL AND state = 'archived'"},
        {"active", "archived_at IS NULL"},
    };
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char worker[UUID_TEXT_SIZE], job[UUID_TEXT_SIZE];
    struct chunk chunk;

    claim_one(pg, worker, job, &chunk);
    int64_t set = ask(pg, "SELECT id AS v FROM tenantd.applied_set");
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct finished item = {.state = TASK_SUCCEEDED,
                                .result = {.tenant_state = steps[i].state, .applied_set = set}};
        ck_assert(finish_one(pg, worker, &chunk, item));
        ck_assert_msg(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant WHERE %s", steps[i].check),
                      "step %zu", i);
        tell(pg, "UPDATE tenantd.task SET state = 'running', slot = 0, claimed_by = '%s'", worker);
    }
    /* nothing said about the tenant: its row stays as it is */
    ck_assert(finish_one(pg, worker, &chunk, (struct finished){.state = TASK_SKIPPED}));
    ck_assert_int_eq(ask(pg, "SELECT epoch AS v FROM tenantd.tenant"), 6);
    tell(pg, "UPDATE tenantd.task SET state = 'running', slot = 0, claimed_by = '%s'", worker);
    ck_assert(finish_one(pg, worker, &chunk,
                         (struct finished){.state = TASK_FAILED,
                                           .result = {.last_error = json_pack("{s:i}", "a", 1)}}));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant WHERE state = 'active'"
                             " AND last_error = '{\"a\": 1}'"),
                     1);
    tell(pg, "UPDATE tenantd.task SET state = 'running', slot = 0, claimed_by = '%s'", worker);
    ck_assert(
        finish_one(pg, worker, &chunk,
                   (struct finished){.state = TASK_SUCCEEDED, .result = {.delete_tenant = true}}));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant"), 0);
    chunk_clear(&chunk);
}
END_TEST

static const char *const zombie_cases[] = {
    "UPDATE tenantd.task SET attempt = 2",
    "UPDATE tenantd.task SET claimed_by = gen_random_uuid()",
    "UPDATE tenantd.task SET slot = 7",
    "UPDATE tenantd.task SET state = 'queued', claimed_by = NULL",
    "UPDATE tenantd.task SET state = 'succeeded', claimed_by = NULL",
    "DELETE FROM tenantd.task",
};

START_TEST(a_zombie_changes_nothing)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char worker[UUID_TEXT_SIZE], job[UUID_TEXT_SIZE];
    struct chunk chunk;

    claim_one(pg, worker, job, &chunk);
    pg_fixture_sql(pg, zombie_cases[_i]);
    ck_assert(
        !finish_one(pg, worker, &chunk,
                    (struct finished){.state = TASK_FAILED, .result = {.tenant_state = "error"}}));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'failed'"), 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant WHERE state = 'provisioning'"
                             " AND epoch = 1"),
                     1);
    chunk_clear(&chunk);
}
END_TEST

START_TEST(again_means_queued_unless_the_job_is_cancelled)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char worker[UUID_TEXT_SIZE], job[UUID_TEXT_SIZE];
    struct chunk chunk;
    struct finished item = {
        .state = TASK_QUEUED, .refund = true, .snoozed = true, .delay_ms = 60000};

    claim_one(pg, worker, job, &chunk);
    ck_assert(finish_one(pg, worker, &chunk, item));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'queued'"
                             " AND attempt = 0 AND snoozes = 1 AND finished_at IS NULL AND slot IS"
                             " NULL AND run_after BETWEEN now() + interval '50 s' AND now() +"
                             " interval '70 s'"),
                     1);
    tell(pg,
         "UPDATE tenantd.task SET state = 'running', attempt = 1, slot = 0, claimed_by = '%s';"
         "UPDATE tenantd.job SET cancel_requested_at = now()",
         worker);
    ck_assert(finish_one(pg, worker, &chunk, item));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'cancelled'"
                             " AND outcome ->> 'code' = 'CANCELLED' AND finished_at IS NOT NULL"),
                     1);
    chunk_clear(&chunk);
}
END_TEST

START_TEST(a_result_that_cannot_be_stored_changes_nothing)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char worker[UUID_TEXT_SIZE], job[UUID_TEXT_SIZE];
    struct chunk chunk;
    struct err err = {.code = ERR_NONE};

    claim_one(pg, worker, job, &chunk);
    struct finished item = {.task = &chunk.tasks[0],
                            .state = TASK_SUCCEEDED,
                            .result = {.tenant_state = "no such state"}};
    err_code rc = finish_store(pg, worker, 0, &item, 1, &err);
    ck_assert(rc != ERR_NONE && !err_is_retryable(rc));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'running'"), 1);
    finish_spoil(&item, &err);
    OK(finish_store(pg, worker, 0, &item, 1, &err));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'failed'"
                             " AND outcome ->> 'code' = 'INTERNAL'"),
                     1);
    finished_clear(&item);
    chunk_clear(&chunk);
}
END_TEST

static int rescue(struct pg *pg, int64_t lease_ms)
{
    int n = -1;
    OK(worker_rescue(pg, lease_ms, &n, NULL));
    return n;
}

START_TEST(the_tasks_of_a_silent_worker_are_rescued)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char worker[UUID_TEXT_SIZE], job[UUID_TEXT_SIZE];
    struct chunk chunk;

    claim_one(pg, worker, job, &chunk);
    /* the server may have started just now: wait until it has been up for the lease used below */
    await(pg, 1, 5000,
          "SELECT (now() - pg_postmaster_start_time() > interval '1100 ms')::int AS v");
    ck_assert_int_eq(rescue(pg, 1000), 0); /* it beats */
    tell(pg, "UPDATE tenantd.worker SET heartbeat_at = now() - interval '1 h'");
    ck_assert_int_eq(rescue(pg, 24 * 3600 * 1000), 0); /* within a lease of the server's start */
    ck_assert_int_eq(rescue(pg, 1000), 1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'queued'"
                             " AND attempt = 1 AND rescues = 1 AND claimed_by IS NULL"),
                     1);
    ck_assert(!finish_one(pg, worker, &chunk, (struct finished){.state = TASK_SUCCEEDED}));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.worker"), 0);
    /* no row of the worker at all */
    tell(pg, "UPDATE tenantd.task SET state = 'running', claimed_by = gen_random_uuid(),"
             " claimed_at = now()");
    ck_assert_int_eq(rescue(pg, 1000), 0);
    tell(pg, "UPDATE tenantd.task SET claimed_at = now() - interval '2 s'");
    ck_assert_int_eq(rescue(pg, 1000), 1);
    tell(pg, "UPDATE tenantd.task SET state = 'running', claimed_by = gen_random_uuid()");
    ck_assert_int_eq(rescue(pg, 1000), 1); /* the third time is the last */
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'failed'"
                             " AND outcome ->> 'code' = 'WORKER_LOST'"),
                     1);
    chunk_clear(&chunk);
}
END_TEST

START_TEST(a_heartbeat_tells_what_is_being_cancelled)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char worker[UUID_TEXT_SIZE], job[UUID_TEXT_SIZE];
    struct chunk chunk;
    struct pg_rows *rows = NULL;
    struct err err;

    claim_one(pg, worker, job, &chunk);
    chunk_clear(&chunk);
    OK(worker_beat(pg, worker, false, NULL, &rows, NULL));
    ck_assert(pg_is_null(rows, 0, "slot"));
    pg_rows_free(rows);
    OK(job_cancel(pg, job, NULL));
    OK(worker_beat(pg, worker, true, "{\"at\": 1, \"servers\": {}}", &rows, NULL));
    ck_assert_uint_eq(pg_rows_count(rows), 1);
    ck_assert_int_eq(pg_int(rows, 0, "slot"), 0);
    ck_assert_str_eq(pg_text(rows, 0, "job_id"), job);
    pg_rows_free(rows);
    ck_assert_int_eq(ask(pg, "SELECT draining::int AS v FROM tenantd.worker"), 1);
    ck_assert_int_eq(ask(pg, "SELECT (tally ->> 'at')::int AS v FROM tenantd.worker"), 1);
    OK(worker_remove(pg, worker, NULL)); /* not while tasks run under it */
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.worker"), 1);
    OK(worker_give_back(pg, worker, 5, NULL));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'running'"), 1);
    OK(worker_give_back(pg, worker, -1, NULL));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'queued'"
                             " AND attempt = 0"),
                     1);
    OK(worker_remove(pg, worker, NULL));
    ck_assert_int_eq(worker_beat(pg, worker, true, NULL, &rows, &err), ERR_WORKER_LOST);
}
END_TEST

START_TEST(one_leads)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];
    bool got = false;

    OK(worker_register(pg, &host, a, NULL));
    OK(worker_register(pg, &host, b, NULL));
    OK(worker_elect(pg, a, 60000, &got, NULL));
    ck_assert(got);
    char *term = pg_fixture_value(pg, "SELECT term::text AS v FROM tenantd.lease");
    OK(worker_elect(pg, b, 60000, &got, NULL));
    ck_assert(!got);
    OK(worker_elect(pg, a, 60000, &got, NULL));
    ck_assert(got);
    char *same = pg_fixture_value(pg, "SELECT term::text AS v FROM tenantd.lease");
    ck_assert_str_eq(term, same);
    tell(pg, "UPDATE tenantd.lease SET expires_at = now() - interval '1 ms'");
    OK(worker_elect(pg, b, 60000, &got, NULL));
    ck_assert(got);
    OK(worker_remove(pg, b, NULL)); /* resigns */
    OK(worker_elect(pg, a, 60000, &got, NULL));
    ck_assert(got);
    free(term);
    free(same);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("job_claim");
    tcase_set_timeout(tc, 90);
    tcase_add_test(tc, a_claim_takes_a_chunk_and_begins_the_job);
    tcase_add_loop_test(tc, rules, 0, ARRAY_LEN(rule_cases));
    tcase_add_test(tc, a_server_with_trouble_is_probed_by_one_task);
    tcase_add_test(tc, a_blocked_job_does_not_starve_the_next);
    tcase_add_test(tc, a_claim_does_not_wait_for_a_lock);
    tcase_add_test(tc, caps_and_exclusivity_hold_among_many_claimers);
    tcase_add_test(tc, finishing_moves_the_tenant_along);
    tcase_add_loop_test(tc, a_zombie_changes_nothing, 0, ARRAY_LEN(zombie_cases));
    tcase_add_test(tc, again_means_queued_unless_the_job_is_cancelled);
    tcase_add_test(tc, a_result_that_cannot_be_stored_changes_nothing);
    tcase_add_test(tc, the_tasks_of_a_silent_worker_are_rescued);
    tcase_add_test(tc, a_heartbeat_tells_what_is_being_cancelled);
    tcase_add_test(tc, one_leads);
    return run_suite("job_claim", tc);
}
