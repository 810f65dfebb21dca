/* SPDX-License-Identifier: MIT */
#include "core/pg/pg_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "core/base/clock.h"
#include "core/base/str.h"

/* One thread in the queue for a place. */
struct waiter {
    TAILQ_ENTRY(waiter) link;
    pthread_cond_t called;
    bool served;   /* the place is its own, and no longer in the queue */
    struct pg *pg; /* what came with the place; NULL: a connection is to be opened */
};
TAILQ_HEAD(waiter_queue, waiter);

struct pg_pool {
    pthread_mutex_t lock;
    struct waiter_queue waiters; /* only while nothing is idle and total is max */
    struct pg_pool_options options; /* its strings are ours */
    char *url, *application_name;
    struct pg **idle; /* a stack: the warmest connection first */
    int idle_count, total, waiting;
    int64_t opened, failed;
};

err_code pg_pool_new(const struct pg_pool_options *options, struct pg_pool **out, struct err *err)
{
    const char *name = options->connection.application_name;
    struct pg_pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        return err_set(err, ERR_INTERNAL, "out of memory");
    (void)pthread_mutex_init(&pool->lock, NULL);
    TAILQ_INIT(&pool->waiters);
    CLEANUP(pg_pool_freep) struct pg_pool *owned = pool;
    pool->options = *options;
    pool->url = strdup(options->connection.url);
    pool->application_name = strdup(name ? name : "tenantd");
    pool->idle = calloc((size_t)options->max, sizeof *pool->idle);
    if (!pool->url || !pool->application_name || !pool->idle)
        return err_set(err, ERR_INTERNAL, "out of memory");
    pool->options.connection.url = pool->url;
    pool->options.connection.application_name = pool->application_name;
    *out = owned;
    owned = NULL; /* now the caller's */
    return ERR_NONE;
}

void pg_pool_free(struct pg_pool *pool)
{
    if (!pool)
        return;
    for (int i = 0; i < pool->idle_count; i++)
        pg_close(pool->idle[i]);
    free(pool->idle);
    free(pool->url);
    free(pool->application_name);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pg_pool_freep(struct pg_pool **pool)
{
    pg_pool_free(*pool);
}

static void init_waiter(struct waiter *w)
{
    pthread_condattr_t attr;

    *w = (struct waiter){.served = false};
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->called, &attr);
    (void)pthread_condattr_destroy(&attr);
}

/* Under the lock. true: *out and the place belong to the caller. */
static bool wait_locked(struct pg_pool *pool, struct pg **out)
{
    struct timespec until = clock_mono_in(pool->options.wait_ms);
    struct waiter w;

    init_waiter(&w);
    TAILQ_INSERT_TAIL(&pool->waiters, &w, link);
    pool->waiting++;
    while (!w.served && !pthread_cond_timedwait(&w.called, &pool->lock, &until))
        continue;
    pool->waiting--;
    if (!w.served)
        TAILQ_REMOVE(&pool->waiters, &w, link);
    (void)pthread_cond_destroy(&w.called);
    *out = w.pg;
    return w.served;
}

/* Under the lock: a place is free, with its connection or without (NULL). It goes straight to who
 * has waited longest: if it were put back for anybody, those who come by all the time would take it
 * from those who wait, some for a very long time. */
static void pass_on_locked(struct pg_pool *pool, struct pg *pg)
{
    struct waiter *first = TAILQ_FIRST(&pool->waiters);

    if (first) {
        TAILQ_REMOVE(&pool->waiters, first, link);
        first->pg = pg;
        first->served = true;
        (void)pthread_cond_signal(&first->called);
    } else if (pg) {
        pool->idle[pool->idle_count++] = pg;
    } else {
        pool->total--;
    }
}

/* Takes a place under the limit: *out is an idle connection, or NULL to open one. */
static bool take_place(struct pg_pool *pool, struct pg **out)
{
    bool ok = true;

    *out = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->idle_count)
        *out = pool->idle[--pool->idle_count];
    else if (pool->total < pool->options.max)
        pool->total++;
    else
        ok = wait_locked(pool, out);
    (void)pthread_mutex_unlock(&pool->lock);
    return ok;
}

static void give_up_place(struct pg_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->failed++;
    pass_on_locked(pool, NULL);
    (void)pthread_mutex_unlock(&pool->lock);
}

static void count_opened(struct pg_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->opened++;
    (void)pthread_mutex_unlock(&pool->lock);
}

static err_code open_with_retry(struct pg_pool *pool, struct pg **out, struct err *err)
{
    const struct retry_policy *retry = &pool->options.retry;
    err_code rc = ERR_NONE;

    for (int i = 1; i <= retry->max_attempts || i == 1; i++) {
        if (i > 1) {
            int64_t ms = retry_delay_ms(retry, i, retry_random());
            struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
            (void)nanosleep(&pause, NULL);
        }
        rc = pg_open(&pool->options.connection, out, err);
        if (rc != ERR_DATABASE_UNAVAILABLE)
            break;
    }
    if (!rc)
        count_opened(pool);
    return rc;
}

err_code pg_pool_borrow(struct pg_pool *pool, struct pg **out, struct err *err)
{
    struct pg *pg = NULL;

    if (!take_place(pool, &pg))
        return err_set(err, ERR_POOL_EXHAUSTED, "none of %d connections became free in %lld ms",
                       pool->options.max, (long long)pool->options.wait_ms);
    if (pg && !pg_alive(pg)) {
        pg_close(pg);
        pg = NULL;
    }
    if (!pg) {
        err_code rc = open_with_retry(pool, &pg, err);
        if (rc) {
            give_up_place(pool);
            return rc;
        }
    }
    *out = pg;
    return ERR_NONE;
}

void pg_pool_return(struct pg_pool *pool, struct pg *pg)
{
    if (!pg)
        return;
    if (pg_alive(pg) && pg_in_transaction(pg))
        (void)!pg_command(pg, "ROLLBACK", NULL); /* shows in pg_alive() below if it fails */
    bool keep = pg_alive(pg) && !pg_in_transaction(pg);
    if (!keep)
        pg_close(pg);
    (void)pthread_mutex_lock(&pool->lock);
    pass_on_locked(pool, keep ? pg : NULL);
    (void)pthread_mutex_unlock(&pool->lock);
}

struct pg_pool_stats pg_pool_stats(struct pg_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    struct pg_pool_stats stats = {.total = pool->total,
                                  .idle = pool->idle_count,
                                  .waiting = pool->waiting,
                                  .opened = pool->opened,
                                  .failed = pool->failed};
    (void)pthread_mutex_unlock(&pool->lock);
    return stats;
}
