/* SPDX-License-Identifier: MIT */
/* A tenant made after another one: everything that can be refused is refused before the job. */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/clone.h"
#include "core/schema/introspect.h"
#include "core/schema/script.h"
#include "core/tenant/schema_ops.h"
#include "core/tenant/tenant_store.h"
#include "service/api/fields.h"
#include "service/api/making.h"
#include "service/api/tenants.h"

enum { EXCLUDED_MAX = 1000, KEY_MIN = 16, KEY_MAX = 128, ROWS_MAX = 100000000 };

struct cloning_request {
    struct call *call;
    struct wish wish;
    const json_t *include_data, *exclude, *anonymize, *sample;
    const char *key;
    clone_data data;
    json_t *job_args;     /* owned */
    struct tenant source; /* owned */
    struct clone_spec spec;
    struct problems problems;
    bool dry_run;
};

static void request_clear(struct cloning_request *r)
{
    json_decref(r->job_args);
    tenant_clear(&r->source);
    problems_clear(&r->problems);
}

static void read_sample(struct cloning_request *r)
{
    int64_t rows = 0;
    double percent = 0;
    bool by_rows = false, by_percent = false;
    const struct field fields[] = {
        {.name = "rows",
         .kind = FIELD_INT,
         .min = 1,
         .max = ROWS_MAX,
         .out = &rows,
         .present = &by_rows},
        {.name = "percent",
         .kind = FIELD_NUMBER,
         .min = 0,
         .max = 100,
         .out = &percent,
         .present = &by_percent},
    };

    if (r->sample)
        fields_read(r->sample, "/sample", fields, ARRAY_LEN(fields), &r->problems);
    if ((r->data == CLONE_SAMPLE) != (r->sample != NULL))
        problems_add(&r->problems, "/sample", "CONTRADICTION",
                     "goes with \"include_data\": \"sample\", and only with that");
    else if (r->sample && by_rows == by_percent)
        problems_add(&r->problems, "/sample", "CONTRADICTION", "has either rows or percent");
}

/* true and false are the words of others for all and none. */
static void read_data(struct cloning_request *r)
{
    const json_t *v = r->include_data;

    r->data = json_is_false(v) ? CLONE_NONE : CLONE_ALL;
    if (v && !json_is_boolean(v) && !clone_data_parse(json_string_value(v), &r->data))
        problems_add(&r->problems, "/include_data", "UNKNOWN_VALUE",
                     "is one of all, none, sample, true, false");
    read_sample(r);
}

static void read_request(struct cloning_request *r)
{
    const struct field fields[] = {
        {.name = "id", .kind = FIELD_TEXT, .required = true, .out = &r->wish.id},
        {.name = "display_name",
         .kind = FIELD_TEXT,
         .nullable = true,
         .min = 1,
         .max = 200,
         .out = &r->wish.display_name},
        {.name = "labels", .kind = FIELD_OBJECT, .out = &r->wish.labels},
        {.name = "include_data", .kind = FIELD_ANY, .out = &r->include_data},
        {.name = "exclude_tables", .kind = FIELD_ARRAY, .max = EXCLUDED_MAX, .out = &r->exclude},
        {.name = "anonymize", .kind = FIELD_OBJECT, .out = &r->anonymize},
        {.name = "hash_key", .kind = FIELD_TEXT, .min = KEY_MIN, .max = KEY_MAX, .out = &r->key},
        {.name = "sample", .kind = FIELD_OBJECT, .out = &r->sample},
    };

    fields_read(r->call->body, "", fields, ARRAY_LEN(fields), &r->problems);
    wish_check(r->call, "", &r->wish, &r->problems);
    read_data(r);
}

static void put(json_t *args, const char *name, const json_t *value)
{
    if (value)
        (void)json_object_set(args, name, (json_t *)(uintptr_t)value);
}

/* What the job shows; the key is none of it. */
static err_code make_args(struct cloning_request *r, struct err *err)
{
    r->job_args = json_pack("{s:s, s:s, s:s}", "id", r->wish.id, "source", r->source.id,
                            "include_data", clone_data_name(r->data));
    if (!r->job_args)
        return err_set(err, ERR_INTERNAL, "out of memory");
    put(r->job_args, "exclude_tables", r->exclude);
    put(r->job_args, "anonymize", r->anonymize);
    put(r->job_args, "sample", r->sample);
    clone_spec_read(r->job_args, &r->spec);
    r->spec.personal = r->call->app->config->clone.personal_label;
    r->spec.tracking_table = r->call->app->config->migrations.table;
    return ERR_NONE;
}

