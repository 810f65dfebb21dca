/* SPDX-License-Identifier: MIT */
#include "core/pool/manager.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pool/pool_internal.h"

const char *pool_evict_reason_name(pool_evict_reason reason)
{
    switch (reason) {
    case POOL_EVICT_LRU:
        return "lru";
    case POOL_EVICT_TTL:
        return "ttl";
    case POOL_EVICT_API:
        return "api";
    case POOL_EVICT_EPOCH:
        return "epoch";
    case POOL_EVICT_BROKEN:
        return "broken";
    }
    return NULL;
}

static err_code check_options(const struct pool_options *o, struct err *err)
{
    struct pg_ident ident;

    if (o->max_pools < 1 || o->pool_max < 1)
        return err_set(err, ERR_CONFIG_INVALID,
                       "max_pools is %d and pool_max %d, both must be at least 1", o->max_pools,
                       o->pool_max);
    if (o->pool_ttl_ms < 1 || o->idle_timeout_ms < 1 || o->acquire_timeout_ms < 1 ||
        o->connect_timeout_s < 1)
        return err_set(err, ERR_CONFIG_INVALID, "the pools' times must be at least 1");
    if (o->retry.max_attempts < 1)
        return err_set(err, ERR_CONFIG_INVALID, "retry.max_attempts must be at least 1");
    if (o->shared.schema && (!o->shared.server || !o->shared.url))
        return err_set(err, ERR_CONFIG_INVALID, "the shared schema needs a server and a URL");
    return o->shared.schema ? pg_ident_quote(o->shared.schema, &ident, err) : ERR_NONE;
}

/* Copies a string of the options in place; NULL stays NULL. */
static bool own(const char **text)
{
    if (!*text)
        return true;
    *text = strdup(*text);
    return *text != NULL;
}

/* Every string is tried, so that what is in the options afterwards is ours whatever failed. */
static bool own_strings(struct pool_options *o)
{
    o->shared.id = "";
    if (!o->application_name)
        o->application_name = "tenantd";
    bool ok = own(&o->application_name);
    ok = own(&o->shared.schema) && ok;
    ok = own(&o->shared.server) && ok;
    return own(&o->shared.url) && ok;
}

static void free_text(const char *text)
{
    free((void *)(uintptr_t)text); /* const for its readers, ours all the same */
}

err_code pool_manager_new(const struct pool_options *options, struct pool_manager **out,
                          struct err *err)
{
    err_code rc = check_options(options, err);
    if (rc)
        return rc;
    CLEANUP(pool_manager_freep) struct pool_manager *m = calloc(1, sizeof *m);
    if (!m)
        return err_set(err, ERR_INTERNAL, "out of memory");
    (void)pthread_mutex_init(&m->lock, NULL);
    TAILQ_INIT(&m->pools);
    m->options = *options;
    if (!own_strings(&m->options))
        return err_set(err, ERR_INTERNAL, "out of memory");
    budget_set_reclaimer(m->options.budgets, pools_reclaim, m);
    *out = m;
    m = NULL; /* now the caller's */
    return ERR_NONE;
}

