/* SPDX-License-Identifier: MIT */
#include "core/job/worker_store.h"

#include <string.h>

#include "core/base/attr.h"
#include "core/job/job_internal.h"

err_code worker_register(struct pg *pg, const struct worker_spec *spec, char id[UUID_TEXT_SIZE],
                         struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "worker_register",
        .sql = "INSERT INTO tenantd.worker (id, host, build, kinds, slots)"
               " VALUES ($1, $2, $3, $4, $5)",
    };
    char fresh[UUID_TEXT_SIZE];

    uuid7(fresh);
    err_code rc = pg_exec(pg, &stmt,
                          PG_ARGS(PG_ARG((const char *)fresh), PG_ARG(spec->host),
                                  PG_ARG(spec->build), PG_ARG(spec->kinds), PG_ARG(spec->slots)),
                          NULL, err);
    if (!rc)
        memcpy(id, fresh, sizeof fresh);
    return rc;
}

/* A heartbeat lost in a crash is missed no more than one that was late: no wait for the disk. */
err_code worker_beat(struct pg *pg, const char *id, bool draining, const char *tally,
                     struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "worker_beat",
        .sql = "WITH beat AS (UPDATE tenantd.worker SET heartbeat_at = clock_timestamp(),"
               "  draining = $2, tally = coalesce($3::jsonb, tally) WHERE id = $1"
               "  RETURNING set_config('synchronous_commit', 'off', true))"
               " SELECT c.slot, c.job_id FROM beat LEFT JOIN (SELECT DISTINCT t.slot, t.job_id"
               "  FROM tenantd.task t JOIN tenantd.job j ON j.id = t.job_id"
               "  WHERE t.claimed_by = $1 AND t.state = 'running'"
               "  AND j.cancel_requested_at IS NOT NULL) c ON true",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(draining), PG_ARG(tally)), &rows, err);

    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_WORKER_LOST, "worker %s is not registered any more", id);
    *out = rows;
    rows = NULL; /* now the caller's */
    return ERR_NONE;
}

err_code worker_give_back(struct pg *pg, const char *id, int slot, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "worker_give_back",
        .sql = "UPDATE tenantd.task SET state = 'queued', attempt = attempt - 1,"
               " claimed_by = NULL, slot = NULL, run_after = clock_timestamp()"
               " WHERE claimed_by = $1 AND state = 'running' AND ($2 < 0 OR slot = $2)",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(slot)), NULL, err);
}

err_code worker_remove(struct pg *pg, const char *id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "worker_remove",
        .sql = "WITH resigned AS (DELETE FROM tenantd.lease WHERE holder = $1)"
               " DELETE FROM tenantd.worker WHERE id = $1"
               " AND NOT EXISTS (SELECT FROM tenantd.task WHERE claimed_by = $1"
               "  AND state = 'running')",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id)), NULL, err);
}

/* The term is the time since which the holder has led without a break. */
err_code worker_elect(struct pg *pg, const char *id, int64_t lease_ms, bool *got, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "worker_elect",
        .sql = "INSERT INTO tenantd.lease AS l VALUES ('leader', $1, clock_timestamp(),"
               "  clock_timestamp() + $2 * interval '1 ms')"
               " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,"
               "  expires_at = excluded.expires_at,"
               "  term = CASE WHEN l.holder = excluded.holder"
               "   AND l.expires_at > clock_timestamp() THEN l.term ELSE excluded.term END"
               " WHERE l.holder = excluded.holder OR l.expires_at < clock_timestamp()",
    };
    int64_t rows = 0;
    err_code rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(lease_ms)), &rows, err);

    if (!rc)
        *got = rows > 0;
    return rc;
}

static err_code forget_workers(struct pg *pg, int64_t lease_ms, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "worker_forget",
        .sql = "DELETE FROM tenantd.worker w"
               " WHERE w.heartbeat_at < clock_timestamp() - 10 * $1 * interval '1 ms'"
               " AND NOT EXISTS (SELECT FROM tenantd.task t WHERE t.claimed_by = w.id"
               "  AND t.state = 'running')",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(lease_ms)), NULL, err);
}

/* After a restart or failover of PostgreSQL no worker could beat: each gets a whole lease first.
 * A task that took three workers with it is not given a fourth. */
err_code worker_rescue(struct pg *pg, int64_t lease_ms, int *rescued, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "worker_rescue",
        .sql = "WITH lost AS MATERIALIZED (SELECT t.id FROM tenantd.task t"
               "  LEFT JOIN tenantd.worker w ON w.id = t.claimed_by WHERE t.state = 'running'"
               "  AND coalesce(w.heartbeat_at, t.claimed_at)"
               "   < clock_timestamp() - $1 * interval '1 ms'"
               "  AND pg_postmaster_start_time() < clock_timestamp() - $1 * interval '1 ms'"
               "  ORDER BY t.id LIMIT 1000 FOR UPDATE OF t SKIP LOCKED),"
               " done AS (UPDATE tenantd.task t SET rescues = t.rescues + 1, claimed_by = NULL, slot = NULL,"
               "  run_after = clock_timestamp(),"
               "  state = CASE WHEN t.rescues >= 2 THEN 'failed'"
               "   WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'queued' END,"
               "  finished_at = CASE WHEN t.rescues >= 2 OR j.cancel_requested_at IS NOT NULL"
               "   THEN clock_timestamp() END,"
               "  outcome = CASE WHEN t.rescues >= 2 THEN jsonb_build_object('code',"
               "    'WORKER_LOST', 'detail', 'the worker was lost three times')"
               "   WHEN j.cancel_requested_at IS NOT NULL THEN '{\"code\": \"CANCELLED\"}' END"
               " FROM lost, tenantd.job j WHERE t.id = lost.id AND j.id = t.job_id"
               "  RETURNING t.id, t.job_id, t.tenant_id, t.attempt, t.state, t.outcome),"
               " told AS (INSERT INTO tenantd.event (type, job_id, subject, data)"
               "  SELECT 'task.failed', d.job_id, d.tenant_id, " TASK_TOLD("d") " FROM done d"
               "  WHERE d.state = 'failed')"
               " SELECT count(*) AS rescued FROM done",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(lease_ms)), &rows, err);

    if (!rc)
        rc = forget_workers(pg, lease_ms, err);
    if (!rc)
        *rescued = pg_int(rows, 0, "rescued");
    return rc;
}
