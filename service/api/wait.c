/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "service/api/dispatch.h"
#include "service/api/render.h"

enum { WAIT_MAX_S = 55 };

/* What a parked request remembers. */
struct waiting {
    char job_id[UUID_TEXT_SIZE];
    int64_t deadline;
    int seconds;
    bool replayed; /* the job is that of an earlier request with the same Idempotency-Key */
};

int prefer_wait_s(const struct request *req)
{
    const char *prefer = request_header(req, "Prefer");
    const char *wait = prefer ? strstr(prefer, "wait=") : NULL;

    if (!wait || (wait > prefer && wait[-1] != ' ' && wait[-1] != ','))
        return 0;
    long seconds = strtol(wait + strlen("wait="), NULL, 10);
    return seconds < 0 ? 0 : seconds > WAIT_MAX_S ? WAIT_MAX_S : (int)seconds;
}

bool is_waiting(const struct call *call)
{
    /* a GET that waits for a job keeps a state of its own (jobs.c) */
    return call->req->state && call->route->pattern.method != HTTP_GET;
}

static struct reply applied(struct reply reply, const struct waiting *w)
{
    char text[24];
    (void)snprintf(text, sizeof text, "wait=%d", w->seconds);
    reply_header(&reply, "Preference-Applied", text);
    if (w->replayed)
        reply_header(&reply, "Idempotent-Replayed", "true");
    return reply;
}

static bool is_replayed(const struct reply *reply)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (str_eq(reply->headers[i].name, "Idempotent-Replayed"))
            return true;
    return false;
}

struct reply resume_waiting(struct call *call)
{
    struct waiting *w = call->req->state;
    struct reply reply = reply_job(call, w->job_id);

    if (reply.status != 202 || call->req->park_expired || clock_mono_ms() >= w->deadline)
        return applied(reply, w);
    reply_clear(&reply);
    return reply_park(w->job_id, w->deadline);
}

struct reply answer_job(struct call *call, struct reply reply)
{
    int seconds = prefer_wait_s(call->req);

    runner_wake(call->app->runner);
    if (!seconds || reply.status != 202)
        return reply;
    struct waiting *w = malloc(sizeof *w);
    if (!w)
        return reply;
    *w = (struct waiting){.deadline = clock_mono_ms() + (int64_t)seconds * 1000,
                          .seconds = seconds,
                          .replayed = is_replayed(&reply)};
    memcpy(w->job_id, call->job_id, sizeof w->job_id);
    call->req->state = w;
    call->req->state_free = free;
    reply_clear(&reply);
    return reply_park(w->job_id, w->deadline);
}
