/* SPDX-License-Identifier: MIT */
/* The heart: says that this replica lives, hears which jobs are being cancelled. */
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/job/runner_internal.h"
#include "core/job/runner_pace.h"
#include "core/job/worker_store.h"

enum { BEAT_SPACING_MS = 100 };

static void set_worker(struct runner *runner, const char *id)
{
    (void)pthread_mutex_lock(&runner->lock);
    memcpy(runner->worker, id, strlen(id) + 1);
    (void)pthread_mutex_unlock(&runner->lock);
}

static err_code enter(struct runner *runner, struct pg *pg, struct err *err)
{
    const struct worker_spec spec = {
        .host = runner->host,
        .build = runner->build,
        .kinds = runner->kinds,
        .slots = runner->options.workers,
    };
    char id[UUID_TEXT_SIZE];
    int64_t start = clock_mono_ms();
    err_code rc = worker_register(pg, &spec, id, err);

    if (rc)
        return rc;
    atomic_store(&runner->beat_at, start);
    set_worker(runner, id);
    bell_ring(&runner->work, true);
    bell_ring(&runner->caretaker, true);
    return ERR_NONE;
}

/* Others may have taken what ran under the row that is gone; a new life begins. */
static err_code enter_again(struct runner *runner, struct pg *pg, const char *old, struct err *err)
{
    runner_trouble(runner, TROUBLE_HEARTBEAT, err);
    set_worker(runner, "");
    for (int i = 0; i < runner->options.workers; i++)
        slot_tell(&runner->slots[i], STOP_LEASE_LOST, old, NULL);
    return enter(runner, pg, err);
}

static void pass_on(struct runner *runner, const char *worker, const struct pg_rows *rows)
{
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        int slot = pg_is_null(rows, i, "slot") ? -1 : pg_int(rows, i, "slot");
        if (slot >= 0 && slot < runner->options.workers)
            slot_tell(&runner->slots[slot], STOP_JOB_CANCELLED, worker, pg_text(rows, i, "job_id"));
    }
}

static err_code beat(struct runner *runner, struct pg *pg, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    char worker[UUID_TEXT_SIZE];
    int64_t start = clock_mono_ms();

    (void)pthread_mutex_lock(&runner->lock);
    memcpy(worker, runner->worker, sizeof worker);
    (void)pthread_mutex_unlock(&runner->lock);
    if (!worker[0])
        return enter(runner, pg, err);
    CLEANUP(freep) char *tally = pace_report(runner);
    err_code rc = worker_beat(pg, worker, atomic_load(&runner->stopping), tally, &rows, err);
    if (rc == ERR_WORKER_LOST)
        return enter_again(runner, pg, worker, err);
    if (rc)
        return rc;
    atomic_store(&runner->beat_at, start);
    pass_on(runner, worker, rows);
    return ERR_NONE;
}

static bool any_busy(struct runner *runner)
{
    for (int i = 0; i < runner->options.workers; i++)
        if (slot_is_busy(&runner->slots[i]))
            return true;
    return false;
}

/* Every sixth of the lease; while tasks run every second at least, and when the bell rings, for
 * that may be somebody who cancels. */
static void wait_for_beat(struct runner *runner, uint64_t seen, int64_t last)
{
    for (;;) {
        int64_t every = runner->options.lease_ms / 6;
        bool busy = any_busy(runner);
        if (busy && every > SECOND_MS)
            every = SECOND_MS;
        int64_t left = last + every - clock_mono_ms();
        if (left <= 0 || atomic_load(&runner->ending))
            return;
        bool rung = bell_wait(&runner->heart, seen, left < SECOND_MS ? left : SECOND_MS);
        seen = bell_rings(&runner->heart);
        if (rung && any_busy(runner)) {
            runner_pause(BEAT_SPACING_MS - (clock_mono_ms() - last));
            return;
        }
    }
}

void *heart_main(void *arg)
{
    struct runner *runner = arg;
    struct pg *pg = NULL;

    for (uint64_t seen; runner_goes_on(&runner->ending, &runner->heart, &seen);) {
        struct err err = {.code = ERR_NONE};
        int64_t start = clock_mono_ms();
        if (runner_connect(runner, &pg, TROUBLE_HEARTBEAT) && beat(runner, pg, &err)) {
            runner_trouble(runner, TROUBLE_HEARTBEAT, &err);
            runner_disconnect(runner, &pg);
        }
        wait_for_beat(runner, seen, start);
    }
    runner_disconnect(runner, &pg);
    return NULL;
}
