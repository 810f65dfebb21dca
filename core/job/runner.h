/* SPDX-License-Identifier: MIT */
/*
 * The replica's part in running jobs: worker threads that claim tasks in chunks, run them through
 * the table of kinds and finish them in batches; a caretaker thread that heartbeats, leads,
 * reconciles, rescues and prunes; a listener thread for wake-ups.
 */
#pragma once

#include "core/job/job.h"
#include "core/pg/pg.h"
#include "core/pg/pg_pool.h"

/* What a task came to. */
typedef enum task_verdict {
    VERDICT_SUCCEEDED,
    VERDICT_SKIPPED,
    VERDICT_FAILED,
    VERDICT_CANCELLED,
    VERDICT_RETRY,  /* transient failure: spends an attempt, runs again after retry_after_ms */
    VERDICT_SNOOZE, /* a lock is busy, the server is away: spends nothing */
} task_verdict;

/* What a task that snoozes waits for, and so how long it may. */
typedef enum snooze_reason {
    SNOOZE_ELSE,   /* the kind's max_snoozes */
    SNOOZE_LOCK,   /* a lock that others have: lock_attempts of the result */
    SNOOZE_LANE,   /* other work of ours, which ends: for as long as it takes */
    SNOOZE_SERVER, /* the server has trouble, for everybody on it: until it is over */
} snooze_reason;

/* Filled by a kind; the tenant's row changes in the transaction that finishes the task. */
struct task_result {
    task_verdict verdict;
    int64_t retry_after_ms;
    snooze_reason snooze;
    int lock_attempts;        /* with SNOOZE_LOCK: how often it may be tried */
    json_t *outcome;          /* owned; NULL: none */
    const char *tenant_state; /* new state, a literal; NULL: unchanged */
    int64_t applied_set;      /* new content of the tracking table; 0: unchanged */
    json_t *last_error;       /* owned; NULL: cleared when tenant_state or applied_set is set */
    bool delete_tenant;       /* the registry row goes */
};
void task_result_clear(struct task_result *result);

/* What a kind works with; lives as long as the chunk. */
struct task_run {
    void *ctx;             /* of the runner's owner: settings, catalogs, pools */
    const struct job *job; /* kind, args, created_by */
    const struct task *task;
    struct pg *control; /* a connection to the control database */
    struct pg *server;  /* a connection to the task's server, pinned to the chunk; the same
                           server is used for many tasks, settings only by SET LOCAL */
    bool *cancelled;    /* becomes true when the job is cancelled or the replica must stop */
    bool probing;       /* the only task on a server that had trouble: has it still? */
    void *slot;         /* of the runner, for task_run_expose() */
};

/* Whether the task shall stop: how a kind reads *cancelled, which another thread writes. A kind
 * that was interrupted answers VERDICT_CANCELLED. */
bool task_run_cancelled(const struct task_run *run);

/* One more connection that a task works with, to be cancelled like its others; NULL: it is about to
 * be closed. */
void task_run_expose(const struct task_run *run, struct pg *pg);

struct job_kind {
    const char *name; /* "tenant.create" */
    int chunk;        /* tasks claimed at once, at most; sized down for slow tasks */
    int least;        /* but not below this: they are cheap together only; 0: 1 */
    int max_attempts, max_snoozes;
    bool flush; /* tasks commit asynchronously: their server is flushed before they finish */
    void (*run)(struct task_run *run, struct task_result *result);
    /* optional, instead: run->task is the first of n in a row. Returns how many of them, from the
     * first on, have come to an end: at least one, and none that was begun after one that failed,
     * since the runner looks in between whether to go on. */
    size_t (*run_many)(struct task_run *run, struct task_result *results, size_t n);
};

/* What happens, for logs and metrics; called from worker and caretaker threads. Any may be NULL. */
struct runner_observer {
    void (*task_finished)(void *ctx, const struct job *job, const struct task *task,
                          const struct task_result *result, int64_t duration_ms);
    void (*job_changed)(void *ctx, const char *job_id, const char *kind, job_state state);
    void (*claimed)(void *ctx, int tasks, int64_t duration_us);
    void (*rescued)(void *ctx, int tasks);
    void (*fenced)(void *ctx, int tasks);
    void (*leader)(void *ctx, bool is_leader);
    /* on the leader, after each round: the oldest of the events had waited for lag_ms */
    void (*relayed)(void *ctx, int64_t events, int64_t lag_ms);
    void (*failed)(void *ctx, const char *what, const struct err *err);
    /* every second on every replica, and on the leader with a control connection */
    void (*tick)(void *ctx, struct pg *control, bool is_leader);
};

struct runner_options {
    struct pg_pool *control;
    const char *control_url; /* for the listener's own connection */
    const struct job_kind *kinds;
    size_t kind_count;
    void *ctx; /* handed to kinds and to open_server */
    const struct runner_observer *observer;
    void *observer_ctx;
    /* A connection to a server by its id, under that server's connection budget. control is the
     * worker's own: one that holds a connection must not wait for a second of the same pool. */
    err_code (*open_server)(void *ctx, struct pg *control, const char *server, struct pg **out,
                            struct err *err);
    void (*close_server)(void *ctx, const char *server, struct pg *pg);
    const char *host, *build;
    int workers;              /* threads; 0: this replica claims nothing */
    int default_max_parallel; /* of a server that names none; 0: what is found to be best */
    int64_t poll_interval_ms, lease_ms;
    int retention_days, event_retention_days;
};

struct runner;
err_code runner_start(const struct runner_options *options, struct runner **out, struct err *err)
    MUST_USE;
/* A hint that there is work; from any thread. */
void runner_wake(struct runner *runner);
bool runner_is_leader(const struct runner *runner);
/* Monotonic ms since the last heartbeat that reached the database. */
int64_t runner_heartbeat_age_ms(const struct runner *runner);
/* Claims nothing more from now on; runner_stop() follows. NULL is fine. */
void runner_retire(struct runner *runner);
/* Claims nothing more, waits up to drain_ms for running tasks, then cancels them and gives them
 * back without spending an attempt; removes the worker's row. What others ask or tell it until
 * runner_free() does no harm. NULL is fine. */
void runner_stop(struct runner *runner, int64_t drain_ms);
/* Of a stopped one; NULL is fine. */
void runner_free(struct runner *runner);
