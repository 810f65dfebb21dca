/* SPDX-License-Identifier: MIT */
/* Schemas out of documents: as files for Drizzle, as SQL, as a migration. */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/sql_model.h"
#include "core/migrate/catalog_store.h"
#include "core/migrate/sqlcheck.h"
#include "core/schema/export.h"
#include "core/schema/import.h"
#include "core/schema/normal.h"
#include "core/schema/script.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/next_version.h"

enum {
    NAME_BYTES_MAX = 100,
    REPLAY_LOCK_MS = 1000,
    REPLAY_STATEMENT_MS = 10000,
};

static const char *const types[] = {"tenant", "shared", NULL};
static const char *const formats[] = {"json", "seed-json", "json-schema", "sql", "dbml", NULL};
static const char *const outputs[] = {"drizzle", "sql", "migration", NULL};
static const char *const casings[] = {"camel", "snake", "preserve", NULL};

struct import {
    struct call *call;
    const json_t *content;
    const char *format, *output, *type, *casing, *name;
    bool zod, lenient, enroll; /* enroll: "register" */
    struct import_notes notes;
    struct schema *model;
    json_t *files; /* owned, as the model and the notes */
    json_t *parsed;
    char *version; /* of what was registered */
};

static void import_clear(struct import *m)
{
    import_notes_clear(&m->notes);
    schema_free(m->model);
    json_decref(m->files);
    json_decref(m->parsed);
    free(m->version);
}

static void read_request(struct import *m, struct problems *problems)
{
    struct field fields[] = {
        {.name = "format",
         .kind = FIELD_TEXT,
         .required = true,
         .words = formats,
         .out = &m->format},
        {.name = "content", .kind = FIELD_ANY, .required = true, .out = &m->content},
        {.name = "output", .kind = FIELD_TEXT, .words = outputs, .out = &m->output},
        {.name = "type", .kind = FIELD_TEXT, .words = types, .out = &m->type},
        {.name = "casing", .kind = FIELD_TEXT, .words = casings, .out = &m->casing},
        {.name = "name", .kind = FIELD_TEXT, .min = 1, .max = NAME_BYTES_MAX, .out = &m->name},
        {.name = "with_zod", .kind = FIELD_BOOL, .out = &m->zod},
        {.name = "lenient", .kind = FIELD_BOOL, .out = &m->lenient},
        {.name = "register", .kind = FIELD_BOOL, .out = &m->enroll},
    };

    fields_read(m->call->body, "", fields, ARRAY_LEN(fields), problems);
    if (problems->list)
        return;
    if (m->enroll && !str_eq(m->output, "migration"))
        problems_add(problems, "/register", "CONTRADICTION", "only a migration can be registered");
    if ((m->zod || m->casing || m->lenient) && !str_eq(m->output, "drizzle"))
        problems_add(problems, "/output", "CONTRADICTION",
                     "casing, with_zod and lenient are for drizzle");
    for (const char *p = m->name; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", *p)) {
            problems_add(problems, "/name", "OUT_OF_RANGE",
                         "has small letters, digits and underscores only");
            return;
        }
}

/* JSON may be given as it is, or as a string, as it is in a file. */
static err_code read_json(struct import *m, struct err *err)
{
    static const struct {
        const char *format, *type;
        import_read *read;
    } readers[] = {
        {"json", "tenant", import_model},
        {"json", "shared", import_model},
        {"json-schema", "tenant", import_json_schema},
        {"json-schema", "shared", import_json_schema},
        {"seed-json", "tenant", import_seed_tenant},
        {"seed-json", "shared", import_seed_shared},
    };
    const json_t *document = m->content;

    if (str_eq(m->format, "dbml"))
        return err_set(err, ERR_IMPORT_UNSUPPORTED,
                       "DBML is not read here: make SQL of it (dbml2sql), and import that");
    if (json_is_string(document)) {
        err_code rc =
            json_parse(json_string_value(document), json_string_length(document), &m->parsed, err);
        if (rc)
            return err_in(err, "/content");
        document = m->parsed;
    }
    for (size_t i = 0; i < ARRAY_LEN(readers); i++)
        if (str_eq(readers[i].format, m->format) && str_eq(readers[i].type, m->type))
            return readers[i].read(document, "/content", &m->model, &m->notes, err);
    return err_set(err, ERR_INTERNAL, "the format %s has no reader", m->format);
}

/* SQL is run, if for nobody to see, so it takes the right to register what will be run. */
static err_code read_sql(struct import *m, struct err *err)
{
    const struct engine_settings *s = engine_settings(m->call->app->engine);
    const struct sql_model_options options = {.shared_schema = s->shared_schema,
                                              .lock_timeout_ms = REPLAY_LOCK_MS,
                                              .statement_timeout_ms = REPLAY_STATEMENT_MS};
    CLEANUP(migration_clear) struct migration migration = {.version = NULL};
    err_code rc = access_require(&m->call->who, SCOPE_CATALOG_WRITE, err);

    if (rc)
        return rc;
    if (!json_is_string(m->content)) {
        (void)err_set(err, ERR_VALIDATION_FAILED, "SQL is a string");
        return err_in(err, "/content");
    }
    rc = migration_make_by(s->policy, "0_import", json_string_value(m->content),
                           json_string_length(m->content), 0, &migration, err);
    if (!rc)
        rc = sql_model_read(m->call->pg, &migration, &options, &m->model, err);
    if (rc && rc != ERR_INTERNAL)
        (void)err_in(err, "/content");
    return rc;
}

