/* SPDX-License-Identifier: MIT */
/* What people say to a live job: pause, resume, promote, change, retry, skip. Each is answered with
 * the job as it is then. */
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/pg/array.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/render.h"
#include "service/api/strategy.h"

enum { EXTRA_MAX = 1000000, TASKS_MAX = 1000, CODES_MAX = 20, REASON_MAX = 500 };

static struct reply reply_changed(struct call *call, const char *id)
{
    CLEANUP(job_clear) struct job job = {.kind = NULL};
    struct err err = {.code = ERR_NONE};
    json_t *body = NULL;
    char etag[32];

    if (job_load_json(call->pg, id, &job, &body, &err))
        return call_fail(call, &err);
    runner_wake(call->app->runner);
    app_wake(call->app, job.id);
    job_etag(&job, etag);
    return reply_tagged(call, etag, body);
}

/* The job of the path, unless the client has seen another state of it. */
static err_code find(struct call *call, char id[UUID_TEXT_SIZE], struct err *err)
{
    CLEANUP(job_clear) struct job job = {.kind = NULL};
    char etag[32];
    err_code rc = job_of_path(call, &job, NULL, err);

    if (rc)
        return rc;
    memcpy(id, job.id, UUID_TEXT_SIZE);
    job_etag(&job, etag);
    return call_if_match(call, etag, false, err);
}

/* Handlers without a body but {}. */
static struct reply tell(struct call *call,
                         err_code (*wish)(struct pg *pg, const char *id, struct err *err))
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    char id[UUID_TEXT_SIZE];
    struct err err = {.code = ERR_NONE};

    fields_read(call->body, "", NULL, 0, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (find(call, id, &err) || wish(call->pg, id, &err))
        return call_fail(call, &err);
    return reply_changed(call, id);
}

struct reply jobs_pause(struct call *call)
{
    return tell(call, rollout_pause);
}

struct reply runs_promote(struct call *call)
{
    return tell(call, rollout_promote);
}

struct reply jobs_resume(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    char id[UUID_TEXT_SIZE];
    struct err err = {.code = ERR_NONE};
    int64_t extra = 0;
    const struct field fields[] = {
        {.name = "extra_failures", .kind = FIELD_INT, .max = EXTRA_MAX, .out = &extra},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (find(call, id, &err) || rollout_resume(call->pg, id, extra, &err))
        return call_fail(call, &err);
    return reply_changed(call, id);
}

struct reply runs_update(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    static const char *const budget_words[] = {"pause", "continue", "cancel", NULL};
    char id[UUID_TEXT_SIZE];
    struct err err = {.code = ERR_NONE};
    struct failure_limit limit = {.by_count = false};
    struct rollout_change change = {.max_parallel = 0};
    const json_t *budget = NULL;
    const struct field fields[] = {
        {.name = "max_parallel",
         .kind = FIELD_INT,
         .min = 1,
         .max = 64,
         .out = &change.max_parallel},
        {.name = "failure_budget", .kind = FIELD_OBJECT, .out = &budget},
        {.name = "on_budget", .kind = FIELD_TEXT, .words = budget_words, .out = &change.on_budget},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    if (budget)
        strategy_read_limit(budget, "/failure_budget", &limit, &problems);
    if (!problems.list && !json_object_size(call->body))
        problems_add(&problems, "", "REQUIRED", "changes nothing");
    if (problems.list)
        return problems_reply(call, &problems);
    change.limit = budget ? &limit : NULL;
    if (find(call, id, &err) || rollout_change(call->pg, id, &change, &err))
        return call_fail(call, &err);
    return reply_changed(call, id);
}

/* Task ids as a bigint[] literal, codes as a text[] one. */
static void read_list(const json_t *list, const char *base, bool numbers, struct str *out,
                      struct problems *problems)
{
    char pointer[32], text[24];

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        (void)snprintf(pointer, sizeof pointer, "%s/%zu", base, i);
        (void)snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        if (numbers ? json_is_integer(value) : json_is_string(value))
            pg_array_add(out, numbers ? text : json_string_value(value));
        else
            problems_add(problems, pointer, "WRONG_TYPE", "must be %s",
                         numbers ? "the id of a task" : "a code");
    }
    pg_array_end(out);
}

/* In a live job the failed tasks run again; one that has ended is followed by a new job. */
static struct reply retry(struct call *call, const char *task_ids, const char *codes)
{
    CLEANUP(job_clear) struct job job = {.kind = NULL};
    char id[UUID_TEXT_SIZE];
    int64_t count = 0;
    struct err err = {.code = ERR_NONE};

    if (job_of_path(call, &job, NULL, &err))
        return call_fail(call, &err);
    if (job_state_is_terminal(job.state)) {
        struct job_retry_spec spec = {.task_ids = task_ids,
                                      .codes = codes,
                                      .created_by = call->who.id,
                                      .request_id = call->req->id};
        if (job_retry(call->pg, job.id, &spec, id, &err))
            return call_fail(call, &err);
        return reply_job(call, id);
    }
    if (rollout_retry(call->pg, job.id, task_ids, codes, &count, &err))
        return call_fail(call, &err);
    return reply_changed(call, job.id);
}

struct reply jobs_retry(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(str_clear) struct str task_ids = STR_INIT, codes = STR_INIT;
    const json_t *tasks = NULL, *names = NULL;
    const struct field fields[] = {
        {.name = "tasks", .kind = FIELD_ARRAY, .min = 1, .max = TASKS_MAX, .out = &tasks},
        {.name = "codes", .kind = FIELD_ARRAY, .min = 1, .max = CODES_MAX, .out = &names},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    read_list(tasks, "/tasks", true, &task_ids, &problems);
    read_list(names, "/codes", false, &codes, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    return retry(call, tasks ? str_text(&task_ids) : NULL, names ? str_text(&codes) : NULL);
}

/* The task of the path; what is no number is no task. */
static err_code task_of_path(const struct call *call, int64_t *id, struct err *err)
{
    const char *text = call->req->params[1];
    size_t digits = strspn(text, "0123456789");

    if (!digits || digits > 18 || text[digits])
        return err_set(err, ERR_TASK_NOT_FOUND, "\"%.60s\" is not the id of a task", text);
    *id = strtoll(text, NULL, 10);
    return ERR_NONE;
}

struct reply runs_task_skip(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    char id[UUID_TEXT_SIZE];
    struct err err = {.code = ERR_NONE};
    const char *reason = NULL;
    int64_t task = 0;
    const struct field fields[] = {
        {.name = "reason",
         .kind = FIELD_TEXT,
         .required = true,
         .min = 1,
         .max = REASON_MAX,
         .out = &reason},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (find(call, id, &err) || task_of_path(call, &task, &err) ||
        rollout_skip(call->pg, id, task, reason, call->who.id, &err))
        return call_fail(call, &err);
    return reply_changed(call, id);
}

struct reply runs_task_retry(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct err err = {.code = ERR_NONE};
    int64_t task = 0;
    char array[32];

    fields_read(call->body, "", NULL, 0, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (task_of_path(call, &task, &err))
        return call_fail(call, &err);
    (void)snprintf(array, sizeof array, "{%lld}", (long long)task);
    return retry(call, array, NULL);
}
