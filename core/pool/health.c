/* SPDX-License-Identifier: MIT */
#include "core/pool/health.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pg/script.h"
#include "core/pool/pool_internal.h"

enum { PINGS_AT_ONCE = 8 };

/* One pool to look at; holds a reference to it. */
struct check {
    struct tenant_pool *pool;
    struct pool_health_row row;
};

/* The work of one pool_health(), shared by the threads that do it. */
struct round {
    struct pool_manager *m;
    int64_t timeout_ms;
    pthread_mutex_t lock;
    struct check *checks; /* the shared pool's, if any, is the last */
    size_t count, next;
};

const char *pool_status_name(pool_status status)
{
    switch (status) {
    case POOL_OK:
        return "ok";
    case POOL_DEGRADED:
        return "degraded";
    case POOL_UNHEALTHY:
        return "unhealthy";
    case POOL_UNCHECKED:
        return NULL;
    }
    return NULL;
}

static bool is_asked(const struct pool_health_query *query, const char *id)
{
    for (size_t i = 0; i < query->tenant_count; i++)
        if (str_eq(query->tenant_ids[i], id))
            return true;
    return query->tenant_count == 0;
}

static void look_at(struct check *check, struct tenant_pool *pool)
{
    struct pool_health_row *row = &check->row;

    check->pool = pool;
    pool->refs++;
    (void)snprintf(row->tenant_id, sizeof row->tenant_id, "%s", pool->id);
    (void)snprintf(row->schema_name, sizeof row->schema_name, "%s", pool->schema);
    row->connections = pools_connections(pool);
    row->status = row->connections.waiting ? POOL_DEGRADED : POOL_OK;
    row->response_time_ms = -1;
}

/* What to look at, with a reference each. checks has room for max_pools and the shared one. */
static size_t gather(struct pool_manager *m, const struct pool_health_query *query,
                     struct check *checks)
{
    struct tenant_pool *pool;
    size_t n = 0;

    pools_lock(m);
    TAILQ_FOREACH(pool, &m->pools, entry)
    if (is_asked(query, pool->id))
        look_at(&checks[n++], pool);
    pools_unlock(m);
    return n;
}

static void set_failed(struct pool_health_row *row, pool_status status, const struct err *why)
{
    row->status = status;
    (void)snprintf(row->error, sizeof row->error, "%.250s", why->msg);
}

/* SELECT 1 under a deadline; then, from a server that answers, the proof of the schema. */
static err_code talk(struct pool_manager *m, struct pool_lease *lease, int64_t left_ms,
                     struct err *err)
{
    struct pg_failure failure;
    bool fit = false;
    err_code rc = pg_script_run(lease->pg, "SELECT 1", left_ms > 0 ? left_ms : 1, &failure, err);

    if (!rc)
        rc = lease_enter(lease, err);
    if (!rc)
        rc = lease_leave(lease, POOL_ROLLBACK, &fit, err);
    lease_give_back(m, lease, fit);
    return rc;
}

static void ping(const struct round *round, struct check *check)
{
    struct pool_health_row *row = &check->row;
    struct pool_lease lease;
    struct err err = {.code = ERR_NONE};
    int64_t began = clock_mono_ms(), deadline = began + round->timeout_ms;

    err_code rc = lease_take(round->m, check->pool, deadline, &lease, &err);
    if (rc == ERR_POOL_NOT_FOUND) /* evicted meanwhile: nothing to say of it */
        return;
    if (rc == ERR_POOL_EXHAUSTED) {
        set_failed(row, POOL_DEGRADED, &err);
        return;
    }
    if (!rc) {
        check->pool = NULL; /* the lease has the reference now */
        rc = talk(round->m, &lease, deadline - clock_mono_ms(), &err);
    }
    if (rc) {
        set_failed(row, POOL_UNHEALTHY, &err);
        return;
    }
    row->response_time_ms = clock_mono_ms() - began;
    if (row->response_time_ms > round->timeout_ms / 2)
        row->status = POOL_DEGRADED;
}

