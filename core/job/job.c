/* SPDX-License-Identifier: MIT */
#include "core/job/job.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

static const char *const job_names[] = {
    [JOB_QUEUED] = "queued",       [JOB_RUNNING] = "running", [JOB_CANCELLING] = "cancelling",
    [JOB_SUCCEEDED] = "succeeded", [JOB_PARTIAL] = "partial", [JOB_FAILED] = "failed",
    [JOB_CANCELLED] = "cancelled",
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
    return n->failed ? JOB_FAILED : JOB_CANCELLED;
}

/* Whether nothing more of the job shall start. */
static bool is_stopping(const struct job_view *v)
{
    if (v->cancel_requested || v->state == JOB_CANCELLING)
        return true;
    if (v->stop_on_failure && v->all.failed)
        return true;
    return v->strict_failed && !v->open_live; /* the wave itself may end first */
}

static bool has_begun(const struct task_counts *n)
{
    return n->running || n->succeeded || n->skipped || n->failed || n->cancelled;
}

struct job_decision job_decide(const struct job_view *v)
{
    struct job_decision d = {.state = v->state, .open_wave = v->open_wave};

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
    if (is_stopping(v))
        d.cancel_queued = v->all.queued > 0;
    else if (!v->open_live && v->open_wave + 1 < v->wave_count)
        d.open_wave++;
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
