/* SPDX-License-Identifier: MIT */
/*
 * JSON Schema 2020-12: in $defs, for each table, the schema of a row as JSON, under the table's
 * name. Every column is required, as every row has it. Values are as drivers give them: bigint and
 * numeric are strings, because a JSON number loses their digits beyond 2^53; times without a zone
 * have a pattern, because the formats of RFC 3339 want one. PostgreSQL's own facts are in x-
 * keywords, which validators ignore (ajv: addVocabulary()).
 */
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/schema/export/exporter.h"
#include "core/schema/literal.h"

/* What a class is in JSON. A NULL type is any value at all. */
struct shape {
    const char *type, *format, *pattern, *note;
    json_int_t minimum, maximum; /* both 0: none */
};

#define DAY "[0-9]{4,6}-[0-9]{2}-[0-9]{2}"
#define CLOCK "[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?"

static const struct shape shapes[] = {
    [TYPE_BOOL] = {.type = "boolean"},
    [TYPE_SMALLINT] = {.type = "integer", .minimum = INT16_MIN, .maximum = INT16_MAX},
    [TYPE_INTEGER] = {.type = "integer", .minimum = INT32_MIN, .maximum = INT32_MAX},
    [TYPE_BIGINT] = {.type = "string",
                     .pattern = "^-?[0-9]+$",
                     .note = "a bigint, as a string: a JSON number is exact to 2^53 only"},
    [TYPE_NUMERIC] = {.type = "string",
                      .pattern = "^(-?[0-9]+(\\.[0-9]+)?|NaN|-?Infinity)$",
                      .note = "a numeric, as a string: a JSON number would lose digits"},
    [TYPE_FLOAT] = {.type = "number"},
    [TYPE_TEXT] = {.type = "string"},
    [TYPE_BITS] = {.type = "string", .pattern = "^[01]*$"},
    [TYPE_BYTES] = {.type = "string",
                    .pattern = "^\\\\x([0-9a-f]{2})*$",
                    .note = "bytes, as \\x and hexadecimal digits"},
    [TYPE_UUID] = {.type = "string", .format = "uuid"},
    [TYPE_JSON] = {.note = "any JSON value"},
    [TYPE_DATE] = {.type = "string", .format = "date"},
    [TYPE_TIME] = {.type = "string", .pattern = "^" CLOCK "$"},
    [TYPE_TIMETZ] = {.type = "string", .pattern = "^" CLOCK "(Z|[+-][0-9]{2}(:?[0-9]{2}){0,2})$"},
    [TYPE_TIMESTAMP] = {.type = "string", .pattern = "^" DAY "[T ]" CLOCK "$"},
    [TYPE_TIMESTAMPTZ] = {.type = "string", .format = "date-time"},
    [TYPE_ENUM] = {.type = "string"},
    [TYPE_COMPOSITE] = {.note = "a composite value"},
    [TYPE_OTHER] = {.type = "string"},
};

static json_t *type_json(const char *type, bool nullable)
{
    if (!nullable)
        return json_string(type);
    return json_pack("[s, s]", type, "null");
}

static void add_enum(json_t *out, const struct schema_enum *e, bool nullable)
{
    json_t *labels = json_array();

    for (size_t i = 0; i < e->labels.n; i++)
        json_array_append_new(labels, json_text(e->labels.items[i]));
    if (nullable)
        json_array_append_new(labels, json_null());
    if (json_array_size(labels))
        json_object_set(out, "enum", labels);
    else
        json_object_set_new(out, "not", json_object()); /* an enum without labels has no value */
    json_decref(labels);
}

static json_t *element_json(const struct schema *s, const struct schema_type *t, bool nullable)
{
    const struct shape *shape = &shapes[t->class];
    json_t *out = json_object();

    if (shape->type)
        json_object_set_new(out, "type", type_json(shape->type, nullable));
    if (t->class == TYPE_ENUM)
        add_enum(out, &s->enums[t->enumeration], nullable);
    if (shape->format)
        json_object_set_new(out, "format", json_string(shape->format));
    if (shape->pattern)
        json_object_set_new(out, "pattern", json_string(shape->pattern));
    if (shape->minimum || shape->maximum) {
        json_object_set_new(out, "minimum", json_integer(shape->minimum));
        json_object_set_new(out, "maximum", json_integer(shape->maximum));
    }
    if (t->length)
        json_object_set_new(out, "maxLength", json_integer(t->length));
    return out;
}

