/* SPDX-License-Identifier: MIT */
/*
 * Enums and domains. PostgreSQL adds labels to an enum and does little to a domain; a type that
 * must become another one gets another name first, its columns move over to the new one, and then
 * it goes: a "loose" type.
 */
#include <stdint.h>
#include <string.h>

#include "core/schema/change_internal.h"
#include "core/schema/normal.h"

static const struct schema_enum *find_enum(const struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_enums; i++)
        if (!s->enums[i].schema && str_eq(s->enums[i].name, name))
            return &s->enums[i];
    return NULL;
}

static bool same_names(const struct name_list *a, const struct name_list *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (!str_eq(a->items[i], b->items[i]))
            return false;
    return a->n == b->n;
}

/* Whether b is a with more labels in between. */
static bool only_adds(const struct name_list *a, const struct name_list *b)
{
    size_t i = 0;

    for (size_t j = 0; j < b->n && i < a->n; j++)
        i += str_eq(a->items[i], b->items[j]);
    return i == a->n;
}

/* Whether an expression somewhere in the model holds the label as a value of the type. */
static bool label_is_used(const json_t *model, const char *type, const char *label)
{
    const char *text = json_string_value(model), *key;
    json_t *value;
    size_t i;

    if (text)
        return strstr(text, label) && strchr(text, '\'') && sql_mentions(text, type);
    json_array_foreach(model, i, value) if (label_is_used(value, type, label)) return true;
    json_object_foreach((json_t *)(uintptr_t)model, key,
                        value) if (label_is_used(value, type, label)) return true;
    return false;
}

/* Whether a column becomes one of the type: its values may be any label. */
static bool gains_column(const struct changing *c, const char *type)
{
    for (size_t i = 0; i < c->to->n_tables; i++) {
        const struct schema_table *to = &c->to->tables[i];
        const struct schema_table *from = counterpart(c->from, to);
        for (size_t k = 0; from && k < to->n_columns; k++) {
            const struct schema_column *was = schema_find_column(from, to->columns[k].name);
            if (was && sql_type_is(to->columns[k].type.name, type) &&
                !sql_type_is(was->type.name, type))
                return true;
        }
    }
    return false;
}

/* A new label may not be used in the transaction that adds it, so then the type is made anew. */
static bool uses_new_label(const struct changing *c, const struct schema_enum *from,
                           const struct schema_enum *to)
{
    for (size_t i = 0; i < to->labels.n; i++)
        if (!name_list_has(&from->labels, to->labels.items[i]) &&
            label_is_used(c->to_json, to->name, to->labels.items[i]))
            return true;
    return from->labels.n != to->labels.n && gains_column(c, to->name);
}

static bool enum_is_loose(const struct changing *c, const struct schema_enum *from)
{
    const struct schema_enum *to = find_enum(c->to, from->name);

    return !to || !only_adds(&from->labels, &to->labels) || uses_new_label(c, from, to);
}

/* A model made by hand may come without. */
static bool has_check_names(const struct schema_domain *a, const struct schema_domain *b)
{
    return a->check_names.n == a->checks.n && b->check_names.n == b->checks.n;
}

static bool domain_is_loose(const struct changing *c, const struct schema_domain *from)
{
    const struct schema_domain *to = find_domain(c->to, from->name);
    bool loose = !to || !same_type(c, &from->base, &to->base) ||
                 !same_text(from->collation, to->collation) ||
                 (!has_check_names(from, to) && !same_names(&from->checks, &to->checks)) ||
                 mentions_any(from->default_expr, c->loose);

    for (size_t i = 0; i < from->checks.n && !loose; i++)
        loose = mentions_any(from->checks.items[i], c->loose);
    return loose;
}

