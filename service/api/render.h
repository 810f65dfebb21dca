/* SPDX-License-Identifier: MIT */
/* Resources as JSON, each shape in one place. NULL: no memory. */
#pragma once

#include "core/migrate/plan.h"
#include "service/api/api.h"

/* {"head", "applied", "pending", …, "status"} of a plan, without what is per tenant. */
json_t *plan_json(const struct plan *plan, tracking_format format);
/* plans: the migration summary of each applied set, as tenant_plans_load() made it. */
struct tenant_plans;
json_t *tenant_json(const struct tenant *t, const struct tenant_plans *plans);
json_t *task_json(const struct task *task);
/* failures: rows for "failures", may be NULL for lists. */
json_t *job_json(const struct job *job, const struct task *failures, size_t failure_count);
/* Adds "rollout" (render_rollout.c) to the JSON of a job, and to its waves how far they are. */
void rollout_add(json_t *out, const struct job *job);
err_code rollout_add_progress(struct pg *pg, const struct job *job, json_t *out,
                              struct err *err) MUST_USE;
/* Fills the members of a job's JSON that are looked up for it alone (insight_view.c). */
err_code job_add_insight(struct pg *pg, const struct job *job, json_t *out,
                         struct err *err) MUST_USE;
/* The rows of insight_failures(). */
json_t *failures_json(const struct pg_rows *rows);
/* The job as getJob shows it: with its first failures. */
err_code job_load_json(struct pg *pg, const char *id, struct job *job, json_t **out,
                       struct err *err) MUST_USE;
/* The job of the path (jobs.c); body may be NULL. ERR_JOB_NOT_FOUND, also for a job that is no run
 * on the routes of runs. */
err_code job_of_path(const struct call *call, struct job *job, json_t **body,
                     struct err *err) MUST_USE;
/* The routes of runs are for runs alone: their scopes reach no other job. ERR_JOB_NOT_FOUND. */
err_code job_check_route(const struct call *call, const struct job *job, struct err *err) MUST_USE;
void tenant_etag(const struct tenant *t, char out[32]);
void job_etag(const struct job *job, char out[32]);

/* Migration summaries by applied set: computed once for a request. */
struct tenant_plans *tenant_plans_new(void);
void tenant_plans_free(struct tenant_plans *plans);
void tenant_plans_freep(struct tenant_plans **plans);
/* Makes sure that the summary of a set is there; catalog is the tenants' catalog. */
err_code tenant_plans_load(struct tenant_plans *plans, struct call *call,
                           const struct catalog *catalog, int64_t applied_set,
                           struct err *err) MUST_USE;
/* The summary; borrowed, NULL for set 0. */
json_t *tenant_plans_get(const struct tenant_plans *plans, int64_t applied_set);

/* A tenant as the API shows it, read anew. */
err_code tenant_load_json(struct call *call, const char *id, struct tenant *t, json_t **out,
                          struct err *err) MUST_USE;
/* 200 with the tenant and its ETag. */
struct reply reply_tenant(struct call *call, const char *id);
