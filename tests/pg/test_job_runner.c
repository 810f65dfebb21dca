/* SPDX-License-Identifier: MIT */
/* Whole runners on a real PostgreSQL, with toy kinds that say what they did. */
#include <stdatomic.h>

#include "core/job/runner.h"
#include "tests/pg/job_support.h"

enum { LEASE_MS = 3000, WORKERS = 4 };

/* What all toy kinds of a test process share. */
static struct {
    atomic_int running, most, entered, alone, fenced, rescued, finished, leaders, opened, closed;
    atomic_int flags[64]; /* per tenant number modulo 64: somebody is at it */
    atomic_int overlaps;
} seen;

static void nap(int64_t ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

static int arg_int(const struct task_run *run, const char *name)
{
    return (int)json_integer_value(json_object_get(run->job->args, name));
}

static err_code record(struct task_run *run, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "toy_ran",
        .sql = "INSERT INTO public.ran (task, tenant, attempt, replica) VALUES ($1, $2, $3, $4)",
    };
    return pg_exec(run->server, &stmt,
                   PG_ARGS(PG_ARG(run->task->id), PG_ARG(run->task->tenant_id),
                           PG_ARG(run->task->attempt), PG_ARG((const char *)run->ctx)),
                   NULL, err);
}

static void enter(const struct task_run *run)
{
    int now = atomic_fetch_add(&seen.running, 1) + 1, most = atomic_load(&seen.most);
    while (now > most && !atomic_compare_exchange_weak(&seen.most, &most, now))
        ;
    atomic_fetch_add(&seen.entered, 1);
    int tenant = run->task->tenant_id ? atoi(run->task->tenant_id + 1) % 64 : 0;
    if (atomic_fetch_add(&seen.flags[tenant], 1))
        atomic_fetch_add(&seen.overlaps, 1);
}

static void leave(const struct task_run *run)
{
    int tenant = run->task->tenant_id ? atoi(run->task->tenant_id + 1) % 64 : 0;
    atomic_fetch_sub(&seen.flags[tenant], 1);
    atomic_fetch_sub(&seen.running, 1);
}

/* Records, naps, fails for the tenant that args name. */
static void toy_run(struct task_run *run, struct task_result *result)
{
    struct err err = {.code = ERR_NONE};
    const char *fail = json_string_value(json_object_get(run->job->args, "fail"));

    enter(run);
    result->verdict = VERDICT_SUCCEEDED;
    if (record(run, &err)) {
        result->verdict = VERDICT_RETRY;
        result->retry_after_ms = 20;
        result->outcome = json_pack("{s:s}", "detail", err.msg);
    }
    nap(arg_int(run, "nap_ms"));
    if (fail && str_eq(run->task->tenant_id, fail))
        result->verdict = VERDICT_FAILED;
    leave(run);
}

/* Fails until its attempt number is what args say. */
static void toy_retry(struct task_run *run, struct task_result *result)
{
    struct err err;
    result->verdict = record(run, &err) || run->task->attempt < arg_int(run, "until")
                          ? VERDICT_RETRY
                          : VERDICT_SUCCEEDED;
    result->retry_after_ms = 10;
}

static void toy_snooze(struct task_run *run, struct task_result *result)
{
    struct err err;
    result->verdict = record(run, &err) || run->task->snoozes < arg_int(run, "until")
                          ? VERDICT_SNOOZE
                          : VERDICT_SUCCEEDED;
    result->retry_after_ms = 10;
}

/* A statement that takes long, and heeds a cancel. */
static void toy_sleep(struct task_run *run, struct task_result *result)
{
    struct err err;
    atomic_fetch_add(&seen.entered, 1);
    err_code rc = pg_command(run->server, "SELECT pg_sleep(60)", &err);
    result->verdict = !rc                       ? VERDICT_SUCCEEDED
                      : task_run_cancelled(run) ? VERDICT_CANCELLED
                                                : VERDICT_FAILED;
}

/* Works without the database until told to stop; the second time it has less to do. */
static void toy_wait(struct task_run *run, struct task_result *result)
{
    if (atomic_fetch_add(&seen.entered, 1) == 0)
        while (!task_run_cancelled(run))
            nap(5);
    result->verdict = VERDICT_SUCCEEDED;
}

