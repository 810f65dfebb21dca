/* SPDX-License-Identifier: MIT */
/* One task of a run: what is known of it, and the session in which it runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/insight.h"
#include "core/pg/session.h"
#include "service/api/handlers.h"
#include "service/api/render.h"

/* The ids of the path; the job is a run that is there. */
static err_code find_run(const struct call *call, struct job *job, int64_t *task_id,
                         struct err *err)
{
    const char *text = call->req->params[1];
    char *end;
    err_code rc = job_find(call->pg, call->req->params[0], job, err);

    if (!rc)
        rc = job_check_route(call, job, err);
    if (rc)
        return rc;
    errno = 0;
    *task_id = strtoll(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno)
        return ERR_NONE;
    return err_set(err, ERR_TASK_NOT_FOUND, "run %s has no task \"%.40s\"", job->id, text);
}

static err_code find_task(const struct call *call, const struct job *job, int64_t id,
                          struct task *out, struct err *err)
{
    const struct task_filter filter = {.after_id = id - 1, .limit = 1};
    struct task *tasks = NULL;
    size_t n = 0;
    err_code rc = task_list(call->pg, job->id, &filter, &tasks, &n, err);

    if (rc)
        return rc;
    bool found = n && tasks[0].id == id;
    if (found)
        *out = tasks[0]; /* now the caller's */
    else if (n)
        task_clear(&tasks[0]);
    free(tasks);
    return found ? ERR_NONE
                 : err_set(err, ERR_TASK_NOT_FOUND, "run %s has no task %lld", job->id,
                           (long long)id);
}

struct reply run_tasks_get(struct call *call)
{
    CLEANUP(job_clear) struct job job = {.kind = NULL};
    CLEANUP(task_clear) struct task task = {.tenant_id = NULL};
    int64_t id = 0;
    struct err err;

    if (find_run(call, &job, &id, &err) || find_task(call, &job, id, &task, &err))
        return call_fail(call, &err);
    return reply_json(200, task_json(&task));
}

static json_t *session_json(const struct pg_rows *rows, size_t i)
{
    return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "pid", pg_int(rows, i, "pid"),
                     "application_name", json_text(pg_text(rows, i, "application_name")), "state",
                     json_text(pg_text(rows, i, "state")), "wait_event_type",
                     json_text(pg_text(rows, i, "wait_event_type")), "wait_event",
                     json_text(pg_text(rows, i, "wait_event")), "query_started_at",
                     json_text(pg_text(rows, i, "query_started_at")), "query_ms",
                     (json_int_t)pg_bigint(rows, i, "query_ms"), "query",
                     json_text(pg_text(rows, i, "query")));
}

static json_t *blockers_json(const struct pg_rows *rows)
{
    json_t *list = json_array();

    for (size_t i = 0; i < pg_rows_count(rows); i++)
        (void)json_array_append_new(list, session_json(rows, i));
    return list;
}

/* The session of the task's slot as the server shows it, and who keeps it waiting. */
static err_code look(struct pg *pg, const struct pg_rows *place, json_t *out, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *sessions = NULL;
    CLEANUP(pg_rows_freep) struct pg_rows *blockers = NULL;
    char name[SESSION_NAME_SIZE];

    insight_session_name(pg_text(place, 0, "claimed_by"), pg_int(place, 0, "slot"), name);
    err_code rc = pg_sessions_named(pg, name, &sessions, err);
    if (!rc && !pg_rows_count(sessions))
        rc = err_set(err, ERR_NOT_RUNNING, "the task's worker has no session on the server now");
    if (!rc)
        rc = pg_session_blockers(pg, pg_int(sessions, 0, "pid"), &blockers, err);
    if (rc)
        return rc;
    (void)json_object_set_new(out, "session", session_json(sessions, 0));
    (void)json_object_set_new(out, "blocked_by", blockers_json(blockers));
    return ERR_NONE;
}

/* On the task's server; the one that holds the control schema is asked over its connection. */
static err_code look_there(struct call *call, const struct pg_rows *place, json_t *out,
                           struct err *err)
{
    const char *server = pg_text(place, 0, "server");
    struct pg *pg = NULL;

    if (str_eq(server, "default"))
        return look(call->pg, place, out, err);
    err_code rc = engine_open_server(call->app->engine, call->pg, server, &pg, err);
    if (!rc)
        rc = look(pg, place, out, err);
    engine_close_server(call->app->engine, server, pg);
    return rc;
}

static err_code find_place(const struct call *call, struct pg_rows **out, struct err *err)
{
    CLEANUP(job_clear) struct job job = {.kind = NULL};
    int64_t id = 0;
    err_code rc = find_run(call, &job, &id, err);

    if (!rc)
        rc = insight_place(call->pg, job.id, id, out, err);
    if (rc)
        return rc;
    if (!pg_rows_count(*out))
        return err_set(err, ERR_TASK_NOT_FOUND, "run %s has no task %lld", job.id, (long long)id);
    if (!str_eq(pg_text(*out, 0, "state"), "running"))
        return err_set(err, ERR_NOT_RUNNING, "the task is not running: it is %s",
                       pg_text(*out, 0, "state"));
    return ERR_NONE;
}

struct reply run_tasks_session(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *place = NULL;
    struct err err;

    if (find_place(call, &place, &err))
        return call_fail(call, &err);
    json_t *out = json_pack(
        "{s:o, s:s, s:I, s:I}", "tenant_id", json_text(pg_text(place, 0, "tenant_id")), "server",
        pg_text(place, 0, "server"), "ms", (json_int_t)pg_bigint(place, 0, "ms"), "claimed_with",
        (json_int_t)pg_bigint(place, 0, "claimed_with"));
    if (!look_there(call, place, out, &err))
        return reply_json(200, out);
    json_decref(out);
    return call_fail(call, &err);
}
