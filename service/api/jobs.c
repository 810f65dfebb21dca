/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/page.h"
#include "service/api/render.h"

enum { WAIT_MAX_S = 55 };

static void free_jobs(struct job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        job_clear(&jobs[i]);
    free(jobs);
}

/* The key of a page of jobs is "created_at id". */
static err_code read_job_page(const struct call *call, struct page *page, struct job_filter *filter,
                              struct err *err)
{
    err_code rc = page_read(call, page, err);
    char *blank = rc ? NULL : strchr(page->after, ' ');

    filter->limit = page->size + 1;
    if (blank) {
        *blank = '\0';
        filter->after_created_at = page->after;
        filter->after_id = blank + 1;
    }
    return rc;
}

/* "a,b": every word must be a state; is_state knows which there are. */
static err_code check_states(const struct call *call, bool (*is_state)(const char *word),
                             struct err *err)
{
    const char *text = request_query(call->req, "state");
    CLEANUP(freep) char *words = text ? strdup(text) : NULL;
    char *rest = NULL;
    bool any = false;

    if (text && !words)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (char *word = words ? strtok_r(words, ",", &rest) : NULL; word;
         word = strtok_r(NULL, ",", &rest)) {
        any = true;
        if (!is_state(word)) {
            (void)err_set(err, ERR_INVALID_PARAMETER, "there is no state \"%.40s\"", word);
            return err_in(err, "state");
        }
    }
    if (!text || any)
        return ERR_NONE;
    (void)err_set(err, ERR_INVALID_PARAMETER, "state names no state");
    return err_in(err, "state");
}

static bool is_job_state(const char *word)
{
    job_state ignored;
    return job_state_parse(word, &ignored);
}

static bool is_task_state(const char *word)
{
    task_state ignored;
    return task_state_parse(word, &ignored);
}

/* A list without its token would look complete: then rather none. Takes list. */
static struct reply reply_list(const struct call *call, json_t *list, err_code rc,
                               const struct err *err)
{
    if (!rc)
        return reply_json(200, list);
    json_decref(list);
    return call_fail(call, err);
}

static struct reply list_jobs(struct call *call, const char *member, const char *kind)
{
    struct job_filter filter = {.kind = kind ? kind : request_query(call->req, "kind"),
                                .state = request_query(call->req, "state"),
                                .subject = request_query(call->req, "subject"),
                                .created_by = request_query(call->req, "created_by")};
    struct job *jobs = NULL;
    size_t count = 0;
    struct page page;
    char key[PAGE_KEY_SIZE];
    struct err err = {.code = ERR_NONE};

    if (check_states(call, is_job_state, &err) || read_job_page(call, &page, &filter, &err) ||
        job_list(call->pg, &filter, &jobs, &count, &err))
        return call_fail(call, &err);
    size_t shown = count > (size_t)page.size ? (size_t)page.size : count;
    json_t *list = json_array(), *out = json_object();
    for (size_t i = 0; i < shown; i++)
        (void)json_array_append_new(list, job_json(&jobs[i], NULL, 0));
    (void)json_object_set_new(out, member, list);
    err_code rc = ERR_NONE;
    if (count > shown) {
        (void)snprintf(key, sizeof key, "%s %s", jobs[shown - 1].created_at, jobs[shown - 1].id);
        rc = page_next(call, key, out, &err);
    }
    free_jobs(jobs, count);
    return reply_list(call, out, rc, &err);
}

struct reply jobs_list(struct call *call)
{
    return list_jobs(call, "jobs", NULL);
}

struct reply runs_list(struct call *call)
{
    return list_jobs(call, "migration_runs", "migration.run");
}

err_code job_check_route(const struct call *call, const struct job *job, struct err *err)
{
    if (!str_starts(call->route->pattern.path, "/v1/migration-runs/") ||
        str_eq(job->kind, "migration.run"))
        return ERR_NONE;
    return err_set(err, ERR_JOB_NOT_FOUND, "job %s is no migration run", job->id);
}

err_code job_of_path(const struct call *call, struct job *job, json_t **body, struct err *err)
{
    json_t *ignored = NULL;
    err_code rc = job_load_json(call->pg, call->req->params[0], job, body ? body : &ignored, err);

    json_decref(ignored);
    if (rc || !(rc = job_check_route(call, job, err)))
        return rc;
    if (body) {
        json_decref(*body);
        *body = NULL;
    }
    return rc;
}

/* How long a GET may still wait: its deadline is kept across the runs of the parked request. */
static int64_t deadline_of(struct call *call, int64_t seconds)
{
    int64_t *deadline = call->req->state;
    if (!deadline) {
        deadline = malloc(sizeof *deadline);
        if (!deadline)
            return 0;
        *deadline = clock_mono_ms() + seconds * 1000;
        call->req->state = deadline;
        call->req->state_free = free;
    }
    return *deadline;
}

