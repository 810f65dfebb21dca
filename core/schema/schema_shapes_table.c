/* SPDX-License-Identifier: MIT */
/* The members of a table and of its parts. */
#include "core/schema/schema_shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"

static const char *kind_word(int i)
{
    return table_kind_name((table_kind)i);
}

static const char *action_word(int i)
{
    return fk_action_name((fk_action)i);
}

static const char *identity_word(int i)
{
    return column_identity_name((column_identity)i);
}

static void finish_column(struct shape_reader *r, const json_t *json, const char *pointer,
                          void *element)
{
    struct schema_column *c = element;
    char inner[256];

    c->generated = json_is_string(json_object_get(json, "generated"));
    if (!json_is_integer(json_object_get(json, "statistics")))
        c->statistics = -1;
    if (!json_is_boolean(json_object_get(json, "not_null")))
        c->own_not_null = c->not_null; /* there is no domain that says so, too */
    if (c->generated && json_is_string(json_object_get(json, "default")))
        shape_problem(r, json_pointer(inner, sizeof inner, pointer, "default"), "CONTRADICTION",
                      "cannot be with generated");
}

static const struct member column_members[] = {
    {"name", MEMBER_NAME, .required = true, .at = offsetof(struct schema_column, name)},
    {"type", MEMBER_SAME, .at = offsetof(struct schema_column, type), .shape = &shape_of_type},
    {"nullable", MEMBER_NOT, .at = offsetof(struct schema_column, not_null)},
    {"not_null", MEMBER_BOOL, .at = offsetof(struct schema_column, own_not_null)},
    {"default", MEMBER_TEXT, .at = offsetof(struct schema_column, default_expr)},
    {"generated", MEMBER_TEXT, .at = offsetof(struct schema_column, default_expr)},
    {"identity", MEMBER_WORD, .at = offsetof(struct schema_column, identity), .word = identity_word,
     .last = IDENTITY_BY_DEFAULT},
    {"sequence", MEMBER_TEXT, .at = offsetof(struct schema_column, sequence)},
    {"collation", MEMBER_TEXT, .at = offsetof(struct schema_column, collation)},
    {"storage", MEMBER_TEXT, .at = offsetof(struct schema_column, storage)},
    {"compression", MEMBER_TEXT, .at = offsetof(struct schema_column, compression)},
    {"statistics", MEMBER_INT, .at = offsetof(struct schema_column, statistics)},
    {"inherited", MEMBER_BOOL, .at = offsetof(struct schema_column, inherited)},
    {"comment", MEMBER_COMMENT, .at = offsetof(struct schema_column, comment)},
};
static const struct shape column_shape = {
    .size = sizeof(struct schema_column),
    .members = column_members,
    .n = ARRAY_LEN(column_members),
    .finish = finish_column,
};

static const struct member key_members[] = {
    {"name", MEMBER_NAME, .required = true, .at = offsetof(struct schema_key, name)},
    {"columns", MEMBER_NAMES, .required = true, .at = offsetof(struct schema_key, columns)},
    {"definition", MEMBER_TEXT, .required = true, .at = offsetof(struct schema_key, definition)},
    {"comment", MEMBER_COMMENT, .at = offsetof(struct schema_key, comment)},
};
static const struct shape key_shape = {
    .size = sizeof(struct schema_key),
    .members = key_members,
    .n = ARRAY_LEN(key_members),
    .order = shape_by_name,
};

static const struct member reference_members[] = {
    {"schema", MEMBER_NAME, .at = offsetof(struct schema_foreign_key, ref_schema)},
    {"table", MEMBER_NAME, .required = true, .at = offsetof(struct schema_foreign_key, ref_table)},
    {"columns", MEMBER_NAMES, .required = true,
     .at = offsetof(struct schema_foreign_key, ref_columns)},
};
static const struct shape reference_shape = {
    .members = reference_members,
    .n = ARRAY_LEN(reference_members),
};

