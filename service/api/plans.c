/* SPDX-License-Identifier: MIT */
/* Plans: what a run would do, with its tenants, frozen for a while; and the way back of a run. */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/plan_store.h"
#include "service/api/cohorts.h"
#include "service/api/handlers.h"
#include "service/api/lint_run.h"
#include "service/api/page.h"
#include "service/api/selection.h"

/* A plan on its way into the database. */
struct creating {
    struct planning p;
    json_t *request, *cohorts; /* owned */
    const char *run_id;        /* of a rollback; NULL: of a selector */
    char id[UUID_TEXT_SIZE];
};

static void creating_clear(struct creating *c)
{
    planning_clear(&c->p);
    json_decref(c->request);
    json_decref(c->cohorts);
}

static err_code add_group(struct pg *pg, struct creating *c, const struct pg_rows *rows, size_t row,
                          struct err *err)
{
    const struct cohort cohort = {.set_id = pg_bigint(rows, row, "applied_set"),
                                  .back_to = pg_bigint(rows, row, "back_to"),
                                  .tenants = pg_bigint(rows, row, "tenants"),
                                  .sample = pg_text(rows, row, "sample")};
    json_t *shown = NULL;
    err_code rc = cohort_json(&c->p, &cohort, &shown, err);

    if (rc)
        return rc;
    if (!shown)
        return plan_drop_group(pg, c->id, cohort.set_id, cohort.back_to, err);
    (void)json_object_set_new(shown, "set", json_integer(cohort.set_id));
    (void)json_object_set_new(shown, "back_to", json_integer(cohort.back_to));
    (void)json_array_append_new(c->cohorts, shown);
    return ERR_NONE;
}

static err_code freeze(struct pg *pg, struct creating *c, struct err *err)
{
    int64_t left = 0;

    if (!c->run_id)
        return plan_freeze(pg, c->id, &c->p.run->selector, err);
    err_code rc = plan_freeze_run(pg, c->id, c->run_id, &left, err);
    c->p.noop = left;
    return rc;
}

static err_code add_groups(struct pg *pg, struct creating *c, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = plan_groups(pg, c->id, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = add_group(pg, c, rows, i, err);
    if (rc)
        return rc;
    if (c->p.refused) {
        if (err)
            *err = c->p.why;
        return c->p.why.code;
    }
    if (c->run_id && !json_array_size(c->cohorts))
        return err_set(err, ERR_NOTHING_TO_REVERT,
                       "run %s has changed no tenant that is not back already or gone", c->run_id);
    return ERR_NONE;
}

static err_code create_work(struct pg *pg, void *arg, struct err *err)
{
    struct creating *c = arg;
    const struct plan_spec spec = {
        .catalog = "tenant",
        .target = json_string_value(json_object_get(c->request, "target")),
        .down = c->p.run->down,
        .request = c->request,
        .rollback_of = c->run_id,
        .created_by = c->p.call->who.id,
        .ttl_s = c->p.call->app->config->migrations.plan_ttl_s,
    };

    c->p.noop = c->p.tenants = 0;
    json_decref(c->p.refused);
    c->p.refused = NULL;
    (void)json_array_clear(c->cohorts);
    err_code rc = plan_insert(pg, &spec, c->id, err);
    if (!rc)
        rc = freeze(pg, c, err);
    if (!rc)
        rc = add_groups(pg, c, err);
    return rc ? rc : plan_finish(pg, c->id, c->cohorts, c->p.noop, err);
}

/* What a run from this plan shall find in its body: as given, with the rest made explicit. */
static json_t *request_of(const struct call *call, const struct run_request *run,
                          const struct catalog *catalog, bool rollback)
{
    json_t *request = json_deep_copy(call->body);
    const char *target = run->target ? run->target : rollback ? NULL : planning_head(catalog);
    json_auto_t *rest = json_pack("{s:s, s:s, s:[], s:I, s:I, s:I}", "catalog", "tenant",
                                  "direction", run->down ? "down" : "up", "allow",
                                  "lock_timeout_ms", (json_int_t)run->lock_timeout_ms,
                                  "statement_timeout_ms", (json_int_t)run->statement_timeout_ms,
                                  "lock_attempts", (json_int_t)run->lock_attempts);

    (void)json_object_update_missing(request, rest);
    if (target)
        (void)json_object_set_new(request, "target", json_text(target));
    return request;
}

/* Cohorts without what only we read in them. */
static json_t *cohorts_json(const struct pg_rows *rows, size_t row)
{
    json_t *cohorts = json_loads(pg_text(rows, row, "cohorts"), 0, NULL), *cohort;
    size_t i;

    json_array_foreach(cohorts, i, cohort)
    {
        (void)json_object_del(cohort, "set");
        (void)json_object_del(cohort, "back_to");
    }
    return cohorts;
}

static json_t *plan_row_json(const struct pg_rows *rows, size_t row)
{
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:s, s:s, s:s}", "id",
        pg_text(rows, row, "id"), "catalog", pg_text(rows, row, "catalog"), "direction",
        pg_text(rows, row, "direction"), "target", json_text(pg_text(rows, row, "target")), "state",
        pg_text(rows, row, "state"), "plan_hash", pg_text(rows, row, "plan_hash"), "tenants",
        (json_int_t)pg_bigint(rows, row, "tenants"), "noop",
        (json_int_t)pg_bigint(rows, row, "noop"), "run_id", json_text(pg_text(rows, row, "run_id")),
        "rollback_of", json_text(pg_text(rows, row, "rollback_of")), "request",
        json_loads(pg_text(rows, row, "request"), 0, NULL), "created_by",
        pg_text(rows, row, "created_by"), "created_at", pg_text(rows, row, "created_at"),
        "expires_at", pg_text(rows, row, "expires_at"));
}

