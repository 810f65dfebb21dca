/* SPDX-License-Identifier: MIT */
/* The relay: on the leader, numbers what happened five times a second, tells progress, forgets. */
#include "core/base/clock.h"
#include "core/job/event.h"
#include "core/job/runner_internal.h"

enum { RELAY_EVERY_MS = 200, EVENT_PRUNE_EVERY_MS = 60000, EVENT_PRUNE_LIMIT = 1000 };

struct relay {
    struct runner *runner;
    int64_t progress_at, prune_at;
};

/* In small batches, one a round until nothing old is left. */
static err_code forget(struct relay *r, struct pg *pg, int64_t now, struct err *err)
{
    int64_t gone = 0;

    if (now < r->prune_at)
        return ERR_NONE;
    err_code rc =
        event_prune(pg, r->runner->options.event_retention_days, EVENT_PRUNE_LIMIT, &gone, err);
    if (!rc && gone < EVENT_PRUNE_LIMIT)
        r->prune_at = now + runner_jitter(EVENT_PRUNE_EVERY_MS);
    return rc;
}

static err_code relay_once(struct relay *r, struct pg *pg, struct err *err)
{
    const struct runner *runner = r->runner;
    int64_t now = clock_mono_ms();
    struct event_batch batch;
    err_code rc = ERR_NONE;

    if (now >= r->progress_at) {
        r->progress_at = now + SECOND_MS;
        rc = event_progress(pg, err);
    }
    if (!rc)
        rc = event_relay(pg, &batch, err);
    if (rc)
        return rc;
    if (runner->observer.relayed)
        runner->observer.relayed(runner->options.observer_ctx, batch.count, batch.lag_ms);
    return forget(r, pg, now, err);
}

/* Borrows anew each time: a connection of the control pool is too dear to be kept for this. */
void *relay_main(void *arg)
{
    struct runner *runner = arg;
    struct relay r = {.runner = runner};

    for (uint64_t seen; runner_goes_on(&runner->ending, &runner->relay, &seen);) {
        struct err err = {.code = ERR_NONE};
        struct pg *pg = NULL;
        if (runner_is_leader(runner) && runner_connect(runner, &pg, TROUBLE_RELAY) &&
            relay_once(&r, pg, &err))
            runner_trouble(runner, TROUBLE_RELAY, &err);
        runner_disconnect(runner, &pg);
        (void)bell_wait(&runner->relay, seen, RELAY_EVERY_MS);
    }
    return NULL;
}
