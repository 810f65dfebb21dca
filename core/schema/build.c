/* SPDX-License-Identifier: MIT */
#include "core/schema/build.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/pg/ident.h"

void model_begin(struct schema_builder *b, const char *name)
{
    *b = (struct schema_builder){.schema = calloc(1, sizeof(struct schema))};
    b->failed = !b->schema;
    if (b->schema)
        b->schema->name = model_text(b, name);
}

char *model_text(struct schema_builder *b, const char *text)
{
    char *copy = b->failed || !text ? NULL : strdup(text);

    b->failed |= text && !copy;
    return copy;
}

/* One more of *list, named; *n counts it even if its name could not be copied. */
static void *add(struct schema_builder *b, void **list, size_t *n, size_t size)
{
    void *slot = b->failed ? NULL : list_grow(list, *n, size);

    b->failed |= !slot;
    *n += slot != NULL;
    return slot;
}

struct schema_table *model_table(struct schema_builder *b, const char *name)
{
    struct schema *s = b->schema;
    struct schema_table *t =
        b->failed ? NULL : add(b, (void **)&s->tables, &s->n_tables, sizeof *t);

    if (t)
        t->name = model_text(b, name);
    return b->failed ? NULL : t;
}

struct schema_enum *model_enum(struct schema_builder *b, const char *name)
{
    struct schema *s = b->schema;
    struct schema_enum *e = b->failed ? NULL : add(b, (void **)&s->enums, &s->n_enums, sizeof *e);

    if (e)
        e->name = model_text(b, name);
    return b->failed ? NULL : e;
}

static void add_name(struct schema_builder *b, struct name_list *list, const char *name)
{
    char **slot = add(b, (void **)&list->items, &list->n, sizeof *slot);

    if (slot)
        *slot = model_text(b, name);
}

void model_label(struct schema_builder *b, struct schema_enum *e, const char *label)
{
    if (!b->failed)
        add_name(b, &e->labels, label);
}

struct schema_column *model_column(struct schema_builder *b, struct schema_table *t,
                                   const char *name, const char *type)
{
    struct schema_column *c =
        b->failed ? NULL : add(b, (void **)&t->columns, &t->n_columns, sizeof *c);

    if (c) {
        c->name = model_text(b, name);
        c->statistics = -1;
        model_type(b, type, &c->type);
    }
    return b->failed ? NULL : c;
}

/* table_columns_suffix, as PostgreSQL calls what has no name; cut where a name ends. */
static char *default_name(struct schema_builder *b, const struct schema_table *t,
                          const char *const *columns, const char *suffix)
{
    CLEANUP(str_clear) struct str name = STR_INIT;
    char cut[PG_NAME_MAX + 1] = "";

    str_add(&name, t->name);
    for (; columns && *columns; columns++)
        str_addf(&name, "_%s", *columns);
    str_addf(&name, "_%s", suffix);
    strncat(cut, str_text(&name), sizeof cut - 1);
    cut[utf8_valid_len(cut, strlen(cut))] = '\0';
    b->failed |= !str_ok(&name);
    return model_text(b, cut);
}

/* before, and the columns in brackets. */
static char *with_columns(struct schema_builder *b, const char *before, const char *const *columns)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    str_addf(&text, "%s (", before);
    for (size_t i = 0; columns[i]; i++) {
        struct pg_ident ident = {.sql = ""};
        b->failed |= pg_ident_quote(columns[i], &ident, NULL) == ERR_INTERNAL;
        str_addf(&text, "%s%s", i ? ", " : "", ident.sql);
    }
    str_add_char(&text, ')');
    b->failed |= !str_ok(&text);
    return model_text(b, str_text(&text));
}

static void fill_key(struct schema_builder *b, struct schema_key *k, const char *what,
                     const char *const *columns)
{
    k->definition = with_columns(b, what, columns);
    for (; *columns; columns++)
        add_name(b, &k->columns, *columns);
}

void model_primary_key(struct schema_builder *b, struct schema_table *t, const char *const *columns)
{
    size_t none = 0;
    struct schema_key *k = b->failed ? NULL : add(b, (void **)&t->primary_key, &none, sizeof *k);

    if (!k)
        return;
    k->name = default_name(b, t, NULL, "pkey");
    fill_key(b, k, "PRIMARY KEY", columns);
    for (; *columns; columns++)
        for (size_t i = 0; i < t->n_columns; i++)
            if (str_eq(t->columns[i].name, *columns))
                t->columns[i].not_null = t->columns[i].own_not_null = true;
}

void model_unique(struct schema_builder *b, struct schema_table *t, const char *const *columns)
{
    struct schema_key *k =
        b->failed ? NULL : add(b, (void **)&t->uniques, &t->n_uniques, sizeof *k);

    if (!k)
        return;
    k->name = default_name(b, t, columns, "key");
    fill_key(b, k, "UNIQUE", columns);
}

