/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/retry.h"
#include "core/base/str.h"
#include "core/job/job_internal.h"
#include "core/job/runner_internal.h"
#include "core/job/worker_store.h"

static const char *const trouble_names[TROUBLE_COUNT] = {
    [TROUBLE_CLAIM] = "claim",         [TROUBLE_FINISH] = "finish",
    [TROUBLE_SERVER] = "server",       [TROUBLE_FLUSH] = "flush",
    [TROUBLE_HEARTBEAT] = "heartbeat", [TROUBLE_LEADER] = "leader",
    [TROUBLE_RECONCILE] = "reconcile", [TROUBLE_RESCUE] = "rescue",
    [TROUBLE_PRUNE] = "prune",         [TROUBLE_PACE] = "pace",
    [TROUBLE_RELAY] = "relay",         [TROUBLE_LISTEN] = "listen",
    [TROUBLE_STOP] = "stop",
};

void runner_trouble(struct runner *runner, trouble what, const struct err *err)
{
    int64_t now = clock_mono_ms();

    (void)pthread_mutex_lock(&runner->lock);
    int64_t last = runner->reported_at[what];
    bool due = !last || now - last >= REPORT_EVERY_MS;
    if (due)
        runner->reported_at[what] = now;
    (void)pthread_mutex_unlock(&runner->lock);
    if (due && runner->observer.failed)
        runner->observer.failed(runner->options.observer_ctx, trouble_names[what], err);
}

int64_t runner_heartbeat_age_ms(const struct runner *runner)
{
    return clock_mono_ms() - atomic_load(&runner->beat_at);
}

bool runner_is_fenced(const struct runner *runner)
{
    int64_t lease = runner->options.lease_ms;
    return runner_heartbeat_age_ms(runner) > lease - lease / 3;
}

bool runner_worker_id(struct runner *runner, char out[UUID_TEXT_SIZE])
{
    (void)pthread_mutex_lock(&runner->lock);
    memcpy(out, runner->worker, UUID_TEXT_SIZE);
    (void)pthread_mutex_unlock(&runner->lock);
    return out[0] && !runner_is_fenced(runner);
}

bool runner_is_leader(const struct runner *runner)
{
    return clock_mono_ms() < atomic_load(&runner->leads_until);
}

const struct job_kind *runner_kind(const struct runner *runner, const char *name)
{
    for (size_t i = 0; i < runner->options.kind_count; i++)
        if (str_eq(name, runner->options.kinds[i].name))
            return &runner->options.kinds[i];
    return NULL;
}

bool runner_connect(struct runner *runner, struct pg **pg, trouble what)
{
    struct err err = {.code = ERR_NONE};

    if (*pg && pg_alive(*pg))
        return true;
    runner_disconnect(runner, pg);
    if (!pg_pool_borrow(runner->options.control, pg, &err))
        return true;
    runner_trouble(runner, what, &err);
    return false;
}

void runner_disconnect(struct runner *runner, struct pg **pg)
{
    pg_pool_return(runner->options.control, *pg);
    *pg = NULL;
}

err_code runner_reconcile(struct runner *runner, struct pg *pg, const char *job_id,
                          const char *kind, job_state *after, struct err *err)
{
    struct job_move move = {.after = JOB_CANCELLED};
    err_code rc = job_reconcile_move(pg, job_id, &move, err);

    if (rc == ERR_JOB_NOT_FOUND) /* pruned or deleted meanwhile: nothing is left to do */
        rc = ERR_NONE;
    else if (!rc && move.before != move.after && runner->observer.job_changed)
        runner->observer.job_changed(runner->options.observer_ctx, job_id, kind, move.after);
    if (!rc && after)
        *after = move.after;
    return rc;
}

bool runner_goes_on(const atomic_bool *end, struct bell *bell, uint64_t *seen)
{
    *seen = bell_rings(bell);
    return !atomic_load(end);
}

void runner_pause(int64_t ms)
{
    if (ms <= 0)
        return;
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

int64_t runner_jitter(int64_t ms)
{
    return (int64_t)((double)ms * (0.75 + 0.5 * retry_random()));
}

void runner_wake(struct runner *runner)
{
    bell_ring(&runner->work, false);
    bell_ring(&runner->heart, true);
}

/* "{a,b}" with every name quoted. */
static char *kinds_array(const struct runner_options *options)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    str_add_char(&text, '{');
    for (size_t i = 0; i < options->kind_count; i++)
        str_addf(&text, "%s\"%s\"", i ? "," : "", options->kinds[i].name);
    str_add_char(&text, '}');
    return str_take(&text);
}

void runner_free(struct runner *runner)
{
    if (!runner)
        return;
    for (int i = 0; i < runner->options.workers && runner->slots; i++)
        slot_destroy(&runner->slots[i]);
    free(runner->slots);
    free(runner->task_ms);
    json_decref(runner->tally);
    free(runner->host);
    free(runner->build);
    free(runner->control_url);
    free(runner->kinds);
    bell_destroy(&runner->work);
    bell_destroy(&runner->heart);
    bell_destroy(&runner->warden);
    bell_destroy(&runner->caretaker);
    bell_destroy(&runner->relay);
    bell_destroy(&runner->exits);
    (void)pthread_mutex_destroy(&runner->claim_lock);
    (void)pthread_mutex_destroy(&runner->lock);
    free(runner);
}

