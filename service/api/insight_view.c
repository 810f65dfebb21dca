/* SPDX-License-Identifier: MIT */
/* What a job shows beyond its counts, and what one of its tasks is doing at this moment. */
#include "core/base/json.h"
#include "core/job/insight.h"
#include "service/api/render.h"

json_t *failures_json(const struct pg_rows *rows)
{
    json_t *list = json_array();

    for (size_t i = 0; i < pg_rows_count(rows); i++)
        (void)json_array_append_new(list,
                                    json_pack("{s:o, s:s, s:I, s:o}", "sqlstate",
                                              json_text(pg_text(rows, i, "sqlstate")), "code",
                                              pg_text(rows, i, "code"), "count",
                                              (json_int_t)pg_bigint(rows, i, "count"), "tenant_id",
                                              json_text(pg_text(rows, i, "tenant_id"))));
    return list;
}

static json_t *stragglers_json(const struct pg_rows *rows)
{
    json_t *list = json_array();

    for (size_t i = 0; i < pg_rows_count(rows); i++)
        (void)json_array_append_new(
            list,
            json_pack("{s:I, s:o, s:s, s:I}", "task_id", (json_int_t)pg_bigint(rows, i, "id"),
                      "tenant_id", json_text(pg_text(rows, i, "tenant_id")), "server",
                      pg_text(rows, i, "server"), "ms", (json_int_t)pg_bigint(rows, i, "ms")));
    return list;
}

err_code job_add_insight(struct pg *pg, const struct job *job, json_t *out, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *failures = NULL;
    CLEANUP(pg_rows_freep) struct pg_rows *stragglers = NULL;
    err_code rc = job->progress.failed ? insight_failures(pg, job->id, &failures, err) : ERR_NONE;

    if (!rc && !job_state_is_terminal(job->state))
        rc = insight_stragglers(pg, job->id, &stragglers, err);
    if (rc)
        return rc;
    if (failures)
        (void)json_object_set_new(out, "failures_by_sqlstate", failures_json(failures));
    if (stragglers)
        (void)json_object_set_new(out, "stragglers", stragglers_json(stragglers));
    return ERR_NONE;
}
