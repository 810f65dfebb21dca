/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#pragma once

#include <pthread.h>
#include <sys/queue.h>

#include "core/pool/manager.h"

/* One connection; holds one slot of its server's budget as long as it is open. */
struct pool_conn {
    struct pg *pg;
    struct budget *slots;
    int64_t idle_since; /* monotonic ms */
    struct pool_conn *next;
};

/*
 * One tenant's pool. Guarded by the manager's lock except for what never changes. Lives while
 * somebody holds a reference: the manager's list, everyone who waits in it, every lease. Once
 * doomed it is out of the list and takes no connection back.
 */
struct tenant_pool {
    TAILQ_ENTRY(tenant_pool) entry;
    char id[POOL_NAME_SIZE], schema[POOL_NAME_SIZE], server[POOL_NAME_SIZE];
    char *url;
    char *enter_sql; /* begins a transaction on the right search path */
    int64_t epoch;
    struct budget *slots;   /* the server's, the set's */
    struct budget *places;  /* pool_max leases at a time, ours */
    struct pool_conn *idle; /* the warmest first */
    int idle_count, leased, waiting, refs;
    int64_t used_mono, used_unix; /* last access */
    bool doomed;
    pool_evict_reason reason;
};
TAILQ_HEAD(pool_list, tenant_pool);

struct pool_manager {
    pthread_mutex_t lock;
    struct pool_options options; /* its strings are ours */
    struct pool_list pools;      /* the least recently used first */
    int count;                   /* in pools */
    struct tenant_pool *shared;  /* in no list */
    struct pool_counters counters;
};

/* What was unlinked under the lock and is closed, told of and freed without it. */
struct pool_trash {
    struct pool_conn *conns;
    struct pool_list pools;
};
#define TRASH_INIT(trash) ((struct pool_trash){.pools = TAILQ_HEAD_INITIALIZER((trash).pools)})

/* With the lock held. The id "" is the shared pool. */
struct tenant_pool *pools_find(struct pool_manager *m, const char *id);
void pools_evict(struct pool_manager *m, struct tenant_pool *pool, pool_evict_reason reason,
                 struct pool_trash *trash);
void pools_touch(struct pool_manager *m, struct tenant_pool *pool);
void pools_drop_idle(struct tenant_pool *pool, int64_t idle_before, struct pool_trash *trash);

struct pool_connections pools_connections(const struct tenant_pool *pool);

/* Without the lock. */
void pools_lock(struct pool_manager *m);
void pools_unlock(struct pool_manager *m);
void trash_empty(struct pool_manager *m, struct pool_trash *trash);
/* The tenant's pool, made if need be, counted as accessed; *out goes to pools_unref(). */
err_code pools_pick(struct pool_manager *m, const struct pool_tenant *tenant,
                    struct tenant_pool **out, struct err *err) MUST_USE;
void pools_unref(struct pool_manager *m, struct tenant_pool *pool);
void pools_reclaim(void *manager, struct budget *slots);

/* A connection of the pool outside any transaction; takes the reference over on success. Fails
 * with ERR_POOL_NOT_FOUND when the pool was evicted meanwhile: pick again. */
err_code lease_take(struct pool_manager *m, struct tenant_pool *pool, int64_t deadline,
                    struct pool_lease *out, struct err *err) MUST_USE;
/* Begins the transaction and proves the search path. */
err_code lease_enter(const struct pool_lease *lease, struct err *err) MUST_USE;
/* Ends the transaction; *fit: the connection may be kept. */
err_code lease_leave(const struct pool_lease *lease, pool_end end, bool *fit,
                     struct err *err) MUST_USE;
/* Keeps the connection if keep and it still works, closes it otherwise. */
void lease_give_back(struct pool_manager *m, struct pool_lease *lease, bool keep);
void conn_close(struct pool_conn *conn);
