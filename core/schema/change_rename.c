/* SPDX-License-Identifier: MIT */
/* Renames that are asked for: done first, and to a copy of the model that the rest starts from. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/schema/change_internal.h"
#include "core/schema/normal.h"
#include "core/schema/schema_json.h"
#include "core/schema/schema_parse.h"

/* One rename: of a table, or of a column of one. */
struct rename {
    char *table, *from, *to; /* from NULL: the table's own name changes to `to` */
};

static void rename_clear(struct rename *r)
{
    freep(&r->table);
    freep(&r->from);
    freep(&r->to);
}

static err_code refuse(struct err *err, const char *key, const char *why)
{
    char pointer[96];

    (void)err_set(err, ERR_VALIDATION_FAILED, "%.200s %s", key, why);
    return err_in(err, json_pointer(pointer, sizeof pointer, "/renames", key));
}

/* Splits "table.column"; a table whose own name has a dot is taken by its whole name. */
static const json_t *find_place(const json_t *model, const char *text, char **table, char **column)
{
    const json_t *t = table_json(model, text);

    *table = NULL;
    *column = NULL;
    for (const char *dot = strchr(text, '.'); dot && !t; dot = strchr(dot + 1, '.')) {
        CLEANUP(freep) char *name = strndup(text, (size_t)(dot - text));
        const json_t *found = name ? table_json(model, name) : NULL;
        if (found && named(json_object_get(found, "columns"), dot + 1)) {
            t = found;
            *table = strdup(name);
            *column = strdup(dot + 1);
        }
    }
    if (t && !*table)
        *table = strdup(text);
    return t;
}

/* A name as PostgreSQL deparses it, but for keywords: then what has them is made again. */
static char *deparsed(struct changing *c, const char *name)
{
    bool plain = strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(name) &&
                 !strchr("0123456789", name[0]);
    return strdup(plain ? name : quoted(c, name));
}

static void rename_member(json_t *object, const char *key, const char *from, const char *to)
{
    if (str_eq(json_string_value(json_object_get(object, key)), from))
        (void)json_object_set_new(object, key, json_string(to));
}

static void rename_in_names(json_t *names, const char *from, const char *to)
{
    for (size_t i = 0; i < json_array_size(names); i++)
        if (str_eq(json_string_value(json_array_get(names, i)), from))
            (void)json_array_set_new(names, i, json_string(to));
}

static void rename_in_sql(json_t *object, const char *key, const char *from, const char *sql)
{
    const char *text = json_string_value(json_object_get(object, key));
    CLEANUP(freep) char *renamed = text ? sql_renamed(text, from, sql) : NULL;

    if (renamed)
        (void)json_object_set_new(object, key, json_text(renamed));
}

/* The one side of a foreign key's definition: its own columns, or the table and columns that it
 * refers to. */
static void rename_in_half(json_t *k, bool referred, const char *from, const char *sql)
{
    const char *text = json_string_value(json_object_get(k, "definition"));
    const char *middle = text ? strstr(text, " REFERENCES ") : NULL;

    if (!middle)
        return;
    CLEANUP(freep) char *half = strndup(text, (size_t)(middle - text));
    CLEANUP(freep) char *renamed = half ? sql_renamed(referred ? middle : half, from, sql) : NULL;
    if (renamed)
        (void)json_object_set_new(
            k, "definition",
            json_sprintf("%s%s", referred ? half : renamed, referred ? renamed : middle));
}

static void rename_in_constraint(json_t *k, const struct rename *r, const char *sql)
{
    rename_in_names(json_object_get(k, "columns"), r->from, r->to);
    rename_in_sql(k, "definition", r->from, sql);
}

