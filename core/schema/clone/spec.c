/* SPDX-License-Identifier: MIT */
/* What a spec says of a model's tables and columns. */
#include <string.h>

#include "core/schema/clone/clone_parts.h"
#include "core/schema/normal.h"

/* What the service itself keeps in a schema, beside the tracking table. */
static const char seed_table[] = "__tenantd_seeds";

static const char *const data_names[] = {
    [CLONE_ALL] = "all", [CLONE_NONE] = "none", [CLONE_SAMPLE] = "sample"};

bool clone_data_parse(const char *word, clone_data *out)
{
    for (size_t i = 0; i < ARRAY_LEN(data_names); i++)
        if (str_eq(data_names[i], word)) {
            *out = (clone_data)i;
            return true;
        }
    return false;
}

const char *clone_data_name(clone_data data)
{
    return data_names[data];
}

void clone_spec_read(const json_t *args, struct clone_spec *out)
{
    const json_t *sample = json_object_get(args, "sample");

    out->data = CLONE_ALL;
    (void)clone_data_parse(json_string_value(json_object_get(args, "include_data")), &out->data);
    out->exclude = json_object_get(args, "exclude_tables");
    out->anonymize = json_object_get(args, "anonymize");
    out->sample_rows = json_integer_value(json_object_get(sample, "rows"));
    out->sample_percent = json_number_value(json_object_get(sample, "percent"));
}

bool clone_is_kept(const struct clone_spec *spec, const char *table)
{
    return str_eq(table, seed_table) || str_eq(table, spec->tracking_table);
}

const struct schema_table *clone_table_named(const struct schema *s, const char *sql)
{
    struct pg_ident ident;

    if (str_starts(sql, SCHEMA_MARK "."))
        sql += strlen(SCHEMA_MARK ".");
    for (size_t i = 0; i < s->n_tables; i++) {
        const char *name = s->tables[i].name;
        if (sql[0] != '"' ? str_eq(sql, name)
                          : !pg_ident_quote(name, &ident, NULL) && str_eq(sql, ident.sql))
            return &s->tables[i];
    }
    return NULL;
}

const struct schema_table *clone_root(const struct schema *s, const struct schema_table *t)
{
    const struct schema_table *whole = t;

    while (whole) {
        t = whole;
        whole = t->partition_of ? clone_table_named(s, t->partition_of) : NULL;
    }
    return t;
}

static bool is_listed(const json_t *list, const char *name)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) if (str_eq(json_string_value(item), name)) return true;
    return false;
}

/* A partition stays behind with the table that it is of. */
static bool is_excluded(const struct schema *s, const struct clone_spec *spec,
                        const struct schema_table *t)
{
    for (; t; t = t->partition_of ? clone_table_named(s, t->partition_of) : NULL)
        if (is_listed(spec->exclude, t->name))
            return true;
    return false;
}

bool clone_has_rows(const struct schema *s, const struct clone_spec *spec,
                    const struct schema_table *t)
{
    if (t->kind != TABLE_PLAIN)
        return false;
    if (clone_is_kept(spec, t->name))
        return true;
    return spec->data != CLONE_NONE && !is_excluded(s, spec, t);
}

static const json_t *own_rule(const struct clone_spec *spec, const struct schema_table *t,
                              const char *column)
{
    CLEANUP(str_clear) struct str key = STR_INIT;

    if (!spec->anonymize)
        return NULL;
    str_addf(&key, "%s.%s", t->name, column);
    return json_object_get(spec->anonymize, str_text(&key));
}

const json_t *clone_rule(const struct schema *s, const struct clone_spec *spec,
                         const struct schema_table *t, const char *column)
{
    const json_t *rule = own_rule(spec, t, column);

    for (size_t i = 0; i < t->inherits.n && !rule; i++) {
        const struct schema_table *parent = clone_table_named(s, t->inherits.items[i]);
        rule = parent ? clone_rule(s, spec, parent, column) : NULL;
    }
    const struct schema_table *whole =
        t->partition_of ? clone_table_named(s, t->partition_of) : NULL;
    return rule || !whole ? rule : clone_rule(s, spec, whole, column);
}

bool clone_is_personal(const struct schema *s, const struct clone_spec *spec,
                       const struct schema_table *t, const char *column)
{
    const struct schema_column *c = schema_find_column(t, column);
    bool labelled =
        c && c->comment && spec->personal && *spec->personal && strstr(c->comment, spec->personal);

    for (size_t i = 0; i < t->inherits.n && !labelled; i++) {
        const struct schema_table *parent = clone_table_named(s, t->inherits.items[i]);
        labelled = parent && clone_is_personal(s, spec, parent, column);
    }
    const struct schema_table *whole =
        t->partition_of ? clone_table_named(s, t->partition_of) : NULL;
    return labelled || (whole && clone_is_personal(s, spec, whole, column));
}

bool clone_find_column(const struct schema *s, const char *key, const struct schema_table **t,
                       const struct schema_column **c)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        size_t n = strlen(s->tables[i].name);
        if (strncmp(key, s->tables[i].name, n) != 0 || key[n] != '.')
            continue;
        *t = &s->tables[i];
        *c = schema_find_column(*t, key + n + 1);
        if (*c)
            return true;
    }
    return false;
}

static bool is_in_unique_index(const struct schema_table *t, const char *column)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct schema_index *x = &t->indexes[i];
        for (size_t k = 0; x->unique && k < x->n_keys; k++)
            if (x->keys[k].expression ? strstr(x->keys[k].text, column) != NULL
                                      : str_eq(x->keys[k].text, column))
                return true;
    }
    return false;
}

static bool is_referred_to(const struct schema_table *by, const char *table, const char *column)
{
    for (size_t i = 0; i < by->n_foreign_keys; i++) {
        const struct schema_foreign_key *k = &by->foreign_keys[i];
        if (!k->ref_schema && str_eq(k->ref_table, table) && name_list_has(&k->ref_columns, column))
            return true;
    }
    return false;
}

bool clone_is_exact(const struct schema *s, const struct schema_table *t, const char *column)
{
    if (is_in_unique_index(t, column))
        return true;
    for (size_t i = 0; i < t->n_foreign_keys; i++)
        if (name_list_has(&t->foreign_keys[i].columns, column))
            return true;
    for (size_t i = 0; i < s->n_tables; i++)
        if (is_referred_to(&s->tables[i], t->name, column))
            return true;
    return false;
}
