/* SPDX-License-Identifier: MIT */
#include "core/job/job.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

static const char *const job_names[] = {
    [JOB_QUEUED] = "queued",         [JOB_RUNNING] = "running",     [JOB_PAUSED] = "paused",
    [JOB_CANCELLING] = "cancelling", [JOB_SUCCEEDED] = "succeeded", [JOB_PARTIAL] = "partial",
    [JOB_FAILED] = "failed",         [JOB_CANCELLED] = "cancelled",
};
static const char *const task_names[] = {
    [TASK_QUEUED] = "queued",   [TASK_RUNNING] = "running", [TASK_SUCCEEDED] = "succeeded",
    [TASK_SKIPPED] = "skipped", [TASK_FAILED] = "failed",   [TASK_CANCELLED] = "cancelled",
};

const char *job_state_name(job_state state)
{
    return job_names[state];
}

bool job_state_parse(const char *name, job_state *out)
{
    for (size_t i = 0; i < ARRAY_LEN(job_names); i++)
        if (str_eq(name, job_names[i])) {
            *out = (job_state)i;
            return true;
        }
    return false;
}

bool job_state_is_terminal(job_state state)
{
    return state >= JOB_SUCCEEDED;
}

const char *task_state_name(task_state state)
{
    return task_names[state];
}

bool task_state_parse(const char *name, task_state *out)
{
    for (size_t i = 0; i < ARRAY_LEN(task_names); i++)
        if (str_eq(name, task_names[i])) {
            *out = (task_state)i;
            return true;
        }
    return false;
}

const char *end_reason_name(end_reason reason)
{
    static const char *const names[] = {
        [END_CANCELLED] = "cancelled",
        [END_FAILURE] = "failure",
        [END_BUDGET] = "budget",
        [END_DEADLINE] = "deadline",
    };
    return names[reason];
}

/* What a job ends as, once nothing of it is queued or running. Targets with nothing to do say
 * nothing about how the rest went, so noop alone never makes a failure partial. */
static job_state end_of(const struct job_view *v)
{
    const struct task_counts *n = &v->all;
    bool cancel = v->cancel_requested || v->state == JOB_CANCELLING;

    if (cancel && n->cancelled)
        return JOB_CANCELLED;
    if (!n->failed && !n->cancelled)
        return JOB_SUCCEEDED; /* a cancel that came too late changed nothing */
    if (v->strict_failed)
        return JOB_FAILED;
    if (n->succeeded || n->skipped)
        return JOB_PARTIAL;
    return n->failed || v->reason != END_NONE ? JOB_FAILED : JOB_CANCELLED;
}

/* Why nothing more of the job shall start; END_NONE: it may go on. */
static end_reason stop_of(const struct job_view *v)
{
    if (v->cancel_requested || v->state == JOB_CANCELLING)
        return END_CANCELLED;
    if (v->past_deadline)
        return END_DEADLINE;
    if (v->stop_on_failure && v->all.failed)
        return END_FAILURE;
    return v->strict_failed && !v->open_live ? END_FAILURE : END_NONE; /* the wave itself may end */
}

static bool has_begun(const struct task_counts *n)
{
    return n->running || n->succeeded || n->skipped || n->failed || n->cancelled;
}

/* How many failures there are above what the run and its newest wave bear. */
static int64_t missing_failures(const struct job_view *v)
{
    const struct rollout *r = &v->rollout;
    const struct task_counts *n = &v->all;
    struct ended all = {.done = n->succeeded + n->skipped + n->failed, .failed = n->failed};
    int64_t run = failure_limit_missing(&r->limit, all, !n->queued && !n->running);
    int64_t wave = r->waves ? failure_limit_missing(&r->waves[v->open_wave].limit, v->wave,
                                                    !v->open_live)
                            : 0;
    int64_t most = run > wave ? run : wave;
    return most > r->extra_failures ? most - r->extra_failures : 0;
}

/* A job that may go on: is its budget spent, may its next wave open? */
static void decide_on(const struct job_view *v, struct job_decision *d)
{
    d->missing_failures = missing_failures(v);
    if (d->missing_failures && v->rollout.on_budget == ON_BUDGET_CANCEL) {
        d->cancel_queued = v->all.queued > 0;
        if (d->cancel_queued)
            d->reason = END_BUDGET;
        return;
    }
    if (d->missing_failures && v->rollout.on_budget == ON_BUDGET_PAUSE)
        d->state = JOB_PAUSED;
    if (d->state == JOB_PAUSED || v->open_live || v->open_wave + 1 >= v->wave_count)
        return;
    d->wait = rollout_wait(&v->rollout, v->open_wave + 1);
    d->open_wave += d->wait == WAVE_READY;
}

struct job_decision job_decide(const struct job_view *v)
{
    struct job_decision d = {.state = v->state, .open_wave = v->open_wave, .reason = v->reason};

    if (job_state_is_terminal(v->state))
        return d;
    if (!v->all.queued && !v->all.running) {
        d.state = end_of(v);
        return d;
    }
    if (v->cancel_requested)
        d.state = JOB_CANCELLING;
    else if (v->state == JOB_QUEUED && has_begun(&v->all))
        d.state = JOB_RUNNING;
    end_reason stop = stop_of(v);
    if (stop == END_NONE) {
        decide_on(v, &d);
        return d;
    }
    d.cancel_queued = v->all.queued > 0;
    if (d.cancel_queued)
        d.reason = stop;
    return d;
}

void job_clear(struct job *job)
{
    free(job->kind);
    free(job->subject);
    free(job->created_by);
    free(job->request_id);
    free(job->created_at);
    free(job->started_at);
    free(job->finished_at);
    json_decref(job->args);
    json_decref(job->result);
    json_decref(job->rollout);
    *job = (struct job){.state = JOB_QUEUED};
}

void task_clear(struct task *task)
{
    free(task->tenant_id);
    free(task->server);
    free(task->claimed_at);
    free(task->finished_at);
    json_decref(task->args);
    json_decref(task->outcome);
    *task = (struct task){.state = TASK_QUEUED};
}