/* Says nothing at all. */
static void toy_mute(struct task_run *run, struct task_result *result)
{
    (void)run;
    (void)result;
}

/* Wants something for its tenant that PostgreSQL refuses, for one tenant of many. */
static void toy_spoil(struct task_run *run, struct task_result *result)
{
    result->verdict = VERDICT_SUCCEEDED;
    result->tenant_state = str_eq(run->task->tenant_id, "t3") ? "no such state" : NULL;
}

static void toy_dirty(struct task_run *run, struct task_result *result)
{
    struct err err;
    result->verdict = pg_in_transaction(run->server) || pg_in_transaction(run->control)
                          ? VERDICT_FAILED
                          : VERDICT_SUCCEEDED;
    if (pg_command(run->server, "BEGIN", &err) || pg_command(run->control, "BEGIN", &err))
        result->verdict = VERDICT_FAILED;
}

static const struct job_kind kinds[] = {
    {.name = "toy.run", .chunk = 20, .max_attempts = 100, .max_snoozes = 100, .run = toy_run},
    {.name = "toy.flush",
     .chunk = 20,
     .max_attempts = 100,
     .max_snoozes = 100,
     .flush = true,
     .run = toy_run},
    {.name = "toy.retry", .chunk = 4, .max_attempts = 3, .max_snoozes = 3, .run = toy_retry},
    {.name = "toy.snooze", .chunk = 4, .max_attempts = 3, .max_snoozes = 3, .run = toy_snooze},
    {.name = "toy.sleep", .chunk = 4, .max_attempts = 3, .max_snoozes = 3, .run = toy_sleep},
    {.name = "toy.wait", .chunk = 1, .max_attempts = 3, .max_snoozes = 3, .run = toy_wait},
    {.name = "toy.mute", .chunk = 4, .max_attempts = 3, .max_snoozes = 3, .run = toy_mute},
    {.name = "toy.spoil", .chunk = 10, .max_attempts = 3, .max_snoozes = 3, .run = toy_spoil},
    {.name = "toy.dirty", .chunk = 10, .max_attempts = 3, .max_snoozes = 3, .run = toy_dirty},
};

static void on_finished(void *ctx, const struct job *job, const struct task *task,
                        const struct task_result *result, int64_t duration_ms)
{
    (void)ctx;
    (void)job;
    (void)task;
    (void)result;
    (void)duration_ms;
    atomic_fetch_add(&seen.finished, 1);
}

static void on_fenced(void *ctx, int tasks)
{
    (void)ctx;
    atomic_fetch_add(&seen.fenced, tasks);
}

static void on_rescued(void *ctx, int tasks)
{
    (void)ctx;
    atomic_fetch_add(&seen.rescued, tasks);
}

static void on_leader(void *ctx, bool leads)
{
    (void)ctx;
    atomic_fetch_add(&seen.leaders, leads ? 1 : -1);
}

static const struct runner_observer observer = {
    .task_finished = on_finished, .fenced = on_fenced, .rescued = on_rescued, .leader = on_leader};

static char toy_url[700];

static err_code open_toy(void *ctx, struct pg *control, const char *server, struct pg **out,
                         struct err *err)
{
    (void)ctx;
    ck_assert_ptr_nonnull(control);
    if (str_eq(server, "nowhere"))
        return err_set(err, ERR_DATABASE_UNAVAILABLE, "there is nobody");
    if (str_eq(server, "forgotten"))
        return err_set(err, ERR_SERVER_NOT_FOUND, "there is no such server");
    err_code rc =
        pg_open(&(struct pg_options){.url = toy_url, .application_name = "toy"}, out, err);
    atomic_fetch_add(&seen.opened, !rc);
    return rc;
}

static void close_toy(void *ctx, const char *server, struct pg *pg)
{
    (void)ctx;
    ck_assert_ptr_nonnull(server);
    atomic_fetch_add(&seen.closed, 1);
    pg_close(pg);
}

struct replica {
    struct pg_pool *pool;
    struct runner *runner;
};
static int replicas; /* that run */

