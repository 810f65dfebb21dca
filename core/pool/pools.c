/* SPDX-License-Identifier: MIT */
/* Which pools there are: found, made, evicted, let go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pool/pool_internal.h"

void pools_lock(struct pool_manager *m)
{
    (void)pthread_mutex_lock(&m->lock);
}

void pools_unlock(struct pool_manager *m)
{
    (void)pthread_mutex_unlock(&m->lock);
}

struct tenant_pool *pools_find(struct pool_manager *m, const char *id)
{
    struct tenant_pool *pool;

    if (!*id)
        return m->shared;
    TAILQ_FOREACH_REVERSE(pool, &m->pools, pool_list, entry)
    if (str_eq(pool->id, id))
        break;
    return pool;
}

void pools_touch(struct pool_manager *m, struct tenant_pool *pool)
{
    pool->used_mono = clock_mono_ms();
    pool->used_unix = clock_unix_ms();
    if (pool->doomed || pool == m->shared)
        return;
    TAILQ_REMOVE(&m->pools, pool, entry);
    TAILQ_INSERT_TAIL(&m->pools, pool, entry);
}

void pools_drop_idle(struct tenant_pool *pool, int64_t idle_before, struct pool_trash *trash)
{
    for (struct pool_conn **at = &pool->idle; *at;) {
        struct pool_conn *conn = *at;
        if (conn->idle_since > idle_before) {
            at = &conn->next;
            continue;
        }
        *at = conn->next;
        pool->idle_count--;
        conn->next = trash->conns;
        trash->conns = conn;
    }
}

void pools_evict(struct pool_manager *m, struct tenant_pool *pool, pool_evict_reason reason,
                 struct pool_trash *trash)
{
    pool->doomed = true;
    pool->reason = reason;
    if (pool == m->shared) {
        m->shared = NULL;
    } else {
        TAILQ_REMOVE(&m->pools, pool, entry);
        m->count--;
        m->counters.evicted[reason]++;
    }
    pools_drop_idle(pool, INT64_MAX, trash);
    TAILQ_INSERT_TAIL(&trash->pools, pool, entry);
    /* whoever waits for a place is let through, to see that the pool is doomed */
    (void)!budget_resize(pool->places, (struct budget_limits){.max = INT32_MAX}, NULL);
}

static void pool_free(struct tenant_pool *pool)
{
    if (!pool)
        return;
    budget_free(pool->places);
    free(pool->enter_sql);
    free(pool->url);
    free(pool);
}

static void pool_freep(struct tenant_pool **pool)
{
    pool_free(*pool);
}

void pools_unref(struct pool_manager *m, struct tenant_pool *pool)
{
    pools_lock(m);
    bool last = --pool->refs == 0;
    pools_unlock(m);
    if (last)
        pool_free(pool);
}

void conn_close(struct pool_conn *conn)
{
    pg_close_wait(conn->pg);
    budget_give(conn->slots);
    free(conn);
}

void trash_empty(struct pool_manager *m, struct pool_trash *trash)
{
    while (trash->conns) {
        struct pool_conn *conn = trash->conns;
        trash->conns = conn->next;
        conn_close(conn);
    }
    while (!TAILQ_EMPTY(&trash->pools)) {
        struct tenant_pool *pool = TAILQ_FIRST(&trash->pools);
        TAILQ_REMOVE(&trash->pools, pool, entry);
        if (m->options.events.evicted && *pool->id)
            m->options.events.evicted(m->options.events.arg, pool->id, pool->reason);
        pools_unref(m, pool);
    }
}

/* "BEGIN; SET LOCAL search_path = ..."; PostgreSQL skips a schema of the path that is not there,
 * which is why lease_enter() asks where it landed. */
