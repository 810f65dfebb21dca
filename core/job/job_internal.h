/* SPDX-License-Identifier: MIT */
/* What the files of this folder share: columns, reading of rows, the controller's answer. */
#pragma once

#include "core/job/job.h"
#include "core/pg/pg.h"

/* Of tenantd.job AS j, for job_read(). */
#define JOB_COLUMNS                                                                                \
    " j.id, j.retry_of, j.kind, j.subject, j.created_by, j.request_id, j.state, j.args, j.result," \
    " j.progress, j.on_failure = 'stop' AS stop_on_failure, j.max_parallel, j.row_version,"        \
    " j.cancel_requested_at IS NOT NULL AS cancel_requested,"                                      \
    " coalesce(j.max_failures, j.max_ratio) IS NOT NULL OR j.waves IS NOT NULL AS has_limits,"     \
    " " PG_RFC3339("j.created_at") " AS created_at, " PG_RFC3339("j.started_at")                   \
    " AS started_at, " PG_RFC3339("j.finished_at") " AS finished_at,"                              \
    " floor(1000 * extract(epoch FROM coalesce(j.finished_at, clock_timestamp()) - j.started_at))" \
    "::bigint AS elapsed_ms,"                                                                      \
    " jsonb_build_object('pause_reason', j.pause_reason, 'waiting', j.waiting,"                    \
    "  'end_reason', j.end_reason, 'waves', j.waves, 'open_wave', j.open_wave,"                    \
    "  'failure_budget', jsonb_build_object('max_failures', j.max_failures,"                       \
    "   'max_ratio', j.max_ratio, 'extra_failures', j.extra_failures),"                            \
    "  'on_budget', j.on_budget, 'windows', j.windows,"                                            \
    "  'window_opens_at', " PG_RFC3339("j.claim_from") ","                                         \
    "  'window_closes_at', " PG_RFC3339("j.claim_until") ","                                       \
    "  'deadline_at', " PG_RFC3339("j.deadline_at") ") AS rollout"

/* Of tenantd.task AS t, for task_read(). */
#define TASK_COLUMNS                                                                               \
    " t.id, t.job_id, t.item, t.wave, t.attempt, t.snoozes, t.lock_waits, t.tenant_id, t.server,"  \
    " t.state, t.args, t.outcome, " PG_RFC3339("t.claimed_at") " AS claimed_at, "                           \
    PG_RFC3339("t.finished_at") " AS finished_at"

/* The data of a task's event; t has columns id, attempt and outcome. Outcomes may be long. */
#define TASK_TOLD(t)                                                                               \
    "jsonb_strip_nulls(jsonb_build_object('task_id', " t ".id::text, 'attempt', " t ".attempt,"   \
    " 'code', " t ".outcome -> 'code', 'sqlstate', " t ".outcome -> 'sqlstate',"                  \
    " 'version', " t ".outcome -> 'version', 'message', left(coalesce(" t                          \
    ".outcome ->> 'message', " t ".outcome ->> 'detail'), 500)))"

/* Fill *out (the caller's) from one row. */
err_code job_read(const struct pg_rows *rows, size_t row, struct job *out, struct err *err)
    MUST_USE;
err_code task_read(const struct pg_rows *rows, size_t row, struct task *out, struct err *err)
    MUST_USE;
/* All rows as a new array, the caller's. */
err_code tasks_read(const struct pg_rows *rows, struct task **out, size_t *count, struct err *err)
    MUST_USE;

/* Locks the job's row against claims and the controller, and tells its state. */
err_code job_lock(struct pg *pg, const char *id, job_state *out, struct err *err) MUST_USE;

/* What a reconciliation did. */
struct job_move {
    job_state before, after;
    bool changed; /* state, wave or progress */
    int64_t missing_failures; /* job_decide()'s */
};
err_code job_reconcile_move(struct pg *pg, const char *id, struct job_move *out, struct err *err)
    MUST_USE;
/* Columns id and kind of the live jobs whose tasks moved since the controller saw them. */
err_code job_moving(struct pg *pg, struct pg_rows **out, struct err *err) MUST_USE;
/* Whether any task of the waves that are open is queued or running; cheap. */
err_code job_has_work(struct pg *pg, const char *id, bool *out, struct err *err) MUST_USE;
/* A hint to the workers of every replica, sent with the commit. */
err_code job_notify(struct pg *pg, struct err *err) MUST_USE;
