/* SPDX-License-Identifier: MIT */
/*
 * TypeScript: for each table an interface of a row and, unless it is a view, one of what an INSERT
 * takes; for each enum a union. Values are as node-postgres and Drizzle give them: bigint and
 * numeric are strings, timestamps are Dates, dates, times and intervals strings. With zod the same
 * again as Zod 4 schemas, which take timestamps as ISO 8601 text too. The format zod has these
 * alone, and the types that follow from them.
 */
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "core/schema/export/exporter.h"
#include "core/schema/export/ts_case.h"
#include "core/schema/export/ts_names.h"

enum { CLASSES = TYPE_OTHER + 1 };

/* zod is a helper of the file where it ends in "Value"; text and enums are made elsewhere. */
static const struct {
    const char *type, *zod;
} kinds[CLASSES] = {
    [TYPE_BOOL] = {"boolean", "z.boolean()"},
    [TYPE_SMALLINT] = {"number", "z.int().min(-32768).max(32767)"},
    [TYPE_INTEGER] = {"number", "z.int32()"},
    [TYPE_BIGINT] = {"string", "bigintValue"},
    [TYPE_NUMERIC] = {"string", "numericValue"},
    [TYPE_FLOAT] = {"number", "floatValue"},
    [TYPE_TEXT] = {"string", "z.string()"},
    [TYPE_BITS] = {"string", "z.string()"},
    [TYPE_BYTES] = {"Uint8Array", "bytesValue"},
    [TYPE_UUID] = {"string", "z.guid()"},
    [TYPE_JSON] = {"Json", "z.json()"},
    [TYPE_DATE] = {"string", "z.iso.date()"},
    [TYPE_TIME] = {"string", "z.string()"},
    [TYPE_TIMETZ] = {"string", "z.string()"},
    [TYPE_TIMESTAMP] = {"Date", "timestampValue"},
    [TYPE_TIMESTAMPTZ] = {"Date", "timestampValue"},
    [TYPE_ENUM] = {NULL, NULL},
    [TYPE_COMPOSITE] = {"unknown", "z.unknown()"},
    [TYPE_OTHER] = {"string", "z.string()"},
};

/* Written where a column needs it. */
static const struct {
    type_class of, or_of;
    const char *text;
} helpers[] = {
    {TYPE_BIGINT, TYPE_BIGINT, "const bigintValue = z.string().regex(/^-?[0-9]+$/);\n"},
    {TYPE_NUMERIC, TYPE_NUMERIC,
     "const numericValue = z.string().regex(/^(-?[0-9]+(\\.[0-9]+)?|NaN|-?Infinity)$/);\n"},
    {TYPE_FLOAT, TYPE_FLOAT, /* z.number() refuses NaN and infinity, which PostgreSQL has */
     "const floatValue = z.custom<number>((value) => typeof value === \"number\");\n"},
    {TYPE_BYTES, TYPE_BYTES, /* z.instanceof() would shut out a SharedArrayBuffer's */
     "const bytesValue = z.custom<Uint8Array>((value) => value instanceof Uint8Array);\n"},
    {TYPE_TIMESTAMP, TYPE_TIMESTAMPTZ,
     "const timestampValue = z.union([\n"
     "  z.date(),\n"
     "  z.iso.datetime({ offset: true, local: true }).transform((text) => new Date(text)),\n"
     "]);\n"},
};

struct writer {
    const struct export_view *view;
    const struct ts_names *names;
    struct str *out;
    ts_casing casing;
    struct name_list fields; /* properties of the table at hand, by position of the column */
    bool types, zod;         /* which of the two is written */
    bool used[CLASSES];
    bool uses_length;
    bool empty; /* nothing to say */
};

static void look_over(struct writer *w)
{
    w->empty = !w->view->n_tables;
    for (size_t i = 0; i < w->view->schema->n_enums; i++)
        w->empty = w->empty && !export_wants_enum(w->view, i);
    for (size_t i = 0; i < w->view->n_tables; i++) {
        const struct schema_table *t = w->view->tables[i];
        for (size_t j = 0; j < t->n_columns; j++) {
            w->used[t->columns[j].type.class] = true;
            w->uses_length |= t->columns[j].type.length > 0;
        }
    }
}

