/* SPDX-License-Identifier: MIT */
#include "core/pool/budget.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "core/base/clock.h"
#include "core/base/str.h"

/* Somebody in the queue; lives on the stack of the one who waits. */
struct waiter {
    TAILQ_ENTRY(waiter) entry;
    pthread_cond_t wake;
    bool granted;
};
TAILQ_HEAD(waiters, waiter);

struct budget {
    pthread_mutex_t lock;
    struct budget_limits limits;
    int used, waiting;
    struct waiters queue;
    struct budget_set *set; /* NULL outside a set */
    SLIST_ENTRY(budget) entry;
    char *server;
};
SLIST_HEAD(budget_list, budget);

struct budget_set {
    pthread_mutex_t lock;
    pthread_cond_t quiet; /* no call of the reclaimer is running */
    struct budget_limits fallback;
    struct budget_list budgets;
    budget_reclaim *reclaim;
    void *reclaim_arg;
    int reclaiming;
};

static err_code check_limits(struct budget_limits limits, struct err *err)
{
    if (limits.max >= 1 && limits.reserved >= 0 && limits.reserved < limits.max)
        return ERR_NONE;
    return err_set(err, ERR_CONFIG_INVALID,
                   "a connection budget of %d with %d reserved leaves no connection", limits.max,
                   limits.reserved);
}

err_code budget_new(struct budget_limits limits, struct budget **out, struct err *err)
{
    err_code rc = check_limits(limits, err);
    if (rc)
        return rc;
    struct budget *budget = calloc(1, sizeof *budget);
    if (!budget)
        return err_set(err, ERR_INTERNAL, "out of memory");
    (void)pthread_mutex_init(&budget->lock, NULL);
    TAILQ_INIT(&budget->queue);
    budget->limits = limits;
    *out = budget;
    return ERR_NONE;
}

void budget_free(struct budget *budget)
{
    if (!budget)
        return;
    (void)pthread_mutex_destroy(&budget->lock);
    free(budget->server);
    free(budget);
}

static bool has_free(const struct budget *budget)
{
    return budget->used < budget->limits.max - budget->limits.reserved;
}

/* Hands free slots to those who wait, in their order. */
static void grant(struct budget *budget)
{
    struct waiter *first;

    while (has_free(budget) && (first = TAILQ_FIRST(&budget->queue))) {
        TAILQ_REMOVE(&budget->queue, first, entry);
        budget->waiting--;
        budget->used++;
        first->granted = true;
        (void)pthread_cond_signal(&first->wake);
    }
}

bool budget_try(struct budget *budget)
{
    (void)pthread_mutex_lock(&budget->lock);
    bool ok = has_free(budget) && TAILQ_EMPTY(&budget->queue);
    if (ok)
        budget->used++;
    (void)pthread_mutex_unlock(&budget->lock);
    return ok;
}

static void enqueue(struct budget *budget, struct waiter *self)
{
    (void)pthread_mutex_lock(&budget->lock);
    TAILQ_INSERT_TAIL(&budget->queue, self, entry);
    budget->waiting++;
    grant(budget); /* a slot may have become free since the caller tried */
    (void)pthread_mutex_unlock(&budget->lock);
}

/* Waits for the grant; who gives up leaves the queue. */
static bool await_grant(struct budget *budget, struct waiter *self, int64_t wait_ms)
{
    struct timespec until = clock_mono_in(wait_ms > 0 ? wait_ms : 0);
    int rc = 0;

    (void)pthread_mutex_lock(&budget->lock);
    while (!self->granted && rc == 0)
        rc = pthread_cond_timedwait(&self->wake, &budget->lock, &until);
    if (!self->granted) {
        TAILQ_REMOVE(&budget->queue, self, entry);
        budget->waiting--;
    }
    (void)pthread_mutex_unlock(&budget->lock);
    return self->granted;
}

static void reclaim(struct budget *budget)
{
    struct budget_set *set = budget->set;

    if (!set)
        return;
    (void)pthread_mutex_lock(&set->lock);
    budget_reclaim *fn = set->reclaim;
    void *arg = set->reclaim_arg;
    set->reclaiming++;
    (void)pthread_mutex_unlock(&set->lock);
    if (fn)
        fn(arg, budget);
    (void)pthread_mutex_lock(&set->lock);
    if (--set->reclaiming == 0)
        (void)pthread_cond_broadcast(&set->quiet);
    (void)pthread_mutex_unlock(&set->lock);
}