/* With what lint says now of a plan that can still be used. */
static err_code add_lint(struct call *call, const struct pg_rows *rows, json_t *cohorts,
                         struct err *err)
{
    if (!str_eq(pg_text(rows, 0, "state"), "open"))
        return ERR_NONE;
    return lint_plan(call, pg_text(rows, 0, "id"), str_eq(pg_text(rows, 0, "direction"), "down"),
                     cohorts, err);
}

static struct reply reply_plan(struct call *call, const char *id, int status)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    char location[80];
    struct err err = {.code = ERR_NONE};

    if (plan_find(call->pg, id, false, &rows, &err))
        return call_fail(call, &err);
    json_auto_t *cohorts = cohorts_json(rows, 0);
    if (add_lint(call, rows, cohorts, &err))
        return call_fail(call, &err);
    json_t *out = plan_row_json(rows, 0);
    (void)json_object_set(out, "cohorts", cohorts);
    struct reply reply = reply_json(status, out);
    (void)snprintf(location, sizeof location, "/v1/migration-plans/%s", pg_text(rows, 0, "id"));
    if (status == 201)
        reply_header(&reply, "Location", location);
    return reply;
}

/* Makes the plan of run; the refused cohorts are in the answer when there are any. */
static struct reply create(struct call *call, const struct run_request *run, const char *run_id)
{
    CLEANUP(creating_clear)
    struct creating c = {
        .p = {.call = call, .run = run}, .cohorts = json_array(), .run_id = run_id};
    struct err err = {.code = ERR_NONE};

    if (catalog_acquire(engine_catalogs(call->app->engine), call->pg, "tenant", 0, &c.p.catalog,
                        &err) ||
        planning_check_target(&c.p, &err))
        return call_fail(call, &err);
    c.request = request_of(call, run, c.p.catalog, run_id != NULL);
    if (!pg_tx(call->pg, create_work, &c, &err))
        return reply_plan(call, c.id, 201);
    if (c.p.refused)
        return reply_problem(call->req, &err,
                             json_pack("{s:{s:O}}", "metadata", "cohorts", c.p.refused));
    return call_fail(call, &err);
}

struct reply plans_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(run_request_clear) struct run_request run = run_request_default(call->app->config);
    struct err err = {.code = ERR_NONE};

    run_read(call, PLAN_BODY, &run, &problems);
    if (selection_check(call, &run.selector, &problems, &err) ||
        strategy_check(call, &run.strategy, &run.selector, &problems, &err))
        return call_fail(call, &err);
    if (problems.list)
        return problems_reply(call, &problems);
    return create(call, &run, NULL);
}

