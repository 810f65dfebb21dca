/* SPDX-License-Identifier: MIT */
/* Migration runs: what a request asks for becomes a job with a task for each tenant that is behind. */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/plan_down.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/plan_use.h"
#include "service/api/selection.h"

static const char *const directions[] = {"up", "down", NULL};
static const char *const failure_words[] = {"continue", "stop", NULL};
static const char *const conflict_words[] = {"refuse", "queue", NULL};
static const char *const catalog_words[] = {"tenant", NULL};

/* "allow": names of deviations, as bits. */
static void read_allow(const json_t *allow, struct run_request *run, struct problems *problems)
{
    static const struct {
        const char *name;
        unsigned bit;
    } rows[] = {{"orphaned", ALLOW_ORPHANED},
                {"modified", ALLOW_MODIFIED},
                {"out_of_order", ALLOW_OUT_OF_ORDER}};
    char pointer[32];

    for (size_t i = 0; i < json_array_size(allow); i++) {
        const char *name = json_string_value(json_array_get(allow, i));
        unsigned bit = 0;
        for (size_t k = 0; k < ARRAY_LEN(rows); k++)
            bit |= str_eq(name, rows[k].name) ? rows[k].bit : 0;
        run->allow |= bit;
        (void)snprintf(pointer, sizeof pointer, "/allow/%zu", i);
        if (!bit)
            problems_add(problems, pointer, "UNKNOWN_VALUE",
                         "must be orphaned, modified or out_of_order");
    }
}

/* A run that goes down says how far, unless its plan does. */
static void check_direction(const struct run_request *run, struct problems *problems)
{
    if (run->down && !run->target && !run->plan_id)
        problems_add(problems, "/target", "REQUIRED",
                     "the way down needs a target, \"" PLAN_TARGET_NONE
                     "\" for not one migration left");
    if (run->down && run->include_shared)
        problems_add(problems, "/include_shared", "CONTRADICTION", "goes up only");
}

void run_read(struct call *call, run_body kind, struct run_request *run, struct problems *problems)
{
    const json_t *selector = NULL, *allow = NULL, *strategy = NULL, *windows = NULL;
    const char *on_failure = "continue", *on_conflict = "refuse", *direction = "up";
    const char *catalog = NULL;
    int64_t deadline = 0;
    bool planned = json_object_get(call->body, "plan_id") && kind == RUN_BODY;
    const struct field fields[] = {
        {.name = "on_conflict", .kind = FIELD_TEXT, .words = conflict_words, .out = &on_conflict},
        {.name = "target", .kind = FIELD_TEXT, .min = 1, .max = MIGRATION_VERSION_MAX,
         .out = &run->target},
        {.name = "direction", .kind = FIELD_TEXT, .words = directions, .out = &direction},
        {.name = "allow", .kind = FIELD_ARRAY, .max = 3, .out = &allow},
        {.name = "lock_timeout_ms", .kind = FIELD_INT, .max = 600000,
         .out = &run->lock_timeout_ms},
        {.name = "statement_timeout_ms", .kind = FIELD_INT, .max = 86400000,
         .out = &run->statement_timeout_ms},
        {.name = "lock_attempts", .kind = FIELD_INT, .min = 1, .max = 10000,
         .out = &run->lock_attempts},
        {.name = "selector", .kind = FIELD_ANY, .required = !planned, .out = &selector},
        {.name = "catalog", .kind = FIELD_TEXT, .words = catalog_words, .out = &catalog},
        {.name = "strategy", .kind = FIELD_OBJECT, .out = &strategy},
        {.name = "windows", .kind = FIELD_ARRAY, .out = &windows},
        {.name = "deadline_seconds", .kind = FIELD_INT, .min = 1, .max = 30 * 86400,
         .out = &deadline},
        {.name = "max_parallel", .kind = FIELD_INT, .min = 1, .max = 64,
         .out = &run->max_parallel},
        {.name = "on_failure", .kind = FIELD_TEXT, .words = failure_words, .out = &on_failure},
        {.name = "include_shared", .kind = FIELD_BOOL, .out = &run->include_shared},
        {.name = "plan_id", .kind = FIELD_TEXT, .min = 1, .max = 36, .out = &run->plan_id},
    };
    /* which of them a body may have */
    static const struct {
        size_t first, count;
    } parts[] = {[RUN_OF_ONE_BODY] = {0, 7},
                 [ROLLBACK_BODY] = {3, 4},
                 [PLAN_BODY] = {1, 11},
                 [RUN_BODY] = {0, ARRAY_LEN(fields)}};

    fields_read(call->body, "", fields + parts[kind].first, parts[kind].count, problems);
    read_allow(allow, run, problems);
    run->down = str_eq(direction, "down");
    check_direction(run, problems);
    run->stop_on_failure = str_eq(on_failure, "stop");
    run->queue = str_eq(on_conflict, "queue");
    selection_parse(selector, &run->selector, problems);
    strategy_read(strategy, windows, deadline, &run->strategy, problems);
}

