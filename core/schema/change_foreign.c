/* SPDX-License-Identifier: MIT */
/* Foreign keys: they go first and come last, and give way where what they lean on changes. */
#include <stdint.h>
#include <string.h>

#include "core/schema/change_internal.h"

static const struct schema_foreign_key *find_foreign_key(const struct schema_table *t,
                                                         const char *name)
{
    for (size_t i = 0; t && i < t->n_foreign_keys; i++)
        if (str_eq(t->foreign_keys[i].name, name))
            return &t->foreign_keys[i];
    return NULL;
}

static bool same_set(const struct name_list *a, const struct name_list *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (!name_list_has(b, a->items[i]))
            return false;
    return a->n == b->n;
}

static bool index_is_on(const struct schema_index *x, const struct name_list *columns)
{
    for (size_t i = 0; i < x->n_keys; i++)
        if (x->keys[i].expression || !name_list_has(columns, x->keys[i].text))
            return false;
    return x->unique && x->n_keys == columns->n;
}

/* Whether what a foreign key may lean on goes, for ever or to be made again. */
static bool support_goes(const struct changing *c, const struct schema_table *from,
                         const struct schema_table *to, const struct name_list *columns)
{
    if (from->primary_key && same_set(&from->primary_key->columns, columns) &&
        !key_stays(c, to->name, from->primary_key, to->primary_key))
        return true;
    for (size_t i = 0; i < from->n_uniques; i++)
        if (same_set(&from->uniques[i].columns, columns) &&
            !key_stays(c, to->name, &from->uniques[i], find_key(to, from->uniques[i].name)))
            return true;
    for (size_t i = 0; i < from->n_indexes; i++) {
        const struct schema_index *x = &from->indexes[i];
        if (!x->of_constraint && index_is_on(x, columns) &&
            !index_stays(c, to->name, x, find_index(to, x->name)))
            return true;
    }
    return false;
}

static bool any_touched(const struct changing *c, const char *table,
                        const struct name_list *columns)
{
    for (size_t i = 0; i < columns->n; i++)
        if (set2_has(c->touched, table, columns->items[i]))
            return true;
    return false;
}

/* A table that is logged may not refer to one that is not. */
static bool changes_logging(const struct changing *c, const char *table)
{
    const struct schema_table *from = schema_find_table(c->from, table);
    const struct schema_table *to = from ? counterpart(c->to, from) : NULL;

    return to && from->unlogged != to->unlogged;
}

/* Whether a foreign key of a table must go because of what happens around it. */
static bool foreign_key_gives_way(const struct changing *c, const char *table,
                                  const struct schema_foreign_key *k)
{
    if (any_touched(c, table, &k->columns) || changes_logging(c, table))
        return true;
    if (k->ref_schema)
        return false;
    const struct schema_table *from = schema_find_table(c->from, k->ref_table);
    const struct schema_table *to = from ? counterpart(c->to, from) : NULL;
    return !to || changes_logging(c, k->ref_table) ||
           any_touched(c, k->ref_table, &k->ref_columns) ||
           support_goes(c, from, to, &k->ref_columns);
}

static const char *action_sql(struct changing *c, const char *when, fk_action action)
{
    static const char *const actions[] = {
        [FK_NO_ACTION] = NULL,      [FK_RESTRICT] = "RESTRICT",       [FK_CASCADE] = "CASCADE",
        [FK_SET_NULL] = "SET NULL", [FK_SET_DEFAULT] = "SET DEFAULT",
    };
    return actions[action] ? path_of(c, " ON %s %s", when, actions[action]) : "";
}

/* A model made by hand may come without the definition. */
static const char *definition_of(struct changing *c, const struct schema_foreign_key *k)
{
    const char *target =
        k->ref_schema ? path_of(c, "%s.%s", quoted(c, k->ref_schema), quoted(c, k->ref_table))
                      : quoted(c, k->ref_table);

    if (k->definition)
        return k->definition;
    return path_of(c, "FOREIGN KEY (%s) REFERENCES %s (%s)%s%s%s%s%s%s",
                   quoted_list(c, &k->columns), target, quoted_list(c, &k->ref_columns),
                   k->match_full ? " MATCH FULL" : "", action_sql(c, "UPDATE", k->on_update),
                   action_sql(c, "DELETE", k->on_delete), k->deferrable ? " DEFERRABLE" : "",
                   k->deferred ? " INITIALLY DEFERRED" : "", k->validated ? "" : " NOT VALID");
}

