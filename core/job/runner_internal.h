/* SPDX-License-Identifier: MIT */
/*
 * The runner's inside. Threads: one worker per slot (runner_worker.c, runner_chunk.c); the heart,
 * which says that this replica lives and hears which jobs are being cancelled (runner_heart.c); the
 * warden, which stops what must not go on and never touches the control database (runner_warden.c);
 * the caretaker, which leads (runner_caretaker.c); the relay, which numbers events while this replica
 * leads (runner_relay.c); the listener (runner_listener.c).
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "core/job/bell.h"
#include "core/job/claim.h"
#include "core/job/runner.h"

/* Why a slot must stop; a later one outweighs an earlier one. */
typedef enum stop_reason {
    STOP_NONE,
    STOP_JOB_CANCELLED,
    STOP_REPLICA,    /* what has not ended is given back */
    STOP_LEASE_LOST, /* the tasks may run elsewhere by now: their results are dropped */
} stop_reason;

enum { CANCELLER_SERVER, CANCELLER_CONTROL, CANCELLER_OTHER, CANCELLER_COUNT };

/* One worker thread. What lies below `lock` is looked at by other threads too. */
struct slot {
    struct runner *runner;
    pthread_t thread;
    int number;
    bool started;
    bool dirty; /* tasks may run under this slot that it does not know: give them back first */
    struct pg *control, *server;
    char *server_id;
    char named_for[UUID_TEXT_SIZE]; /* the worker whose name the session has */
    int server_tasks; /* run on this connection */
    int64_t server_work_us; /* for so long */
    int64_t worked_at; /* monotonic ms at the end of the last chunk */
    char worked_on[UUID_TEXT_SIZE]; /* the job of the last chunk; "": the slot has rested since */

    pthread_mutex_t lock;
    stop_reason reason;
    bool cancelled; /* what kinds look at: only by __atomic builtins */
    int64_t told_at, fire_again_at;
    struct pg_canceller *cancellers[CANCELLER_COUNT];    /* while a task runs */
    char worker[UUID_TEXT_SIZE], job_id[UUID_TEXT_SIZE]; /* of the chunk; "": idle */
};

/* What can fail now and again; each is reported at most every REPORT_EVERY_MS. */
typedef enum trouble {
    TROUBLE_CLAIM,
    TROUBLE_FINISH,
    TROUBLE_SERVER,
    TROUBLE_FLUSH,
    TROUBLE_HEARTBEAT,
    TROUBLE_LEADER,
    TROUBLE_RECONCILE,
    TROUBLE_RESCUE,
    TROUBLE_PRUNE,
    TROUBLE_PACE,
    TROUBLE_RELAY,
    TROUBLE_LISTEN,
    TROUBLE_STOP,
} trouble;

enum {
    TROUBLE_COUNT = TROUBLE_STOP + 1,
    REPORT_EVERY_MS = 5000,
    FIRE_EVERY_MS = 500,
    CUT_AFTER_MS = 5000, /* what heeds no cancel for so long loses its connection */
    CANCEL_SETTLE_MS = 2000, /* how long a cancel that is under way is waited for */
    SECOND_MS = 1000,
};

struct runner {
    struct runner_options options; /* its strings are ours */
    char *host, *build, *control_url, *kinds;
    struct runner_observer observer;
    struct slot *slots;
    struct bell work, heart, warden, caretaker, relay, exits;
    pthread_t heart_thread, warden_thread, caretaker_thread, relay_thread, listener_thread;
    int threads;                 /* of those five, how many run */
    pthread_mutex_t claim_lock;  /* claims of one replica do not contend with each other */
    pthread_mutex_t lock;        /* of what follows */
    char worker[UUID_TEXT_SIZE]; /* our row; "": not registered */
    int64_t reported_at[TROUBLE_COUNT];
    double *task_ms; /* per kind, moving average; 0: not known */
    int working;     /* worker threads that have not ended */
    json_t *tally;   /* what tasks came to, by server: pace_tally() */

    atomic_bool stopping; /* no more claims */
    atomic_bool ending;   /* the other threads end, too */
    atomic_llong beat_at; /* monotonic ms at the start of the last heartbeat that got through */
    atomic_llong leads_until;
};

/* runner.c */
void runner_trouble(struct runner *runner, trouble what, const struct err *err);
/* Our worker's id; false: not registered, or silent for so long that others may take our tasks. */
bool runner_worker_id(struct runner *runner, char out[UUID_TEXT_SIZE]);
bool runner_is_fenced(const struct runner *runner);
const struct job_kind *runner_kind(const struct runner *runner, const char *name);
/* A control connection, kept in *pg across calls; false: there is none now (reported). */
bool runner_connect(struct runner *runner, struct pg **pg, trouble what);
/* Gives *pg back to the pool; a broken connection is closed there. */
void runner_disconnect(struct runner *runner, struct pg **pg);
/* Reconciles one job and tells the observer when its state moved; *after (may be NULL) is what it is
 * now. */
err_code runner_reconcile(struct runner *runner, struct pg *pg, const char *job_id,
                          const char *kind, job_state *after, struct err *err) MUST_USE;

/* Starts a round of a thread's loop: *seen is for bell_wait() at its end, so that an end that comes
 * in between is not slept over. */
bool runner_goes_on(const atomic_bool *end, struct bell *bell, uint64_t *seen);
/* Sleeps; a thread that may be woken waits at a bell instead. */
void runner_pause(int64_t ms);
/* About ms, a quarter more or less, so that replicas do not move in step. */
int64_t runner_jitter(int64_t ms);

/* runner_slot.c */
void slot_init(struct slot *slot, struct runner *runner, int number);
void slot_destroy(struct slot *slot);
void slot_enter(struct slot *slot, const struct chunk *chunk);
void slot_leave(struct slot *slot);
/* While a task runs, its connections can be cancelled by others. */
void slot_expose(struct slot *slot);
void slot_withdraw(struct slot *slot);
/* Tells a busy slot to stop; job_id or worker NULL: whatever it works on. */
void slot_tell(struct slot *slot, stop_reason reason, const char *worker, const char *job_id);
stop_reason slot_reason(struct slot *slot);
bool slot_is_busy(struct slot *slot);
/* Cancels what a slot that was told to stop is doing. */
void slot_fire(struct slot *slot);

/* runner_server.c */
struct finished;
/* After a task: pauses its server, or ends the pause after a probe. true: nothing more of the chunk
 * shall start. */
bool chunk_mind_server(struct slot *slot, const struct chunk *chunk, const struct finished *item);

/* runner_chunk.c */
void chunk_run(struct slot *slot, struct chunk *chunk);
int chunk_size(void *runner, const char *kind);
void slot_drop_server(struct slot *slot);

/* thread bodies */
void *worker_main(void *slot);
void *heart_main(void *runner);
void *warden_main(void *runner);
void *caretaker_main(void *runner);
void *relay_main(void *runner);
void *listener_main(void *runner);