void find_loose_types(struct changing *c)
{
    size_t before;

    find_loose_objects(c);

    for (size_t i = 0; i < c->from->n_enums; i++)
        if (!c->from->enums[i].schema && enum_is_loose(c, &c->from->enums[i]))
            set_add(c->loose, c->from->enums[i].name);
    do { /* what is over a loose type is loose */
        before = json_object_size(c->loose);
        for (size_t i = 0; i < c->from->n_domains; i++)
            if (domain_is_loose(c, &c->from->domains[i]))
                set_add(c->loose, c->from->domains[i].name);
    } while (json_object_size(c->loose) > before);
}

/* How many domains of the schema are below it. */
static int depth_of(const struct schema *s, const struct schema_domain *d)
{
    int depth = 1;
    const struct schema_domain *below = d;

    while (below && depth <= (int)s->n_domains) {
        const struct schema_domain *next = NULL;
        for (size_t i = 0; i < s->n_domains && !next; i++)
            if (&s->domains[i] != below && sql_type_is(below->base.name, s->domains[i].name))
                next = &s->domains[i];
        depth += next != NULL;
        below = next;
    }
    return depth;
}

/* Tables have types of their names. */
bool is_type_of(const struct schema *s, const char *name)
{
    return find_enum(s, name) || find_domain(s, name) ||
           find_object(s, OBJECT_COMPOSITE, name, NULL) ||
           find_object(s, OBJECT_RANGE, name, NULL) || schema_find_table(s, name);
}

void drop_type(struct changing *c, const char *name, const char *what, int depth)
{
    const char *was = own_name(c, quoted(c, name));
    bool retires = is_type_of(c->to, name);
    int height = height_of(c, c->from, path_of(c, "type/%s", name));

    if (retires) {
        const char *old = quoted(c, path_of(c, "%.50s__old", name));
        add_step(c, &(struct doing){.phase = PHASE_RETIRE}, "ALTER %s %s RENAME TO %s", what, was,
                 old);
        was = own_name(c, old);
    }
    add_step(c,
             &(struct doing){.phase = PHASE_DROP_TYPE, .rank = depth > height ? -depth : -height},
             "DROP %s %s", what, was);
}

static void create_enum(struct changing *c, const struct schema_enum *e)
{
    CLEANUP(str_clear) struct str labels = STR_INIT;

    for (size_t i = 0; i < e->labels.n; i++) {
        str_add(&labels, i ? ", " : "");
        str_add(&labels, quoted_text(c, e->labels.items[i]));
    }
    add_step(c, &(struct doing){.phase = PHASE_CREATE}, "CREATE TYPE %s AS ENUM (%s)",
             quoted(c, e->name), str_text(&labels));
    if (e->comment)
        add_comment(c, "TYPE", quoted(c, e->name), e->comment);
}

static void add_label(struct changing *c, const struct schema_enum *from,
                      const struct schema_enum *to, size_t i)
{
    json_auto_t *label = json_string(to->labels.items[i]);
    const char *place = i ? path_of(c, " AFTER %s", quoted_text(c, to->labels.items[i - 1]))
                        : from->labels.n
                            ? path_of(c, " BEFORE %s", quoted_text(c, from->labels.items[0]))
                            : "";

    add_change(c, CHANGE_MISSING, "enum_label",
               path_of(c, "enums/%s/labels/%s", to->name, to->labels.items[i]), label, NULL);
    add_step(
        c, &(struct doing){.phase = PHASE_ALTER_TYPE, .rank = (int)i, .hazards = CHANGE_NEW_LABEL},
        "ALTER TYPE %s ADD VALUE %s%s", quoted(c, to->name), quoted_text(c, to->labels.items[i]),
        place);
}

static const json_t *enum_json(const json_t *model, const struct schema_enum *e)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(model, "enums"), i, item)
    {
        const char *schema = json_string_value(json_object_get(item, "schema"));
        if (str_eq(json_string_value(json_object_get(item, "name")), e->name) &&
            (e->schema ? str_eq(schema, e->schema) : !schema))
            return item;
    }
    return NULL;
}

