/* SPDX-License-Identifier: MIT */
/*
 * JSON Schema of our own export. It says what a row is: names of constraints, indexes, checks and
 * defaults that are expressions are not in it, and get PostgreSQL's own names or are left open.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pg/literal.h"
#include "core/schema/import/reader.h"

enum { KEY_COLUMNS_MAX = 32 };

/* The strings of an array, NULL-terminated; 0 when it is none. */
static size_t words_of(const json_t *array, const char *out[KEY_COLUMNS_MAX + 1])
{
    size_t n = json_array_size(array);

    for (size_t i = 0; i < n && n <= KEY_COLUMNS_MAX; i++)
        if (!(out[i] = json_string_value(json_array_get(array, i))))
            return 0;
    if (n > KEY_COLUMNS_MAX)
        return 0;
    out[n] = NULL;
    return n;
}

static bool is_nullable(const json_t *property)
{
    const json_t *type = json_object_get(property, "type");
    size_t n = json_array_size(type);

    for (size_t i = 0; i < n; i++)
        if (str_eq(json_string_value(json_array_get(type, i)), "null"))
            return true;
    return !type; /* any value, so null as well */
}

/* What the values of the property's type, seen through arrays, are one of; NULL: any. */
static const json_t *labels_of(const json_t *property)
{
    while (json_object_get(property, "items"))
        property = json_object_get(property, "items");
    return json_object_get(property, "enum");
}

/* The name of an enum's type: x-type without quotes and []. */
static void enum_name(const char *type, char out[80])
{
    size_t n = strlen(type);

    while (n > 2 && memcmp(type + n - 2, "[]", 2) == 0)
        n -= 2;
    if (n > 2 && type[0] == '"' && type[n - 1] == '"') {
        type++;
        n -= 2;
    }
    (void)snprintf(out, 80, "%.*s", n < 79 ? (int)n : 79, type);
}

static bool has_enum(const struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_enums; i++)
        if (str_eq(s->enums[i].name, name))
            return true;
    return false;
}

static void note_enum(struct reader *r, const json_t *property)
{
    const json_t *labels = labels_of(property);
    const char *type = json_string_value(json_object_get(property, "x-type"));
    char name[80];

    if (!labels || !type)
        return;
    enum_name(type, name);
    if (has_enum(r->b.schema, name))
        return;
    struct schema_enum *e = model_enum(&r->b, name);
    for (size_t i = 0; e && i < json_array_size(labels); i++) {
        const char *label = json_string_value(json_array_get(labels, i));
        if (label)
            model_label(&r->b, e, label);
    }
}

/* A constant as an expression. */
static void read_default(struct reader *r, const json_t *value, struct schema_column *c)
{
    CLEANUP(freep)
    char *text = json_is_string(value) ? strdup(json_string_value(value))
                                       : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    bool bare = json_is_boolean(value) || json_is_number(value);
    CLEANUP(freep) char *literal = text && !bare ? pg_literal(text) : NULL;
    CLEANUP(str_clear) struct str sql = STR_INIT;

    r->b.failed |= !text || (!bare && !literal);
    str_add(&sql, bare && text ? text : "");
    if (literal)
        str_addf(&sql, "%s::%s", literal, c->type.name);
    c->default_expr = model_text(&r->b, str_text(&sql));
}

static void read_property(struct reader *r, struct schema_table *t, const char *name,
                          const json_t *property, const char *pointer)
{
    const char *type = json_string_value(json_object_get(property, "x-type"));
    const json_t *constant = json_object_get(property, "default");
    char at[POINTER_SIZE];

    if (!type) {
        import_problem(r->notes, json_pointer(at, sizeof at, pointer, "x-type"),
                       "is missing: without PostgreSQL's type it is not a schema of our export");
        return;
    }
    struct schema_column *c = model_column(&r->b, t, name, type);
    if (!c)
        return;
    c->not_null = c->own_not_null = !is_nullable(property);
    if (constant)
        read_default(r, constant, c);
    if (json_is_true(json_object_get(property, "readOnly")))
        import_warning(r->notes, pointer,
                       "the database gives the value, but the document does not say how");
}