static void init_bells(struct runner *runner)
{
    bell_init(&runner->work);
    bell_init(&runner->heart);
    bell_init(&runner->warden);
    bell_init(&runner->caretaker);
    bell_init(&runner->relay);
    bell_init(&runner->exits);
    (void)pthread_mutex_init(&runner->claim_lock, NULL);
    (void)pthread_mutex_init(&runner->lock, NULL);
}

/* NULL: no memory. */
static struct runner *new_runner(const struct runner_options *options)
{
    struct runner *runner = calloc(1, sizeof *runner);
    size_t workers = (size_t)options->workers;

    if (!runner)
        return NULL;
    init_bells(runner);
    runner->options = *options;
    runner->observer =
        options->observer ? *options->observer : (struct runner_observer){.tick = NULL};
    runner->host = strdup(options->host);
    runner->build = strdup(options->build);
    runner->control_url = strdup(options->control_url);
    runner->kinds = kinds_array(options);
    runner->slots = calloc(workers ? workers : 1, sizeof *runner->slots);
    runner->task_ms = calloc(options->kind_count + 1, sizeof *runner->task_ms);
    runner->tally = json_object();
    atomic_store(&runner->beat_at, clock_mono_ms());
    for (int i = 0; i < options->workers && runner->slots; i++)
        slot_init(&runner->slots[i], runner, i);
    if (runner->host && runner->build && runner->control_url && runner->kinds && runner->slots &&
        runner->task_ms && runner->tally)
        return runner;
    runner_free(runner);
    return NULL;
}

static bool start_thread(pthread_t *thread, void *(*body)(void *), void *arg)
{
    return pthread_create(thread, NULL, body, arg) == 0;
}

static bool start_workers(struct runner *runner)
{
    for (int i = 0; i < runner->options.workers; i++) {
        struct slot *slot = &runner->slots[i];
        (void)pthread_mutex_lock(&runner->lock);
        slot->started = start_thread(&slot->thread, worker_main, slot);
        runner->working += slot->started;
        (void)pthread_mutex_unlock(&runner->lock);
        if (!slot->started)
            return false;
    }
    return true;
}

static bool start_threads(struct runner *runner)
{
    const struct {
        pthread_t *thread;
        void *(*body)(void *);
    } services[] = {
        {&runner->heart_thread, heart_main},
        {&runner->warden_thread, warden_main},
        {&runner->caretaker_thread, caretaker_main},
        {&runner->relay_thread, relay_main},
        {&runner->listener_thread, listener_main},
    };

    for (; runner->threads < (int)ARRAY_LEN(services); runner->threads++)
        if (!start_thread(services[runner->threads].thread, services[runner->threads].body, runner))
            return false;
    return start_workers(runner);
}

err_code runner_start(const struct runner_options *options, struct runner **out, struct err *err)
{
    sigset_t all, before;
    struct runner *runner = new_runner(options);

    if (!runner)
        return err_set(err, ERR_INTERNAL, "out of memory");
    (void)sigfillset(&all); /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = start_threads(runner);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!ok) {
        runner_stop(runner, 0);
        runner_free(runner);
        return err_set(err, ERR_SYSTEM_FAILED, "cannot start the runner's threads");
    }
    *out = runner; /* now the caller's */
    return ERR_NONE;
}

static void await_workers(struct runner *runner, int64_t drain_ms)
{
    int64_t deadline = clock_mono_ms() + drain_ms;

    for (;;) {
        uint64_t seen = bell_rings(&runner->exits);
        (void)pthread_mutex_lock(&runner->lock);
        int working = runner->working;
        (void)pthread_mutex_unlock(&runner->lock);
        int64_t left = deadline - clock_mono_ms();
        if (!working || left <= 0)
            return;
        (void)bell_wait(&runner->exits, seen, left);
    }
}

static void join_services(struct runner *runner)
{
    const pthread_t *threads[] = {&runner->heart_thread, &runner->warden_thread,
                                  &runner->caretaker_thread, &runner->relay_thread,
                                  &runner->listener_thread};

    atomic_store(&runner->ending, true);
    bell_ring(&runner->heart, true);
    bell_ring(&runner->warden, true);
    bell_ring(&runner->caretaker, true);
    bell_ring(&runner->relay, true);
    for (int i = 0; i < runner->threads; i++)
        (void)pthread_join(*threads[i], NULL);
}

/* What is left under our name goes back at once instead of after a lease. */
static void sign_off(struct runner *runner)
{
    struct pg *pg = NULL;
    struct err err = {.code = ERR_NONE};

    if (!runner->worker[0] || !runner_connect(runner, &pg, TROUBLE_STOP))
        return;
    err_code rc = worker_give_back(pg, runner->worker, -1, &err);
    if (!rc)
        rc = worker_remove(pg, runner->worker, &err);
    if (rc)
        runner_trouble(runner, TROUBLE_STOP, &err);
    runner_disconnect(runner, &pg);
}

void runner_retire(struct runner *runner)
{
    if (!runner)
        return;
    atomic_store(&runner->stopping, true);
    bell_ring(&runner->work, true);
    bell_ring(&runner->heart, true);
}

void runner_stop(struct runner *runner, int64_t drain_ms)
{
    if (!runner)
        return;
    runner_retire(runner);
    await_workers(runner, drain_ms);
    for (int i = 0; i < runner->options.workers; i++)
        slot_tell(&runner->slots[i], STOP_REPLICA, NULL, NULL);
    for (int i = 0; i < runner->options.workers; i++)
        if (runner->slots[i].started)
            (void)pthread_join(runner->slots[i].thread, NULL);
    join_services(runner);
    sign_off(runner);
}
