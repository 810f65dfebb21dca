/* SPDX-License-Identifier: MIT */
/* First drafts of schemas, seeds and migrations. */
#include <stdio.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/scaffold.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/next_version.h"

static const char *const types[] = {"tenant", "shared", NULL};
static const char *const languages[] = {"drizzle", "sql", NULL};
static const char *const templates[] = {"blank",     "create-table",    "add-column",
                                        "add-index", "add-foreign-key", NULL};

enum { NAME_MAX_BYTES = 100 };

#define NAME_FIELD(n, o)                                                                           \
    {                                                                                              \
        .name = (n), .kind = FIELD_TEXT, .min = 1, .max = NAME_MAX_BYTES, .out = (o)               \
    }
#define TYPE_FIELD(o)                                                                              \
    {                                                                                              \
        .name = "type", .kind = FIELD_TEXT, .words = types, .out = (o)                             \
    }
#define LANGUAGE_FIELD(o)                                                                          \
    {                                                                                              \
        .name = "language", .kind = FIELD_TEXT, .words = languages, .out = (o)                     \
    }
#define BOOL_FIELD(n, o)                                                                           \
    {                                                                                              \
        .name = (n), .kind = FIELD_BOOL, .out = (o)                                                \
    }

/* Why a draft could not be made: a name is a problem of the body. */
static struct reply fail(struct call *call, const struct err *err)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    char pointer[100];

    if (err->code != ERR_VALIDATION_FAILED)
        return call_fail(call, err);
    (void)snprintf(pointer, sizeof pointer, "/%s", err->field);
    problems_add_err(&problems, pointer, err);
    return problems_reply(call, &problems);
}

static struct reply show(struct scaffold *draft, const char *kind, const char *type,
                         const char *language, const char *template, const char *sequence)
{
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "kind", kind, "type", type, "language",
                  language, "table", json_text(draft->table[0] ? draft->table : NULL), "path",
                  json_text(draft->path), "content", json_text(draft->content));

    if (template)
        (void)json_object_set_new(body, "template", json_string(template));
    if (sequence)
        (void)json_object_set_new(body, "sequence", json_string(sequence));
    scaffold_clear(draft);
    return reply_json(200, body);
}

struct reply scaffold_schema_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct scaffold_schema o = {.timestamps = true, .uuid = true, .zod = true, .example = true};
    const char *type = types[0], *language = languages[0];
    struct scaffold draft;
    struct err err;
    struct field fields[] = {
        NAME_FIELD("name", &o.name),
        TYPE_FIELD(&type),
        LANGUAGE_FIELD(&language),
        BOOL_FIELD("timestamps", &o.timestamps),
        BOOL_FIELD("soft_delete", &o.soft_delete),
        BOOL_FIELD("uuid", &o.uuid),
        BOOL_FIELD("with_zod", &o.zod),
        BOOL_FIELD("with_example", &o.example),
    };

    fields[0].required = true;
    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    o.shared = str_eq(type, "shared");
    o.sql = str_eq(language, "sql");
    if (scaffold_schema(&o, &draft, &err))
        return fail(call, &err);
    return show(&draft, "schema", type, language, NULL, NULL);
}

struct reply scaffold_seed_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct scaffold_seed o = {.name = NULL};
    const char *type = types[0], *language = "sql";
    struct scaffold draft;
    struct err err;
    struct field fields[] = {
        NAME_FIELD("name", &o.name),
        NAME_FIELD("table", &o.table),
        TYPE_FIELD(&type),
        LANGUAGE_FIELD(&language),
    };

    fields[0].required = true;
    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    o.shared = str_eq(type, "shared");
    o.sql = str_eq(language, "sql");
    if (scaffold_seed(&o, &draft, &err))
        return fail(call, &err);
    return show(&draft, "seed", type, language, NULL, NULL);
}

static err_code find_version(struct call *call, const char *catalog, int64_t sequence,
                             char out[NEXT_VERSION_SIZE], struct err *err)
{
    if (sequence < 0)
        return next_version(call, catalog, out, err);
    (void)snprintf(out, NEXT_VERSION_SIZE, "%04lld", (long long)sequence);
    return ERR_NONE;
}

static scaffold_template template_of(const char *word, const char *name)
{
    for (size_t i = 0; word && templates[i]; i++)
        if (str_eq(scaffold_template_name((scaffold_template)i), word))
            return (scaffold_template)i;
    return scaffold_guess_template(name);
}

struct reply scaffold_migration_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct scaffold_migration o = {.name = NULL};
    const char *type = types[0], *template = NULL;
    int64_t sequence = -1;
    char version[NEXT_VERSION_SIZE];
    struct scaffold draft;
    struct err err;
    struct field fields[] = {
        NAME_FIELD("name", &o.name),
        TYPE_FIELD(&type),
        {.name = "template", .kind = FIELD_TEXT, .words = templates, .out = &template},
        {.name = "sequence", .kind = FIELD_INT, .max = INT32_MAX, .out = &sequence},
        NAME_FIELD("table", &o.table),
        NAME_FIELD("column", &o.column),
        NAME_FIELD("references", &o.references),
    };

    fields[0].required = true;
    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    o.shared = str_eq(type, "shared");
    o.template = template_of(template, o.name);
    o.version = version;
    if (find_version(call, type, sequence, version, &err) || scaffold_migration(&o, &draft, &err))
        return fail(call, &err);
    return show(&draft, "migration", type, "sql", scaffold_template_name(o.template), version);
}
