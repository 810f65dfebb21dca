/* SPDX-License-Identifier: MIT */
#include "service/api/render.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/tenant/tenant_store.h"

enum { FAILURES_SHOWN = 20 };

json_t *plan_json(const struct plan *plan, tracking_format format)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "head", json_text(plan->head),
                     "applied", (json_int_t)plan->applied, "pending", (json_int_t)plan->pending,
                     "orphaned", (json_int_t)plan->orphaned, "modified",
                     (json_int_t)plan->modified, "out_of_order", (json_int_t)plan->out_of_order,
                     "format", tracking_format_name(format), "status", plan_status(plan));
}

void tenant_etag(const struct tenant *t, char out[32])
{
    (void)snprintf(out, 32, "t%lld", (long long)t->epoch);
}

void job_etag(const struct job *job, char out[32])
{
    (void)snprintf(out, 32, "j%lld", (long long)job->row_version);
}

static json_t *tenant_migration(const struct tenant *t, const struct tenant_plans *plans)
{
    json_t *summary = tenant_plans_get(plans, t->applied_set);
    if (!summary)
        return json_null();
    json_t *own = json_copy(summary);
    (void)json_object_set_new(own, "catalog", json_string("tenant"));
    (void)json_object_set_new(own, "checked_at", json_text(t->checked_at));
    return own;
}

json_t *tenant_json(const struct tenant *t, const struct tenant_plans *plans)
{
    char etag[32];

    tenant_etag(t, etag);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:O, s:o, s:o, s:O?, s:o, s:o, s:o, s:o, s:o,"
                     " s:s}",
                     "id", t->id, "state", tenant_state_name(t->state), "server", t->server,
                     "strategy", t->strategy, "schema", t->schema, "display_name",
                     json_text(t->display_name), "labels", t->labels, "migration",
                     tenant_migration(t, plans), "active_job", json_text(t->active_job),
                     "last_error", t->last_error, "created_at", json_text(t->created_at),
                     "updated_at", json_text(t->updated_at), "suspended_at",
                     json_text(t->suspended_at), "archived_at", json_text(t->archived_at),
                     "purge_at", json_text(t->purge_at), "etag", etag);
}

json_t *task_json(const struct task *task)
{
    return json_pack("{s:I, s:i, s:i, s:o, s:s, s:s, s:i, s:i, s:i, s:o, s:o, s:O?}", "id",
                     (json_int_t)task->id, "item", task->item, "wave", task->wave, "tenant_id",
                     json_text(task->tenant_id), "server", task->server, "state",
                     task_state_name(task->state), "attempt", task->attempt, "snoozes",
                     task->snoozes, "lock_waits", task->lock_waits, "claimed_at",
                     json_text(task->claimed_at), "finished_at", json_text(task->finished_at),
                     "outcome", task->outcome);
}

static json_t *progress_json(const struct task_counts *c)
{
    int64_t total =
        c->queued + c->running + c->succeeded + c->skipped + c->failed + c->cancelled;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total", (json_int_t)total, "queued",
                     (json_int_t)c->queued, "running", (json_int_t)c->running, "succeeded",
                     (json_int_t)c->succeeded, "skipped", (json_int_t)c->skipped, "failed",
                     (json_int_t)c->failed, "cancelled", (json_int_t)c->cancelled);
}

/* Tasks that ended a second, and the seconds left at that rate; nothing before the first second. */
static void add_rate(json_t *out, const struct job *job)
{
    const struct task_counts *c = &job->progress;
    double seconds = (double)job->elapsed_ms / 1000;
    double done = (double)(c->succeeded + c->failed);
    bool known = seconds >= 0.1 && done > 0;
    double rate = known ? done / seconds : 0;
    double left = (double)(c->queued + c->running);
    bool live = !job_state_is_terminal(job->state);

    (void)json_object_set_new(out, "rate_per_second", known ? json_real(rate) : json_null());
    (void)json_object_set_new(out, "eta_seconds",
                              known && live ? json_integer((json_int_t)(left / rate + 0.5))
                                            : json_null());
}

static json_t *links_json(const char *id)
{
    return json_pack("{s:o, s:o, s:o}", "self", json_sprintf("/v1/jobs/%s", id), "tasks",
                     json_sprintf("/v1/jobs/%s/tasks", id), "cancel",
                     json_sprintf("/v1/jobs/%s/cancel", id));
}

static json_t *subject_json(const struct job *job)
{
    return job->subject ? json_pack("{s:s, s:s}", "type", "tenant", "id", job->subject)
                        : json_null();
}

/* The counts; of a warm-up in its own terms: a tenant that had its pool already succeeded, too. */
static json_t *result_json(const struct job *job)
{
    const struct task_counts *c = &job->progress;

    if (!job->result || !str_eq(job->kind, "pool.warmup"))
        return job->result ? json_incref(job->result) : json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "total",
                     (json_int_t)(c->succeeded + c->skipped + c->failed + c->cancelled),
                     "succeeded", (json_int_t)(c->succeeded + c->skipped), "failed",
                     (json_int_t)c->failed, "already_warm", (json_int_t)c->skipped, "duration_ms",
                     (json_int_t)job->elapsed_ms);
}

