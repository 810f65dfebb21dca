/* SPDX-License-Identifier: MIT */
/* Composite and range types, functions and sequences: what is its definition and no more. */
#include <string.h>

#include "core/schema/change_internal.h"
#include "core/schema/normal.h"

const json_t *object_json(const json_t *model, const struct schema_object *o)
{
    size_t i;
    json_t *item;

    json_array_foreach(
        json_object_get(model, "objects"), i,
        item) if (str_eq(json_string_value(json_object_get(item, "kind")),
                         object_kind_name(o->kind)) &&
                  str_eq(json_string_value(json_object_get(item, "name")), o->name) &&
                  same_text(json_string_value(json_object_get(item, "on")), o->on)) return item;
    return NULL;
}

void tell_object(struct changing *c, const struct schema_object *o)
{
    const json_t *must = object_json(c->to_json, o), *is = object_json(c->from_json, o);
    const char *path =
        o->on ? path_of(c, "objects/%s/%s on %s", object_kind_name(o->kind), o->name, o->on)
              : path_of(c, "objects/%s/%s", object_kind_name(o->kind), o->name);
    bool same =
        must && is &&
        json_equal(json_object_get(must, "definition"), json_object_get(is, "definition")) &&
        json_equal(json_object_get(must, "comment"), json_object_get(is, "comment"));

    end_change(c);
    if (!same)
        add_change(c,
                   must && is ? CHANGE_CHANGED
                   : must     ? CHANGE_MISSING
                              : CHANGE_EXTRA,
                   object_kind_name(o->kind), path, must, is);
}

static bool is_type(const struct schema_object *o)
{
    return o->kind == OBJECT_COMPOSITE || o->kind == OBJECT_RANGE;
}

/* The name of a function without its arguments. */
static const char *bare_name(struct changing *c, const char *signature)
{
    const char *end = strchr(signature, '(');
    size_t n = end ? (size_t)(end - signature) : strlen(signature);

    if (n > 1 && signature[0] == '"')
        return path_of(c, "%.*s", (int)n - 2, signature + 1);
    return path_of(c, "%.*s", (int)n, signature);
}

/* The first two lines say what CREATE OR REPLACE cannot change: the arguments, and what comes back.
 */
static size_t head_len(const char *definition)
{
    const char *first = strchr(definition, '\n');
    const char *second = first ? strchr(first + 1, '\n') : NULL;

    return second ? (size_t)(second - definition) : strlen(definition);
}

static bool is_replaceable(const struct schema_object *a, const struct schema_object *b)
{
    size_t n = a->definition ? head_len(a->definition) : 0;

    return b && b->definition && n && !str_eq(a->on, "aggregate") && same_text(a->on, b->on) &&
           head_len(b->definition) == n && strncmp(a->definition, b->definition, n) == 0;
}

/* Whether a type or function cannot stay what it is while the rest changes. */
static bool is_loose(struct changing *c, const struct schema_object *a)
{
    const struct schema_object *b = find_object(c->to, a->kind, a->name, NULL);
    bool same = b && same_text(a->definition, b->definition);

    if (needs_any(&a->needs, "type/", c->loose) || needs_any(&a->needs, "table/", c->remade))
        return true;
    if (is_type(a))
        return !same || mentions_any(a->definition, c->loose);
    return !same && !is_replaceable(a, b);
}

void find_loose_objects(struct changing *c)
{
    for (size_t i = 0; i < c->from->n_objects; i++) {
        const struct schema_object *a = &c->from->objects[i];
        if (is_type(a) && !set_has(c->loose, a->name) && is_loose(c, a))
            set_add(c->loose, a->name);
        if (a->kind == OBJECT_FUNCTION && !set_has(c->loose_functions, a->name) && is_loose(c, a)) {
            set_add(c->loose_functions, a->name);
            set_add(c->loose, bare_name(c, a->name));
        }
    }
}

static const char *signature_of(struct changing *c, const struct schema_object *o)
{
    return own_name(c, keep_text(c, object_signature(o)));
}

static bool is_needed_by_domain(const struct changing *c, const char *function)
{
    for (size_t i = 0; i < c->from->n_domains; i++) {
        const struct name_list *needs = &c->from->domains[i].needs;
        for (size_t k = 0; k < needs->n; k++)
            if (str_starts(needs->items[k], "function/") && str_eq(needs->items[k] + 9, function))
                return true;
    }
    return false;
}

/* Those that need a view, or a row of a table, go with the views. */
static void drop_function(struct changing *c, const struct schema_object *o)
{
    change_phase phase = is_needed_by_domain(c, o->name) ? PHASE_DROP_TYPE : PHASE_DROP_FUNCTION;

    for (size_t i = 0; i < o->needs.n; i++)
        if (str_starts(o->needs.items[i], "table/"))
            phase = PHASE_DROP_VIEW;
    add_step(c,
             &(struct doing){.phase = phase,
                             .rank = -height_of(c, c->from, path_of(c, "function/%s", o->name))},
             "DROP %s %s", object_sql_word(o), signature_of(c, o));
}

static void create_function(struct changing *c, const struct schema_object *o)
{
    bool late = needs_view(c, c->to, &o->needs, 20);

    c->makes_functions = true;
    add_step(c,
             &(struct doing){.phase = late ? PHASE_CREATE_VIEW : PHASE_CREATE,
                             .rank = height_of(c, c->to, path_of(c, "function/%s", o->name))},
             "%s", o->definition);
}

static void comment_object(struct changing *c, const struct schema_object *o)
{
    if (o->kind == OBJECT_FUNCTION)
        add_comment(c, object_sql_word(o), signature_of(c, o), o->comment);
    else
        add_comment(c, o->kind == OBJECT_SEQUENCE ? "SEQUENCE" : "TYPE", quoted(c, o->name),
                    o->comment);
}

