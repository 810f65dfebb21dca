/* SPDX-License-Identifier: MIT */
/* The listener: NOTIFY as a hint that there is work. Without it work is found by polling. */
#include "core/base/clock.h"
#include "core/job/runner_internal.h"

enum {
    WAIT_MS = 500, /* how soon the end is seen */
    PROBE_MS = 30000,
    CONNECT_TIMEOUT_S = 5,
    REPLY_TIMEOUT_MS = 5000,
    PAUSE_MIN_MS = 1000,
    PAUSE_MAX_MS = 10000,
};

static err_code subscribe(struct runner *runner, struct pg **out, struct err *err)
{
    const struct pg_options options = {
        .url = runner->control_url,
        .application_name = "tenantd listener",
        .connect_timeout_s = CONNECT_TIMEOUT_S,
        .reply_timeout_ms = REPLY_TIMEOUT_MS,
    };
    CLEANUP(pg_closep) struct pg *pg = NULL;
    err_code rc = pg_open(&options, &pg, err);

    if (!rc && pg_is_pooled(pg))
        return err_set(err, ERR_INVALID_STATE,
                       "a pooler stands before the control database, and notifications do not come"
                       " through: work is found by polling");
    if (!rc)
        rc = pg_command(pg, "LISTEN tenantd_wake", err);
    if (rc)
        return rc;
    *out = pg;
    pg = NULL; /* now the caller's */
    return ERR_NONE;
}

/* Until the connection breaks or the runner ends. A quiet one is probed: it may be half-open. */
static err_code listen_on(struct runner *runner, struct pg *pg, struct err *err)
{
    int64_t probe_at = clock_mono_ms() + PROBE_MS;
    err_code rc = ERR_NONE;

    while (!rc && !atomic_load(&runner->ending)) {
        bool notified = false;
        rc = pg_wait_notify(pg, WAIT_MS, &notified, err);
        if (!rc && notified)
            runner_wake(runner);
        if (!rc && clock_mono_ms() > probe_at) {
            probe_at = clock_mono_ms() + PROBE_MS;
            rc = pg_command(pg, "SELECT 1", err);
        }
    }
    return rc;
}

static void pause_before_retry(struct runner *runner, int64_t ms)
{
    for (int64_t until = clock_mono_ms() + runner_jitter(ms);
         clock_mono_ms() < until && !atomic_load(&runner->ending);)
        runner_pause(100);
}

void *listener_main(void *arg)
{
    struct runner *runner = arg;
    int64_t pause = PAUSE_MIN_MS;

    while (!atomic_load(&runner->ending)) {
        CLEANUP(pg_closep) struct pg *pg = NULL;
        struct err err = {.code = ERR_NONE};
        err_code rc = subscribe(runner, &pg, &err);
        if (!rc) {
            pause = PAUSE_MIN_MS;
            runner_wake(runner); /* for what was missed */
            rc = listen_on(runner, pg, &err);
        }
        if (!rc)
            continue;
        runner_trouble(runner, TROUBLE_LISTEN, &err);
        if (rc == ERR_INVALID_STATE) /* told once; it would not go away */
            break;
        pause_before_retry(runner, pause);
        pause = pause < PAUSE_MAX_MS ? 2 * pause : PAUSE_MAX_MS;
    }
    return NULL;
}
