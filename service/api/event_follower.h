/* SPDX-License-Identifier: MIT */
/* One stream: what it wants, how far it is, and what is sent to it next. The hub's thread's alone.
 */
#pragma once

#include <sys/queue.h>

#include "service/api/event_hub.h"
#include "service/api/event_ring.h"

struct follower {
    TAILQ_ENTRY(follower) link;
    struct stream *stream;
    char *principal, *types, *job_id,
        *subject;          /* types as ",a.a,b.b,"; all but principal: or NULL */
    int64_t cursor, until; /* seen up to; as in struct follow */
    int64_t probed_at; /* clock_mono_ms() when its client was last looked for */
    int64_t spoken_at;     /* clock_mono_ms() when something was last written */
    int64_t stuck_at;      /* since when its buffer is full; 0: it is not */
};

/* NULL: no memory. */
struct follower *follower_new(const struct follow *follow);
void follower_free(struct follower *f);

typedef enum serving {
    SERVED,  /* it has all there is */
    HUNGRY,  /* there is more for it */
    ENDED,   /* it is over, or its client is gone */
    DROPPED, /* its client was too slow */
} serving;
/* Sends what follows its cursor: from the ring, or a page from the table when that does not reach
 * back so far; pg may be NULL, then nothing is read. */
err_code follower_serve(struct follower *f, const struct event_ring *ring, struct pg *pg,
                        const struct event_hub_options *options, serving *out, struct err *err)
    MUST_USE;
