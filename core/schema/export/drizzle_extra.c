/* SPDX-License-Identifier: MIT */
/* What stands beside a table's columns: keys, foreign keys, checks and indexes. */
#include <ctype.h>
#include <string.h>

#include "core/schema/export/drizzle.h"
#include "core/schema/export/index_text.h"
#include "core/schema/export/ts_names.h"

/* Appends t.column; false: the table has no such column. */
static void add_column(struct drizzle *d, const struct schema_table *t, const char *object,
                       const char *column)
{
    const char *field = drizzle_field(d, t, column);

    str_add(&d->body, object);
    if (field)
        ts_add_access(&d->body, field);
}

static void add_columns(struct drizzle *d, const struct schema_table *t, const char *object,
                        const struct name_list *columns)
{
    for (size_t i = 0; i < columns->n; i++) {
        if (i)
            str_add(&d->body, ", ");
        add_column(d, t, object, columns->items[i]);
    }
}

static void begin(struct drizzle *d, bool *first, const struct schema_table *t)
{
    if (!*first) {
        str_add(&d->body, "    ");
        return;
    }
    *first = false;
    bool forward = false;
    for (size_t i = 0; i < t->n_foreign_keys; i++) {
        const struct schema_table *to =
            t->foreign_keys[i].ref_schema
                ? NULL
                : schema_find_table(d->view->schema, t->foreign_keys[i].ref_table);
        forward |= to && to > t;
    }
    d->uses_extra_type |= forward;
    /* said, so that two tables that refer to each other are not typed by each other */
    str_add(&d->body, forward ? ", (t): PgTableExtraConfigValue[] => [\n    " : ", (t) => [\n    ");
}

static void add_primary_key(struct drizzle *d, const struct schema_table *t, bool *first)
{
    const struct schema_key *k = t->primary_key;

    if (!k ||
        (k->columns.n == 1 && drizzle_is_own_key(t, schema_find_column(t, k->columns.items[0]))))
        return;
    if (!str_ends(k->definition, ")") || strstr(k->definition, " INCLUDE ("))
        drizzle_lose(d, "of the primary key of %s: %s", t->name, k->definition);
    begin(d, first, t);
    str_addf(&d->body, "%s({ name: ", drizzle_use(d, "primaryKey"));
    str_add_json(&d->body, k->name);
    str_add(&d->body, ", columns: [");
    add_columns(d, t, "t", &k->columns);
    str_add(&d->body, "] }),\n");
}

static void add_unique(struct drizzle *d, const struct schema_table *t, const struct schema_key *k,
                       bool *first)
{
    bool not_distinct = str_starts(k->definition, "UNIQUE NULLS NOT DISTINCT ");

    if (!str_ends(k->definition, ")") || strstr(k->definition, " INCLUDE ("))
        drizzle_lose(d, "of the unique constraint %s of %s: %s", k->name, t->name, k->definition);
    begin(d, first, t);
    str_addf(&d->body, "%s(", drizzle_use(d, "unique"));
    str_add_json(&d->body, k->name);
    str_add(&d->body, ").on(");
    add_columns(d, t, "t", &k->columns);
    str_addf(&d->body, ")%s,\n", not_distinct ? ".nullsNotDistinct()" : "");
}

static void add_action(struct drizzle *d, const char *method, fk_action action)
{
    static const char *const words[] = {
        [FK_NO_ACTION] = NULL,      [FK_RESTRICT] = "restrict",       [FK_CASCADE] = "cascade",
        [FK_SET_NULL] = "set null", [FK_SET_DEFAULT] = "set default",
    };

    if (words[action])
        str_addf(&d->body, ".%s(\"%s\")", method, words[action]);
}

static void add_referred(struct drizzle *d, const struct schema_table *t,
                         const struct schema_foreign_key *k)
{
    const struct drizzle_stub *stub = drizzle_find_stub(d, k);
    const struct schema_table *to = schema_find_table(d->view->schema, k->ref_table);

    if (!stub) {
        add_columns(d, to, to == t ? "t" : drizzle_table_constant(d, to), &k->ref_columns);
        return;
    }
    for (size_t i = 0; i < k->ref_columns.n; i++)
        for (size_t j = 0; j < stub->columns.n; j++)
            if (str_eq(stub->columns.items[j], k->ref_columns.items[i])) {
                str_addf(&d->body, "%s%s", i ? ", " : "", d->constants.items[stub->constant]);
                ts_add_access(&d->body, stub->fields.items[j]);
            }
}