/* parallel: tasks a server may have at a time; 0: as many as prove best */
static struct replica start_with(const char *name, int workers, int parallel)
{
    struct replica r = {.pool = NULL};
    static char labels[][2] = {"a", "b"};
    struct pg_pool_options pool = {
        .connection = {.url = toy_url, .application_name = "toy control"},
        .max = workers + 3,
        .wait_ms = 1000,
        .retry = {.max_attempts = 1, .multiplier = 1},
    };
    OK(pg_pool_new(&pool, &r.pool, NULL));
    struct runner_options options = {
        .control = r.pool,
        .control_url = toy_url,
        .kinds = kinds,
        .kind_count = ARRAY_LEN(kinds),
        .observer = &observer,
        .ctx = labels[name[0] - 'a'],
        .open_server = open_toy,
        .close_server = close_toy,
        .host = name,
        .build = "test",
        .workers = workers,
        .default_max_parallel = parallel,
        .poll_interval_ms = 50,
        .lease_ms = LEASE_MS,
        .retention_days = 30,
        .event_retention_days = 7,
    };
    OK(runner_start(&options, &r.runner, NULL));
    replicas++;
    return r;
}

static struct replica start(const char *name, int workers)
{
    return start_with(name, workers, 8);
}

static void stop(struct replica *r, int64_t drain_ms)
{
    runner_stop(r->runner, drain_ms);
    runner_free(r->runner);
    pg_pool_free(r->pool);
    *r = (struct replica){.pool = NULL};
    if (!--replicas) /* resting workers keep theirs for a moment */
        ck_assert_int_eq(atomic_load(&seen.opened), atomic_load(&seen.closed));
}

static void make(struct pg *pg, const char *kind, const char *args, struct job_spec spec, int n,
                 int per_wave, char id[UUID_TEXT_SIZE])
{
    json_auto_t *json = json_loads(args, 0, NULL);
    spec.kind = kind;
    spec.args = json;
    spec.created_by = "test";
    job_make(pg, &spec, n, "t", per_wave, id);
}

static void await_entered(void)
{
    for (int64_t until = clock_mono_ms() + 10000; !atomic_load(&seen.entered); nap(2))
        ck_assert_int_lt(clock_mono_ms(), until);
}

START_TEST(two_replicas_run_every_task_once)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", WORKERS), b = start("b", WORKERS);

    await(pg, 2, 5000, "SELECT count(*) AS v FROM tenantd.worker");
    make(pg, "toy.run", "{\"nap_ms\": 2}", (struct job_spec){.noop = 7}, 500, 0, id);
    await_state(pg, id, JOB_SUCCEEDED, 30000);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM public.ran"), 500);
    ck_assert_int_eq(ask(pg, "SELECT count(DISTINCT task) AS v FROM public.ran"), 500);
    ck_assert_int_eq(ask(pg, "SELECT count(DISTINCT replica) AS v FROM public.ran"), 2);
    ck_assert_int_eq(ask(pg,
                         "SELECT count(*) AS v FROM tenantd.job WHERE started_at IS NOT NULL AND"
                         " result = '{\"total\": 507, \"succeeded\": 500, \"skipped\": 7,"
                         " \"failed\": 0, \"cancelled\": 0}'"),
                     1);
    await(pg, 1, 5000, "SELECT count(*) AS v FROM tenantd.lease");
    stop(&a, 5000);
    stop(&b, 5000);
    ck_assert_int_eq(atomic_load(&seen.finished), 500);
    ck_assert_int_eq(atomic_load(&seen.fenced), 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.worker"), 0);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.lease"), 0);
}
END_TEST

START_TEST(a_job_keeps_to_its_cap)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", WORKERS), b = start("b", WORKERS);

    make(pg, "toy.run", "{\"nap_ms\": 3}", (struct job_spec){.max_parallel = 3}, 200, 0, id);
    await_state(pg, id, JOB_SUCCEEDED, 30000);
    ck_assert_int_le(atomic_load(&seen.most), 3);
    ck_assert_int_ge(atomic_load(&seen.most), 2);
    atomic_store(&seen.most, 0);
    tell(pg, "UPDATE tenantd.server SET max_parallel = 2");
    make(pg, "toy.run", "{\"nap_ms\": 3}", (struct job_spec){.max_parallel = 9}, 100, 0, id);
    await_state(pg, id, JOB_SUCCEEDED, 30000);
    ck_assert_int_le(atomic_load(&seen.most), 2);
    stop(&a, 5000);
    stop(&b, 5000);
}
END_TEST

