/* SPDX-License-Identifier: MIT */
#include "core/job/rollout_store.h"

#include <stdlib.h>

#include "core/base/str.h"
#include "core/job/job_internal.h"

static json_t *limit_json(const struct failure_limit *limit)
{
    return json_pack("{s:o, s:o}", "max_failures",
                     limit->by_count ? json_integer(limit->max_failures) : json_null(), "max_ratio",
                     limit->by_ratio ? json_real(limit->max_ratio) : json_null());
}

/* One jsonb argument: whatever is NULL in SQL is null or absent in it. */
static err_code exec_json(struct pg *pg, const struct pg_stmt *stmt, const char *job_id,
                          const json_t *value, struct err *err)
{
    CLEANUP(freep) char *text = json_dumps(value, JSON_COMPACT);

    if (!text)
        return err_set(err, ERR_INTERNAL, "out of memory");
    return pg_exec(pg, stmt, PG_ARGS(PG_ARG(job_id), PG_ARG((const char *)text)), NULL, err);
}

err_code rollout_set(struct pg *pg, const char *job_id, const struct rollout_spec *spec,
                     struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "rollout_set",
        .sql = "UPDATE tenantd.job SET max_failures = (v ->> 'max_failures')::int,"
               " max_ratio = (v ->> 'max_ratio')::float8, on_budget = v ->> 'on_budget',"
               " windows = nullif(v -> 'windows', 'null'), deadline_at = clock_timestamp()"
               "  + nullif((v ->> 'deadline_seconds')::bigint, 0) * interval '1 s'"
               " FROM (SELECT $2::jsonb AS v) v WHERE id = $1",
    };
    json_auto_t *value = limit_json(&spec->limit);

    (void)json_object_set_new(value, "on_budget", json_string(on_budget_name(spec->on_budget)));
    (void)json_object_set_new(value, "deadline_seconds", json_integer(spec->deadline_seconds));
    if (spec->windows)
        (void)json_object_set_new(value, "windows", json_deep_copy(spec->windows));
    return exec_json(pg, &stmt, job_id, value, err);
}

err_code rollout_set_waves(struct pg *pg, const char *job_id, const json_t *waves, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "rollout_set_waves",
        .sql = "UPDATE tenantd.job SET waves = $2, wave_count = jsonb_array_length($2::jsonb)"
               " WHERE id = $1",
    };
    return exec_json(pg, &stmt, job_id, waves, err);
}

/* What is asked of a job, and what came of it. */
struct wish {
    const char *job_id;
    int64_t extra_failures, task_id, count;
    const struct rollout_change *change;
    const char *task_ids, *codes, *reason, *by;
    job_state state; /* of the job, which is locked */
    struct job_move move;
};

static err_code wrong_state(const struct wish *w, const char *what, struct err *err)
{
    return err_set(err, ERR_INVALID_STATE, "job %s cannot be %s: it is %s", w->job_id, what,
                   job_state_name(w->state));
}

/* Locks the job; a job that has ended, or is ending, is past all wishes. */
static err_code lock_live(struct pg *pg, struct wish *w, const char *what, struct err *err)
{
    err_code rc = job_lock(pg, w->job_id, &w->state, err);

    if (!rc && (job_state_is_terminal(w->state) || w->state == JOB_CANCELLING))
        rc = wrong_state(w, what, err);
    return rc;
}

/* The controller decides about the job as it is now; workers hear that there may be work. */
static err_code settle(struct pg *pg, struct wish *w, struct err *err)
{
    err_code rc = job_reconcile_move(pg, w->job_id, &w->move, err);
    return rc ? rc : job_notify(pg, err);
}

static err_code pause_work(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "rollout_pause",
        .sql = "UPDATE tenantd.job SET state = 'paused', pause_reason = 'requested',"
               " row_version = row_version + 1"
               " WHERE id = $1 AND pause_reason IS DISTINCT FROM 'requested'",
    };
    struct wish *w = arg;
    err_code rc = lock_live(pg, w, "paused", err);

    if (!rc)
        rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(w->job_id)), NULL, err);
    return rc ? rc : settle(pg, w, err);
}

err_code rollout_pause(struct pg *pg, const char *job_id, struct err *err)
{
    struct wish w = {.job_id = job_id};
    return pg_tx(pg, pause_work, &w, err);
}

static err_code resume_work(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "rollout_resume",
        .sql = "UPDATE tenantd.job SET pause_reason = NULL, row_version = row_version + 1,"
               " state = CASE WHEN started_at IS NULL THEN 'queued' ELSE 'running' END,"
               " extra_failures = extra_failures + $2 WHERE id = $1",
    };
    struct wish *w = arg;
    err_code rc = lock_live(pg, w, "resumed", err);

    if (!rc && w->state != JOB_PAUSED)
        rc = wrong_state(w, "resumed", err);
    if (!rc)
        rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(w->job_id), PG_ARG(w->extra_failures)), NULL, err);
    if (!rc)
        rc = settle(pg, w, err);
    if (!rc && w->move.after == JOB_PAUSED)
        rc = err_set(err, ERR_BUDGET_EXCEEDED,
                     "the failure budget is exceeded: extra_failures has"
                     " to be %lld at least",
                     (long long)(w->extra_failures + w->move.missing_failures));
    return rc;
}

err_code rollout_resume(struct pg *pg, const char *job_id, int64_t extra_failures, struct err *err)
{
    struct wish w = {.job_id = job_id, .extra_failures = extra_failures};
    return pg_tx(pg, resume_work, &w, err);
}