/* An element of an array may be NULL whatever the column says. */
static json_t *value_json(const struct schema *s, const struct schema_type *t, bool nullable)
{
    json_t *out = element_json(s, t, nullable || t->dimensions > 0);

    for (int i = t->dimensions; i > 0; i--) {
        json_t *array = json_object();
        json_object_set_new(array, "type", type_json("array", i == 1 && nullable));
        json_object_set_new(array, "items", out);
        out = array;
    }
    return out;
}

static void add_description(json_t *out, const struct schema_column *c)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    const char *note = shapes[c->type.class].note;

    if (c->comment)
        str_add(&text, c->comment);
    if (note)
        str_addf(&text, c->comment ? " (%s)" : "%s", note);
    if (text.len)
        json_object_set_new(out, "description", json_text(str_text(&text)));
}

static json_t *property_json(const struct schema *s, const struct schema_column *c)
{
    json_t *out = value_json(s, &c->type, !c->not_null), *constant = column_default_json(c);

    add_description(out, c);
    if (constant)
        json_object_set_new(out, "default", constant);
    if (c->generated || c->identity == IDENTITY_ALWAYS)
        json_object_set_new(out, "readOnly", json_true());
    json_object_set_new(out, "x-type", json_text(c->type.name));
    return out;
}

static json_t *names_json(const struct name_list *names)
{
    json_t *out = json_array();

    for (size_t i = 0; i < names->n; i++)
        json_array_append_new(out, json_text(names->items[i]));
    return out;
}

static json_t *foreign_keys_json(const struct schema_table *t)
{
    json_t *out = json_array();

    for (size_t i = 0; i < t->n_foreign_keys; i++) {
        const struct schema_foreign_key *k = &t->foreign_keys[i];
        json_t *key = json_object(), *ref = json_object();
        if (k->ref_schema)
            json_object_set_new(ref, "schema", json_text(k->ref_schema));
        json_object_set_new(ref, "table", json_text(k->ref_table));
        json_object_set_new(ref, "columns", names_json(&k->ref_columns));
        json_object_set_new(key, "name", json_text(k->name));
        json_object_set_new(key, "columns", names_json(&k->columns));
        json_object_set_new(key, "references", ref);
        json_object_set_new(key, "on_delete", json_string(fk_action_name(k->on_delete)));
        json_object_set_new(key, "on_update", json_string(fk_action_name(k->on_update)));
        json_array_append_new(out, key);
    }
    return out;
}

static json_t *table_json(const struct schema *s, const struct schema_table *t)
{
    json_t *out = json_object(), *properties = json_object(), *required = json_array();

    for (size_t i = 0; i < t->n_columns; i++) {
        json_object_set_new(properties, t->columns[i].name, property_json(s, &t->columns[i]));
        json_array_append_new(required, json_text(t->columns[i].name));
    }
    json_object_set_new(out, "title", json_text(t->name));
    if (t->comment)
        json_object_set_new(out, "description", json_text(t->comment));
    json_object_set_new(out, "type", json_string("object"));
    json_object_set_new(out, "properties", properties);
    json_object_set_new(out, "required", required);
    json_object_set_new(out, "additionalProperties", json_false());
    if (t->kind != TABLE_PLAIN)
        json_object_set_new(out, "x-kind", json_string(table_kind_name(t->kind)));
    if (t->primary_key)
        json_object_set_new(out, "x-primary-key", names_json(&t->primary_key->columns));
    if (t->n_foreign_keys)
        json_object_set_new(out, "x-foreign-keys", foreign_keys_json(t));
    return out;
}

/* Named after what it says: equal documents, of whichever tenants, are one schema. */
static json_t *id_json(const json_t *defs)
{
    CLEANUP(freep) char *text = json_canonical(defs);
    char hex[SHA256_HEX_SIZE];

    if (!text)
        return NULL;
    sha256_hex(text, strlen(text), hex);
    return json_sprintf("urn:tenantd:schema:%s", hex);
}

err_code export_json_schema(const struct export_view *view, const struct export_options *options,
                            struct str *out, struct err *err)
{
    json_auto_t *root = json_object();
    json_t *defs = json_object();

    (void)options;
    for (size_t i = 0; i < view->n_tables; i++)
        json_object_set_new(defs, view->tables[i]->name, table_json(view->schema, view->tables[i]));
    json_object_set_new(root, "$schema",
                        json_string("https://json-schema.org/draft/2020-12/schema"));
    json_object_set_new(root, "$id", id_json(defs));
    json_object_set_new(root, "$defs", defs);
    CLEANUP(freep) char *text = json_dumps(root, JSON_INDENT(2));
    if (!text)
        return err_set(err, ERR_INTERNAL, "no memory for an export");
    str_add(out, text);
    str_add_char(out, '\n');
    return ERR_NONE;
}