static void add_foreign_key(struct changing *c, const struct schema_table *t,
                            const struct schema_foreign_key *k)
{
    bool later = c->safe && k->validated && schema_find_table(c->from, t->name);
    unsigned hazards = later || !k->validated ? 0 : CHANGE_SCANS | CHANGE_MAY_FAIL;

    add_step(c,
             &(struct doing){.phase = PHASE_ADD_FOREIGN_KEY, .table = t->name, .hazards = hazards},
             "ALTER TABLE %s ADD CONSTRAINT %s %s%s", quoted(c, t->name), quoted(c, k->name),
             definition_of(c, k), later ? " NOT VALID" : "");
    if (later)
        validate(c, PHASE_VALIDATE, t->name, k->name);
    if (k->comment)
        comment_constraint(c, t->name, k->name, k->comment);
}

/* A copy without the comment, and with looked_at as if the rows had been looked at. */
static json_t *essence(const json_t *k, bool looked_at)
{
    json_t *out = json_copy((json_t *)(uintptr_t)k);
    const char *definition = json_string_value(json_object_get(k, "definition"));
    const char *end = definition ? strstr(definition, " NOT VALID") : NULL;

    (void)json_object_del(out, "comment");
    if (!looked_at)
        return out;
    (void)json_object_del(out, "validated");
    if (end)
        (void)json_object_set_new(out, "definition",
                                  json_stringn(definition, (size_t)(end - definition)));
    return out;
}

static bool same_essence(const json_t *a, const json_t *b, bool looked_at)
{
    json_auto_t *x = a ? essence(a, looked_at) : NULL, *y = b ? essence(b, looked_at) : NULL;

    return x && y && json_equal(x, y);
}

static void change_foreign_key(struct changing *c, const struct schema_table *to,
                               const struct schema_foreign_key *a,
                               const struct schema_foreign_key *b)
{
    const json_t *must = part_json(c->to_json, to->name, "foreign_keys", b->name);
    const json_t *is = a ? part_json(c->from_json, to->name, "foreign_keys", b->name) : NULL;
    bool gives_way = a && foreign_key_gives_way(c, to->name, a);

    if (json_equal(must, is) && !gives_way)
        return;
    if (!gives_way && same_essence(is, must, false)) {
        tell_part(c, "foreign_key", to->name, "foreign_keys", b->name);
        comment_constraint(c, to->name, b->name, b->comment);
        return;
    }
    tell_part(c, "foreign_key", to->name, "foreign_keys", b->name);
    if (a && !gives_way && b->validated && !a->validated && same_essence(is, must, true)) {
        validate(c, PHASE_VALIDATE, to->name, b->name);
        return;
    }
    if (a)
        drop_constraint(c, PHASE_DROP_FOREIGN_KEY, to->name, a->name);
    add_foreign_key(c, to, b);
}

void change_foreign_keys(struct changing *c, const struct schema_table *from,
                         const struct schema_table *to)
{
    for (size_t i = 0; i < to->n_foreign_keys; i++) {
        const struct schema_foreign_key *b = &to->foreign_keys[i];
        if (b->inherited)
            continue; /* the partitioned parent's comes by itself */
        if (from)
            change_foreign_key(c, to, find_foreign_key(from, b->name), b);
        else
            add_foreign_key(c, to, b);
    }
    for (size_t i = 0; from && i < from->n_foreign_keys; i++) {
        const struct schema_foreign_key *a = &from->foreign_keys[i];
        if (find_foreign_key(to, a->name) || a->inherited)
            continue;
        tell_part(c, "foreign_key", to->name, "foreign_keys", a->name);
        drop_constraint(c, PHASE_DROP_FOREIGN_KEY, to->name, a->name);
    }
    if (from)
        end_change(c);
}
