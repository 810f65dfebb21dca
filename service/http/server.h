/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server: libmicrohttpd's threads read and write, a pool of handler threads behind a
 * bounded queue runs the handler. The only module that includes microhttpd.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "service/http/http.h"

struct server;

typedef struct reply server_handler(void *ctx, struct request *req);
/* Called once a request, after its reply was handed over or the client was lost (then reply may
 * have status 0). On an I/O thread: it must not block. */
typedef void server_observer(void *ctx, const struct request *req, const struct reply *reply,
                             int64_t duration_us);
/* The most bytes a body for this method and path may have; called before the body is read, on an
 * I/O thread. */
typedef size_t server_body_limit(void *ctx, http_method method, const char *path);

struct server_options {
    const char *host; /* numeric address or name; NULL: loopback */
    uint16_t port;    /* 0: any free one */
    int io_threads;   /* 1..16 */
    int handlers; /* handler threads; 0: the handler runs on the I/O thread and must not block */
    int queue;    /* requests waiting for a handler; one more gets 503 OVERLOADED */
    int64_t receive_timeout_ms; /* for the head and body of one request, however slowly they come */
    int64_t idle_timeout_s;     /* a kept-alive connection without a request */
    server_handler *handler;
    server_observer *observer;                   /* may be NULL */
    server_body_limit *body_limit;               /* may be NULL: 256 KiB */
    void (*log)(void *ctx, const char *message); /* what libmicrohttpd complains of; may be NULL */
    void *ctx;
};

/* in_flight counts requests from their head to the end of their reply: queued, parked and streaming
 * ones too. */
struct server_stats {
    int connections, in_flight, queued, parked, streams;
    int64_t rejected_malformed, rejected_overload, rejected_body_size, rejected_slow;
};

err_code server_start(const struct server_options *options, struct server **out, struct err *err)
    MUST_USE;
uint16_t server_port(const struct server *server);
/* How many connections a server with so many I/O threads can have at once. */
int server_capacity(int io_threads);
/* Runs the handlers of the requests parked on key again; from any thread. */
void server_wake(struct server *server, const char *key);
/* Calls visit with the key of each parked request, in no order; a key may come more than once. */
void server_parked(struct server *server, void (*visit)(void *ctx, const char *key), void *ctx);
struct server_stats server_stats(struct server *server);
/* From now on new connections are refused and every reply says Connection: close; parked requests
 * run a last time with park_expired, streams end. Waits up to drain_ms for the requests under way. */
void server_drain(struct server *server, int64_t drain_ms);
/* Drains for no longer than it takes, then stops. NULL is fine. */
void server_stop(struct server *server);
void server_stopp(struct server **server);
