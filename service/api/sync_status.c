/* SPDX-License-Identifier: MIT */
/* How tracking tables differ from the catalog: what a sync would be about. */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/tenant/tenant_store.h"
#include "service/api/handlers.h"
#include "service/api/tenants.h"

static json_t *versions(const struct plan *plan, migration_state a, migration_state b)
{
    json_t *list = json_array();

    for (size_t i = 0; i < plan->count; i++)
        if (plan->entries[i].state == a || plan->entries[i].state == b)
            (void)json_array_append_new(list, json_text(plan->entries[i].version));
    return list;
}

/* Taken with the plan. NULL: no memory. */
static err_code sync_json(const struct catalog *catalog, const struct applied_set *set,
                          json_t **out, struct err *err)
{
    struct plan plan;
    err_code rc = plan_make(catalog, set, NULL, &plan, err);

    if (rc)
        return rc;
    *out = json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "format", tracking_format_name(set->format),
                     "in_sync", plan.applied == plan.count && !plan.begun, "missing",
                     versions(&plan, MIGRATION_PENDING, MIGRATION_OUT_OF_ORDER), "out_of_order",
                     versions(&plan, MIGRATION_OUT_OF_ORDER, MIGRATION_OUT_OF_ORDER), "orphaned",
                     versions(&plan, MIGRATION_ORPHANED, MIGRATION_ORPHANED), "modified",
                     versions(&plan, MIGRATION_MODIFIED, MIGRATION_MODIFIED), "dirty",
                     json_text(plan.begun));
    plan_clear(&plan);
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

struct tally {
    int64_t in_sync, out_of_sync, unknown;
};

static err_code add_cohort(struct call *call, const struct catalog *catalog,
                           const struct pg_rows *rows, size_t row, struct tally *tally,
                           json_t *list, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    int64_t id = pg_bigint(rows, row, "applied_set"), n = pg_bigint(rows, row, "tenants");
    json_t *cohort = NULL;
    err_code rc = engine_applied_set(call->app->engine, call->pg, id, &set, err);

    if (!rc && !set) {
        tally->unknown += n;
        return ERR_NONE;
    }
    if (!rc)
        rc = sync_json(catalog, set, &cohort, err);
    if (rc)
        return rc;
    *(json_is_true(json_object_get(cohort, "in_sync")) ? &tally->in_sync : &tally->out_of_sync) +=
        n;
    (void)json_object_set_new(cohort, "tenants", json_integer((json_int_t)n));
    (void)json_object_set_new(cohort, "sample", json_loads(pg_text(rows, row, "sample"), 0, NULL));
    (void)json_array_append_new(list, cohort);
    return ERR_NONE;
}

static err_code fleet(struct call *call, const struct catalog *catalog, json_t **out,
                      struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct selector everyone = {.ids = NULL};
    struct tally tally = {.in_sync = 0};
    json_auto_t *list = json_array();
    err_code rc = tenant_cohorts(call->pg, &everyone, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = add_cohort(call, catalog, rows, i, &tally, list, err);
    if (!rc)
        *out = json_pack("{s:I, s:I, s:I, s:I, s:O}", "tenants",
                         (json_int_t)(tally.in_sync + tally.out_of_sync + tally.unknown), "in_sync",
                         (json_int_t)tally.in_sync, "out_of_sync", (json_int_t)tally.out_of_sync,
                         "unknown", (json_int_t)tally.unknown, "cohorts", list);
    return rc;
}

struct reply sync_status(struct call *call)
{
    return reply_catalog(call, fleet);
}

/* From the tenant's own table. */
static err_code read_one(struct call *call, const struct tenant *t, const struct catalog *catalog,
                         json_t **out, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    struct engine *engine = call->app->engine;
    const struct engine_settings *s = engine_settings(engine);
    struct pg *pg = NULL;
    err_code rc = engine_open_server(engine, call->pg, t->server, &pg, err);

    if (!rc)
        rc = tracking_read(pg, t->schema, s->tracking_table, s->default_format, &set, err);
    engine_close_server(engine, t->server, pg);
    if (!rc)
        rc = sync_json(catalog, set, out, err);
    if (rc)
        return rc;
    (void)json_object_set_new(*out, "tenant_id", json_text(t->id));
    (void)json_object_set_new(*out, "schema", json_text(t->schema));
    (void)json_object_set_new(*out, "checked_at", json_time(clock_unix_ms()));
    return ERR_NONE;
}

struct reply tenants_sync_status(struct call *call)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct catalog_cache *catalogs = engine_catalogs(call->app->engine);
    const struct catalog *catalog = NULL;
    json_t *body = NULL;
    struct err err;
    err_code rc = tenant_find(call->pg, call->req->params[0], false, &t, &err);

    if (!rc)
        rc = catalog_acquire(catalogs, call->pg, "tenant", 0, &catalog, &err);
    if (!rc)
        rc = read_one(call, &t, catalog, &body, &err);
    catalog_release(catalogs, catalog);
    return rc ? call_fail(call, &err) : reply_json(200, body);
}
