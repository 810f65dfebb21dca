/* SPDX-License-Identifier: MIT */
/* The dry run of a migration run: its cohorts, and the SQL that each would get. */
#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/cohorts.h"

/* A cohort as the dry run shows it; the SQL is that of its first tenant. */
static err_code preview_cohort(struct planning *p, const struct pg_rows *rows, size_t row,
                               json_t *list, struct err *err)
{
    const struct cohort cohort = {.set_id = pg_bigint(rows, row, "applied_set"),
                                  .tenants = pg_bigint(rows, row, "tenants"),
                                  .sample = pg_text(rows, row, "sample")};
    json_t *out = NULL;
    err_code rc = cohort_json(p, &cohort, &out, err);

    if (out)
        (void)json_array_append_new(list, out);
    return rc;
}

static err_code preview_shared(struct planning *p, json_t **out, struct err *err)
{
    struct call *call = p->call;
    const struct engine_settings *s = engine_settings(call->app->engine);
    struct catalog_cache *catalogs = engine_catalogs(call->app->engine);
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    const struct catalog *catalog = NULL;
    struct pg *pg = NULL;
    err_code rc = catalog_acquire(catalogs, call->pg, "shared", 0, &catalog, err);

    if (!rc)
        rc = engine_open_server(call->app->engine, call->pg, "default", &pg, err);
    if (!rc)
        rc = tracking_read(pg, s->shared_schema, s->shared_tracking_table,
                           s->shared_default_format, &set, err);
    engine_close_server(call->app->engine, "default", pg);
    if (!rc)
        rc = cohort_shared_json(p, catalog, set, out, err);
    catalog_release(catalogs, catalog);
    return rc;
}

static err_code preview(struct planning *p, json_t *out, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    json_t *cohorts = json_array(), *shared = NULL, *waves = NULL;
    const char *head = planning_head(p->catalog);
    err_code rc = tenant_cohorts(p->call->pg, &p->run->selector, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = preview_cohort(p, rows, i, cohorts, err);
    if (!rc && p->run->include_shared)
        rc = preview_shared(p, &shared, err);
    if (!rc && p->run->strategy.staged)
        rc = run_rehearse(p, &waves, err);
    (void)json_object_set_new(out, "dry_run", json_true());
    (void)json_object_set_new(out, "target", json_text(p->run->target ? p->run->target : head));
    (void)json_object_set_new(out, "tenants", json_integer(p->tenants));
    (void)json_object_set_new(out, "noop", json_integer(p->noop));
    (void)json_object_set_new(out, "cohorts", cohorts);
    (void)json_object_set_new(out, "shared", shared ? shared : json_null());
    (void)json_object_set_new(out, "waves", waves ? waves : json_null());
    return rc;
}

err_code run_preview(struct call *call, const struct run_request *run, json_t **out,
                     struct err *err)
{
    CLEANUP(planning_clear) struct planning p = {.call = call, .run = run};
    json_t *body = json_object();
    err_code rc =
        catalog_acquire(engine_catalogs(call->app->engine), call->pg, "tenant", 0, &p.catalog, err);

    if (!rc)
        rc = planning_check_target(&p, err);
    if (!rc)
        rc = preview(&p, body, err);
    if (rc)
        json_decref(body);
    else
        *out = body;
    return rc;
}
