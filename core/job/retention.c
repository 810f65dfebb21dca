/* SPDX-License-Identifier: MIT */
#include "core/job/retention.h"

#include "core/job/job_store.h"
#include "core/tenant/tenant_store.h"

enum { PURGE_PARALLEL = 2 };

static err_code lock_due(struct pg *pg, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "retention_due",
        .sql = "SELECT t.id, t.server, t.schema_name, t.applied_set IS NULL AS never_active"
               " FROM tenantd.tenant t WHERE t.state = 'archived' AND t.purge_at <= now()"
               "  AND NOT EXISTS (SELECT FROM tenantd.task k WHERE k.tenant_id = t.id"
               "   AND k.state IN ('queued', 'running'))"
               " ORDER BY t.purge_at, t.id LIMIT $1 FOR UPDATE OF t SKIP LOCKED",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG((int)RETENTION_BATCH)), out, err);
}

static err_code add_tenant(struct pg *pg, const char *job_id, const struct pg_rows *rows,
                           size_t row, struct err *err)
{
    const char *id = pg_text(rows, row, "id");
    json_auto_t *args = json_pack("{s:s, s:b}", "schema", pg_text(rows, row, "schema_name"),
                                  "never_active", pg_bool(rows, row, "never_active"));
    err_code rc = tenant_set_state(pg, id, TENANT_DELETING, 0, err);

    return rc ? rc
              : task_insert(pg, job_id, (int)row, id, pg_text(rows, row, "server"), 0, true, args,
                            err);
}

static err_code purge_work(struct pg *pg, void *arg, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct job_spec spec = {.kind = "tenant.purge",
                            .max_parallel = PURGE_PARALLEL,
                            .wave_count = 1,
                            .created_by = "retention"};
    char id[UUID_TEXT_SIZE];
    err_code rc = lock_due(pg, &rows, err);
    size_t n = rc ? 0 : pg_rows_count(rows);

    *(int *)arg = (int)n;
    if (rc || !n)
        return rc;
    rc = job_insert(pg, &spec, id, err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = add_tenant(pg, id, rows, i, err);
    return rc ? rc : job_enqueued(pg, id, err);
}

err_code retention_purge(struct pg *pg, int *tenants, struct err *err)
{
    return pg_tx(pg, purge_work, tenants, err);
}
