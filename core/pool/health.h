/* SPDX-License-Identifier: MIT */
/*
 * Whether the pools work. A pool is unhealthy when a ping fails, runs out of time or finds the
 * schema gone; degraded when requests wait for a connection, when a ping got none because all are
 * lent, or when the answer took more than half of ping_timeout_ms; otherwise ok. A check is no
 * access: it keeps no pool from its TTL and does not change the LRU order.
 */
#pragma once

#include "core/pool/manager.h"

enum { POOL_PING_TIMEOUT_MS = 5000 };

typedef enum pool_status {
    POOL_OK,
    POOL_DEGRADED,
    POOL_UNHEALTHY,
    POOL_UNCHECKED, /* the shared schema, when it was not asked for or there is none */
} pool_status;

/* "ok" and the like; NULL for POOL_UNCHECKED. */
const char *pool_status_name(pool_status status);

struct pool_health_query {
    const char *const *tenant_ids; /* those without a pool here are left out */
    size_t tenant_count;           /* 0: all pools */
    bool ping;
    bool include_shared; /* opens its pool if there is none yet */
    int64_t ping_timeout_ms;
};

struct pool_health_row {
    char tenant_id[POOL_NAME_SIZE], schema_name[POOL_NAME_SIZE];
    pool_status status;
    struct pool_connections connections;
    int64_t response_time_ms; /* -1: no answer */
    char error[256];          /* "" without one */
};

struct pool_health {
    bool healthy;                  /* nothing is unhealthy */
    struct pool_health_row *pools; /* ours to free */
    size_t total_pools, degraded_pools, unhealthy_pools;
    struct pool_health_row shared;
    int64_t timestamp, duration_ms; /* unix ms */
};

/* Pings several pools at a time. Fails without memory only. Cleared by pool_health_clear(). */
err_code pool_health(struct pool_manager *manager, const struct pool_health_query *query,
                     struct pool_health *out, struct err *err) MUST_USE;
void pool_health_clear(struct pool_health *health);
