/* SPDX-License-Identifier: MIT */
/* A job and its tasks as plain values, and the rules of their lives. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/job/rollout.h"

typedef enum job_state {
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_PAUSED, /* nothing more starts; what runs goes on to its end */
    JOB_CANCELLING,
    JOB_SUCCEEDED, /* this and the rest are terminal and never change */
    JOB_PARTIAL,   /* some tasks succeeded, some did not */
    JOB_FAILED,
    JOB_CANCELLED,
} job_state;
const char *job_state_name(job_state state);
bool job_state_parse(const char *name, job_state *out);
bool job_state_is_terminal(job_state state);

typedef enum task_state {
    TASK_QUEUED,
    TASK_RUNNING,
    TASK_SUCCEEDED,
    TASK_SKIPPED, /* there was nothing to do */
    TASK_FAILED,
    TASK_CANCELLED,
} task_state;
const char *task_state_name(task_state state);
bool task_state_parse(const char *name, task_state *out);

/* Why a job ended before all its tasks had run. */
typedef enum end_reason {
    END_NONE,
    END_CANCELLED,
    END_FAILURE, /* on_failure "stop", or a wave that had to succeed whole */
    END_BUDGET,
    END_DEADLINE,
} end_reason;
const char *end_reason_name(end_reason reason); /* NULL for END_NONE */

struct task_counts {
    int64_t queued, running, succeeded, skipped, failed, cancelled;
};

/* What the controller looks at to decide what becomes of a job. */
struct job_view {
    job_state state;
    struct task_counts all;
    int64_t open_live;     /* queued and running tasks of the waves that are open */
    int64_t strict_failed; /* failed and cancelled tasks of the waves that must succeed */
    int64_t noop;          /* targets that had nothing to do from the start */
    struct ended wave;     /* of the newest open wave */
    int open_wave, wave_count, strict_waves;
    bool stop_on_failure, cancel_requested, past_deadline;
    end_reason reason;
    struct rollout rollout;
};

struct job_decision {
    job_state state; /* JOB_PAUSED out of another state: the failure budget is spent */
    int open_wave;
    bool cancel_queued;       /* the queued tasks shall be cancelled */
    wave_wait wait;           /* for what the next wave waits, once the open ones have ended */
    end_reason reason;
    int64_t missing_failures; /* so many more would have to be allowed; 0: within the budget */
};

/* Level-triggered and idempotent: the same view always gives the same decision. */
struct job_decision job_decide(const struct job_view *view);

struct job {
    char id[UUID_TEXT_SIZE], retry_of[UUID_TEXT_SIZE]; /* retry_of "" for none */
    char *kind, *subject, *created_by, *request_id;    /* subject and request_id may be NULL */
    job_state state;
    json_t *args, *result; /* result may be NULL */
    struct task_counts progress; /* as the controller last saw it, noop in skipped */
    bool stop_on_failure, cancel_requested;
    bool has_limits; /* a failure may pause or end it */
    json_t *rollout; /* waves, budget, windows and what it waits for, as the API shows them */
    int max_parallel;
    int64_t row_version;
    char *created_at, *started_at, *finished_at; /* RFC 3339 or NULL */
    int64_t elapsed_ms; /* since started_at, to finished_at or now; 0 before */
};
void job_clear(struct job *job);

struct task {
    int64_t id;
    char job_id[UUID_TEXT_SIZE];
    int item, wave, attempt, snoozes, lock_waits;
    char *tenant_id, *server; /* tenant_id may be NULL */
    task_state state;
    json_t *args, *outcome; /* may be NULL */
    char *claimed_at, *finished_at;
};
void task_clear(struct task *task);
