/* SPDX-License-Identifier: MIT */
/* The last events, ready to be sent: most who come back find there what they missed. */
#pragma once

#include "core/pg/pg.h"

enum { EVENT_RING = 1024 };

struct told {
    int64_t seq;
    char *type, *job_id, *subject; /* job_id and subject may be NULL */
    char *message;
    size_t len;
};

/* Every event after `from` up to `head`, when it is kept still, is in it. One thread's alone. */
struct event_ring {
    struct told told[EVENT_RING];
    size_t first, count;
    int64_t from, head;
};

/* Forgets all; the next event is the first after head. */
void event_ring_reset(struct event_ring *ring, int64_t head);
/* Adds the rows of event_list(), which follow head; false: no memory. */
bool event_ring_add(struct event_ring *ring, const struct pg_rows *rows);
/* The place of the first event after seq, to be counted up to ring->count. */
size_t event_ring_after(const struct event_ring *ring, int64_t seq);
const struct told *event_ring_at(const struct event_ring *ring, size_t place);
