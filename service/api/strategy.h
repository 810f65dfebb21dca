/* SPDX-License-Identifier: MIT */
/*
 * How a run is rolled out: the "strategy", "windows" and "deadline_seconds" of its request. First a
 * canary, then waves, each a share of the targets; a budget of failures; when tasks may start.
 */
#pragma once

#include "core/job/rollout_store.h"
#include "core/tenant/selector.h"
#include "service/api/fields.h"

struct strategy {
    bool staged; /* it has a canary or waves */
    bool has_canary;
    char *canary_ids;     /* owned; text[] literal, NULL: none is named */
    int64_t canary_count; /* so many more, in the order of the run */
    struct wave canary;   /* its rules; tasks is not known yet */
    json_t *sizes;        /* owned; one object a wave: {"percent"}, {"count"} or {} for the rest */
    struct wave waves[ROLLOUT_WAVES_MAX];
    size_t wave_count;
    bool by_id; /* in the order of ids instead of that of their hashes */
    struct rollout_spec rollout;
};

/* Reads the three members of a run's body, any of them NULL; windows is borrowed. */
void strategy_read(const json_t *strategy, const json_t *windows, int64_t deadline_seconds,
                   struct strategy *out, struct problems *problems);
void strategy_clear(struct strategy *s);
/* What only the database knows: canary tenants that the selector does not cover, windows that do
 * not open. Asks only while there is no other problem; fails when the database does. */
err_code strategy_check(struct call *call, const struct strategy *s,
                        const struct selector *selector, struct problems *problems, struct err *err)
    MUST_USE;
/* "failure_budget" of a body; present: whether it was there. */
void strategy_read_limit(const json_t *object, const char *base, struct failure_limit *out,
                         struct problems *problems);

/*
 * Once the tasks of a job are there, with `first` waves before those of the strategy: counts them,
 * checks that the waves hold them all, and stores the waves' rules. ERR_EMPTY_CANARY,
 * ERR_WAVES_INCOMPLETE.
 */
err_code strategy_store_waves(struct pg *pg, const char *job_id, const struct strategy *s,
                              int first, struct err *err) MUST_USE;