static const struct member foreign_key_members[] = {
    {"name", MEMBER_NAME, .required = true, .at = offsetof(struct schema_foreign_key, name)},
    {"columns", MEMBER_NAMES, .required = true, .at = offsetof(struct schema_foreign_key, columns)},
    {"references", MEMBER_OBJECT, .required = true, .shape = &reference_shape},
    {"on_delete", MEMBER_WORD, .at = offsetof(struct schema_foreign_key, on_delete),
     .word = action_word, .last = FK_SET_DEFAULT},
    {"on_update", MEMBER_WORD, .at = offsetof(struct schema_foreign_key, on_update),
     .word = action_word, .last = FK_SET_DEFAULT},
    {"match_full", MEMBER_BOOL, .at = offsetof(struct schema_foreign_key, match_full)},
    {"validated", MEMBER_BOOL, .at = offsetof(struct schema_foreign_key, validated)},
    {"deferrable", MEMBER_BOOL, .at = offsetof(struct schema_foreign_key, deferrable)},
    {"initially_deferred", MEMBER_BOOL, .at = offsetof(struct schema_foreign_key, deferred)},
    {"inherited", MEMBER_BOOL, .at = offsetof(struct schema_foreign_key, inherited)},
    {"definition", MEMBER_TEXT, .at = offsetof(struct schema_foreign_key, definition)},
    {"comment", MEMBER_COMMENT, .at = offsetof(struct schema_foreign_key, comment)},
};
static void finish_foreign_key(struct shape_reader *r, const json_t *json, const char *pointer,
                               void *element)
{
    struct schema_foreign_key *k = element;
    char inner[256];

    if (!json_object_get(json, "validated"))
        k->validated = true; /* as a foreign key is unless it says otherwise */
    if (!k->columns.n || k->columns.n != k->ref_columns.n)
        shape_problem(r, json_pointer(inner, sizeof inner, pointer, "columns"), "CONTRADICTION",
                      "must be as many as those referred to, and at least one");
}
static const struct shape foreign_key_shape = {
    .size = sizeof(struct schema_foreign_key),
    .members = foreign_key_members,
    .n = ARRAY_LEN(foreign_key_members),
    .order = shape_by_name,
    .finish = finish_foreign_key,
};

static const struct member check_members[] = {
    {"name", MEMBER_NAME, .required = true, .at = offsetof(struct schema_check, name)},
    {"definition", MEMBER_TEXT, .required = true, .at = offsetof(struct schema_check, definition)},
    {"inherited", MEMBER_BOOL, .at = offsetof(struct schema_check, inherited)},
    {"comment", MEMBER_COMMENT, .at = offsetof(struct schema_check, comment)},
};
static void finish_check(struct shape_reader *r, const json_t *json, const char *pointer,
                         void *element)
{
    struct schema_check *k = element;

    (void)r;
    (void)json;
    (void)pointer;
    k->exclude = k->definition && str_starts(k->definition, "EXCLUDE");
}
static const struct shape check_shape = {
    .size = sizeof(struct schema_check),
    .members = check_members,
    .n = ARRAY_LEN(check_members),
    .order = shape_by_name,
    .finish = finish_check,
};

static void read_index_key(struct shape_reader *r, const json_t *json, const char *pointer,
                           struct schema_index_key *key)
{
    const json_t *column = json_object_get(json, "column");
    const json_t *expression = json_object_get(json, "expression");

    key->expression = expression != NULL;
    if (json_object_size(json) != 1 || !shape_text(r, column ? column : expression, &key->text))
        shape_problem(r, pointer, "WRONG_TYPE",
                      "must be an object with either column or expression, a string");
}

/* INCLUDEd columns stand behind the keys. */
static void finish_index(struct shape_reader *r, const json_t *json, const char *pointer,
                         void *element)
{
    struct schema_index *x = element;
    const json_t *keys = json_object_get(json, "keys"), *more = json_object_get(json, "include");
    char inner[256];

    if ((keys && !json_is_array(keys)) || (more && !json_is_null(more) && !json_is_array(more))) {
        shape_problem(r, pointer, "WRONG_TYPE", "keys and include must be arrays");
        return;
    }
    size_t n_keys = json_array_size(keys), n = n_keys + json_array_size(more);
    x->keys = calloc(n + 1, sizeof *x->keys);
    r->no_memory |= !x->keys;
    if (!x->keys)
        return;
    x->n_keys = n_keys;
    x->n_include = n - n_keys;
    for (size_t i = 0; i < n; i++) {
        const json_t *key = i < n_keys ? json_array_get(keys, i) : json_array_get(more, i - n_keys);
        (void)snprintf(inner, sizeof inner, "%s/%s/%zu", pointer, i < n_keys ? "keys" : "include",
                       i < n_keys ? i : i - n_keys);
        read_index_key(r, key, inner, &x->keys[i]);
    }
}

