/* SPDX-License-Identifier: MIT */
/* One HTTP exchange over libcurl, on a connection that is kept for the next. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct transport;

struct exchange {
    const char *method, *url;
    const char *const *headers; /* "Name: value", ends with NULL */
    const char *body;           /* NULL: none */
    size_t body_len;
    long timeout_s;
    bool (*stop)(void *ctx); /* asked about once a second; true ends the exchange. May be NULL */
    void *ctx;
};

typedef enum exchange_end {
    EXCHANGE_DONE,
    EXCHANGE_NOT_SENT, /* no connection: nothing can have happened */
    EXCHANGE_LOST,     /* the connection broke: the request may have been carried out */
    EXCHANGE_TIMEOUT,
    EXCHANGE_STOPPED,
    EXCHANGE_FAILED, /* cannot be made at all: a bad URL, a certificate that is not trusted */
} exchange_end;

struct answer {
    long status;
    struct str body;
    char content_type[128];
    long retry_after_s; /* 0: not said */
    long lint_errors;   /* as the header Lint-Errors says; 0: not said */
};

/* NULL: libcurl cannot start. */
struct transport *transport_new(const char *user_agent);
void transport_free(struct transport *transport);
/* Fills *answer, which the caller empties with str_clear(&answer->body); why, when it is not done,
 * goes to err->msg. */
exchange_end transport_run(struct transport *transport, const struct exchange *exchange,
                           struct answer *answer, struct err *err) MUST_USE;
