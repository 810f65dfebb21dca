/* SPDX-License-Identifier: MIT */
/*
 * TypeScript for drizzle-orm's pg-core: what drizzle-kit would pull, with the database's own names
 * of all constraints and indexes. Tables are made without a schema, so that the search path says
 * whose they are. bigint is a BigInt, numeric a string. What Drizzle has no word for is refused, or
 * left out and listed. Views are declared and not made.
 */
#include "core/schema/export/drizzle.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/schema/export/ts_names.h"
#include "core/schema/normal.h"

/* What a constant must not be called: what is imported, and words of the language. */
static const char *const taken[] = {
    "bigint",
    "bigserial",
    "bit",
    "boolean",
    "char",
    "check",
    "cidr",
    "customType",
    "date",
    "decimal",
    "doublePrecision",
    "foreignKey",
    "index",
    "inet",
    "integer",
    "interval",
    "json",
    "jsonb",
    "line",
    "macaddr",
    "macaddr8",
    "numeric",
    "pgEnum",
    "pgMaterializedView",
    "pgSchema",
    "pgTable",
    "pgView",
    "point",
    "primaryKey",
    "real",
    "serial",
    "smallint",
    "smallserial",
    "sql",
    "text",
    "time",
    "timestamp",
    "unique",
    "uniqueIndex",
    "uuid",
    "varchar",
    "vector",
    "createInsertSchema",
    "createSelectSchema",
    "t",
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
    NULL,
};

const char *drizzle_use(struct drizzle *d, const char *import)
{
    if (!name_list_has(&d->imports, import) && !ts_list_add(&d->imports, import))
        d->body.failed = true;
    return import;
}

PRINTF_LIKE(3, 0)
static void add_lost(struct drizzle *d, bool shape, const char *fmt, va_list args)
{
    char line[400];

    (void)vsnprintf(line, sizeof line, fmt, args);
    line[utf8_valid_len(line, strlen(line))] = '\0';
    for (char *p = line; *p; p++) /* what ends a line of TypeScript */
        if ((unsigned char)*p < ' ')
            *p = ' ';
        else if (str_starts(p, "\xe2\x80\xa8") || str_starts(p, "\xe2\x80\xa9"))
            memset(p, ' ', 3);
    if (shape && !d->first_lost.len)
        str_add(&d->first_lost, line);
    str_addf(&d->lost, "//   %s\n", line);
}

void drizzle_lose(struct drizzle *d, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_lost(d, true, fmt, args);
    va_end(args);
}

void drizzle_mention(struct drizzle *d, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_lost(d, false, fmt, args);
    va_end(args);
}

void drizzle_add_sql(struct drizzle *d, struct str *out, const char *text)
{
    CLEANUP(freep) char *bare = schema_requalify(text, NULL);

    if (!str_eq(bare, text))
        drizzle_lose(d, "that this means a function of the schema's own: %s", bare ? bare : text);
    d->uses_sql = true;
    str_add(out, "sql`");
    for (const char *p = bare ? bare : text; *p; p++) {
        if (*p == '`' || *p == '\\' || (p[0] == '$' && p[1] == '{'))
            str_add_char(out, '\\');
        str_add_char(out, *p);
    }
    str_add_char(out, '`');
}

size_t drizzle_new_constant(struct drizzle *d, const char *name)
{
    CLEANUP(str_clear) struct str base = STR_INIT;

    if (d->casing == TS_SNAKE)
        ts_add_snake(&base, name);
    else if (d->casing == TS_PRESERVE && ts_is_identifier(name))
        str_add(&base, name);
    else
        ts_add_camel(&base, name);
    if (str_ok(&base) && ts_list_add_free(&d->constants, str_text(&base), taken))
        return d->constants.n - 1;
    d->body.failed = true;
    return SIZE_MAX;
}

const char *drizzle_table_constant(const struct drizzle *d, const struct schema_table *t)
{
    return d->constants.items[t - d->view->schema->tables];
}

const struct name_list *drizzle_fields(const struct drizzle *d, const struct schema_table *t)
{
    return &d->fields[t - d->view->schema->tables];
}