static void *ping_some(void *arg)
{
    struct round *round = arg;

    for (;;) {
        (void)pthread_mutex_lock(&round->lock);
        size_t i = round->next++;
        (void)pthread_mutex_unlock(&round->lock);
        if (i >= round->count)
            return NULL;
        ping(round, &round->checks[i]);
    }
}

/* A hanging server costs its own thread's time, not everybody's. */
static void ping_all(struct round *round)
{
    pthread_t threads[PINGS_AT_ONCE - 1];
    size_t started = 0;

    (void)pthread_mutex_init(&round->lock, NULL);
    while (started < ARRAY_LEN(threads) && started + 1 < round->count)
        if (pthread_create(&threads[started++], NULL, ping_some, round)) {
            started--;
            break; /* the others and this thread do it */
        }
    (void)ping_some(round);
    while (started)
        (void)pthread_join(threads[--started], NULL);
    (void)pthread_mutex_destroy(&round->lock);
}

/* The shared pool, opened if there is none. */
static err_code add_shared(struct pool_manager *m, struct check *check, struct err *err)
{
    struct tenant_pool *pool;
    err_code rc = pools_pick(m, &m->options.shared, &pool, err);

    if (rc)
        return rc;
    pools_lock(m);
    look_at(check, pool);
    pools_unlock(m);
    pools_unref(m, pool); /* look_at() took a reference of its own */
    return ERR_NONE;
}

static void count_up(struct pool_health *health)
{
    for (size_t i = 0; i < health->total_pools; i++) {
        health->degraded_pools += health->pools[i].status == POOL_DEGRADED;
        health->unhealthy_pools += health->pools[i].status == POOL_UNHEALTHY;
    }
    health->healthy = !health->unhealthy_pools && health->shared.status != POOL_UNHEALTHY;
}

/* Copies the results out and lets the pools go. */
static void collect(const struct round *round, size_t tenants, struct pool_health *health)
{
    for (size_t i = 0; i < round->count; i++) {
        struct check *check = &round->checks[i];
        if (i < tenants)
            health->pools[i] = check->row;
        else
            health->shared = check->row;
        if (check->pool)
            pools_unref(round->m, check->pool);
    }
    health->total_pools = tenants;
}

err_code pool_health(struct pool_manager *m, const struct pool_health_query *query,
                     struct pool_health *out, struct err *err)
{
    size_t room = (size_t)m->options.max_pools + 1;
    CLEANUP(pool_health_clear)
    struct pool_health health = {.shared = {.status = POOL_UNCHECKED, .response_time_ms = -1},
                                 .timestamp = clock_unix_ms(),
                                 .pools = calloc(room, sizeof *health.pools)};
    struct round round = {
        .m = m, .timeout_ms = query->ping_timeout_ms, .checks = calloc(room, sizeof *round.checks)};
    int64_t began = clock_mono_ms();
    err_code rc = ERR_NONE;

    if (!health.pools || !round.checks) {
        free(round.checks);
        return err_set(err, ERR_INTERNAL, "out of memory");
    }
    size_t tenants = round.count = gather(m, query, round.checks);
    if (query->include_shared && m->options.shared.schema)
        rc = add_shared(m, &round.checks[tenants], err);
    if (!rc && query->include_shared && m->options.shared.schema)
        round.count++;
    if (!rc && query->ping)
        ping_all(&round);
    collect(&round, tenants, &health);
    free(round.checks);
    if (rc)
        return rc;
    count_up(&health);
    health.duration_ms = clock_mono_ms() - began;
    *out = health;
    health.pools = NULL; /* now the caller's */
    return ERR_NONE;
}

void pool_health_clear(struct pool_health *health)
{
    free(health->pools);
    *health = (struct pool_health){.pools = NULL};
}
