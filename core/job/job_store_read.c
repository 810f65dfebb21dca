/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/job_internal.h"
#include "core/job/job_store.h"

/* A column's text as the caller's own; *failed without memory. NULL stays NULL. */
static char *copy_text(const struct pg_rows *rows, size_t row, const char *column, bool *failed)
{
    const char *text = pg_text(rows, row, column);
    char *copy = text ? strdup(text) : NULL;
    *failed |= text && !copy;
    return copy;
}

static json_t *copy_json(const struct pg_rows *rows, size_t row, const char *column, bool *failed)
{
    const char *text = pg_text(rows, row, column);
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    *failed |= text && !value;
    return value;
}

static void copy_id(const struct pg_rows *rows, size_t row, const char *column,
                    char out[UUID_TEXT_SIZE])
{
    const char *text = pg_text(rows, row, column);
    (void)strncpy(out, text ? text : "", UUID_TEXT_SIZE - 1);
    out[UUID_TEXT_SIZE - 1] = '\0';
}

static struct task_counts read_progress(const struct pg_rows *rows, size_t row, bool *failed)
{
    json_t *p = copy_json(rows, row, "progress", failed);
    struct task_counts counts = {
        .queued = json_integer_value(json_object_get(p, "queued")),
        .running = json_integer_value(json_object_get(p, "running")),
        .succeeded = json_integer_value(json_object_get(p, "succeeded")),
        .skipped = json_integer_value(json_object_get(p, "skipped")),
        .failed = json_integer_value(json_object_get(p, "failed")),
        .cancelled = json_integer_value(json_object_get(p, "cancelled")),
    };
    json_decref(p);
    return counts;
}

err_code job_read(const struct pg_rows *rows, size_t row, struct job *out, struct err *err)
{
    bool failed = false;
    struct job job = {
        .kind = copy_text(rows, row, "kind", &failed),
        .subject = copy_text(rows, row, "subject", &failed),
        .created_by = copy_text(rows, row, "created_by", &failed),
        .request_id = copy_text(rows, row, "request_id", &failed),
        .args = copy_json(rows, row, "args", &failed),
        .result = copy_json(rows, row, "result", &failed),
        .progress = read_progress(rows, row, &failed),
        .rollout = copy_json(rows, row, "rollout", &failed),
        .stop_on_failure = pg_bool(rows, row, "stop_on_failure"),
        .has_limits = pg_bool(rows, row, "has_limits"),
        .cancel_requested = pg_bool(rows, row, "cancel_requested"),
        .max_parallel = pg_int(rows, row, "max_parallel"),
        .row_version = pg_bigint(rows, row, "row_version"),
        .created_at = copy_text(rows, row, "created_at", &failed),
        .started_at = copy_text(rows, row, "started_at", &failed),
        .finished_at = copy_text(rows, row, "finished_at", &failed),
        .elapsed_ms = pg_bigint(rows, row, "elapsed_ms"),
    };

    copy_id(rows, row, "id", job.id);
    copy_id(rows, row, "retry_of", job.retry_of);
    if (failed || !job_state_parse(pg_text(rows, row, "state"), &job.state)) {
        job_clear(&job);
        return err_set(err, ERR_INTERNAL, "a job's row cannot be read");
    }
    *out = job; /* now the caller's */
    return ERR_NONE;
}

err_code task_read(const struct pg_rows *rows, size_t row, struct task *out, struct err *err)
{
    bool failed = false;
    struct task task = {
        .id = pg_bigint(rows, row, "id"),
        .item = pg_int(rows, row, "item"),
        .wave = pg_int(rows, row, "wave"),
        .attempt = pg_int(rows, row, "attempt"),
        .snoozes = pg_int(rows, row, "snoozes"),
        .lock_waits = pg_int(rows, row, "lock_waits"),
        .tenant_id = copy_text(rows, row, "tenant_id", &failed),
        .server = copy_text(rows, row, "server", &failed),
        .args = copy_json(rows, row, "args", &failed),
        .outcome = copy_json(rows, row, "outcome", &failed),
        .claimed_at = copy_text(rows, row, "claimed_at", &failed),
        .finished_at = copy_text(rows, row, "finished_at", &failed),
    };

    copy_id(rows, row, "job_id", task.job_id);
    if (failed || !task_state_parse(pg_text(rows, row, "state"), &task.state)) {
        task_clear(&task);
        return err_set(err, ERR_INTERNAL, "a task's row cannot be read");
    }
    *out = task; /* now the caller's */
    return ERR_NONE;
}