static struct reply other_outcome(const struct call *call, const struct job *job,
                                  const char *expect, json_t *body)
{
    struct err err;
    (void)err_set(&err, ERR_JOB_OUTCOME, "job %s ended %s, not %s", job->id,
                  job_state_name(job->state), expect);
    json_t *members = json_pack("{s:{s:o}}", "metadata", "job", body);
    return reply_problem(call->req, &err, members);
}

/* What the job looks like to a client that waits for it; taken: body. */
static struct reply judge(const struct call *call, const struct job *job, const char *expect,
                          json_t *body)
{
    char etag[32];

    job_etag(job, etag);
    if (!expect)
        return reply_tagged(call, etag, body);
    bool live = !job_state_is_terminal(job->state);
    if (!live && !str_eq(expect, job_state_name(job->state)))
        return other_outcome(call, job, expect, body);
    char quoted[40];
    struct reply reply = reply_json(live ? 202 : 200, body);
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    reply_header(&reply, "ETag", quoted);
    return reply;
}

/* Whether a waiting client has what it waits for: the end, or another version than it knows. */
static bool is_due(const struct call *call, const struct job *job)
{
    char etag[32];

    job_etag(job, etag);
    if (job_state_is_terminal(job->state))
        return true;
    return request_header(call->req, "If-None-Match") && !call_has_tag(call, "If-None-Match", etag);
}

struct reply jobs_get(struct call *call)
{
    static const char *const outcomes[] = {"succeeded", "partial", "failed", "cancelled", NULL};
    CLEANUP(job_clear) struct job job = {.kind = NULL};
    json_t *body = NULL;
    int64_t wait = 0;
    const char *expect = NULL;
    struct err err;

    if (query_int(call, "wait", 0, WAIT_MAX_S, 0, &wait, &err) ||
        query_word(call, "expect", outcomes, NULL, &expect, &err) ||
        job_of_path(call, &job, &body, &err))
        return call_fail(call, &err);
    int64_t deadline = wait ? deadline_of(call, wait) : 0;
    if (wait && !is_due(call, &job) && !call->req->park_expired && clock_mono_ms() < deadline) {
        json_decref(body);
        return reply_park(job.id, deadline);
    }
    return judge(call, &job, expect, body);
}

struct reply runs_get(struct call *call)
{
    return jobs_get(call);
}

static json_t *tasks_json(const struct task *tasks, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(list, task_json(&tasks[i]));
    return list;
}

struct reply jobs_tasks(struct call *call)
{
    CLEANUP(job_clear) struct job job = {.kind = NULL};
    struct task_filter filter = {.state = request_query(call->req, "state"),
                                 .tenant_id = request_query(call->req, "tenant_id"),
                                 .sqlstate = request_query(call->req, "sqlstate"),
                                 .code = request_query(call->req, "code")};
    struct task *tasks = NULL;
    size_t count = 0;
    struct page page;
    char key[24];
    struct err err = {.code = ERR_NONE};

    if (check_states(call, is_task_state, &err) || page_read(call, &page, &err) ||
        job_of_path(call, &job, NULL, &err))
        return call_fail(call, &err);
    filter.after_id = strtoll(page.after, NULL, 10);
    filter.limit = page.size + 1;
    if (task_list(call->pg, job.id, &filter, &tasks, &count, &err))
        return call_fail(call, &err);
    size_t shown = count > (size_t)page.size ? (size_t)page.size : count;
    json_t *out = json_pack("{s:o}", "tasks", tasks_json(tasks, shown));
    err_code rc = ERR_NONE;
    if (count > shown) {
        (void)snprintf(key, sizeof key, "%lld", (long long)tasks[shown - 1].id);
        rc = page_next(call, key, out, &err);
    }
    for (size_t i = 0; i < count; i++)
        task_clear(&tasks[i]);
    free(tasks);
    return reply_list(call, out, rc, &err);
}

struct reply jobs_cancel(struct call *call)
{
    CLEANUP(job_clear) struct job before = {.kind = NULL}, job = {.kind = NULL};
    json_t *body = NULL;
    char location[64];
    struct err err;

    if (job_of_path(call, &before, NULL, &err) || job_cancel(call->pg, before.id, &err) ||
        job_load_json(call->pg, before.id, &job, &body, &err))
        return call_fail(call, &err);
    struct reply reply = reply_json(202, body);
    (void)snprintf(location, sizeof location, "/v1/jobs/%s", job.id);
    reply_header(&reply, "Location", location);
    return reply;
}
