/* SPDX-License-Identifier: MIT */
/*
 * The streams of this replica: one thread reads each new event once, and everybody who follows gets
 * it from there. Who is behind reads on from the table at the pace at which his client takes it.
 */
#pragma once

#include "core/job/event.h"
#include "service/http/stream.h"
#include "service/log.h"

struct event_hub;

struct event_hub_options {
    const char *url; /* of the control database, for a connection that is open while one follows */
    const struct log *log; /* may be NULL */
    int max_streams, max_per_principal;
    int64_t heartbeat_ms; /* a comment after so long a silence */
    int64_t slow_ms;      /* a client whose buffer is full for so long is cut off */
};

/* Who follows what. The strings are copied. */
struct follow {
    const char *principal;
    const char *types;            /* "a.a,b.b"; NULL: any */
    const char *job_id, *subject; /* NULL: any */
    int64_t after;
    int64_t until;     /* the stream ends when all up to this number was seen; INT64_MAX: never */
    const char *first; /* sent before anything else */
};

struct event_hub_stats {
    int streams;
    int64_t dropped; /* clients that were too slow */
};

err_code event_hub_start(const struct event_hub_options *options, struct event_hub **out,
                         struct err *err) MUST_USE;
/* *out is the caller's reference. ERR_RATE_LIMITED, ERR_DRAINING. */
err_code event_hub_follow(struct event_hub *hub, const struct follow *follow, struct stream **out,
                          struct err *err) MUST_USE;
/* Every stream ends with a word of farewell, new ones are refused. NULL is fine. */
void event_hub_end(struct event_hub *hub);
/* After event_hub_end(), when nobody calls it any more. NULL is fine. */
void event_hub_free(struct event_hub *hub);
struct event_hub_stats event_hub_stats(struct event_hub *hub);

/* The end of a stream as its client sees it. */
#define EVENT_END(reason) "event: end\ndata: {\"reason\":\"" reason "\"}\n\n"