bool budget_take(struct budget *budget, int64_t wait_ms)
{
    struct waiter self = {.granted = false};
    pthread_condattr_t attr;

    if (budget_try(budget))
        return true;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&self.wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    /* in the queue first: a connection that falls idle from now on sees that somebody waits */
    enqueue(budget, &self);
    reclaim(budget);
    bool ok = await_grant(budget, &self, wait_ms);
    (void)pthread_cond_destroy(&self.wake);
    return ok;
}

void budget_give(struct budget *budget)
{
    (void)pthread_mutex_lock(&budget->lock);
    budget->used--;
    grant(budget);
    (void)pthread_mutex_unlock(&budget->lock);
}

err_code budget_resize(struct budget *budget, struct budget_limits limits, struct err *err)
{
    err_code rc = check_limits(limits, err);
    if (rc)
        return rc;
    (void)pthread_mutex_lock(&budget->lock);
    budget->limits = limits;
    grant(budget);
    (void)pthread_mutex_unlock(&budget->lock);
    return ERR_NONE;
}

struct budget_stats budget_stats(struct budget *budget)
{
    (void)pthread_mutex_lock(&budget->lock);
    struct budget_stats stats = {.max = budget->limits.max,
                                 .reserved = budget->limits.reserved,
                                 .used = budget->used,
                                 .waiting = budget->waiting};
    (void)pthread_mutex_unlock(&budget->lock);
    return stats;
}

err_code budget_set_new(struct budget_limits fallback, struct budget_set **out, struct err *err)
{
    err_code rc = check_limits(fallback, err);
    if (rc)
        return rc;
    struct budget_set *set = calloc(1, sizeof *set);
    if (!set)
        return err_set(err, ERR_INTERNAL, "out of memory");
    (void)pthread_mutex_init(&set->lock, NULL);
    (void)pthread_cond_init(&set->quiet, NULL);
    SLIST_INIT(&set->budgets);
    set->fallback = fallback;
    *out = set;
    return ERR_NONE;
}

void budget_set_free(struct budget_set *set)
{
    if (!set)
        return;
    while (!SLIST_EMPTY(&set->budgets)) {
        struct budget *budget = SLIST_FIRST(&set->budgets);
        SLIST_REMOVE_HEAD(&set->budgets, entry);
        budget_free(budget);
    }
    (void)pthread_cond_destroy(&set->quiet);
    (void)pthread_mutex_destroy(&set->lock);
    free(set);
}

void budget_set_freep(struct budget_set **set)
{
    budget_set_free(*set);
}

static struct budget *find(const struct budget_set *set, const char *server)
{
    struct budget *budget;

    SLIST_FOREACH(budget, &set->budgets, entry)
    if (str_eq(budget->server, server))
        break;
    return budget;
}

static err_code add(struct budget_set *set, const char *server, struct budget **out,
                    struct err *err)
{
    struct budget *budget;
    err_code rc = budget_new(set->fallback, &budget, err);
    if (rc)
        return rc;
    budget->set = set;
    budget->server = strdup(server);
    if (!budget->server) {
        budget_free(budget);
        return err_set(err, ERR_INTERNAL, "out of memory");
    }
    SLIST_INSERT_HEAD(&set->budgets, budget, entry);
    *out = budget;
    return ERR_NONE;
}

err_code budget_set_get(struct budget_set *set, const char *server, struct budget **out,
                        struct err *err)
{
    err_code rc = ERR_NONE;

    (void)pthread_mutex_lock(&set->lock);
    struct budget *budget = find(set, server);
    if (!budget)
        rc = add(set, server, &budget, err);
    (void)pthread_mutex_unlock(&set->lock);
    if (!rc)
        *out = budget;
    return rc;
}

void budget_set_reclaimer(struct budget_set *set, budget_reclaim *fn, void *arg)
{
    (void)pthread_mutex_lock(&set->lock);
    set->reclaim = fn;
    set->reclaim_arg = arg;
    while (!fn && set->reclaiming)
        (void)pthread_cond_wait(&set->quiet, &set->lock);
    (void)pthread_mutex_unlock(&set->lock);
}
