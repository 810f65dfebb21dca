/* SPDX-License-Identifier: MIT */
#include "service/http/stream_internal.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_MIN = 16 * 1024 }; /* an empty buffer larger than this is given back */

struct stream *stream_new(size_t max_pending)
{
    struct stream *stream = calloc(1, sizeof *stream);

    if (!stream)
        return NULL;
    atomic_store(&stream->owners, 1);
    stream->max = max_pending;
    (void)pthread_mutex_init(&stream->lock, NULL);
    return stream;
}

struct stream *stream_keep(struct stream *stream)
{
    atomic_fetch_add(&stream->owners, 1);
    return stream;
}

void stream_release(struct stream *stream)
{
    if (!stream || atomic_fetch_sub(&stream->owners, 1) > 1)
        return;
    (void)pthread_mutex_destroy(&stream->lock);
    str_clear(&stream->pending);
    free(stream);
}

void stream_releasep(struct stream **stream)
{
    stream_release(*stream);
}

/* Drops what was sent from the front once that is most of it. */
static void compact(struct stream *s)
{
    if (s->sent < s->pending.len) {
        if (s->sent < s->pending.len / 2)
            return;
        memmove(s->pending.data, s->pending.data + s->sent, s->pending.len - s->sent);
        s->pending.len -= s->sent;
    } else if (s->pending.cap > KEPT_MIN) {
        str_clear(&s->pending);
    } else {
        str_reset(&s->pending);
    }
    s->sent = 0;
}

size_t stream_take(struct stream *s, char *out, size_t max)
{
    size_t n = s->pending.len - s->sent;

    n = n < max ? n : max;
    if (!n)
        return 0;
    memcpy(out, s->pending.data + s->sent, n);
    s->sent += n;
    compact(s);
    return n;
}

/* Calls wake without the lock: it goes to the sender, which may hold a lock of its own. */
static void unlock_and_wake(struct stream *s)
{
    void (*wake)(void *ctx) = s->waiting ? s->wake : NULL;
    void *ctx = s->ctx;

    s->waiting = false;
    (void)pthread_mutex_unlock(&s->lock);
    if (wake)
        wake(ctx);
}

/* With the lock held. The sender may be stuck in a socket that is full. */
static void cut(struct stream *s)
{
    s->state = STREAM_CUT;
    if (s->cut)
        s->cut(s->ctx);
}

bool stream_write(struct stream *s, const void *bytes, size_t n)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->state == STREAM_OPEN) {
        if (s->pending.len - s->sent + n <= s->max)
            str_add_n(&s->pending, bytes, n);
        else
            s->pending.failed = true;
        if (!str_ok(&s->pending))
            cut(s);
    }
    bool ok = s->state == STREAM_OPEN;
    unlock_and_wake(s);
    return ok;
}

void stream_end(struct stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->state == STREAM_OPEN)
        s->state = STREAM_ENDED;
    unlock_and_wake(s);
}

void stream_cut(struct stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->state == STREAM_OPEN)
        cut(s);
    unlock_and_wake(s);
}

stream_state stream_look(struct stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    stream_state state = s->state;
    (void)pthread_mutex_unlock(&s->lock);
    return state;
}

stream_state stream_probe(struct stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->state != STREAM_OPEN || !s->waiting || !s->is_gone || !s->is_gone(s->ctx)) {
        stream_state state = s->state;
        (void)pthread_mutex_unlock(&s->lock);
        return state;
    }
    s->state = STREAM_LOST;
    unlock_and_wake(s);
    return STREAM_LOST;
}

size_t stream_pending(struct stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    size_t n = s->pending.len - s->sent;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}
