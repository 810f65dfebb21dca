/* SPDX-License-Identifier: MIT */
/* The dry run of a migration run: its cohorts, and the SQL that each would get. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/plan_down.h"
#include "service/api/planning.h"

static json_t *pending_json(const struct plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->count; i++)
        if (plan_nth(plan, i)->in_target)
            (void)json_array_append_new(list, json_text(plan_nth(plan, i)->version));
    return list;
}

static struct apply_options preview_options(const struct call *call, const struct run_request *run,
                                            const char *schema, bool shared)
{
    const struct engine_settings *s = engine_settings(call->app->engine);
    return (struct apply_options){
        .schema = schema,
        .shared_schema = s->shared_schema,
        .table = shared ? s->shared_tracking_table : s->tracking_table,
        .target = run->target,
        .down = run->down,
        .allow = run->allow,
        .async_commit = true,
        .lock_timeout_ms = (int)run->lock_timeout_ms,
        .statement_timeout_ms = (int)run->statement_timeout_ms,
        .format = shared ? s->shared_default_format : s->default_format};
}

/* The exact SQL for one schema of a cohort. */
static err_code preview_sql(const struct call *call, const struct run_request *run,
                            const struct catalog *catalog, const struct applied_set *set,
                            const char *schema, bool shared, json_t *out, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct apply_options options = preview_options(call, run, schema, shared);
    struct plan plan;
    struct err why = {.code = ERR_NONE};
    if (shared)
        options.target = NULL;
    err_code rc = apply_plan(catalog, set, &options, &plan, err);
    if (rc)
        return rc;
    bool refused = plan_check(&plan, run->allow, &why) != ERR_NONE;
    if (!refused)
        rc = apply_preview(catalog, set, &options, &sql, err);
    (void)json_object_set_new(out, "pending", pending_json(&plan));
    (void)json_object_set_new(out, "sql", json_text(str_text(&sql)));
    if (!shared) {
        (void)json_object_set_new(out, "head", json_text(plan.head));
        (void)json_object_set_new(out, "problem",
                                  refused ? json_pack("{s:s, s:o}", "code", err_name(why.code),
                                                      "detail", json_text(why.msg))
                                          : json_null());
    }
    plan_clear(&plan);
    return rc;
}

/* A cohort as the dry run shows it; the SQL is that of its first tenant. */
static err_code preview_cohort(struct planning *p, const struct pg_rows *rows, size_t row,
                               json_t *list, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct call *call = p->call;
    int64_t set_id = pg_bigint(rows, row, "applied_set"), n = pg_bigint(rows, row, "tenants");
    bool needs = true;
    err_code rc = set_id ? planning_needs_work(p, set_id, &needs, err) : ERR_NONE;

    p->tenants += n;
    p->noop += needs ? 0 : n;
    if (rc || !needs)
        return rc;
    json_t *sample = json_loads(pg_text(rows, row, "sample"), 0, NULL);
    json_t *out = json_pack("{s:I, s:o}", "tenants", (json_int_t)n, "sample", sample);
    (void)json_array_append_new(list, out);
    rc = tenant_find(call->pg, json_string_value(json_array_get(sample, 0)), false, &t, err);
    if (!rc)
        rc = engine_applied_set(call->app->engine, call->pg, set_id, &set, err);
    if (!rc && !set)
        set = applied_set_empty(engine_settings(call->app->engine)->default_format);
    if (!rc && !set)
        rc = err_set(err, ERR_INTERNAL, "out of memory");
    if (rc)
        return rc;
    (void)json_object_set_new(out, "format", json_string(tracking_format_name(set->format)));
    return preview_sql(call, p->run, p->catalog, set, t.schema, false, out, err);
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
    if (!rc) {
        *out = json_object();
        rc = preview_sql(call, p->run, catalog, set, s->shared_schema, true, *out, err);
    }
    catalog_release(catalogs, catalog);
    return rc;
}

static err_code preview(struct planning *p, json_t *out, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    json_t *cohorts = json_array(), *shared = NULL;
    const char *head = planning_head(p->catalog);
    err_code rc = tenant_cohorts(p->call->pg, &p->run->selector, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = preview_cohort(p, rows, i, cohorts, err);
    if (!rc && p->run->include_shared)
        rc = preview_shared(p, &shared, err);
    (void)json_object_set_new(out, "dry_run", json_true());
    (void)json_object_set_new(out, "target", json_text(p->run->target ? p->run->target : head));
    (void)json_object_set_new(out, "tenants", json_integer(p->tenants));
    (void)json_object_set_new(out, "noop", json_integer(p->noop));
    (void)json_object_set_new(out, "cohorts", cohorts);
    (void)json_object_set_new(out, "shared", shared ? shared : json_null());
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
