/* SPDX-License-Identifier: MIT */
/* A server with a handler that does what a test asks for, chosen by the path. */
#pragma once

#include <pthread.h>

#include "service/http/server.h"

/*
 * /echo      says what arrived
 * /gate      waits until http_app_open_gate()
 * /park      parks on "key" for ?wait= ms until http_app_event(); then "event", else "expired"
 * /race      the same, and the event comes while the handler decides
 * /stream    streams what http_app_say() says; 64 KiB may be pending
 * /forever   parks whatever happens
 * /null      a JSON reply without a value
 * /split     a reply with a line break in a header
 * /empty     204
 * /cached    a reply with its own Cache-Control
 * Bodies: 1000 bytes on /small, 64 KiB elsewhere.
 */
enum { HTTP_APP_STREAMS = 300 };

struct http_app {
    struct server *server;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool gate_open;
    int inside;               /* handlers at the gate */
    int runs, observed, lost; /* lost: observed without a status */
    int states;               /* request states not freed yet */
    int events;
    int last_status;
    struct stream *streams[HTTP_APP_STREAMS];
    int stream_count;
};

/* As the tests like it: quick timeouts, 2 I/O threads, 4 handlers. */
struct server_options http_app_options(void);
void http_app_start(struct http_app *app, struct server_options options);
void http_app_stop(struct http_app *app);
void http_app_open_gate(struct http_app *app);
/* Counts an event and wakes "key". */
void http_app_event(struct http_app *app);
/* Writes text to the i-th stream. */
bool http_app_say(struct http_app *app, int i, const char *text);
/* Polls until *counter (under app's lock) is at least n, for 10 s. */
bool http_app_reaches(struct http_app *app, const int *counter, int n);
/* Polls until a figure of the server's statistics is n, for 10 s. */
#define http_app_stat_is(app, member, n)                                                           \
    http_app_poll((app), offsetof(struct server_stats, member), (n))
bool http_app_poll(struct http_app *app, size_t offset, int n);
uint16_t http_app_port(const struct http_app *app);
