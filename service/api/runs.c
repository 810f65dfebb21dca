/* SPDX-License-Identifier: MIT */
/* Migration runs: what a request asks for becomes a job with a task for each tenant that is behind. */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/plan_down.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/run_plan.h"
#include "service/api/selection.h"

static const char *const directions[] = {"up", "down", NULL};
static const char *const failure_words[] = {"continue", "stop", NULL};
static const char *const conflict_words[] = {"refuse", "queue", NULL};

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

/* Fills run from the body; whole: a run over a selector, not of one tenant. */
static void read_run(struct call *call, bool whole, struct run_request *run,
                     struct problems *problems)
{
    const json_t *selector = NULL, *allow = NULL, *strategy = NULL, *windows = NULL;
    const char *on_failure = "continue", *on_conflict = "refuse", *direction = "up";
    int64_t deadline = 0;
    const struct field fields[] = {
        {.name = "target", .kind = FIELD_TEXT, .min = 1, .max = MIGRATION_VERSION_MAX,
         .out = &run->target},
        {.name = "allow", .kind = FIELD_ARRAY, .max = 3, .out = &allow},
        {.name = "direction", .kind = FIELD_TEXT, .words = directions, .out = &direction},
        {.name = "lock_timeout_ms", .kind = FIELD_INT, .max = 600000,
         .out = &run->lock_timeout_ms},
        {.name = "statement_timeout_ms", .kind = FIELD_INT, .max = 86400000,
         .out = &run->statement_timeout_ms},
        {.name = "lock_attempts", .kind = FIELD_INT, .min = 1, .max = 10000,
         .out = &run->lock_attempts},
        {.name = "on_conflict", .kind = FIELD_TEXT, .words = conflict_words, .out = &on_conflict},
        {.name = "selector", .kind = FIELD_ANY, .required = true, .out = &selector},
        {.name = "max_parallel", .kind = FIELD_INT, .min = 1, .max = 64,
         .out = &run->max_parallel},
        {.name = "on_failure", .kind = FIELD_TEXT, .words = failure_words, .out = &on_failure},
        {.name = "include_shared", .kind = FIELD_BOOL, .out = &run->include_shared},
        {.name = "strategy", .kind = FIELD_OBJECT, .out = &strategy},
        {.name = "windows", .kind = FIELD_ARRAY, .out = &windows},
        {.name = "deadline_seconds", .kind = FIELD_INT, .min = 1, .max = 30 * 86400,
         .out = &deadline},
    };

    fields_read(call->body, "", fields, whole ? ARRAY_LEN(fields) : 7, problems);
    read_allow(allow, run, problems);
    run->down = str_eq(direction, "down");
    if (run->down && !run->target)
        problems_add(problems, "/target", "REQUIRED", "the way down needs a target, \"" PLAN_TARGET_NONE
                     "\" for not one migration left");
    if (run->down && run->include_shared)
        problems_add(problems, "/include_shared", "CONTRADICTION", "goes up only");
    run->stop_on_failure = str_eq(on_failure, "stop");
    run->queue = str_eq(on_conflict, "queue");
    selection_parse(selector, &run->selector, problems);
    strategy_read(strategy, windows, deadline, &run->strategy, problems);
}

static struct reply start(struct call *call, struct run_request *run)
{
    char id[UUID_TEXT_SIZE];
    struct err err = {.code = ERR_NONE};

    if (run_create(call, run, id, &err))
        return call_fail(call, &err);
    return reply_job(call, id);
}

struct reply runs_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(run_request_clear) struct run_request run = run_request_default(call->app->config);
    struct err err = {.code = ERR_NONE};
    json_t *plan = NULL;
    bool dry_run = false;

    read_run(call, true, &run, &problems);
    if (query_bool(call, "dry_run", false, &dry_run, &err) ||
        selection_check(call, &run.selector, &problems, &err) ||
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
    read_run(call, false, &run, &problems);
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

    read_run(call, false, &run, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (shared_create(call, &run, id, &err))
        return call_fail(call, &err);
    return reply_job(call, id);
}