START_TEST(a_server_that_takes_more_is_given_more)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start_with("a", WORKERS, 0), b = start_with("b", WORKERS, 0);

    make(pg, "toy.run", "{\"nap_ms\": 20}", (struct job_spec){.max_parallel = 64}, 9000, 0, id);
    await(pg, 1, 30000, "SELECT count(*) AS v FROM tenantd.server WHERE pace > 5");
    await(pg, 1, 5000, "SELECT (count(DISTINCT (claimed_by, slot)) > 5)::int AS v"
                       " FROM tenantd.task WHERE state = 'running'");
    OK(job_cancel(pg, id, NULL));
    await_state(pg, id, JOB_CANCELLED, 10000);
    stop(&a, 5000);
    stop(&b, 5000);
}
END_TEST

START_TEST(one_tenant_is_one_task_at_a_time)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char ids[4][UUID_TEXT_SIZE];
    struct replica a = start("a", WORKERS), b = start("b", WORKERS);

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        make(pg, "toy.run", "{\"nap_ms\": 20}", (struct job_spec){.max_parallel = 8}, 30, 0, ids[i]);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        await_state(pg, ids[i], JOB_SUCCEEDED, 30000);
    ck_assert_int_eq(atomic_load(&seen.overlaps), 0);
    ck_assert_int_ge(atomic_load(&seen.most), 2); /* else no overlap would show nothing */
    stop(&a, 5000);
    stop(&b, 5000);
}
END_TEST

START_TEST(waves_run_one_after_the_other)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", WORKERS);

    make(pg, "toy.run", "{\"nap_ms\": 1}", (struct job_spec){.wave_count = 4}, 40, 10, id);
    await_state(pg, id, JOB_SUCCEEDED, 20000);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM public.ran r JOIN tenantd.task t ON t.id ="
                             " r.task JOIN tenantd.task u ON u.wave < t.wave"
                             " WHERE u.claimed_at > r.at"),
                     0);
    make(pg, "toy.run", "{\"nap_ms\": 1, \"fail\": \"t2\"}",
         (struct job_spec){.wave_count = 4, .strict_waves = 1}, 40, 10, id);
    await_state(pg, id, JOB_FAILED, 20000);
    ck_assert_int_eq(ask(pg,
                         "SELECT count(*) AS v FROM tenantd.task WHERE job_id = '%s' AND"
                         " state = 'succeeded' AND wave = 0",
                         id),
                     9);
    ck_assert_int_eq(ask(pg,
                         "SELECT count(*) AS v FROM tenantd.task WHERE job_id = '%s' AND"
                         " state = 'cancelled' AND wave > 0",
                         id),
                     30);
    stop(&a, 5000);
}
END_TEST

START_TEST(the_first_failure_stops_the_job)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", 2);

    make(pg, "toy.run", "{\"nap_ms\": 20, \"fail\": \"t9\"}",
         (struct job_spec){.stop_on_failure = true, .max_parallel = 2}, 300, 0, id);
    await_state(pg, id, JOB_PARTIAL, 20000);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'failed'"), 1);
    ck_assert_int_ge(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'cancelled'"),
                     200);
    make(pg, "toy.run", "{\"fail\": \"t9\"}", (struct job_spec){.max_parallel = 4}, 30, 0, id);
    await_state(pg, id, JOB_PARTIAL, 20000);
    ck_assert_int_eq(ask(pg,
                         "SELECT count(*) AS v FROM tenantd.task WHERE job_id = '%s' AND"
                         " state = 'succeeded'",
                         id),
                     29);
    stop(&a, 5000);
}
END_TEST

START_TEST(a_cancel_stops_what_runs)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", 2);

    make(pg, "toy.sleep", "{}", (struct job_spec){.max_parallel = 2}, 10, 0, id);
    await(pg, 2, 10000,
          "SELECT count(*) AS v FROM pg_stat_activity WHERE query LIKE '%%pg_sleep(60)'"
          " AND state = 'active' AND pid <> pg_backend_pid()");
    int64_t start_ms = clock_mono_ms();
    OK(job_cancel(pg, id, NULL));
    await_state(pg, id, JOB_CANCELLED, 10000);
    ck_assert_int_le(clock_mono_ms() - start_ms, 4000);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'cancelled'"),
                     10);
    ck_assert_int_eq(atomic_load(&seen.entered), 2);
    /* the workers are free again */
    make(pg, "toy.run", "{}", (struct job_spec){.max_parallel = 2}, 4, 0, id);
    await_state(pg, id, JOB_SUCCEEDED, 10000);
    stop(&a, 5000);
}
END_TEST

