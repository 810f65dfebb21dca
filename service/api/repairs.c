/* SPDX-License-Identifier: MIT */
/* Repairs of tracking tables: sync, baseline, conversion, adoption, of a tenant and of the fleet.
 */
#include "service/api/repairs.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/selection.h"
#include "service/api/tenants.h"

enum { FIELDS_MAX = 16, VERSIONS_MAX = 1000 };

void repair_request_clear(struct repair_request *request)
{
    selector_clear(&request->selector);
    tenant_clear(&request->tenant);
    json_decref(request->args);
}

/* What the members are read into: their values reach the job as they stand in the body. */
struct members {
    bool flags[6];
    const char *version, *to, *from, *table, *on_failure, *as, *note;
    const json_t *versions, *selector;
    int64_t max_parallel;
};

/* Which member belongs to which repair. */
#define OF(kind) (1U << REPAIR_##kind)
#define FLEET (1U << 30)
#define UPTO (1U << 29)

static void read_members(const json_t *body, unsigned mask, struct members *m,
                         struct problems *problems)
{
    static const char *const formats[] = {"name", "hash", "drizzle-kit", "drizzle-kit-v1", NULL};
    static const char *const outcomes[] = {"applied", "rolled_back", NULL};
    static const char *const failure_words[] = {"continue", "stop", NULL};
    const struct {
        unsigned of;
        struct field field;
    } rows[] = {
        {OF(SYNC), {.name = "clean_orphans", .kind = FIELD_BOOL, .out = &m->flags[0]}},
        {OF(SYNC), {.name = "mark_missing", .kind = FIELD_BOOL, .out = &m->flags[1]}},
        {OF(SYNC), {.name = "mark_out_of_order", .kind = FIELD_BOOL, .out = &m->flags[2]}},
        {OF(SYNC), {.name = "accept_checksums", .kind = FIELD_BOOL, .out = &m->flags[3]}},
        {UPTO,
         {.name = "version",
          .kind = FIELD_TEXT,
          .min = 1,
          .max = MIGRATION_VERSION_MAX,
          .out = &m->version}},
        {OF(BASELINE),
         {.name = "versions",
          .kind = FIELD_ARRAY,
          .min = 1,
          .max = VERSIONS_MAX,
          .out = &m->versions}},
        {OF(BASELINE) | OF(ADOPT), {.name = "verify", .kind = FIELD_BOOL, .out = &m->flags[4]}},
        {OF(CONVERT), {.name = "to", .kind = FIELD_TEXT, .words = formats, .out = &m->to}},
        {OF(CONVERT), {.name = "keep_backup", .kind = FIELD_BOOL, .out = &m->flags[4]}},
        {OF(CONVERT), {.name = "restore", .kind = FIELD_BOOL, .out = &m->flags[5]}},
        {OF(ADOPT), {.name = "from", .kind = FIELD_TEXT, .words = foreign_names, .out = &m->from}},
        {OF(ADOPT),
         {.name = "table", .kind = FIELD_TEXT, .min = 1, .max = PG_NAME_MAX, .out = &m->table}},
        {OF(RESOLVE),
         {.name = "version",
          .kind = FIELD_TEXT,
          .required = true,
          .min = 1,
          .max = MIGRATION_VERSION_MAX,
          .out = &m->version}},
        {OF(RESOLVE),
         {.name = "as", .kind = FIELD_TEXT, .required = true, .words = outcomes, .out = &m->as}},
        {OF(RESOLVE), {.name = "note", .kind = FIELD_TEXT, .max = 1000, .out = &m->note}},
        {FLEET, {.name = "selector", .kind = FIELD_ANY, .required = true, .out = &m->selector}},
        {FLEET,
         {.name = "max_parallel", .kind = FIELD_INT, .min = 1, .max = 64, .out = &m->max_parallel}},
        {FLEET,
         {.name = "on_failure", .kind = FIELD_TEXT, .words = failure_words, .out = &m->on_failure}},
    };
    struct field fields[FIELDS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].of & mask)
            fields[n++] = rows[i].field;
    fields_read(body, "", fields, n, problems);
}

