/* SPDX-License-Identifier: MIT */
#include "core/schema/scaffold.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/schema/export.h"
#include "core/schema/export/ts_names.h"
#include "core/schema/scaffold_internal.h"

void scaffold_clear(struct scaffold *s)
{
    free(s->path);
    free(s->content);
    *s = (struct scaffold){.path = NULL};
}

err_code scaffold_snake(const char *name, const char *field, char out[64], struct err *err)
{
    CLEANUP(str_clear) struct str snake = STR_INIT;
    struct err own;

    err = err ? err : &own;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_- ", *p)) {
            (void)err_set(err, ERR_VALIDATION_FAILED,
                          "has letters, digits, blanks, underscores and hyphens only");
            return err_in(err, field);
        }
    ts_add_snake(&snake, name);
    if (!isalpha((unsigned char)name[0]) || snake.len > SCAFFOLD_TABLE_MAX) {
        (void)err_set(err, ERR_VALIDATION_FAILED,
                      "begins with a letter and is at most %d bytes long in snake_case",
                      SCAFFOLD_TABLE_MAX);
        return err_in(err, field);
    }
    (void)snprintf(out, 64, "%s", str_text(&snake));
    return ERR_NONE;
}

err_code scaffold_finish(struct str *path, struct str *content, struct scaffold *out,
                         struct err *err)
{
    out->path = str_take(path);
    out->content = str_take(content);
    if (out->path && out->content)
        return ERR_NONE;
    scaffold_clear(out);
    return err_set(err, ERR_INTERNAL, "no memory for a draft");
}

static void add_column(struct schema_builder *b, struct schema_table *t, const char *name,
                       const char *type, bool not_null, const char *value)
{
    struct schema_column *c = model_column(b, t, name, type);

    if (!c)
        return;
    c->not_null = c->own_not_null = not_null;
    c->default_expr = model_text(b, value);
}

bool scaffold_build(struct schema_builder *b, const char *table, const struct scaffold_schema *o)
{
    static const char *const id[] = {"id", NULL}, *const name[] = {"name", NULL},
                             *const created_at[] = {"created_at", NULL};

    model_begin(b, table);
    struct schema_table *t = model_table(b, table);
    if (!t)
        return false;
    add_column(b, t, "id", o->uuid ? "uuid" : "bigint", true, o->uuid ? "gen_random_uuid()" : NULL);
    if (!o->uuid && t->n_columns)
        t->columns[0].identity = IDENTITY_ALWAYS;
    if (o->example) {
        add_column(b, t, "name", "text", true, NULL);
        add_column(b, t, "description", "text", false, NULL);
        add_column(b, t, "is_active", "boolean", true, "true");
    }
    if (o->timestamps) {
        add_column(b, t, "created_at", "timestamptz", true, "now()");
        add_column(b, t, "updated_at", "timestamptz", true, "now()");
    }
    if (o->soft_delete)
        add_column(b, t, "deleted_at", "timestamptz", false, NULL);
    model_primary_key(b, t, id);
    if (o->example)
        model_index(b, t, NULL, false, name);
    if (o->timestamps)
        model_index(b, t, NULL, false, created_at);
    return !b->failed;
}

void scaffold_write_sql(const struct schema *s, struct str *out)
{
    const struct schema_table *t = &s->tables[0];

    str_addf(out, "CREATE TABLE \"%s\" (\n", t->name);
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct schema_column *c = &t->columns[i];
        str_addf(out, "    \"%s\" %s%s", c->name, c->type.name,
                 c->identity == IDENTITY_ALWAYS ? " GENERATED ALWAYS AS IDENTITY" : "");
        if (c->default_expr)
            str_addf(out, " DEFAULT %s", c->default_expr);
        str_addf(out, "%s,\n", c->not_null && c->identity == IDENTITY_NONE ? " NOT NULL" : "");
    }
    str_addf(out, "    %s\n);\n", t->primary_key->definition);
    for (size_t i = 0; i < t->n_indexes; i++)
        str_addf(out, "%s;\n", t->indexes[i].definition);
}

static const char relations[] =
    "// Relations, once there are tables to relate to:\n"
    "// import { relations } from \"drizzle-orm\";\n"
    "// export const %sRelations = relations(%s, ({ one, many }) => ({\n"
    "//     owner: one(users, { fields: [%s.ownerId], references: [users.id] }),\n"
    "// }));\n";

/* The export of the table, with a head of its own. */
static err_code write_drizzle(const struct schema *s, const struct scaffold_schema *o,
                              struct str *out, struct err *err)
{
    CLEANUP(export_result_clear) struct export_result r = {.body = NULL};
    CLEANUP(str_clear) struct str constant = STR_INIT;
    struct export_options options = {.format = "drizzle", .zod = o->zod};

    err_code rc = schema_export(s, &options, &r, err);
    if (rc)
        return rc;
    const char *rest = strchr(r.body, '\n'), *made = strstr(r.body, "export const ");
    str_addf(out, "// The table %s of %s. The database is changed by migrations, not by this file.",
             s->tables[0].name, o->shared ? "the shared schema" : "every tenant's schema");
    str_add(out, rest);
    made += strlen("export const ");
    str_add_n(&constant, made, strcspn(made, " "));
    const char *c = str_text(&constant);
    str_addf(out, relations, c, c, c);
    return ERR_NONE;
}

err_code scaffold_schema(const struct scaffold_schema *o, struct scaffold *out, struct err *err)
{
    CLEANUP(str_clear) struct str path = STR_INIT;
    CLEANUP(str_clear) struct str content = STR_INIT;
    struct schema_builder b;
    const char *type = o->shared ? "shared" : "tenant";

    *out = (struct scaffold){.path = NULL};
    err_code rc = scaffold_snake(o->name, "name", out->table, err);
    if (rc)
        return rc;
    bool built = scaffold_build(&b, out->table, o);
    CLEANUP(schema_freep) struct schema *s = b.schema;
    if (!built)
        return err_set(err, ERR_INTERNAL, "no memory for a draft");
    str_addf(&path, "src/db/schema/%s/", type);
    if (o->sql) {
        str_addf(&path, "%s.sql", out->table);
        str_addf(&content, "-- The table %s of %s.\n", out->table,
                 o->shared ? "the shared schema" : "every tenant's schema");
        scaffold_write_sql(s, &content);
    } else {
        ts_add_camel(&path, out->table);
        str_add(&path, ".ts");
        rc = write_drizzle(s, o, &content, err);
    }
    return rc ? rc : scaffold_finish(&path, &content, out, err);
}
