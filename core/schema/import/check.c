/* SPDX-License-Identifier: MIT */
/* Whether a model hangs together. */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pg/ident.h"
#include "core/schema/import/reader.h"

struct checking {
    const struct schema *schema;
    struct import_notes *notes;
    const struct schema_table *table;
    bool by_name;               /* JSON Schema: only the table has a place of its own */
    char pointer[POINTER_SIZE]; /* of the table */
};

static void place(const struct checking *c, char out[POINTER_SIZE], const char *key, size_t i)
{
    if (c->by_name)
        (void)snprintf(out, POINTER_SIZE, "%s", c->pointer);
    else
        reader_pointer(out, c->pointer, key, i);
}

static void check_name(struct import_notes *notes, const char *pointer, const char *name)
{
    struct pg_ident ident;
    struct err err;

    if (pg_ident_quote(name ? name : "", &ident, &err))
        import_problem(notes, pointer, "%s", err.msg);
}

static void check_columns(struct checking *c, const char *pointer, const struct schema_table *t,
                          const struct name_list *columns)
{
    if (!columns->n)
        import_problem(c->notes, pointer, "names no column");
    for (size_t i = 0; i < columns->n; i++)
        if (!schema_find_column(t, columns->items[i]))
            import_problem(c->notes, pointer, "the table %.80s has no column %.80s", t->name,
                           columns->items[i]);
}

static void check_keys(struct checking *c)
{
    const struct schema_table *t = c->table;
    char at[POINTER_SIZE];

    if (t->primary_key)
        check_columns(c, c->pointer, t, &t->primary_key->columns);
    for (size_t i = 0; i < t->n_uniques; i++) {
        place(c, at, "uniques", i);
        check_name(c->notes, at, t->uniques[i].name);
        check_columns(c, at, t, &t->uniques[i].columns);
    }
}

static void check_foreign_key(struct checking *c, const struct schema_foreign_key *k,
                              const char *pointer)
{
    const struct schema_table *to =
        k->ref_schema ? NULL : schema_find_table(c->schema, k->ref_table);

    check_name(c->notes, pointer, k->name);
    check_name(c->notes, pointer, k->ref_table);
    check_columns(c, pointer, c->table, &k->columns);
    if (k->columns.n != k->ref_columns.n)
        import_problem(c->notes, pointer, "has not as many columns as it refers to");
    if (!k->ref_schema && !to)
        import_problem(c->notes, pointer, "refers to %.80s, which is not in the document",
                       k->ref_table);
    if (to)
        check_columns(c, pointer, to, &k->ref_columns);
}

static void check_indexes(struct checking *c)
{
    const struct schema_table *t = c->table;
    char at[POINTER_SIZE];

    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct schema_index *x = &t->indexes[i];
        place(c, at, "indexes", i);
        check_name(c->notes, at, x->name);
        if (!x->n_keys)
            import_problem(c->notes, at, "has no key");
        for (size_t k = 0; k < x->n_keys + x->n_include; k++)
            if (!x->keys[k].expression && !schema_find_column(t, x->keys[k].text))
                import_problem(c->notes, at, "the table %.80s has no column %.80s", t->name,
                               x->keys[k].text);
    }
}

static void check_own_columns(struct checking *c)
{
    const struct schema_table *t = c->table;
    char at[POINTER_SIZE];

    for (size_t i = 0; i < t->n_columns; i++) {
        place(c, at, "columns", i);
        check_name(c->notes, at, t->columns[i].name);
        if (schema_find_column(t, t->columns[i].name) != &t->columns[i])
            import_problem(c->notes, at, "the table has two columns of this name");
    }
}

static void check_table(struct checking *c)
{
    const struct schema_table *t = c->table;
    char at[POINTER_SIZE];

    check_name(c->notes, c->pointer, t->name);
    if (schema_find_table(c->schema, t->name) != t)
        import_problem(c->notes, c->pointer, "there are two tables of this name");
    if (schema_table_is_view(t) && !t->definition)
        import_problem(c->notes, c->pointer, "is a view without a definition");
    if (t->kind == TABLE_FOREIGN && !t->foreign)
        import_problem(c->notes, c->pointer, "is a foreign table without its server");
    check_own_columns(c);
    check_keys(c);
    for (size_t i = 0; i < t->n_foreign_keys; i++) {
        place(c, at, "foreign_keys", i);
        check_foreign_key(c, &t->foreign_keys[i], at);
    }
    for (size_t i = 0; i < t->n_checks; i++) {
        place(c, at, "checks", i);
        check_name(c->notes, at, t->checks[i].name);
    }
    check_indexes(c);
}

static void place_of_table(struct checking *c, const char *base, size_t i)
{
    char all[POINTER_SIZE];

    if (c->by_name)
        (void)json_pointer(c->pointer, sizeof c->pointer,
                           json_pointer(all, sizeof all, base, "$defs"), c->table->name);
    else
        reader_pointer(c->pointer, base, "tables", i);
}

void import_check(const struct schema *s, const char *base, bool by_name,
                  struct import_notes *notes)
{
    char at[POINTER_SIZE];

    for (size_t i = 0; i < s->n_enums; i++) {
        reader_pointer(at, base, "enums", i);
        check_name(notes, at, s->enums[i].name);
    }
    for (size_t i = 0; i < s->n_domains; i++) {
        reader_pointer(at, base, "domains", i);
        check_name(notes, at, s->domains[i].name);
    }
    for (size_t i = 0; i < s->n_tables; i++) {
        struct checking c = {
            .schema = s, .notes = notes, .table = &s->tables[i], .by_name = by_name};
        place_of_table(&c, base, i);
        check_table(&c);
    }
}