static void add_head(struct writer *w)
{
    str_add(w->out,
            "// Generated from PostgreSQL's catalog by tenantd: change the schema, not this.\n");
    if (w->empty)
        str_add(w->out, "export {};\n"); /* a module all the same */
    else if (w->zod)
        str_add(w->out, "import { z } from \"zod\";\n");
    str_add_char(w->out, '\n');
    if (w->types && w->used[TYPE_JSON])
        str_add(w->out, "export type Json =\n"
                        "  | string\n  | number\n  | boolean\n  | null\n"
                        "  | Json[]\n  | { [key: string]: Json };\n\n");
    for (size_t i = 0; w->zod && i < ARRAY_LEN(helpers); i++)
        if (w->used[helpers[i].of] || w->used[helpers[i].or_of])
            str_add(w->out, helpers[i].text);
    if (w->zod && w->uses_length) /* PostgreSQL counts characters, max() would count UTF-16 units */
        str_add(w->out,
                "const atMost = (max: number) =>\n"
                "  z.string().refine((text) => [...text].length <= max, `longer than ${max}`);\n");
    if (w->zod && !w->empty)
        str_add_char(w->out, '\n');
}

/* "User" -> "userSchema" */
static void add_schema_name(struct str *out, const char *prefix, const char *name)
{
    if (*prefix)
        str_addf(out, "%s%sSchema", prefix, name);
    else
        str_addf(out, "%c%sSchema", tolower((unsigned char)name[0]), name + 1);
}

static void add_labels(struct str *out, const struct name_list *labels, const char *between)
{
    for (size_t i = 0; i < labels->n; i++) {
        if (i)
            str_add(out, between);
        str_add_json(out, labels->items[i]);
    }
}

static void add_zod_enum(struct writer *w, size_t i)
{
    const struct schema_enum *e = &w->view->schema->enums[i];

    str_add(w->out, "export const ");
    add_schema_name(w->out, "", w->names->enums[i]);
    str_add(w->out, e->labels.n ? " = z.enum([" : " = z.never(");
    add_labels(w->out, &e->labels, ", ");
    str_add(w->out, e->labels.n ? "]);\n" : ");\n");
}

/* The type that follows from a schema, where interfaces are not written beside it. */
static void add_inferred(struct writer *w, const char *prefix, const char *name)
{
    if (w->types)
        return;
    str_addf(w->out, "export type %s%s = z.infer<typeof ", *prefix ? "New" : "", name);
    add_schema_name(w->out, prefix, name);
    str_add(w->out, ">;\n");
}

static void add_enum(struct writer *w, size_t i)
{
    const struct schema_enum *e = &w->view->schema->enums[i];

    ts_add_comment(w->out, "", e->comment);
    if (w->types) {
        str_addf(w->out, "export type %s = ", w->names->enums[i]);
        add_labels(w->out, &e->labels, " | ");
        str_add(w->out, e->labels.n ? ";\n" : "never;\n");
    }
    if (w->zod) {
        add_zod_enum(w, i);
        add_inferred(w, "", w->names->enums[i]);
    }
    str_add_char(w->out, '\n');
}

static void add_type(struct writer *w, const struct schema_column *c)
{
    const struct schema_type *t = &c->type;
    const char *name =
        t->class == TYPE_ENUM ? w->names->enums[t->enumeration] : kinds[t->class].type;

    if (t->dimensions)
        str_addf(w->out, "(%s | null)", name); /* an element may be NULL whatever is declared */
    else
        str_add(w->out, name);
    for (int i = 0; i < t->dimensions; i++)
        str_add(w->out, "[]");
    if (!c->not_null)
        str_add(w->out, " | null");
}

static void add_zod(struct writer *w, const struct schema_column *c, bool optional)
{
    const struct schema_type *t = &c->type;

    for (int i = 0; i < t->dimensions; i++)
        str_add(w->out, "z.array(");
    if (t->class == TYPE_ENUM)
        add_schema_name(w->out, "", w->names->enums[t->enumeration]);
    else if (t->length)
        str_addf(w->out, "atMost(%d)", t->length);
    else
        str_add(w->out, kinds[t->class].zod);
    if (t->dimensions)
        str_add(w->out, ".nullable()");
    for (int i = 0; i < t->dimensions; i++)
        str_add_char(w->out, ')');
    if (!c->not_null)
        str_add(w->out, ".nullable()");
    if (optional)
        str_add(w->out, ".optional()");
}

