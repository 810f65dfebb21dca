/* SPDX-License-Identifier: MIT */
/* Lint: of SQL that is sent, of a live schema, of a catalog. */
#include "core/lint/lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/schema/introspect.h"
#include "core/tenant/tenant_store.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/lint_run.h"
#include "service/api/tenants.h"

enum { FILES_MAX = 10000, PATH_MAX_BYTES = 1024 };

static const char *const formats[] = {"json", "text", "github", "sarif", NULL};
static const char *const catalogs[] = {"tenant", "shared", NULL};

/* The body, and what is made of it. */
struct asking {
    struct call *call;
    const json_t *files, *rules;
    const char *sql, *tenant_id, *catalog, *format;
    struct lint_range range;
    bool shared, separate;
    bool has_files, has_sql, has_tenant, has_catalog, has_shared;
    struct lint_config *config; /* owned */
    struct lint_file *list;     /* of files, owned */
};

static void asking_clear(struct asking *a)
{
    lint_config_free(a->config);
    free(a->list);
}

static void note_rule(void *ctx, const char *pointer, const char *code, const char *detail)
{
    problems_add(ctx, pointer, code, "%s", detail);
}

/* Exactly one thing is looked at. */
static void check_subject(const struct asking *a, struct problems *problems)
{
    int given = a->has_files + a->has_sql + a->has_tenant + a->has_catalog + a->has_shared;

    if (given != 1)
        problems_add(problems, "", given ? "CONTRADICTION" : "REQUIRED",
                     "exactly one of files, sql, tenant_id, catalog and \"shared\": true says what"
                     " is looked at");
    if (a->has_shared && !a->shared)
        problems_add(problems, "/shared", "UNKNOWN_VALUE", "must be true");
    if (a->range.version && a->range.from)
        problems_add(problems, "/from", "CONTRADICTION", "is not possible with version");
    if ((a->range.version || a->range.from) && !a->has_catalog)
        problems_add(problems, "", "REQUIRED", "version and from are of a catalog");
}

static void read_file(struct asking *a, size_t i, struct problems *problems)
{
    const char *path = NULL, *sql = NULL;
    char pointer[32];
    const struct field fields[] = {
        {.name = "path", .kind = FIELD_TEXT, .required = true, .min = 1, .max = PATH_MAX_BYTES,
         .out = &path},
        {.name = "sql", .kind = FIELD_TEXT, .required = true, .out = &sql}};

    (void)snprintf(pointer, sizeof pointer, "/files/%zu", i);
    fields_read(json_array_get(a->files, i), pointer, fields, ARRAY_LEN(fields), problems);
    if (path && sql)
        a->list[i] = (struct lint_file){.path = path, .sql = sql, .len = strlen(sql)};
}

static err_code read_files(struct asking *a, struct problems *problems, struct err *err)
{
    size_t n = json_array_size(a->files);

    a->list = calloc(n ? n : 1, sizeof *a->list);
    if (!a->list)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < n; i++)
        read_file(a, i, problems);
    return ERR_NONE;
}

static void read_body(struct asking *a, struct problems *problems)
{
    const struct field fields[] = {
        {.name = "files", .kind = FIELD_ARRAY, .min = 1, .max = FILES_MAX, .out = &a->files,
         .present = &a->has_files},
        {.name = "sql", .kind = FIELD_TEXT, .out = &a->sql, .present = &a->has_sql},
        {.name = "tenant_id", .kind = FIELD_TEXT, .min = 1, .max = 63, .out = &a->tenant_id,
         .present = &a->has_tenant},
        {.name = "catalog", .kind = FIELD_TEXT, .words = catalogs, .out = &a->catalog,
         .present = &a->has_catalog},
        {.name = "version", .kind = FIELD_TEXT, .min = 1, .max = MIGRATION_VERSION_MAX,
         .out = &a->range.version},
        {.name = "from", .kind = FIELD_TEXT, .min = 1, .max = MIGRATION_VERSION_MAX,
         .out = &a->range.from},
        {.name = "shared", .kind = FIELD_BOOL, .out = &a->shared, .present = &a->has_shared},
        {.name = "separate", .kind = FIELD_BOOL, .out = &a->separate},
        {.name = "rules", .kind = FIELD_OBJECT, .out = &a->rules},
        {.name = "format", .kind = FIELD_TEXT, .words = formats, .out = &a->format},
    };
    fields_read(a->call->body, "", fields, ARRAY_LEN(fields), problems);
    check_subject(a, problems);
}