static const struct member index_members[] = {
    {"name", MEMBER_NAME, .required = true, .at = offsetof(struct schema_index, name)},
    {"method", MEMBER_NAME, .required = true, .at = offsetof(struct schema_index, method)},
    {"keys", MEMBER_FINISHED, .required = true},
    {.name = "include", .kind = MEMBER_FINISHED},
    {"unique", MEMBER_BOOL, .at = offsetof(struct schema_index, unique)},
    {"valid", MEMBER_BOOL, .at = offsetof(struct schema_index, valid)},
    {"of_constraint", MEMBER_BOOL, .at = offsetof(struct schema_index, of_constraint)},
    {"predicate", MEMBER_TEXT, .at = offsetof(struct schema_index, predicate)},
    {"definition", MEMBER_TEXT, .required = true, .at = offsetof(struct schema_index, definition)},
    {"attached_to", MEMBER_NAME, .at = offsetof(struct schema_index, attached_to)},
    {"clustered", MEMBER_BOOL, .at = offsetof(struct schema_index, clustered)},
    {"replica_identity", MEMBER_BOOL, .at = offsetof(struct schema_index, replica_identity)},
    {"comment", MEMBER_COMMENT, .at = offsetof(struct schema_index, comment)},
};
static const struct shape index_shape = {
    .size = sizeof(struct schema_index),
    .members = index_members,
    .n = ARRAY_LEN(index_members),
    .order = shape_by_name,
    .finish = finish_index,
};

static const struct member table_members[] = {
    {"name", MEMBER_NAME, .required = true, .at = offsetof(struct schema_table, name)},
    {"kind", MEMBER_WORD, .at = offsetof(struct schema_table, kind), .word = kind_word,
     .last = TABLE_FOREIGN},
    {"partition_of", MEMBER_TEXT, .at = offsetof(struct schema_table, partition_of)},
    {"partition_key", MEMBER_TEXT, .at = offsetof(struct schema_table, partition_key)},
    {"partition_bound", MEMBER_TEXT, .at = offsetof(struct schema_table, partition_bound)},
    {"inherits", MEMBER_NAMES, .at = offsetof(struct schema_table, inherits)},
    {"definition", MEMBER_TEXT, .at = offsetof(struct schema_table, definition)},
    {"access_method", MEMBER_TEXT, .at = offsetof(struct schema_table, access_method)},
    {"of_type", MEMBER_TEXT, .at = offsetof(struct schema_table, of_type)},
    {"foreign", MEMBER_TEXT, .at = offsetof(struct schema_table, foreign)},
    {"options", MEMBER_NAMES, .at = offsetof(struct schema_table, options)},
    {"unlogged", MEMBER_BOOL, .at = offsetof(struct schema_table, unlogged)},
    {"row_security", MEMBER_BOOL, .at = offsetof(struct schema_table, row_security)},
    {"row_security_forced", MEMBER_BOOL, .at = offsetof(struct schema_table, row_security_forced)},
    {.name = "replica_identity", .kind = MEMBER_FINISHED},
    {"needs", MEMBER_NAMES, .at = offsetof(struct schema_table, needs)},
    {"comment", MEMBER_COMMENT, .at = offsetof(struct schema_table, comment)},
    {"columns", MEMBER_LIST, .required = true, .at = offsetof(struct schema_table, columns),
     .n_at = offsetof(struct schema_table, n_columns), .shape = &column_shape},
    {"primary_key", MEMBER_ONE, .at = offsetof(struct schema_table, primary_key),
     .shape = &key_shape},
    {"uniques", MEMBER_LIST, .at = offsetof(struct schema_table, uniques),
     .n_at = offsetof(struct schema_table, n_uniques), .shape = &key_shape},
    {"foreign_keys", MEMBER_LIST, .at = offsetof(struct schema_table, foreign_keys),
     .n_at = offsetof(struct schema_table, n_foreign_keys), .shape = &foreign_key_shape},
    {"checks", MEMBER_LIST, .at = offsetof(struct schema_table, checks),
     .n_at = offsetof(struct schema_table, n_checks), .shape = &check_shape},
    {"indexes", MEMBER_LIST, .at = offsetof(struct schema_table, indexes),
     .n_at = offsetof(struct schema_table, n_indexes), .shape = &index_shape},
};

/* An index says itself that it is the identity. */
static void finish_table(struct shape_reader *r, const json_t *json, const char *pointer,
                         void *element)
{
    struct schema_table *t = element;
    const json_t *value = json_object_get(json, "replica_identity");
    const char *word = json_string_value(value);
    char inner[256];

    t->replica_identity = str_eq(word, "nothing") ? 'n' : str_eq(word, "full") ? 'f' : 'd';
    if (value && !json_is_null(value) && t->replica_identity == 'd')
        shape_problem(r, json_pointer(inner, sizeof inner, pointer, "replica_identity"),
                      "UNKNOWN_VALUE", "must be nothing or full");
    for (size_t i = 0; i < t->n_indexes; i++)
        if (t->indexes[i].replica_identity)
            t->replica_identity = 'i';
}

const struct shape shape_of_table = {
    .size = sizeof(struct schema_table),
    .members = table_members,
    .n = ARRAY_LEN(table_members),
    .order = shape_by_name,
    .finish = finish_table,
};