static bool is_optional(const struct schema_column *c)
{
    return !c->not_null || c->default_expr || c->identity != IDENTITY_NONE ||
           c->type.domain_default;
}

static void add_interface(struct writer *w, const struct schema_table *t, const char *prefix,
                          const char *name)
{
    bool insert = *prefix;

    ts_add_comment(w->out, "", t->comment);
    str_addf(w->out, "export interface %s%s {\n", prefix, name);
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct schema_column *c = &t->columns[i];
        if (insert && c->generated)
            continue;
        ts_add_comment(w->out, "  ", c->comment);
        str_add(w->out, "  ");
        ts_add_property(w->out, w->fields.items[i]);
        str_add(w->out, insert && is_optional(c) ? "?: " : ": ");
        add_type(w, c);
        str_add(w->out, ";\n");
    }
    str_add(w->out, "}\n\n");
}

static void add_object(struct writer *w, const struct schema_table *t, const char *prefix,
                       const char *name)
{
    bool insert = *prefix;

    str_add(w->out, "export const ");
    add_schema_name(w->out, prefix, name);
    str_add(w->out, " = z.object({\n");
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct schema_column *c = &t->columns[i];
        bool computed =
            str_eq(w->fields.items[i], "__proto__"); /* plain, it would set the prototype */
        if (insert && c->generated)
            continue;
        str_add(w->out, computed ? "  [\"" : "  ");
        ts_add_property(w->out, w->fields.items[i]);
        str_add(w->out, computed ? "\"]: " : ": ");
        add_zod(w, c, insert && is_optional(c));
        str_add(w->out, ",\n");
    }
    str_add(w->out, "});\n");
    add_inferred(w, prefix, name);
    str_add_char(w->out, '\n');
}

static err_code add_table(struct writer *w, const struct schema_table *t, struct err *err)
{
    const char *name = w->names->tables[t - w->view->schema->tables];
    bool inserts = !schema_table_is_view(t);

    err_code rc = ts_fields_init(&w->fields, t, w->casing, NULL, err);
    if (!rc && w->types)
        add_interface(w, t, "", name);
    if (!rc && w->types && inserts)
        add_interface(w, t, "New", name);
    if (!rc && w->zod && !w->types)
        ts_add_comment(w->out, "", t->comment);
    if (!rc && w->zod)
        add_object(w, t, "", name);
    if (!rc && w->zod && inserts)
        add_object(w, t, "new", name);
    name_list_clear(&w->fields);
    w->fields = (struct name_list){.n = 0};
    return rc;
}

static err_code write_all(struct writer *w, struct err *err)
{
    CLEANUP(ts_names_clear) struct ts_names names = {.tables = NULL};
    const struct schema *s = w->view->schema;

    err_code rc = ts_names_init(&names, s, err);
    if (rc)
        return rc;
    w->names = &names;
    look_over(w);
    add_head(w);
    for (size_t i = 0; i < s->n_enums; i++)
        if (export_wants_enum(w->view, i))
            add_enum(w, i);
    for (size_t i = 0; i < w->view->n_tables && !rc; i++)
        rc = add_table(w, w->view->tables[i], err);
    return rc;
}

err_code export_typescript(const struct export_view *view, const struct export_options *options,
                           struct str *out, struct err *err)
{
    struct writer w = {.view = view,
                       .out = out,
                       .casing = ts_casing_of(options->casing, TS_PRESERVE),
                       .types = true,
                       .zod = options->zod};
    return write_all(&w, err);
}

err_code export_zod(const struct export_view *view, const struct export_options *options,
                    struct str *out, struct err *err)
{
    struct writer w = {.view = view,
                       .out = out,
                       .casing = ts_casing_of(options->casing, TS_PRESERVE),
                       .zod = true};
    return write_all(&w, err);
}