static struct reply start(struct call *call, struct run_request *run)
{
    char id[UUID_TEXT_SIZE];
    json_t *differences = NULL;
    struct err err = {.code = ERR_NONE};

    run->differences = &differences;
    if (!run_create(call, run, id, &err))
        return reply_job(call, id);
    if (differences)
        return reply_problem(call->req, &err, json_pack("{s:o}", "metadata", differences));
    return call_fail(call, &err);
}

/* What the plan of the body says is part of the body from here on. */
static err_code take_plan(struct call *call, bool dry_run, struct problems *problems,
                          struct err *err)
{
    const char *id = json_string_value(json_object_get(call->body, "plan_id"));

    if (!id)
        return ERR_NONE;
    if (dry_run)
        problems_add(problems, "/plan_id", "CONTRADICTION",
                     "a plan is looked at, and not run dry: GET /v1/migration-plans/{plan_id}");
    return plan_merge(call, id, problems, err);
}

struct reply runs_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(run_request_clear) struct run_request run = run_request_default(call->app->config);
    struct err err = {.code = ERR_NONE};
    json_t *plan = NULL;
    bool dry_run = false;

    if (query_bool(call, "dry_run", false, &dry_run, &err) ||
        take_plan(call, dry_run, &problems, &err))
        return call_fail(call, &err);
    run_read(call, RUN_BODY, &run, &problems);
    if ((run.plan_id ? plan_selection(call, &run, &problems, &err)
                     : selection_check(call, &run.selector, &problems, &err)) ||
        strategy_check(call, &run.strategy, &run.selector, &problems, &err))
        return call_fail(call, &err);
    if (problems.list)
        return problems_reply(call, &problems);
    if (!dry_run)
        return start(call, &run);
    if (run_preview(call, &run, &plan, &err))
        return call_fail(call, &err);
    return reply_json(200, plan);
}

struct reply tenants_migrate(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(run_request_clear) struct run_request run = run_request_default(call->app->config);
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct err err = {.code = ERR_NONE};

    if (tenant_find(call->pg, call->req->params[0], false, &t, &err))
        return call_fail(call, &err);
    if (t.state != TENANT_ACTIVE && t.state != TENANT_SUSPENDED) {
        (void)err_set(&err, ERR_INVALID_STATE, "tenant %s is %s: only active and suspended ones"
                      " are migrated", t.id, tenant_state_name(t.state));
        return call_fail(call, &err);
    }
    run_read(call, RUN_OF_ONE_BODY, &run, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (selector_of_id(t.id, &run.selector, &err))
        return call_fail(call, &err);
    run.subject = t.id;
    return start(call, &run);
}

struct reply shared_migrate(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(run_request_clear) struct run_request run = run_request_default(call->app->config);
    char id[UUID_TEXT_SIZE];
    struct err err = {.code = ERR_NONE};

    run_read(call, RUN_OF_ONE_BODY, &run, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (shared_create(call, &run, id, &err))
        return call_fail(call, &err);
    return reply_job(call, id);
}
