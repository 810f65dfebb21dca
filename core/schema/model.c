/* SPDX-License-Identifier: MIT */
#include "core/schema/model.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

void name_list_clear(struct name_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->items[i]);
    free(list->items);
}

static void enum_clear(struct schema_enum *e)
{
    free(e->schema);
    free(e->name);
    name_list_clear(&e->labels);
    free(e->comment);
}

static void domain_clear(struct schema_domain *d)
{
    free(d->name);
    free(d->base.name);
    free(d->default_expr);
    name_list_clear(&d->checks);
    name_list_clear(&d->check_names);
    name_list_clear(&d->needs);
    free(d->collation);
    free(d->comment);
}

static void column_clear(struct schema_column *c)
{
    free(c->name);
    free(c->type.name);
    free(c->default_expr);
    free(c->sequence);
    free(c->collation);
    free(c->storage);
    free(c->compression);
    free(c->comment);
}

static void key_clear(struct schema_key *k)
{
    free(k->name);
    name_list_clear(&k->columns);
    free(k->definition);
    free(k->comment);
}

static void foreign_key_clear(struct schema_foreign_key *k)
{
    free(k->name);
    name_list_clear(&k->columns);
    free(k->ref_schema);
    free(k->ref_table);
    name_list_clear(&k->ref_columns);
    free(k->definition);
    free(k->comment);
}

static void check_clear(struct schema_check *k)
{
    free(k->name);
    free(k->definition);
    free(k->comment);
}

static void index_clear(struct schema_index *x)
{
    for (size_t i = 0; i < x->n_keys + x->n_include; i++)
        free(x->keys[i].text);
    free(x->keys);
    free(x->name);
    free(x->method);
    free(x->predicate);
    free(x->definition);
    free(x->attached_to);
    free(x->comment);
}

static void object_clear(struct schema_object *o)
{
    free(o->name);
    free(o->on);
    free(o->definition);
    free(o->comment);
    name_list_clear(&o->needs);
}

static void table_texts_clear(struct schema_table *t)
{
    free(t->name);
    free(t->partition_of);
    free(t->partition_key);
    free(t->partition_bound);
    free(t->definition);
    free(t->access_method);
    free(t->of_type);
    free(t->foreign);
    name_list_clear(&t->inherits);
    name_list_clear(&t->options);
    name_list_clear(&t->needs);
    free(t->comment);
}

static void table_clear(struct schema_table *t)
{
    table_texts_clear(t);
    for (size_t i = 0; i < t->n_columns; i++)
        column_clear(&t->columns[i]);
    free(t->columns);
    if (t->primary_key)
        key_clear(t->primary_key);
    free(t->primary_key);
    for (size_t i = 0; i < t->n_uniques; i++)
        key_clear(&t->uniques[i]);
    free(t->uniques);
    for (size_t i = 0; i < t->n_foreign_keys; i++)
        foreign_key_clear(&t->foreign_keys[i]);
    free(t->foreign_keys);
    for (size_t i = 0; i < t->n_checks; i++)
        check_clear(&t->checks[i]);
    free(t->checks);
    for (size_t i = 0; i < t->n_indexes; i++)
        index_clear(&t->indexes[i]);
    free(t->indexes);
}

void schema_free(struct schema *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_tables; i++)
        table_clear(&s->tables[i]);
    for (size_t i = 0; i < s->n_enums; i++)
        enum_clear(&s->enums[i]);
    for (size_t i = 0; i < s->n_domains; i++)
        domain_clear(&s->domains[i]);
    for (size_t i = 0; i < s->n_objects; i++)
        object_clear(&s->objects[i]);
    name_list_clear(&s->extensions);
    free(s->objects);
    free(s->tables);
    free(s->enums);
    free(s->domains);
    free(s->name);
    free(s);
}

void schema_freep(struct schema **s)
{
    schema_free(*s);
}

const struct schema_table *schema_find_table(const struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_tables; i++)
        if (str_eq(s->tables[i].name, name))
            return &s->tables[i];
    return NULL;
}

const struct schema_column *schema_find_column(const struct schema_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (str_eq(t->columns[i].name, name))
            return &t->columns[i];
    return NULL;
}

bool name_list_has(const struct name_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->items[i], name))
            return true;
    return false;
}

static bool covers(const struct name_list *columns, const struct schema_key *key)
{
    for (size_t i = 0; i < key->columns.n; i++)
        if (!name_list_has(columns, key->columns.items[i]))
            return false;
    return true;
}

static bool covers_index(const struct name_list *columns, const struct schema_index *x)
{
    if (!x->unique || !x->valid || x->predicate)
        return false;
    for (size_t i = 0; i < x->n_keys; i++)
        if (x->keys[i].expression || !name_list_has(columns, x->keys[i].text))
            return false;
    return true;
}

bool schema_columns_are_unique(const struct schema_table *t, const struct name_list *columns)
{
    if (t->primary_key && covers(columns, t->primary_key))
        return true;
    for (size_t i = 0; i < t->n_uniques; i++)
        if (covers(columns, &t->uniques[i]))
            return true;
    for (size_t i = 0; i < t->n_indexes; i++)
        if (covers_index(columns, &t->indexes[i]))
            return true;
    return false;
}

