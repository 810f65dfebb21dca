/* SPDX-License-Identifier: MIT */
#include "core/lint/facts.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

void facts_init(struct facts *f)
{
    *f = (struct facts){.by_name = json_object(), .by_index = json_object()};
    f->failed = !f->by_name || !f->by_index;
}

static void clear_column(struct fact_column *c)
{
    free(c->name);
    free(c->type);
}

static void clear_constraint(struct fact_constraint *c)
{
    free(c->name);
    name_list_clear(&c->columns);
}

static void clear_index(struct fact_index *x)
{
    free(x->name);
    name_list_clear(&x->columns);
}

static void clear_table(struct fact_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++)
        clear_column(&t->columns[i]);
    for (size_t i = 0; i < t->n_constraints; i++)
        clear_constraint(&t->constraints[i]);
    for (size_t i = 0; i < t->n_indexes; i++)
        clear_index(&t->indexes[i]);
    free(t->name);
    free(t->columns);
    free(t->constraints);
    free(t->indexes);
}

void facts_clear(struct facts *f)
{
    for (size_t i = 0; i < f->n_tables; i++)
        clear_table(&f->tables[i]);
    free(f->tables);
    json_decref(f->by_name);
    json_decref(f->by_index);
    *f = (struct facts){.tables = NULL};
}

static struct fact_table *table_at(const struct facts *f, const json_t *map, const char *key)
{
    const json_t *index = json_object_get(map, key);
    struct fact_table *t = index ? &f->tables[json_integer_value(index)] : NULL;
    return t && !t->dropped ? t : NULL;
}

struct fact_table *facts_table(const struct facts *f, const char *name)
{
    return table_at(f, f->by_name, name);
}

struct fact_table *facts_table_of_index(const struct facts *f, const char *index)
{
    return table_at(f, f->by_index, index);
}

bool facts_is_fresh(const struct facts *f, const char *table)
{
    const struct fact_table *t = facts_table(f, table);
    return t && t->known && t->batch == f->batch;
}

struct fact_column *fact_column(const struct fact_table *t, const char *name)
{
    for (size_t i = 0; t && i < t->n_columns; i++)
        if (str_eq(t->columns[i].name, name))
            return &t->columns[i];
    return NULL;
}

struct fact_constraint *fact_constraint(const struct fact_table *t, const char *name)
{
    for (size_t i = 0; t && i < t->n_constraints; i++)
        if (str_eq(t->constraints[i].name, name))
            return &t->constraints[i];
    return NULL;
}

const struct fact_constraint *fact_primary_key(const struct fact_table *t)
{
    for (size_t i = 0; i < t->n_constraints; i++)
        if (t->constraints[i].kind == 'p')
            return &t->constraints[i];
    return NULL;
}

/* Whether the first of key's columns are those wanted, in any order. */
static bool begins_with(const struct name_list *key, const struct name_list *wanted)
{
    if (key->n < wanted->n || !wanted->n)
        return false;
    for (size_t i = 0; i < wanted->n; i++)
        if (!name_list_has(wanted, key->items[i]))
            return false;
    return true;
}

bool fact_is_indexed(const struct fact_table *t, const struct name_list *columns)
{
    for (size_t i = 0; i < t->n_constraints; i++)
        if ((t->constraints[i].kind == 'p' || t->constraints[i].kind == 'u') &&
            begins_with(&t->constraints[i].columns, columns))
            return true;
    for (size_t i = 0; i < t->n_indexes; i++)
        if (!t->indexes[i].partial && begins_with(&t->indexes[i].columns, columns))
            return true;
    return false;
}

/* A copy; without memory "", which is never freed by mistake since f->failed ends the run. */
static char *copy_text(struct facts *f, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        f->failed = true;
    return copy;
}

static void *grow(struct facts *f, void **items, size_t *n, size_t size)
{
    void *item = f->failed ? NULL : list_grow(items, *n, size);
    if (!item)
        f->failed = true;
    else
        (*n)++;
    return item;
}

struct fact_table *facts_add_table(struct facts *f, const char *name, struct fact_origin at)
{
    facts_drop_table(f, name);
    struct fact_table *t = grow(f, (void **)&f->tables, &f->n_tables, sizeof *t);
    if (!t)
        return NULL;
    *t =
        (struct fact_table){.name = copy_text(f, name), .known = true, .batch = f->batch, .at = at};
    if (json_object_set_new(f->by_name, name, json_integer((json_int_t)f->n_tables - 1)))
        f->failed = true;
    return t;
}

