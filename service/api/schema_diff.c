/* SPDX-License-Identifier: MIT */
/* What turns one schema into another, each of them a tenant's, a catalog's, a text or a model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/schema_side.h"
#include "core/migrate/sqlcheck.h"
#include "core/schema/schema_json.h"
#include "core/schema/schema_parse.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"

enum { SQL_MAX = 1024 * 1024 };

/* One side as the body names it. */
struct side_request {
    const char *pointer; /* into the body */
    struct schema_side side;
    struct schema *model; /* owned; as it came, or as it was read */
};

struct diff_request {
    struct side_request from, to;
    struct change_options options;
};

static void request_clear(struct diff_request *d)
{
    schema_free(d->from.model);
    schema_free(d->to.model);
}

/* What the reader of models found, at its places in the body. */
static void add_problems(struct problems *p, const json_t *found)
{
    size_t i;
    json_t *item;

    json_array_foreach(found, i, item)
        problems_add(p, json_string_value(json_object_get(item, "pointer")),
                     json_string_value(json_object_get(item, "code")), "%s",
                     json_string_value(json_object_get(item, "detail")));
}

static void read_model(const json_t *json, struct side_request *out, struct problems *problems)
{
    json_auto_t *found = json_array();
    char pointer[40];
    struct err err;

    (void)snprintf(pointer, sizeof pointer, "%s/model", out->pointer);
    if (schema_parse(json, pointer, found, &out->model, &err)) {
        add_problems(problems, found);
        if (!json_array_size(found))
            problems_add_err(problems, pointer, &err);
    }
}

/* Which of the members there are, of which it must be one. */
static void check_one(const struct side_request *out, const json_t *json, struct problems *problems)
{
    static const char *const ways[] = {"tenant_id", "catalog", "sql", "model", "shared"};
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        n += json_object_get(json, ways[i]) != NULL;
    if (n != 1)
        problems_add(problems, out->pointer, n ? "CONTRADICTION" : "REQUIRED",
                     "must have one of tenant_id, catalog, sql, model and shared");
    if (json_object_get(json, "version") && !json_object_get(json, "catalog"))
        problems_add(problems, out->pointer, "CONTRADICTION", "version goes with catalog only");
    if (json_object_get(json, "expected") && !json_object_get(json, "tenant_id"))
        problems_add(problems, out->pointer, "CONTRADICTION", "expected goes with tenant_id only");
}

static void read_side(const json_t *json, struct side_request *out, struct problems *problems)
{
    static const char *const catalogs[] = {"tenant", "shared", NULL};
    const char *tenant = NULL, *catalog = NULL;
    const json_t *model = NULL;
    bool shared = false, expected = false;
    const struct field fields[] = {
        {.name = "tenant_id", .kind = FIELD_TEXT, .min = 1, .max = 63, .out = &tenant},
        {.name = "expected", .kind = FIELD_BOOL, .out = &expected},
        {.name = "catalog", .kind = FIELD_TEXT, .words = catalogs, .out = &catalog},
        {.name = "version",
         .kind = FIELD_TEXT,
         .min = 1,
         .max = MIGRATION_VERSION_MAX,
         .out = &out->side.version},
        {.name = "sql", .kind = FIELD_TEXT, .max = SQL_MAX, .out = &out->side.sql},
        {.name = "model", .kind = FIELD_OBJECT, .out = &model},
        {.name = "shared", .kind = FIELD_BOOL, .out = &shared},
    };

    fields_read(json, out->pointer, fields, ARRAY_LEN(fields), problems);
    check_one(out, json, problems);
    if (json_is_false(json_object_get(json, "shared")))
        problems_add(problems, out->pointer, "UNKNOWN_VALUE", "shared must be true");
    if (model)
        read_model(model, out, problems);
    out->side.name = tenant ? tenant : catalog;
    out->side.kind = tenant && expected ? SIDE_EXPECTED
                     : tenant           ? SIDE_TENANT
                     : catalog          ? SIDE_CATALOG
                     : shared           ? SIDE_SHARED
                                        : SIDE_SQL;
}

static void read_options(const json_t *json, struct change_options *out, struct problems *problems)
{
    const struct field fields[] = {
        {.name = "safe", .kind = FIELD_BOOL, .out = &out->safe},
        {.name = "renames", .kind = FIELD_OBJECT, .out = &out->renames},
    };
    char pointer[200];
    const char *key;
    json_t *value;

    fields_read(json, "/options", fields, ARRAY_LEN(fields), problems);
    json_object_foreach((json_t *)(uintptr_t)out->renames, key, value) if (!json_is_string(value))
        problems_add(problems, json_pointer(pointer, sizeof pointer, "/options/renames", key),
                     "WRONG_TYPE", "must be a string");
}

