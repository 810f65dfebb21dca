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
}

void slot_destroy(struct slot *slot)
{
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

/* Afterwards no cancel can hit what the connection does next: one that is still under way to a
 * server that does not answer costs the connection. */
static void retire(struct pg_canceller *canceller)
{
    if (canceller && !pg_canceller_settle(canceller, CANCEL_SETTLE_MS))
        pg_canceller_cut(canceller);
    pg_canceller_free(canceller);
}

/* Puts `next` in the place of a canceller. Waiting is not done under the lock: others have slots to
 * look after. */
static void replace(struct slot *slot, int which, struct pg_canceller *next)
{
    (void)pthread_mutex_lock(&slot->lock);
    struct pg_canceller *last = slot->cancellers[which];
    slot->cancellers[which] = next;
    (void)pthread_mutex_unlock(&slot->lock);
    retire(last);
}

void slot_withdraw(struct slot *slot)
{
    for (int i = 0; i < CANCELLER_COUNT; i++)
        replace(slot, i, NULL);
}

void task_run_expose(const struct task_run *run, struct pg *pg)
{
    if (run->slot)
        replace(run->slot, CANCELLER_OTHER, pg ? pg_canceller_new(pg) : NULL);
}

void slot_tell(struct slot *slot, stop_reason reason, const char *worker, const char *job_id)
{
    bool told = false;

    (void)pthread_mutex_lock(&slot->lock);
    bool meant = slot->worker[0] && (!worker || str_eq(worker, slot->worker)) &&
                 (!job_id || str_eq(job_id, slot->job_id));
    if (meant && reason > slot->reason) {
        if (slot->reason == STOP_NONE)
            slot->told_at = clock_mono_ms();
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

/* Repeated, for a cancel that arrives between two statements hits none. Under the lock: it does not
 * wait. */
void slot_fire(struct slot *slot)
{
    int64_t now = clock_mono_ms();

    (void)pthread_mutex_lock(&slot->lock);
    bool fire = slot->reason != STOP_NONE && now >= slot->fire_again_at;
    bool cut = now - slot->told_at >= CUT_AFTER_MS;
    for (int i = 0; i < CANCELLER_COUNT && fire; i++) {
        if (!slot->cancellers[i])
            continue;
        pg_canceller_fire(slot->cancellers[i]);
        if (cut)
            pg_canceller_cut(slot->cancellers[i]);
    }
    if (fire)
        slot->fire_again_at = now + FIRE_EVERY_MS;
    (void)pthread_mutex_unlock(&slot->lock);
}
