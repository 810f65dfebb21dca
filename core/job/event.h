/* SPDX-License-Identifier: MIT */
/*
 * What happened, for those who follow: events are written in the transaction of what they tell,
 * numbered by a relay once that has committed, and read in the order of the numbers. Who reads
 * after the last number it saw misses nothing and sees nothing twice. The tables of jobs and
 * tenants tell changes of state by themselves (core/control/0002_event.sql).
 */
#pragma once

#include <jansson.h>

#include "core/base/hash.h"
#include "core/pg/pg.h"

/* Within the caller's transaction, if there is one. type is like "run.wave_opened"; job_id,
 * subject (a tenant) and data (an object) may be NULL. */
err_code event_emit(struct pg *pg, const char *type, const char *job_id, const char *subject,
                    const json_t *data, struct err *err) MUST_USE;
/* The same for an array of objects {type, job_id, subject, data}, in its order, in one statement.
 */
err_code event_emit_all(struct pg *pg, const json_t *events, struct err *err) MUST_USE;

/* Tells the progress of the live jobs that has changed since it was told last, at most once a
 * second for each: successes are folded into it. */
err_code event_progress(struct pg *pg, struct err *err) MUST_USE;

struct event_batch {
    int64_t count, lag_ms; /* numbered now; how long the oldest of them had waited */
};
/* Numbers what has been committed and tells the listeners of channel tenantd_events. Any replica
 * may call it at any time: all but one do nothing. */
err_code event_relay(struct pg *pg, struct event_batch *out, struct err *err) MUST_USE;

/* Whether the word is the type of an event; n characters of it. */
bool event_type_is_known(const char *word, size_t n);
/* The types that end the stream of a job. */
bool event_type_is_final(const char *type);

struct event_bounds {
    int64_t last;   /* the highest number that was given */
    int64_t pruned; /* who has seen this one or a later one has missed nothing that is gone */
};
err_code event_bounds(struct pg *pg, struct event_bounds *out, struct err *err) MUST_USE;

/* Whether everything that a finished job has told is numbered by now. */
err_code event_job_is_told(struct pg *pg, const char *job_id, bool *out, struct err *err) MUST_USE;

struct event_filter {
    const char *types, *subject; /* types as a PostgreSQL array; NULL: any */
    const char *job_id;          /* NULL: any */
    int64_t after;
    int limit;
};
/* *out (the caller's) has columns seq, type, job_id, subject, data (with the job's id in it), time,
 * in the order of seq. */
err_code event_list(struct pg *pg, const struct event_filter *filter, struct pg_rows **out,
                    struct err *err) MUST_USE;

/* Deletes events older than days, at most limit of them; *gone is how many. */
err_code event_prune(struct pg *pg, int days, int limit, int64_t *gone, struct err *err) MUST_USE;