static err_code render_enter(const struct pool_manager *m, const struct pool_tenant *tenant,
                             char **out, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    const char *shared = m->options.shared.schema;
    struct pg_ident ident;

    err_code rc = pg_ident_quote(tenant->schema, &ident, err);
    if (rc)
        return rc;
    str_addf(&sql, "BEGIN; SET LOCAL search_path = %s", ident.sql);
    if (shared && *tenant->id) {
        rc = pg_ident_quote(shared, &ident, err);
        if (rc)
            return rc;
        str_addf(&sql, ", %s", ident.sql);
    }
    str_add(&sql, ", pg_temp");
    *out = str_take(&sql);
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code pool_new(struct pool_manager *m, const struct pool_tenant *tenant,
                         struct tenant_pool **out, struct err *err)
{
    CLEANUP(pool_freep) struct tenant_pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = render_enter(m, tenant, &pool->enter_sql, err);
    if (!rc)
        rc = budget_new((struct budget_limits){.max = m->options.pool_max}, &pool->places, err);
    if (!rc)
        rc = budget_set_get(m->options.budgets, tenant->server, &pool->slots, err);
    if (rc)
        return rc;
    (void)snprintf(pool->id, sizeof pool->id, "%s", tenant->id);
    (void)snprintf(pool->schema, sizeof pool->schema, "%s", tenant->schema);
    (void)snprintf(pool->server, sizeof pool->server, "%s", tenant->server);
    pool->epoch = tenant->epoch;
    pool->refs = 1; /* the manager's */
    pool->url = strdup(tenant->url);
    if (!pool->url)
        return err_set(err, ERR_INTERNAL, "out of memory");
    *out = pool;
    pool = NULL; /* now the caller's */
    return ERR_NONE;
}

/* The one to go when there are too many: the least recently used, of those not in use if any. */
static struct tenant_pool *victim(struct pool_manager *m)
{
    struct tenant_pool *pool;

    TAILQ_FOREACH(pool, &m->pools, entry)
    if (!pool->leased && !pool->waiting)
        return pool;
    return TAILQ_FIRST(&m->pools);
}

static err_code add(struct pool_manager *m, const struct pool_tenant *tenant,
                    struct tenant_pool **out, struct pool_trash *trash, struct err *err)
{
    struct tenant_pool *pool = NULL;
    err_code rc = pool_new(m, tenant, &pool, err);

    if (rc)
        return rc;
    if (!*tenant->id) {
        m->shared = pool;
    } else {
        while (m->count >= m->options.max_pools)
            pools_evict(m, victim(m), POOL_EVICT_LRU, trash);
        TAILQ_INSERT_TAIL(&m->pools, pool, entry);
        m->count++;
        m->counters.created++;
    }
    *out = pool;
    return ERR_NONE;
}

/* A caller with an older epoch looked the tenant up too early: what the pool knows is right. */
static bool is_outdated(const struct tenant_pool *pool, const struct pool_tenant *tenant)
{
    if (tenant->epoch != pool->epoch)
        return tenant->epoch > pool->epoch;
    return !str_eq(pool->schema, tenant->schema) || !str_eq(pool->server, tenant->server) ||
           !str_eq(pool->url, tenant->url);
}

static void tell_created(struct pool_manager *m, const struct tenant_pool *pool)
{
    if (m->options.events.created && *pool->id)
        m->options.events.created(m->options.events.arg, pool->id, pool->schema);
}

err_code pools_pick(struct pool_manager *m, const struct pool_tenant *tenant,
                    struct tenant_pool **out, struct err *err)
{
    struct pool_trash trash = TRASH_INIT(trash);
    err_code rc = ERR_NONE;

    pools_lock(m);
    struct tenant_pool *pool = pools_find(m, tenant->id);
    if (pool && is_outdated(pool, tenant)) {
        pools_evict(m, pool, POOL_EVICT_EPOCH, &trash);
        pool = NULL;
    }
    bool created = !pool;
    if (created)
        rc = add(m, tenant, &pool, &trash, err);
    if (!rc) {
        pool->refs++;
        pools_touch(m, pool);
    }
    pools_unlock(m);
    trash_empty(m, &trash);
    if (rc)
        return rc;
    if (created)
        tell_created(m, pool);
    *out = pool;
    return ERR_NONE;
}

/* Of the least recently used pool with an idle connection to this server, the one idle longest. */
static struct pool_conn *coldest(struct pool_manager *m, const struct budget *slots)
{
    struct tenant_pool *pool;

    TAILQ_FOREACH(pool, &m->pools, entry)
    if (pool->slots == slots && pool->idle)
        break;
    if (!pool && m->shared && m->shared->slots == slots)
        pool = m->shared;
    if (!pool || !pool->idle)
        return NULL;
    struct pool_conn **at = &pool->idle;
    while ((*at)->next)
        at = &(*at)->next;
    struct pool_conn *conn = *at;
    *at = NULL;
    pool->idle_count--;
    return conn;
}

void pools_reclaim(void *manager, struct budget *slots)
{
    struct pool_manager *m = manager;

    pools_lock(m);
    struct pool_conn *conn = coldest(m, slots);
    pools_unlock(m);
    if (conn)
        conn_close(conn);
}
