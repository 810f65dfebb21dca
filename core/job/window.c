/* SPDX-License-Identifier: MIT */
#include "core/job/window.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

/* Of the windows $1 (jsonb) those that are open now or open within the next days. Yesterday's may
 * last until today; an hour that daylight saving skips makes an empty one. */
#define INTERVALS                                                                                  \
    " (SELECT opens, closes FROM jsonb_to_recordset($1::jsonb) AS w(days jsonb, \"from\" time,"    \
    "   \"to\" time, time_zone text)"                                                              \
    "  CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE time_zone)::date + g AS day"                 \
    "   FROM generate_series(-1, 8) g) d"                                                          \
    "  CROSS JOIN LATERAL (SELECT (day + \"from\") AT TIME ZONE time_zone AS opens,"               \
    "   (day + CASE WHEN \"to\" <= \"from\" THEN 1 ELSE 0 END + \"to\") AT TIME ZONE time_zone"    \
    "   AS closes) i"                                                                              \
    "  WHERE days ? to_char(day, 'dy') AND opens < closes AND closes > clock_timestamp()) i"

err_code window_check(struct pg *pg, const json_t *windows, int64_t seconds, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "window_check",
        .sql = "SELECT count(*) FILTER (WHERE $2::bigint = 0 OR opens < clock_timestamp()"
               "  + $2 * interval '1 s') > 0 AS opens FROM" INTERVALS,
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(freep) char *text = json_dumps(windows, JSON_COMPACT);

    if (!text)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc =
        pg_query(pg, &stmt, PG_ARGS(PG_ARG((const char *)text), PG_ARG(seconds)), &rows, err);
    if (rc && err && str_eq(err->sqlstate, "22023")) /* time zone "…" not recognized */
        return err_set(err, ERR_WINDOW_NEVER_OPENS,
                       "a window names a time zone that PostgreSQL"
                       " does not know");
    if (rc || pg_bool(rows, 0, "opens"))
        return rc;
    return err_set(err, ERR_WINDOW_NEVER_OPENS, "no window opens before the deadline");
}

static err_code read_window(struct pg *pg, const char *id, char **windows, bool *closed,
                            bool *stale, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "window_read",
        .sql = "SELECT windows, coalesce(claim_until <= clock_timestamp(), true) AS stale,"
               " coalesce(claim_from > clock_timestamp(), false) AS closed"
               " FROM tenantd.job WHERE id = $1 AND windows IS NOT NULL",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(id)), &rows, err);

    if (rc || !pg_rows_count(rows))
        return rc;
    *stale = pg_bool(rows, 0, "stale");
    *closed = pg_bool(rows, 0, "closed");
    *windows = strdup(pg_text(rows, 0, "windows"));
    return *windows ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code window_refresh(struct pg *pg, const char *job_id, bool *closed, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "window_refresh",
        .sql = "WITH n AS (SELECT opens, closes FROM" INTERVALS " ORDER BY opens LIMIT 1)"
               " UPDATE tenantd.job j SET claim_from = n.opens, claim_until = n.closes FROM n"
               " WHERE j.id = $2 RETURNING n.opens > clock_timestamp() AS closed",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(freep) char *windows = NULL;
    bool stale = false;
    err_code rc = read_window(pg, job_id, &windows, closed, &stale, err);

    if (rc || !stale)
        return rc;
    rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG((const char *)windows), PG_ARG(job_id)), &rows, err);
    if (!rc)
        *closed = !pg_rows_count(rows) || pg_bool(rows, 0, "closed");
    return rc;
}
