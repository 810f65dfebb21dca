/* SPDX-License-Identifier: MIT */
#include "service/api/event_hub.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "service/api/event_follower.h"

enum {
    TICK_MS = 100,       /* how soon a new stream is served */
    READ_EVERY_MS = 500, /* when no notification comes */
    IDLE_MS = 10000,     /* how long the connection outlives the last stream */
    READ_MAX = 500,
    CONNECT_TIMEOUT_S = 5,
    RETRY_MS = 1000,
};

TAILQ_HEAD(follower_list, follower);

/* Followers are added by any thread, and taken out by the hub's alone. */
struct event_hub {
    struct event_hub_options options;
    char *url;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows up to ending */
    pthread_cond_t changed;
    struct follower_list followers;
    struct event_hub_stats stats;
    bool ending;
    /* the thread's own */
    struct event_ring ring;
    struct pg *pg;
    bool reading; /* ring is what has been read since the first stream came */
    int64_t read_at, connect_at;
};

static void init_lock(struct event_hub *hub)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&hub->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&hub->lock, NULL);
}

static void disconnect(struct event_hub *hub)
{
    pg_close(hub->pg);
    hub->pg = NULL;
}

static void tell_trouble(const struct event_hub *hub, const struct err *err)
{
    log_event(hub->options.log, LOG_LEVEL_WARN, "events.control_database", LOG_ERR(err));
}

/* Listens first and looks afterwards, so that nothing falls in between. Through a pooler no
 * notification comes: then looking now and again has to do. */
static err_code connect(struct event_hub *hub, struct err *err)
{
    const struct pg_options options = {.url = hub->url,
                                       .application_name = "tenantd events",
                                       .connect_timeout_s = CONNECT_TIMEOUT_S};
    struct event_bounds bounds;
    err_code rc = pg_open(&options, &hub->pg, err);

    if (!rc && !pg_is_pooled(hub->pg))
        rc = pg_command(hub->pg, "LISTEN tenantd_events", err);
    if (rc || hub->reading)
        return rc;
    rc = event_bounds(hub->pg, &bounds, err);
    if (!rc) {
        event_ring_reset(&hub->ring, bounds.last);
        hub->reading = true;
    }
    return rc;
}

/* New events are read once, whoever follows. */
static err_code read_new(struct event_hub *hub, struct err *err)
{
    size_t n = READ_MAX;

    while (n == READ_MAX) {
        CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
        const struct event_filter filter = {.after = hub->ring.head, .limit = READ_MAX};
        err_code rc = event_list(hub->pg, &filter, &rows, err);
        if (rc)
            return rc;
        n = pg_rows_count(rows);
        if (!event_ring_add(&hub->ring, rows))
            return err_set(err, ERR_INTERNAL, "out of memory");
    }
    hub->read_at = clock_mono_ms();
    return ERR_NONE;
}

static struct follower *next_of(struct event_hub *hub, struct follower *f)
{
    (void)pthread_mutex_lock(&hub->lock);
    struct follower *next = f ? TAILQ_NEXT(f, link) : TAILQ_FIRST(&hub->followers);
    (void)pthread_mutex_unlock(&hub->lock);
    return next;
}

static void take_out(struct event_hub *hub, struct follower *f, bool dropped)
{
    (void)pthread_mutex_lock(&hub->lock);
    TAILQ_REMOVE(&hub->followers, f, link);
    hub->stats.streams--;
    hub->stats.dropped += dropped;
    (void)pthread_mutex_unlock(&hub->lock);
    follower_free(f);
}

/* Whether somebody wants more at once. Without a connection there are heartbeats still. */
static err_code serve_all(struct event_hub *hub, bool *hungry, struct err *err)
{
    err_code rc = ERR_NONE;

    *hungry = false;
    for (struct follower *f = next_of(hub, NULL), *next; f; f = next) {
        serving what = SERVED;
        struct pg *pg = rc ? NULL : hub->pg;
        struct err later;
        next = next_of(hub, f);
        err_code failed =
            follower_serve(f, &hub->ring, pg, &hub->options, &what, rc ? &later : err);
        rc = rc ? rc : failed;
        *hungry |= what == HUNGRY;
        if (what == ENDED || what == DROPPED)
            take_out(hub, f, what == DROPPED);
    }
    return rc;
}