static void check_version(const struct catalog *catalog, const json_t *version, const char *pointer,
                          struct problems *problems)
{
    if (!json_is_string(version))
        problems_add(problems, pointer, "WRONG_TYPE", "must be a string");
    else if (catalog_find(catalog, json_string_value(version)) == catalog->count)
        problems_add(problems, pointer, err_name(ERR_UNKNOWN_TARGET),
                     "catalog %s has no migration \"%.100s\"", catalog->name,
                     json_string_value(version));
}

/* What is right by itself must also make sense together. */
static void check_baseline(const struct members *m, const json_t *body,
                           const struct catalog *catalog, struct problems *problems)
{
    char pointer[32];

    if (!m->version == !m->versions)
        problems_add(problems, "", "REQUIRED", "exactly one of version and versions is needed");
    if (m->version)
        check_version(catalog, json_object_get(body, "version"), "/version", problems);
    for (size_t i = 0; i < json_array_size(m->versions); i++) {
        (void)snprintf(pointer, sizeof pointer, "/versions/%zu", i);
        check_version(catalog, json_array_get(m->versions, i), pointer, problems);
    }
}

static void check_together(const struct repair_request *r, const struct members *m,
                           const json_t *body, const struct catalog *catalog,
                           struct problems *problems)
{
    const bool *f = m->flags;

    if (problems->list)
        return;
    if (r->op->kind == REPAIR_SYNC && !f[0] && !f[1] && !f[2] && !f[3])
        problems_add(problems, "", "REQUIRED",
                     "nothing is asked for: at least one of clean_orphans, mark_missing,"
                     " mark_out_of_order and accept_checksums must be true");
    if (r->op->kind == REPAIR_CONVERT && !m->to == !f[5])
        problems_add(problems, "", "REQUIRED", "either to or restore is needed");
    if (r->op->kind == REPAIR_BASELINE)
        check_baseline(m, body, catalog, problems);
}

static void read_body(struct call *call, const struct catalog *catalog, struct repair_request *r,
                      struct problems *problems)
{
    static const char *const not_args[] = {"selector", "max_parallel", "on_failure"};
    struct members m = {.max_parallel = config_max_parallel(call->app->config)};

    unsigned mask = (1U << r->op->kind) | (r->one ? 0 : FLEET) |
                    (r->op->kind == REPAIR_BASELINE && !r->list_only ? UPTO : 0);

    read_members(call->body, mask, &m, problems);
    check_together(r, &m, call->body, catalog, problems);
    selection_parse(m.selector, &r->selector, problems);
    r->max_parallel = m.max_parallel;
    r->stop_on_failure = str_eq(m.on_failure, "stop");
    r->args = json_deep_copy(call->body);
    for (size_t i = 0; i < ARRAY_LEN(not_args); i++)
        (void)json_object_del(r->args, not_args[i]);
    r->wish = repair_wish_of(r->op->kind, r->args);
}

/* What the making of the job needs. */
struct making_repair {
    struct call *call;
    const struct repair_request *request;
    char *id;
};

static err_code create_work(struct pg *pg, void *arg, struct err *err)
{
    const struct making_repair *m = arg;
    const struct repair_request *r = m->request;
    struct catalog_info info;
    err_code rc = catalog_info(pg, "tenant", &info, err);

    if (rc)
        return rc;
    (void)json_object_set_new(r->args, "revision", json_integer((json_int_t)info.revision));
    struct job_spec spec = {.kind = r->op->job_kind,
                            .subject = r->one ? r->tenant.id : NULL,
                            .args = r->args,
                            .stop_on_failure = r->stop_on_failure,
                            .max_parallel = (int)r->max_parallel,
                            .wave_count = 1,
                            .created_by = m->call->who.id,
                            .request_id = m->call->req->id};
    rc = job_insert(pg, &spec, m->id, err);
    if (!rc)
        rc = selection_tasks(pg, m->id, &r->selector, true, err);
    return rc ? rc : job_enqueued(pg, m->id, err);
}

static struct reply start(struct call *call, const struct repair_request *request)
{
    char id[UUID_TEXT_SIZE];
    struct making_repair m = {.call = call, .request = request, .id = id};
    struct err err = {.code = ERR_NONE};

