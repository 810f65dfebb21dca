/* SPDX-License-Identifier: MIT */
/* Takes a statement apart into what it does. */
#include <stdio.h>

#include "core/lint/node_name.h"
#include "core/lint/rule.h"
#include "core/migrate/sqlnode.h"

/* A statement that is taken apart. */
struct acting {
    struct lint_run *run;
    void (*fn)(struct lint_run *run, const struct lint_act *act);
    char table[NODE_NAME_SIZE];
    const json_t *command; /* of an ALTER TABLE */
};

static size_t place_of(const json_t *node)
{
    return (size_t)json_integer_value(json_object_get(node, "location"));
}

static void tell(struct acting *a, const char *kind, const char *column, const json_t *fields)
{
    struct lint_act act = {.kind = kind,
                           .table = a->table,
                           .column = column,
                           .fields = fields,
                           .command = a->command,
                           .offset = place_of(fields)};
    a->fn(a->run, &act);
}

/* A column's definition: what it is told as, and its type. */
static void tell_column(struct acting *a, const char *kind, const char *name, const json_t *column)
{
    tell(a, kind, name, column);
    if (json_object_get(column, "typeName"))
        tell(a, "ColumnType", name, column);
}

static void command(struct acting *a, const json_t *fields)
{
    const char *subtype = node_text(fields, "subtype"), *name = node_text(fields, "name");
    const json_t *def = json_object_get(fields, "def");
    const json_t *column = json_object_get(def, "ColumnDef");
    const json_t *constraint = json_object_get(def, "Constraint");

    a->command = fields;
    if (str_eq(subtype, "AT_AddConstraint"))
        tell(a, node_text(constraint, "contype"), node_text(constraint, "conname"), constraint);
    else if (column)
        tell_column(a, subtype, *name ? name : node_text(column, "colname"), column);
    else
        tell(a, subtype, name, fields);
}

static void alter_table(struct acting *a, const json_t *node)
{
    size_t i;
    json_t *item;

    if (!str_eq(node_text(node, "objtype"), "OBJECT_TABLE"))
        return;
    json_array_foreach (json_object_get(node, "cmds"), i, item)
        command(a, json_object_get(item, "AlterTableCmd"));
}

static void create_table(struct acting *a, const json_t *node)
{
    size_t i;
    json_t *item;

    tell(a, "CreateStmt", "", node);
    json_array_foreach (json_object_get(node, "tableElts"), i, item) {
        const json_t *column = json_object_get(item, "ColumnDef");
        if (column)
            tell_column(a, "ColumnDef", node_text(column, "colname"), column);
    }
}

static void drop(struct acting *a, const json_t *node)
{
    const char *kind = node_text(node, "removeType");
    char name[NODE_NAME_SIZE];
    size_t i;
    json_t *item;

    json_array_foreach (json_object_get(node, "objects"), i, item) {
        (void)node_list_name(json_object_get(json_object_get(item, "List"), "items"), name);
        bool table = str_eq(kind, "OBJECT_TABLE") || str_eq(kind, "OBJECT_MATVIEW");
        const struct fact_table *of =
            str_eq(kind, "OBJECT_INDEX") ? facts_table_of_index(&a->run->facts, name) : NULL;
        struct lint_act act = {.kind = kind,
                               .table = table            ? name
                                        : of && of->name ? of->name
                                                         : "",
                               .column = table ? "" : name,
                               .fields = node};
        a->fn(a->run, &act);
    }
}

/* Statements that name several tables. */
static void each_relation(struct acting *a, const char *kind, const json_t *node)
{
    size_t i;
    json_t *item;

    json_array_foreach (json_object_get(node, "relations"), i, item) {
        (void)node_name(json_object_get(item, "RangeVar"), a->table);
        tell(a, kind, "", node);
    }
}

static void truncate_tables(struct acting *a, const json_t *node)
{
    each_relation(a, "TruncateStmt", node);
}

static void lock_tables(struct acting *a, const json_t *node)
{
    each_relation(a, "LockStmt", node);
}

static void rename_object(struct acting *a, const json_t *node)
{
    tell(a, "RenameStmt", node_text(node, "subname"), node);
}

static void index_made(struct acting *a, const json_t *node)
{
    tell(a, "IndexStmt", node_text(node, "idxname"), node);
}

static void reindex(struct acting *a, const json_t *node)
{
    const struct fact_table *of = facts_table_of_index(&a->run->facts, a->table);

    if (of && of->name && str_eq(node_text(node, "kind"), "REINDEX_OBJECT_INDEX"))
        (void)snprintf(a->table, sizeof a->table, "%s", of->name);
    tell(a, "ReindexStmt", "", node);
}

static void vacuum(struct acting *a, const json_t *node)
{
    const json_t *first =
        json_object_get(json_array_get(json_object_get(node, "rels"), 0), "VacuumRelation");
    (void)node_name(json_object_get(first, "relation"), a->table);
    tell(a, "VacuumStmt", "", node);
}

static const struct {
    const char *node;
    void (*tell)(struct acting *a, const json_t *node);
} special[] = {
    {"AlterTableStmt", alter_table},   {"CreateStmt", create_table}, {"DropStmt", drop},
    {"TruncateStmt", truncate_tables}, {"LockStmt", lock_tables},    {"RenameStmt", rename_object},
    {"IndexStmt", index_made},         {"ReindexStmt", reindex},     {"VacuumStmt", vacuum},
};

static const char *const simple[] = {
    "ClusterStmt",      "RefreshMatViewStmt", "TransactionStmt", "VariableSetStmt",
    "CreateDomainStmt", "AlterDomainStmt",    "AlterEnumStmt",   "UpdateStmt",
    "DeleteStmt",       "InsertStmt",         "DropdbStmt",
};

void lint_acts(struct lint_run *run, const json_t *node,
               void (*fn)(struct lint_run *run, const struct lint_act *act))
{
    struct acting a = {.run = run, .fn = fn};

    for (size_t i = 0; i < ARRAY_LEN(special); i++) {
        const json_t *fields = json_object_get(node, special[i].node);
        if (!fields)
            continue;
        (void)node_name(json_object_get(fields, "relation"), a.table);
        special[i].tell(&a, fields);
    }
    for (size_t i = 0; i < ARRAY_LEN(simple); i++) {
        const json_t *fields = json_object_get(node, simple[i]);
        if (!fields)
            continue;
        (void)node_name(json_object_get(fields, "relation"), a.table);
        tell(&a, simple[i], "", fields);
    }
}