static void pause_ms(int64_t ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static err_code round_once(struct event_hub *hub, struct err *err)
{
    bool notified = false, hungry = false;
    int64_t now = clock_mono_ms();
    err_code rc = ERR_NONE;

    if (!hub->pg && now >= hub->connect_at) {
        hub->connect_at = now + RETRY_MS;
        rc = connect(hub, err);
        hub->read_at = 0;
    }
    if (!rc && hub->pg && now - hub->read_at >= READ_EVERY_MS)
        rc = read_new(hub, err);
    if (rc)
        return rc;
    rc = serve_all(hub, &hungry, err);
    if (!rc && hub->pg)
        rc = pg_wait_notify(hub->pg, hungry ? 0 : TICK_MS, &notified, err);
    else
        pause_ms(TICK_MS);
    if (notified)
        hub->read_at = 0;
    return rc;
}

/* Waits for somebody to follow; false: the end. */
static bool await_followers(struct event_hub *hub)
{
    struct timespec until = clock_mono_in(IDLE_MS);
    int rc = 0;

    (void)pthread_mutex_lock(&hub->lock);
    while (!hub->ending && TAILQ_EMPTY(&hub->followers)) {
        rc = hub->pg ? pthread_cond_timedwait(&hub->changed, &hub->lock, &until)
                     : pthread_cond_wait(&hub->changed, &hub->lock);
        if (rc) { /* nobody has come for a while */
            disconnect(hub);
            hub->reading = false;
        }
    }
    bool go_on = !hub->ending;
    (void)pthread_mutex_unlock(&hub->lock);
    return go_on;
}

static void end_all(struct event_hub *hub)
{
    for (struct follower *f; (f = next_of(hub, NULL));) {
        (void)stream_write(f->stream, EVENT_END("draining"), strlen(EVENT_END("draining")));
        stream_end(f->stream);
        take_out(hub, f, false);
    }
}

static void *run(void *arg)
{
    struct event_hub *hub = arg;

    while (await_followers(hub)) {
        struct err err = {.code = ERR_NONE};
        bool hungry;
        if (!round_once(hub, &err))
            continue;
        tell_trouble(hub, &err);
        disconnect(hub);
        (void)!serve_all(hub, &hungry, &err);
        pause_ms(TICK_MS);
    }
    end_all(hub);
    disconnect(hub);
    return NULL;
}

err_code event_hub_start(const struct event_hub_options *options, struct event_hub **out,
                         struct err *err)
{
    struct event_hub *hub = calloc(1, sizeof *hub);

    if (!hub)
        return err_set(err, ERR_INTERNAL, "out of memory");
    hub->options = *options;
    TAILQ_INIT(&hub->followers);
    init_lock(hub);
    hub->url = strdup(options->url);
    if (!hub->url || pthread_create(&hub->thread, NULL, run, hub)) {
        event_hub_free(hub);
        return err_set(err, ERR_SYSTEM_FAILED, "cannot start a thread");
    }
    *out = hub;
    return ERR_NONE;
}

/* With the lock held. */
static err_code admit(const struct event_hub *hub, const char *principal, struct err *err)
{
    const struct follower *f;
    int own = 0;

    if (hub->ending)
        return err_set(err, ERR_DRAINING, "this replica is stopping; ask another one");
    if (hub->stats.streams >= hub->options.max_streams)
        return err_set(err, ERR_RATE_LIMITED, "this replica has its %d streams; ask another one",
                       hub->options.max_streams);
    TAILQ_FOREACH(f, &hub->followers, link)
    own += str_eq(f->principal, principal);
    if (own >= hub->options.max_per_principal)
        return err_set(err, ERR_RATE_LIMITED, "this token has its %d streams; end one first",
                       hub->options.max_per_principal);
    return ERR_NONE;
}

err_code event_hub_follow(struct event_hub *hub, const struct follow *follow, struct stream **out,
                          struct err *err)
{
    struct follower *f = follower_new(follow);

    if (!f)
        return err_set(err, ERR_INTERNAL, "out of memory");
    (void)stream_write(f->stream, follow->first, strlen(follow->first));
    (void)pthread_mutex_lock(&hub->lock);
    err_code rc = admit(hub, follow->principal, err);
    if (!rc) {
        *out = stream_keep(f->stream);
        TAILQ_INSERT_TAIL(&hub->followers, f, link);
        hub->stats.streams++;
        (void)pthread_cond_signal(&hub->changed);
        f = NULL; /* now the hub's */
    }
    (void)pthread_mutex_unlock(&hub->lock);
    follower_free(f);
    return rc;
}

void event_hub_end(struct event_hub *hub)
{
    if (!hub)
        return;
    (void)pthread_mutex_lock(&hub->lock);
    bool already = hub->ending;
    hub->ending = true;
    (void)pthread_cond_signal(&hub->changed);
    (void)pthread_mutex_unlock(&hub->lock);
    if (!already)
        (void)pthread_join(hub->thread, NULL);
}

void event_hub_free(struct event_hub *hub)
{
    if (!hub)
        return;
    event_ring_reset(&hub->ring, 0);
    (void)pthread_cond_destroy(&hub->changed);
    (void)pthread_mutex_destroy(&hub->lock);
    free(hub->url);
    free(hub);
}

struct event_hub_stats event_hub_stats(struct event_hub *hub)
{
    (void)pthread_mutex_lock(&hub->lock);
    struct event_hub_stats stats = hub->stats;
    (void)pthread_mutex_unlock(&hub->lock);
    return stats;
}
