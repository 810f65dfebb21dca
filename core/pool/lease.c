/* SPDX-License-Identifier: MIT */
/* One connection: taken, on a tenant's search path, given back. */
#include <assert.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pool/pool_internal.h"

enum { REPLY_MS = 30000 }; /* of what is asked of a tenant's schema; then its server counts as away */

/* As pg_open() takes it: no longer than until deadline. */
static int connect_timeout(const struct pool_manager *m, int64_t deadline)
{
    int64_t left = (deadline - clock_mono_ms() + 999) / 1000;

    if (left < 1)
        left = 1;
    return left < m->options.connect_timeout_s ? (int)left : m->options.connect_timeout_s;
}

static err_code conn_open(struct pool_manager *m, struct tenant_pool *pool, int64_t deadline,
                          struct pool_conn **out, struct err *err)
{
    struct pool_conn *conn = calloc(1, sizeof *conn);

    if (!conn)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = pg_open(&(struct pg_options){.url = pool->url,
                                               .application_name = m->options.application_name,
                                               .connect_timeout_s = connect_timeout(m, deadline),
                                               .reply_timeout_ms = REPLY_MS},
                          &conn->pg, err);
    pools_lock(m);
    rc ? m->counters.open_failed++ : m->counters.opened++;
    pools_unlock(m);
    if (rc) {
        free(conn);
        return rc;
    }
    conn->slots = pool->slots;
    *out = conn;
    return ERR_NONE;
}

static err_code exhausted(struct pool_manager *m, const struct tenant_pool *pool,
                          struct budget *budget, const char *whose, struct err *err)
{
    struct budget_stats stats = budget_stats(budget);

    pools_lock(m);
    m->counters.exhausted++;
    pools_unlock(m);
    return err_set(err, ERR_POOL_EXHAUSTED, "none of the %d connections of %s %s became free",
                   stats.max - stats.reserved, whose,
                   budget == pool->slots ? pool->server : pool->id);
}

/* Takes the warmest connection that lives; the dead ones met on the way are closed. */
static struct pool_conn *pop_idle(struct pool_manager *m, struct tenant_pool *pool)
{
    for (;;) {
        pools_lock(m);
        struct pool_conn *conn = pool->idle;
        if (conn) {
            pool->idle = conn->next;
            pool->idle_count--;
        }
        pools_unlock(m);
        if (!conn || pg_alive(conn->pg))
            return conn;
        pools_lock(m);
        m->counters.broken++;
        pools_unlock(m);
        conn_close(conn);
    }
}

/* An idle connection, or a new one on a slot of the server. The caller has a place. */
static err_code find_conn(struct pool_manager *m, struct tenant_pool *pool, int64_t deadline,
                          struct pool_conn **out, struct err *err)
{
    struct pool_conn *conn = pop_idle(m, pool);

    if (conn) {
        *out = conn;
        return ERR_NONE;
    }
    pools_lock(m);
    pool->waiting++;
    pools_unlock(m);
    bool ok = budget_take(pool->slots, deadline - clock_mono_ms());
    pools_lock(m);
    pool->waiting--;
    pools_unlock(m);
    if (!ok)
        return exhausted(m, pool, pool->slots, "server", err);
    err_code rc = conn_open(m, pool, deadline, out, err);
    if (rc)
        budget_give(pool->slots);
    return rc;
}

/* Takes one of the pool's places; false when it was evicted or the time is up. */
static bool take_place(struct pool_manager *m, struct tenant_pool *pool, int64_t deadline,
                       bool *doomed)
{
    pools_lock(m);
    pool->waiting++;
    pools_unlock(m);
    bool ok = budget_take(pool->places, deadline - clock_mono_ms());
    pools_lock(m);
    pool->waiting--;
    *doomed = pool->doomed;
    if (ok && !*doomed)
        pool->leased++;
    pools_unlock(m);
    if (ok && *doomed)
        budget_give(pool->places);
    return ok && !*doomed;
}

static void leave_place(struct pool_manager *m, struct tenant_pool *pool)
{
    pools_lock(m);
    pool->leased--;
    pools_unlock(m);
    budget_give(pool->places);
}

