/* SPDX-License-Identifier: MIT */
#include "core/job/event.h"

#include <string.h>

#include "core/base/str.h"
#include "core/job/job.h"

/* Every type there is: who filters by another one has mistyped it. */
static const char *const types[] = {
    "job.queued",     "job.running",    "job.paused",           "job.resumed",
    "job.cancelling", "job.progress",   "job.succeeded",        "job.partial",
    "job.failed",     "job.cancelled",  "task.failed",          "task.retried",
    "task.skipped",   "tenant.created", "tenant.state_changed", "tenant.deleted",
    "run.promoted",   "run.wave_opened",    "query.run",        "drift.detected",
};

bool event_type_is_known(const char *word, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strlen(types[i]) == n && strncmp(word, types[i], n) == 0)
            return true;
    return false;
}

bool event_type_is_final(const char *type)
{
    job_state state;

    return str_starts(type, "job.") && job_state_parse(type + strlen("job."), &state) &&
           job_state_is_terminal(state);
}

err_code event_emit(struct pg *pg, const char *type, const char *job_id, const char *subject,
                    const json_t *data, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "event_emit",
        .sql = "INSERT INTO tenantd.event (type, job_id, subject, data)"
               " VALUES ($1, $2, $3, coalesce($4::jsonb, '{}'))",
    };
    CLEANUP(freep) char *text = data ? json_dumps(data, JSON_COMPACT) : NULL;

    if (data && !text)
        return err_set(err, ERR_INTERNAL, "an event's data cannot be encoded");
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(type), PG_ARG(job_id), PG_ARG(subject), PG_ARG(text)),
                   NULL, err);
}

err_code event_emit_all(struct pg *pg, const json_t *events, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "event_emit_all",
        .sql = "INSERT INTO tenantd.event (type, job_id, subject, data)"
               " SELECT e.value ->> 'type', (e.value ->> 'job_id')::uuid, e.value ->> 'subject',"
               "  coalesce(e.value -> 'data', '{}')"
               " FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS e (value, place)"
               " ORDER BY e.place",
    };
    CLEANUP(freep) char *text = json_dumps(events, JSON_COMPACT);

    if (!text)
        return err_set(err, ERR_INTERNAL, "events cannot be encoded");
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG((const char *)text)), NULL, err);
}

/* What was told last is the last event of the job itself, for each carries the progress: no row of
 * a job is written for it. */
err_code event_progress(struct pg *pg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "event_progress",
        .sql = "INSERT INTO tenantd.event (type, job_id, subject, data)"
               " SELECT 'job.progress', j.id, j.subject, jsonb_build_object('kind', j.kind,"
               "  'state', j.state, 'progress', j.progress)"
               " FROM tenantd.job j LEFT JOIN LATERAL (SELECT e.data, e.created_at"
               "  FROM tenantd.event e WHERE e.job_id = j.id AND e.type LIKE 'job.%'"
               "  ORDER BY e.seq DESC NULLS FIRST, e.id DESC LIMIT 1) told ON true"
               " WHERE j.finished_at IS NULL AND j.progress <> '{}'"
               "  AND j.progress IS DISTINCT FROM told.data -> 'progress'"
               "  AND coalesce(told.created_at < clock_timestamp() - interval '900 ms', true)",
    };
    return pg_exec(pg, &stmt, PG_NO_ARGS, NULL, err);
}

/* Most rounds find nothing: then this is all they cost. */
static err_code any_pending(struct pg *pg, bool *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "event_pending",
        .sql = "SELECT EXISTS (SELECT FROM tenantd.event WHERE seq IS NULL) AS pending",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_NO_ARGS, &rows, err);

    if (!rc)
        *out = pg_bool(rows, 0, "pending");
    return rc;
}

/* One stamps at a time, and the next one only after its commit: numbers become visible in their
 * order. A statement of its own, so that the one that stamps sees what the last holder did. */
static err_code try_relay(struct pg *pg, bool *got, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "event_relay_lock",
        .sql = "SELECT pg_try_advisory_xact_lock(hashtextextended('tenantd.event', 0)) AS got",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_NO_ARGS, &rows, err);

    if (!rc)
        *got = pg_bool(rows, 0, "got");
    return rc;
}

