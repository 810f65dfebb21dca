/* SPDX-License-Identifier: MIT */
#include "core/tenant/server_store.h"

#include <stdlib.h>
#include <string.h>

err_code server_list(struct pg *pg, const char *id, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "server_list",
        .sql = "SELECT s.id, CASE WHEN s.trouble IS NULL THEN s.state ELSE 'paused' END AS state,"
               " s.trouble || jsonb_build_object('probe_at', " PG_RFC3339("s.probe_at")
               ") AS reason, s.max_parallel, s.pace, s.url IS NOT NULL AS url_set,"
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

err_code server_pause(struct pg *pg, const char *id, const json_t *trouble, bool probed,
                      struct err *err)
{
    /* several workers meet the same trouble at once: only a probe makes the pause longer */
    static const struct pg_stmt stmt = {
        .name = "server_pause",
        .sql = "UPDATE tenantd.server SET"
               " trouble = $2::jsonb || jsonb_build_object('since', coalesce(trouble ->> 'since', "
               PG_RFC3339("clock_timestamp()") ")),"
               " probes = probes + CASE WHEN $3 THEN 1 ELSE 0 END,"
               " probe_at = CASE WHEN $3 OR probe_at IS NULL THEN clock_timestamp()"
               "  + least(60, power(2, least(probes, 6))) * interval '1 s' ELSE probe_at END"
               " WHERE id = $1",
    };
    char *text = json_dumps(trouble, JSON_COMPACT);
    err_code rc = text ? pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(text), PG_ARG(probed)), NULL,
                                 err)
                       : err_set(err, ERR_INTERNAL, "out of memory");
    free(text);
    return rc;
}

err_code server_resume(struct pg *pg, const char *id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "server_resume",
        .sql = "UPDATE tenantd.server SET trouble = NULL, probe_at = NULL, probes = 0"
               " WHERE id = $1 AND trouble IS NOT NULL",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id)), NULL, err);
}

err_code server_set_pace(struct pg *pg, const char *id, int pace, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "server_set_pace",
        .sql = "UPDATE tenantd.server SET pace = $2 WHERE id = $1 AND max_parallel IS NULL",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(pace)), NULL, err);
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