    if (pg_tx(call->pg, create_work, &m, &err))
        return call_fail(call, &err);
    return reply_job(call, id);
}

/* What one tenant's own tables refuse is said at once, not by a job that fails. */
static struct reply start_one(struct call *call, const struct repair_request *request,
                              const struct catalog *catalog)
{
    CLEANUP(repair_result_clear) struct repair_result result = {.edits = NULL};
    struct err err = {.code = ERR_NONE};

    if (repair_try(call, request, catalog, false, &result, &err))
        return call_fail(call, &err);
    return start(call, request);
}

static struct reply answer(struct call *call, const struct catalog *catalog,
                           struct repair_request *r)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct err err = {.code = ERR_NONE};
    json_t *plan = NULL;
    bool dry_run = false;

    read_body(call, catalog, r, &problems);
    if (query_bool(call, "dry_run", false, &dry_run, &err) ||
        (!r->one && selection_check(call, &r->selector, &problems, &err)))
        return call_fail(call, &err);
    if (problems.list)
        return problems_reply(call, &problems);
    if (r->one && selector_of_id(r->tenant.id, &r->selector, &err))
        return call_fail(call, &err);
    if (!dry_run)
        return r->one ? start_one(call, r, catalog) : start(call, r);
    if (repair_preview(call, r, &plan, &err))
        return call_fail(call, &err);
    return reply_json(200, plan);
}

static struct reply with_catalog(struct call *call, struct repair_request *r)
{
    struct catalog_cache *catalogs = engine_catalogs(call->app->engine);
    const struct catalog *catalog = NULL;
    struct err err = {.code = ERR_NONE};

    if (catalog_acquire(catalogs, call->pg, "tenant", 0, &catalog, &err))
        return call_fail(call, &err);
    struct reply reply = answer(call, catalog, r);
    catalog_release(catalogs, catalog);
    return reply;
}

static struct reply repair_one(struct call *call, repair_kind kind, bool list_only)
{
    CLEANUP(repair_request_clear)
    struct repair_request r = {.op = &repair_ops[kind], .one = true, .list_only = list_only};
    struct err err = {.code = ERR_NONE};

    if (tenant_find(call->pg, call->req->params[0], false, &r.tenant, &err))
        return call_fail(call, &err);
    if (r.tenant.state != TENANT_ACTIVE && r.tenant.state != TENANT_SUSPENDED) {
        (void)err_set(&err, ERR_INVALID_STATE,
                      "tenant %s is %s: only active and suspended ones are repaired", r.tenant.id,
                      tenant_state_name(r.tenant.state));
        return call_fail(call, &err);
    }
    return with_catalog(call, &r);
}

static struct reply repair_many(struct call *call, repair_kind kind)
{
    CLEANUP(repair_request_clear) struct repair_request r = {.op = &repair_ops[kind]};
    return with_catalog(call, &r);
}

struct reply tenants_sync(struct call *call)
{
    return repair_one(call, REPAIR_SYNC, false);
}

struct reply tenants_baseline(struct call *call)
{
    return repair_one(call, REPAIR_BASELINE, false);
}

struct reply tenants_mark_applied(struct call *call)
{
    return repair_one(call, REPAIR_BASELINE, true);
}

struct reply tenants_convert(struct call *call)
{
    return repair_one(call, REPAIR_CONVERT, false);
}

struct reply tenants_adopt(struct call *call)
{
    return repair_one(call, REPAIR_ADOPT, false);
}

struct reply tenants_resolve(struct call *call)
{
    return repair_one(call, REPAIR_RESOLVE, false);
}

struct reply syncs_create(struct call *call)
{
    return repair_many(call, REPAIR_SYNC);
}

struct reply baselines_create(struct call *call)
{
    return repair_many(call, REPAIR_BASELINE);
}

struct reply conversions_create(struct call *call)
{
    return repair_many(call, REPAIR_CONVERT);
}

struct reply adoptions_create(struct call *call)
{
    return repair_many(call, REPAIR_ADOPT);
}
