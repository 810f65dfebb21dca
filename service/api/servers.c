/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "core/base/json.h"
#include "core/tenant/server_store.h"
#include "service/api/handlers.h"

static json_t *server_json(struct call *call, const struct pg_rows *rows, size_t row)
{
    const char *id = pg_text(rows, row, "id");
    struct pg *pg = NULL;
    char version[24] = "";
    bool reachable = !engine_open_server(call->app->engine, call->pg, id, &pg, NULL);

    if (reachable)
        (void)snprintf(version, sizeof version, "%d.%d", pg_server_version(pg) / 10000,
                       pg_server_version(pg) % 10000);
    engine_close_server(call->app->engine, id, pg);
    int fixed = pg_is_null(rows, row, "max_parallel") ? call->app->config->migrations.max_parallel
                                                      : pg_int(rows, row, "max_parallel");
    int now = fixed ? fixed : pg_int(rows, row, "pace");
    const char *reason = pg_text(rows, row, "reason");
    return json_pack("{s:s, s:s, s:o?, s:I, s:o, s:i, s:b, s:o}", "id", id, "state",
                     pg_text(rows, row, "state"), "reason",
                     reason ? json_loads(reason, 0, NULL) : NULL, "tenants",
                     (json_int_t)pg_bigint(rows, row, "tenants"), "max_parallel",
                     fixed ? json_integer(fixed) : json_null(), "parallel", now, "reachable", reachable,
                     "postgresql_version",
                     reachable ? json_string(version) : json_null());
}

struct reply servers_list(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct err err;

    if (server_list(call->pg, NULL, &rows, &err))
        return call_fail(call, &err);
    json_t *list = json_array();
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        (void)json_array_append_new(list, server_json(call, rows, i));
    return reply_json(200, json_pack("{s:o}", "servers", list));
}

struct reply servers_get(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct err err;

    if (server_list(call->pg, call->req->params[0], &rows, &err))
        return call_fail(call, &err);
    return reply_json(200, server_json(call, rows, 0));
}
