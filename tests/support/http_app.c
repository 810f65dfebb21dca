/* SPDX-License-Identifier: MIT */
#include "tests/support/http_app.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/str.h"

static struct reply echo(const struct request *req)
{
    struct str out = STR_INIT;

    str_addf(&out, "%s%s %s\n", http_method_name(req->method), req->head ? "+HEAD" : "", req->path);
    for (size_t i = 0; i < req->query_count; i++)
        str_addf(&out, "?%s=%s\n", req->query[i].name, req->query[i].value);
    str_addf(&out, "peer %s\nbody %zu:", req->peer, req->body_len);
    str_add_n(&out, req->body, req->body_len);
    return reply_text(200, "text/plain", str_take(&out));
}

static struct reply gate(struct http_app *app)
{
    struct timespec until = clock_mono_in(10000);

    (void)pthread_mutex_lock(&app->lock);
    app->inside++;
    while (!app->gate_open && pthread_cond_timedwait(&app->changed, &app->lock, &until) == 0)
        continue;
    app->inside--;
    (void)pthread_mutex_unlock(&app->lock);
    return reply_text(200, "text/plain", strdup("through"));
}

struct state {
    struct http_app *app;
    int64_t until;
};

static void state_free(void *arg)
{
    struct state *state = arg;

    (void)pthread_mutex_lock(&state->app->lock);
    state->app->states--;
    (void)pthread_mutex_unlock(&state->app->lock);
    free(state);
}

static struct reply park(struct http_app *app, struct request *req)
{
    const char *wait = request_query(req, "wait");
    struct state *state = req->state;

    (void)pthread_mutex_lock(&app->lock);
    int events = app->events;
    app->runs++;
    app->states += !state;
    (void)pthread_mutex_unlock(&app->lock);
    if (!state) {
        req->state = state = malloc(sizeof *state);
        req->state_free = state_free;
        *state = (struct state){.app = app, .until = clock_mono_ms() + (wait ? atoi(wait) : 5000)};
    }
    if (!events && !req->park_expired)
        return reply_park("key", state->until);
    return reply_text(200, "text/plain", strdup(events ? "event" : "expired"));
}

/* What is waited for happens after the decision to park and before the request is parked. */
static struct reply race(struct http_app *app, struct request *req)
{
    struct reply reply = park(app, req);

    if (!reply.status)
        http_app_event(app);
    return reply;
}

static struct reply stream(struct http_app *app)
{
    struct stream *made = stream_new(65536);

    (void)pthread_mutex_lock(&app->lock);
    app->streams[app->stream_count++] = made;
    (void)pthread_mutex_unlock(&app->lock);
    return reply_stream(200, "text/event-stream", made);
}

bool http_app_say(struct http_app *app, int i, const char *text)
{
    return stream_write(app->streams[i], text, strlen(text));
}

static struct reply handler(void *ctx, struct request *req)
{
    if (str_eq(req->path, "/gate"))
        return gate(ctx);
    if (str_eq(req->path, "/park"))
        return park(ctx, req);
    if (str_eq(req->path, "/race"))
        return race(ctx, req);
    if (str_eq(req->path, "/stream"))
        return stream(ctx);
    if (str_eq(req->path, "/forever"))
        return reply_park("never", clock_mono_ms() + 20);
    if (str_eq(req->path, "/null"))
        return reply_json(200, NULL);
    if (str_eq(req->path, "/empty"))
        return reply_empty(204);
    struct reply reply = echo(req);
    if (str_eq(req->path, "/split"))
        reply_header(&reply, "X-A", "a\r\nX-B: b");
    if (str_eq(req->path, "/cached"))
        reply_header(&reply, "Cache-Control", "max-age=60");
    return reply;
}

static void observer(void *ctx, const struct request *req, const struct reply *reply,
                     int64_t duration_us)
{
    struct http_app *app = ctx;

    ck_assert_ptr_nonnull(req->path);
    ck_assert_int_ge(duration_us, 0);
    (void)pthread_mutex_lock(&app->lock);
    app->observed++;
    app->lost += reply->status == 0;
    app->last_status = reply->status;
    (void)pthread_mutex_unlock(&app->lock);
}

static size_t body_limit(void *ctx, http_method method, const char *path)
{
    (void)ctx;
    (void)method;
    return str_eq(path, "/small") ? 1000 : 65536;
}

struct server_options http_app_options(void)
{
    return (struct server_options){.io_threads = 2,
                                   .handlers = 4,
                                   .queue = 64,
                                   .receive_timeout_ms = 5000,
                                   .idle_timeout_s = 30,
                                   .handler = handler,
                                   .observer = observer,
                                   .body_limit = body_limit};
}

void http_app_start(struct http_app *app, struct server_options options)
{
    pthread_condattr_t attr;
    struct err err;

    *app = (struct http_app){.server = NULL};
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&app->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&app->lock, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    options.ctx = app;
    err_code code = server_start(&options, &app->server, &err);
    ck_assert_msg(code == ERR_NONE, "server_start: %s", code ? err.msg : "");
}

void http_app_stop(struct http_app *app)
{
    http_app_open_gate(app);
    server_stop(app->server);
    ck_assert_int_eq(app->states, 0);
    for (int i = 0; i < app->stream_count; i++)
        stream_release(app->streams[i]);
    (void)pthread_cond_destroy(&app->changed);
    (void)pthread_mutex_destroy(&app->lock);
}

void http_app_open_gate(struct http_app *app)
{
    (void)pthread_mutex_lock(&app->lock);
    app->gate_open = true;
    (void)pthread_cond_broadcast(&app->changed);
    (void)pthread_mutex_unlock(&app->lock);
}

void http_app_event(struct http_app *app)
{
    (void)pthread_mutex_lock(&app->lock);
    app->events++;
    (void)pthread_mutex_unlock(&app->lock);
    server_wake(app->server, "key");
}

static void pause_ms(int ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

bool http_app_reaches(struct http_app *app, const int *counter, int n)
{
    for (int64_t until = clock_mono_ms() + 10000; clock_mono_ms() < until; pause_ms(1)) {
        (void)pthread_mutex_lock(&app->lock);
        bool there = *counter >= n;
        (void)pthread_mutex_unlock(&app->lock);
        if (there)
            return true;
    }
    return false;
}

bool http_app_poll(struct http_app *app, size_t offset, int n)
{
    for (int64_t until = clock_mono_ms() + 10000; clock_mono_ms() < until; pause_ms(1)) {
        struct server_stats stats = server_stats(app->server);
        int value;
        memcpy(&value, (const char *)&stats + offset, sizeof value);
        if (value == n)
            return true;
    }
    return false;
}

uint16_t http_app_port(const struct http_app *app)
{
    return server_port(app->server);
}
