/* SPDX-License-Identifier: MIT */
/* What is said to a live job: its rules when it is made, and what people want of it while it runs.
 * Each function is one transaction, or joins the open one; the controller decides within it. */
#pragma once

#include "core/job/job_store.h"

/* Of a job that was just inserted, in the same transaction. */
err_code rollout_set(struct pg *pg, const char *job_id, const struct rollout_spec *spec,
                     struct err *err) MUST_USE;
/* Its waves (rollout_wave_json()), once it is known how many tasks each has. */
err_code rollout_set_waves(struct pg *pg, const char *job_id, const json_t *waves, struct err *err)
    MUST_USE;

/* Nothing more starts until it is resumed. ERR_INVALID_STATE unless it is queued, running or
 * paused; who pauses a paused job takes it over from its budget. */
err_code rollout_pause(struct pg *pg, const char *job_id, struct err *err) MUST_USE;
/* extra_failures are allowed on top of the budget from now on. ERR_INVALID_STATE unless it is
 * paused; ERR_BUDGET_EXCEEDED, and nothing has changed, when it would pause at once. */
err_code rollout_resume(struct pg *pg, const char *job_id, int64_t extra_failures, struct err *err)
    MUST_USE;
/* Opens the next wave, whatever its gate and the bake time say. ERR_WAVE_NOT_READY while tasks of
 * the open ones are on their way, or when there is none. */
err_code rollout_promote(struct pg *pg, const char *job_id, struct err *err) MUST_USE;

struct rollout_change {
    int64_t max_parallel;              /* 0: as it is */
    const struct failure_limit *limit; /* NULL: as it is */
    const char *on_budget;             /* NULL: as it is */
};
/* ERR_INVALID_STATE when it has ended. */
err_code rollout_change(struct pg *pg, const char *job_id, const struct rollout_change *change,
                        struct err *err) MUST_USE;

/* Failed tasks of a live job run again, all or those of the given ids ("{1,2}") and codes
 * ("{A,B}"; NULL: any); *count is how many. ERR_NOTHING_TO_RETRY. */
err_code rollout_retry(struct pg *pg, const char *job_id, const char *task_ids, const char *codes,
                       int64_t *count, struct err *err) MUST_USE;
/* A queued or failed task of a live job counts as skipped, for the reason given.
 * ERR_TASK_NOT_FOUND, ERR_INVALID_STATE. */
err_code rollout_skip(struct pg *pg, const char *job_id, int64_t task_id, const char *reason,
                      const char *by, struct err *err) MUST_USE;
