/* SPDX-License-Identifier: MIT */
#include "core/job/job_store.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/job_internal.h"
#include "core/job/rollout_store.h"

err_code job_insert(struct pg *pg, const struct job_spec *spec, char id[UUID_TEXT_SIZE],
                    struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_insert",
        .sql = "INSERT INTO tenantd.job (id, kind, subject, args, on_failure, max_parallel,"
               " wave_count, strict_waves, noop, retry_of, created_by, request_id)"
               " VALUES ($1, $2, $3, coalesce($4::jsonb, '{}'),"
               " CASE WHEN $5::boolean THEN 'stop' ELSE 'continue' END, $6, $7, $8, $9, $10, $11,"
               " $12)",
    };
    CLEANUP(freep) char *args = spec->args ? json_dumps(spec->args, JSON_COMPACT) : NULL;
    char fresh[UUID_TEXT_SIZE];

    if (spec->args && !args)
        return err_set(err, ERR_INTERNAL, "a job's arguments cannot be encoded");
    uuid7(fresh);
    err_code rc =
        pg_exec(pg, &stmt,
                PG_ARGS(PG_ARG((const char *)fresh), PG_ARG(spec->kind), PG_ARG(spec->subject),
                        PG_ARG(args), PG_ARG(spec->stop_on_failure), PG_ARG(spec->max_parallel),
                        PG_ARG(spec->wave_count), PG_ARG(spec->strict_waves), PG_ARG(spec->noop),
                        PG_ARG(spec->retry_of), PG_ARG(spec->created_by), PG_ARG(spec->request_id)),
                NULL, err);
    if (!rc && spec->rollout)
        rc = rollout_set(pg, fresh, spec->rollout, err);
    if (!rc)
        memcpy(id, fresh, sizeof fresh);
    return rc;
}

err_code task_insert(struct pg *pg, const char *job_id, int item, const char *tenant_id,
                     const char *server, int wave, bool exclusive, const json_t *args,
                     struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "task_insert",
        .sql = "INSERT INTO tenantd.task (job_id, item, tenant_id, server, wave, exclusive, args)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7)",
    };
    CLEANUP(freep) char *text = args ? json_dumps(args, JSON_COMPACT) : NULL;

    if (args && !text)
        return err_set(err, ERR_INTERNAL, "a task's arguments cannot be encoded");
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG(job_id), PG_ARG(item), PG_ARG(tenant_id), PG_ARG(server),
                           PG_ARG(wave), PG_ARG(exclusive), PG_ARG(text)),
                   NULL, err);
}

err_code job_notify(struct pg *pg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_notify",
        .sql = "SELECT pg_notify('tenantd_wake', '')",
    };
    return pg_exec(pg, &stmt, PG_NO_ARGS, NULL, err);
}

err_code job_enqueued(struct pg *pg, const char *job_id, struct err *err)
{
    struct job_move move;
    err_code rc = job_reconcile_move(pg, job_id, &move, err);

    if (rc || job_state_is_terminal(move.after))
        return rc;
    return job_notify(pg, err);
}

err_code job_lock(struct pg *pg, const char *id, job_state *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_lock",
        .sql = "SELECT state FROM tenantd.job WHERE id = $1 FOR NO KEY UPDATE",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    if (!uuid_is_valid(id))
        return err_set(err, ERR_JOB_NOT_FOUND, "there is no job \"%.80s\"", id);
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(id)), &rows, err);
    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_JOB_NOT_FOUND, "there is no job \"%s\"", id);
    if (!job_state_parse(pg_text(rows, 0, "state"), out))
        return err_set(err, ERR_INTERNAL, "job %s has a state this build does not know", id);
    return ERR_NONE;
}

static err_code request_cancel(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_cancel",
        .sql = "UPDATE tenantd.job SET cancel_requested_at = clock_timestamp(),"
               " row_version = row_version + 1 WHERE id = $1 AND cancel_requested_at IS NULL",
    };
    const char *id = arg;
    struct job_move move;
    job_state state = JOB_QUEUED;
    err_code rc = job_lock(pg, id, &state, err);

    if (rc || state == JOB_CANCELLED)
        return rc;
    if (job_state_is_terminal(state))
        return err_set(err, ERR_INVALID_STATE, "job %s has ended: it %s", id,
                       state == JOB_PARTIAL ? "succeeded in part" : job_state_name(state));
    rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id)), NULL, err);
    if (!rc)
        rc = job_reconcile_move(pg, id, &move, err);
    return rc ? rc : job_notify(pg, err);
}

