/* SPDX-License-Identifier: MIT */
/* The shared schema, which every tenant's search path ends with. */
#include "core/base/json.h"
#include "core/migrate/seed_store.h"
#include "service/api/handlers.h"
#include "service/api/schema_view.h"

struct reply shared_get(struct call *call)
{
    const struct config *config = call->app->config;
    struct catalog_info info;
    struct err err;

    CLEANUP(pg_rows_freep) struct pg_rows *seeds = NULL;

    if (catalog_info(call->pg, "shared", &info, &err) ||
        seed_list(call->pg, "shared", "", 1, &seeds, &err))
        return call_fail(call, &err);
    return reply_json(200, json_pack("{s:s, s:b, s:o, s:b}", "schema", config->shared.schema,
                                     "migrations_configured",
                                     info.migrations > 0 || config->shared.migrations_folder[0],
                                     "catalog_head",
                                     info.head[0] ? json_string(info.head) : json_null(),
                                     "seeding_configured",
                                     pg_rows_count(seeds) > 0 || config->shared.seeds_folder[0]));
}

static struct reply with_lease(struct call *call,
                               struct reply (*show)(const struct schema_view *view, struct pg *pg))
{
    const struct engine_settings *s = engine_settings(call->app->engine);
    struct schema_view view = {.call = call,
                               .schema = s->shared_schema,
                               .catalog = "shared",
                               .table = s->shared_tracking_table,
                               .fallback = s->shared_default_format};
    struct pool_lease lease = {.pg = NULL};
    struct err err;

    if (pool_acquire_shared(engine_pools(call->app->engine), &lease, &err))
        return call_fail(call, &err);
    struct reply reply = show(&view, lease.pg);
    (void)!pool_release(engine_pools(call->app->engine), &lease, POOL_ROLLBACK, NULL);
    return reply;
}

struct reply shared_migrations(struct call *call)
{
    return with_lease(call, schema_view_migrations);
}

struct reply shared_export(struct call *call)
{
    return with_lease(call, schema_view_export);
}

struct reply shared_schema(struct call *call)
{
    return with_lease(call, schema_view_model);
}