void pool_manager_free(struct pool_manager *m)
{
    struct pool_trash trash = TRASH_INIT(trash);

    if (!m)
        return;
    budget_set_reclaimer(m->options.budgets, NULL, NULL);
    m->options.events = (struct pool_events){.arg = NULL};
    pools_lock(m);
    while (!TAILQ_EMPTY(&m->pools))
        pools_evict(m, TAILQ_FIRST(&m->pools), POOL_EVICT_API, &trash);
    if (m->shared)
        pools_evict(m, m->shared, POOL_EVICT_API, &trash);
    pools_unlock(m);
    trash_empty(m, &trash);
    free_text(m->options.shared.schema);
    free_text(m->options.shared.server);
    free_text(m->options.shared.url);
    free_text(m->options.application_name);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

void pool_manager_freep(struct pool_manager **manager)
{
    pool_manager_free(*manager);
}

/* A connection of the tenant's pool, whichever pool that is by then. */
static err_code take(struct pool_manager *m, const struct pool_tenant *tenant, int64_t deadline,
                     struct pool_lease *out, struct err *err)
{
    err_code rc;

    do {
        struct tenant_pool *pool;
        rc = pools_pick(m, tenant, &pool, err);
        if (rc)
            return rc;
        rc = lease_take(m, pool, deadline, out, err);
        if (rc)
            pools_unref(m, pool);
    } while (rc == ERR_POOL_NOT_FOUND); /* evicted while we waited in it */
    return rc;
}

/* After a connection failed its siblings are not to be trusted. */
static void drop_siblings(struct pool_manager *m, struct tenant_pool *pool)
{
    struct pool_trash trash = TRASH_INIT(trash);

    pools_lock(m);
    pools_drop_idle(pool, INT64_MAX, &trash);
    pools_unlock(m);
    trash_empty(m, &trash);
}

static err_code acquire_once(struct pool_manager *m, const struct pool_tenant *tenant,
                             int64_t deadline, struct pool_lease *out, struct err *err)
{
    struct pool_lease lease;
    err_code rc = take(m, tenant, deadline, &lease, err);

    if (rc)
        return rc;
    rc = lease_enter(&lease, err);
    if (rc) {
        drop_siblings(m, lease.pool);
        lease_give_back(m, &lease, false);
        return rc;
    }
    *out = lease;
    return ERR_NONE;
}

/* Waits before the next attempt; false when there is none to come. */
static bool pause_for_retry(struct pool_manager *m, const char *id, int attempt, int64_t deadline,
                            const struct err *why)
{
    const struct retry_policy *retry = &m->options.retry;
    const struct pool_events *events = &m->options.events;

    if (why->code != ERR_DATABASE_UNAVAILABLE || !pg_sqlstate_is_transient(why->sqlstate))
        return false;
    int64_t ms = retry_delay_ms(retry, attempt + 1, retry_random());
    if (attempt >= retry->max_attempts || clock_mono_ms() + ms >= deadline)
        return false;
    pools_lock(m);
    m->counters.retries++;
    pools_unlock(m);
    if (events->retry)
        events->retry(events->arg, id, attempt, ms, why);
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
    return true;
}

/* A pool that has no connection after a failure was never one, or is none any more. */
static void evict_if_empty(struct pool_manager *m, const char *id)
{
    struct pool_trash trash = TRASH_INIT(trash);

    pools_lock(m);
    struct tenant_pool *pool = pools_find(m, id);
    if (pool && !pool->leased && !pool->idle && !pool->waiting)
        pools_evict(m, pool, POOL_EVICT_BROKEN, &trash);
    pools_unlock(m);
    trash_empty(m, &trash);
}

static err_code check_tenant(const struct pool_tenant *tenant, struct err *err)
{
    if (!*tenant->id || strlen(tenant->id) >= POOL_NAME_SIZE)
        return err_set(err, ERR_INVALID_TENANT_ID, "a tenant id has 1 to %d bytes", PG_NAME_MAX);
    if (!*tenant->server || strlen(tenant->server) >= POOL_NAME_SIZE)
        return err_set(err, ERR_SERVER_NOT_FOUND, "a server's name has 1 to %d bytes", PG_NAME_MAX);
    return ERR_NONE;
}

typedef err_code attempt_fn(struct pool_manager *m, const struct pool_tenant *tenant,
                            int64_t deadline, struct pool_lease *out, struct err *err);

static err_code with_retry(struct pool_manager *m, const struct pool_tenant *tenant,
                           attempt_fn *attempt, struct pool_lease *out, struct err *err)
{
    int64_t deadline = clock_mono_ms() + m->options.acquire_timeout_ms;
    const struct pool_events *events = &m->options.events;
    struct err why = {.code = ERR_NONE};
    err_code rc;
    int n = 0;

    do
        rc = attempt(m, tenant, deadline, out, &why);
    while (rc && pause_for_retry(m, tenant->id, ++n, deadline, &why));
    if (!rc) {
        pools_lock(m);
        m->counters.acquired++;
        pools_unlock(m);
        return ERR_NONE;
    }
    evict_if_empty(m, tenant->id);
    if (events->error)
        events->error(events->arg, tenant->id, &why);
    if (err)
        *err = why;
    return rc;
}

err_code pool_acquire(struct pool_manager *m, const struct pool_tenant *tenant,
                      struct pool_lease *out, struct err *err)
{
    err_code rc = check_tenant(tenant, err);
    return rc ? rc : with_retry(m, tenant, acquire_once, out, err);
}

err_code pool_acquire_shared(struct pool_manager *m, struct pool_lease *out, struct err *err)
{
    if (!m->options.shared.schema)
        return err_set(err, ERR_NOT_FOUND, "no shared schema is configured");
    return with_retry(m, &m->options.shared, acquire_once, out, err);
}

err_code pool_release(struct pool_manager *m, struct pool_lease *lease, pool_end end,
                      struct err *err)
{
    if (!lease->pg)
        return ERR_NONE;
    bool fit;
    err_code rc = lease_leave(lease, end, &fit, err);
    pools_lock(m);
    pools_touch(m, lease->pool);
    pools_unlock(m);
    lease_give_back(m, lease, fit);
    return rc;
}

bool pool_evict(struct pool_manager *m, const char *tenant_id)
{
    struct pool_trash trash = TRASH_INIT(trash);

    pools_lock(m);
    struct tenant_pool *pool = *tenant_id ? pools_find(m, tenant_id) : NULL;
    if (pool)
        pools_evict(m, pool, POOL_EVICT_API, &trash);
    pools_unlock(m);
    trash_empty(m, &trash);
    return pool != NULL;
}

static bool is_warm(struct pool_manager *m, const char *id)
{
    pools_lock(m);
    const struct tenant_pool *pool = pools_find(m, id);
    bool warm = pool && (pool->idle || pool->leased);
    pools_unlock(m);
    return warm;
}

static err_code warm_up(struct pool_manager *m, const struct pool_tenant *tenant, bool ping,
                        struct err *err)
{
    struct pool_lease lease;
    bool fit = true;
    err_code rc = with_retry(m, tenant, ping ? acquire_once : take, &lease, err);

    if (rc)
        return rc;
    if (ping)
        rc = lease_leave(&lease, POOL_ROLLBACK, &fit, err);
    lease_give_back(m, &lease, fit);
    return rc;
}

err_code pool_warm(struct pool_manager *m, const struct pool_tenant *tenant, bool ping,
                   pool_warmth *out, struct err *err)
{
    err_code rc = check_tenant(tenant, err);

    if (rc)
        return rc;
    bool warm = is_warm(m, tenant->id);
    if (!warm)
        rc = warm_up(m, tenant, ping, err);
    if (!rc)
        *out = warm ? POOL_ALREADY_WARM : POOL_WARMED;
    return rc;
}

void pool_sweep(struct pool_manager *m)
{
    struct pool_trash trash = TRASH_INIT(trash);
    int64_t now = clock_mono_ms();
    struct tenant_pool *pool, *next;

    pools_lock(m);
    for (pool = TAILQ_FIRST(&m->pools); pool; pool = next) {
        next = TAILQ_NEXT(pool, entry);
        if (now - pool->used_mono >= m->options.pool_ttl_ms && !pool->leased && !pool->waiting)
            pools_evict(m, pool, POOL_EVICT_TTL, &trash);
        else
            pools_drop_idle(pool, now - m->options.idle_timeout_ms, &trash);
    }
    if (m->shared)
        pools_drop_idle(m->shared, now - m->options.idle_timeout_ms, &trash);
    pools_unlock(m);
    trash_empty(m, &trash);
}
