/* SPDX-License-Identifier: MIT */
/* Finishing: what becomes of tasks that ran, decided and written, with their tenants' rows. */
#pragma once

#include "core/job/runner.h"

/* One task that was claimed and its way out. */
struct finished {
    const struct task *task; /* borrowed */
    struct task_result result;
    int64_t duration_ms;
    uint64_t witness; /* pg_serial() of the control connection that was open when it ran */
    task_state state; /* what it shall be; TASK_QUEUED: run again, after delay_ms */
    int64_t delay_ms;
    bool refund;     /* the attempt is not spent */
    bool snoozed;    /* counts as a snooze */
    bool lock_wait;  /* … and as one for a lock */
    bool given_back; /* it did not run to an end */
    bool stored;     /* false after finish_store(): it is somebody else's by now */
};
void finished_clear(struct finished *item);

/* Judges the verdict by the kind's limits; random is in [0, 1). When a limit is reached the
 * verdict in the result becomes VERDICT_FAILED, and a snoozer gets a LOCK_UNAVAILABLE outcome if
 * it has no code. */
void finish_decide(const struct job_kind *kind, struct finished *item, double random);
/* To be run again as if it had not been claimed. */
void finish_give_back(struct finished *item);
/* The result is not known to be on disk, or cannot be stored: again, in a while. */
void finish_again(struct finished *item, int64_t delay_ms);
/* Its result cannot be stored: failed with the reason, its tenant untouched. */
void finish_spoil(struct finished *item, const struct err *why);

/*
 * Writes all items in one statement, which is one durable transaction: tasks that are still this
 * worker's (id, worker, slot and attempt must match), and their tenants' rows. Sets stored of each,
 * and its state to what it became: a task to be run again of a cancelled job is cancelled.
 */
err_code finish_store(struct pg *pg, const char *worker, int slot, struct finished *items, size_t n,
                      struct err *err) MUST_USE;