static err_code promote_work(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "rollout_promote",
        .sql = "UPDATE tenantd.job SET promoted_wave = open_wave + 1,"
               " row_version = row_version + 1"
               " WHERE id = $1 AND waiting IN ('gate', 'bake')",
    };
    struct wish *w = arg;
    int64_t changed = 0;
    err_code rc = lock_live(pg, w, "promoted", err);

    if (!rc)
        rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(w->job_id)), &changed, err);
    if (!rc && !changed)
        rc = err_set(err, ERR_WAVE_NOT_READY, "job %s does not wait for a gate or a bake time",
                     w->job_id);
    return rc ? rc : settle(pg, w, err);
}

err_code rollout_promote(struct pg *pg, const char *job_id, struct err *err)
{
    struct wish w = {.job_id = job_id};
    return pg_tx(pg, promote_work, &w, err);
}

static err_code change_work(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "rollout_change",
        .sql = "UPDATE tenantd.job SET row_version = row_version + 1,"
               " max_parallel = coalesce(nullif((v ->> 'max_parallel')::int, 0), max_parallel),"
               " max_failures = CASE WHEN v ? 'limit' THEN (v #>> '{limit,max_failures}')::int"
               "  ELSE max_failures END,"
               " max_ratio = CASE WHEN v ? 'limit' THEN (v #>> '{limit,max_ratio}')::float8"
               "  ELSE max_ratio END,"
               " on_budget = coalesce(v ->> 'on_budget', on_budget)"
               " FROM (SELECT $2::jsonb AS v) v WHERE id = $1",
    };
    struct wish *w = arg;
    json_auto_t *value =
        json_pack("{s:I, s:s*}", "max_parallel", (json_int_t)w->change->max_parallel, "on_budget",
                  w->change->on_budget);
    err_code rc = lock_live(pg, w, "changed", err);

    if (w->change->limit)
        (void)json_object_set_new(value, "limit", limit_json(w->change->limit));
    if (!rc)
        rc = exec_json(pg, &stmt, w->job_id, value, err);
    return rc ? rc : settle(pg, w, err);
}

err_code rollout_change(struct pg *pg, const char *job_id, const struct rollout_change *change,
                        struct err *err)
{
    struct wish w = {.job_id = job_id, .change = change};
    return pg_tx(pg, change_work, &w, err);
}

static err_code retry_work(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "rollout_retry",
        .sql = "UPDATE tenantd.task SET state = 'queued', attempt = 0, rescues = 0, snoozes = 0,"
               " run_after = clock_timestamp(), finished_at = NULL, outcome = NULL"
               " WHERE job_id = $1 AND state = 'failed'"
               " AND ($2::bigint[] IS NULL OR id = ANY ($2))"
               " AND ($3::text[] IS NULL OR outcome ->> 'code' = ANY ($3))",
    };
    struct wish *w = arg;
    err_code rc = lock_live(pg, w, "retried", err);

    if (!rc)
        rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(w->job_id), PG_ARG(w->task_ids), PG_ARG(w->codes)),
                     &w->count, err);
    if (!rc && !w->count)
        rc = err_set(err, ERR_NOTHING_TO_RETRY, "job %s has no failed task like that", w->job_id);
    return rc ? rc : settle(pg, w, err);
}

err_code rollout_retry(struct pg *pg, const char *job_id, const char *task_ids, const char *codes,
                       int64_t *count, struct err *err)
{
    struct wish w = {.job_id = job_id, .task_ids = task_ids, .codes = codes};
    err_code rc = pg_tx(pg, retry_work, &w, err);

    if (!rc)
        *count = w.count;
    return rc;
}

/* Why a task could not be skipped. */
static err_code refuse_skip(struct pg *pg, const struct wish *w, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "rollout_skip_refused",
        .sql = "SELECT state FROM tenantd.task WHERE job_id = $1 AND id = $2",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(w->job_id), PG_ARG(w->task_id)), &rows, err);

    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_TASK_NOT_FOUND, "job %s has no task %lld", w->job_id,
                       (long long)w->task_id);
    return err_set(err, ERR_INVALID_STATE,
                   "task %lld is %s: only queued and failed ones can be"
                   " skipped",
                   (long long)w->task_id, pg_text(rows, 0, "state"));
}

static err_code skip_work(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "rollout_skip",
        .sql = "UPDATE tenantd.task SET state = 'skipped', finished_at = clock_timestamp(),"
               " outcome = coalesce(outcome, '{}') || jsonb_build_object('skip_reason', $3::text,"
               "  'skipped_by', $4::text)"
               " WHERE job_id = $1 AND id = $2 AND state IN ('queued', 'failed')",
    };
    struct wish *w = arg;
    int64_t changed = 0;
    err_code rc = lock_live(pg, w, "changed", err);

    if (!rc)
        rc = pg_exec(
            pg, &stmt,
            PG_ARGS(PG_ARG(w->job_id), PG_ARG(w->task_id), PG_ARG(w->reason), PG_ARG(w->by)),
            &changed, err);
    if (!rc && !changed)
        rc = refuse_skip(pg, w, err);
    return rc ? rc : settle(pg, w, err);
}

err_code rollout_skip(struct pg *pg, const char *job_id, int64_t task_id, const char *reason,
                      const char *by, struct err *err)
{
    struct wish w = {.job_id = job_id, .task_id = task_id, .reason = reason, .by = by};
    return pg_tx(pg, skip_work, &w, err);
}
