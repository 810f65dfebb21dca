/* SPDX-License-Identifier: MIT */
#include "core/tenant/server_store.h"

#include <string.h>

err_code server_list(struct pg *pg, const char *id, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "server_list",
        .sql = "SELECT s.id, s.state, s.max_parallel, s.url IS NOT NULL AS url_set,"
               " (SELECT count(*) FROM tenantd.tenant t WHERE t.server = s.id) AS tenants"
               " FROM tenantd.server s WHERE $1::text IS NULL OR s.id = $1 ORDER BY s.id",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(id)), &rows, err);

    if (rc)
        return rc;
    if (id && !pg_rows_count(rows))
        return err_set(err, ERR_SERVER_NOT_FOUND, "there is no server \"%.100s\"", id);
    *out = rows;
    rows = NULL; /* now the caller's */
    return ERR_NONE;
}

err_code server_url(struct pg *pg, const char *id, char **url, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "server_url",
        .sql = "SELECT url FROM tenantd.server WHERE id = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(id)), &rows, err);

    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_SERVER_NOT_FOUND, "there is no server \"%.100s\"", id);
    const char *text = pg_text(rows, 0, "url");
    *url = text ? strdup(text) : NULL;
    return text && !*url ? err_set(err, ERR_INTERNAL, "out of memory") : ERR_NONE;
}