bool schema_table_is_view(const struct schema_table *t)
{
    return t->kind == TABLE_VIEW || t->kind == TABLE_MATERIALIZED_VIEW;
}

const char *type_class_name(type_class class)
{
    switch (class) {
    case TYPE_BOOL:
        return "boolean";
    case TYPE_SMALLINT:
        return "smallint";
    case TYPE_INTEGER:
        return "integer";
    case TYPE_BIGINT:
        return "bigint";
    case TYPE_NUMERIC:
        return "numeric";
    case TYPE_FLOAT:
        return "float";
    case TYPE_TEXT:
        return "text";
    case TYPE_BITS:
        return "bits";
    case TYPE_BYTES:
        return "bytes";
    case TYPE_UUID:
        return "uuid";
    case TYPE_JSON:
        return "json";
    case TYPE_DATE:
        return "date";
    case TYPE_TIME:
        return "time";
    case TYPE_TIMETZ:
        return "timetz";
    case TYPE_TIMESTAMP:
        return "timestamp";
    case TYPE_TIMESTAMPTZ:
        return "timestamptz";
    case TYPE_ENUM:
        return "enum";
    case TYPE_COMPOSITE:
        return "composite";
    case TYPE_OTHER:
        return "other";
    }
    return "other";
}

const char *table_kind_name(table_kind kind)
{
    switch (kind) {
    case TABLE_PLAIN:
        return "table";
    case TABLE_PARTITIONED:
        return "partitioned_table";
    case TABLE_VIEW:
        return "view";
    case TABLE_MATERIALIZED_VIEW:
        return "materialized_view";
    case TABLE_FOREIGN:
        return "foreign_table";
    }
    return "table";
}

const char *fk_action_name(fk_action action)
{
    switch (action) {
    case FK_NO_ACTION:
        return "no_action";
    case FK_RESTRICT:
        return "restrict";
    case FK_CASCADE:
        return "cascade";
    case FK_SET_NULL:
        return "set_null";
    case FK_SET_DEFAULT:
        return "set_default";
    }
    return "no_action";
}

const char *column_identity_name(column_identity identity)
{
    switch (identity) {
    case IDENTITY_NONE:
        return "none";
    case IDENTITY_ALWAYS:
        return "always";
    case IDENTITY_BY_DEFAULT:
        return "by_default";
    }
    return "none";
}

const char *object_kind_name(object_kind kind)
{
    static const char *const names[] = {
        [OBJECT_COMPOSITE] = "composite",
        [OBJECT_RANGE] = "range",
        [OBJECT_SEQUENCE] = "sequence",
        [OBJECT_FUNCTION] = "function",
        [OBJECT_STATISTICS] = "statistics",
        [OBJECT_TRIGGER] = "trigger",
        [OBJECT_RULE] = "rule",
        [OBJECT_POLICY] = "policy",
        [OBJECT_GRANT] = "grant",
        [OBJECT_OTHER] = "other",
    };
    return names[kind];
}

const char *table_sql_word(table_kind kind)
{
    switch (kind) {
    case TABLE_VIEW:
        return "VIEW";
    case TABLE_MATERIALIZED_VIEW:
        return "MATERIALIZED VIEW";
    case TABLE_FOREIGN:
        return "FOREIGN TABLE";
    case TABLE_PLAIN:
    case TABLE_PARTITIONED:
        break;
    }
    return "TABLE";
}

const char *object_sql_word(const struct schema_object *o)
{
    static const char *const words[] = {
        [OBJECT_COMPOSITE] = "TYPE",
        [OBJECT_RANGE] = "TYPE",
        [OBJECT_SEQUENCE] = "SEQUENCE",
        [OBJECT_FUNCTION] = "FUNCTION",
        [OBJECT_STATISTICS] = "STATISTICS",
        [OBJECT_TRIGGER] = "TRIGGER",
        [OBJECT_RULE] = "RULE",
        [OBJECT_POLICY] = "POLICY",
        [OBJECT_GRANT] = "",
        [OBJECT_OTHER] = "",
    };

    if (o->kind == OBJECT_FUNCTION && str_eq(o->on, "procedure"))
        return "PROCEDURE";
    return o->kind == OBJECT_FUNCTION && str_eq(o->on, "aggregate") ? "AGGREGATE" : words[o->kind];
}

char *object_signature(const struct schema_object *o)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    str_add(&text, o->name);
    if (str_ends(o->name, "()") && str_eq(o->on, "aggregate")) {
        str_reset(&text);
        str_add_n(&text, o->name, strlen(o->name) - 2);
        str_add(&text, "(*)");
    }
    return str_take(&text);
}

void *list_grow(void **items, size_t n, size_t size)
{
    if (!n || (n & (n - 1)) == 0) { /* full at every power of two */
        void *grown = reallocarray(*items, n ? 2 * n : 1, size);
        if (!grown)
            return NULL;
        *items = grown;
    }
    return memset((char *)*items + n * size, 0, size);
}
