/* SPDX-License-Identifier: MIT */
/* Jobs and tasks in the control schema, as the API sees them. Each function is one statement or one
 * transaction; within an open transaction it joins it. */
#pragma once

#include "core/job/job.h"
#include "core/pg/pg.h"

/* The rules of a staged rollout; all of them may be absent. */
struct rollout_spec {
    struct failure_limit limit;
    on_budget on_budget;
    const json_t *windows;    /* window.h; NULL: at any time */
    int64_t deadline_seconds; /* 0: none */
};

struct job_spec {
    const char *kind;
    const char *subject;    /* may be NULL */
    const json_t *args;     /* may be NULL */
    bool stop_on_failure;
    int max_parallel, wave_count, strict_waves;
    const struct rollout_spec *rollout; /* may be NULL */
    int64_t noop;
    const char *retry_of;   /* may be NULL */
    const char *created_by, *request_id; /* request_id may be NULL */
};

/* Inserts the job alone and gives its id; its tasks follow in the same transaction. */
err_code job_insert(struct pg *pg, const struct job_spec *spec, char id[UUID_TEXT_SIZE],
                    struct err *err) MUST_USE;
/* One task; tenant_id and args may be NULL. exclusive: no other exclusive task of the tenant runs
 * beside it. */
err_code task_insert(struct pg *pg, const char *job_id, int item, const char *tenant_id,
                     const char *server, int wave, bool exclusive, const json_t *args,
                     struct err *err) MUST_USE;
/* After the tasks: wakes the workers of every replica, and settles a job that has no task. */
err_code job_enqueued(struct pg *pg, const char *job_id, struct err *err) MUST_USE;

err_code job_find(struct pg *pg, const char *id, struct job *out, struct err *err) MUST_USE;
struct job_filter {
    const char *state, *kind, *subject, *created_by; /* NULL: any; state may be "a,b" */
    const char *after_created_at, *after_id;         /* keyset: newest first; NULL: from the start */
    int limit;
};
/* *out (the caller's: job_clear() each, free()) has at most limit entries. */
err_code job_list(struct pg *pg, const struct job_filter *filter, struct job **out, size_t *count,
                  struct err *err) MUST_USE;
struct task_filter {
    const char *state, *tenant_id, *sqlstate, *code; /* NULL: any */
    int64_t after_id;
    int limit;
};
err_code task_list(struct pg *pg, const char *job_id, const struct task_filter *filter,
                   struct task **out, size_t *count, struct err *err) MUST_USE;
/* Requests cancellation: queued tasks are cancelled at once, running ones are told. Repeating it is
 * fine; ERR_INVALID_STATE for a finished job. */
err_code job_cancel(struct pg *pg, const char *id, struct err *err) MUST_USE;
struct job_retry_spec {
    const char *task_ids, *codes; /* "{1,2}", "{A,B}": only these; NULL: any */
    const char *created_by, *request_id; /* request_id may be NULL */
};
/* A new job with the failed and cancelled tasks of a finished one; ERR_NOTHING_TO_RETRY,
 * ERR_INVALID_STATE while it is live. */
err_code job_retry(struct pg *pg, const char *id, const struct job_retry_spec *spec,
                   char new_id[UUID_TEXT_SIZE], struct err *err) MUST_USE;
/* Brings the job's state in line with its tasks (job_decide()); safe from anywhere, any time.
 * *changed (may be NULL): state, wave or progress moved. *state (may be NULL) is what it is now. */
err_code job_reconcile(struct pg *pg, const char *id, bool *changed, job_state *state,
                       struct err *err) MUST_USE;
/* The same for every live job; *changed is the number that moved. */
err_code job_reconcile_all(struct pg *pg, int *changed, struct err *err) MUST_USE;
/* The row_versions of the given jobs ("{id,id}" as a PostgreSQL array); for long-polling. */
err_code job_versions(struct pg *pg, const char *ids, struct pg_rows **out,
                      struct err *err) MUST_USE;
/* The live exclusive job of a tenant, "" when there is none. */
err_code job_of_tenant(struct pg *pg, const char *tenant_id, char id[UUID_TEXT_SIZE],
                       struct err *err) MUST_USE;
/* Deletes jobs that finished more than `days` ago, at most limit of them. */
err_code job_prune(struct pg *pg, int days, int limit, struct err *err) MUST_USE;