json_t *job_json(const struct job *job, const struct task *failures, size_t failure_count)
{
    char etag[32];
    json_t *failed = json_array();

    for (size_t i = 0; i < failure_count; i++)
        (void)json_array_append_new(failed, task_json(&failures[i]));
    job_etag(job, etag);
    json_t *out = json_pack(
        "{s:s, s:s, s:s, s:o, s:O?, s:o, s:o, s:o, s:o, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:s}",
        "id", job->id, "kind", job->kind, "state", job_state_name(job->state), "subject",
        subject_json(job), "args", job->args, "progress", progress_json(&job->progress),
        "failures", failed, "result", result_json(job), "retry_of",
        job->retry_of[0] ? json_string(job->retry_of) : json_null(), "created_by",
        job->created_by, "request_id", json_text(job->request_id), "cancel_requested",
        job->cancel_requested, "created_at", json_text(job->created_at), "started_at",
        json_text(job->started_at), "finished_at", json_text(job->finished_at), "links",
        links_json(job->id), "etag", etag);
    if (!out)
        return NULL;
    add_rate(out, job);
    rollout_add(out, job);
    (void)json_object_set_new(out, "failures_by_sqlstate", json_array());
    (void)json_object_set_new(out, "stragglers", json_array());
    return out;
}

static void free_tasks(struct task *tasks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        task_clear(&tasks[i]);
    free(tasks);
}

err_code job_load_json(struct pg *pg, const char *id, struct job *job, json_t **out,
                       struct err *err)
{
    struct task *failures = NULL;
    size_t count = 0;
    err_code rc = uuid_is_valid(id) ? job_find(pg, id, job, err)
                                    : err_set(err, ERR_JOB_NOT_FOUND, "there is no job \"%.60s\"",
                                              id);
    if (rc)
        return rc;
    if (job->progress.failed)
        rc = task_list(pg, job->id,
                       &(struct task_filter){.state = "failed", .limit = FAILURES_SHOWN},
                       &failures, &count, err);
    json_t *body = rc ? NULL : job_json(job, failures, count);
    free_tasks(failures, count);
    if (!rc)
        rc = rollout_add_progress(pg, job, body, err);
    if (!rc)
        rc = job_add_insight(pg, job, body, err);
    if (rc) {
        json_decref(body);
        job_clear(job);
        return rc;
    }
    *out = body;
    return ERR_NONE;
}

struct reply reply_job(struct call *call, const char *job_id)
{
    struct job job = {.kind = NULL};
    struct err err;
    json_t *body = NULL;
    char location[64];

    if (job_load_json(call->pg, job_id, &job, &body, &err))
        return call_fail(call, &err);
    struct reply reply = reply_json(job_state_is_terminal(job.state) ? 200 : 202, body);
    (void)snprintf(location, sizeof location, "/v1/jobs/%s", job.id);
    reply_header(&reply, "Location", location);
    if (reply.status == 202)
        reply_header(&reply, "Retry-After", "1");
    (void)snprintf(call->job_id, sizeof call->job_id, "%s", job.id);
    job_clear(&job);
    return reply;
}

enum { PLANS_MAX = 64 };

/* Distinct sets in one page or one fleet are few; what does not fit is made again when needed. */
struct tenant_plans {
    struct {
        int64_t set;
        json_t *summary;
    } rows[PLANS_MAX];
    size_t count;
};

struct tenant_plans *tenant_plans_new(void)
{
    return calloc(1, sizeof(struct tenant_plans));
}

void tenant_plans_free(struct tenant_plans *plans)
{
    for (size_t i = 0; plans && i < plans->count; i++)
        json_decref(plans->rows[i].summary);
    free(plans);
}

void tenant_plans_freep(struct tenant_plans **plans)
{
    tenant_plans_free(*plans);
}

json_t *tenant_plans_get(const struct tenant_plans *plans, int64_t applied_set)
{
    for (size_t i = 0; plans && i < plans->count; i++)
        if (plans->rows[i].set == applied_set)
            return plans->rows[i].summary;
    return NULL;
}

err_code tenant_plans_load(struct tenant_plans *plans, struct call *call,
                           const struct catalog *catalog, int64_t applied_set, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    struct plan plan;

    if (!applied_set || tenant_plans_get(plans, applied_set))
        return ERR_NONE;
    err_code rc = engine_applied_set(call->app->engine, call->pg, applied_set, &set, err);
    if (!rc)
        rc = plan_make(catalog, set, NULL, &plan, err);
    if (rc)
        return rc;
    json_t *summary = plan_json(&plan, set->format);
    plan_clear(&plan);
    size_t at = plans->count < PLANS_MAX ? plans->count++ : PLANS_MAX - 1;
    json_decref(plans->rows[at].summary);
    plans->rows[at].set = applied_set;
    plans->rows[at].summary = summary;
    return ERR_NONE;
}

err_code tenant_load_json(struct call *call, const char *id, struct tenant *t, json_t **out,
                          struct err *err)
{
    struct catalog_cache *catalogs = engine_catalogs(call->app->engine);
    CLEANUP(tenant_plans_freep) struct tenant_plans *plans = tenant_plans_new();
    const struct catalog *catalog = NULL;
    err_code rc = plans ? tenant_find(call->pg, id, false, t, err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
    if (rc)
        return rc;
    rc = catalog_acquire(catalogs, call->pg, "tenant", 0, &catalog, err);
    if (!rc)
        rc = tenant_plans_load(plans, call, catalog, t->applied_set, err);
    if (!rc)
        *out = tenant_json(t, plans);
    catalog_release(catalogs, catalog);
    if (rc)
        tenant_clear(t);
    return rc;
}

struct reply reply_tenant(struct call *call, const char *id)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct err err;
    json_t *body = NULL;
    char etag[32];

    if (tenant_load_json(call, id, &t, &body, &err))
        return call_fail(call, &err);
    tenant_etag(&t, etag);
    return reply_tagged(call, etag, body);
}
