/* SPDX-License-Identifier: MIT */
#include "core/migrate/hazard.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/sqlnode.h"
#include "core/migrate/sqltree.h"

/* Table locks, the weakest first. */
static const char *const lock_names[] = {"SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE",
                                         "ACCESS EXCLUSIVE"};
enum lock { LOCK_UPDATE_EXCLUSIVE, LOCK_SHARE, LOCK_ROW_EXCLUSIVE, LOCK_ACCESS_EXCLUSIVE };

/* One thing that a statement does to one table: a node's name, an ALTER TABLE's subtype, the kind
 * of a constraint or of an object. */
struct act {
    const char *kind, *table;
    const json_t *fields;
};

/* What a statement is looked at with. */
struct looking {
    struct hazards *out;
    const struct migration *migration;
    size_t statement;
};

static const char rewrite[] = "every row is written anew while nobody may read or write the table";
static const char scan[] = "every row is read while nobody may write the table";
static const char build[] = "an index is built while nobody may write the table";
static const char lost[] = "the data is lost, and what still uses it fails";
static const char renamed[] = "programs that use the old name fail";

/* Every row that fits an act is a hazard; without a condition it always fits. */
static const struct hazard_rule {
    const char *kind, *name;
    bool (*when)(const json_t *fields);
    const char *detail;
} rules[] = {
    {"AT_AlterColumnType", "column_type", NULL, rewrite},
    {"AT_SetNotNull", "set_not_null", NULL, scan},
    {"AT_AddColumn", "add_column_without_values", node_lacks_values,
     "a NOT NULL column without a default fails on a table that has rows"},
    {"AT_AddColumn", "add_column_volatile_default", node_fills_each_row, rewrite},
    {"AT_AddColumn", "add_column_unique", node_is_unique, build},
    {"AT_DropColumn", "drop_column", NULL, lost},
    {"AT_SetLogged", "rewrite", NULL, rewrite},
    {"AT_SetUnLogged", "rewrite", NULL, rewrite},
    {"AT_SetTableSpace", "rewrite", NULL, rewrite},
    {"AT_SetAccessMethod", "rewrite", NULL, rewrite},
    {"CONSTR_FOREIGN", "add_foreign_key", node_is_validated,
     "every row is checked while nobody may write either table; add it NOT VALID, then validate "
     "it"},
    {"CONSTR_CHECK", "add_check", node_is_validated,
     "every row is checked while nobody may write the table; add it NOT VALID, then validate it"},
    {"CONSTR_UNIQUE", "add_unique", node_builds_index, build},
    {"CONSTR_PRIMARY", "add_primary_key", node_builds_index, build},
    {"CONSTR_EXCLUSION", "add_exclusion", NULL, build},
    {"IndexStmt", "create_index", node_blocks, build},
    {"OBJECT_TABLE", "drop_table", NULL, lost},
    {"OBJECT_MATVIEW", "drop_table", NULL, lost},
    {"TruncateStmt", "truncate", NULL, lost},
    {"RenameStmt", "rename", NULL, renamed},
    {"RefreshMatViewStmt", "refresh", node_blocks, "nobody may read the view meanwhile"},
    {"ReindexStmt", "reindex", node_blocks, "an index is built while nobody may write the table"},
    {"ClusterStmt", "rewrite", NULL, rewrite},
};

/* Acts that take less than ACCESS EXCLUSIVE. */
static const struct {
    const char *kind;
    enum lock lock;
} weaker[] = {
    {"AT_ValidateConstraint", LOCK_UPDATE_EXCLUSIVE}, {"AT_SetStatistics", LOCK_UPDATE_EXCLUSIVE},
    {"AT_AttachPartition", LOCK_UPDATE_EXCLUSIVE},    {"IndexStmt", LOCK_SHARE},
    {"CONSTR_FOREIGN", LOCK_ROW_EXCLUSIVE},           {"CreateTrigStmt", LOCK_ROW_EXCLUSIVE},
};

static enum lock lock_of(const struct act *act)
{
    if (!node_blocks(act->fields))
        return LOCK_UPDATE_EXCLUSIVE;
    for (size_t i = 0; i < ARRAY_LEN(weaker); i++)
        if (str_eq(act->kind, weaker[i].kind))
            return weaker[i].lock;
    return LOCK_ACCESS_EXCLUSIVE;
}

static void note_lock(struct hazards *out, const char *table, enum lock lock)
{
    const char *held = json_string_value(json_object_get(out->locks, table));

    if (!*table || json_object_get(out->made, table))
        return;
    for (size_t i = 0; held && i < (size_t)lock; i++)
        if (str_eq(held, lock_names[i]))
            held = NULL; /* a weaker one */
    if (!held)
        (void)json_object_set_new(out->locks, table, json_string(lock_names[lock]));
}

static void note_act(const struct looking *l, const struct act *act)
{
    const struct statement *s = &l->migration->statements[l->statement];
    enum lock lock = lock_of(act);

    if (json_object_get(l->out->made, act->table))
        return;
    note_lock(l->out, act->table, lock);
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (!str_eq(act->kind, rules[i].kind) || (rules[i].when && !rules[i].when(act->fields)))
            continue;
        (void)json_array_append_new(l->out->found,
                                    json_pack("{s:s, s:s, s:I, s:i, s:i, s:o, s:s, s:s}", "rule",
                                              rules[i].name, "version", l->migration->version,
                                              "statement", (json_int_t)l->statement + 1, "line",
                                              s->line, "column", s->column, "table",
                                              *act->table ? json_text(act->table) : json_null(),
                                              "lock", lock_names[lock], "detail", rules[i].detail));
    }
}

