/* SPDX-License-Identifier: MIT */
/* What a tenant's own schema says: its tracking table, its export; and its pool on this replica. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pool/pool_json.h"
#include "core/tenant/tenant_store.h"
#include "service/api/render.h"
#include "service/api/schema_view.h"
#include "service/api/tenants.h"

err_code tenant_lease(struct call *call, const char *id, struct tenant *t,
                      struct pool_lease *lease, struct err *err)
{
    CLEANUP(freep) char *url = NULL;
    err_code rc = tenant_find(call->pg, id, false, t, err);

    if (!rc)
        rc = engine_server_url(call->app->engine, call->pg, t->server, &url, err);
    if (rc)
        return rc;
    struct pool_tenant target = {.id = t->id,
                                 .schema = t->schema,
                                 .server = t->server,
                                 .url = url,
                                 .epoch = t->epoch};
    return pool_acquire(engine_pools(call->app->engine), &target, lease, err);
}

static struct reply with_lease(struct call *call,
                               struct reply (*show)(const struct schema_view *view, struct pg *pg))
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct pool_lease lease = {.pg = NULL};
    struct err err = {.code = ERR_NONE};
    const struct engine_settings *s = engine_settings(call->app->engine);

    if (tenant_lease(call, call->req->params[0], &t, &lease, &err))
        return call_fail(call, &err);
    struct schema_view view = {.call = call,
                               .tenant_id = t.id,
                               .schema = t.schema,
                               .catalog = "tenant",
                               .table = s->tracking_table,
                               .fallback = s->default_format};
    struct reply reply = show(&view, lease.pg);
    (void)!pool_release(engine_pools(call->app->engine), &lease, POOL_ROLLBACK, NULL);
    return reply;
}

struct reply tenants_migrations(struct call *call)
{
    return with_lease(call, schema_view_migrations);
}

struct reply tenants_export(struct call *call)
{
    return with_lease(call, schema_view_export);
}

struct reply tenants_schema(struct call *call)
{
    return with_lease(call, schema_view_model);
}

struct reply tenants_pool(struct call *call)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct pool_metrics metrics;
    struct err err;

    if (tenant_find(call->pg, call->req->params[0], false, &t, &err) ||
        pool_metrics(engine_pools(call->app->engine), &metrics, &err))
        return call_fail(call, &err);
    json_auto_t *all = pool_metrics_json(&metrics);
    pool_metrics_clear(&metrics);
    const json_t *rows = json_object_get(json_object_get(all, "pools"), "tenants");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        if (str_eq(json_string_value(json_object_get(row, "tenant_id")), t.id))
            return reply_json(200, json_incref(row));
    }
    (void)err_set(&err, ERR_POOL_NOT_FOUND, "tenant %s has no pool on this replica", t.id);
    return call_fail(call, &err);
}

struct reply tenants_pool_evict(struct call *call)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct err err;

    /* the epoch tells every other replica at its next access */
    if (tenant_find(call->pg, call->req->params[0], false, &t, &err) ||
        tenant_bump(call->pg, t.id, &err))
        return call_fail(call, &err);
    (void)pool_evict(engine_pools(call->app->engine), t.id);
    return reply_empty(204);
}
