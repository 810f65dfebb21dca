/* SPDX-License-Identifier: MIT */
/* The conditions of a query that is described: WHERE, and ON of a join. */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "service/api/query_build.h"

enum { DEPTH_MAX = 12, LIST_MAX = 50 };

typedef enum operand { OPERAND_VALUE, OPERAND_LIST, OPERAND_NONE } operand;

static const struct comparator {
    const char *name, *sql;
    operand operand;
} operators[] = {
    {"=", "=", OPERAND_VALUE},
    {"<>", "<>", OPERAND_VALUE},
    {"<", "<", OPERAND_VALUE},
    {"<=", "<=", OPERAND_VALUE},
    {">", ">", OPERAND_VALUE},
    {">=", ">=", OPERAND_VALUE},
    {"like", "LIKE", OPERAND_VALUE},
    {"ilike", "ILIKE", OPERAND_VALUE},
    {"not_like", "NOT LIKE", OPERAND_VALUE},
    {"in", "= ANY", OPERAND_LIST},
    {"not_in", "<> ALL", OPERAND_LIST},
    {"is_null", "IS NULL", OPERAND_NONE},
    {"is_not_null", "IS NOT NULL", OPERAND_NONE},
};

static const struct comparator *find_operator(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (str_eq(operators[i].name, name))
            return &operators[i];
    return NULL;
}

/* What a comparison is with: a value, which becomes a parameter, or another column. */
struct comparison {
    const char *column, *other, *op;
    const json_t *value;
};

static void add_value(struct building *b, const struct comparison *c, const struct comparator *op,
                      const char *pointer)
{
    char at[160];

    if (json_array_size(b->params) >= BUILD_PARAMS_MAX)
        problems_add(b->problems, pointer, "OUT_OF_RANGE", "there may be %d values in all",
                     BUILD_PARAMS_MAX);
    if (op->operand == OPERAND_LIST && !json_is_array(c->value))
        problems_add(b->problems, json_pointer(at, sizeof at, pointer, "value"), "WRONG_TYPE",
                     "must be an array");
    if (op->operand == OPERAND_VALUE && json_is_null(c->value))
        problems_add(b->problems, json_pointer(at, sizeof at, pointer, "value"), "WRONG_TYPE",
                     "null is compared with by is_null");
    (void)json_array_append(b->params, (json_t *)(uintptr_t)c->value);
    str_addf(&b->sql, op->operand == OPERAND_LIST ? " ($%zu)" : " $%zu",
             json_array_size(b->params));
}

static void add_operand(struct building *b, const struct comparison *c, const struct comparator *op,
                        const char *pointer)
{
    char at[160];
    bool needs = op->operand != OPERAND_NONE;

    if ((c->value != NULL) + (c->other != NULL) != needs ||
        (c->other && op->operand == OPERAND_LIST))
        problems_add(b->problems, pointer, "CONTRADICTION",
                     op->operand == OPERAND_LIST ? "%s takes a value, which is an array"
                     : needs                     ? "%s takes either a value or another column"
                                                 : "%s takes neither a value nor another column",
                     op->name);
    else if (c->value)
        add_value(b, c, op, pointer);
    else if (c->other) {
        str_add_char(&b->sql, ' ');
        build_column(b, c->other, json_pointer(at, sizeof at, pointer, "other"), false);
    }
}

static void compare(struct building *b, const json_t *value, const char *pointer)
{
    struct comparison c = {.op = "="};
    char at[160];
    const struct field fields[] = {
        {.name = "column", .kind = FIELD_TEXT, .required = true, .min = 1, .out = &c.column},
        {.name = "op", .kind = FIELD_TEXT, .out = &c.op},
        {.name = "value", .kind = FIELD_ANY, .out = &c.value},
        {.name = "other", .kind = FIELD_TEXT, .min = 1, .out = &c.other},
    };

    fields_read(value, pointer, fields, ARRAY_LEN(fields), b->problems);
    const struct comparator *op = find_operator(c.op);
    if (!op)
        problems_add(b->problems, json_pointer(at, sizeof at, pointer, "op"), "UNKNOWN_VALUE",
                     "must be =, <>, <, <=, >, >=, like, ilike, not_like, in, not_in, is_null or"
                     " is_not_null");
    if (!op || !c.column)
        return;
    build_column(b, c.column, json_pointer(at, sizeof at, pointer, "column"), false);
    str_addf(&b->sql, " %s", op->sql);
    add_operand(b, &c, op, pointer);
}

void build_all_of(struct building *b, const json_t *list, const char *pointer, const char *between,
                  int depth)
{
    char at[160];
    size_t i;
    json_t *item;

    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > LIST_MAX) {
        problems_add(b->problems, pointer, "WRONG_TYPE", "must be an array of 1 to %d conditions",
                     LIST_MAX);
        return;
    }
    str_add_char(&b->sql, '(');
    json_array_foreach(list, i, item)
    {
        (void)snprintf(at, sizeof at, "%s/%zu", pointer, i);
        str_add(&b->sql, i ? between : "");
        build_condition(b, item, at, depth + 1);
    }
    str_add_char(&b->sql, ')');
}

void build_condition(struct building *b, const json_t *value, const char *pointer, int depth)
{
    const json_t *all = json_object_get(value, "and"), *any = json_object_get(value, "or");
    const json_t *none = json_object_get(value, "not");
    char at[160];

    if (depth > DEPTH_MAX) {
        problems_add(b->problems, pointer, "OUT_OF_RANGE", "conditions go %d deep", DEPTH_MAX);
    } else if (json_is_object(value) && json_object_size(value) == 1 && (all || any || none)) {
        const char *word = all ? "and" : any ? "or" : "not";
        (void)json_pointer(at, sizeof at, pointer, word);
        if (!none) {
            build_all_of(b, all ? all : any, at, all ? " AND " : " OR ", depth);
            return;
        }
        str_add(&b->sql, "NOT (");
        build_condition(b, none, at, depth + 1);
        str_add_char(&b->sql, ')');
    } else {
        compare(b, value, pointer);
    }
}
