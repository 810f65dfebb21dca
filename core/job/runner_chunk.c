/* SPDX-License-Identifier: MIT */
/* One chunk: its tasks are run one after the other, or many at once where the kind can, their results
 * stored in batches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/retry.h"
#include "core/base/str.h"
#include "core/job/insight.h"
#include "core/job/job_internal.h"
#include "core/job/runner_pace.h"
#include "core/job/runner_run.h"

enum {
    CHUNK_MS = 300,        /* how long a chunk should take */
    SLOW_MS = 1000,        /* a task that takes longer does not hold up the rest of it */
    SLOW_MANY_MS = 3000,   /* nor one of many that were sent together; PostgreSQL has a second to see
                              that they are in a deadlock */
    STORE_EVERY_MS = 250,  /* how long results may wait */
    /* then a new connection: a backend's caches grow with every table that it has touched */
    SERVER_TASKS_MAX = 1000,
    SERVER_WORK_MAX_MS = 10000
};

int chunk_size(void *arg, const char *kind_name)
{
    struct runner *runner = arg;
    const struct job_kind *kind = runner_kind(runner, kind_name);

    (void)pthread_mutex_lock(&runner->lock);
    double ms = kind ? runner->task_ms[kind - runner->options.kinds] : 0;
    (void)pthread_mutex_unlock(&runner->lock);
    if (!kind)
        return 1;
    double n = ms > 0 ? CHUNK_MS / ms : 1; /* nothing is known of its tasks yet */
    int least = kind->least > 1 ? kind->least : 1;
    return n < least ? least : n > kind->chunk ? kind->chunk : (int)n;
}

/* us: of each of n tasks. */
static void learn_duration(struct run *r, int64_t us, size_t n)
{
    struct runner *runner = r->slot->runner;
    double ms = us > 0 ? (double)us / 1000 : 0.001, old = n > 1 ? 0.3 : 0.7;

    (void)pthread_mutex_lock(&runner->lock);
    double *mean = &runner->task_ms[r->kind - runner->options.kinds];
    *mean = *mean > 0 ? *mean * old + ms * (1 - old) : ms;
    (void)pthread_mutex_unlock(&runner->lock);
}

void slot_drop_server(struct slot *slot)
{
    if (slot->server)
        slot->runner->options.close_server(slot->runner->options.ctx, slot->server_id,
                                           slot->server);
    free(slot->server_id);
    slot->server = NULL;
    slot->server_id = NULL;
    slot->server_tasks = 0;
    slot->server_work_us = 0;
}

/* The session's name says whose it is: how a task's session is found without a write a task. Set
 * here, and not when connecting, because a pooler hands the sessions of others around. */
static err_code name_session(struct run *r, struct err *err)
{
    struct slot *slot = r->slot;
    char name[SESSION_NAME_SIZE], sql[SESSION_NAME_SIZE + 32];

    insight_session_name(r->chunk->worker, slot->number, name);
    (void)snprintf(sql, sizeof sql, "SET application_name = '%s'", name);
    err_code rc = pg_command(slot->server, sql, err);
    if (!rc)
        memcpy(slot->named_for, r->chunk->worker, sizeof slot->named_for);
    return rc;
}

/* The pinned connection: kept across tasks and chunks while it is good for this server. */
static err_code open_server(struct run *r, struct err *err)
{
    struct slot *slot = r->slot;
    const struct runner_options *o = &slot->runner->options;
    bool good = slot->server && str_eq(slot->server_id, r->chunk->server) &&
                slot->server_tasks < SERVER_TASKS_MAX &&
                slot->server_work_us < (int64_t)1000 * SERVER_WORK_MAX_MS &&
                pg_alive(slot->server) && !pg_in_transaction(slot->server) &&
                str_eq(slot->named_for, r->chunk->worker);

    if (good)
        return ERR_NONE;
    run_store(r); /* only the connection that made a commit can tell that it is on disk */
    slot_drop_server(slot);
    if (!run_await_control(r)) /* it went away while that was stored */
        return err_set(err, ERR_DATABASE_UNAVAILABLE, "the control database is away");
    slot->server_id = strdup(r->chunk->server);
    if (!slot->server_id)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = o->open_server(o->ctx, slot->control, r->chunk->server, &slot->server, err);
    return rc ? rc : name_session(r, err);
}

/* The task could not start: again later if that may help. */
static void judge_no_server(const struct err *why, struct task_result *result)
{
    result->verdict = err_is_retryable(why->code) ? VERDICT_SNOOZE : VERDICT_FAILED;
    result->outcome =
        json_pack("{s:s, s:o}", "code", err_name(why->code), "detail", json_text(why->msg));
}

