/* SPDX-License-Identifier: MIT */
#include "core/schema/schema_json.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"

static json_t *names_json(const struct name_list *list)
{
    json_t *out = json_array();

    for (size_t i = 0; i < list->n; i++)
        json_array_append_new(out, json_text(list->items[i]));
    return out;
}

/* "type": ..., and what of length, precision, dimensions and enum there is. */
static void add_type(json_t *out, const struct schema *s, const struct schema_type *t)
{
    json_object_set_new(out, "type", json_text(t->name));
    json_object_set_new(out, "base", json_string(type_class_name(t->class)));
    if (t->dimensions)
        json_object_set_new(out, "dimensions", json_integer(t->dimensions));
    if (t->length)
        json_object_set_new(out, "length", json_integer(t->length));
    if (t->precision) {
        json_object_set_new(out, "precision", json_integer(t->precision));
        json_object_set_new(out, "scale", json_integer(t->scale));
    }
    if (t->class != TYPE_ENUM)
        return;
    const struct schema_enum *e = &s->enums[t->enumeration];
    json_object_set_new(out, "enum", json_text(e->name));
    if (e->schema)
        json_object_set_new(out, "enum_schema", json_text(e->schema));
}

/* Where few have one. */
static void add_comment(json_t *out, const char *comment)
{
    if (comment)
        json_object_set_new(out, "comment", json_text(comment));
}

static void add_names(json_t *out, const char *key, const struct name_list *names)
{
    if (names->n)
        json_object_set_new(out, key, names_json(names));
}

static json_t *column_json(const struct schema *s, const struct schema_column *c)
{
    json_t *out = json_object();

    json_object_set_new(out, "name", json_text(c->name));
    add_type(out, s, &c->type);
    json_object_set_new(out, "nullable", json_boolean(!c->not_null));
    if (c->type.domain_not_null)
        json_object_set_new(out, "not_null", json_boolean(c->own_not_null));
    json_object_set_new(out, c->generated ? "generated" : "default", json_text(c->default_expr));
    if (c->identity != IDENTITY_NONE)
        json_object_set_new(out, "identity", json_string(column_identity_name(c->identity)));
    if (c->sequence)
        json_object_set_new(out, "sequence", json_text(c->sequence));
    if (c->collation)
        json_object_set_new(out, "collation", json_text(c->collation));
    if (c->storage)
        json_object_set_new(out, "storage", json_text(c->storage));
    if (c->compression)
        json_object_set_new(out, "compression", json_text(c->compression));
    if (c->statistics >= 0)
        json_object_set_new(out, "statistics", json_integer(c->statistics));
    if (c->inherited)
        json_object_set_new(out, "inherited", json_true());
    json_object_set_new(out, "comment", json_text(c->comment));
    return out;
}

static json_t *key_json(const struct schema_key *k)
{
    json_t *out = json_object();

    json_object_set_new(out, "name", json_text(k->name));
    json_object_set_new(out, "columns", names_json(&k->columns));
    json_object_set_new(out, "definition", json_text(k->definition));
    add_comment(out, k->comment);
    return out;
}

static json_t *foreign_key_json(const struct schema_foreign_key *k)
{
    json_t *out = json_object(), *ref = json_object();

    json_object_set_new(ref, "schema", json_text(k->ref_schema));
    json_object_set_new(ref, "table", json_text(k->ref_table));
    json_object_set_new(ref, "columns", names_json(&k->ref_columns));
    json_object_set_new(out, "name", json_text(k->name));
    json_object_set_new(out, "columns", names_json(&k->columns));
    json_object_set_new(out, "references", ref);
    json_object_set_new(out, "on_delete", json_string(fk_action_name(k->on_delete)));
    json_object_set_new(out, "on_update", json_string(fk_action_name(k->on_update)));
    json_object_set_new(out, "match_full", json_boolean(k->match_full));
    json_object_set_new(out, "validated", json_boolean(k->validated));
    json_object_set_new(out, "deferrable", json_boolean(k->deferrable));
    json_object_set_new(out, "initially_deferred", json_boolean(k->deferred));
    if (k->inherited)
        json_object_set_new(out, "inherited", json_true());
    json_object_set_new(out, "definition", json_text(k->definition));
    add_comment(out, k->comment);
    return out;
}