/* The run must have ended, and have gone up. */
static err_code check_run(const struct job *run, struct err *err)
{
    if (!str_eq(run->kind, "migration.run"))
        return err_set(err, ERR_JOB_NOT_FOUND, "job %s is no migration run", run->id);
    if (!job_state_is_terminal(run->state))
        return err_set(err, ERR_INVALID_STATE, "run %s has not ended yet: it is %s", run->id,
                       job_state_name(run->state));
    if (str_eq(json_string_value(json_object_get(run->args, "direction")), "down"))
        return err_set(err, ERR_INVALID_STATE, "run %s went down itself; run up again", run->id);
    return ERR_NONE;
}

struct reply runs_rollback_plan(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(run_request_clear) struct run_request run = run_request_default(call->app->config);
    CLEANUP(job_clear) struct job before = {.kind = NULL};
    struct err err = {.code = ERR_NONE};

    if (job_find(call->pg, call->req->params[0], &before, &err) || check_run(&before, &err))
        return call_fail(call, &err);
    run_read(call, ROLLBACK_BODY, &run, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    run.down = true;
    return create(call, &run, before.id);
}

struct reply plans_list(struct call *call)
{
    static const char *const states[] = {"open", "used", "expired", NULL};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct plan_filter filter = {.created_by = request_query(call->req, "created_by")};
    struct page page;
    char key[PAGE_KEY_SIZE];
    struct err err = {.code = ERR_NONE};

    if (query_word(call, "state", states, NULL, &filter.state, &err) ||
        page_read(call, &page, &err))
        return call_fail(call, &err);
    char *blank = strchr(page.after, ' '); /* "created_at id" */
    if (blank) {
        *blank = '\0';
        filter.after_created_at = page.after;
        filter.after_id = blank + 1;
    }
    filter.limit = page.size + 1;
    if (plan_list(call->pg, &filter, &rows, &err))
        return call_fail(call, &err);
    size_t n = pg_rows_count(rows), shown = n > (size_t)page.size ? (size_t)page.size : n;
    json_t *list = json_array(), *out = json_pack("{s:o}", "migration_plans", list);
    for (size_t i = 0; i < shown; i++)
        (void)json_array_append_new(list, plan_row_json(rows, i));
    if (n > shown) {
        (void)snprintf(key, sizeof key, "%s %s", pg_text(rows, shown - 1, "created_at"),
                       pg_text(rows, shown - 1, "id"));
        if (page_next(call, key, out, &err)) {
            json_decref(out);
            return call_fail(call, &err);
        }
    }
    return reply_json(200, out);
}

struct reply plans_get(struct call *call)
{
    return reply_plan(call, call->req->params[0], 200);
}

struct reply plans_targets(struct call *call)
{
    CLEANUP(pg_rows_freep) struct pg_rows *plan = NULL, *rows = NULL;
    const char *id = call->req->params[0];
    struct page page;
    struct err err = {.code = ERR_NONE};

    if (page_read(call, &page, &err) || plan_find(call->pg, id, false, &plan, &err) ||
        plan_targets(call->pg, id, page.after, page.size + 1, &rows, &err))
        return call_fail(call, &err);
    size_t n = pg_rows_count(rows), shown = n > (size_t)page.size ? (size_t)page.size : n;
    json_t *list = json_array(), *out = json_pack("{s:o}", "targets", list);
    for (size_t i = 0; i < shown; i++)
        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "tenant_id",
                                                    pg_text(rows, i, "tenant_id"), "server",
                                                    pg_text(rows, i, "server"), "schema",
                                                    pg_text(rows, i, "schema_name"), "cohort",
                                                    (json_int_t)pg_bigint(rows, i, "cohort")));
    if (n > shown && page_next(call, pg_text(rows, shown - 1, "tenant_id"), out, &err)) {
        json_decref(out);
        return call_fail(call, &err);
    }
    return reply_json(200, out);
}

struct reply plans_delete(struct call *call)
{
    struct err err;
    if (plan_delete(call->pg, call->req->params[0], &err))
        return call_fail(call, &err);
    return reply_empty(204);
}
