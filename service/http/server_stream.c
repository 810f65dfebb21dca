/* SPDX-License-Identifier: MIT */
/*
 * Sending a stream. While there is nothing to send its connection is suspended: it costs memory
 * and a descriptor, but no thread. A connection that is suspended is not watched by libmicrohttpd,
 * so that its client is gone shows with the next bytes: whoever writes sends some now and then.
 */
#include <errno.h>
#include <sys/socket.h>

#include "service/http/server_internal.h"
#include "service/http/stream_internal.h"

enum { BLOCK = 4096 };

/* Called without the stream's lock, once after each time that send_more() suspended. */
static void wake(void *ctx)
{
    struct exchange *ex = ctx;
    exchange_resume(ex);
}

static void cut(void *ctx)
{
    const struct exchange *ex = ctx;
    (void)shutdown(ex->conn->fd, SHUT_RDWR);
}

/* Whether the client has closed its side. A request that it has sent ahead hides that. */
static bool is_gone(void *ctx)
{
    const struct exchange *ex = ctx;
    char byte;
    ssize_t n = recv(ex->conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void suspend(struct exchange *ex)
{
    struct server *server = ex->server;

    (void)pthread_mutex_lock(&server->lock);
    server->suspended++;
    (void)pthread_mutex_unlock(&server->lock);
    MHD_suspend_connection(ex->connection);
}

/* On the I/O thread. The stream's lock is held over suspending, so that a writer resumes after. */
static ssize_t send_more(void *cls, uint64_t pos, char *out, size_t max)
{
    struct exchange *ex = cls;
    struct stream *s = ex->reply.stream;
    ssize_t result = 0;

    (void)pos;
    (void)pthread_mutex_lock(&s->lock);
    size_t n = s->state == STREAM_CUT ? 0 : stream_take(s, out, max);
    if (n) {
        result = (ssize_t)n;
    } else if (s->state == STREAM_OPEN) {
        s->waiting = true;
        suspend(ex);
    } else {
        /* libmicrohttpd 0.9.75 keeps a connection whose body ends with an error until its idle time is
         * over; on one that was shut down the end of the body cannot be sent, and it goes at once */
        if (s->state != STREAM_ENDED)
            cut(ex);
        result = MHD_CONTENT_READER_END_OF_STREAM;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return result;
}

struct MHD_Response *streaming_begin(struct exchange *ex)
{
    struct server *server = ex->server;
    struct stream *s = ex->reply.stream;

    (void)pthread_mutex_lock(&s->lock);
    s->ctx = ex;
    s->wake = wake;
    s->cut = cut;
    s->is_gone = is_gone;
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_mutex_lock(&server->lock);
    TAILQ_INSERT_TAIL(&server->streaming, ex, link);
    server->stats.streams++;
    ex->streams = true;
    bool draining = server->draining;
    (void)pthread_mutex_unlock(&server->lock);
    if (draining) /* nobody else will end it */
        stream_end(s);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, send_more, ex, NULL);
    if (response &&
        ex->req.head) /* else libmicrohttpd sends the last chunk of a body without one */
        (void)MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

void streaming_end(struct exchange *ex)
{
    struct server *server = ex->server;
    struct stream *s = ex->reply.stream;

    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->wake = s->cut = NULL;
    s->is_gone = NULL;
    s->waiting = false;
    if (s->state == STREAM_OPEN || (s->state == STREAM_ENDED && s->pending.len > s->sent))
        s->state = STREAM_LOST;
    (void)pthread_mutex_unlock(&s->lock);
    if (!ex->streams)
        return;
    (void)pthread_mutex_lock(&server->lock);
    TAILQ_REMOVE(&server->streaming, ex, link);
    ex->streams = false;
    server->stats.streams--;
    (void)pthread_mutex_unlock(&server->lock);
}

/* The next one that was not ended yet, kept; NULL: there is none. A stream's lock comes before the
 * server's, so it is not taken here. */
static struct stream *next_to_end(struct server *server)
{
    struct stream *s = NULL;
    struct exchange *ex;

    (void)pthread_mutex_lock(&server->lock);
    TAILQ_FOREACH(ex, &server->streaming, link)
    if (!ex->stream_ended) {
        ex->stream_ended = true;
        s = stream_keep(ex->reply.stream);
        break;
    }
    (void)pthread_mutex_unlock(&server->lock);
    return s;
}

void streaming_end_all(struct server *server)
{
    struct stream *s;

    while ((s = next_to_end(server))) {
        stream_end(s);
        stream_release(s);
    }
}
