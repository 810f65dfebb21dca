/* SPDX-License-Identifier: MIT */
/* A worker thread: claims, runs, claims again; waits when there is nothing. */
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/retry.h"
#include "core/base/str.h"
#include "core/job/runner_internal.h"
#include "core/job/worker_store.h"

enum {
    ERROR_PAUSE_MS = 200,
    ERROR_PAUSE_MAX_MS = 5000,
    BUSY_PAUSE_MS = 10,
    LINGER_MS = 1000 /* how long a resting worker keeps its connection to a server */
};

/* Tasks whose claim was answered by a broken connection run under this slot, unknown to it. */
static err_code give_back_unknown(struct slot *slot, const char *worker, struct err *err)
{
    if (!slot->dirty)
        return ERR_NONE;
    err_code rc = worker_give_back(slot->control, worker, slot->number, err);
    slot->dirty = rc != ERR_NONE;
    return rc;
}

static err_code claim_as(struct slot *slot, const char *worker, claim_answer *answer,
                         struct chunk *out, struct err *err)
{
    struct runner *runner = slot->runner;
    struct claimer claimer = {
        .worker = worker,
        .slot = slot->number,
        .kinds = runner->kinds,
        .default_max_parallel = runner->options.default_max_parallel,
        .chunk_size = chunk_size,
        .arg = runner,
    };
    err_code rc = give_back_unknown(slot, worker, err);

    if (rc)
        return rc;
    (void)pthread_mutex_lock(&runner->claim_lock);
    int64_t start = clock_mono_us();
    rc = claim_chunk(slot->control, &claimer, answer, out, err);
    (void)pthread_mutex_unlock(&runner->claim_lock);
    slot->dirty |= rc != ERR_NONE;
    if (!rc && *answer == CLAIM_GOT && runner->observer.claimed)
        runner->observer.claimed(runner->options.observer_ctx, (int)out->count,
                                 clock_mono_us() - start);
    return rc;
}

static err_code claim(struct slot *slot, claim_answer *answer, struct chunk *out)
{
    char worker[UUID_TEXT_SIZE];
    struct err err = {.code = ERR_NONE};

    *answer = CLAIM_NOTHING;
    if (!runner_worker_id(slot->runner, worker))
        return ERR_NONE;
    if (!runner_connect(slot->runner, &slot->control, TROUBLE_CLAIM))
        return ERR_DATABASE_UNAVAILABLE;
    err_code rc = claim_as(slot, worker, answer, out, &err);
    if (rc) {
        runner_trouble(slot->runner, TROUBLE_CLAIM, &err);
        runner_disconnect(slot->runner, &slot->control);
    }
    return rc;
}

/* Connections are for those who work. But while a job is on its way a worker that found no room
 * in it works again a moment later, and a new backend starts with empty caches: its first migration
 * takes it twice as long. */
static void rest(struct slot *slot, uint64_t seen, int64_t ms)
{
    int64_t pause = runner_jitter(ms);

    slot->worked_on[0] = '\0';
    runner_disconnect(slot->runner, &slot->control);
    if (clock_mono_ms() - slot->worked_at >= LINGER_MS)
        slot_drop_server(slot);
    if (slot->server && pause > LINGER_MS)
        pause = LINGER_MS;
    (void)bell_wait(&slot->runner->work, seen, pause);
}

/* Where one found something there may be more; but not where it only goes on with what it did. */
static void wake_another(struct slot *slot, const struct chunk *chunk)
{
    if (!str_eq(slot->worked_on, chunk->job.id) || !slot->server_id ||
        !str_eq(slot->server_id, chunk->server))
        bell_ring(&slot->runner->work, false);
    (void)snprintf(slot->worked_on, sizeof slot->worked_on, "%s", chunk->job.id);
}

static void work(struct slot *slot, struct chunk *chunk)
{
    struct runner *runner = slot->runner;

    wake_another(slot, chunk);
    if (chunk->job_began && runner->observer.job_changed)
        runner->observer.job_changed(runner->options.observer_ctx, chunk->job.id, chunk->job.kind,
                                     JOB_RUNNING);
    chunk_run(slot, chunk);
    slot->worked_at = clock_mono_ms();
    chunk_clear(chunk);
}

static void say_exit(struct runner *runner)
{
    (void)pthread_mutex_lock(&runner->lock);
    runner->working--;
    (void)pthread_mutex_unlock(&runner->lock);
    bell_ring(&runner->exits, true);
}

void *worker_main(void *arg)
{
    struct slot *slot = arg;
    struct runner *runner = slot->runner;
    int64_t error_ms = ERROR_PAUSE_MS;

    for (uint64_t seen; runner_goes_on(&runner->stopping, &runner->work, &seen);) {
        claim_answer answer = CLAIM_NOTHING;
        struct chunk chunk;
        if (claim(slot, &answer, &chunk)) {
            rest(slot, seen, error_ms);
            error_ms = error_ms < ERROR_PAUSE_MAX_MS ? 2 * error_ms : ERROR_PAUSE_MAX_MS;
            continue;
        }
        error_ms = ERROR_PAUSE_MS;
        if (answer == CLAIM_GOT)
            work(slot, &chunk);
        else if (answer == CLAIM_BUSY)
            runner_pause(runner_jitter(BUSY_PAUSE_MS));
        else
            rest(slot, seen, runner->options.poll_interval_ms);
    }
    slot_drop_server(slot);
    runner_disconnect(runner, &slot->control);
    say_exit(runner);
    return NULL;
}