static void read_foreign_key(struct reader *r, struct schema_table *t, const json_t *j,
                             const char *pointer)
{
    static const char *const actions[] = {"no_action", "restrict", "cascade", "set_null",
                                          "set_default"};
    const char *columns[KEY_COLUMNS_MAX + 1], *ref_columns[KEY_COLUMNS_MAX + 1];
    const json_t *ref = json_object_get(j, "references");
    const char *table = json_string_value(json_object_get(ref, "table"));

    if (!table || !words_of(json_object_get(j, "columns"), columns) ||
        !words_of(json_object_get(ref, "columns"), ref_columns)) {
        import_problem(r->notes, pointer, "is not a foreign key");
        return;
    }
    struct schema_foreign_key *k = model_foreign_key(&r->b, t, columns, table, ref_columns);
    if (!k)
        return;
    k->ref_schema = model_text(&r->b, json_string_value(json_object_get(ref, "schema")));
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (str_eq(json_string_value(json_object_get(j, "on_delete")), actions[i]))
            k->on_delete = (fk_action)i;
        if (str_eq(json_string_value(json_object_get(j, "on_update")), actions[i]))
            k->on_update = (fk_action)i;
    }
}

static void read_keys(struct reader *r, struct schema_table *t, const json_t *j,
                      const char *pointer)
{
    const char *columns[KEY_COLUMNS_MAX + 1];
    const json_t *key = json_object_get(j, "x-primary-key");
    char at[POINTER_SIZE];
    size_t n;

    if (key && !words_of(key, columns))
        import_problem(r->notes, json_pointer(at, sizeof at, pointer, "x-primary-key"),
                       "must be an array of columns");
    else if (key)
        model_primary_key(&r->b, t, columns);
    const json_t *list = reader_array(r, j, pointer, "x-foreign-keys", &n);
    for (size_t i = 0; i < n; i++) {
        reader_pointer(at, pointer, "x-foreign-keys", i);
        read_foreign_key(r, t, json_array_get(list, i), at);
    }
}

static void read_table(struct reader *r, const char *name, const json_t *j, const char *pointer)
{
    json_t *properties = json_object_get(j, "properties"), *property;
    char base[POINTER_SIZE], at[POINTER_SIZE];
    const char *key;

    if (json_object_get(j, "x-kind")) {
        import_problem(r->notes, json_pointer(at, sizeof at, pointer, "x-kind"),
                       "what is no plain table cannot be made of the shape of its rows");
        return;
    }
    struct schema_table *t = model_table(&r->b, name);
    if (!t)
        return;
    t->replica_identity = 'd';
    t->comment = model_text(&r->b, json_string_value(json_object_get(j, "description")));
    (void)json_pointer(base, sizeof base, pointer, "properties");
    json_object_foreach(properties, key, property)
        read_property(r, t, key, property, json_pointer(at, sizeof at, base, key));
    read_keys(r, t, j, pointer);
}

err_code import_json_schema(const json_t *document, const char *base, struct schema **out,
                            struct import_notes *notes, struct err *err)
{
    json_t *defs = json_object_get(document, "$defs"), *table, *property;
    struct reader r = {.notes = notes, .by_name = true};
    char all[POINTER_SIZE], at[POINTER_SIZE];
    const char *key, *name;

    model_begin(&r.b, "");
    (void)json_pointer(all, sizeof all, base, "$defs");
    if (!json_is_object(defs))
        import_problem(notes, all, "is missing: the tables are there");
    json_object_foreach(defs, key, table)
        json_object_foreach(json_object_get(table, "properties"), name, property)
            note_enum(&r, property);
    json_object_foreach(defs, key, table)
        read_table(&r, key, table, json_pointer(at, sizeof at, all, key));
    return reader_end(&r, base, out, err);
}
