/* SPDX-License-Identifier: MIT */
/* What of a model has no place in a file of Drizzle's and is not at a constraint or an index. */
#include <string.h>

#include "core/schema/export/drizzle.h"
#include "core/schema/literal.h"

static void lose_of_column(struct drizzle *d, const struct schema_table *t,
                           const struct schema_column *c)
{
    const struct {
        const char *what, *value;
    } settings[] = {{"storage", c->storage}, {"compression", c->compression}};
    bool usual =
        !c->sequence || (strstr(c->sequence, " START WITH 1 INCREMENT BY 1 MINVALUE 1 MAXVALUE ") &&
                         str_ends(c->sequence, " CACHE 1"));

    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (settings[i].value)
            drizzle_mention(d, "the %s of %s.%s: %s", settings[i].what, t->name, c->name,
                            settings[i].value);
    if (c->collation)
        drizzle_lose(d, "the collation of %s.%s: %s", t->name, c->name, c->collation);
    if (c->statistics >= 0)
        drizzle_mention(d, "the statistics target of %s.%s", t->name, c->name);
    if (!usual)
        drizzle_lose(d, "the sequence of %s.%s: %s", t->name, c->name, c->sequence);
}

void drizzle_lose_of_table(struct drizzle *d, const struct schema_table *t)
{
    if (t->kind == TABLE_PARTITIONED)
        drizzle_lose(d, "that %s is partitioned by %s", t->name,
                     t->partition_key ? t->partition_key : "something");
    if (t->partition_of)
        drizzle_lose(d, "that %s is a partition of %s", t->name, t->partition_of);
    if (t->kind == TABLE_FOREIGN)
        drizzle_lose(d, "that %s is a foreign table", t->name);
    if (t->inherits.n)
        drizzle_lose(d, "that %s inherits from %s", t->name, t->inherits.items[0]);
    if (t->of_type)
        drizzle_lose(d, "that %s is of the type %s", t->name, t->of_type);
    if (t->unlogged)
        drizzle_mention(d, "that %s is unlogged", t->name);
    if (t->row_security || t->row_security_forced)
        drizzle_mention(d, "the row security of %s", t->name);
    for (size_t i = 0; i < t->options.n; i++)
        drizzle_mention(d, "of %s: %s", t->name, t->options.items[i]);
    for (size_t i = 0; i < t->n_columns && !schema_table_is_view(t); i++)
        lose_of_column(d, t, &t->columns[i]);
}

/* Whether a serial column, which makes it, is in the file. */
static bool is_of_serial(const struct drizzle *d, const struct schema_object *o)
{
    for (size_t i = 0; i < d->view->n_tables; i++) {
        const struct schema_table *t = d->view->tables[i];
        for (size_t k = 0; k < t->n_columns; k++) {
            CLEANUP(str_clear) struct str name = STR_INIT;
            str_addf(&name, "%s_%s_seq", t->name, t->columns[k].name);
            if (column_is_serial(t, &t->columns[k]) && str_eq(str_text(&name), o->name))
                return true;
        }
    }
    return false;
}

/* Whether it goes with what was chosen: with all, or with one of the tables. */
static bool is_chosen(const struct drizzle *d, const struct schema_object *o)
{
    return !d->view->filtered || (o->on && export_has_table(d->view, o->on));
}

void drizzle_lose_objects(struct drizzle *d)
{
    const struct schema *s = d->view->schema;

    for (size_t i = 0; i < s->n_objects; i++) {
        const struct schema_object *o = &s->objects[i];
        bool said = o->kind == OBJECT_SEQUENCE && is_of_serial(d, o);
        bool shape =
            o->kind == OBJECT_SEQUENCE || o->kind == OBJECT_COMPOSITE || o->kind == OBJECT_RANGE;
        if (o->kind == OBJECT_GRANT || said || !is_chosen(d, o))
            continue; /* roles are not the schema's */
        (shape ? drizzle_lose : drizzle_mention)(d, "the %s %s%s%s", object_kind_name(o->kind),
                                                 o->name, o->on ? " of " : "", o->on ? o->on : "");
    }
}