static void read_request(const struct call *call, struct diff_request *out,
                         struct problems *problems)
{
    const json_t *from = NULL, *to = NULL, *options = NULL;
    const struct field fields[] = {
        {.name = "from", .kind = FIELD_OBJECT, .required = true, .out = &from},
        {.name = "to", .kind = FIELD_OBJECT, .required = true, .out = &to},
        {.name = "options", .kind = FIELD_OBJECT, .out = &options},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), problems);
    if (from)
        read_side(from, &out->from, problems);
    if (to)
        read_side(to, &out->to, problems);
    if (options)
        read_options(options, &out->options, problems);
}

/* SQL is run, if only to be taken back: that is for those who may give migrations. */
static err_code check_scope(const struct call *call, struct err *err)
{
    static const char *const sides[] = {"from", "to"};

    for (size_t i = 0; i < ARRAY_LEN(sides); i++)
        if (json_object_get(json_object_get(call->body, sides[i]), "sql"))
            return access_require(&call->who, SCOPE_CATALOG_WRITE, err);
    return ERR_NONE;
}

/* Reads a side that is not there yet, and says in which of both a problem is. */
static err_code read_schema(const struct call *call, struct side_request *side, struct err *err)
{
    static const char *const members[] = {[SIDE_TENANT] = "tenant_id",
                                          [SIDE_EXPECTED] = "tenant_id",
                                          [SIDE_SHARED] = "shared",
                                          [SIDE_CATALOG] = "version",
                                          [SIDE_SQL] = "sql"};
    char field[40];

    if (side->model)
        return ERR_NONE;
    err_code rc = schema_side_read(call->app->engine, call->pg, &side->side, &side->model, err);
    (void)snprintf(field, sizeof field, "%s/%s", side->pointer, members[side->side.kind]);
    return rc ? err_in(err, field) : rc;
}

/* A model may hold anything where SQL is expected: what comes out must be as many statements as
 * were meant. */
static err_code check_sql(const struct schema_changes *changes, struct err *err)
{
    CLEANUP(freep) char *sql = schema_changes_sql(changes);
    struct sql_facts facts = {.count = 0};
    struct err why = {.code = ERR_NONE};

    if (!sql)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (!changes->n_statements)
        return ERR_NONE;
    err_code rc = sql_check_by(&sql_policy_registered, sql, strlen(sql), &facts, &why);
    free(facts.statements);
    if (rc)
        return err_set(err, ERR_VALIDATION_FAILED,
                       "the models give SQL that PostgreSQL's parser refuses in line %d: %.300s",
                       why.line, why.msg);
    if (facts.count != changes->n_statements)
        return err_set(err, ERR_VALIDATION_FAILED,
                       "a definition of the models is more than one statement");
    return ERR_NONE;
}

static err_code compare(struct diff_request *d, json_t **out, struct err *err)
{
    CLEANUP(schema_changes_freep) struct schema_changes *changes = NULL;
    char from[SHA256_HEX_SIZE], to[SHA256_HEX_SIZE], field[96];
    err_code rc = schema_changes(d->from.model, d->to.model, &d->options, &changes, err);

    if (rc == ERR_VALIDATION_FAILED) {
        (void)snprintf(field, sizeof field, "/options%.80s", err->field);
        return err_in(err, field);
    }
    if (!rc)
        rc = check_sql(changes, err);
    if (!rc)
        rc = schema_fingerprint(d->from.model, from, err);
    if (!rc)
        rc = schema_fingerprint(d->to.model, to, err);
    if (rc)
        return rc;
    *out = schema_changes_json(changes);
    (void)json_object_set_new(*out, "from_fingerprint", json_string(from));
    (void)json_object_set_new(*out, "to_fingerprint", json_string(to));
    return ERR_NONE;
}

struct reply schemas_diff(struct call *call)
{
    CLEANUP(request_clear)
    struct diff_request d = {.from = {.pointer = "/from"}, .to = {.pointer = "/to"}};
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    json_t *out = NULL;
    struct err err = {.code = ERR_NONE};

    if (check_scope(call, &err))
        return call_fail(call, &err);
    read_request(call, &d, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (read_schema(call, &d.from, &err) || read_schema(call, &d.to, &err) ||
        compare(&d, &out, &err))
        return call_fail(call, &err);
    return reply_json(200, out);
}
