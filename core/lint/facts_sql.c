/* SPDX-License-Identifier: MIT */
/* What statements say about tables. */
#include <stdio.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/str.h"
#include "core/lint/facts.h"
#include "core/lint/node_name.h"
#include "core/lint/type_name.h"
#include "core/migrate/sqlnode.h"

/* A statement on its way into the facts. */
struct reading {
    struct facts *f;
    struct fact_origin at;
};

static struct fact_origin origin_of(const struct reading *r, const json_t *node)
{
    struct fact_origin at = r->at;
    at.offset = (size_t)json_integer_value(json_object_get(node, "location"));
    return at;
}

static void add_names(struct reading *r, const json_t *list, struct name_list *out)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        facts_add_name(r->f, out, node_text(json_object_get(item, "String"), "sval"));
}

/* As PostgreSQL names it; a table that has such a name already gets a number, which we leave out.
 */
static void default_name(const struct fact_table *t, const char *column, char kind, char out[256])
{
    const char *end = kind == 'p' ? "pkey" : kind == 'f' ? "fkey" : kind == 'u' ? "key" : "check";
    bool with_column = kind != 'p' && *column;

    (void)snprintf(out, 256, "%s%s%s_%s", t->name ? t->name : "", with_column ? "_" : "",
                   with_column ? column : "", end);
}

/* The one column that CHECK (column IS NOT NULL) is about; "" when it is another check. */
static const char *not_null_column(const json_t *constraint)
{
    const json_t *test = json_object_get(json_object_get(constraint, "raw_expr"), "NullTest");
    const json_t *column = json_object_get(json_object_get(test, "arg"), "ColumnRef");

    return str_eq(node_text(test, "nulltesttype"), "IS_NOT_NULL")
               ? node_last_name(json_object_get(column, "fields"))
               : "";
}

/* The columns of a key that is made from an index. */
static void take_index(struct reading *r, struct fact_table *t, const char *index,
                       struct name_list *out)
{
    for (size_t i = 0; i < t->n_indexes; i++)
        if (str_eq(t->indexes[i].name, index))
            for (size_t k = 0; k < t->indexes[i].columns.n; k++)
                facts_add_name(r->f, out, t->indexes[i].columns.items[k]);
}

/* A constraint of a table, or of the column when there is one. */
static void add_constraint(struct reading *r, struct fact_table *t, const json_t *node,
                           const char *column)
{
    static const struct {
        const char *type;
        char kind;
        const char *columns;
    } kinds[] = {{"CONSTR_PRIMARY", 'p', "keys"},
                 {"CONSTR_UNIQUE", 'u', "keys"},
                 {"CONSTR_FOREIGN", 'f', "fk_attrs"},
                 {"CONSTR_CHECK", 'c', ""}};
    char name[256];
    size_t k = 0;

    while (k < ARRAY_LEN(kinds) && !str_eq(node_text(node, "contype"), kinds[k].type))
        k++;
    if (k == ARRAY_LEN(kinds))
        return;
    const json_t *columns = json_object_get(node, kinds[k].columns);
    const json_t *first = json_object_get(json_array_get(columns, 0), "String");
    default_name(t, column ? column : node_text(first, "sval"), kinds[k].kind, name);
    const char *given = node_text(node, "conname");
    struct fact_constraint *c =
        facts_add_constraint(r->f, t, kinds[k].kind, *given ? given : name, origin_of(r, node));
    if (!c)
        return;
    c->cascades = str_eq(node_text(node, "fk_del_action"), "c");
    c->valid = node_is_validated(node);
    add_names(r, columns, &c->columns);
    if (kinds[k].kind == 'c' && *not_null_column(node))
        facts_add_name(r->f, &c->columns, not_null_column(node));
    else if (column && kinds[k].kind != 'c')
        facts_add_name(r->f, &c->columns, column);
    if (*node_text(node, "indexname"))
        take_index(r, t, node_text(node, "indexname"), &c->columns);
}

static void add_column(struct reading *r, struct fact_table *t, const json_t *column)
{
    char type[TYPE_NAME_SIZE];
    const char *name = node_text(column, "colname");
    size_t i;
    json_t *item;

    (void)facts_add_column(r->f, t, name, type_name(json_object_get(column, "typeName"), type),
                           origin_of(r, column));
    json_array_foreach (json_object_get(column, "constraints"), i, item)
        add_constraint(r, t, json_object_get(item, "Constraint"), name);
}

static void read_create(struct reading *r, const json_t *node)
{
    const json_t *relation = json_object_get(node, "relation");
    char name[NODE_NAME_SIZE];
    size_t i;
    json_t *item;

    if (node_is_true(node, "if_not_exists") && facts_table(r->f, node_name(relation, name)))
        return;
    struct fact_table *t = facts_add_table(r->f, node_name(relation, name), origin_of(r, relation));
    if (!t)
        return;
    t->temporary = str_eq(node_text(relation, "relpersistence"), "t");
    t->partition = json_object_get(node, "partbound") != NULL;
    t->open = json_object_get(node, "inhRelations") || json_object_get(node, "ofTypename");
    json_array_foreach (json_object_get(node, "tableElts"), i, item) {
        if (json_object_get(item, "ColumnDef"))
            add_column(r, t, json_object_get(item, "ColumnDef"));
        add_constraint(r, t, json_object_get(item, "Constraint"), NULL);
        t->copied |= json_object_get(item, "TableLikeClause") != NULL;
    }
    t->open |= t->copied;
}

