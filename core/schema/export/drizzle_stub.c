/* SPDX-License-Identifier: MIT */
/* Tables that the file refers to and does not have. */
#include <stdint.h>
#include <stdlib.h>

#include "core/schema/export/drizzle.h"
#include "core/schema/export/ts_names.h"

/* Members that Drizzle's tables have of their own. */
const char *const drizzle_own_members[] = {
    "_",         "$inferSelect", "$inferInsert", "enableRLS", "getSQL", "shouldOmitSQLParens",
    "__proto__", "constructor",  NULL,
};

static bool is_stub_of(const struct drizzle_stub *stub, const struct schema_foreign_key *k)
{
    bool same = stub->schema ? str_eq(stub->schema, k->ref_schema) : !k->ref_schema;

    return same && str_eq(stub->table, k->ref_table);
}

const struct drizzle_stub *drizzle_find_stub(const struct drizzle *d,
                                             const struct schema_foreign_key *k)
{
    for (size_t i = 0; i < d->n_stubs; i++)
        if (is_stub_of(&d->stubs[i], k))
            return &d->stubs[i];
    return NULL;
}

static bool add_to_stub(struct drizzle *d, struct drizzle_stub *stub, const char *column,
                        const struct schema_column *like)
{
    CLEANUP(str_clear) struct str field = STR_INIT;

    if (name_list_has(&stub->columns, column))
        return true;
    const struct schema_column **slot =
        list_grow((void **)(uintptr_t)&stub->like, stub->columns.n, sizeof *slot);
    if (!slot || !ts_list_add(&stub->columns, column))
        return false;
    *slot = like;
    if (d->casing == TS_SNAKE)
        ts_add_snake(&field, column);
    else if (d->casing == TS_CAMEL)
        ts_add_camel(&field, column);
    else
        str_add(&field, column);
    return ts_list_add_free(&stub->fields, str_text(&field), drizzle_own_members);
}

/* Makes, or adds to, the stub of what k refers to. */
static bool note_stub(struct drizzle *d, const struct schema_table *t,
                      const struct schema_foreign_key *k)
{
    struct drizzle_stub *stub = (struct drizzle_stub *)(uintptr_t)drizzle_find_stub(d, k);

    if (!stub) {
        size_t constant = drizzle_new_constant(d, k->ref_table);
        stub = list_grow((void **)&d->stubs, d->n_stubs, sizeof *stub);
        if (!stub || constant == SIZE_MAX)
            return false;
        *stub = (struct drizzle_stub){
            .schema = k->ref_schema, .table = k->ref_table, .constant = constant};
        d->n_stubs++;
    }
    for (size_t i = 0; i < k->columns.n && i < k->ref_columns.n; i++) {
        const struct schema_column *c = schema_find_column(t, k->columns.items[i]);
        if (!c || !add_to_stub(d, stub, k->ref_columns.items[i], c))
            return false;
    }
    return true;
}

bool drizzle_note_stubs(struct drizzle *d)
{
    for (size_t i = 0; i < d->view->n_tables; i++) {
        const struct schema_table *t = d->view->tables[i];
        for (size_t k = 0; k < t->n_foreign_keys; k++) {
            const struct schema_foreign_key *key = &t->foreign_keys[k];
            bool here = !key->ref_schema && export_has_table(d->view, key->ref_table);
            if (!here && !note_stub(d, t, key))
                return false;
        }
    }
    return true;
}

static void add_stub(struct drizzle *d, const struct drizzle_stub *stub)
{
    struct str *out = &d->stub_text;

    str_addf(out, "const %s = ", d->constants.items[stub->constant]);
    if (stub->schema && !str_eq(stub->schema, "public")) { /* pgSchema() refuses public */
        str_addf(out, "%s(", drizzle_use(d, "pgSchema"));
        str_add_json(out, stub->schema);
        str_add(out, ").table(");
    } else {
        str_addf(out, "%s(", drizzle_use(d, "pgTable"));
    }
    str_add_json(out, stub->table);
    str_add(out, ", {");
    for (size_t i = 0; i < stub->columns.n; i++) {
        str_add(out, i ? ", " : " ");
        ts_add_property(out, stub->fields.items[i]);
        str_add(out, ": ");
        drizzle_add_type(d, out, stub->like[i], stub->columns.items[i]);
    }
    str_add(out, " });\n");
}

void drizzle_add_stubs(struct drizzle *d)
{
    for (size_t i = 0; i < d->n_stubs; i++)
        add_stub(d, &d->stubs[i]);
}

void drizzle_clear_stubs(struct drizzle *d)
{
    for (size_t i = 0; i < d->n_stubs; i++) {
        name_list_clear(&d->stubs[i].columns);
        name_list_clear(&d->stubs[i].fields);
        free(d->stubs[i].like);
    }
    free(d->stubs);
}