static json_t *check_json(const struct schema_check *k)
{
    json_t *out = json_object();

    json_object_set_new(out, "name", json_text(k->name));
    if (k->inherited)
        json_object_set_new(out, "inherited", json_true());
    json_object_set_new(out, "definition", json_text(k->definition));
    add_comment(out, k->comment);
    return out;
}

static json_t *index_json(const struct schema_index *x)
{
    json_t *out = json_object(), *keys = json_array(), *include = json_array();

    for (size_t i = 0; i < x->n_keys + x->n_include; i++) {
        json_t *key = json_object();
        json_object_set_new(key, x->keys[i].expression ? "expression" : "column",
                            json_text(x->keys[i].text));
        json_array_append_new(i < x->n_keys ? keys : include, key);
    }
    json_object_set_new(out, "name", json_text(x->name));
    json_object_set_new(out, "method", json_text(x->method));
    json_object_set_new(out, "keys", keys);
    json_object_set_new(out, "include", include);
    json_object_set_new(out, "unique", json_boolean(x->unique));
    json_object_set_new(out, "valid", json_boolean(x->valid));
    json_object_set_new(out, "of_constraint", json_boolean(x->of_constraint));
    json_object_set_new(out, "predicate", json_text(x->predicate));
    json_object_set_new(out, "definition", json_text(x->definition));
    if (x->attached_to)
        json_object_set_new(out, "attached_to", json_text(x->attached_to));
    if (x->clustered)
        json_object_set_new(out, "clustered", json_true());
    if (x->replica_identity)
        json_object_set_new(out, "replica_identity", json_true());
    add_comment(out, x->comment);
    return out;
}

/* What few tables have. */
static void add_table_extras(json_t *out, const struct schema_table *t)
{
    const struct {
        const char *key, *text;
    } texts[] = {
        {"partition_bound", t->partition_bound},
        {"definition", t->definition},
        {"access_method", t->access_method},
        {"of_type", t->of_type},
        {"foreign", t->foreign},
    };
    const struct {
        const char *key;
        bool set;
    } flags[] = {
        {"unlogged", t->unlogged},
        {"row_security", t->row_security},
        {"row_security_forced", t->row_security_forced},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].text)
            json_object_set_new(out, texts[i].key, json_text(texts[i].text));
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (flags[i].set)
            json_object_set_new(out, flags[i].key, json_true());
    if (t->replica_identity == 'n' || t->replica_identity == 'f')
        json_object_set_new(out, "replica_identity",
                            json_string(t->replica_identity == 'n' ? "nothing" : "full"));
    add_names(out, "inherits", &t->inherits);
    add_names(out, "options", &t->options);
    add_names(out, "needs", &t->needs);
}

json_t *schema_table_json(const struct schema *s, const struct schema_table *t)
{
    json_t *out = json_object();
    json_t *columns = json_array(), *uniques = json_array(), *foreign_keys = json_array();
    json_t *checks = json_array(), *indexes = json_array();

    for (size_t i = 0; i < t->n_columns; i++)
        json_array_append_new(columns, column_json(s, &t->columns[i]));
    for (size_t i = 0; i < t->n_uniques; i++)
        json_array_append_new(uniques, key_json(&t->uniques[i]));
    for (size_t i = 0; i < t->n_foreign_keys; i++)
        json_array_append_new(foreign_keys, foreign_key_json(&t->foreign_keys[i]));
    for (size_t i = 0; i < t->n_checks; i++)
        json_array_append_new(checks, check_json(&t->checks[i]));
    for (size_t i = 0; i < t->n_indexes; i++)
        json_array_append_new(indexes, index_json(&t->indexes[i]));
    json_object_set_new(out, "name", json_text(t->name));
    json_object_set_new(out, "kind", json_string(table_kind_name(t->kind)));
    json_object_set_new(out, "partition_of", json_text(t->partition_of));
    json_object_set_new(out, "partition_key", json_text(t->partition_key));
    json_object_set_new(out, "comment", json_text(t->comment));
    json_object_set_new(out, "columns", columns);
    json_object_set_new(out, "primary_key",
                        t->primary_key ? key_json(t->primary_key) : json_null());
    json_object_set_new(out, "uniques", uniques);
    json_object_set_new(out, "foreign_keys", foreign_keys);
    json_object_set_new(out, "checks", checks);
    json_object_set_new(out, "indexes", indexes);
    add_table_extras(out, t);
    return out;
}