static void add_foreign_key(struct drizzle *d, const struct schema_table *t,
                            const struct schema_foreign_key *k, bool *first)
{
    if (k->match_full || k->deferrable || !k->validated)
        drizzle_lose(d, "that the foreign key %s of %s is%s%s%s", k->name, t->name,
                     k->match_full ? " MATCH FULL" : "", k->deferrable ? " DEFERRABLE" : "",
                     k->validated ? "" : " NOT VALID");
    begin(d, first, t);
    str_addf(&d->body, "%s({ name: ", drizzle_use(d, "foreignKey"));
    str_add_json(&d->body, k->name);
    str_add(&d->body, ", columns: [");
    add_columns(d, t, "t", &k->columns);
    str_add(&d->body, "], foreignColumns: [");
    add_referred(d, t, k);
    str_add(&d->body, "] })");
    add_action(d, "onDelete", k->on_delete);
    add_action(d, "onUpdate", k->on_update);
    str_add(&d->body, ",\n");
}

static void add_check(struct drizzle *d, const struct schema_table *t, const struct schema_check *k,
                      bool *first)
{
    CLEANUP(str_clear) struct str inner = STR_INIT;
    const char *open = str_starts(k->definition, "CHECK (") ? strchr(k->definition, '(') : NULL;
    size_t n = open ? sql_text_span(open) : 0;

    if (n < 2 || open[n]) {
        drizzle_lose(d, "%s of %s: %s", k->name, t->name, k->definition);
        return;
    }
    str_add_n(&inner, open + 1, n - 2);
    begin(d, first, t);
    str_addf(&d->body, "%s(", drizzle_use(d, "check"));
    str_add_json(&d->body, k->name);
    str_add(&d->body, ", ");
    drizzle_add_sql(d, &d->body, str_text(&inner));
    str_add(&d->body, "),\n");
}

/* What stands behind a column among an index's keys. */
static const struct {
    const char *sql, *methods;
} orders[] = {
    {"", ""},
    {" DESC", ".desc().nullsFirst()"},
    {" DESC NULLS LAST", ".desc().nullsLast()"},
    {" NULLS FIRST", ".asc().nullsFirst()"},
};

static const char *behind_name(const char *key)
{
    size_t n = key[0] == '"' ? sql_text_span(key) : strcspn(key, " ");

    return key + n;
}

static bool is_word(const char *text)
{
    for (; *text; text++)
        if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && *text != '_')
            return false;
    return true;
}

static void add_key(struct drizzle *d, const struct schema_table *t,
                    const struct schema_index_key *key, const char *text)
{
    const char *order = behind_name(text);

    for (size_t i = 0; !key->expression && i < ARRAY_LEN(orders); i++)
        if (str_eq(orders[i].sql, order)) {
            add_column(d, t, "t", key->text);
            str_add(&d->body, orders[i].methods);
            return;
        }
    if (!key->expression && is_word(order + 1)) {
        add_column(d, t, "t", key->text);
        str_addf(&d->body, ".op(\"%s\")", order + 1);
        return;
    }
    drizzle_add_sql(d, &d->body, text);
}

static void add_method(struct drizzle *d, const char *method)
{
    str_add(&d->body, ").using(");
    str_add_json(&d->body, method);
    str_add(&d->body, ", ");
}

static void add_index(struct drizzle *d, const struct schema_table *t, const struct schema_index *x,
                      bool *first)
{
    struct index_text text;

    if (!index_text_split(x, &text)) {
        drizzle_lose(d, "the index %s of %s", x->name, t->name);
        return;
    }
    if (text.rest[0] || !x->valid)
        drizzle_lose(d, "of the index %s of %s: %s", x->name, t->name,
                     text.rest[0] ? text.rest : "it is not valid");
    begin(d, first, t);
    str_addf(&d->body, "%s(", drizzle_use(d, x->unique ? "uniqueIndex" : "index"));
    str_add_json(&d->body, x->name);
    if (str_eq(x->method, "btree"))
        str_add(&d->body, ").on(");
    else
        add_method(d, x->method);
    for (size_t i = 0; i < x->n_keys && i < text.keys.n; i++) {
        str_add(&d->body, i ? ", " : "");
        add_key(d, t, &x->keys[i], text.keys.items[i]);
    }
    str_add_char(&d->body, ')');
    if (x->predicate) {
        str_add(&d->body, ".where(");
        drizzle_add_sql(d, &d->body, x->predicate);
        str_add_char(&d->body, ')');
    }
    str_add(&d->body, ",\n");
    index_text_clear(&text);
}

void drizzle_add_extras(struct drizzle *d, const struct schema_table *t)
{
    bool first = true;

    add_primary_key(d, t, &first);
    for (size_t i = 0; i < t->n_uniques; i++)
        add_unique(d, t, &t->uniques[i], &first);
    for (size_t i = 0; i < t->n_foreign_keys; i++)
        add_foreign_key(d, t, &t->foreign_keys[i], &first);
    for (size_t i = 0; i < t->n_checks; i++)
        add_check(d, t, &t->checks[i], &first);
    for (size_t i = 0; i < t->n_indexes; i++)
        if (!t->indexes[i].of_constraint)
            add_index(d, t, &t->indexes[i], &first);
    if (!first)
        str_add(&d->body, "]");
}
