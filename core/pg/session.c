/* SPDX-License-Identifier: MIT */
#include "core/pg/session.h"

#define SESSION_COLUMNS                                                                            \
    " a.pid, a.application_name, a.state, a.wait_event_type, a.wait_event,"                        \
    " " PG_RFC3339("a.query_start") " AS query_started_at,"                                        \
                                    " greatest(0, floor(1000 * extract(epoch FROM "                \
                                    "clock_timestamp() - a.query_start)))::bigint"                 \
                                    "  AS query_ms, left(a.query, 200) AS query"

err_code pg_sessions_named(struct pg *pg, const char *application_name, struct pg_rows **out,
                           struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "sessions_named",
        .sql = "SELECT" SESSION_COLUMNS " FROM pg_stat_activity a"
               " WHERE a.application_name = $1 AND a.datname = current_database()"
               " ORDER BY a.state = 'active' DESC, a.query_start LIMIT 10",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(application_name)), out, err);
}

/* A prepared transaction blocks, too, but has no session: its pid is 0. */
err_code pg_session_blockers(struct pg *pg, int pid, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "session_blockers",
        .sql = "SELECT" SESSION_COLUMNS " FROM pg_stat_activity a"
               " WHERE a.pid = ANY (pg_blocking_pids($1)) ORDER BY a.query_start, a.pid LIMIT 20",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(pid)), out, err);
}