static err_code stamp(struct pg *pg, struct event_batch *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "event_stamp",
        .sql = "WITH pending AS MATERIALIZED (SELECT id, created_at,"
               "  row_number() OVER (ORDER BY id) AS place FROM (SELECT id, created_at"
               "   FROM tenantd.event WHERE seq IS NULL ORDER BY id LIMIT 5000) e),"
               " head AS (UPDATE tenantd.event_head h"
               "  SET last = h.last + (SELECT count(*) FROM pending)"
               "  RETURNING h.last - (SELECT count(*) FROM pending) AS before),"
               " stamped AS (UPDATE tenantd.event e SET seq = head.before + p.place"
               "  FROM pending p, head WHERE e.id = p.id RETURNING e.id)"
               " SELECT count(*) AS count, pg_notify('tenantd_events', ''),"
               "  coalesce((SELECT floor(1000 * extract(epoch FROM clock_timestamp()"
               "   - min(created_at))) FROM pending), 0)::bigint AS lag_ms FROM stamped",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_NO_ARGS, &rows, err);

    if (!rc)
        *out = (struct event_batch){.count = pg_bigint(rows, 0, "count"),
                                    .lag_ms = pg_bigint(rows, 0, "lag_ms")};
    return rc;
}

static err_code relay_work(struct pg *pg, void *arg, struct err *err)
{
    bool got = false;
    err_code rc = try_relay(pg, &got, err);

    return rc || !got ? rc : stamp(pg, arg, err);
}

err_code event_relay(struct pg *pg, struct event_batch *out, struct err *err)
{
    bool pending = false;
    err_code rc = any_pending(pg, &pending, err);

    *out = (struct event_batch){.count = 0};
    return rc || !pending ? rc : pg_tx(pg, relay_work, out, err);
}

err_code event_bounds(struct pg *pg, struct event_bounds *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "event_bounds",
        .sql = "SELECT last, pruned FROM tenantd.event_head",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_NO_ARGS, &rows, err);

    if (!rc)
        *out = (struct event_bounds){.last = pg_bigint(rows, 0, "last"),
                                     .pruned = pg_bigint(rows, 0, "pruned")};
    return rc;
}

err_code event_job_is_told(struct pg *pg, const char *job_id, bool *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "event_job_is_told",
        .sql = "SELECT NOT EXISTS (SELECT FROM tenantd.event"
               " WHERE job_id = $1 AND seq IS NULL) AS told",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(job_id)), &rows, err);

    if (!rc)
        *out = pg_bool(rows, 0, "told");
    return rc;
}

err_code event_list(struct pg *pg, const struct event_filter *filter, struct pg_rows **out,
                    struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "event_list",
        .sql = "SELECT e.seq, e.type, e.job_id, e.subject,"
               " CASE WHEN e.job_id IS NULL THEN e.data"
               "  ELSE jsonb_build_object('job_id', e.job_id) || e.data END AS data, " PG_RFC3339(
                   "e.created_at") " AS time FROM tenantd.event e"
                                   " WHERE e.seq > $1 AND ($2::text[] IS NULL OR e.type = ANY ($2))"
                                   "  AND ($3::uuid IS NULL OR e.job_id = $3)"
                                   "  AND ($4::text IS NULL OR e.subject = $4)"
                                   " ORDER BY e.seq LIMIT $5",
    };
    return pg_query(pg, &stmt,
                    PG_ARGS(PG_ARG(filter->after), PG_ARG(filter->types), PG_ARG(filter->job_id),
                            PG_ARG(filter->subject), PG_ARG(filter->limit)),
                    out, err);
}

/* The lowest numbers are the oldest but for those that were long in committing; they stay until
 * their time comes. */
err_code event_prune(struct pg *pg, int days, int limit, int64_t *gone, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "event_prune",
        .sql = "WITH oldest AS MATERIALIZED (SELECT id, created_at FROM tenantd.event"
               "  WHERE seq IS NOT NULL ORDER BY seq LIMIT $2),"
               " gone AS (DELETE FROM tenantd.event e USING oldest o WHERE e.id = o.id"
               "  AND o.created_at < now() - make_interval(days => $1) RETURNING e.seq),"
               " head AS (UPDATE tenantd.event_head SET pruned = greatest(pruned,"
               "  (SELECT max(seq) FROM gone)) WHERE EXISTS (SELECT FROM gone))"
               " SELECT count(*) AS gone FROM gone",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(days), PG_ARG(limit)), &rows, err);

    if (!rc)
        *gone = pg_bigint(rows, 0, "gone");
    return rc;
}