static err_code check_source(const struct tenant *t, struct err *err)
{
    if (t->state != TENANT_ACTIVE)
        return err_set(err, ERR_INVALID_STATE, "tenant %s is %s: only an active one is cloned",
                       t->id, tenant_state_name(t->state));
    return tenants_refuse_busy(t, err);
}

/* One that failed to be made may be made again. */
static err_code check_id(struct cloning_request *r, struct err *err)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    err_code rc = tenant_find(r->call->pg, r->wish.id, false, &t, err);

    if (rc == ERR_TENANT_NOT_FOUND)
        return ERR_NONE;
    if (!rc && t.state != TENANT_ERROR)
        return err_set(err, ERR_TENANT_EXISTS, "a tenant \"%s\" exists", r->wish.id);
    return rc;
}

static err_code check_schema(struct cloning_request *r, struct pg *pg, struct err *err)
{
    CLEANUP(freep) char *comment = NULL;
    char ours[SCHEMA_COMMENT_SIZE];
    err_code rc = schema_comment(pg, r->wish.schema, &comment, err);

    if (rc == ERR_SCHEMA_MISSING)
        return ERR_NONE;
    schema_comment_of(r->wish.id, ours);
    if (!rc && !str_eq(comment, ours))
        return err_set(err, ERR_SCHEMA_EXISTS, "the schema %s exists and belongs to no tenant",
                       r->wish.schema);
    return rc;
}

static void add_problem(void *ctx, const char *pointer, const char *code, const char *text)
{
    problems_add(ctx, pointer, code, "%s", text);
}

/* *outline: what the clone would do; where there are problems, of no use. */
static err_code check_model(struct cloning_request *r, struct pg *pg, json_t **outline,
                            struct err *err)
{
    CLEANUP(schema_freep) struct schema *model = NULL;
    CLEANUP(schema_script_clear) struct schema_script script = {.n = 0};
    err_code rc = check_schema(r, pg, err);

    if (!rc)
        rc = schema_read(pg, r->source.schema, NULL, &model, err);
    if (!rc)
        rc = schema_script(model, r->wish.schema, &script, err);
    if (rc)
        return rc;
    (void)clone_check(model, &r->spec, add_problem, &r->problems);
    *outline = clone_outline(model, &r->spec, script.n);
    return *outline ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

/* The source as it is, held against what is asked for. */
static err_code check(struct cloning_request *r, json_t **outline, struct err *err)
{
    struct pool_lease lease = {.pg = NULL};
    err_code rc = tenant_find(r->call->pg, r->call->req->params[0], false, &r->source, err);

    if (!rc)
        rc = check_source(&r->source, err);
    if (!rc)
        rc = check_id(r, err);
    if (!rc)
        rc = make_args(r, err);
    if (rc)
        return rc;
    tenant_clear(&r->source);
    rc = tenant_lease(r->call, r->call->req->params[0], &r->source, &lease, err);
    if (rc)
        return rc;
    r->wish.server = r->source.server;
    rc = check_model(r, lease.pg, outline, err);
    (void)!pool_release(engine_pools(r->call->app->engine), &lease, POOL_ROLLBACK, NULL);
    return rc;
}

static struct reply preview(const struct cloning_request *r, json_t *outline)
{
    (void)json_object_update_new(
        outline, json_pack("{s:b, s:s, s:s, s:s, s:s, s:s}", "dry_run", 1, "id", r->wish.id,
                           "source", r->source.id, "schema", r->wish.schema, "server",
                           r->wish.server, "include_data", clone_data_name(r->data)));
    return reply_json(200, json_incref(outline));
}

static struct reply start(struct cloning_request *r)
{
    json_auto_t *task_args = json_pack("{s:s, s:s*}", "source", r->source.id, "key", r->key);
    struct making m = {.call = r->call,
                       .kind = "tenant.clone",
                       .subject = r->wish.id,
                       .wishes = &r->wish,
                       .count = 1,
                       .max_parallel = 1,
                       .job_args = r->job_args,
                       .task_args = task_args};

    return make_tenants(&m);
}

struct reply tenants_clone(struct call *call)
{
    CLEANUP(request_clear) struct cloning_request r = {.call = call};
    json_auto_t *outline = NULL;
    struct err err = {.code = ERR_NONE};

    if (query_bool(call, "dry_run", false, &r.dry_run, &err))
        return call_fail(call, &err);
    read_request(&r);
    if (r.problems.list)
        return problems_reply(call, &r.problems);
    if (check(&r, &outline, &err))
        return call_fail(call, &err);
    if (r.problems.list)
        return problems_reply(call, &r.problems);
    return r.dry_run ? preview(&r, outline) : start(&r);
}