/* The table that a constraint refers to is locked with the one that gets it. */
static void note_referred(const struct looking *l, const json_t *constraint)
{
    if (str_eq(node_text(constraint, "contype"), "CONSTR_FOREIGN"))
        note_lock(l->out, node_text(json_object_get(constraint, "pktable"), "relname"),
                  LOCK_ROW_EXCLUSIVE);
}

static void look_at_command(const struct looking *l, const json_t *command, const char *table)
{
    const json_t *def = json_object_get(command, "def");
    const json_t *column = json_object_get(def, "ColumnDef");
    const json_t *constraint = json_object_get(def, "Constraint");
    const char *subtype = node_text(command, "subtype");
    bool adds = str_eq(subtype, "AT_AddConstraint");

    note_act(l, &(struct act){.kind = adds ? node_text(constraint, "contype") : subtype,
                              .table = table,
                              .fields = adds ? constraint : column});
    note_referred(l, constraint);
    note_referred(l, node_constraint(column, "CONSTR_FOREIGN"));
}

static void look_at_alter(const struct looking *l, const json_t *node)
{
    size_t i;
    json_t *item;

    if (str_eq(node_text(node, "objtype"), "OBJECT_TABLE"))
        json_array_foreach(json_object_get(node, "cmds"), i, item)
            look_at_command(l, json_object_get(item, "AlterTableCmd"),
                            node_text(json_object_get(node, "relation"), "relname"));
}

/* A new table, and what it refers to. */
static void look_at_create(const struct looking *l, const json_t *node)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(node, "tableElts"), i, item)
    {
        note_referred(l, json_object_get(item, "Constraint"));
        note_referred(l, node_constraint(json_object_get(item, "ColumnDef"), "CONSTR_FOREIGN"));
    }
    (void)json_object_set_new(l->out->made, node_text(json_object_get(node, "relation"), "relname"),
                              json_true());
}

static void look_at_drop(const struct looking *l, const json_t *node)
{
    const char *kind = node_text(node, "removeType");
    bool tables = str_eq(kind, "OBJECT_TABLE") || str_eq(kind, "OBJECT_MATVIEW");
    size_t i;
    json_t *item;

    if (!tables) /* the table of an index or a trigger is not in the statement */
        return;
    json_array_foreach(json_object_get(node, "objects"), i, item)
    {
        const json_t *names = json_object_get(json_object_get(item, "List"), "items");
        const json_t *last = json_array_get(names, json_array_size(names) - 1);
        note_act(l, &(struct act){.kind = kind,
                                  .table = node_text(json_object_get(last, "String"), "sval"),
                                  .fields = node});
    }
}

static void look_at_truncate(const struct looking *l, const json_t *node)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(node, "relations"), i, item)
        note_act(l, &(struct act){.kind = "TruncateStmt",
                                  .table = node_text(json_object_get(item, "RangeVar"), "relname"),
                                  .fields = node});
}

/* Statements with more to say than the one table they name. */
static const struct {
    const char *node;
    void (*look)(const struct looking *l, const json_t *node);
} special[] = {
    {"AlterTableStmt", look_at_alter},
    {"CreateStmt", look_at_create},
    {"DropStmt", look_at_drop},
    {"TruncateStmt", look_at_truncate},
};

static const char *const simple[] = {"IndexStmt",   "RenameStmt",  "RefreshMatViewStmt",
                                     "ReindexStmt", "ClusterStmt", "CreateTrigStmt"};

static void look_at_node(const struct looking *l, const json_t *statement)
{
    for (size_t i = 0; i < ARRAY_LEN(special); i++) {
        const json_t *node = json_object_get(statement, special[i].node);
        if (node)
            special[i].look(l, node);
    }
    for (size_t i = 0; i < ARRAY_LEN(simple); i++) {
        const json_t *node = json_object_get(statement, simple[i]);
        const char *table = node_text(json_object_get(node, "relation"), "relname");
        if (node && *table)
            note_act(l, &(struct act){.kind = simple[i], .table = table, .fields = node});
    }
    const json_t *into = json_object_get(json_object_get(statement, "CreateTableAsStmt"), "into");
    if (into)
        (void)json_object_set_new(l->out->made, node_text(json_object_get(into, "rel"), "relname"),
                                  json_true());
}

static void look(const struct looking *l)
{
    const struct statement *s = &l->migration->statements[l->statement];
    CLEANUP(freep) char *sql = strndup(l->migration->sql + s->offset, s->length);
    json_auto_t *node = !sql || sql_is_plain(sql) ? NULL : node_parse(sql);

    look_at_node(l, node);
}

static void *look_at_all(void *arg)
{
    struct looking *l = arg;
    for (l->statement = 0; l->statement < l->migration->statement_count; l->statement++)
        look(l);
    return NULL;
}

void hazards_init(struct hazards *h)
{
    *h = (struct hazards){json_array(), json_object(), json_object()};
}

void hazards_clear(struct hazards *h)
{
    json_decref(h->found);
    json_decref(h->locks);
    json_decref(h->made);
    *h = (struct hazards){.found = NULL};
}

err_code hazards_add(struct hazards *h, const struct migration *m, struct err *err)
{
    struct looking l = {.out = h, .migration = m};
    return sql_run_deep(look_at_all, &l, err);
}
