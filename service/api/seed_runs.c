/* SPDX-License-Identifier: MIT */
/* Applying seeds: one to tenants or the shared schema, or several to one tenant. */
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/tenant/tenant_store.h"
#include "service/api/handlers.h"
#include "service/api/seed_plan.h"
#include "service/api/selection.h"

enum { NAMES_MAX = 100 };

static const char *const modes[] = {"once", "always", NULL};
static const char *const failure_words[] = {"continue", "stop", NULL};

static void check_values(const json_t *variables, bool shared, struct problems *problems)
{
    const char *name;
    json_t *value;
    char pointer[128];

    json_object_foreach((json_t *)(uintptr_t)variables, name, value)
    {
        (void)json_pointer(pointer, sizeof pointer, "/variables", name);
        if (seed_is_own_variable(name, shared))
            problems_add(problems, pointer, "RESERVED_NAME",
                         "tenantd itself gives this variable its value");
        else if (json_is_object(value) || json_is_array(value))
            problems_add(problems, pointer, "WRONG_TYPE",
                         "must be text, a number, true, false or null");
    }
}

/* What only a request over a selector has. */
struct wide {
    const json_t *selector;
    const char *on_failure;
    bool shared, include_shared;
};

static void read_wide(struct seed_request *r, struct wide *w, struct problems *problems)
{
    const struct field fields[] = {
        {.name = "mode", .kind = FIELD_TEXT, .words = modes, .out = &r->mode},
        {.name = "force", .kind = FIELD_BOOL, .out = &r->force},
        {.name = "variables", .kind = FIELD_OBJECT, .out = &r->variables},
        {.name = "selector", .kind = FIELD_ANY, .out = &w->selector},
        {.name = "shared", .kind = FIELD_BOOL, .out = &w->shared},
        {.name = "include_shared", .kind = FIELD_BOOL, .out = &w->include_shared},
        {.name = "max_parallel", .kind = FIELD_INT, .min = 1, .max = 64, .out = &r->max_parallel},
        {.name = "on_failure", .kind = FIELD_TEXT, .words = failure_words, .out = &w->on_failure},
    };

    fields_read(r->call->body, "", fields, ARRAY_LEN(fields), problems);
    if (!w->selector == !w->shared)
        problems_add(problems, "/selector", "REQUIRED",
                     "exactly one of selector and \"shared\": true says where the seed goes");
    if (w->shared && w->include_shared)
        problems_add(problems, "/include_shared", "CONTRADICTION", "goes with a selector only");
    selection_parse(w->selector, &r->selector, problems);
    check_values(r->variables, w->shared, problems);
    r->only_shared = w->shared;
    r->stop_on_failure = str_eq(w->on_failure, "stop");
}

static struct reply start_or_show(struct seed_request *r, bool dry_run)
{
    struct call *call = r->call;
    char id[UUID_TEXT_SIZE];
    json_t *plan = NULL;
    struct err err;

    if (dry_run ? seed_request_preview(r, &plan, &err) : seed_request_start(r, id, &err))
        return call_fail(call, &err);
    return dry_run ? reply_json(200, plan) : reply_job(call, id);
}

struct reply seeds_apply(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(seed_request_clear)
    struct seed_request r = {.call = call,
                             .max_parallel = config_max_parallel(call->app->config)};
    struct wide w = {.selector = NULL};
    const char *shared_schema = engine_settings(call->app->engine)->shared_schema;
    struct err err;
    bool dry_run = false;

    read_wide(&r, &w, &problems);
    if (query_bool(call, "dry_run", false, &dry_run, &err) ||
        selection_check(call, &r.selector, &problems, &err))
        return call_fail(call, &err);
    if (problems.list)
        return problems_reply(call, &problems);
    if (seed_request_load(&r, w.shared ? "shared" : "tenant", call->req->params[0], NULL, &problems,
                          &err) ||
        (w.include_shared && seed_request_load(&r, "shared", NULL, NULL, &problems, &err)) ||
        (w.shared && !dry_run && seed_request_check(&r, "default", shared_schema, &err)))
        return call_fail(call, &err);
    return start_or_show(&r, dry_run);
}

/* The seeds of a scope for one schema: those named, or all there are. */
static struct reply seed_one(struct seed_request *r, const char *server, const char *schema)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct call *call = r->call;
    const json_t *names = NULL;
    struct err err;
    bool dry_run = false;
    const struct field fields[] = {
        {.name = "seeds", .kind = FIELD_ARRAY, .min = 1, .max = NAMES_MAX, .out = &names},
        {.name = "mode", .kind = FIELD_TEXT, .words = modes, .out = &r->mode},
        {.name = "force", .kind = FIELD_BOOL, .out = &r->force},
        {.name = "variables", .kind = FIELD_OBJECT, .out = &r->variables},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    check_values(r->variables, r->only_shared, &problems);
    if (query_bool(call, "dry_run", false, &dry_run, &err))
        return call_fail(call, &err);
    if (!problems.list &&
        seed_request_load(r, r->only_shared ? "shared" : "tenant", NULL, names, &problems, &err))
        return call_fail(call, &err);
    if (problems.list)
        return problems_reply(call, &problems);
    if (!dry_run && seed_request_check(r, server, schema, &err))
        return call_fail(call, &err);
    return start_or_show(r, dry_run);
}

struct reply tenants_seed(struct call *call)
{
    CLEANUP(seed_request_clear) struct seed_request r = {.call = call, .max_parallel = 1};
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct err err;

    if (tenant_find(call->pg, call->req->params[0], false, &t, &err))
        return call_fail(call, &err);
    if (t.state != TENANT_ACTIVE && t.state != TENANT_SUSPENDED) {
        (void)err_set(&err, ERR_INVALID_STATE,
                      "tenant %s is %s: only active and suspended ones are"
                      " seeded",
                      t.id, tenant_state_name(t.state));
        return call_fail(call, &err);
    }
    if (selector_of_id(t.id, &r.selector, &err))
        return call_fail(call, &err);
    r.subject = t.id;
    return seed_one(&r, t.server, t.schema);
}

struct reply shared_seed(struct call *call)
{
    CLEANUP(seed_request_clear)
    struct seed_request r = {.call = call, .max_parallel = 1, .only_shared = true};

    return seed_one(&r, "default", engine_settings(call->app->engine)->shared_schema);
}
