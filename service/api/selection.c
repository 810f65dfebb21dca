/* SPDX-License-Identifier: MIT */
#include "service/api/selection.h"

#include <stdio.h>

#include "core/tenant/tenant_store.h"

void selection_parse(const json_t *value, struct selector *out, struct problems *problems)
{
    struct err err = {.code = ERR_NONE};

    if (value && selector_parse(value, "/selector", out, &err))
        problems_add_err(problems, err.field[0] ? err.field : "/selector", &err);
}

err_code selection_check(struct call *call, const struct selector *selector,
                         struct problems *problems, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    char pointer[48];

    if (problems->list || !selector->ids)
        return ERR_NONE;
    err_code rc = tenant_unknown_ids(call->pg, selector, &rows, err);
    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        (void)snprintf(pointer, sizeof pointer, "/selector/ids/%s", pg_text(rows, i, "place"));
        problems_add(problems, pointer, err_name(ERR_TENANT_NOT_FOUND),
                     "there is no tenant \"%.63s\"", pg_text(rows, i, "id"));
    }
    return rc;
}

err_code selection_tasks(struct pg *pg, const char *job_id, const struct selector *selector,
                         bool exclusive, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "selection_tasks_insert",
        .sql = "INSERT INTO tenantd.task (job_id, item, tenant_id, server, exclusive, args)"
               " SELECT $1::uuid, row_number() OVER (ORDER BY t.id) - 1, t.id, t.server, $4,"
               "  jsonb_build_object('schema', t.schema_name)"
               " FROM tenantd.tenant t WHERE t.state IN ('active', 'suspended')"
               "   AND ($2::text[] IS NULL OR t.id = ANY ($2))"
               "   AND ($3::jsonb IS NULL OR t.labels @> $3)",
    };
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG(job_id), PG_ARG(selector->ids), PG_ARG(selector->labels),
                           PG_ARG(exclusive)),
                   NULL, err);
}
