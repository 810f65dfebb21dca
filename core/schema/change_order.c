/* SPDX-License-Identifier: MIT */
/* What stands on what: how high a thing of a model is above those that need nothing. */
#include <string.h>

#include "core/schema/change_internal.h"
#include "core/schema/normal.h"

const struct schema_object *find_object(const struct schema *s, object_kind kind, const char *name,
                                        const char *on)
{
    for (size_t i = 0; i < s->n_objects; i++) {
        const struct schema_object *o = &s->objects[i];
        if (o->kind == kind && str_eq(o->name, name) && (!on || str_eq(o->on, on)))
            return o;
    }
    return NULL;
}

const struct schema_domain *find_domain(const struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_domains; i++)
        if (str_eq(s->domains[i].name, name))
            return &s->domains[i];
    return NULL;
}

/* The needs of "table/x", "key/x/y", "type/x", "sequence/x" or "function/x(y)"; NULL: none. */
static const struct name_list *needs_of(const struct schema *s, const char *thing)
{
    const char *name = strchr(thing, '/') ? strchr(thing, '/') + 1 : thing;
    const struct schema_object *o = NULL;

    if (str_starts(thing, "table/")) {
        const struct schema_table *t = schema_find_table(s, name);
        return t ? &t->needs : NULL;
    }
    if (str_starts(thing, "type/")) {
        const struct schema_domain *d = find_domain(s, name);
        o = d ? NULL : find_object(s, OBJECT_COMPOSITE, name, NULL);
        o = d || o ? o : find_object(s, OBJECT_RANGE, name, NULL);
        return d ? &d->needs : o ? &o->needs : NULL;
    }
    if (str_starts(thing, "function/"))
        o = find_object(s, OBJECT_FUNCTION, name, NULL);
    return o ? &o->needs : NULL;
}

/* A key is there with its table. */
static const char *place_of(struct changing *c, const struct schema *s, const char *thing)
{
    if (!str_starts(thing, "key/"))
        return thing;
    for (size_t i = 0; i < s->n_tables; i++) {
        size_t n = strlen(s->tables[i].name);
        if (strncmp(thing + 4, s->tables[i].name, n) == 0 && thing[4 + n] == '/')
            return path_of(c, "table/%s", s->tables[i].name);
    }
    return thing;
}

/* memo: {"thing": height}; one that is being found counts as 0, should it need itself. */
static int height(struct changing *c, const struct schema *s, json_t *memo, const char *thing)
{
    const json_t *known = json_object_get(memo, thing);
    const struct name_list *needs = needs_of(s, thing);
    int most = 0;

    if (known)
        return (int)json_integer_value(known);
    (void)json_object_set_new(memo, thing, json_integer(0));
    for (size_t i = 0; needs && i < needs->n; i++) {
        const char *below = place_of(c, s, needs->items[i]);
        int here = str_eq(below, thing) ? 0 : height(c, s, memo, below) + 1;
        most = here > most ? here : most;
    }
    (void)json_object_set_new(memo, thing, json_integer(most));
    return most;
}

int height_of(struct changing *c, const struct schema *s, const char *thing)
{
    return height(c, s, s == c->to ? c->to_heights : c->from_heights, thing);
}

/* Whether a view of the model is somewhere below. */
bool needs_view(struct changing *c, const struct schema *s, const struct name_list *needs,
                int depth)
{
    for (size_t i = 0; i < needs->n && depth; i++) {
        const char *below = place_of(c, s, needs->items[i]);
        const struct schema_table *t =
            str_starts(below, "table/") ? schema_find_table(s, below + 6) : NULL;
        const struct name_list *more = needs_of(s, below);
        if (t && schema_table_is_view(t))
            return true;
        if (more && needs_view(c, s, more, depth - 1))
            return true;
    }
    return false;
}

bool needs_any(const struct name_list *needs, const char *prefix, const json_t *set)
{
    for (size_t i = 0; i < needs->n; i++)
        if (str_starts(needs->items[i], prefix) && set_has(set, needs->items[i] + strlen(prefix)))
            return true;
    return false;
}
