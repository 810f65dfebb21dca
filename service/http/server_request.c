/* SPDX-License-Identifier: MIT */
/* A request from its head to its last byte, as libmicrohttpd calls us with it. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "service/http/server_internal.h"

enum { DISCARD_MIN = 4096 }; /* what is read away even where no body is taken */

static size_t limit_of(const struct exchange *ex)
{
    const struct server_options *options = &ex->server->options;

    return options->body_limit ? options->body_limit(options->ctx, ex->req.method, ex->req.path)
                               : BODY_LIMIT_DEFAULT;
}

static void count(struct server *server, int64_t *counter)
{
    (void)pthread_mutex_lock(&server->lock);
    ++*counter;
    (void)pthread_mutex_unlock(&server->lock);
}

static err_code too_large(struct exchange *ex, struct err *err)
{
    count(ex->server, &ex->server->stats.rejected_body_size);
    return err_set(err, ERR_BODY_TOO_LARGE, "the body may have at most %zu bytes here",
                   ex->body.limit);
}

static enum MHD_Result answer_err(struct exchange *ex, const struct err *err)
{
    ex->reply = reply_err(&ex->req, err);
    ex->state = EXCHANGE_ANSWERED;
    ex->close = true;
    return reply_send(ex);
}

static struct exchange *exchange_new(struct server *server, struct MHD_Connection *connection)
{
    struct conn *conn = conn_of(connection);
    struct exchange *ex = conn ? calloc(1, sizeof *ex) : NULL;

    if (!ex)
        return NULL;
    ex->server = server;
    ex->connection = connection;
    ex->conn = conn;
    ex->started_us = clock_mono_us();
    ex->req.started_ms = ex->started_us / 1000;
    ex->req.peer = conn->peer;
    ex->req.body = "";
    (void)pthread_mutex_lock(&server->lock);
    server->stats.in_flight++;
    (void)pthread_mutex_unlock(&server->lock);
    return ex;
}

/* The first call: head only. A reply given here is the last of its connection, the body is not
 * read; libmicrohttpd then does not say 100 Continue either. */
static enum MHD_Result begin(struct exchange *ex, const char *url, const char *method,
                             const char *version)
{
    uint64_t length = 0;
    struct err err;

    conn_begin(ex->server, ex->conn);
    err_code code =
        request_read_head(&ex->req, ex->connection, url, method, version, &length, &err);
    if (code)
        count(ex->server, &ex->server->stats.rejected_malformed);
    if (!code)
        ex->body.limit = limit_of(ex);
    if (!code && length > ex->body.limit)
        code = too_large(ex, &err);
    if (!code)
        return MHD_YES;
    ex->conn->linger = true;
    return answer_err(ex, &err);
}

static bool body_reserve(struct body *body, size_t n)
{
    size_t cap = body->cap ? body->cap : 4096;

    if (body->len + n < body->cap)
        return true;
    while (cap <= body->len + n)
        cap *= 2;
    char *data = realloc(body->data, cap);
    if (!data)
        return false;
    body->data = data;
    body->cap = cap;
    return true;
}

/* A chunked body that grows too long is read on to twice its limit, so that it can be answered. */
static enum MHD_Result take_body(struct exchange *ex, const char *bytes, size_t n)
{
    struct body *body = &ex->body;

    body->seen += n;
    if (body->seen <= body->limit) {
        if (!body_reserve(body, n))
            return MHD_NO;
        memcpy(body->data + body->len, bytes, n);
        body->len += n;
        body->data[body->len] = '\0';
        return MHD_YES;
    }
    free(body->data);
    body->data = NULL;
    body->len = body->cap = 0;
    if (body->seen <= 2 * (uint64_t)body->limit + DISCARD_MIN)
        return MHD_YES;
    ex->conn->linger = true;
    (void)too_large(ex, NULL);
    return MHD_NO;
}

static enum MHD_Result complete(struct exchange *ex)
{
    struct err err;

    conn_received(ex->server, ex->conn);
    if (ex->body.seen > ex->body.limit) {
        (void)too_large(ex, &err);
        return answer_err(ex, &err);
    }
    if (ex->body.data)
        ex->req.body = ex->body.data;
    ex->req.body_len = ex->body.len;
    /* without an answer ex may already be another thread's */
    return exchange_submit(ex) ? reply_send(ex) : MHD_YES;
}

enum MHD_Result request_access(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **context)
{
    struct exchange *ex = *context;

    if (!ex) {
        *context = ex = exchange_new(cls, connection);
        return ex ? begin(ex, url, method, version) : MHD_NO;
    }
    if (*upload_size) {
        size_t n = *upload_size;
        *upload_size = 0;
        return take_body(ex, upload, n);
    }
    switch (ex->state) {
    case EXCHANGE_RECEIVING:
        return complete(ex);
    case EXCHANGE_RUNNABLE:
        return exchange_run_here(ex) ? reply_send(ex) : MHD_YES;
    case EXCHANGE_ANSWERED:
        return reply_send(ex);
    }
    return MHD_NO;
}

void request_completed(void *cls, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode why)
{
    struct server *server = cls;
    struct exchange *ex = *context;

    (void)connection;
    (void)why;
    if (!ex)
        return;
    if (server->options.observer)
        server->options.observer(server->options.ctx, &ex->req, &ex->reply,
                                 clock_mono_us() - ex->started_us);
    streaming_end(ex);
    conn_end(server, ex->conn);
    request_clear(&ex->req);
    reply_clear(&ex->reply);
    free(ex->body.data);
    free(ex);
    *context = NULL;
    (void)pthread_mutex_lock(&server->lock);
    server->stats.in_flight--;
    (void)pthread_cond_broadcast(&server->quiet);
    (void)pthread_mutex_unlock(&server->lock);
}
