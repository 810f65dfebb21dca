/* SPDX-License-Identifier: MIT */
/* Views: what is below one may only change while it is not there. */
#include <string.h>

#include "core/schema/change_internal.h"
#include "core/schema/normal.h"

/* Whether a view reads something of a table that changes or goes. */
static bool reads_what_changes(const struct changing *c, const struct schema_table *v)
{
    for (size_t i = 0; i < c->from->n_tables; i++) {
        const struct schema_table *t = &c->from->tables[i];
        const struct schema_table *to = counterpart(c->to, t);
        if (t == v || !sql_mentions(v->definition, t->name))
            continue;
        if (!to || set_has(c->remade, t->name) ||
            mentions_any(v->definition, json_object_get(c->touched, t->name)))
            return true;
        if (t->primary_key && !key_stays(c, t->name, t->primary_key, to->primary_key))
            return true; /* grouping by it is grouping by all columns */
    }
    return mentions_any(v->definition, c->loose);
}

static bool same_view(const struct changing *c, const struct schema_table *a,
                      const struct schema_table *b)
{
    static const char *const members[] = {"definition", "options", "access_method"};
    const json_t *x = table_json(c->from_json, a->name), *y = table_json(c->to_json, b->name);

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const json_t *p = json_object_get(x, members[i]), *q = json_object_get(y, members[i]);
        if (p != q && !json_equal(p, q))
            return false;
    }
    return true;
}

void find_remade_views(struct changing *c)
{
    size_t before;

    do { /* views over views */
        before = json_object_size(c->remade);
        for (size_t i = 0; i < c->from->n_tables; i++) {
            const struct schema_table *a = &c->from->tables[i], *b = counterpart(c->to, a);
            if (!schema_table_is_view(a) || !a->definition)
                continue;
            if (!b || !same_view(c, a, b) || reads_what_changes(c, a))
                set_add(c->remade, a->name);
        }
    } while (json_object_size(c->remade) > before);
}

static const char *view_word(const struct schema_table *v)
{
    return v->kind == TABLE_MATERIALIZED_VIEW ? "MATERIALIZED VIEW" : "VIEW";
}

/* By how often views are below it; by the text, for a model may come without needs. */
static int rank_of(struct changing *c, const struct schema *s, const struct schema_table *v,
                   int depth)
{
    int most = height_of(c, s, path_of(c, "table/%s", v->name));

    for (size_t i = 0; i < s->n_tables && depth && !v->needs.n; i++) {
        const struct schema_table *t = &s->tables[i];
        if (t == v || !schema_table_is_view(t) || !sql_mentions(v->definition, t->name))
            continue;
        int here = rank_of(c, s, t, depth - 1) + 1;
        most = here > most ? here : most;
    }
    return most;
}

enum { VIEW_DEPTH = 20 };

void drop_view(struct changing *c, const struct schema_table *v)
{
    add_step(c,
             &(struct doing){.phase = PHASE_DROP_VIEW,
                             .rank = -rank_of(c, c->from, v, VIEW_DEPTH),
                             .table = v->name},
             "DROP %s %s", view_word(v), quoted(c, v->name));
}

const char *options_sql(struct changing *c, const struct name_list *options)
{
    CLEANUP(str_clear) struct str out = STR_INIT;

    for (size_t i = 0; i < options->n; i++) {
        const char *text = options->items[i], *value = strchr(text, '=');
        str_add(&out, i ? ", " : "");
        str_add_n(&out, text, value ? (size_t)(value - text) : strlen(text));
        if (value)
            str_addf(&out, " = %s", quoted_text(c, value + 1));
    }
    return keep_text(c, str_take(&out));
}

void create_view(struct changing *c, const struct schema_table *v)
{
    const char *with = v->options.n ? path_of(c, " WITH (%s)", options_sql(c, &v->options)) : "";
    const char *using =
        v->access_method ? path_of(c, " USING %s", quoted(c, v->access_method)) : "";

    if (!v->definition)
        return;
    add_step(
        c, &(struct doing){.phase = PHASE_CREATE_VIEW, .rank = rank_of(c, c->to, v, VIEW_DEPTH)},
        "CREATE %s %s%s%s AS %s", view_word(v), quoted(c, v->name), using, with, v->definition);
    comment_table(c, v);
    change_indexes(c, NULL, v);
}

void change_view(struct changing *c, const struct schema_table *from, const struct schema_table *to)
{
    if (!same_view(c, from, to))
        add_change(c, CHANGE_CHANGED, "view", path_of(c, "tables/%s", to->name),
                   table_json(c->to_json, to->name), table_json(c->from_json, to->name));
    if (set_has(c->remade, to->name)) {
        drop_view(c, from);
        create_view(c, to);
    } else {
        change_indexes(c, from, to);
    }
    end_change(c);
}
