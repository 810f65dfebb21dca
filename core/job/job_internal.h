/* SPDX-License-Identifier: MIT */
/* What the files of this folder share: columns, reading of rows, the controller's answer. */
#pragma once

#include "core/job/job.h"
#include "core/pg/pg.h"

#define JOB_TIME(column)                                                                           \
    " to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* Of tenantd.job AS j, for job_read(). */
#define JOB_COLUMNS                                                                                                                   \
    " j.id, j.retry_of, j.kind, j.subject, j.created_by, j.request_id, j.state, j.args, j.result,"                                    \
    " j.progress, j.on_failure = 'stop' AS stop_on_failure, j.max_parallel, j.row_version,"                                           \
    " j.cancel_requested_at IS NOT NULL AS cancel_requested," JOB_TIME(                                                               \
        "j.created_at") " AS created_at," JOB_TIME("j.started_at") " AS started_at," JOB_TIME("j."                                    \
                                                                                              "fi"                                    \
                                                                                              "ni"                                    \
                                                                                              "sh"                                    \
                                                                                              "ed"                                    \
                                                                                              "_a"                                    \
                                                                                              "t") " AS finished_at,"                 \
                                                                                                   " floor(1000 * extract(epoch FROM" \
                                                                                                   "  coalesce(j.finished_at, clock_timestamp()) - j.started_at))::bigint AS elapsed_ms"

/* Of tenantd.task AS t, for task_read(). */
#define TASK_COLUMNS                                                                               \
    " t.id, t.job_id, t.item, t.attempt, t.snoozes, t.tenant_id, t.server, t.state, t.args,"       \
    " t.outcome," JOB_TIME("t.claimed_at") " AS claimed_at," JOB_TIME(                             \
        "t.finished_at") " AS finished_at"

/* Fill *out (the caller's) from one row. */
err_code job_read(const struct pg_rows *rows, size_t row, struct job *out, struct err *err)
    MUST_USE;
err_code task_read(const struct pg_rows *rows, size_t row, struct task *out, struct err *err)
    MUST_USE;
/* All rows as a new array, the caller's. */
err_code tasks_read(const struct pg_rows *rows, struct task **out, size_t *count, struct err *err)
    MUST_USE;

/* What a reconciliation did. */
struct job_move {
    job_state before, after;
    bool changed; /* state, wave or progress */
};
err_code job_reconcile_move(struct pg *pg, const char *id, struct job_move *out, struct err *err)
    MUST_USE;
/* Columns id and kind of the live jobs whose tasks moved since the controller saw them. */
err_code job_moving(struct pg *pg, struct pg_rows **out, struct err *err) MUST_USE;
/* Whether any task of the waves that are open is queued or running; cheap. */
err_code job_has_work(struct pg *pg, const char *id, bool *out, struct err *err) MUST_USE;
/* A hint to the workers of every replica, sent with the commit. */
err_code job_notify(struct pg *pg, struct err *err) MUST_USE;
