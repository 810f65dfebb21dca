/* SPDX-License-Identifier: MIT */
#include "core/migrate/sqlnode.h"

#include <pg_query.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/sqltree.h"

enum { TREE_DEPTH = 40, STATEMENT_MAX = 1024 * 1024 };

json_t *node_parse(const char *statement)
{
    if (strnlen(statement, STATEMENT_MAX + 1) > STATEMENT_MAX)
        return NULL;
    PgQueryParseResult parsed = pg_query_parse(statement);
    CLEANUP(freep) char *tree = parsed.error ? NULL : sql_prune(parsed.parse_tree, TREE_DEPTH);
    json_auto_t *root = tree ? json_loads(tree, 0, NULL) : NULL;
    pg_query_free_parse_result(parsed);
    const json_t *first = json_array_get(json_object_get(root, "stmts"), 0);
    return json_incref(json_object_get(first, "stmt"));
}

const char *node_text(const json_t *fields, const char *key)
{
    const char *value = json_string_value(json_object_get(fields, key));
    return value ? value : "";
}

bool node_is_true(const json_t *fields, const char *key)
{
    return json_is_true(json_object_get(fields, key));
}

const char *node_table(const json_t *fields, const char *key)
{
    return node_text(json_object_get(fields, key), "relname");
}

const char *node_last_name(const json_t *list)
{
    const json_t *last = json_array_get(list, json_array_size(list) - 1);
    return node_text(json_object_get(last, "String"), "sval");
}

const json_t *node_constraint(const json_t *column, const char *kind)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(column, "constraints"), i, item) {
        const json_t *constraint = json_object_get(item, "Constraint");
        if (str_eq(node_text(constraint, "contype"), kind))
            return constraint;
    }
    return NULL;
}

static bool calls_volatile(const json_t *tree)
{
    static const char *const names[] = {"random",           "gen_random_uuid", "uuid_generate_v4",
                                        "uuid_generate_v1", "clock_timestamp", "nextval",
                                        "timeofday",        "setval"};
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_string(tree))
        for (size_t n = 0; n < ARRAY_LEN(names); n++)
            if (str_eq(json_string_value(tree), names[n]))
                return true;
    json_array_foreach (tree, i, item)
        if (calls_volatile(item))
            return true;
    json_object_foreach ((json_t *)(uintptr_t)tree, key, item)
        if (calls_volatile(item))
            return true;
    return false;
}

bool node_is_serial(const json_t *column)
{
    const json_t *names = json_object_get(json_object_get(column, "typeName"), "names");
    return strstr(node_last_name(names), "serial") != NULL;
}

bool node_fills_each_row(const json_t *column)
{
    return node_is_serial(column) || node_constraint(column, "CONSTR_IDENTITY") ||
           node_constraint(column, "CONSTR_GENERATED") ||
           calls_volatile(json_object_get(node_constraint(column, "CONSTR_DEFAULT"), "raw_expr"));
}

bool node_lacks_values(const json_t *column)
{
    bool needed =
        node_constraint(column, "CONSTR_NOTNULL") || node_constraint(column, "CONSTR_PRIMARY");
    return needed && !node_fills_each_row(column) && !node_constraint(column, "CONSTR_DEFAULT");
}

bool node_is_unique(const json_t *column)
{
    return node_constraint(column, "CONSTR_UNIQUE") || node_constraint(column, "CONSTR_PRIMARY");
}

bool node_is_validated(const json_t *constraint)
{
    return !node_is_true(constraint, "skip_validation");
}

bool node_builds_index(const json_t *constraint)
{
    return !json_object_get(constraint, "indexname");
}

bool node_blocks(const json_t *fields)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(fields, "params"), i, item)
        if (str_eq(node_text(json_object_get(item, "DefElem"), "defname"), "concurrently"))
            return false;
    return !node_is_true(fields, "concurrent");
}
