/* SPDX-License-Identifier: MIT */
#include "core/job/insight.h"

#include <stdio.h>

#include "core/base/attr.h"

err_code insight_failures(struct pg *pg, const char *job_id, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "insight_failures",
        .sql = "SELECT t.outcome ->> 'sqlstate' AS sqlstate,"
               " coalesce(t.outcome ->> 'code', 'INTERNAL') AS code, count(*) AS count,"
               " min(t.tenant_id) AS tenant_id FROM tenantd.task t"
               " WHERE t.job_id = $1 AND t.state = 'failed'"
               " GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT $2",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(job_id), PG_ARG((int)INSIGHT_ROWS)), out, err);
}

/* The median of the last few hundred is as good as that of all; it is not even looked at while
 * nothing has run for two seconds. */
err_code insight_stragglers(struct pg *pg, const char *job_id, struct pg_rows **out,
                            struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "insight_stragglers",
        .sql = "SELECT r.id, r.tenant_id, r.server, r.ms FROM (SELECT t.id, t.tenant_id, t.server,"
               "  floor(1000 * extract(epoch FROM clock_timestamp() - t.claimed_at))::bigint AS ms"
               "  FROM tenantd.task t WHERE t.job_id = $1 AND t.state = 'running') r"
               " WHERE r.ms > 2000 AND r.ms > (SELECT coalesce(5 * percentile_cont(0.5)"
               "   WITHIN GROUP (ORDER BY coalesce((d.outcome ->> 'duration_ms')::float8,"
               "    1000 * extract(epoch FROM d.finished_at - d.claimed_at))), 30000)"
               "  FROM (SELECT s.outcome, s.finished_at, s.claimed_at FROM tenantd.task s"
               "   WHERE s.job_id = $1 AND s.state = 'succeeded' ORDER BY s.id DESC LIMIT 500) d)"
               " ORDER BY r.ms DESC, r.id LIMIT $2",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(job_id), PG_ARG((int)INSIGHT_ROWS)), out, err);
}

void insight_session_name(const char *worker, int slot, char out[SESSION_NAME_SIZE])
{
    (void)snprintf(out, SESSION_NAME_SIZE, "tenantd/%s/%d", worker, slot);
}

err_code insight_place(struct pg *pg, const char *job_id, int64_t task_id, struct pg_rows **out,
                       struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "insight_place",
        .sql = "SELECT t.state, t.claimed_by, t.slot, t.server, t.tenant_id,"
               " floor(1000 * extract(epoch FROM clock_timestamp() - t.claimed_at))::bigint AS ms,"
               " (SELECT count(*) FROM tenantd.task o WHERE o.claimed_by = t.claimed_by"
               "   AND o.slot = t.slot AND o.state = 'running' AND o.id <> t.id) AS claimed_with"
               " FROM tenantd.task t WHERE t.job_id = $1 AND t.id = $2",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(job_id), PG_ARG(task_id)), out, err);
}
