/* SPDX-License-Identifier: MIT */
#include "core/schema/export.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/export/exporter.h"
#include "core/schema/schema_json.h"

static const struct exporter {
    const char *format, *content_type, *suffix;
    export_write *write;
    bool takes_zod, takes_theme, takes_indexes, takes_casing, takes_lenient;
} exporters[] = {
    {
        .format = "json",
        .content_type = "application/json",
        .suffix = ".json",
        .write = export_json,
    },
    {
        .format = "json-schema",
        .content_type = "application/schema+json",
        .suffix = ".schema.json",
        .write = export_json_schema,
    },
    {
        .format = "typescript",
        .content_type = "text/plain; charset=utf-8",
        .suffix = ".ts",
        .write = export_typescript,
        .takes_zod = true,
        .takes_casing = true,
    },
    {
        .format = "zod",
        .content_type = "text/plain; charset=utf-8",
        .suffix = ".zod.ts",
        .write = export_zod,
        .takes_casing = true,
    },
    {
        .format = "drizzle",
        .content_type = "text/plain; charset=utf-8",
        .suffix = ".drizzle.ts",
        .write = export_drizzle,
        .takes_zod = true,
        .takes_casing = true,
        .takes_lenient = true,
    },
    {
        .format = "mermaid",
        .content_type = "text/plain; charset=utf-8",
        .suffix = ".mmd",
        .write = export_mermaid,
        .takes_theme = true,
        .takes_indexes = true,
    },
    {
        .format = "dbml",
        .content_type = "text/plain; charset=utf-8",
        .suffix = ".dbml",
        .write = export_dbml,
    },
};

static const char *const themes[] = {"default", "dark", "forest", "neutral", NULL};
static const char *const casings[] = {"camel", "snake", "preserve", NULL};

const char *export_format_name(size_t i)
{
    return i < ARRAY_LEN(exporters) ? exporters[i].format : NULL;
}

/* Fails naming the parameter. */
static err_code refuse(struct err *err, const char *parameter, const char *why, const char *what)
{
    struct err own;

    (void)!err_set(err ? err : &own, ERR_INVALID_PARAMETER, "%s: %s", why, what);
    return err_in(err ? err : &own, parameter);
}

static err_code find_exporter(const char *format, const struct exporter **out, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(exporters); i++)
        if (str_eq(exporters[i].format, format)) {
            *out = &exporters[i];
            return ERR_NONE;
        }
    CLEANUP(str_clear) struct str why = STR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(exporters); i++)
        str_addf(&why, "%s%s", i ? ", " : "a format is one of ", exporters[i].format);
    str_add(&why, ", not");
    return refuse(err, "format", str_text(&why), format ? format : "(none)");
}

/* A word of an option: of a format that takes it, and one of the words. */
static err_code check_word(const struct exporter *x, const char *name, const char *value,
                           bool takes, const char *const *words, struct err *err)
{
    CLEANUP(str_clear) struct str why = STR_INIT;

    if (!value)
        return ERR_NONE;
    if (!takes) {
        str_addf(&why, "%s does not belong to the format", name);
        return refuse(err, name, str_text(&why), x->format);
    }
    str_addf(&why, "%s is one of ", name);
    for (size_t i = 0; words[i]; i++) {
        if (str_eq(words[i], value))
            return ERR_NONE;
        str_addf(&why, "%s%s", i ? ", " : "", words[i]);
    }
    str_add(&why, ", not");
    return refuse(err, name, str_text(&why), value);
}

static err_code check_options(const struct exporter *x, const struct export_options *options,
                              struct err *err)
{
    if (options->zod && !x->takes_zod)
        return refuse(err, "zod", "zod belongs to typescript and drizzle, not to the format",
                      x->format);
    if (options->indexes && !x->takes_indexes)
        return refuse(err, "indexes", "indexes belongs to mermaid, not to the format", x->format);
    if (options->lenient && !x->takes_lenient)
        return refuse(err, "lenient", "lenient belongs to drizzle, not to the format", x->format);
    err_code rc = check_word(x, "theme", options->theme, x->takes_theme, themes, err);
    return rc ? rc : check_word(x, "casing", options->casing, x->takes_casing, casings, err);
}

static bool is_chosen(const struct export_options *options, const struct schema_table *t)
{
    for (size_t i = 0; i < options->n_tables; i++)
        if (str_eq(options->tables[i], t->name))
            return true;
    return !options->n_tables && !t->partition_of;
}

static err_code choose_tables(const struct schema *s, const struct export_options *options,
                              struct export_view *view, struct err *err)
{
    for (size_t i = 0; i < options->n_tables; i++)
        if (!schema_find_table(s, options->tables[i]))
            return refuse(err, "tables", "the schema has no such table", options->tables[i]);
    view->tables = calloc(s->n_tables + 1, sizeof(struct schema_table *));
    if (!view->tables)
        return err_set(err, ERR_INTERNAL, "no memory for an export");
    for (size_t i = 0; i < s->n_tables; i++)
        if (is_chosen(options, &s->tables[i]))
            view->tables[view->n_tables++] = &s->tables[i];
    return ERR_NONE;
}

bool export_has_table(const struct export_view *view, const char *name)
{
    for (size_t i = 0; i < view->n_tables; i++)
        if (str_eq(view->tables[i]->name, name))
            return true;
    return false;
}

static bool uses_enum(const struct schema_table *t, size_t enumeration)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].type.class == TYPE_ENUM && t->columns[i].type.enumeration == enumeration)
            return true;
    return false;
}

bool export_wants_enum(const struct export_view *view, size_t enumeration)
{
    for (size_t i = 0; i < view->n_tables; i++)
        if (uses_enum(view->tables[i], enumeration))
            return true;
    return !view->filtered && !view->schema->enums[enumeration].schema;
}

/* The name goes into a header: what is not plainly safe there becomes an underscore. */
static void set_filename(const char *schema, const char *suffix, struct export_result *out)
{
    (void)snprintf(out->filename, sizeof out->filename, "%.70s%s", schema, suffix);
    for (char *p = out->filename; *p; p++)
        if (!isascii((unsigned char)*p) || (!isalnum((unsigned char)*p) && !strchr("-_.", *p)))
            *p = '_';
    if (out->filename[0] == '.')
        out->filename[0] = '_';
}

static void view_clear(struct export_view *view)
{
    free(view->tables);
}

err_code schema_export(const struct schema *s, const struct export_options *options,
                       struct export_result *out, struct err *err)
{
    CLEANUP(view_clear) struct export_view view = {.schema = s, .filtered = options->n_tables > 0};
    CLEANUP(str_clear) struct str body = STR_INIT;
    const struct exporter *x = NULL;

    err_code rc = find_exporter(options->format, &x, err);
    if (!rc)
        rc = check_options(x, options, err);
    if (!rc)
        rc = choose_tables(s, options, &view, err);
    if (!rc)
        rc = x->write(&view, options, &body, err);
    if (rc)
        return rc;
    size_t n = body.len;
    char *text = str_take(&body);
    if (!text)
        return err_set(err, ERR_INTERNAL, "no memory for an export");
    *out = (struct export_result){.content_type = x->content_type, .body = text, .body_len = n};
    set_filename(s->name, x->suffix, out);
    return ERR_NONE;
}

void export_result_clear(struct export_result *result)
{
    free(result->body);
    *result = (struct export_result){.body = NULL};
}
