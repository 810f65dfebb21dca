/* SPDX-License-Identifier: MIT */
/* What a live schema says about tables. */
#include "core/lint/facts.h"

static void add_list(struct facts *f, const struct name_list *from, struct name_list *out)
{
    for (size_t i = 0; i < from->n; i++)
        facts_add_name(f, out, from->items[i]);
}

static void add_key(struct facts *f, struct fact_table *t, char kind, const struct schema_key *key)
{
    const struct fact_origin nowhere = {.file = 0};
    struct fact_constraint *c = facts_add_constraint(f, t, kind, key->name, nowhere);
    if (c)
        add_list(f, &key->columns, &c->columns);
}

static void add_index(struct facts *f, struct fact_table *t, const struct schema_index *index)
{
    struct fact_index *x = facts_add_index(f, t, index->name);

    if (!x)
        return;
    x->partial = index->predicate || !index->valid;
    for (size_t i = 0; i < index->n_keys; i++)
        facts_add_name(f, &x->columns, index->keys[i].expression ? "" : index->keys[i].text);
}

static void add_table(struct facts *f, const struct schema_table *from)
{
    const struct fact_origin nowhere = {.file = 0};
    struct fact_table *t = facts_add_table(f, from->name, nowhere);

    if (!t)
        return;
    t->partition = from->partition_of != NULL;
    for (size_t i = 0; i < from->n_columns; i++)
        (void)facts_add_column(f, t, from->columns[i].name, from->columns[i].type.name, nowhere);
    if (from->primary_key)
        add_key(f, t, 'p', from->primary_key);
    for (size_t i = 0; i < from->n_uniques; i++)
        add_key(f, t, 'u', &from->uniques[i]);
    for (size_t i = 0; i < from->n_foreign_keys; i++) {
        const struct schema_foreign_key *key = &from->foreign_keys[i];
        struct fact_constraint *c = facts_add_constraint(f, t, 'f', key->name, nowhere);
        if (!c)
            return;
        c->cascades = key->on_delete == FK_CASCADE;
        add_list(f, &key->columns, &c->columns);
    }
    for (size_t i = 0; i < from->n_indexes; i++)
        add_index(f, t, &from->indexes[i]);
}

void facts_read_schema(struct facts *f, const struct schema *schema)
{
    for (size_t i = 0; i < schema->n_tables && !f->failed; i++)
        if (schema->tables[i].kind == TABLE_PLAIN || schema->tables[i].kind == TABLE_PARTITIONED)
            add_table(f, &schema->tables[i]);
}
