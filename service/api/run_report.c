/* SPDX-License-Identifier: MIT */
/* GET /v1/migration-runs/{run_id}/report: what came of a run, once it has ended. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/render.h"
#include "service/api/report.h"

enum { TASKS_READ = 1000 };

/* NULL: JSON, which is the job and not a text. format= goes before Accept. */
static err_code choose(const struct call *call, const struct report_format **out, struct err *err)
{
    static const char *const words[] = {"json", "markdown", "junit", NULL};
    const char *word = NULL, *accept = request_header(call->req, "Accept");
    err_code rc = query_word(call, "format", words, NULL, &word, err);

    *out = NULL;
    if (rc)
        return rc;
    if (word ? str_eq(word, "junit") : accept && strstr(accept, "application/xml"))
        *out = &report_junit;
    else if (word ? str_eq(word, "markdown") : accept && strstr(accept, "text/markdown"))
        *out = &report_markdown;
    return ERR_NONE;
}

static void count(struct report *r, const struct task *task)
{
    r->tasks++;
    r->failed += task->state == TASK_FAILED;
    r->cancelled += task->state == TASK_CANCELLED;
    r->skipped += task->state == TASK_SKIPPED;
}

/* A page of tasks at a time: what is kept of ten thousand is the text alone. */
static err_code each_task(struct pg *pg, struct report *r, const char *state,
                          void (*add)(struct report *r, const struct task *task), struct err *err)
{
    struct task_filter filter = {.state = state, .limit = TASKS_READ};
    size_t n = TASKS_READ;

    while (n == TASKS_READ) {
        struct task *tasks = NULL;
        err_code rc = task_list(pg, r->job->id, &filter, &tasks, &n, err);
        if (rc)
            return rc;
        for (size_t i = 0; i < n; i++) {
            filter.after_id = tasks[i].id;
            count(r, &tasks[i]);
            add(r, &tasks[i]);
            task_clear(&tasks[i]);
        }
        free(tasks);
    }
    return ERR_NONE;
}

static struct reply reply_as(const struct call *call, const struct report_format *format,
                             const struct job *job)
{
    struct report r = {.job = job};
    struct err err;

    format->begin(&r);
    if (each_task(call->pg, &r, NULL, format->add, &err)) {
        str_clear(&r.out);
        return call_fail(call, &err);
    }
    format->end(&r);
    return reply_text(200, format->content_type, str_take(&r.out));
}

static void add_json(struct report *r, const struct task *task)
{
    json_auto_t *value = task_json(task);
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

    str_add(&r->out, r->tasks > 1 ? "," : "");
    str_add(&r->out, text ? text : "null");
    free(text);
}

/* {"run": the job, "failed": [every failed task]} */
static struct reply reply_as_json(const struct call *call, const struct job *job, json_t *run)
{
    struct report r = {.job = job};
    char *text = json_dumps(run, JSON_COMPACT);
    struct err err;

    str_addf(&r.out, "{\"run\":%s,\"failed\":[", text ? text : "null");
    free(text);
    if (each_task(call->pg, &r, "failed", add_json, &err)) {
        str_clear(&r.out);
        return call_fail(call, &err);
    }
    str_add(&r.out, "]}");
    return reply_text(200, "application/json", str_take(&r.out));
}

struct reply runs_report(struct call *call)
{
    CLEANUP(job_clear) struct job job = {.kind = NULL};
    const struct report_format *format = NULL;
    json_auto_t *run = NULL;
    struct err err;

    if (choose(call, &format, &err) ||
        job_load_json(call->pg, call->req->params[0], &job, &run, &err) ||
        job_check_route(call, &job, &err))
        return call_fail(call, &err);
    if (!job_state_is_terminal(job.state)) {
        (void)err_set(&err, ERR_RUN_NOT_FINISHED, "run %s is %s: a report tells how it ended",
                      job.id, job_state_name(job.state));
        return call_fail(call, &err);
    }
    return format ? reply_as(call, format, &job) : reply_as_json(call, &job, run);
}
