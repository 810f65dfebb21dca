/* SPDX-License-Identifier: MIT */
/*
 * The tenant manager: one small pool of connections a tenant and one for the shared schema. What it
 * lends is a connection inside an open transaction whose search path is the tenant's, proven.
 * The path is set by SET LOCAL alone, so that a transaction-mode pooler may stand in front. Pools
 * go by LRU and TTL; connections are bounded a tenant by pool_max and a server by a budget that is
 * shared with everybody else (budget.h). Thread-safe; no lock is held while the network is waited
 * for. One round trip begins, one proves, one ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/retry.h"
#include "core/pg/ident.h"
#include "core/pg/pg.h"
#include "core/pool/budget.h"

enum { POOL_NAME_SIZE = PG_NAME_MAX + 1 };

struct pool_manager;

/* Where a tenant lives; all borrowed for the call. */
struct pool_tenant {
    const char *id, *schema;
    const char *server, *url; /* the server's name and how to reach the tenant's database */
    int64_t epoch;            /* raised to make every replica drop its connections */
};

typedef enum pool_evict_reason {
    POOL_EVICT_LRU,    /* max_pools was reached */
    POOL_EVICT_TTL,    /* not accessed for pool_ttl_ms */
    POOL_EVICT_API,    /* pool_evict() */
    POOL_EVICT_EPOCH,  /* the tenant came with a newer epoch or a new place */
    POOL_EVICT_BROKEN, /* no connection of it could be had */
} pool_evict_reason;
enum { POOL_EVICT_REASONS = POOL_EVICT_BROKEN + 1 };

/* "lru" and the like. */
const char *pool_evict_reason_name(pool_evict_reason reason);

/* Called without any lock held, from the thread in which it happened; each may be NULL. */
struct pool_events {
    void *arg;
    void (*created)(void *arg, const char *tenant_id, const char *schema);
    void (*evicted)(void *arg, const char *tenant_id, pool_evict_reason reason);
    /* attempt is the one that failed, from 1; the next comes after delay_ms. "" is the shared one.
     */
    void (*retry)(void *arg, const char *tenant_id, int attempt, int64_t delay_ms,
                  const struct err *why);
    /* an acquire that failed for good */
    void (*error)(void *arg, const char *tenant_id, const struct err *why);
};

struct pool_options {
    int max_pools;              /* tenants with a pool, at most */
    int pool_max;               /* connections of one tenant, at most */
    int64_t pool_ttl_ms;        /* since the last access */
    int64_t idle_timeout_ms;    /* of one connection */
    int64_t acquire_timeout_ms; /* everything pool_acquire() does, retries included */
    int connect_timeout_s;      /* of one attempt; libpq makes 1 a 2 */
    struct retry_policy retry;
    const char *application_name; /* copied; NULL for "tenantd" */
    struct budget_set *budgets;   /* borrowed, outlives the manager */
    struct pool_tenant shared;    /* copied; schema NULL: there is none. id and epoch not used */
    struct pool_events events;
};

#define POOL_DEFAULTS                                                                              \
    .max_pools = 50, .pool_max = 10, .pool_ttl_ms = 3600000, .idle_timeout_ms = 30000,             \
    .acquire_timeout_ms = 5000, .connect_timeout_s = 5, .retry = RETRY_DEFAULT

/* A connection on loan; belongs to the thread that has it. */
struct pool_lease {
    struct pg *pg; /* in an open transaction */
    int64_t waited_ms;
    struct tenant_pool *pool; /* the manager's */
    struct pool_conn *conn;   /* the manager's */
};

/* Becomes the reclaimer of options->budgets. Fails with ERR_CONFIG_INVALID. *out is the caller's.
 */
err_code pool_manager_new(const struct pool_options *options, struct pool_manager **out,
                          struct err *err) MUST_USE;
/* Closes everything; every lease must have been given back. Says nothing to events. NULL is fine.
 */
void pool_manager_free(struct pool_manager *manager);
void pool_manager_freep(struct pool_manager **manager);

/*
 * Lends a connection in a transaction with search_path = schema, shared schema, pg_temp. Tries
 * again after connection errors as the retry policy says. Fails with ERR_SCHEMA_MISSING when
 * current_schema() is not the schema, ERR_POOL_EXHAUSTED when none became free in time,
 * ERR_DATABASE_UNAVAILABLE, and as pg_ident_quote() does. *out must go to pool_release().
 */
err_code pool_acquire(struct pool_manager *manager, const struct pool_tenant *tenant,
                      struct pool_lease *out, struct err *err) MUST_USE;
/* The same for the shared schema; ERR_NOT_FOUND when there is none. */
err_code pool_acquire_shared(struct pool_manager *manager, struct pool_lease *out, struct err *err)
    MUST_USE;

typedef enum pool_end { POOL_COMMIT, POOL_ROLLBACK } pool_end;
/*
 * Ends the transaction and takes the connection back, whatever happens; *lease is empty afterwards,
 * and an empty one is fine. Fails when a COMMIT did: ERR_CONFLICT when a statement had failed
 * before and the transaction was rolled back, ERR_INTERNAL when somebody had ended it already,
 * otherwise with the SQLSTATE's code; ERR_DATABASE_UNAVAILABLE leaves its outcome unknown.
 */
err_code pool_release(struct pool_manager *manager, struct pool_lease *lease, pool_end end,
                      struct err *err) MUST_USE;

/* Drops the tenant's pool: idle connections now, lent ones when they come back. False: had none. */
bool pool_evict(struct pool_manager *manager, const char *tenant_id);
bool pool_has(struct pool_manager *manager, const char *tenant_id);
int pool_count(struct pool_manager *manager);

typedef enum pool_warmth { POOL_WARMED, POOL_ALREADY_WARM } pool_warmth;
/* Opens a first connection ahead, with ping also proves its schema. Fails as pool_acquire(). */
err_code pool_warm(struct pool_manager *manager, const struct pool_tenant *tenant, bool ping,
                   pool_warmth *out, struct err *err) MUST_USE;

/* Evicts by TTL, closes idle connections; to be called every second or so. */
void pool_sweep(struct pool_manager *manager);

struct pool_counters {
    int64_t created, evicted[POOL_EVICT_REASONS];
    int64_t acquired, exhausted, retries;
    int64_t opened, open_failed; /* connections */
    int64_t broken;              /* connections that were dropped because they no longer worked */
};
struct pool_counters pool_counters(struct pool_manager *manager);

struct pool_connections {
    int total, idle, waiting; /* waiting: requests, not connections */
};

struct pool_tenant_metrics {
    char tenant_id[POOL_NAME_SIZE], schema_name[POOL_NAME_SIZE];
    struct pool_connections connections;
    int64_t epoch, last_accessed_at; /* unix ms */
};

struct pool_metrics {
    int max_pools;
    size_t total;
    struct pool_tenant_metrics *tenants; /* least recently used first; ours to free */
    bool shared_initialized;
    struct pool_connections shared;
    int64_t timestamp; /* unix ms */
};

/* Fails without memory only. *out is cleared by pool_metrics_clear(). */
err_code pool_metrics(struct pool_manager *manager, struct pool_metrics *out, struct err *err)
    MUST_USE;
void pool_metrics_clear(struct pool_metrics *metrics);