json_t *schema_enum_json(const struct schema_enum *e)
{
    json_t *out = json_object();

    json_object_set_new(out, "schema", json_text(e->schema));
    json_object_set_new(out, "name", json_text(e->name));
    json_object_set_new(out, "labels", names_json(&e->labels));
    json_object_set_new(out, "comment", json_text(e->comment));
    return out;
}

json_t *schema_domain_json(const struct schema *s, const struct schema_domain *d)
{
    json_t *out = json_object();

    json_object_set_new(out, "name", json_text(d->name));
    add_type(out, s, &d->base);
    json_object_set_new(out, "nullable", json_boolean(!d->not_null));
    json_object_set_new(out, "default", json_text(d->default_expr));
    json_object_set_new(out, "checks", names_json(&d->checks));
    add_names(out, "check_names", &d->check_names);
    if (d->collation)
        json_object_set_new(out, "collation", json_text(d->collation));
    add_names(out, "needs", &d->needs);
    json_object_set_new(out, "comment", json_text(d->comment));
    return out;
}

json_t *schema_object_json(const struct schema_object *o)
{
    json_t *out = json_object();

    json_object_set_new(out, "kind", json_string(object_kind_name(o->kind)));
    json_object_set_new(out, "name", json_text(o->name));
    json_object_set_new(out, "on", json_text(o->on));
    json_object_set_new(out, "definition", json_text(o->definition));
    add_names(out, "needs", &o->needs);
    json_object_set_new(out, "comment", json_text(o->comment));
    return out;
}

static void drop_needs(json_t *list)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) (void)json_object_del(item, "needs");
}

json_t *schema_json(const struct schema *s, bool with_name)
{
    json_t *out = json_object();
    json_t *tables = json_array(), *enums = json_array(), *domains = json_array();
    json_t *objects = json_array();

    for (size_t i = 0; i < s->n_tables; i++)
        json_array_append_new(tables, schema_table_json(s, &s->tables[i]));
    for (size_t i = 0; i < s->n_enums; i++)
        json_array_append_new(enums, schema_enum_json(&s->enums[i]));
    for (size_t i = 0; i < s->n_domains; i++)
        json_array_append_new(domains, schema_domain_json(s, &s->domains[i]));
    for (size_t i = 0; i < s->n_objects; i++)
        json_array_append_new(objects, schema_object_json(&s->objects[i]));
    if (with_name) {
        json_object_set_new(out, "name", json_text(s->name));
    } else {
        drop_needs(tables);
        drop_needs(domains);
        drop_needs(objects);
    }
    json_object_set_new(out, "tables", tables);
    json_object_set_new(out, "enums", enums);
    json_object_set_new(out, "domains", domains);
    json_object_set_new(out, "objects", objects);
    json_object_set_new(out, "extensions", names_json(&s->extensions));
    return out;
}

err_code schema_fingerprint(const struct schema *s, char out[SHA256_HEX_SIZE], struct err *err)
{
    json_auto_t *json = schema_json(s, false);
    CLEANUP(freep) char *text = json ? json_canonical(json) : NULL;

    if (!text)
        return err_set(err, ERR_INTERNAL, "no memory for the fingerprint of a schema");
    sha256_hex(text, strlen(text), out);
    return ERR_NONE;
}
