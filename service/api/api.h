/* SPDX-License-Identifier: MIT */
/*
 * The API: a table of routes and what a handler is given. A handler is a function from a call to a
 * reply; authentication, scopes, bodies, idempotency and waiting are done before and after it.
 */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/access/access.h"
#include "core/job/engine.h"
#include "core/job/job_store.h"
#include "service/config.h"
#include "service/http/http.h"
#include "service/http/route.h"
#include "service/http/server.h"
#include "service/log.h"
#include "service/metrics/metrics.h"

struct event_hub;
struct lint_config;

/* The parts of the process that handlers use; made by main(), all borrowed. */
struct app {
    const struct config *config;
    const struct log *log;
    struct metrics *metrics;
    struct pg_pool *control;
    struct engine *engine;
    struct access_cache *access;
    struct runner *runner;
    struct event_hub *events;
    const struct lint_config *lint; /* the rules as they are configured */
    pthread_mutex_t server_lock;
    struct server *server; /* of the API; NULL before and after it (app_set_server()) */
    const unsigned char *page_key; /* signs page tokens */
    size_t page_key_len;
    int exchange_log; /* descriptor that gets every request and reply as JSON; -1: none */
    int control_version;
    pthread_mutex_t query_lock;
    pthread_cond_t query_left;
    int queries; /* running now (queries.h), some in threads of their own */
    /* what the probes say, so that they ask nobody */
    atomic_bool started, draining;
    _Atomic int64_t control_seen_ms; /* clock_mono_ms() when the control database last answered */
    _Atomic int64_t background_ms;   /* clock_mono_ms() of the background thread's last round */
};

/* The API's server comes after the threads that tell it of jobs and goes before them: they reach it
 * through these, which do nothing while it is not there. */
void app_set_server(struct app *app, struct server *server);
void app_wake(struct app *app, const char *key);
struct server_stats app_server_stats(struct app *app);

typedef enum body_kind {
    BODY_NONE,          /* a body is refused */
    BODY_JSON,          /* application/json, an object */
    BODY_JSON_OPTIONAL, /* or nothing, which is {} */
    BODY_MERGE_PATCH,   /* application/merge-patch+json or application/json */
    BODY_SQL,           /* application/sql */
    BODY_BUNDLE,        /* application/json, or a tar archive */
} body_kind;

struct call {
    struct app *app;
    struct request *req;
    const struct api_route *route;
    struct principal who;
    struct pg *pg;       /* a connection to the control database */
    json_t *body;        /* NULL when the route takes none or it is not JSON */
    const char *media_type; /* of the body, without parameters; "" without a body */
    char job_id[UUID_TEXT_SIZE]; /* set by reply_job(): what a client may wait for */
};

typedef struct reply api_handler(struct call *call);

enum { ROUTE_QUERY_MAX = 9 };

struct api_route {
    struct route_pattern pattern; /* first: route_find() reads it */
    const char *op;               /* the operationId in openapi.yaml */
    scope scope;                  /* with .open: none is needed */
    bool open;                    /* any valid token will do */
    bool public;                  /* not even a token */
    bool secret;                  /* the reply holds one: it is never stored */
    /* whether a POST of the route changes nothing: it needs no Idempotency-Key; NULL: none is so */
    bool (*pure)(const struct call *call);
    bool ticket;                  /* a ticket of POST /v1/event-tickets will do, too */
    bool offline;                 /* no connection to the control database is needed */
    body_kind body;
    const char *query[ROUTE_QUERY_MAX]; /* the parameters it knows; "name*" may be repeated */
    api_handler *fn;
};

extern const struct api_route api_routes[];
extern const size_t api_route_count;

/* The handler of the API's server; ctx is the struct app. */
struct reply api_handle(void *ctx, struct request *req);
size_t api_body_limit(void *ctx, http_method method, const char *path);
/* The handler of the admin listener: probes and metrics, from memory alone. */
struct reply admin_handle(void *ctx, struct request *req);
/* Probes and scrapes are neither logged nor counted; only the exchange log gets them. */
void admin_observe(void *ctx, const struct request *req, const struct reply *reply,
                   int64_t duration_us);
/* Logs and counts a finished request; ctx is the struct app. */
void api_observe(void *ctx, const struct request *req, const struct reply *reply,
                 int64_t duration_us);

/* A 202 with the job and its Location; the client may wait for it (Prefer: wait). */
struct reply reply_job(struct call *call, const char *job_id);
/* A problem document for err. */
struct reply call_fail(const struct call *call, const struct err *err);
/* 200 with a JSON value (taken) and its ETag, or 304 when the client has it. */
struct reply reply_tagged(const struct call *call, const char *etag, json_t *value);
/* What fill() makes of the tenants' catalog as it is now: 200 with *out, or its failure. */
struct reply reply_catalog(struct call *call,
                           err_code (*fill)(struct call *call, const struct catalog *catalog,
                                            json_t **out, struct err *err));
/* Whether If-Match is there and holds etag; ERR_ETAG_MISMATCH, ERR_PRECONDITION_REQUIRED when
 * required and absent. */
err_code call_if_match(const struct call *call, const char *etag, bool required,
                       struct err *err) MUST_USE;
bool call_has_tag(const struct call *call, const char *header, const char *etag);
bool call_dry_run(const struct call *call, bool *out, struct err *err);
