/* SPDX-License-Identifier: MIT */
/* The thread that keeps the time: parked requests that are due, clients that are too slow. */
#include "core/base/clock.h"
#include "service/http/server_internal.h"

enum { LINGER_TICK_MS = 10, REAP_TICK_MAX_MS = 500 };

/* A client is cut at most an eighth too late. */
static int64_t reap_tick(const struct server *server)
{
    int64_t ms = server->options.receive_timeout_ms / 8 + 1;
    return ms < REAP_TICK_MAX_MS ? ms : REAP_TICK_MAX_MS;
}

static int64_t time_to_sleep(const struct server *server, int64_t now)
{
    int64_t ms = server->lingering_count ? LINGER_TICK_MS : reap_tick(server);
    int64_t due = park_next(server);

    if (due - now < ms)
        ms = due - now;
    return ms > 0 ? ms : 0;
}

static void keeper_turn(struct server *server, struct exchange_list *ready)
{
    int64_t now = clock_mono_ms();

    park_take_due(server, now, ready);
    conns_reap(server, now);
    linger_read(server, now);
}

void *keeper_main(void *arg)
{
    struct server *server = arg;
    struct exchange_list ready = TAILQ_HEAD_INITIALIZER(ready);

    (void)pthread_mutex_lock(&server->lock);
    while (!server->quit) {
        keeper_turn(server, &ready);
        if (!TAILQ_EMPTY(&ready)) {
            (void)pthread_mutex_unlock(&server->lock);
            pool_resubmit(server, &ready);
            (void)pthread_mutex_lock(&server->lock);
            continue;
        }
        struct timespec until = clock_mono_in(time_to_sleep(server, clock_mono_ms()));
        (void)pthread_cond_timedwait(&server->tick, &server->lock, &until);
    }
    linger_end(server);
    (void)pthread_mutex_unlock(&server->lock);
    return NULL;
}