START_TEST(retries_and_snoozes_end)
{
    static const struct {
        const char *kind, *args;
        job_state state;
        int ran, attempt;
        const char *code;
    } cases[] = {
        {"toy.retry", "{\"until\": 3}", JOB_SUCCEEDED, 3, 3, NULL},
        {"toy.retry", "{\"until\": 9}", JOB_FAILED, 3, 3, NULL},
        {"toy.snooze", "{\"until\": 2}", JOB_SUCCEEDED, 3, 1, NULL},
        {"toy.snooze", "{\"until\": 9}", JOB_FAILED, 4, 1, "LOCK_UNAVAILABLE"},
        {"toy.mute", "{}", JOB_FAILED, 0, 1, NULL},
    };
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", 2);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        pg_fixture_sql(pg, "TRUNCATE public.ran");
        make(pg, cases[i].kind, cases[i].args, (struct job_spec){.noop = 0}, 1, 0, id);
        await_state(pg, id, cases[i].state, 10000);
        ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM public.ran"), cases[i].ran);
        ck_assert_int_eq(ask(pg, "SELECT attempt AS v FROM tenantd.task WHERE job_id = '%s'", id),
                         cases[i].attempt);
        if (cases[i].code)
            ck_assert_int_eq(ask(pg,
                                 "SELECT count(*) AS v FROM tenantd.task WHERE job_id = '%s'"
                                 " AND outcome ->> 'code' = '%s'",
                                 id, cases[i].code),
                             1);
    }
    stop(&a, 5000);
}
END_TEST

START_TEST(a_refused_result_does_not_take_others_with_it)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", 1);

    pg_fixture_sql(pg,
                   "INSERT INTO tenantd.tenant (id, server, schema_name, state) SELECT 't' || g,"
                   " 'default', 's' || g, 'active' FROM generate_series(1, 30) g");
    make(pg, "toy.spoil", "{}", (struct job_spec){.noop = 0}, 30, 0, id);
    await_state(pg, id, JOB_PARTIAL, 10000);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'succeeded'"),
                     29);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE tenant_id = 't3' AND"
                             " outcome ->> 'code' = 'INTERNAL'"),
                     1);
    make(pg, "toy.dirty", "{}", (struct job_spec){.noop = 0}, 30, 0, id);
    await_state(pg, id, JOB_SUCCEEDED, 10000);
    stop(&a, 5000);
}
END_TEST

START_TEST(a_server_that_is_away_is_waited_for)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char away[UUID_TEXT_SIZE], gone[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    struct replica a = start("a", 2);

    pg_fixture_sql(pg, "INSERT INTO tenantd.server (id, url) VALUES ('nowhere', 'x'),"
                       " ('forgotten', 'x'), ('second', 'x')");
    pg_fixture_sql(pg, "BEGIN");
    OK(job_insert(pg, SPEC(.max_parallel = 1, .wave_count = 1), away, NULL));
    OK(task_insert(pg, away, 0, "t1", "nowhere", 0, true, NULL, NULL));
    OK(job_enqueued(pg, away, NULL));
    OK(job_insert(pg, SPEC(.max_parallel = 1, .wave_count = 1), gone, NULL));
    OK(task_insert(pg, gone, 0, "t2", "forgotten", 0, true, NULL, NULL));
    OK(job_enqueued(pg, gone, NULL));
    pg_fixture_sql(pg, "COMMIT");
    await_state(pg, gone, JOB_FAILED, 10000);
    ck_assert_int_eq(ask(pg,
                         "SELECT count(*) AS v FROM tenantd.task WHERE job_id = '%s' AND"
                         " outcome ->> 'code' = 'SERVER_NOT_FOUND'",
                         gone),
                     1);
    await(pg, 1, 10000,
          "SELECT count(*) AS v FROM tenantd.task WHERE job_id = '%s' AND snoozes > 0"
          " AND attempt = 0 AND state = 'queued'",
          away);
    /* another cluster as far as the runner knows: flushed there before its tasks are finished */
    make(pg, "toy.flush", "{}", (struct job_spec){.noop = 0}, 0, 0, id);
    pg_fixture_sql(pg, "BEGIN");
    OK(job_insert(pg,
                  &(struct job_spec){
                      .kind = "toy.flush", .max_parallel = 1, .wave_count = 1, .created_by = "t"},
                  id, NULL));
    OK(task_insert(pg, id, 0, "t3", "second", 0, true, NULL, NULL));
    OK(job_enqueued(pg, id, NULL));
    pg_fixture_sql(pg, "COMMIT");
    await_state(pg, id, JOB_SUCCEEDED, 10000);
    OK(job_cancel(pg, away, NULL));
    await_state(pg, away, JOB_CANCELLED, 10000);
    stop(&a, 5000);
}
END_TEST