/* A kind that left a transaction open must not leave it to the next task. */
static void tidy(struct pg *pg)
{
    if (pg && pg_alive(pg) && pg_in_transaction(pg))
        (void)!pg_command(pg, "ROLLBACK", NULL); /* what it cannot end is dropped by pg_alive() */
}

/* As many as the kind can take, from `first` on; how many of them have come to an end. */
static size_t call_kind(struct run *r, struct task_run *run, struct finished *first, size_t n)
{
    struct task_result *results = r->kind->run_many ? calloc(n, sizeof *results) : NULL;

    if (!results) {
        r->kind->run(run, &first->result);
        return 1;
    }
    for (size_t i = 0; i < n; i++)
        results[i] = first[i].result;
    size_t ended = r->kind->run_many(run, results, n);
    for (size_t i = 0; i < ended; i++)
        first[i].result = results[i];
    free(results);
    return ended;
}

/* On this thread, in the middle of what it waits for. Of tasks that were sent together the one that
 * takes long is stopped, to be begun again by itself: then those behind it can be let go. */
static void mind_slow(void *arg)
{
    struct run *r = arg;
    struct pg_canceller *canceller = r->slot->cancellers[CANCELLER_SERVER];

    if (r->flight == 1) {
        run_let_go(r);
        return;
    }
    r->alone = canceller != NULL;
    if (!canceller)
        return;
    pg_canceller_fire(canceller);
    /* before more is read: it must not hit what the kind does next; slot_withdraw() sees to the rest */
    (void)pg_canceller_settle(canceller, CANCEL_SETTLE_MS);
}

/* Without the last that ended, if it is the one that mind_slow() has stopped. */
static size_t again_alone(struct run *r, struct finished *first, size_t ended)
{
    static const char query_canceled[] = "57014";
    struct task_result *last = &first[ended - 1].result;
    const char *sqlstate = json_string_value(json_object_get(last->outcome, "sqlstate"));

    if (!r->alone || slot_reason(r->slot) != STOP_NONE || !str_eq(sqlstate, query_canceled))
        return ended;
    r->before = json_incref(last->outcome);
    task_result_clear(last);
    return ended - 1;
}

/* What it did before it was begun again was its doing, too. */
static void add_before(struct run *r, struct task_result *result)
{
    static const char *const counts[] = {"applied", "reverted"};

    for (size_t i = 0; r->before && i < ARRAY_LEN(counts); i++) {
        json_int_t n = json_integer_value(json_object_get(r->before, counts[i]));
        json_int_t now = json_integer_value(json_object_get(result->outcome, counts[i]));
        if (!n)
            continue;
        (void)json_object_set_new(result->outcome, counts[i], json_integer(n + now));
        if (result->verdict == VERDICT_SKIPPED)
            result->verdict = VERDICT_SUCCEEDED;
    }
    json_decref(r->before);
    r->before = NULL;
}

static size_t run_kind(struct run *r, struct finished *first, size_t n)
{
    struct slot *slot = r->slot;
    struct task_run run = {
        .ctx = slot->runner->options.ctx,
        .job = &r->chunk->job,
        .task = first->task,
        .control = slot->control,
        .server = slot->server,
        .cancelled = &slot->cancelled,
        .probing = r->chunk->probing,
        .slot = slot,
    };
    int64_t start = clock_mono_us();

    for (size_t i = 0; i < n; i++)
        first[i].witness = pg_serial(slot->control);
    slot_expose(slot);
    r->flight = n;
    pg_on_slow(slot->server, n > 1 ? SLOW_MANY_MS : SLOW_MS, mind_slow, r);
    size_t ended = call_kind(r, &run, first, n);
    pg_on_slow(slot->server, 0, NULL, NULL);
    add_before(r, &first->result);
    ended = again_alone(r, first, ended);
    slot_withdraw(slot);
    tidy(slot->server);
    tidy(slot->control);
    int64_t took = clock_mono_us() - start, each = took / (ended ? (int64_t)ended : 1);
    slot->server_tasks += (int)ended;
    slot->server_work_us += took;
    learn_duration(r, each, ended);
    for (size_t i = 0; i < ended; i++)
        first[i].duration_ms = each / 1000;
    return ended;
}

/* Interrupted by the end of the replica, not by what it did: as if it had not been claimed. */
static bool is_interrupted(struct run *r, const struct finished *item)
{
    if (slot_reason(r->slot) != STOP_REPLICA)
        return false;
    task_verdict v = item->result.verdict;
    return v == VERDICT_CANCELLED || v == VERDICT_RETRY || v == VERDICT_SNOOZE;
}

static void conclude(struct run *r, struct finished *item)
{
    if (is_interrupted(r, item))
        finish_give_back(item);
    else
        finish_decide(r->kind, item, retry_random());
    r->halted |= chunk_mind_server(r->slot, r->chunk, item);
    if (item->state == TASK_FAILED && r->chunk->job.stop_on_failure)
        r->halted = true;
}