static void change_enum(struct changing *c, const struct schema_enum *from,
                        const struct schema_enum *to)
{
    const char *path = path_of(c, "enums/%s", to->name);
    const json_t *is = enum_json(c->from_json, to), *must = enum_json(c->to_json, to);

    if (set_has(c->loose, to->name)) {
        add_change(c, CHANGE_CHANGED, "enum", path, must, is);
        drop_type(c, to->name, "TYPE", 0);
        create_enum(c, to);
        return;
    }
    for (size_t i = 0; i < to->labels.n; i++)
        if (!name_list_has(&from->labels, to->labels.items[i]))
            add_label(c, from, to, i);
    if (from->comment ? str_eq(from->comment, to->comment) : !to->comment)
        return;
    add_change(c, CHANGE_CHANGED, "comment", path_of(c, "%s/comment", path),
               json_object_get(must, "comment"), json_object_get(is, "comment"));
    add_comment(c, "TYPE", quoted(c, to->name), to->comment);
}

/* Another schema's enums are in the model because columns use them; no SQL of ours changes them. */
static void compare_foreign(struct changing *c, const struct schema_enum *e)
{
    const json_t *must = enum_json(c->to_json, e), *is = enum_json(c->from_json, e);

    if (is && !json_equal(must, is))
        add_change(c, CHANGE_CHANGED, "enum", path_of(c, "enums/%s.%s", e->schema, e->name), must,
                   is);
}

void change_enums(struct changing *c)
{
    for (size_t i = 0; i < c->to->n_enums; i++) {
        const struct schema_enum *to = &c->to->enums[i];
        const struct schema_enum *from = find_enum(c->from, to->name);
        if (to->schema) {
            compare_foreign(c, to);
        } else if (from) {
            change_enum(c, from, to);
        } else {
            add_change(c, CHANGE_MISSING, "enum", path_of(c, "enums/%s", to->name),
                       enum_json(c->to_json, to), NULL);
            create_enum(c, to);
        }
    }
    for (size_t i = 0; i < c->from->n_enums; i++) {
        const struct schema_enum *from = &c->from->enums[i];
        if (from->schema || find_enum(c->to, from->name))
            continue;
        add_change(c, CHANGE_EXTRA, "enum", path_of(c, "enums/%s", from->name), NULL,
                   enum_json(c->from_json, from));
        drop_type(c, from->name, "TYPE", 0);
    }
    end_change(c);
}

static void create_domain(struct changing *c, const struct schema_domain *d)
{
    CLEANUP(str_clear) struct str rest = STR_INIT;

    if (d->default_expr) {
        str_add(&rest, " DEFAULT ");
        str_add(&rest, d->default_expr);
    }
    if (d->not_null && !d->base.domain_not_null)
        str_add(&rest, " NOT NULL");
    for (size_t i = 0; i < d->checks.n; i++) {
        if (d->check_names.n == d->checks.n)
            str_addf(&rest, " CONSTRAINT %s", quoted(c, d->check_names.items[i]));
        str_add_char(&rest, ' ');
        str_add(&rest, d->checks.items[i]);
    }
    int rank = height_of(c, c->to, path_of(c, "type/%s", d->name));
    add_step(c,
             &(struct doing){.phase = PHASE_CREATE,
                             .rank = rank > depth_of(c->to, d) ? rank : depth_of(c->to, d)},
             "CREATE DOMAIN %s AS %s%s%s%s", quoted(c, d->name), type_sql(c, c->to, &d->base),
             d->collation ? " COLLATE " : "", d->collation ? d->collation : "", str_text(&rest));
    if (d->comment)
        add_comment(c, "DOMAIN", quoted(c, d->name), d->comment);
}

static const char *check_of(const struct schema_domain *d, const char *name)
{
    for (size_t i = 0; i < d->check_names.n; i++)
        if (str_eq(d->check_names.items[i], name))
            return d->checks.items[i];
    return NULL;
}

