/* SPDX-License-Identifier: MIT */
/*
 * A body without a known end: one side writes when there is something to say, from any thread, and
 * the server sends it while no thread waits. What is written and not sent yet is bounded: a client
 * that does not keep up is cut off rather than waited for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct stream;

/* The writer's own reference; NULL: no memory. A reply takes one more (reply_stream()). */
struct stream *stream_new(size_t max_pending);
/* Another owner of the same stream. */
struct stream *stream_keep(struct stream *stream);
/* Each owner's last call; NULL is fine. */
void stream_release(struct stream *stream);
void stream_releasep(struct stream **stream);

/* false: it has ended, the client is gone, or was too slow and is cut off now. */
bool stream_write(struct stream *stream, const void *bytes, size_t n);
/* Nothing follows: what was written is still sent, then the reply ends. */
void stream_end(struct stream *stream);
/* The client is too slow: the connection ends at once. */
void stream_cut(struct stream *stream);

typedef enum stream_state {
    STREAM_OPEN,
    STREAM_ENDED, /* by stream_end() */
    STREAM_CUT,   /* the client was too slow */
    STREAM_LOST,  /* the client went away first */
} stream_state;
stream_state stream_look(struct stream *stream);
/* The same, after a look whether the client is there still: what is not sent to does not show it. */
stream_state stream_probe(struct stream *stream);
/* How much of what was written has not been sent. */
size_t stream_pending(struct stream *stream);
