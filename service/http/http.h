/* SPDX-License-Identifier: MIT */
/*
 * A request and a reply as plain values. A handler is a function from one to the other: it knows
 * no socket, so a test calls it directly.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "service/http/stream.h"

typedef enum http_method {
    HTTP_GET,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_UNKNOWN, /* a well-formed method that no route has */
} http_method;
const char *http_method_name(http_method method);

struct http_field {
    char *name, *value;
};

enum { HTTP_PARAMS_MAX = 4, HTTP_FIELDS_MAX = 100, HTTP_ID_SIZE = 64 };

/* A vetted request; everything it points to lives until the reply is sent. */
struct request {
    http_method method; /* HEAD arrives as HTTP_GET with .head set */
    bool head;
    const char *method_text;
    const char *path;                    /* raw, as sent, without the query; "/v1/tenants/a%20b" */
    const char *params[HTTP_PARAMS_MAX]; /* decoded path parameters in the order of the route */
    struct http_field query[HTTP_FIELDS_MAX]; /* decoded, in the order sent */
    size_t query_count;
    struct http_field headers[HTTP_FIELDS_MAX];
    size_t header_count;
    const char *body; /* NUL-terminated; may hold NULs before body_len */
    size_t body_len;
    char id[HTTP_ID_SIZE]; /* X-Request-Id as sent if it is one, else made here */
    const char *peer;      /* address of the client, for the log */
    int64_t started_ms;    /* clock_mono_ms() when the first byte was handled */
    /* A parked request runs again: set when its time was up and the handler must answer now. */
    bool park_expired;
    void *state; /* the handler's own across parked runs; freed with state_free */
    void (*state_free)(void *);
};

/* The value of a header, whatever its case; NULL when absent. */
const char *request_header(const struct request *req, const char *name);
/* The value of a query parameter; NULL when absent. The first one where it is repeated. */
const char *request_query(const struct request *req, const char *name);

enum { REPLY_HEADERS_MAX = 16 };

/* An answer. reply_clear() frees it; the server does so after sending. */
struct reply {
    int status;               /* 0: not an answer, the request is parked (reply_park) */
    const char *content_type; /* a literal; NULL without a body */
    char *body;               /* owned */
    size_t body_len;
    struct stream *stream;                        /* a reference, instead of a body; NULL: none */
    struct http_field headers[REPLY_HEADERS_MAX]; /* owned */
    size_t header_count;
    err_code code; /* of a problem document, for the log and the metrics */
    char sqlstate[6];
    char park_key[HTTP_ID_SIZE];
    int64_t park_until; /* clock_mono_ms() */
};

/* Takes value (a NULL value is an internal error). */
struct reply reply_json(int status, json_t *value);
/* Takes body, free()-able; content_type is a literal. */
struct reply reply_text(int status, const char *content_type, char *body);
struct reply reply_empty(int status);
/* What is written to the stream, for as long as it is open; takes a reference of its own. */
struct reply reply_stream(int status, const char *content_type, struct stream *stream);
/* application/problem+json (RFC 9457) for err; "instance" and "request_id" come from req. An
 * ERR_KIND_INTERNAL error shows its request id instead of its message. */
struct reply reply_err(const struct request *req, const struct err *err);
/* The same with members added to it: "errors", "metadata"; takes members (NULL is fine). */
struct reply reply_problem(const struct request *req, const struct err *err, json_t *members);
/* Not yet: suspends the request and runs the handler again when server_wake(key) is called or
 * at until (clock_mono_ms()), then with park_expired set. */
struct reply reply_park(const char *key, int64_t until);
/* Adds a header, copying value; more than REPLY_HEADERS_MAX is our bug and asserts. */
void reply_header(struct reply *reply, const char *name, const char *value);
void reply_clear(struct reply *reply);

/* HTTP status of an error: the one place where kinds become statuses. */
int http_status(err_code code);
const char *http_reason(int status);
