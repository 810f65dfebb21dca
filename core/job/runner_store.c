/* SPDX-License-Identifier: MIT */
/* What the tasks of a chunk came to goes to the control database. */
#include "core/base/clock.h"
#include "core/job/runner_run.h"

static bool is_lost(struct run *r)
{
    if (!r->lost)
        r->lost = slot_reason(r->slot) == STOP_LEASE_LOST || runner_is_fenced(r->slot->runner);
    return r->lost;
}

/* Waits for the control database as long as the lease lasts. */
bool run_await_control(struct run *r)
{
    struct slot *slot = r->slot;

    for (int64_t ms = 50; !is_lost(r); ms = ms < SECOND_MS ? 2 * ms : SECOND_MS) {
        if (runner_connect(slot->runner, &slot->control, TROUBLE_FINISH))
            return true;
        runner_pause(runner_jitter(ms));
    }
    return false;
}

/*
 * Tasks of a kind with .flush commit asynchronously. On the control schema's own cluster the
 * synchronous commit of finish_store() puts them on disk too: WAL is one stream. On another one a
 * commit that writes WAL has to be made there (PostgreSQL documentation, 30.4 Asynchronous Commit;
 * one that wrote nothing flushes nothing). Either says so only if the server did not crash in
 * between, which ends every session: it has to be made by one that was open when the task ran.
 */
static err_code flush_server(struct pg *server, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "runner_flush",
        .sql = "SELECT set_config('synchronous_commit', 'on', true),"
               " pg_logical_emit_message(true, 'tenantd', 'flush')",
    };
    if (!server)
        return err_set(err, ERR_DATABASE_UNAVAILABLE, "the connection to the server was lost");
    return pg_exec(server, &stmt, PG_NO_ARGS, NULL, err);
}

/* Whether something is said of the tenant's schema that must be on disk by then. */
static bool needs_flush(const struct run *r, const struct finished *item)
{
    return r->kind->flush && !item->given_back &&
           (item->state == TASK_SUCCEEDED || item->state == TASK_SKIPPED ||
            item->result.applied_set);
}

/* What may not be on disk is done again: the tracking tables tell what is there. A failure stays
 * one, and says nothing of what went before it. */
static void distrust(struct finished *item)
{
    if (item->state == TASK_SUCCEEDED || item->state == TASK_SKIPPED)
        finish_again(item, SECOND_MS);
    item->result.applied_set = 0;
}

/* The control connection that stores was not there when they ran: the server may have crashed. */
static void distrust_unwitnessed(struct run *r, struct finished *items, size_t n)
{
    for (size_t i = 0; i < n && r->chunk->server_is_control; i++)
        if (needs_flush(r, &items[i]) && items[i].witness != pg_serial(r->slot->control))
            distrust(&items[i]);
}

static void flush_batch(struct run *r, struct finished *items, size_t n)
{
    struct err err = {.code = ERR_NONE};
    bool wanted = false;

    for (size_t i = 0; i < n; i++)
        wanted |= needs_flush(r, &items[i]);
    if (r->chunk->server_is_control || !wanted || !flush_server(r->slot->server, &err))
        return;
    runner_trouble(r->slot->runner, TROUBLE_FLUSH, &err);
    for (size_t i = 0; i < n; i++)
        if (needs_flush(r, &items[i]))
            distrust(&items[i]);
}

/* Tries until it is stored, cannot be stored at all, or the lease is lost (ERR_WORKER_LOST). An
 * attempt whose answer got lost may have been stored: then what the next finds gone was ours. */
static err_code store(struct run *r, struct finished *items, size_t n, struct err *err)
{
    struct slot *slot = r->slot;
    bool unsure = false;

    while (run_await_control(r)) {
        distrust_unwitnessed(r, items, n);
        err_code rc = finish_store(slot->control, r->chunk->worker, slot->number, items, n, err);
        for (size_t i = 0; i < n && !rc && unsure; i++)
            items[i].stored = true;
        if (!rc || !err_is_retryable(rc))
            return rc;
        unsure = true;
        runner_trouble(slot->runner, TROUBLE_FINISH, err);
        runner_disconnect(slot->runner, &slot->control);
        runner_pause(runner_jitter(100));
    }
    return err_set(err, ERR_WORKER_LOST, "the lease was lost before the results were stored");
}

/* A result that PostgreSQL refuses must not take the others with it, nor be tried for ever. */
static void store_singly(struct run *r, struct finished *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err err = {.code = ERR_NONE};
        err_code rc = store(r, &items[i], 1, &err);
        if (rc && rc != ERR_WORKER_LOST) {
            runner_trouble(r->slot->runner, TROUBLE_FINISH, &err);
            finish_spoil(&items[i], &err);
            rc = store(r, &items[i], 1, &err);
        }
        if (rc)
            r->slot->dirty = true;
    }
}

/* VERDICT of a task that was to run again but belongs to a cancelled job. */
static void correct_verdict(struct finished *item)
{
    if (item->state == TASK_CANCELLED)
        item->result.verdict = VERDICT_CANCELLED;
}

static void tell_stored(struct run *r, struct finished *items, size_t n)
{
    const struct runner *runner = r->slot->runner;
    int fenced = 0;

    for (size_t i = 0; i < n; i++) {
        fenced += !items[i].stored;
        correct_verdict(&items[i]);
        if (items[i].stored && !items[i].given_back && runner->observer.task_finished)
            runner->observer.task_finished(runner->options.observer_ctx, &r->chunk->job,
                                           items[i].task, &items[i].result, items[i].duration_ms);
    }
    if (fenced && runner->observer.fenced)
        runner->observer.fenced(runner->options.observer_ctx, fenced);
}

void run_store(struct run *r)
{
    struct finished *items = r->items + r->stored;
    size_t n = r->done - r->stored;
    struct err err = {.code = ERR_NONE};

    if (!n)
        return;
    flush_batch(r, items, n);
    err_code rc = store(r, items, n, &err);
    if (rc && rc != ERR_WORKER_LOST) {
        runner_trouble(r->slot->runner, TROUBLE_FINISH, &err);
        store_singly(r, items, n);
    }
    r->slot->dirty |= r->lost;
    tell_stored(r, items, n);
    r->stored = r->done;
    r->stored_at = clock_mono_ms();
}

/* One attempt, by the connection that the kind may go on with. */
static bool store_beside(struct run *r, size_t from, size_t to)
{
    struct finished *items = r->items + from;
    struct err err = {.code = ERR_NONE};

    if (from == to)
        return true;
    for (size_t i = 0; i < to - from && !r->chunk->server_is_control; i++)
        if (needs_flush(r, &items[i])) /* the connection that could tell is busy */
            distrust(&items[i]);
    distrust_unwitnessed(r, items, to - from);
    if (finish_store(r->slot->control, r->chunk->worker, r->slot->number, items, to - from, &err)) {
        runner_trouble(r->slot->runner, TROUBLE_FINISH, &err);
        return false;
    }
    tell_stored(r, items, to - from);
    return true;
}

void run_let_go(void *run)
{
    struct run *r = run;
    struct slot *slot = r->slot;
    size_t rest = r->done + 1;

    if (is_lost(r) || !pg_alive(slot->control) || pg_in_transaction(slot->control) ||
        !store_beside(r, r->stored, r->done))
        return;
    r->stored = r->done;
    for (size_t i = rest; i < r->end; i++) {
        r->items[i].task = &r->chunk->tasks[i];
        finish_give_back(&r->items[i]);
    }
    if (!store_beside(r, rest, r->end))
        return;
    r->end = rest;
    bell_ring(&slot->runner->work, true);
}