static void read_create_as(struct reading *r, const json_t *node)
{
    const json_t *relation = json_object_get(json_object_get(node, "into"), "rel");
    char name[NODE_NAME_SIZE];

    if (!str_eq(node_text(node, "objtype"), "OBJECT_TABLE"))
        return;
    struct fact_table *t = facts_add_table(r->f, node_name(relation, name), origin_of(r, relation));
    if (!t)
        return;
    t->open = true;
    t->temporary = str_eq(node_text(relation, "relpersistence"), "t");
}

static void alter_type(struct fact_table *t, const json_t *command)
{
    char type[TYPE_NAME_SIZE];
    struct fact_column *c = fact_column(t, node_text(command, "name"));
    const json_t *def = json_object_get(json_object_get(command, "def"), "ColumnDef");
    char *copy = c ? strdup(type_name(json_object_get(def, "typeName"), type)) : NULL;

    if (!copy)
        return;
    freep(&c->type);
    c->type = copy;
}

static void alter(struct reading *r, struct fact_table *t, const json_t *command)
{
    const char *what = node_text(command, "subtype"), *name = node_text(command, "name");
    const json_t *def = json_object_get(command, "def");

    if (str_eq(what, "AT_AddColumn"))
        add_column(r, t, json_object_get(def, "ColumnDef"));
    else if (str_eq(what, "AT_AddConstraint"))
        add_constraint(r, t, json_object_get(def, "Constraint"), NULL);
    else if (str_eq(what, "AT_DropColumn"))
        facts_drop_column(t, name);
    else if (str_eq(what, "AT_DropConstraint"))
        facts_drop_constraint(t, name);
    else if (str_eq(what, "AT_AlterColumnType"))
        alter_type(t, command);
    else if (str_eq(what, "AT_ValidateConstraint") && fact_constraint(t, name))
        fact_constraint(t, name)->valid = true;
    else if (str_eq(what, "AT_AddInherit"))
        t->open = true;
}

static void read_alter(struct reading *r, const json_t *node)
{
    char name[NODE_NAME_SIZE];
    size_t i;
    json_t *item;

    if (!str_eq(node_text(node, "objtype"), "OBJECT_TABLE"))
        return;
    struct fact_table *t =
        facts_touch(r->f, node_name(json_object_get(node, "relation"), name), r->at);
    json_array_foreach (json_object_get(node, "cmds"), i, item)
        if (t)
            alter(r, t, json_object_get(item, "AlterTableCmd"));
}

static void read_index(struct reading *r, const json_t *node)
{
    char name[NODE_NAME_SIZE];
    size_t i;
    json_t *item;
    struct fact_table *t =
        facts_touch(r->f, node_name(json_object_get(node, "relation"), name), r->at);
    struct fact_index *x = t ? facts_add_index(r->f, t, node_text(node, "idxname")) : NULL;

    if (!x)
        return;
    x->partial = json_object_get(node, "whereClause") != NULL;
    json_array_foreach (json_object_get(node, "indexParams"), i, item)
        facts_add_name(r->f, &x->columns, node_text(json_object_get(item, "IndexElem"), "name"));
}

/* The new name has no schema of its own: the table stays in its one. */
static void rename_table(struct reading *r, const char *from, const char *to)
{
    const char *dot = strchr(from, '.');
    char name[NODE_NAME_SIZE];

    (void)snprintf(name, sizeof name, "%.*s%s", dot ? (int)(dot - from) + 1 : 0, from, to);
    facts_rename_table(r->f, from, name);
}

static void read_rename(struct reading *r, const json_t *node)
{
    char name[NODE_NAME_SIZE];
    const char *kind = node_text(node, "renameType");
    const char *from = node_name(json_object_get(node, "relation"), name);
    struct fact_table *t = facts_table(r->f, from);

    if (!t)
        return;
    if (str_eq(kind, "OBJECT_TABLE"))
        rename_table(r, from, node_text(node, "newname"));
    else if (str_eq(kind, "OBJECT_COLUMN"))
        facts_rename_column(r->f, t, node_text(node, "subname"), node_text(node, "newname"));
}

static void read_drop(struct reading *r, const json_t *node)
{
    const char *kind = node_text(node, "removeType");
    char name[NODE_NAME_SIZE];
    size_t i;
    json_t *item;

    json_array_foreach (json_object_get(node, "objects"), i, item) {
        (void)node_list_name(json_object_get(json_object_get(item, "List"), "items"), name);
        if (str_eq(kind, "OBJECT_TABLE"))
            facts_drop_table(r->f, name);
        else if (str_eq(kind, "OBJECT_INDEX"))
            facts_drop_index(r->f, name);
    }
}

static const struct {
    const char *node;
    void (*read)(struct reading *r, const json_t *node);
} readers[] = {
    {"CreateStmt", read_create},    {"CreateTableAsStmt", read_create_as},
    {"AlterTableStmt", read_alter}, {"IndexStmt", read_index},
    {"RenameStmt", read_rename},    {"DropStmt", read_drop},
};

void facts_read_statement(struct facts *f, const json_t *node, struct fact_origin at)
{
    struct reading r = {.f = f, .at = at};

    for (size_t i = 0; i < ARRAY_LEN(readers) && !f->failed; i++) {
        const json_t *fields = json_object_get(node, readers[i].node);
        if (fields)
            readers[i].read(&r, fields);
    }
}
