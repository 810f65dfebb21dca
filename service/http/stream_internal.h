/* SPDX-License-Identifier: MIT */
/* The inside of a stream, for the side that sends it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/str.h"
#include "service/http/stream.h"

struct stream {
    atomic_int owners;
    pthread_mutex_t lock; /* of what follows; taken before the server's, never after */
    size_t max;
    struct str pending;
    size_t sent; /* bytes at the front of pending that are gone */
    stream_state state;
    /* Of the sender, whose part begins when it sets them and ends when it clears them. */
    bool waiting;               /* it has nothing to send and wants to be woken */
    void (*wake)(void *ctx);    /* called without the lock, once for each time it waits */
    void (*cut)(void *ctx);     /* called with the lock */
    bool (*is_gone)(void *ctx); /* called with the lock while it waits */
    void *ctx;
};

/* With the lock held: takes what there is, max bytes at most. */
size_t stream_take(struct stream *stream, char *out, size_t max);
