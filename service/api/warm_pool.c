/* SPDX-License-Identifier: MIT */
/* The warm pool: how many schemas stand ready, and dropping them. */
#include "core/job/warm.h"

#include "core/base/json.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"

static json_t *server_json(const struct call *call, const struct pg_rows *rows, size_t row)
{
    static const char *const counts[] = {"ready", "behind", "filling",
                                         "unfit", "failed", "dropping"};
    int wanted = pg_bool(rows, row, "has_pool") ? call->app->config->warm.size : 0;
    json_t *out = json_pack("{s:s, s:i}", "server", pg_text(rows, row, "server"), "wanted", wanted);

    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        (void)json_object_set_new(out, counts[i], json_integer(pg_bigint(rows, row, counts[i])));
    (void)json_object_set_new(out, "problem", json_text(pg_text(rows, row, "problem")));
    (void)json_object_set_new(out, "claimed_total", json_integer(pg_bigint(rows, row, "claimed")));
    (void)json_object_set_new(out, "misses_total", json_integer(pg_bigint(rows, row, "missed")));
    return out;
}

struct reply warm_pool_get(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct err err;

    if (warm_status(call->pg, &rows, &err))
        return call_fail(call, &err);
    json_t *list = json_array();
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        (void)json_array_append_new(list, server_json(call, rows, i));
    return reply_json(200, json_pack("{s:o}", "servers", list));
}

struct reply warm_pool_drain(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    char id[UUID_TEXT_SIZE];
    struct err err;

    fields_read(call->body, "", NULL, 0, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (warm_drain(call->pg, call->who.id, call->req->id, id, &err))
        return call_fail(call, &err);
    return reply_job(call, id);
}