static void fill_index(struct schema_builder *b, const struct schema_table *t,
                       struct schema_index *x, const char *const *columns)
{
    CLEANUP(str_clear) struct str head = STR_INIT;
    struct pg_ident index = {.sql = ""}, table = {.sql = ""};

    for (; columns[x->n_keys]; x->n_keys++)
        ;
    x->keys = calloc(x->n_keys + 1, sizeof *x->keys);
    b->failed |= !x->keys;
    for (size_t i = 0; i < x->n_keys && x->keys; i++)
        x->keys[i].text = model_text(b, columns[i]);
    if (!x->keys)
        x->n_keys = 0;
    (void)!pg_ident_quote(x->name ? x->name : "", &index, NULL);
    (void)!pg_ident_quote(t->name, &table, NULL);
    str_addf(&head, "CREATE %sINDEX %s", x->unique ? "UNIQUE " : "", index.sql);
    str_addf(&head, " ON %s", table.sql);
    str_add(&head, " USING btree");
    x->definition = with_columns(b, str_text(&head), columns);
}

void model_index(struct schema_builder *b, struct schema_table *t, const char *name, bool unique,
                 const char *const *columns)
{
    struct schema_index *x =
        b->failed ? NULL : add(b, (void **)&t->indexes, &t->n_indexes, sizeof *x);

    if (!x)
        return;
    x->unique = unique;
    x->valid = true;
    x->method = model_text(b, "btree");
    x->name = name ? model_text(b, name) : default_name(b, t, columns, "idx");
    fill_index(b, t, x, columns);
}

struct schema_foreign_key *model_foreign_key(struct schema_builder *b, struct schema_table *t,
                                             const char *const *columns, const char *ref_table,
                                             const char *const *ref_columns)
{
    struct schema_foreign_key *k =
        b->failed ? NULL : add(b, (void **)&t->foreign_keys, &t->n_foreign_keys, sizeof *k);

    if (!k)
        return NULL;
    k->validated = true;
    k->name = default_name(b, t, columns, "fkey");
    k->ref_table = model_text(b, ref_table);
    for (; *columns; columns++)
        add_name(b, &k->columns, *columns);
    for (; *ref_columns; ref_columns++)
        add_name(b, &k->ref_columns, *ref_columns);
    return b->failed ? NULL : k;
}

static void define_foreign_key(struct schema_builder *b, struct schema_foreign_key *k)
{
    static const char *const actions[] = {
        [FK_NO_ACTION] = NULL,      [FK_RESTRICT] = "RESTRICT",       [FK_CASCADE] = "CASCADE",
        [FK_SET_NULL] = "SET NULL", [FK_SET_DEFAULT] = "SET DEFAULT",
    };
    CLEANUP(str_clear) struct str text = STR_INIT;
    struct pg_ident schema = {.sql = ""}, table = {.sql = ""};

    (void)!pg_ident_quote(k->ref_table, &table, NULL);
    if (k->ref_schema && !pg_ident_quote(k->ref_schema, &schema, NULL))
        strncat(schema.sql, ".", sizeof schema.sql - strlen(schema.sql) - 1);
    add_name(b, &k->columns, NULL); /* ends the list for with_columns() */
    add_name(b, &k->ref_columns, NULL);
    if (b->failed)
        return;
    k->columns.n--;
    k->ref_columns.n--;
    CLEANUP(freep) char *from = with_columns(b, "FOREIGN KEY", (void *)k->columns.items);
    str_addf(&text, "%s REFERENCES %s", from ? from : "", schema.sql);
    str_add(&text, table.sql);
    CLEANUP(freep) char *to = with_columns(b, str_text(&text), (void *)k->ref_columns.items);
    str_reset(&text);
    str_add(&text, to ? to : "");
    if (actions[k->on_update])
        str_addf(&text, " ON UPDATE %s", actions[k->on_update]);
    if (actions[k->on_delete])
        str_addf(&text, " ON DELETE %s", actions[k->on_delete]);
    b->failed |= !str_ok(&text);
    k->definition = model_text(b, str_text(&text));
}

void model_end(struct schema_builder *b)
{
    for (size_t i = 0; !b->failed && i < b->schema->n_tables; i++) {
        struct schema_table *t = &b->schema->tables[i];
        for (size_t k = 0; k < t->n_foreign_keys; k++)
            if (!t->foreign_keys[k].definition)
                define_foreign_key(b, &t->foreign_keys[k]);
        for (size_t k = 0; k < t->n_columns; k++)
            if (t->columns[k].identity != IDENTITY_NONE && !t->columns[k].sequence)
                t->columns[k].sequence = model_text(b, "INCREMENT BY 1");
    }
}
