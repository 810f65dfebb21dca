/* SPDX-License-Identifier: MIT */
/* The members of every part of the model, as schema_json.c writes them. */
#include "core/schema/schema_shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/normal.h"

static const char *class_word(int i)
{
    return type_class_name((type_class)i);
}

static const char *object_word(int i)
{
    return object_kind_name((object_kind)i);
}

int shape_by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The schema's own first, then those of others. */
static int by_schema(const void *a, const void *b)
{
    const struct schema_enum *x = a, *y = b;
    int order = strcmp(x->schema ? x->schema : "", y->schema ? y->schema : "");
    return order ? order : strcmp(x->name, y->name);
}

static bool same_schema(const char *a, const char *b)
{
    return a ? str_eq(a, b) : !b;
}

/* Enums are read before everything that has a type. */
static void finish_type(struct shape_reader *r, const json_t *json, const char *pointer,
                        void *element)
{
    struct schema_type *t = element;
    const char *name = json_string_value(json_object_get(json, "enum"));
    const char *schema = json_string_value(json_object_get(json, "enum_schema"));
    char inner[256];

    if ((t->class == TYPE_ENUM) != (name != NULL))
        shape_problem(r, json_pointer(inner, sizeof inner, pointer, "enum"), "CONTRADICTION",
                      "must be there when base is enum, and not otherwise");
    if (t->class != TYPE_ENUM || !name)
        return;
    for (size_t i = 0; i < r->out->n_enums; i++) {
        const struct schema_enum *e = &r->out->enums[i];
        if (str_eq(e->name, name) && same_schema(e->schema, schema)) {
            t->enumeration = i;
            return;
        }
    }
    shape_problem(r, json_pointer(inner, sizeof inner, pointer, "enum"), "CONTRADICTION",
                  "names no enum of the model");
}

static const struct member type_members[] = {
    {"type", MEMBER_TEXT, .required = true, .at = offsetof(struct schema_type, name)},
    {"base", MEMBER_WORD, .required = true, .at = offsetof(struct schema_type, class),
     .word = class_word, .last = TYPE_OTHER},
    {"dimensions", MEMBER_INT, .at = offsetof(struct schema_type, dimensions)},
    {"length", MEMBER_INT, .at = offsetof(struct schema_type, length)},
    {"precision", MEMBER_INT, .at = offsetof(struct schema_type, precision)},
    {"scale", MEMBER_INT, .at = offsetof(struct schema_type, scale), .min = -1000},
    {.name = "enum", .kind = MEMBER_FINISHED},
    {.name = "enum_schema", .kind = MEMBER_FINISHED},
};
const struct shape shape_of_type = {
    .size = sizeof(struct schema_type),
    .members = type_members,
    .n = ARRAY_LEN(type_members),
    .finish = finish_type,
};

static const struct member enum_members[] = {
    {"schema", MEMBER_NAME, .at = offsetof(struct schema_enum, schema)},
    {"name", MEMBER_NAME, .required = true, .at = offsetof(struct schema_enum, name)},
    {"labels", MEMBER_NAMES, .required = true, .at = offsetof(struct schema_enum, labels)},
    {"comment", MEMBER_COMMENT, .at = offsetof(struct schema_enum, comment)},
};
static const struct shape enum_shape = {
    .size = sizeof(struct schema_enum),
    .name_at = offsetof(struct schema_enum, name),
    .members = enum_members,
    .n = ARRAY_LEN(enum_members),
    .order = by_schema,
};

static const struct member domain_members[] = {
    {"name", MEMBER_NAME, .required = true, .at = offsetof(struct schema_domain, name)},
    {"type", MEMBER_SAME, .at = offsetof(struct schema_domain, base), .shape = &shape_of_type},
    {"nullable", MEMBER_NOT, .at = offsetof(struct schema_domain, not_null)},
    {"default", MEMBER_TEXT, .at = offsetof(struct schema_domain, default_expr)},
    {"checks", MEMBER_NAMES, .at = offsetof(struct schema_domain, checks)},
    {"check_names", MEMBER_NAMES, .at = offsetof(struct schema_domain, check_names)},
    {"collation", MEMBER_TEXT, .at = offsetof(struct schema_domain, collation)},
    {"needs", MEMBER_NAMES, .at = offsetof(struct schema_domain, needs)},
    {"comment", MEMBER_COMMENT, .at = offsetof(struct schema_domain, comment)},
};
static const struct shape domain_shape = {
    .size = sizeof(struct schema_domain),
    .members = domain_members,
    .n = ARRAY_LEN(domain_members),
    .order = shape_by_name,
};

