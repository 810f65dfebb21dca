/* SPDX-License-Identifier: MIT */
/* A job's rollout as the API shows it: its rules, for what it waits, how far each wave is. */
#include "core/base/str.h"
#include "service/api/render.h"

static const char *wave_state(const struct job *job, int64_t wave, int64_t open)
{
    const char *waiting = json_string_value(json_object_get(job->rollout, "waiting"));

    if (job_state_is_terminal(job->state) || wave < open)
        return "ended";
    if (wave > open)
        return "pending";
    return str_eq(waiting, "bake") ? "baking" : str_eq(waiting, "gate") ? "ended" : "open";
}

void rollout_add(json_t *out, const struct job *job)
{
    json_t *rollout = json_deep_copy(job->rollout);
    int64_t open = json_integer_value(json_object_get(rollout, "open_wave"));
    size_t i;
    json_t *wave;

    json_array_foreach(json_object_get(rollout, "waves"), i, wave)(void)
        json_object_set_new(wave, "state", json_string(wave_state(job, (int64_t)i, open)));
    (void)json_object_set_new(rollout, "max_parallel", json_integer(job->max_parallel));
    (void)json_object_set_new(rollout, "on_failure",
                              json_string(job->stop_on_failure ? "stop" : "continue"));
    (void)json_object_set_new(out, "rollout", rollout);
}

err_code rollout_add_progress(struct pg *pg, const struct job *job, json_t *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "rollout_progress",
        .sql = "SELECT wave, jsonb_build_object("
               "  'queued', count(*) FILTER (WHERE state = 'queued'),"
               "  'running', count(*) FILTER (WHERE state = 'running'),"
               "  'succeeded', count(*) FILTER (WHERE state = 'succeeded'),"
               "  'skipped', count(*) FILTER (WHERE state = 'skipped'),"
               "  'failed', count(*) FILTER (WHERE state = 'failed'),"
               "  'cancelled', count(*) FILTER (WHERE state = 'cancelled')) AS progress"
               " FROM tenantd.task WHERE job_id = $1 GROUP BY wave",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const json_t *waves = json_object_get(json_object_get(out, "rollout"), "waves");

    if (!json_is_array(waves))
        return ERR_NONE;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG((const char *)job->id)), &rows, err);
    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        (void)json_object_set_new(json_array_get(waves, (size_t)pg_int(rows, i, "wave")),
                                  "progress", json_loads(pg_text(rows, i, "progress"), 0, NULL));
    return rc;
}