START_TEST(the_tasks_of_a_dead_replica_run_elsewhere)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];

    make(pg, "toy.run", "{}", (struct job_spec){.noop = 0}, 5, 0, id);
    tell(pg, "INSERT INTO tenantd.worker (id, host, build, kinds, slots, heartbeat_at) VALUES"
             " ('00000000-0000-0000-0000-000000000001', 'dead', 'x', '{}', 1, now());"
             "UPDATE tenantd.task SET state = 'running', slot = 0, attempt = 1, claimed_at = now(),"
             " claimed_by = '00000000-0000-0000-0000-000000000001'");
    struct replica a = start("a", 2);
    await_state(pg, id, JOB_SUCCEEDED, 20000);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE rescues = 1 AND"
                             " attempt = 2"),
                     5);
    ck_assert_int_eq(atomic_load(&seen.rescued), 5);
    ck_assert(runner_is_leader(a.runner));
    ck_assert_int_le(runner_heartbeat_age_ms(a.runner), LEASE_MS);
    stop(&a, 5000);
    ck_assert_int_eq(atomic_load(&seen.leaders), 1);
}
END_TEST

START_TEST(a_replica_whose_row_vanished_begins_anew)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", 2);

    make(pg, "toy.wait", "{}", (struct job_spec){.noop = 0}, 1, 0, id);
    await_entered();
    pg_fixture_sql(pg, "DELETE FROM tenantd.worker");
    await_state(pg, id, JOB_SUCCEEDED, 20000);
    ck_assert_int_eq(atomic_load(&seen.entered), 2);
    ck_assert_int_eq(atomic_load(&seen.fenced), 1);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.worker"), 1);
    stop(&a, 5000);
}
END_TEST

/* A role of its own can be locked out without locking out the test. */
static void use_role(struct pg *pg)
{
    pg_fixture_sql(pg, "DO $$ BEGIN CREATE ROLE toy_runner SUPERUSER LOGIN;"
                       " EXCEPTION WHEN duplicate_object THEN ALTER ROLE toy_runner LOGIN; END $$");
    (void)snprintf(toy_url, sizeof toy_url, "%s&user=toy_runner", pg_fixture_url());
}

static void terminate(struct pg *pg)
{
    pg_fixture_sql(pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE usename = 'toy_runner' AND datname = current_database()");
}

START_TEST(broken_connections_lose_nothing)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];

    use_role(pg);
    struct replica a = start("a", WORKERS);
    make(pg, "toy.run", "{\"nap_ms\": 5}", (struct job_spec){.max_parallel = 4}, 400, 0, id);
    for (int i = 1; i <= 8; i++) {
        await(pg, 1, 20000,
              "SELECT (count(*) >= %d)::int AS v FROM tenantd.task WHERE"
              " state = 'succeeded'",
              i * 40);
        terminate(pg);
    }
    await_state(pg, id, JOB_SUCCEEDED, 30000);
    ck_assert_int_eq(ask(pg, "SELECT count(DISTINCT task) AS v FROM public.ran"), 400);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state <> 'succeeded'"),
                     0);
    stop(&a, 5000);
}
END_TEST