static void rename_in_index(json_t *x, const struct rename *r, const char *sql)
{
    static const char *const lists[] = {"keys", "include"};
    size_t i;
    json_t *key;

    rename_in_sql(x, "definition", r->from, sql);
    rename_in_sql(x, "predicate", r->from, sql);
    for (size_t n = 0; n < ARRAY_LEN(lists); n++)
        json_array_foreach(json_object_get(x, lists[n]), i, key)
        {
            rename_member(key, "column", r->from, r->to);
            rename_in_sql(key, "expression", r->from, sql);
        }
}

/* A column's new name in its own table. */
static void rename_in_table(json_t *t, const struct rename *r, const char *sql)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(t, "columns"), i, item)
    {
        rename_member(item, "name", r->from, r->to);
        rename_in_sql(item, "generated", r->from, sql);
    }
    rename_in_constraint(json_object_get(t, "primary_key"), r, sql);
    json_array_foreach(json_object_get(t, "uniques"), i, item) rename_in_constraint(item, r, sql);
    json_array_foreach(json_object_get(t, "checks"), i, item) rename_in_constraint(item, r, sql);
    json_array_foreach(json_object_get(t, "foreign_keys"), i, item)
    {
        rename_in_names(json_object_get(item, "columns"), r->from, r->to);
        rename_in_half(item, false, r->from, sql);
    }
    json_array_foreach(json_object_get(t, "indexes"), i, item) rename_in_index(item, r, sql);
}

/* What other tables, and the table itself, refer to. */
static void rename_in_references(json_t *t, const struct rename *r, const char *sql)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(t, "foreign_keys"), i, item)
    {
        json_t *ref = json_object_get(item, "references");
        if (!str_eq(json_string_value(json_object_get(ref, "table")), r->table) ||
            json_is_string(json_object_get(ref, "schema")))
            continue;
        rename_in_half(item, true, r->from ? r->from : r->table, sql);
        if (r->from)
            rename_in_names(json_object_get(ref, "columns"), r->from, r->to);
        else
            rename_member(ref, "table", r->table, r->to);
    }
}

/* Triggers, policies, grants and the like of the table, and sequences of its columns. */
static void rename_in_object(json_t *o, const struct rename *r, const char *sql)
{
    const char *on = json_string_value(json_object_get(o, "on"));
    const char *was = r->from ? r->from : r->table;

    if (!on)
        return;
    if (str_eq(json_string_value(json_object_get(o, "kind")), "sequence")) {
        if (sql_starts_with(on, r->table))
            rename_in_sql(o, "on", was, sql);
        return;
    }
    if (!str_eq(on, r->table))
        return;
    rename_in_sql(o, "definition", was, sql);
    if (str_eq(json_string_value(json_object_get(o, "kind")), "grant"))
        rename_in_sql(o, "name", was, r->to); /* it is named after what it is on */
    if (!r->from)
        (void)json_object_set_new(o, "on", json_string(r->to));
}

static void rename_in_model(struct changing *c, json_t *model, const struct rename *r)
{
    CLEANUP(freep) char *sql = deparsed(c, r->to);
    size_t i, k;
    json_t *t, *x;

    json_array_foreach(json_object_get(model, "objects"), i, t) if (sql)
        rename_in_object(t, r, sql);
    json_array_foreach(json_object_get(model, "tables"), i, t)
    {
        bool is_it = str_eq(json_string_value(json_object_get(t, "name")), r->table);
        if (!sql)
            break;
        rename_in_references(t, r, sql);
        if (is_it && r->from)
            rename_in_table(t, r, sql);
        if (r->from)
            continue;
        rename_in_sql(t, "partition_of", r->table, sql);
        rename_in_names(json_object_get(t, "inherits"), r->table, sql);
        rename_member(t, "name", r->table, r->to);
        if (is_it)
            json_array_foreach(json_object_get(t, "indexes"), k, x)
                rename_in_sql(x, "definition", r->table, sql);
    }
}