static void change_function(struct changing *c, const struct schema_object *a,
                            const struct schema_object *b)
{
    const struct schema_object *o = b ? b : a;

    tell_object(c, o);
    if (a && set_has(c->loose_functions, a->name))
        drop_function(c, a);
    if (b && b->definition &&
        (!a || set_has(c->loose_functions, b->name) || !same_text(a->definition, b->definition)))
        create_function(c, b);
    if (b && b->comment && (!a || set_has(c->loose_functions, b->name)))
        comment_object(c, b);
}

static void change_type(struct changing *c, const struct schema_object *a,
                        const struct schema_object *b)
{
    const struct schema_object *o = b ? b : a;
    bool loose = a && set_has(c->loose, a->name);

    if (a && b && !loose && same_text(a->comment, b->comment))
        return;
    tell_object(c, o);
    if (loose)
        drop_type(c, a->name, "TYPE", 0);
    if (b && (!a || loose))
        add_step(c,
                 &(struct doing){.phase = PHASE_CREATE,
                                 .rank = height_of(c, c->to, path_of(c, "type/%s", b->name))},
                 "%s", b->definition);
    if (b && b->comment && (!a || loose))
        comment_object(c, b);
}

/* The same words make it what it must be, but that a cycle has to be told off. */
static void alter_sequence(struct changing *c, const struct schema_object *b)
{
    const char *options = strstr(b->definition, "SEQUENCE ");

    if (options)
        add_step(c, &(struct doing){.phase = PHASE_TIGHTEN}, "ALTER %s%s", options,
                 str_ends(b->definition, " CYCLE") ? "" : " NO CYCLE");
}

/* The table in "table.column", which is SQL. */
static const struct schema_table *owner_of(const struct schema *s, const char *on)
{
    for (size_t i = 0; on && i < s->n_tables; i++)
        if (sql_starts_with(on, s->tables[i].name))
            return &s->tables[i];
    return NULL;
}

static bool is_unlogged(const struct schema_object *sequence)
{
    return str_starts(sequence->definition, "CREATE UNLOGGED ");
}

/* A table that is logged from now on, or no more, takes its sequences along. */
static void set_logged(struct changing *c, const struct schema_object *a,
                       const struct schema_object *b)
{
    const struct schema_table *was = owner_of(c->from, a->on);
    const struct schema_table *will =
        was && same_text(a->on, b->on) ? counterpart(c->to, was) : NULL;
    bool now = will && was->unlogged != will->unlogged ? will->unlogged : is_unlogged(a);

    if (now != is_unlogged(b))
        add_step(c, &(struct doing){.phase = PHASE_TIGHTEN, .rank = 4}, "ALTER SEQUENCE %s SET %s",
                 quoted(c, b->name), is_unlogged(b) ? "UNLOGGED" : "LOGGED");
}

/* A sequence goes with the column that owns it, unless it is set free before. */
static void change_sequence(struct changing *c, const struct schema_object *a,
                            const struct schema_object *b)
{
    const struct schema_object *o = b ? b : a;
    const char *name = quoted(c, o->name);

    if (a && b)
        set_logged(c, a, b);
    if (a && b && same_text(a->definition, b->definition) && same_text(a->on, b->on) &&
        same_text(a->comment, b->comment))
        return;
    if (a && b && !same_text(a->on, b->on))
        add_change(c, CHANGE_CHANGED, "sequence", path_of(c, "objects/sequence/%s", o->name),
                   object_json(c->to_json, b), object_json(c->from_json, a));
    else
        tell_object(c, o);
    if (a && a->on && (!b || !same_text(a->on, b->on)))
        add_step(c, &(struct doing){.phase = PHASE_RENAME, .rank = 2},
                 "ALTER SEQUENCE %s OWNED BY NONE", name);
    if (!b) {
        add_step(c, &(struct doing){.phase = PHASE_DROP_TYPE, .rank = 1}, "DROP SEQUENCE %s", name);
        return;
    }
    if (!a)
        add_step(c, &(struct doing){.phase = PHASE_CREATE}, "%s", b->definition);
    else if (!same_text(a->definition, b->definition))
        alter_sequence(c, b);
    if (b->on && (!a || !same_text(a->on, b->on)))
        add_step(c, &(struct doing){.phase = PHASE_TIGHTEN, .rank = 1},
                 "ALTER SEQUENCE %s OWNED BY %s", name, b->on);
    if (!a && b->comment)
        comment_object(c, b);
}

static void change_one(struct changing *c, const struct schema_object *a,
                       const struct schema_object *b)
{
    const struct schema_object *o = b ? b : a;

    end_change(c);
    if (is_type(o))
        change_type(c, a, b);
    else if (o->kind == OBJECT_FUNCTION)
        change_function(c, a, b);
    else if (o->kind == OBJECT_SEQUENCE)
        change_sequence(c, a, b);
    else
        return;
    if (a && b && !same_text(a->comment, b->comment) && same_text(a->definition, b->definition))
        comment_object(c, b);
}

void change_objects(struct changing *c)
{
    for (size_t i = 0; i < c->to->n_objects; i++) {
        const struct schema_object *b = &c->to->objects[i];
        change_one(c, find_object(c->from, b->kind, b->name, NULL), b);
    }
    for (size_t i = 0; i < c->from->n_objects; i++) {
        const struct schema_object *a = &c->from->objects[i];
        if (!find_object(c->to, a->kind, a->name, NULL))
            change_one(c, a, NULL);
    }
    end_change(c);
    if (c->makes_functions) /* what their text names may come later */
        add_step(c, &(struct doing){.phase = PHASE_RENAME, .rank = -1},
                 "SET LOCAL check_function_bodies = off");
}
