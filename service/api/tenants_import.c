/* SPDX-License-Identifier: MIT */
/* Adopting schemas that exist already: found by a pattern, shown by a dry run, registered by a job. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/tenant/schema_ops.h"
#include "core/tenant/tenant_store.h"
#include "service/api/fields.h"
#include "service/api/making.h"
#include "service/api/tenants.h"

enum { IMPORT_MAX = 100000, IMPORT_PARALLEL = 4 };

struct import {
    struct call *call;
    const char *pattern, *server;
    const json_t *labels;
    struct str default_pattern;
    struct pg_rows *found; /* the schemas */
    char (*ids)[PG_NAME_MAX + 1];
    struct wish *wishes;
    size_t wish_count;
    json_t *report; /* of the dry run */
};

static void import_clear(struct import *i)
{
    str_clear(&i->default_pattern);
    pg_rows_free(i->found);
    free(i->ids);
    free(i->wishes);
    json_decref(i->report);
}

/* The LIKE pattern of everything the template may render to. */
static void pattern_of(const char *template, struct str *out)
{
    const char *hole = strstr(template, "{id}");
    for (const char *p = template; *p; p++) {
        if (p == hole) {
            str_add_char(out, '%');
            p += strlen("{id}") - 1;
            continue;
        }
        if (strchr("%_\\", *p))
            str_add_char(out, '\\');
        str_add_char(out, *p);
    }
}

static err_code find_schemas(struct import *i, struct err *err)
{
    struct engine *engine = i->call->app->engine;
    struct pg *pg = NULL;
    err_code rc = engine_open_server(engine, i->call->pg, i->server, &pg, err);

    if (rc)
        return rc;
    rc = schema_find(pg, i->pattern, IMPORT_MAX, &i->found, err);
    engine_close_server(engine, i->server, pg);
    return rc;
}

/* Which of the schemas are tenants already. */
static err_code is_registered(struct import *i, const char *schema, const char *id, bool *schema_is,
                              bool *id_is, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "import_registered",
        .sql = "SELECT EXISTS (SELECT FROM tenantd.tenant WHERE server = $1 AND schema_name = $2)"
               "  AS schema_is, EXISTS (SELECT FROM tenantd.tenant WHERE id = $3) AS id_is",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(i->call->pg, &stmt, PG_ARGS(PG_ARG(i->server), PG_ARG(schema), PG_ARG(id)),
                           &rows, err);
    if (!rc) {
        *schema_is = pg_bool(rows, 0, "schema_is");
        *id_is = pg_bool(rows, 0, "id_is");
    }
    return rc;
}

/* The id that a schema would get; a problem when it cannot have one. */
static err_code name_it(const struct import *i, const char *schema, char id[PG_NAME_MAX + 1],
                        struct err *why)
{
    const char *template = i->call->app->config->isolation.schema_name_template;
    if (str_eq(schema, "public") || str_eq(schema, i->call->app->config->shared.schema))
        return err_set(why, ERR_RESERVED_NAME, "schema %s is shared by all tenants", schema);
    if (!tenant_id_of_schema(template, schema, id))
        (void)snprintf(id, PG_NAME_MAX + 1, "%.63s", schema);
    return tenant_check_id(id, why);
}

static void report(struct import *i, const char *schema, const char *id, const struct err *why)
{
    json_t *problem = why->code ? json_pack("{s:s, s:o}", "code", err_name(why->code), "detail",
                                            json_text(why->msg))
                                : json_null();
    (void)json_array_append_new(i->report,
                                json_pack("{s:o, s:o, s:o}", "schema", json_text(schema), "id",
                                          why->code ? json_null() : json_text(id), "problem",
                                          problem));
}

static err_code judge(struct import *i, size_t row, struct err *err)
{
    const char *schema = pg_text(i->found, row, "schema_name");
    char *id = i->ids[i->wish_count];
    struct err why = {.code = ERR_NONE};
    bool schema_is = false, id_is = false;

    (void)!name_it(i, schema, id, &why);
    err_code rc = is_registered(i, schema, id, &schema_is, &id_is, err);
    if (rc || schema_is)
        return rc;
    if (!why.code && id_is)
        (void)err_set(&why, ERR_TENANT_EXISTS, "a tenant \"%s\" exists with another schema", id);
    report(i, schema, id, &why);
    if (why.code)
        return ERR_NONE;
    struct wish *wish = &i->wishes[i->wish_count++];
    *wish = (struct wish){.id = id, .server = i->server, .labels = i->labels};
    (void)snprintf(wish->schema, sizeof wish->schema, "%.63s", schema);
    return ERR_NONE;
}

static err_code collect(struct import *i, struct err *err)
{
    err_code rc = find_schemas(i, err);
    size_t n = rc ? 0 : pg_rows_count(i->found);

    if (rc)
        return rc;
    i->ids = calloc(n + 1, sizeof *i->ids);
    i->wishes = calloc(n + 1, sizeof *i->wishes);
    i->report = json_array();
    if (!i->ids || !i->wishes || !i->report)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t row = 0; row < n && !rc; row++)
        rc = judge(i, row, err);
    return rc;
}

/* PostgreSQL documentation, 9.7.1: a backslash quotes the character after it; there must be one. */
static bool ends_in_escape(const char *pattern)
{
    size_t n = strlen(pattern), slashes = 0;
    while (slashes < n && pattern[n - 1 - slashes] == '\\')
        slashes++;
    return slashes % 2 == 1;
}

static void read_import(struct import *i, struct problems *problems)
{
    struct call *call = i->call;
    struct err err;
    const struct field fields[] = {
        {.name = "schema_pattern", .kind = FIELD_TEXT, .min = 1, .max = 200, .out = &i->pattern},
        {.name = "server", .kind = FIELD_TEXT, .min = 1, .max = 63, .out = &i->server},
        {.name = "labels", .kind = FIELD_OBJECT, .out = &i->labels},
    };

    pattern_of(call->app->config->isolation.schema_name_template, &i->default_pattern);
    i->pattern = str_text(&i->default_pattern);
    i->server = "default";
    fields_read(call->body, "", fields, ARRAY_LEN(fields), problems);
    if (ends_in_escape(i->pattern))
        problems_add(problems, "/schema_pattern", "UNKNOWN_VALUE", "must not end with a lone backslash");
    if (i->labels && tenant_check_labels(i->labels, false, &err))
        problems_add_err(problems, err.field[0] ? err.field : "/labels", &err);
}

struct reply tenants_import(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(import_clear) struct import i = {.call = call};
    struct err err;
    bool dry_run = false;

    read_import(&i, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (query_bool(call, "dry_run", false, &dry_run, &err) || collect(&i, &err))
        return call_fail(call, &err);
    if (dry_run)
        return reply_json(200, json_pack("{s:b, s:O, s:I}", "dry_run", 1, "schemas", i.report,
                                         "count", (json_int_t)i.wish_count));
    struct making m = {.call = call,
                       .kind = "tenant.import",
                       .wishes = i.wishes,
                       .count = i.wish_count,
                       .max_parallel = IMPORT_PARALLEL,
                       .tell_conflicts = true};
    return make_tenants(&m);
}