START_TEST(a_replica_without_control_database_stops_before_others_take_over)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];

    use_role(pg);
    struct replica a = start("a", 2);
    make(pg, "toy.wait", "{}", (struct job_spec){.noop = 0}, 1, 0, id);
    await_entered();
    int64_t start_ms = clock_mono_ms();
    pg_fixture_sql(pg, "ALTER ROLE toy_runner NOLOGIN");
    terminate(pg);
    while (!atomic_load(&seen.fenced) && clock_mono_ms() - start_ms < LEASE_MS)
        nap(5);
    ck_assert_int_eq(atomic_load(&seen.fenced), 1); /* in time: within the lease */
    ck_assert_int_ge(clock_mono_ms() - start_ms, LEASE_MS / 3);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'running'"), 1);
    pg_fixture_sql(pg, "ALTER ROLE toy_runner LOGIN");
    await_state(pg, id, JOB_SUCCEEDED, 30000);
    ck_assert_int_eq(atomic_load(&seen.entered), 2);
    stop(&a, 5000);
}
END_TEST

START_TEST(a_stop_gives_back_what_has_not_ended)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", 2);

    make(pg, "toy.sleep", "{}", (struct job_spec){.max_parallel = 2}, 10, 0, id);
    await(pg, 2, 10000,
          "SELECT count(*) AS v FROM pg_stat_activity WHERE query LIKE '%%pg_sleep(60)'"
          " AND state = 'active' AND pid <> pg_backend_pid()");
    int64_t start_ms = clock_mono_ms();
    stop(&a, 200);
    ck_assert_int_ge(clock_mono_ms() - start_ms, 200);
    ck_assert_int_le(clock_mono_ms() - start_ms, 5000);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'queued' AND"
                             " attempt = 0 AND outcome IS NULL"),
                     10);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.worker"), 0);
    ck_assert_int_eq(job_state_of(pg, id), JOB_RUNNING);
}
END_TEST

START_TEST(a_stop_lets_what_runs_end)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", 2);

    make(pg, "toy.run", "{\"nap_ms\": 300}", (struct job_spec){.max_parallel = 2}, 6, 0, id);
    await(pg, 2, 10000, "SELECT count(*) AS v FROM public.ran");
    stop(&a, 10000);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'succeeded'"),
                     ask(pg, "SELECT count(*) AS v FROM public.ran"));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'running'"), 0);
    ck_assert_int_ge(ask(pg, "SELECT count(*) AS v FROM tenantd.task WHERE state = 'queued'"), 2);
}
END_TEST

START_TEST(a_replica_without_workers_leads_and_claims_nothing)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char id[UUID_TEXT_SIZE];
    struct replica a = start("a", 0);

    make(pg, "toy.run", "{}", (struct job_spec){.noop = 0}, 2, 0, id);
    await(pg, 1, 5000, "SELECT count(*) AS v FROM tenantd.lease");
    tell(pg, "UPDATE tenantd.task SET state = 'skipped'");
    await_state(pg, id, JOB_SUCCEEDED, 5000); /* by reconciling */
    stop(&a, 1000);
    runner_stop(NULL, 0);
    runner_free(NULL);
}
END_TEST

static void fresh(void)
{
    (void)snprintf(toy_url, sizeof toy_url, "%s", pg_fixture_url());
}

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("job_runner");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, fresh, NULL);
    tcase_add_test(tc, two_replicas_run_every_task_once);
    tcase_add_test(tc, a_job_keeps_to_its_cap);
    tcase_add_test(tc, a_server_that_takes_more_is_given_more);
    tcase_add_test(tc, one_tenant_is_one_task_at_a_time);
    tcase_add_test(tc, waves_run_one_after_the_other);
    tcase_add_test(tc, the_first_failure_stops_the_job);
    tcase_add_test(tc, a_cancel_stops_what_runs);
    tcase_add_test(tc, retries_and_snoozes_end);
    tcase_add_test(tc, a_refused_result_does_not_take_others_with_it);
    tcase_add_test(tc, a_server_that_is_away_is_waited_for);
    tcase_add_test(tc, the_tasks_of_a_dead_replica_run_elsewhere);
    tcase_add_test(tc, a_replica_whose_row_vanished_begins_anew);
    tcase_add_test(tc, broken_connections_lose_nothing);
    tcase_add_test(tc, a_replica_without_control_database_stops_before_others_take_over);
    tcase_add_test(tc, a_stop_gives_back_what_has_not_ended);
    tcase_add_test(tc, a_stop_lets_what_runs_end);
    tcase_add_test(tc, a_replica_without_workers_leads_and_claims_nothing);
    return run_suite("job_runner", tc);
}