const char *drizzle_field(const struct drizzle *d, const struct schema_table *t, const char *column)
{
    const struct schema_column *c = schema_find_column(t, column);

    return c ? drizzle_fields(d, t)->items[c - t->columns] : NULL;
}

/* The constants of all tables and enums, so that a selection does not change them. */
static err_code make_names(struct drizzle *d, struct err *err)
{
    const struct schema *s = d->view->schema;

    for (size_t i = 0; i < s->n_tables; i++)
        (void)drizzle_new_constant(d, s->tables[i].name);
    for (size_t i = 0; i < s->n_enums; i++)
        (void)drizzle_new_constant(d, s->enums[i].name);
    d->fields = calloc(s->n_tables + 1, sizeof *d->fields);
    if (!d->fields || !str_ok(&d->body) || !drizzle_note_stubs(d))
        return err_set(err, ERR_INTERNAL, "no memory for an export");
    err_code rc = ERR_NONE;
    for (size_t i = 0; i < s->n_tables && !rc; i++)
        rc = ts_fields_init(&d->fields[i], &s->tables[i], d->casing, drizzle_own_members, err);
    return rc;
}

static void add_enum(struct drizzle *d, const struct schema_enum *e, const char *constant,
                     struct str *out)
{
    if (!e->labels.n) {
        drizzle_lose(d, "the enum %s, which has no labels", e->name);
        return;
    }
    ts_add_comment(out, "", e->comment);
    str_addf(out, "%sconst %s = ", e->schema ? "" : "export ", constant);
    if (e->schema && !str_eq(e->schema, "public")) {
        str_addf(out, "%s(", drizzle_use(d, "pgSchema"));
        str_add_json(out, e->schema);
        str_add(out, ").enum(");
    } else {
        str_addf(out, "%s(", drizzle_use(d, "pgEnum"));
    }
    str_add_json(out, e->name);
    str_add(out, ", [");
    for (size_t i = 0; i < e->labels.n; i++) {
        str_add(out, i ? ", " : "");
        str_add_json(out, e->labels.items[i]);
    }
    str_add(out, "]);\n");
}

static const char *maker(table_kind kind)
{
    return kind == TABLE_VIEW                ? "pgView"
           : kind == TABLE_MATERIALIZED_VIEW ? "pgMaterializedView"
                                             : "pgTable";
}

static void add_zod(struct drizzle *d, const char *what, const char *function, const char *type,
                    const char *constant)
{
    CLEANUP(str_clear) struct str base = STR_INIT;

    str_addf(&base, "%s%sSchema", what, type);
    if (!str_ok(&base) || !ts_list_add_free(&d->constants, str_text(&base), taken)) {
        d->body.failed = true;
        return;
    }
    str_addf(&d->body, "export const %s = %s(%s);\n", d->constants.items[d->constants.n - 1],
             function, constant);
}

static void add_types(struct drizzle *d, const struct schema_table *t, const char *constant,
                      const char *type)
{
    bool inserts = !schema_table_is_view(t);

    str_addf(&d->body, "export type %s = typeof %s.$inferSelect;\n", type, constant);
    if (inserts)
        str_addf(&d->body, "export type New%s = typeof %s.$inferInsert;\n", type, constant);
    if (d->zod)
        add_zod(d, "select", "createSelectSchema", type, constant);
    if (d->zod && inserts)
        add_zod(d, "insert", "createInsertSchema", type, constant);
    str_add_char(&d->body, '\n');
}

/* How a definition ends: a view with its query. */
static void add_query(struct drizzle *d, const struct schema_table *t)
{
    if (!schema_table_is_view(t)) {
        str_add(&d->body, ");\n");
        return;
    }
    str_add(&d->body, t->definition ? ").as(" : ").existing(");
    if (t->definition)
        drizzle_add_sql(d, &d->body, t->definition);
    str_add(&d->body, ");\n");
}

