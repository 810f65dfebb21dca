/* SPDX-License-Identifier: MIT */
#include "core/pool/pool_json.h"

#include "core/base/json.h"

static json_t *connections_json(const struct pool_connections *c)
{
    return json_pack("{s:i, s:i, s:i}", "total", c->total, "idle", c->idle, "waiting", c->waiting);
}

static json_t *tenant_json(const struct pool_tenant_metrics *row)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "tenant_id", json_text(row->tenant_id), "schema_name",
                     json_text(row->schema_name), "connections",
                     connections_json(&row->connections), "last_accessed_at",
                     json_time(row->last_accessed_at));
}

static json_t *shared_json(const struct pool_metrics *metrics)
{
    return json_pack("{s:b, s:o}", "initialized", metrics->shared_initialized, "connections",
                     metrics->shared_initialized ? connections_json(&metrics->shared)
                                                 : json_null());
}

json_t *pool_metrics_json(const struct pool_metrics *metrics)
{
    json_auto_t *tenants = json_array();

    for (size_t i = 0; i < metrics->total; i++)
        if (json_array_append_new(tenants, tenant_json(&metrics->tenants[i])))
            return NULL;
    return json_pack("{s:{s:I, s:i, s:O}, s:o, s:o}", "pools", "total", (json_int_t)metrics->total,
                     "max_pools", metrics->max_pools, "tenants", tenants, "shared",
                     shared_json(metrics), "timestamp", json_time(metrics->timestamp));
}

static json_t *ms_json(int64_t ms)
{
    return ms < 0 ? json_null() : json_integer(ms);
}

static json_t *error_json(const char *error)
{
    return json_text(*error ? error : NULL);
}

static json_t *row_json(const struct pool_health_row *row)
{
    return json_pack("{s:o, s:o, s:s, s:i, s:i, s:i, s:o, s:o}", "tenant_id",
                     json_text(row->tenant_id), "schema_name", json_text(row->schema_name),
                     "status", pool_status_name(row->status), "total_connections",
                     row->connections.total, "idle_connections", row->connections.idle,
                     "waiting_requests", row->connections.waiting, "response_time_ms",
                     ms_json(row->response_time_ms), "error", error_json(row->error));
}

json_t *pool_health_json(const struct pool_health *health)
{
    json_auto_t *pools = json_array();

    for (size_t i = 0; i < health->total_pools; i++)
        if (json_array_append_new(pools, row_json(&health->pools[i])))
            return NULL;
    return json_pack(
        "{s:b, s:O, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:I}", "healthy", health->healthy, "pools",
        pools, "shared_db", json_text(pool_status_name(health->shared.status)),
        "shared_db_response_time_ms", ms_json(health->shared.response_time_ms), "shared_db_error",
        error_json(health->shared.error), "total_pools", (json_int_t)health->total_pools,
        "degraded_pools", (json_int_t)health->degraded_pools, "unhealthy_pools",
        (json_int_t)health->unhealthy_pools, "timestamp", json_time(health->timestamp),
        "duration_ms", (json_int_t)health->duration_ms);
}