struct fact_table *facts_touch(struct facts *f, const char *name, struct fact_origin at)
{
    struct fact_table *t = facts_table(f, name);

    if (t)
        return t;
    t = facts_add_table(f, name, at);
    if (t)
        t->known = false;
    return t;
}

void facts_drop_table(struct facts *f, const char *name)
{
    struct fact_table *t = facts_table(f, name);

    if (!t)
        return;
    t->dropped = true;
    (void)json_object_del(f->by_name, name);
}

void facts_rename_table(struct facts *f, const char *from, const char *to)
{
    struct fact_table *t = facts_table(f, from);
    json_t *index = json_incref(json_object_get(f->by_name, from));

    if (t) {
        free(t->name);
        t->name = copy_text(f, to);
        (void)json_object_del(f->by_name, from);
        (void)json_object_set(f->by_name, to, index);
    }
    json_decref(index);
}

struct fact_column *facts_add_column(struct facts *f, struct fact_table *t, const char *name,
                                     const char *type, struct fact_origin at)
{
    struct fact_column *c = grow(f, (void **)&t->columns, &t->n_columns, sizeof *c);
    if (c)
        *c = (struct fact_column){copy_text(f, name), copy_text(f, type), at};
    return c;
}

struct fact_constraint *facts_add_constraint(struct facts *f, struct fact_table *t, char kind,
                                             const char *name, struct fact_origin at)
{
    struct fact_constraint *c = grow(f, (void **)&t->constraints, &t->n_constraints, sizeof *c);
    if (c)
        *c = (struct fact_constraint){
            .name = copy_text(f, name), .kind = kind, .valid = true, .at = at};
    return c;
}

struct fact_index *facts_add_index(struct facts *f, struct fact_table *t, const char *name)
{
    struct fact_index *x = grow(f, (void **)&t->indexes, &t->n_indexes, sizeof *x);
    if (!x)
        return NULL;
    x->name = copy_text(f, name);
    if (*name && json_object_set_new(f->by_index, name, json_integer(t - f->tables)))
        f->failed = true;
    return x;
}

void facts_drop_index(struct facts *f, const char *name)
{
    struct fact_table *t = facts_table_of_index(f, name);

    (void)json_object_del(f->by_index, name);
    for (size_t i = 0; t && i < t->n_indexes; i++) {
        if (!str_eq(t->indexes[i].name, name))
            continue;
        clear_index(&t->indexes[i]);
        t->indexes[i] = t->indexes[--t->n_indexes];
        return;
    }
}

/* What a dropped column takes with it: the constraints and indexes that it is part of. */
void facts_drop_column(struct fact_table *t, const char *name)
{
    for (size_t i = t->n_constraints; i-- > 0;)
        if (name_list_has(&t->constraints[i].columns, name)) {
            clear_constraint(&t->constraints[i]);
            t->constraints[i] = t->constraints[--t->n_constraints];
        }
    for (size_t i = t->n_indexes; i-- > 0;)
        if (name_list_has(&t->indexes[i].columns, name)) {
            clear_index(&t->indexes[i]);
            t->indexes[i] = t->indexes[--t->n_indexes];
        }
    struct fact_column *c = fact_column(t, name);
    if (!c)
        return;
    clear_column(c);
    size_t after = t->n_columns - (size_t)(c - t->columns) - 1;
    memmove(c, c + 1, after * sizeof *c);
    t->n_columns--;
}

void facts_drop_constraint(struct fact_table *t, const char *name)
{
    struct fact_constraint *c = fact_constraint(t, name);

    if (!c)
        return;
    clear_constraint(c);
    *c = t->constraints[--t->n_constraints];
}

static void rename_in(struct facts *f, struct name_list *list, const char *from, const char *to)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->items[i], from)) {
            free(list->items[i]);
            list->items[i] = copy_text(f, to);
        }
}

void facts_rename_column(struct facts *f, struct fact_table *t, const char *from, const char *to)
{
    struct fact_column *c = fact_column(t, from);

    if (c) {
        free(c->name);
        c->name = copy_text(f, to);
    }
    for (size_t i = 0; i < t->n_constraints; i++)
        rename_in(f, &t->constraints[i].columns, from, to);
    for (size_t i = 0; i < t->n_indexes; i++)
        rename_in(f, &t->indexes[i].columns, from, to);
}

void facts_add_name(struct facts *f, struct name_list *list, const char *name)
{
    char **item = grow(f, (void **)&list->items, &list->n, sizeof *item);
    if (item)
        *item = copy_text(f, name);
}