static err_code add_file(struct import *m, struct str *path, struct str *content, struct err *err)
{
    json_t *file = str_ok(path) && str_ok(content)
                       ? json_pack("{s:o, s:o}", "path", json_text(str_text(path)), "content",
                                   json_text(str_text(content)))
                       : NULL;

    if (!file || json_array_append_new(m->files, file))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return ERR_NONE;
}

static err_code write_drizzle(struct import *m, struct err *err)
{
    CLEANUP(export_result_clear) struct export_result result = {.body = NULL};
    CLEANUP(str_clear) struct str path = STR_INIT;
    CLEANUP(str_clear) struct str content = STR_INIT;
    const struct export_options options = {
        .format = "drizzle", .casing = m->casing, .zod = m->zod, .lenient = m->lenient};

    err_code rc = schema_export(m->model, &options, &result, err);
    if (rc == ERR_UNSUPPORTED_TYPE)
        err->code = rc = ERR_IMPORT_UNSUPPORTED;
    if (rc)
        return rc;
    str_addf(&path, "src/db/schema/%s/schema.ts", m->type);
    str_add_n(&content, result.body, result.body_len);
    return add_file(m, &path, &content, err);
}

/* The SQL of a document's expressions must not be more than expressions. */
static err_code check_sql(const struct str *content, size_t statements, struct err *err)
{
    struct sql_facts facts = {.count = 0};
    err_code rc =
        sql_check_by(&sql_policy_registered, str_text(content), content->len, &facts, err);

    free(facts.statements);
    if (rc == ERR_INTERNAL)
        return rc;
    if (rc)
        err->line = err->column = 0; /* places in what nobody has written */
    if (rc || facts.count != statements)
        return err_set(err, ERR_IMPORT_UNSUPPORTED,
                       "what follows from the document is not the SQL that it should be");
    return ERR_NONE;
}

static err_code write_sql(struct import *m, struct str *content, struct err *err)
{
    struct schema_script script;
    err_code rc = schema_script(m->model, NULL, &script, err);

    if (rc == ERR_UNSUPPORTED_OBJECT)
        err->code = rc = ERR_IMPORT_UNSUPPORTED;
    if (rc)
        return rc;
    schema_script_text(&script, content);
    size_t statements = script.n;
    schema_script_clear(&script);
    if (strstr(str_text(content), SCHEMA_MARK))
        return err_set(err, ERR_IMPORT_UNSUPPORTED,
                       "something in it has to name its schema, and which it will be is not known");
    return check_sql(content, statements, err);
}

static err_code enroll(struct import *m, const char *sql, struct err *err)
{
    const struct register_options options = {.by = m->call->who.id};
    struct register_result result = {.added = NULL};
    CLEANUP(migration_clear) struct migration migration = {.version = NULL};

    err_code rc = migration_make_by(engine_settings(m->call->app->engine)->policy, m->version, sql,
                                    strlen(sql), 0, &migration, err);
    if (!rc)
        rc = catalog_register(m->call->pg, m->type, &migration, 1, &options, &result, err);
    free(result.added);
    return rc;
}

static err_code write_migration(struct import *m, const char *sql, struct str *path,
                                struct err *err)
{
    CLEANUP(str_clear) struct str version = STR_INIT;
    char number[NEXT_VERSION_SIZE];
    err_code rc = m->enroll ? access_require(&m->call->who, SCOPE_CATALOG_WRITE, err) : ERR_NONE;

    if (!rc)
        rc = next_version(m->call, m->type, number, err);
    if (rc)
        return rc;
    str_addf(&version, "%s_%s", number, m->name);
    str_addf(path, "drizzle/%s-migrations/%s.sql", m->type, str_text(&version));
    if (!m->enroll)
        return ERR_NONE;
    m->version = str_take(&version);
    return m->version ? enroll(m, sql, err) : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code write_files(struct import *m, struct err *err)
{
    CLEANUP(str_clear) struct str path = STR_INIT;
    CLEANUP(str_clear) struct str content = STR_INIT;

    m->files = json_array();
    if (str_eq(m->output, "drizzle"))
        return write_drizzle(m, err);
    err_code rc = write_sql(m, &content, err);
    if (!rc && str_eq(m->output, "migration"))
        rc = write_migration(m, str_text(&content), &path, err);
    else
        str_addf(&path, "%s.sql", m->name);
    return rc ? rc : add_file(m, &path, &content, err);
}

/* With everything that is wrong with the document. */
static struct reply fail(struct import *m, struct err *err)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};

    if (err->code == ERR_VALIDATION_FAILED) {
        problems_add(&problems, err->field, "WRONG_TYPE", "%s", err->msg);
        return problems_reply(m->call, &problems);
    }
    if (err->code != ERR_IMPORT_UNSUPPORTED || !json_array_size(m->notes.problems))
        return call_fail(m->call, err);
    return reply_problem(m->call->req, err, json_pack("{s:O}", "errors", m->notes.problems));
}

struct reply schema_import_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(import_clear)
    struct import m = {.call = call, .output = "drizzle", .type = "tenant", .name = "import"};
    struct err err = {.code = ERR_NONE};

    import_notes_init(&m.notes);
    read_request(&m, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    err_code rc = str_eq(m.format, "sql") ? read_sql(&m, &err) : read_json(&m, &err);
    if (!rc)
        rc = write_files(&m, &err);
    if (rc)
        return fail(&m, &err);
    return reply_json(200, json_pack("{s:O, s:O, s:o}", "files", m.files, "warnings",
                                     m.notes.warnings, "registered", json_text(m.version)));
}