static void tell_pace(struct run *r, const struct finished *first, size_t n, int64_t us)
{
    struct tally tally = {.busy_us = us};

    for (size_t i = 0; i < n; i++) {
        tally.lock_waits += first[i].lock_wait;
        tally.tasks += first[i].state == TASK_SUCCEEDED || first[i].state == TASK_SKIPPED ||
                       first[i].state == TASK_FAILED;
    }
    pace_tally(r->slot->runner, r->chunk->server, &tally);
}

static size_t run_tasks_from(struct run *r, struct finished *first, size_t n)
{
    struct err err = {.code = ERR_NONE};

    if (open_server(r, &err)) {
        runner_trouble(r->slot->runner, TROUBLE_SERVER, &err);
        judge_no_server(&err, &first->result);
        finish_decide(r->kind, first, retry_random());
        return 1;
    }
    int64_t start = clock_mono_us();
    size_t ended = run_kind(r, first, n);
    for (size_t i = 0; i < ended; i++)
        conclude(r, &first[i]);
    tell_pace(r, first, ended, clock_mono_us() - start);
    return ended;
}

static bool may_start(struct run *r)
{
    return !r->halted && !atomic_load(&r->slot->runner->stopping) &&
           slot_reason(r->slot) == STOP_NONE && run_await_control(r);
}

/* A failure may spend the job's budget: then what has not begun is given back. */
static void weigh_failure(struct run *r)
{
    struct slot *slot = r->slot;
    struct err err = {.code = ERR_NONE};
    job_state after = JOB_RUNNING;

    if (!r->chunk->job.has_limits || r->halted || r->lost ||
        !runner_connect(slot->runner, &slot->control, TROUBLE_RECONCILE))
        return;
    if (runner_reconcile(slot->runner, slot->control, r->chunk->job.id, r->chunk->job.kind, &after,
                         &err))
        runner_trouble(slot->runner, TROUBLE_RECONCILE, &err); /* the leader will see to it */
    r->halted = after != JOB_RUNNING;
}

static bool any_failed(const struct finished *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].state == TASK_FAILED)
            return true;
    return false;
}

/* How many may go together: what they take is known better with each. */
static size_t together(const struct run *r)
{
    size_t rest = r->end - r->done;
    size_t most = (size_t)chunk_size(r->slot->runner, r->chunk->job.kind);

    return rest < most ? rest : most;
}

static void run_tasks(struct run *r)
{
    for (size_t i = 0; i < r->end; i++)
        r->items[i] =
            (struct finished){.task = &r->chunk->tasks[i],
                              .result.verdict = VERDICT_FAILED /* of a kind that gives none */};
    while (r->done < r->end) {
        struct finished *first = &r->items[r->done];
        size_t ended = 1, most = r->alone ? 1 : together(r);
        r->alone = false;
        if (may_start(r))
            ended = run_tasks_from(r, first, most);
        else
            finish_give_back(first);
        r->done += ended;
        bool failed = !r->halted && any_failed(first, ended);
        if (failed || clock_mono_ms() - r->stored_at >= STORE_EVERY_MS)
            run_store(r);
        if (failed)
            weigh_failure(r);
    }
    run_store(r);
}

/* The end of a job, and of a wave, is seen by the worker that brings it. */
static void look_after_job(struct run *r)
{
    struct slot *slot = r->slot;
    struct err err = {.code = ERR_NONE};
    bool has_work = true;

    if (r->lost || !runner_connect(slot->runner, &slot->control, TROUBLE_RECONCILE))
        return;
    err_code rc = job_has_work(slot->control, r->chunk->job.id, &has_work, &err);
    if (!rc && (r->halted || !has_work))
        rc = runner_reconcile(slot->runner, slot->control, r->chunk->job.id, r->chunk->job.kind,
                              NULL, &err);
    if (rc)
        runner_trouble(slot->runner, TROUBLE_RECONCILE, &err); /* the leader will see to it */
}

void chunk_run(struct slot *slot, struct chunk *chunk)
{
    struct run r = {
        .slot = slot,
        .chunk = chunk,
        .kind = runner_kind(slot->runner, chunk->job.kind),
        .items = calloc(chunk->count, sizeof *r.items),
        .end = chunk->count,
        .stored_at = clock_mono_ms(),
    };

    if (!r.items) {
        slot->dirty = true; /* given back before the next claim */
        return;
    }
    slot_enter(slot, chunk);
    run_tasks(&r);
    slot_leave(slot);
    look_after_job(&r);
    for (size_t i = 0; i < chunk->count; i++)
        finished_clear(&r.items[i]);
    json_decref(r.before);
    free(r.items);
}