/* One rename out of the request, looked up in both models. */
static err_code read_rename(struct changing *c, const json_t *model, const char *key,
                            const char *value, struct rename *r, struct err *err)
{
    CLEANUP(freep) char *table = NULL;
    CLEANUP(freep) char *column = NULL;
    json_auto_t *to = schema_json(c->to, false);

    if (!find_place(model, key, &r->table, &r->from))
        return refuse(err, key, "is in no table of the first schema");
    if (!value || !find_place(to, value, &table, &column))
        return refuse(err, key, "gets a name that the second schema does not have");
    if ((r->from != NULL) != (column != NULL))
        return refuse(err, key, "is a table or a column, and its new name is the other");
    r->to = strdup(column ? column : table);
    if (!r->to)
        return err_set(err, ERR_INTERNAL, "no memory for a rename");
    if (column ? named(json_object_get(table_json(model, r->table), "columns"), column) != NULL
               : table_json(model, table) != NULL)
        return refuse(err, key, "gets a name that the first schema has already");
    return ERR_NONE;
}

static void add_rename(struct changing *c, const struct rename *r)
{
    const struct doing doing = {.phase = PHASE_RENAME,
                                .rank = r->from ? 0 : 1,
                                .table = r->table,
                                .hazards = CHANGE_RENAMES};
    const struct schema_table *t = schema_find_table(c->from, r->table);
    const struct schema_column *column = t && r->from ? schema_find_column(t, r->from) : NULL;
    json_auto_t *must = json_string(r->to);
    json_auto_t *is = json_string(r->from ? r->from : r->table);

    if (column && column->inherited)
        return; /* it follows its parent's */

    if (r->from) {
        add_change(c, CHANGE_CHANGED, "column",
                   path_of(c, "tables/%s/columns/%s/name", r->table, r->from), must, is);
        add_step(c, &doing, "ALTER TABLE %s RENAME COLUMN %s TO %s", quoted(c, r->table),
                 quoted(c, r->from), quoted(c, r->to));
    } else {
        add_change(c, CHANGE_CHANGED, "table", path_of(c, "tables/%s/name", r->table), must, is);
        add_step(c, &doing, "ALTER TABLE %s RENAME TO %s", quoted(c, r->table), quoted(c, r->to));
    }
    end_change(c);
}

/* All renames of a request. */
struct renames {
    struct rename *items;
    size_t n;
};

static void renames_clear(struct renames *list)
{
    for (size_t i = 0; i < list->n; i++)
        rename_clear(&list->items[i]);
    free(list->items);
}

static err_code read_renames(struct changing *c, const json_t *model, const json_t *renames,
                             struct renames *out, struct err *err)
{
    const char *key;
    json_t *value;
    err_code rc = ERR_NONE;

    out->items = calloc(json_object_size(renames), sizeof *out->items);
    if (!out->items)
        return err_set(err, ERR_INTERNAL, "no memory for renames");
    json_object_foreach((json_t *)(uintptr_t)renames, key, value)
    {
        rc = read_rename(c, model, key, json_string_value(value), &out->items[out->n++], err);
        if (rc)
            return rc;
    }
    return ERR_NONE;
}

/* Columns first: they are named with the old names of their tables. */
static void rename_all(struct changing *c, json_t *model, const struct renames *list, bool columns)
{
    for (size_t i = 0; i < list->n; i++) {
        if ((list->items[i].from != NULL) != columns)
            continue;
        add_rename(c, &list->items[i]);
        rename_in_model(c, model, &list->items[i]);
    }
}

err_code apply_renames(struct changing *c, const struct schema *from, const json_t *renames,
                       struct schema **out, struct err *err)
{
    CLEANUP(renames_clear) struct renames list = {.n = 0};
    json_auto_t *model = schema_json(from, true), *problems = json_array();

    if (!model || !problems)
        return err_set(err, ERR_INTERNAL, "no memory for renames");
    err_code rc = read_renames(c, model, renames, &list, err);
    if (rc)
        return rc;
    rename_all(c, model, &list, true);
    rename_all(c, model, &list, false);
    return schema_parse(model, "", problems, out, err);
}
