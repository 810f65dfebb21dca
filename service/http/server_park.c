/* SPDX-License-Identifier: MIT */
/*
 * Requests that wait for something to happen. A wake that comes between the handler's decision to
 * park and its request being in the list must not be lost: server_wake() marks the running
 * exchanges too, and one marked for its key runs again instead of parking.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "service/http/server_internal.h"

/* One of 64 bits. Keys that share one cost a needless run, never a lost wake. */
static uint64_t wake_bit(const char *key)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 1099511628211u;
    return UINT64_C(1) << (hash >> 58);
}

static void unpark(struct server *server, struct exchange *ex, struct exchange_list *ready)
{
    TAILQ_REMOVE(&server->parked, ex, link);
    server->stats.parked--;
    TAILQ_INSERT_TAIL(ready, ex, link);
}

/* Whether it is in the list; else it is to run again. Ordered by deadline, latest last. */
static bool park_locked(struct server *server, struct exchange *ex, const struct reply *reply)
{
    struct exchange *before;

    TAILQ_REMOVE(&server->running, ex, link);
    if (server->draining || reply->park_until <= clock_mono_ms())
        ex->req.park_expired = true;
    if (ex->req.park_expired || ex->woken & wake_bit(reply->park_key))
        return false;
    ex->reply = *reply; /* keeps key and deadline */
    TAILQ_FOREACH_REVERSE(before, &server->parked, exchange_list, link)
    if (before->reply.park_until <= reply->park_until)
        break;
    if (before)
        TAILQ_INSERT_AFTER(&server->parked, before, ex, link);
    else
        TAILQ_INSERT_HEAD(&server->parked, ex, link);
    server->stats.parked++;
    if (!before)
        (void)pthread_cond_signal(&server->tick);
    return true;
}

void park(struct exchange *ex, const struct reply *reply)
{
    struct server *server = ex->server;
    struct exchange_list ready = TAILQ_HEAD_INITIALIZER(ready);

    (void)pthread_mutex_lock(&server->lock);
    if (!park_locked(server, ex, reply))
        TAILQ_INSERT_TAIL(&ready, ex, link);
    (void)pthread_mutex_unlock(&server->lock);
    pool_resubmit(server, &ready);
}

static void expire(struct server *server, struct exchange *ex, struct exchange_list *ready)
{
    ex->req.park_expired = true;
    unpark(server, ex, ready);
}

void park_take_due(struct server *server, int64_t now, struct exchange_list *ready)
{
    struct exchange *ex;

    while ((ex = TAILQ_FIRST(&server->parked)) && ex->reply.park_until <= now)
        expire(server, ex, ready);
}

void park_take_all(struct server *server, struct exchange_list *ready)
{
    park_take_due(server, INT64_MAX, ready);
}

int64_t park_next(const struct server *server)
{
    const struct exchange *first = TAILQ_FIRST(&server->parked);
    return first ? first->reply.park_until : INT64_MAX;
}

static void take_key(struct server *server, const char *key, struct exchange_list *ready)
{
    struct exchange *ex, *next;

    for (ex = TAILQ_FIRST(&server->parked); ex; ex = next) {
        next = TAILQ_NEXT(ex, link);
        if (str_eq(ex->reply.park_key, key))
            unpark(server, ex, ready);
    }
}

void server_wake(struct server *server, const char *key)
{
    struct exchange_list ready = TAILQ_HEAD_INITIALIZER(ready);
    struct exchange *ex;

    (void)pthread_mutex_lock(&server->lock);
    TAILQ_FOREACH(ex, &server->running, link)
    ex->woken |= wake_bit(key);
    take_key(server, key, &ready);
    (void)pthread_mutex_unlock(&server->lock);
    pool_resubmit(server, &ready);
}

/* Visits copies, so that visit may call back, and take its time. */
void server_parked(struct server *server, void (*visit)(void *ctx, const char *key), void *ctx)
{
    CLEANUP(str_clear) struct str keys = STR_INIT; /* each with its NUL */
    const struct exchange *ex;

    (void)pthread_mutex_lock(&server->lock);
    TAILQ_FOREACH(ex, &server->parked, link)
    str_add_n(&keys, ex->reply.park_key, strlen(ex->reply.park_key) + 1);
    (void)pthread_mutex_unlock(&server->lock);
    for (size_t at = 0; str_ok(&keys) && at < keys.len; at += strlen(keys.data + at) + 1)
        visit(ctx, keys.data + at);
}