static int by_kind(const void *a, const void *b)
{
    const struct schema_object *x = a, *y = b;
    int order = (x->kind > y->kind) - (x->kind < y->kind);

    if (!order)
        order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->on ? x->on : "", y->on ? y->on : "");
}

static const struct member object_members[] = {
    {"kind", MEMBER_WORD, .required = true, .at = offsetof(struct schema_object, kind),
     .word = object_word, .last = OBJECT_OTHER},
    {"name", MEMBER_TEXT, .required = true, .at = offsetof(struct schema_object, name)},
    {"on", MEMBER_TEXT, .at = offsetof(struct schema_object, on)},
    {"definition", MEMBER_TEXT, .at = offsetof(struct schema_object, definition)},
    {"needs", MEMBER_NAMES, .at = offsetof(struct schema_object, needs)},
    {"comment", MEMBER_COMMENT, .at = offsetof(struct schema_object, comment)},
};
static const struct shape object_shape = {
    .size = sizeof(struct schema_object),
    .name_at = offsetof(struct schema_object, name),
    .members = object_members,
    .n = ARRAY_LEN(object_members),
    .order = by_kind,
};

/* What a type has from its domain is not in the JSON. True: something was learnt. */
static bool see_through(const struct schema *s, struct schema_type *t)
{
    bool not_null = t->domain_not_null, has_default = t->domain_default;

    for (size_t i = 0; t->name && i < s->n_domains; i++) {
        const struct schema_domain *d = &s->domains[i];
        if (t->name[strlen(t->name) - 1] == ']' || !sql_type_is(t->name, d->name))
            continue;
        t->domain_not_null = d->not_null;
        t->domain_default = d->default_expr || d->base.domain_default;
    }
    return t->domain_not_null != not_null || t->domain_default != has_default;
}

static void finish_schema(struct shape_reader *r, const json_t *json, const char *pointer,
                          void *element)
{
    struct schema *s = element;
    bool moved = !r->found;

    (void)json;
    (void)pointer;
    while (moved) { /* domains over domains */
        moved = false;
        for (size_t i = 0; i < s->n_domains; i++) {
            moved |= see_through(s, &s->domains[i].base);
            s->domains[i].not_null |= s->domains[i].base.domain_not_null;
        }
    }
    for (size_t i = 0; !r->found && i < s->n_tables; i++)
        for (size_t c = 0; c < s->tables[i].n_columns; c++) {
            struct schema_column *column = &s->tables[i].columns[c];
            (void)see_through(s, &column->type);
            column->not_null |=
                column->type.domain_not_null && !schema_table_is_view(&s->tables[i]);
        }
}

/* In the order in which they are read. */
static const struct member schema_members[] = {
    {"name", MEMBER_COMMENT, .at = offsetof(struct schema, name)},
    {"enums", MEMBER_LIST, .at = offsetof(struct schema, enums),
     .n_at = offsetof(struct schema, n_enums), .shape = &enum_shape},
    {"domains", MEMBER_LIST, .at = offsetof(struct schema, domains),
     .n_at = offsetof(struct schema, n_domains), .shape = &domain_shape},
    {"tables", MEMBER_LIST, .required = true, .at = offsetof(struct schema, tables),
     .n_at = offsetof(struct schema, n_tables), .shape = &shape_of_table},
    {"objects", MEMBER_LIST, .at = offsetof(struct schema, objects),
     .n_at = offsetof(struct schema, n_objects), .shape = &object_shape},
    {"extensions", MEMBER_NAMES, .at = offsetof(struct schema, extensions)},
};
const struct shape shape_of_schema = {
    .members = schema_members,
    .n = ARRAY_LEN(schema_members),
    .finish = finish_schema,
};