static void alter_checks(struct changing *c, const struct schema_domain *from,
                         const struct schema_domain *to)
{
    const struct doing drop = {.phase = PHASE_ALTER_TYPE};
    const struct doing add = {.phase = PHASE_TIGHTEN};
    const char *name = quoted(c, to->name);

    for (size_t i = 0; i < from->check_names.n; i++)
        if (!same_text(check_of(to, from->check_names.items[i]), from->checks.items[i]))
            add_step(c, &drop, "ALTER DOMAIN %s DROP CONSTRAINT %s", name,
                     quoted(c, from->check_names.items[i]));
    for (size_t i = 0; i < to->check_names.n; i++)
        if (!same_text(check_of(from, to->check_names.items[i]), to->checks.items[i]))
            add_step(c, &add, "ALTER DOMAIN %s ADD CONSTRAINT %s %s", name,
                     quoted(c, to->check_names.items[i]), to->checks.items[i]);
}

static void alter_domain(struct changing *c, const struct schema_domain *from,
                         const struct schema_domain *to)
{
    const struct doing alter = {.phase = PHASE_ALTER_TYPE};
    const char *name = quoted(c, to->name);

    if (!same_text(from->default_expr, to->default_expr) && to->default_expr)
        add_step(c, &alter, "ALTER DOMAIN %s SET DEFAULT %s", name, to->default_expr);
    else if (!same_text(from->default_expr, to->default_expr))
        add_step(c, &alter, "ALTER DOMAIN %s DROP DEFAULT", name);
    if (from->not_null && !to->not_null)
        add_step(c, &alter, "ALTER DOMAIN %s DROP NOT NULL", name);
    if (to->not_null && !to->base.domain_not_null &&
        (!from->not_null || from->base.domain_not_null)) /* which hides its own */
        add_step(c, &alter, "ALTER DOMAIN %s SET NOT NULL", name);
    alter_checks(c, from, to);
    if (!same_text(from->comment, to->comment))
        add_comment(c, "DOMAIN", name, to->comment);
}

static void change_domain(struct changing *c, const struct schema_domain *from,
                          const struct schema_domain *to)
{
    const json_t *is = named(json_object_get(c->from_json, "domains"), to->name);
    const json_t *must = named(json_object_get(c->to_json, "domains"), to->name);
    const char *path = path_of(c, "domains/%s", to->name);

    if (set_has(c->loose, to->name)) {
        /* where only what is below it changed, that is the change */
        if (!json_equal(is, must))
            add_change(c, CHANGE_CHANGED, "domain", path, must, is);
        drop_type(c, to->name, "DOMAIN", depth_of(c->from, from));
        create_domain(c, to);
    } else {
        if (!json_equal(is, must))
            add_change(c, CHANGE_CHANGED, "domain", path, must, is);
        alter_domain(c, from, to);
    }
    end_change(c);
}

void change_domains(struct changing *c)
{
    for (size_t i = 0; i < c->to->n_domains; i++) {
        const struct schema_domain *to = &c->to->domains[i];
        const struct schema_domain *from = find_domain(c->from, to->name);
        if (from) {
            change_domain(c, from, to);
        } else {
            add_change(c, CHANGE_MISSING, "domain", path_of(c, "domains/%s", to->name),
                       named(json_object_get(c->to_json, "domains"), to->name), NULL);
            create_domain(c, to);
        }
    }
    for (size_t i = 0; i < c->from->n_domains; i++) {
        const struct schema_domain *from = &c->from->domains[i];
        if (find_domain(c->to, from->name))
            continue;
        add_change(c, CHANGE_EXTRA, "domain", path_of(c, "domains/%s", from->name), NULL,
                   named(json_object_get(c->from_json, "domains"), from->name));
        drop_type(c, from->name, "DOMAIN", depth_of(c->from, from));
    }
    end_change(c);
}
