/* SPDX-License-Identifier: MIT */
/* Figures of the pools, read under the lock in one go. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/pool/pool_internal.h"

bool pool_has(struct pool_manager *m, const char *tenant_id)
{
    pools_lock(m);
    bool has = *tenant_id && pools_find(m, tenant_id);
    pools_unlock(m);
    return has;
}

int pool_count(struct pool_manager *m)
{
    pools_lock(m);
    int count = m->count;
    pools_unlock(m);
    return count;
}

struct pool_counters pool_counters(struct pool_manager *m)
{
    pools_lock(m);
    struct pool_counters counters = m->counters;
    pools_unlock(m);
    return counters;
}

struct pool_connections pools_connections(const struct tenant_pool *pool)
{
    return (struct pool_connections){.total = pool->idle_count + pool->leased,
                                     .idle = pool->idle_count,
                                     .waiting = pool->waiting};
}

static void fill(const struct pool_manager *m, struct pool_metrics *out)
{
    const struct tenant_pool *pool;
    size_t n = 0;

    TAILQ_FOREACH(pool, &m->pools, entry)
    {
        struct pool_tenant_metrics *row = &out->tenants[n++];
        (void)snprintf(row->tenant_id, sizeof row->tenant_id, "%s", pool->id);
        (void)snprintf(row->schema_name, sizeof row->schema_name, "%s", pool->schema);
        row->connections = pools_connections(pool);
        row->epoch = pool->epoch;
        row->last_accessed_at = pool->used_unix;
    }
    out->total = n;
    out->shared_initialized = m->shared != NULL;
    if (m->shared)
        out->shared = pools_connections(m->shared);
}

err_code pool_metrics(struct pool_manager *m, struct pool_metrics *out, struct err *err)
{
    struct pool_metrics metrics = {.max_pools = m->options.max_pools, .timestamp = clock_unix_ms()};

    metrics.tenants = calloc((size_t)metrics.max_pools, sizeof *metrics.tenants);
    if (!metrics.tenants)
        return err_set(err, ERR_INTERNAL, "out of memory");
    pools_lock(m);
    fill(m, &metrics);
    pools_unlock(m);
    *out = metrics;
    return ERR_NONE;
}

void pool_metrics_clear(struct pool_metrics *metrics)
{
    free(metrics->tenants);
    *metrics = (struct pool_metrics){.tenants = NULL};
}
