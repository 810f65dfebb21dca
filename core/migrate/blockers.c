/* SPDX-License-Identifier: MIT */
#include "core/migrate/blockers.h"

#include "core/base/json.h"

static const struct pg_stmt select_blockers = {
    .name = "lock_blockers",
    .sql = "WITH l AS MATERIALIZED (SELECT l.* FROM pg_locks l WHERE l.granted"
           "  AND l.pid <> pg_backend_pid()"
           "  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())),"
           " held AS (SELECT l.pid FROM l JOIN pg_class c ON c.oid = l.relation"
           "  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE l.locktype = 'relation'"
           "  AND (n.nspname = $1 OR (n.nspname = $2"
           "   AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')))"
           "  UNION SELECT l.pid FROM l WHERE l.locktype = 'advisory' AND l.objsubid = 1"
           "  AND ((l.classid::bigint << 32) | l.objid::bigint) = $3)"
           " SELECT a.pid, a.application_name, a.state, " PG_RFC3339("a.query_start")
           " AS query_start, left(a.query, 200) AS query"
           " FROM held JOIN pg_stat_activity a ON a.pid = held.pid"
           " ORDER BY a.xact_start NULLS LAST, a.pid LIMIT 10",
};

json_t *blockers_read(struct pg *pg, const char *schema, const char *shared_schema,
                      int64_t lock_key)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct err err;

    if (pg_query(pg, &select_blockers,
                 PG_ARGS(PG_ARG(schema), PG_ARG(shared_schema), PG_ARG(lock_key)), &rows, &err) ||
        !pg_rows_count(rows))
        return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        (void)json_array_append_new(
            list, json_pack("{s:i, s:o, s:o, s:o, s:o}", "pid", pg_int(rows, i, "pid"),
                            "application_name", json_text(pg_text(rows, i, "application_name")),
                            "state", json_text(pg_text(rows, i, "state")), "query_start",
                            json_text(pg_text(rows, i, "query_start")), "query",
                            json_text(pg_text(rows, i, "query"))));
    return list;
}
