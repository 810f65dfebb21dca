/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/job/runner_internal.h"

bool task_run_cancelled(const struct task_run *run)
{
    return __atomic_load_n(run->cancelled, __ATOMIC_ACQUIRE);
}

void slot_init(struct slot *slot, struct runner *runner, int number)
{
    slot->runner = runner;
    slot->number = number;
    (void)pthread_mutex_init(&slot->lock, NULL);
    (void)pthread_cond_init(&slot->fired, NULL);
}

void slot_destroy(struct slot *slot)
{
    (void)pthread_cond_destroy(&slot->fired);
    (void)pthread_mutex_destroy(&slot->lock);
}

void slot_enter(struct slot *slot, const struct chunk *chunk)
{
    (void)pthread_mutex_lock(&slot->lock);
    memcpy(slot->worker, chunk->worker, sizeof slot->worker);
    memcpy(slot->job_id, chunk->job.id, sizeof slot->job_id);
    slot->reason = STOP_NONE;
    slot->fire_again_at = 0;
    __atomic_store_n(&slot->cancelled, false, __ATOMIC_RELEASE);
    (void)pthread_mutex_unlock(&slot->lock);
}

void slot_leave(struct slot *slot)
{
    (void)pthread_mutex_lock(&slot->lock);
    slot->worker[0] = slot->job_id[0] = '\0';
    (void)pthread_mutex_unlock(&slot->lock);
}

void slot_expose(struct slot *slot)
{
    (void)pthread_mutex_lock(&slot->lock);
    slot->cancellers[CANCELLER_SERVER] = pg_canceller_new(slot->server);
    slot->cancellers[CANCELLER_CONTROL] = pg_canceller_new(slot->control);
    (void)pthread_mutex_unlock(&slot->lock);
}

/* Afterwards no cancel can hit what the connections do next. */
void slot_withdraw(struct slot *slot)
{
    (void)pthread_mutex_lock(&slot->lock);
    while (slot->firing)
        (void)pthread_cond_wait(&slot->fired, &slot->lock);
    for (int i = 0; i < CANCELLER_COUNT; i++) {
        pg_canceller_free(slot->cancellers[i]);
        slot->cancellers[i] = NULL;
    }
    (void)pthread_mutex_unlock(&slot->lock);
}

void task_run_expose(const struct task_run *run, struct pg *pg)
{
    struct slot *slot = run->slot;

    if (!slot)
        return;
    (void)pthread_mutex_lock(&slot->lock);
    while (slot->firing)
        (void)pthread_cond_wait(&slot->fired, &slot->lock);
    pg_canceller_free(slot->cancellers[CANCELLER_OTHER]);
    slot->cancellers[CANCELLER_OTHER] = pg ? pg_canceller_new(pg) : NULL;
    (void)pthread_mutex_unlock(&slot->lock);
}

void slot_tell(struct slot *slot, stop_reason reason, const char *worker, const char *job_id)
{
    bool told = false;

    (void)pthread_mutex_lock(&slot->lock);
    bool meant = slot->worker[0] && (!worker || str_eq(worker, slot->worker)) &&
                 (!job_id || str_eq(job_id, slot->job_id));
    if (meant && reason > slot->reason) {
        slot->reason = reason;
        __atomic_store_n(&slot->cancelled, true, __ATOMIC_RELEASE);
        told = true;
    }
    (void)pthread_mutex_unlock(&slot->lock);
    if (told)
        bell_ring(&slot->runner->warden, true);
}

stop_reason slot_reason(struct slot *slot)
{
    (void)pthread_mutex_lock(&slot->lock);
    stop_reason reason = slot->reason;
    (void)pthread_mutex_unlock(&slot->lock);
    return reason;
}

bool slot_is_busy(struct slot *slot)
{
    (void)pthread_mutex_lock(&slot->lock);
    bool busy = slot->worker[0];
    (void)pthread_mutex_unlock(&slot->lock);
    return busy;
}

/* A cancel request is a connection of its own and may take long: not under the lock. What is fired
 * lives until slot_withdraw(), which waits. Repeated, for a cancel that arrives between two
 * statements hits none. */
void slot_fire(struct slot *slot)
{
    struct pg_canceller *cancellers[CANCELLER_COUNT] = {NULL};
    int64_t now = clock_mono_ms();

    (void)pthread_mutex_lock(&slot->lock);
    bool fire = slot->reason != STOP_NONE && slot->cancellers[0] && now >= slot->fire_again_at;
    if (fire) {
        slot->firing = true;
        slot->fire_again_at = now + FIRE_EVERY_MS;
        memcpy(cancellers, slot->cancellers, sizeof cancellers);
    }
    (void)pthread_mutex_unlock(&slot->lock);
    if (!fire)
        return;
    for (int i = 0; i < CANCELLER_COUNT; i++)
        if (cancellers[i])
            pg_canceller_fire(cancellers[i]);
    (void)pthread_mutex_lock(&slot->lock);
    slot->firing = false;
    (void)pthread_cond_broadcast(&slot->fired);
    (void)pthread_mutex_unlock(&slot->lock);
}
