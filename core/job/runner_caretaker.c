/* SPDX-License-Identifier: MIT */
/* The caretaker: one replica leads, and sees to what belongs to all. */
#include "core/base/clock.h"
#include "core/job/job_internal.h"
#include "core/job/job_store.h"
#include "core/job/runner_internal.h"
#include "core/job/runner_pace.h"
#include "core/job/worker_store.h"
#include "core/migrate/plan_store.h"

enum { PRUNE_EVERY_MS = 60000, PRUNE_LIMIT = 1000 };

struct care {
    struct runner *runner;
    struct pg *pg;
    struct pacer *pacer; /* while it leads; NULL: of before nothing is known */
    int64_t elect_at, prune_at;
    bool leads;
};

/* Trusts the lease for two thirds of its time, measured from before the question. */
static void elect(struct care *c)
{
    struct runner *runner = c->runner;
    int64_t start = clock_mono_ms(), lease = runner->options.lease_ms;
    char worker[UUID_TEXT_SIZE];
    struct err err = {.code = ERR_NONE};
    bool got = false;

    if (start < c->elect_at || !runner_worker_id(runner, worker))
        return;
    if (!runner_connect(runner, &c->pg, TROUBLE_LEADER))
        return;
    if (worker_elect(c->pg, worker, lease, &got, &err)) {
        runner_trouble(runner, TROUBLE_LEADER, &err);
        runner_disconnect(runner, &c->pg);
        return;
    }
    c->elect_at = start + runner_jitter(lease / 6);
    atomic_store(&runner->leads_until, got ? start + lease - lease / 3 : 0);
}

static void tell_leader(struct care *c)
{
    const struct runner *runner = c->runner;
    bool leads = runner_is_leader(runner);

    if (leads != c->leads && runner->observer.leader)
        runner->observer.leader(runner->options.observer_ctx, leads);
    c->leads = leads;
}

static err_code reconcile_moving(struct care *c, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = job_moving(c->pg, &rows, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < pg_rows_count(rows) && !rc; i++)
        rc = runner_reconcile(c->runner, c->pg, pg_text(rows, i, "id"), pg_text(rows, i, "kind"),
                              NULL, err);
    return rc;
}

static err_code rescue(struct care *c, struct err *err)
{
    struct runner *runner = c->runner;
    int tasks = 0;
    err_code rc = worker_rescue(c->pg, runner->options.lease_ms, &tasks, err);

    if (rc || !tasks)
        return rc;
    if (runner->observer.rescued)
        runner->observer.rescued(runner->options.observer_ctx, tasks);
    return job_notify(c->pg, err);
}

static err_code prune(struct care *c, struct err *err)
{
    int64_t now = clock_mono_ms();

    if (now < c->prune_at)
        return ERR_NONE;
    c->prune_at = now + runner_jitter(PRUNE_EVERY_MS);
    err_code rc = plan_prune(c->pg, c->runner->options.retention_days, PRUNE_LIMIT, err);
    return rc ? rc : job_prune(c->pg, c->runner->options.retention_days, PRUNE_LIMIT, err);
}

/* Where the settings leave it to us how many tasks a server is given. */
static err_code set_paces(struct care *c, struct err *err)
{
    bool faster = false;

    if (c->runner->options.default_max_parallel)
        return ERR_NONE;
    c->pacer = c->pacer ? c->pacer : pacer_new();
    if (!c->pacer)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = pacer_round(c->pacer, c->pg, &faster, err);
    return rc || !faster ? rc : job_notify(c->pg, err);
}

/* The leader's duties; each is safe when two replicas believe that they lead. */
static const struct duty {
    trouble trouble;
    err_code (*fn)(struct care *c, struct err *err);
} duties[] = {
    {.trouble = TROUBLE_RESCUE, .fn = rescue},
    {.trouble = TROUBLE_RECONCILE, .fn = reconcile_moving},
    {.trouble = TROUBLE_PRUNE, .fn = prune},
    {.trouble = TROUBLE_PACE, .fn = set_paces},
};

static void do_duties(struct care *c)
{
    for (size_t i = 0; i < ARRAY_LEN(duties); i++) {
        struct err err = {.code = ERR_NONE};
        if (!runner_connect(c->runner, &c->pg, duties[i].trouble))
            return;
        if (duties[i].fn(c, &err)) {
            runner_trouble(c->runner, duties[i].trouble, &err);
            runner_disconnect(c->runner, &c->pg);
        }
    }
}

static void tick(struct care *c)
{
    const struct runner *runner = c->runner;
    bool with = c->leads && c->pg && pg_alive(c->pg);

    if (runner->observer.tick)
        runner->observer.tick(runner->options.observer_ctx, with ? c->pg : NULL, c->leads);
}

static void step_down(struct care *c)
{
    runner_disconnect(c->runner, &c->pg);
    pacer_free(c->pacer);
    c->pacer = NULL;
}

void *caretaker_main(void *arg)
{
    struct runner *runner = arg;
    struct care c = {.runner = runner};

    for (uint64_t seen; runner_goes_on(&runner->ending, &runner->caretaker, &seen);) {
        elect(&c);
        tell_leader(&c);
        if (c.leads)
            do_duties(&c);
        tick(&c);
        if (!c.leads)
            step_down(&c);
        (void)bell_wait(&runner->caretaker, seen, SECOND_MS);
    }
    step_down(&c);
    return NULL;
}
