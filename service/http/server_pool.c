/* SPDX-License-Identifier: MIT */
/*
 * Running the handler. With handler threads a request waits in a bounded queue while its
 * connection is suspended; without, the I/O thread runs it in place.
 */
#include "core/base/clock.h"
#include "service/http/server_internal.h"

static void run_begin(struct server *server, struct exchange *ex)
{
    ex->woken = 0;
    TAILQ_INSERT_TAIL(&server->running, ex, link);
}

static void run_end(struct server *server, struct exchange *ex)
{
    (void)pthread_mutex_lock(&server->lock);
    TAILQ_REMOVE(&server->running, ex, link);
    (void)pthread_mutex_unlock(&server->lock);
}

/* A handler that was told that its time is up and parks again would never end. */
static struct reply run(struct exchange *ex)
{
    struct reply reply = ex->server->options.handler(ex->server->options.ctx, &ex->req);

    if (reply.status || !ex->req.park_expired)
        return reply;
    struct err err;
    (void)err_set(&err, ERR_INTERNAL, "parked again after its time was up");
    reply_clear(&reply);
    return reply_err(&ex->req, &err);
}

static void answer(struct exchange *ex, struct reply reply)
{
    ex->reply = reply;
    ex->state = EXCHANGE_ANSWERED;
}

void exchange_resume(struct exchange *ex)
{
    struct server *server = ex->server;

    MHD_resume_connection(ex->connection); /* from here on the exchange is the I/O thread's */
    (void)pthread_mutex_lock(&server->lock);
    server->suspended--;
    (void)pthread_cond_broadcast(&server->quiet);
    (void)pthread_mutex_unlock(&server->lock);
}

/* On a handler thread; ex is in the running list. */
static void run_suspended(struct server *server, struct exchange *ex)
{
    struct reply reply = run(ex);

    if (!reply.status) {
        park(ex, &reply);
        return;
    }
    answer(ex, reply);
    run_end(server, ex);
    exchange_resume(ex);
}

void *pool_main(void *arg)
{
    struct server *server = arg;

    (void)pthread_mutex_lock(&server->lock);
    while (!server->quit) {
        struct exchange *ex = TAILQ_FIRST(&server->queue);
        if (!ex) {
            (void)pthread_cond_wait(&server->work, &server->lock);
            continue;
        }
        TAILQ_REMOVE(&server->queue, ex, link);
        server->stats.queued--;
        server->busy++;
        run_begin(server, ex);
        (void)pthread_mutex_unlock(&server->lock);
        run_suspended(server, ex);
        (void)pthread_mutex_lock(&server->lock);
        server->busy--;
    }
    (void)pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* Admits the exchange to the queue, before it is suspended; else says why not. */
static err_code admit(struct server *server, struct err *err)
{
    err_code code = ERR_NONE;

    (void)pthread_mutex_lock(&server->lock);
    if (server->stopping) {
        code = err_set(err, ERR_DRAINING, "this replica is stopping; ask another one");
    } else if (server->stats.queued + server->busy >=
               server->options.queue + server->options.handlers) {
        server->stats.rejected_overload++;
        code = err_set(err, ERR_OVERLOADED, "%d requests are waiting; try again in a second",
                       server->stats.queued);
    } else {
        server->suspended++;
        server->stats.queued++;
    }
    (void)pthread_mutex_unlock(&server->lock);
    return code;
}

/* Whether the exchange may be suspended to park; while draining it must answer instead. */
static bool may_park(struct server *server, struct exchange *ex)
{
    (void)pthread_mutex_lock(&server->lock);
    bool may = !server->draining;
    server->suspended += may;
    ex->req.park_expired |= !may;
    (void)pthread_mutex_unlock(&server->lock);
    return may;
}

bool exchange_run_here(struct exchange *ex)
{
    struct server *server = ex->server;

    (void)pthread_mutex_lock(&server->lock);
    run_begin(server, ex);
    (void)pthread_mutex_unlock(&server->lock);
    struct reply reply = run(ex);
    if (!reply.status && may_park(server, ex)) {
        MHD_suspend_connection(ex->connection);
        park(ex, &reply);
        return false;
    }
    if (!reply.status)
        reply = run(ex);
    run_end(server, ex);
    answer(ex, reply);
    return true;
}

bool exchange_submit(struct exchange *ex)
{
    struct server *server = ex->server;
    struct err err;

    if (!server->options.handlers)
        return exchange_run_here(ex);
    if (admit(server, &err)) {
        answer(ex, reply_err(&ex->req, &err));
        return true;
    }
    MHD_suspend_connection(ex->connection);
    (void)pthread_mutex_lock(&server->lock);
    TAILQ_INSERT_TAIL(&server->queue, ex, link);
    (void)pthread_cond_signal(&server->work);
    (void)pthread_mutex_unlock(&server->lock);
    return false;
}

static void requeue(struct server *server, struct exchange_list *ready)
{
    struct exchange *ex;

    (void)pthread_mutex_lock(&server->lock);
    while ((ex = TAILQ_FIRST(ready))) {
        TAILQ_REMOVE(ready, ex, link);
        TAILQ_INSERT_TAIL(&server->queue, ex, link);
        server->stats.queued++;
    }
    (void)pthread_cond_broadcast(&server->work);
    (void)pthread_mutex_unlock(&server->lock);
}

void pool_resubmit(struct server *server, struct exchange_list *ready)
{
    struct exchange *ex;

    if (TAILQ_EMPTY(ready))
        return;
    if (server->options.handlers) {
        requeue(server, ready);
        return;
    }
    while ((ex = TAILQ_FIRST(ready))) {
        TAILQ_REMOVE(ready, ex, link);
        ex->state = EXCHANGE_RUNNABLE;
        exchange_resume(ex);
    }
}
