/* SPDX-License-Identifier: MIT */
/*
 * A rollout's rules as plain values: how many failures a run and its waves bear, when the next wave
 * may open. Pure: times are given as durations.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

enum {
    ROLLOUT_WAVES_MAX = 32,
    ROLLOUT_RATIO_FROM = 20, /* a ratio says something once so many tasks have ended */
};

struct failure_limit {
    bool by_count, by_ratio; /* neither: any number may fail */
    int64_t max_failures;
    double max_ratio; /* failed / ended, 0 to 1 */
};

/* What becomes of a job that has more failures than its limits bear. */
typedef enum on_budget { ON_BUDGET_PAUSE, ON_BUDGET_CONTINUE, ON_BUDGET_CANCEL } on_budget;
const char *on_budget_name(on_budget value);
bool on_budget_parse(const char *name, on_budget *out);

struct wave {
    int64_t tasks;
    struct failure_limit limit;
    int64_t bake_ms; /* that must pass between its last task's end and the next wave */
    bool gated;      /* it opens only when somebody promotes it */
};

/* For what the opening of the next wave waits. */
typedef enum wave_wait { WAVE_READY, WAVE_BAKES, WAVE_GATED } wave_wait;

struct rollout {
    struct failure_limit limit;
    on_budget on_budget;
    int64_t extra_failures;   /* allowed on top of every limit, at resumes */
    const struct wave *waves; /* one a wave of the job; NULL: none has rules */
    int promoted_wave;        /* waves up to this one wait for nothing */
    int64_t rested_ms;        /* since the last task of the open waves ended; 0: just now */
};

/* Tasks that have ended, by how; in all or of one wave. */
struct ended {
    int64_t done, failed; /* failed is part of done */
};

/* Whether the failures are more than the limit and extra bear; whole: nothing more will end. */
bool failure_limit_exceeded(const struct failure_limit *limit, int64_t extra, struct ended ended,
                            bool whole);
/* The least extra_failures with which it would not be exceeded; 0 when it is not. */
int64_t failure_limit_missing(const struct failure_limit *limit, struct ended ended, bool whole);
/* Whether wave `next` may open now that all waves before it have ended. */
wave_wait rollout_wait(const struct rollout *rollout, int next);

/* A job's waves as the control schema and the API have them: an array of objects {name, tasks,
 * max_failures, max_ratio, bake_seconds, gate}; null where there is no limit. */
err_code rollout_read_waves(const json_t *array, struct wave out[ROLLOUT_WAVES_MAX], int *count,
                            struct err *err) MUST_USE;
/* One of them; NULL: no memory. */
json_t *rollout_wave_json(const char *name, const struct wave *wave);