err_code job_find(struct pg *pg, const char *id, struct job *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_find",
        .sql = "SELECT" JOB_COLUMNS " FROM tenantd.job j WHERE j.id = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    if (!uuid_is_valid(id))
        return err_set(err, ERR_JOB_NOT_FOUND, "there is no job \"%.80s\"", id);
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(id)), &rows, err);
    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_JOB_NOT_FOUND, "there is no job \"%s\"", id);
    return job_read(rows, 0, out, err);
}

static err_code jobs_read(const struct pg_rows *rows, struct job **out, size_t *count,
                          struct err *err)
{
    size_t n = pg_rows_count(rows);
    struct job *jobs = calloc(n ? n : 1, sizeof *jobs);
    err_code rc = ERR_NONE;

    if (!jobs)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < n && !rc; i++)
        rc = job_read(rows, i, &jobs[i], err);
    if (rc) {
        for (size_t i = 0; i < n; i++)
            job_clear(&jobs[i]);
        free(jobs);
        return rc;
    }
    *out = jobs; /* now the caller's */
    *count = n;
    return ERR_NONE;
}

err_code job_list(struct pg *pg, const struct job_filter *f, struct job **out, size_t *count,
                  struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_list",
        .sql = "SELECT" JOB_COLUMNS " FROM tenantd.job j"
               " WHERE ($1::text IS NULL OR j.state = ANY (string_to_array($1, ',')))"
               " AND ($2::text IS NULL OR j.kind = $2)"
               " AND ($3::text IS NULL OR j.subject = $3)"
               " AND ($4::text IS NULL OR j.created_by = $4)"
               " AND ($5::timestamptz IS NULL OR (j.created_at, j.id) < ($5, $6::uuid))"
               " ORDER BY j.created_at DESC, j.id DESC LIMIT $7",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    if (f->after_id && !uuid_is_valid(f->after_id))
        return err_set(err, ERR_INVALID_PARAMETER, "\"%.80s\" is not the id of a job", f->after_id);
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG(f->state), PG_ARG(f->kind), PG_ARG(f->subject),
                                   PG_ARG(f->created_by), PG_ARG(f->after_created_at),
                                   PG_ARG(f->after_id), PG_ARG(f->limit)),
                           &rows, err);
    return rc ? rc : jobs_read(rows, out, count, err);
}

err_code tasks_read(const struct pg_rows *rows, struct task **out, size_t *count, struct err *err)
{
    size_t n = pg_rows_count(rows);
    struct task *tasks = calloc(n ? n : 1, sizeof *tasks);
    err_code rc = ERR_NONE;

    if (!tasks)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < n && !rc; i++)
        rc = task_read(rows, i, &tasks[i], err);
    if (rc) {
        for (size_t i = 0; i < n; i++)
            task_clear(&tasks[i]);
        free(tasks);
        return rc;
    }
    *out = tasks; /* now the caller's */
    *count = n;
    return ERR_NONE;
}

err_code task_list(struct pg *pg, const char *job_id, const struct task_filter *f,
                   struct task **out, size_t *count, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "task_list",
        .sql = "SELECT" TASK_COLUMNS " FROM tenantd.task t WHERE t.job_id = $1"
               " AND ($2::text IS NULL OR t.state = ANY (string_to_array($2, ',')))"
               " AND ($3::text IS NULL OR t.tenant_id = $3)"
               " AND ($4::text IS NULL OR t.outcome ->> 'sqlstate' = $4)"
               " AND ($5::text IS NULL OR t.outcome ->> 'code' = $5)"
               " AND t.id > $6 ORDER BY t.id LIMIT $7",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    if (!uuid_is_valid(job_id))
        return err_set(err, ERR_JOB_NOT_FOUND, "there is no job \"%.80s\"", job_id);
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG(job_id), PG_ARG(f->state), PG_ARG(f->tenant_id),
                                   PG_ARG(f->sqlstate), PG_ARG(f->code), PG_ARG(f->after_id),
                                   PG_ARG(f->limit)),
                           &rows, err);
    return rc ? rc : tasks_read(rows, out, count, err);
}

err_code job_versions(struct pg *pg, const char *ids, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_versions",
        .sql = "SELECT id, row_version, state FROM tenantd.job WHERE id = ANY ($1::uuid[])",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(ids)), out, err);
}

err_code job_of_tenant(struct pg *pg, const char *tenant_id, char id[UUID_TEXT_SIZE],
                       struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_of_tenant",
        .sql = "SELECT job_id FROM tenantd.task WHERE tenant_id = $1"
               " AND state IN ('queued', 'running') AND exclusive"
               " ORDER BY state = 'running' DESC, id LIMIT 1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(tenant_id)), &rows, err);

    if (rc)
        return rc;
    id[0] = '\0';
    if (pg_rows_count(rows))
        copy_id(rows, 0, "job_id", id);
    return ERR_NONE;
}