err_code job_cancel(struct pg *pg, const char *id, struct err *err)
{
    char copy[UUID_TEXT_SIZE] = ""; /* a longer id is no id */
    (void)strncpy(copy, id, sizeof copy - 1);
    return pg_tx(pg, request_cancel, strlen(id) < sizeof copy ? copy : (char[]){""}, err);
}

struct retry {
    const char *id;
    const struct job_retry_spec *spec;
    char new_id[UUID_TEXT_SIZE];
};

/* The catalogs as they are now: a down script may have been repaired since. */
#define FRESH_ARGS                                                                                 \
    "args || coalesce((SELECT jsonb_object_agg(r.arg, r.revision) FROM (SELECT revision,"          \
    " CASE name WHEN 'tenant' THEN 'revision' ELSE 'shared_revision' END AS arg"                   \
    " FROM tenantd.catalog) r WHERE args ? r.arg), '{}')"

static err_code copy_job(struct pg *pg, struct retry *r, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_retry",
        .sql = "INSERT INTO tenantd.job (id, kind, priority, subject, args, on_failure,"
               " max_parallel, wave_count, strict_waves, max_failures, max_ratio, on_budget,"
               " windows, retry_of, created_by, request_id)"
               " SELECT $2, kind, priority, subject, " FRESH_ARGS ", on_failure, max_parallel,"
               " strict_waves + 1, strict_waves, max_failures, max_ratio, on_budget,"
               " windows, id, $3, $4 FROM tenantd.job WHERE id = $1",
    };
    uuid7(r->new_id);
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG(r->id), PG_ARG((const char *)r->new_id), PG_ARG(r->spec->created_by),
                           PG_ARG(r->spec->request_id)),
                   NULL, err);
}

/* What is left over is not staged a second time: all of it is one wave, after the strict ones.
 * A tenant may have moved to another server since, or be gone: then there is nothing to repeat, as
 * for an item that was refused before it had a tenant. Only the shared schema's task has none. */
static err_code copy_tasks(struct pg *pg, const struct retry *r, int64_t *count, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_retry_tasks",
        .sql = "INSERT INTO tenantd.task (job_id, item, tenant_id, server, wave, exclusive, args)"
               " SELECT $2, t.item, t.tenant_id, coalesce(n.server, t.server),"
               " least(t.wave, j.strict_waves), t.exclusive, t.args"
               " FROM tenantd.task t JOIN tenantd.job j ON j.id = t.job_id"
               " LEFT JOIN tenantd.tenant n ON n.id = t.tenant_id"
               " WHERE t.job_id = $1 AND t.state IN ('failed', 'cancelled')"
               " AND (n.id IS NOT NULL OR (t.tenant_id IS NULL AND t.args IS NOT NULL))"
               " AND ($3::bigint[] IS NULL OR t.id = ANY ($3))"
               " AND ($4::text[] IS NULL OR t.outcome ->> 'code' = ANY ($4))"
               " ORDER BY t.id",
    };
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG(r->id), PG_ARG((const char *)r->new_id),
                           PG_ARG(r->spec->task_ids), PG_ARG(r->spec->codes)),
                   count, err);
}

static err_code retry_work(struct pg *pg, void *arg, struct err *err)
{
    struct retry *r = arg;
    job_state state = JOB_QUEUED;
    int64_t count = 0;
    err_code rc = job_lock(pg, r->id, &state, err);

    if (rc)
        return rc;
    if (!job_state_is_terminal(state))
        return err_set(err, ERR_INVALID_STATE, "job %s has not ended yet: it is %s", r->id,
                       job_state_name(state));
    rc = copy_job(pg, r, err);
    if (!rc)
        rc = copy_tasks(pg, r, &count, err);
    if (rc)
        return rc;
    if (!count)
        return err_set(err, ERR_NOTHING_TO_RETRY, "job %s has no failed or cancelled task"
                       " of a tenant that is still there", r->id);
    return job_enqueued(pg, r->new_id, err);
}

err_code job_retry(struct pg *pg, const char *id, const struct job_retry_spec *spec,
                   char new_id[UUID_TEXT_SIZE], struct err *err)
{
    struct retry r = {.id = id, .spec = spec};
    err_code rc = pg_tx(pg, retry_work, &r, err);

    if (!rc)
        memcpy(new_id, r.new_id, sizeof r.new_id);
    return rc;
}

err_code job_prune(struct pg *pg, int days, int limit, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "job_prune",
        .sql = "DELETE FROM tenantd.job WHERE id IN (SELECT id FROM tenantd.job"
               " WHERE finished_at < now() - make_interval(days => $1)"
               " ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(days), PG_ARG(limit)), NULL, err);
}