static void add_table(struct drizzle *d, const struct schema_table *t, const char *type)
{
    const char *constant = drizzle_table_constant(d, t);

    drizzle_lose_of_table(d, t);
    ts_add_comment(&d->body, "", t->comment);
    str_addf(&d->body, "export const %s = %s(", constant, drizzle_use(d, maker(t->kind)));
    str_add_json(&d->body, t->name);
    str_add(&d->body, t->n_columns ? ", {\n" : ", {");
    for (size_t i = 0; i < t->n_columns; i++)
        drizzle_add_column(d, t, &t->columns[i]);
    str_add_char(&d->body, '}');
    if (!schema_table_is_view(t))
        drizzle_add_extras(d, t);
    add_query(d, t);
    add_types(d, t, constant, type);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_head(struct drizzle *d, struct str *out)
{
    struct name_list *list = &d->imports;

    str_add(out,
            "// Generated from PostgreSQL's catalog by tenantd: change the schema, not this.\n");
    if (d->lost.len)
        str_addf(out, "// Drizzle has no word for, and so this file does not say:\n%s",
                 str_text(&d->lost));
    if (d->uses_sql)
        str_add(out, "import { sql } from \"drizzle-orm\";\n");
    if (d->uses_extra_type)
        str_add(out, "import type { PgTableExtraConfigValue } from \"drizzle-orm/pg-core\";\n");
    if (list->n)
        qsort(list->items, list->n, sizeof *list->items, by_text);
    for (size_t i = 0; i < list->n; i++)
        str_addf(out, "%s%s", i ? ", " : "import { ", list->items[i]);
    str_add(out, list->n ? " } from \"drizzle-orm/pg-core\";\n" : "export {};\n");
    if (d->zod && d->view->n_tables)
        str_add(out, "import { createInsertSchema, createSelectSchema } from \"drizzle-zod\";\n");
    str_add_char(out, '\n');
}

static err_code write_file(struct drizzle *d, struct str *out, struct err *err)
{
    CLEANUP(ts_names_clear) struct ts_names names = {.tables = NULL};
    CLEANUP(str_clear) struct str enums = STR_INIT;
    const struct schema *s = d->view->schema;

    err_code rc = ts_names_init(&names, s, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < s->n_enums; i++)
        if (export_wants_enum(d->view, i))
            add_enum(d, &s->enums[i], d->constants.items[s->n_tables + i], &enums);
    drizzle_add_stubs(d);
    for (size_t i = 0; i < d->view->n_tables; i++)
        add_table(d, d->view->tables[i], names.tables[d->view->tables[i] - s->tables]);
    drizzle_lose_objects(d);
    add_head(d, out);
    struct str *parts[] = {&d->custom_text, &enums, &d->stub_text, &d->body};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        str_add(out, str_text(parts[i]));
        if (parts[i]->len && i + 1 < ARRAY_LEN(parts))
            str_add_char(out, '\n');
        if (!str_ok(parts[i]))
            return err_set(err, ERR_INTERNAL, "no memory for an export");
    }
    return ERR_NONE;
}

static void drizzle_clear(struct drizzle *d)
{
    name_list_clear(&d->constants);
    name_list_clear(&d->imports);
    for (size_t i = 0; d->fields && i < d->view->schema->n_tables; i++)
        name_list_clear(&d->fields[i]);
    free(d->fields);
    drizzle_clear_stubs(d);
    free(d->customs);
    str_clear(&d->custom_text);
    str_clear(&d->stub_text);
    str_clear(&d->body);
    str_clear(&d->lost);
    str_clear(&d->first_lost);
}

err_code export_drizzle(const struct export_view *view, const struct export_options *options,
                        struct str *out, struct err *err)
{
    CLEANUP(drizzle_clear)
    struct drizzle d = {
        .view = view,
        .casing = ts_casing_of(options->casing, TS_CAMEL),
        .zod = options->zod,
    };

    err_code rc = make_names(&d, err);
    if (!rc)
        rc = write_file(&d, out, err);
    if (!rc && d.first_lost.len && !options->lenient)
        rc = err_set(err, ERR_UNSUPPORTED_TYPE,
                     "Drizzle has no word for %.200s; with lenient=true the file lists what it"
                     " does not say",
                     str_text(&d.first_lost));
    return rc;
}