err_code lease_take(struct pool_manager *m, struct tenant_pool *pool, int64_t deadline,
                    struct pool_lease *out, struct err *err)
{
    int64_t began = clock_mono_ms();
    struct pool_conn *conn = NULL;
    bool doomed;

    if (!take_place(m, pool, deadline, &doomed)) {
        if (doomed)
            return err_set(err, ERR_POOL_NOT_FOUND, "the pool of %s was evicted", pool->id);
        return exhausted(m, pool, pool->places, "tenant", err);
    }
    err_code rc = find_conn(m, pool, deadline, &conn, err);
    if (rc) {
        leave_place(m, pool);
        return rc;
    }
    assert(conn);
    *out = (struct pool_lease){
        .pg = conn->pg, .waited_ms = clock_mono_ms() - began, .pool = pool, .conn = conn};
    return ERR_NONE;
}

static const struct pg_stmt proof_stmt = {
    .name = "pool_proof",
    .sql = "SELECT current_schema() AS schema",
};

static err_code prove(const struct pool_lease *lease, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(lease->pg, &proof_stmt, PG_NO_ARGS, &rows, err);

    if (rc)
        return rc;
    const char *schema = pg_text(rows, 0, "schema");
    if (schema && str_eq(schema, lease->pool->schema))
        return ERR_NONE;
    return err_set(err, ERR_SCHEMA_MISSING,
                   "schema \"%s\" is not in the database or not usable by this role",
                   lease->pool->schema);
}

err_code lease_enter(const struct pool_lease *lease, struct err *err)
{
    err_code rc = pg_command(lease->pg, lease->pool->enter_sql, err);
    return rc ? rc : prove(lease, err);
}

/* The empty SELECT fails where a COMMIT would roll back an aborted transaction and report success.
 * The RESETs undo what outlives a transaction: what came as SET, not SET LOCAL. */
static const char *const end_sql[][2] = {
    [POOL_COMMIT] = {"SELECT; COMMIT; RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL",
                     "SELECT; COMMIT"},
    [POOL_ROLLBACK] = {"ROLLBACK; RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL", "ROLLBACK"},
};

/* Whether anything can be done with the connection after its transaction. */
static bool is_fit(const struct pool_lease *lease)
{
    return pg_alive(lease->pg) && !pg_in_transaction(lease->pg);
}

err_code lease_leave(const struct pool_lease *lease, pool_end end, bool *fit, struct err *err)
{
    const bool pooled = pg_is_pooled(lease->pg);
    struct err why = {.code = ERR_NONE};

    *fit = false;
    if (is_fit(lease)) /* who ended the transaction may have changed the session as well */
        return err_set(err, ERR_INTERNAL, "the transaction had been ended before its owner did");
    err_code rc = pg_command(lease->pg, end_sql[end][pooled], &why);
    if (rc && pg_alive(lease->pg) && pg_in_transaction(lease->pg))
        (void)!pg_command(lease->pg, end_sql[POOL_ROLLBACK][pooled], NULL); /* shows in is_fit() */
    *fit = is_fit(lease);
    if (rc && str_eq(why.sqlstate, "25P02"))
        return err_set(err, ERR_CONFLICT,
                       "a statement had failed before COMMIT: everything was rolled back");
    if (rc && err)
        *err = why;
    return rc;
}

/* Puts the connection to the idle ones of its pool; false if it is not to be kept. */
static bool keep_conn(struct pool_manager *m, struct pool_lease *lease, bool fit)
{
    struct pool_conn *conn = lease->conn;
    struct tenant_pool *pool = lease->pool;

    pools_lock(m);
    pool->leased--;
    bool kept = fit && !pool->doomed;
    if (!fit)
        m->counters.broken++;
    if (kept) {
        conn->idle_since = clock_mono_ms();
        conn->next = pool->idle;
        pool->idle = conn;
        pool->idle_count++;
    }
    pools_unlock(m);
    return kept;
}

void lease_give_back(struct pool_manager *m, struct pool_lease *lease, bool keep)
{
    struct tenant_pool *pool = lease->pool;

    if (!keep_conn(m, lease, keep && is_fit(lease)))
        conn_close(lease->conn);
    else if (budget_stats(pool->slots).waiting)
        pools_reclaim(m, pool->slots);
    budget_give(pool->places);
    pools_unref(m, pool);
    *lease = (struct pool_lease){.pg = NULL};
}
