/* SPDX-License-Identifier: MIT */
/* The half of a strategy that asks the database: canaries, windows, and how the tasks fell. */
#include <stdio.h>

#include "core/base/str.h"
#include "core/job/window.h"
#include "service/api/strategy.h"

enum { POINTER_SIZE = 96 };

/* A canary that is not part of the run would be taken for one that flew. */
static err_code check_canary(struct call *call, const struct strategy *s,
                             const struct selector *selector, struct problems *problems,
                             struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "strategy_canary_outside",
        .sql = "SELECT x.id, x.place - 1 AS place FROM unnest($1::text[]) WITH ORDINALITY"
               " AS x (id, place) WHERE NOT EXISTS (SELECT FROM tenantd.tenant t"
               "  WHERE t.id = x.id AND t.state IN ('active', 'suspended')"
               "  AND ($2::text[] IS NULL OR t.id = ANY ($2))"
               "  AND ($3::jsonb IS NULL OR t.labels @> $3)) ORDER BY x.place LIMIT 100",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    char pointer[POINTER_SIZE];
    err_code rc =
        pg_query(call->pg, &stmt,
                 PG_ARGS(PG_ARG(s->canary_ids), PG_ARG(selector->ids), PG_ARG(selector->labels)),
                 &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        (void)snprintf(pointer, sizeof pointer, "/strategy/canary/tenants/%s",
                       pg_text(rows, i, "place"));
        problems_add(problems, pointer, err_name(ERR_TENANT_NOT_FOUND),
                     "the selector covers no tenant \"%.63s\"", pg_text(rows, i, "id"));
    }
    return rc;
}

err_code strategy_check(struct call *call, const struct strategy *s,
                        const struct selector *selector, struct problems *problems, struct err *err)
{
    if (problems->list)
        return ERR_NONE;
    err_code rc = s->canary_ids ? check_canary(call, s, selector, problems, err) : ERR_NONE;
    if (rc || !s->rollout.windows)
        return rc;
    rc = window_check(call->pg, s->rollout.windows, s->rollout.deadline_seconds, err);
    if (rc == ERR_WINDOW_NEVER_OPENS) {
        problems_add_err(problems, "/windows", err);
        rc = ERR_NONE;
    }
    return rc;
}

struct wave_counts {
    int64_t tasks[ROLLOUT_WAVES_MAX], total, outside;
};

static err_code count_tasks(struct pg *pg, const char *job_id, int waves, struct wave_counts *out,
                            struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "strategy_count_tasks",
        .sql = "SELECT wave, count(*) AS tasks FROM tenantd.task WHERE job_id = $1 GROUP BY wave",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(job_id)), &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        int wave = pg_int(rows, i, "wave");
        int64_t n = pg_bigint(rows, i, "tasks");
        out->total += n;
        if (wave < waves)
            out->tasks[wave] = n;
        else
            out->outside += n;
    }
    return rc;
}

static json_t *waves_json(const struct strategy *s, int first, const struct wave_counts *counts)
{
    json_t *list = json_array();
    int at = 0;
    char name[32];

    for (; at < first; at++)
        (void)json_array_append_new(
            list, rollout_wave_json("shared", &(struct wave){.tasks = counts->tasks[at]}));
    if (s->has_canary) {
        struct wave canary = s->canary;
        canary.tasks = counts->tasks[at++];
        (void)json_array_append_new(list, rollout_wave_json("canary", &canary));
    }
    for (size_t i = 0; i < s->wave_count; i++) {
        struct wave wave = s->waves[i];
        wave.tasks = counts->tasks[at++];
        (void)snprintf(name, sizeof name, "wave-%zu", i + 1);
        (void)json_array_append_new(list, rollout_wave_json(name, &wave));
    }
    return list;
}

err_code strategy_store_waves(struct pg *pg, const char *job_id, const struct strategy *s,
                              int first, struct err *err)
{
    int waves = first + s->has_canary + (int)s->wave_count;
    struct wave_counts counts = {.total = 0};
    err_code rc = count_tasks(pg, job_id, waves, &counts, err);

    if (rc)
        return rc;
    if (counts.outside) {
        (void)err_set(err, ERR_WAVES_INCOMPLETE,
                      "%lld of %lld tenants are in no wave: the last"
                      " one must be the rest",
                      (long long)counts.outside, (long long)counts.total - first);
        return err_in(err, "/strategy/waves");
    }
    if (s->has_canary && counts.total > first && !counts.tasks[first]) {
        (void)err_set(err, ERR_EMPTY_CANARY,
                      "no tenant of the canary has anything to do, but %lld"
                      " others have",
                      (long long)counts.total - first);
        return err_in(err, "/strategy/canary");
    }
    json_auto_t *list = waves_json(s, first, &counts);
    return rollout_set_waves(pg, job_id, list, err);
}