static err_code read_asking(struct asking *a, struct problems *problems, struct err *err)
{
    read_body(a, problems);
    a->config = lint_config_new(a->call->app->lint);
    if (!a->config)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (a->rules)
        lint_config_set(a->config, a->rules, "/rules", note_rule, problems);
    err_code rc = read_files(a, problems, err);
    return rc ? rc
              : query_word(a->call, "format", formats, a->format ? a->format : "json", &a->format,
                           err);
}

static err_code lint_list(const struct asking *a, const struct lint_file *files, size_t count,
                          json_t **out, struct err *err)
{
    return lint_files(a->config,
                      &(struct lint_input){.files = files,
                                           .count = count,
                                           .separate = a->separate,
                                           .policy = engine_settings(a->call->app->engine)->policy},
                      out, err);
}

static err_code lint_live(const struct asking *a, struct pg *pg, const char *schema,
                          const char *table, json_t **out, struct err *err)
{
    CLEANUP(schema_freep) struct schema *model = NULL;
    const struct schema_options options = {.tracking_table = table};
    err_code rc = schema_read(pg, schema, &options, &model, err);

    if (!rc)
        rc = lint_schema(a->config, model, out, err);
    if (!rc && (rc = lint_custom(a->config, model, a->call->pg, *out, err))) {
        json_decref(*out);
        *out = NULL;
    }
    return rc;
}

static err_code lint_tenant(const struct asking *a, json_t **out, struct err *err)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct engine *engine = a->call->app->engine;
    struct pool_lease lease = {.pg = NULL};
    err_code rc = tenant_lease(a->call, a->tenant_id, &t, &lease, err);

    if (rc)
        return rc;
    rc = lint_live(a, lease.pg, t.schema, engine_settings(engine)->tracking_table, out, err);
    (void)!pool_release(engine_pools(engine), &lease, POOL_ROLLBACK, NULL);
    return rc;
}

static err_code lint_shared(const struct asking *a, json_t **out, struct err *err)
{
    struct engine *engine = a->call->app->engine;
    const struct engine_settings *s = engine_settings(engine);
    struct pool_lease lease = {.pg = NULL};
    err_code rc = pool_acquire_shared(engine_pools(engine), &lease, err);

    if (rc)
        return rc;
    rc = lint_live(a, lease.pg, s->shared_schema, s->shared_tracking_table, out, err);
    (void)!pool_release(engine_pools(engine), &lease, POOL_ROLLBACK, NULL);
    return rc;
}

static err_code lint_it(const struct asking *a, json_t **out, struct err *err)
{
    if (a->sql) {
        const struct lint_file file = {.path = "stdin.sql", .sql = a->sql, .len = strlen(a->sql)};
        return lint_list(a, &file, 1, out, err);
    }
    if (a->files)
        return lint_list(a, a->list, json_array_size(a->files), out, err);
    if (a->catalog)
        return lint_catalog(a->call, a->config, a->catalog, &a->range, out, err);
    return a->tenant_id ? lint_tenant(a, out, err) : lint_shared(a, out, err);
}

static struct reply show(const struct asking *a, json_t *result)
{
    const char *type = NULL;
    char errors[24];

    (void)snprintf(errors, sizeof errors, "%lld",
                   (long long)json_integer_value(json_object_get(result, "errors")));
    char *text = str_eq(a->format, "json") ? NULL : lint_report(result, a->format, &type);
    struct reply reply = type && text ? reply_text(200, type, text)
                         : type       ? reply_json(200, NULL)
                                      : reply_json(200, json_incref(result));
    json_decref(result);
    reply_header(&reply, "Lint-Errors", errors);
    return reply;
}

bool lint_only_reads(const struct call *call)
{
    (void)call;
    return true;
}

struct reply lint_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(asking_clear) struct asking a = {.call = call};
    json_t *result = NULL;
    struct err err = {.code = ERR_NONE};

    if (read_asking(&a, &problems, &err))
        return call_fail(call, &err);
    if (problems.list)
        return problems_reply(call, &problems);
    if (lint_it(&a, &result, &err))
        return call_fail(call, &err);
    return show(&a, result);
}

struct reply lint_rules_list(struct call *call)
{
    return reply_json(200, json_pack("{s:s, s:o}", "gate", call->app->config->lint.gate, "rules",
                                     lint_rules_json(call->app->lint)));
}
