/* SPDX-License-Identifier: MIT */
#include "core/lint/when.h"

#include <string.h>

#include "core/lint/type_name.h"
#include "core/migrate/sqlnode.h"

#define UNUSED(x) ((void)(x))

bool when_fills_each_row(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_fills_each_row(act->fields) && !node_constraint(act->fields, "CONSTR_PRIMARY");
}

bool when_lacks_values(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_lacks_values(act->fields) && !node_constraint(act->fields, "CONSTR_PRIMARY");
}

bool when_adds_primary_key(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_constraint(act->fields, "CONSTR_PRIMARY") != NULL;
}

bool when_adds_unique(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_constraint(act->fields, "CONSTR_UNIQUE") != NULL;
}

/* Without a default the new column is NULL in every row, and PostgreSQL looks at none. */
bool when_refers_with_values(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_constraint(act->fields, "CONSTR_FOREIGN") &&
           (node_constraint(act->fields, "CONSTR_DEFAULT") || node_fills_each_row(act->fields));
}

bool when_adds_check(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_constraint(act->fields, "CONSTR_CHECK") != NULL;
}

bool when_validated(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_is_validated(act->fields);
}

bool when_builds_index(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_builds_index(act->fields);
}

/* PostgreSQL believes a valid CHECK (column IS NOT NULL) and does not look. */
bool when_null_not_excluded(const struct lint_run *run, const struct lint_act *act)
{
    const struct fact_table *t = facts_table(&run->facts, act->table);

    for (size_t i = 0; t && i < t->n_constraints; i++) {
        const struct fact_constraint *c = &t->constraints[i];
        if (c->kind == 'c' && c->valid && name_list_has(&c->columns, act->column))
            return false;
    }
    return true;
}

/* The lock of ADD CONSTRAINT is held to the end of the transaction, so also while it validates. */
bool when_validated_at_once(const struct lint_run *run, const struct lint_act *act)
{
    const struct fact_constraint *c =
        fact_constraint(facts_table(&run->facts, act->table), act->column);
    return c && c->at.file == run->file && !run->parsed[run->file].alone;
}

bool when_rewrites(const struct lint_run *run, const struct lint_act *act)
{
    char to[TYPE_NAME_SIZE];
    const struct fact_column *c = fact_column(facts_table(&run->facts, act->table), act->column);

    if (!c || json_object_get(act->fields, "raw_default")) /* USING */
        return true;
    return !type_widens(c->type, type_name(json_object_get(act->fields, "typeName"), to));
}

/* Whether the type is this one, with or without a length, or an array of it. */
static bool is_type(const struct lint_act *act, const char *name)
{
    char type[TYPE_NAME_SIZE];
    size_t n = strlen(name);

    (void)type_name(json_object_get(act->fields, "typeName"), type);
    return strncmp(type, name, n) == 0 && (!type[n] || type[n] == '(' || type[n] == '[');
}

bool when_char(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return is_type(act, "char");
}

bool when_varchar(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return is_type(act, "varchar") &&
           json_object_get(json_object_get(act->fields, "typeName"), "typmods");
}

bool when_timestamp(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return is_type(act, "timestamp");
}

bool when_json(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return is_type(act, "json");
}

bool when_int(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return is_type(act, "integer") || is_type(act, "serial");
}

bool when_smallint(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return is_type(act, "smallint") || is_type(act, "smallserial");
}

bool when_serial(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_is_serial(act->fields);
}

bool when_blocks(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_blocks(act->fields);
}

bool when_unique_index(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_is_true(act->fields, "unique");
}

bool when_wide_index(const struct lint_run *run, const struct lint_act *act)
{
    const json_t *most =
        lint_config_option(run->config, lint_rule_find("limit-index-columns"), "columns");
    size_t n = json_array_size(json_object_get(act->fields, "indexParams"));
    return !node_is_true(act->fields, "unique") && (json_int_t)n > json_integer_value(most);
}

bool when_in_transaction(const struct lint_run *run, const struct lint_act *act)
{
    return run->in_transaction && !node_blocks(act->fields);
}

bool when_detach_blocks(const struct lint_run *run, const struct lint_act *act)
{
    const json_t *def = json_object_get(json_object_get(act->fields, "def"), "PartitionCmd");
    UNUSED(run);
    return !node_is_true(def, "concurrent");
}

bool when_column(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return str_eq(node_text(act->fields, "renameType"), "OBJECT_COLUMN");
}

bool when_table(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return str_eq(node_text(act->fields, "renameType"), "OBJECT_TABLE");
}

bool when_cascades(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return str_eq(node_text(act->fields, "behavior"), "DROP_CASCADE");
}

bool when_domain_constraint(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return str_eq(node_text(act->fields, "subtype"), "C");
}

bool when_domain_has_constraint(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return node_constraint(act->fields, "CONSTR_CHECK") ||
           node_constraint(act->fields, "CONSTR_NOTNULL");
}

bool when_enum_unordered(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return *node_text(act->fields, "newVal") && !json_object_get(act->fields, "oldVal") &&
           !json_object_get(act->fields, "newValNeighbor");
}

bool when_no_schema(const struct lint_run *run, const struct lint_act *act)
{
    const json_t *relation = json_object_get(act->fields, "relation");
    UNUSED(run);
    return !*node_text(relation, "schemaname") &&
           !str_eq(node_text(relation, "relpersistence"), "t");
}

bool when_whole_table(const struct lint_run *run, const struct lint_act *act)
{
    UNUSED(run);
    return !json_object_get(act->fields, "whereClause");
}

static bool names_twice(const json_t *targets)
{
    json_auto_t *seen = json_object();
    size_t i;
    json_t *item;

    json_array_foreach (targets, i, item) {
        const json_t *target = json_object_get(item, "ResTarget");
        const char *name = node_text(target, "name");
        if (json_object_get(target, "indirection")) /* a[1] = 1, a[2] = 2 */
            continue;
        if (json_object_get(seen, name))
            return true;
        (void)json_object_set_new(seen, name, json_true());
    }
    return false;
}

bool when_assigns_twice(const struct lint_run *run, const struct lint_act *act)
{
    const json_t *conflict = json_object_get(act->fields, "onConflictClause");
    UNUSED(run);
    return names_twice(
        json_object_get(str_eq(act->kind, "UpdateStmt") ? act->fields : conflict, "targetList"));
}

bool when_full(const struct lint_run *run, const struct lint_act *act)
{
    size_t i;
    json_t *item;

    UNUSED(run);
    json_array_foreach (json_object_get(act->fields, "options"), i, item)
        if (str_eq(node_text(json_object_get(item, "DefElem"), "defname"), "full"))
            return true;
    return false;
}

bool when_controls_transaction(const struct lint_run *run, const struct lint_act *act)
{
    const char *kind = node_text(act->fields, "kind");
    UNUSED(run);
    return !strstr(kind, "SAVEPOINT") && !strstr(kind, "RELEASE") && !strstr(kind, "ROLLBACK_TO");
}

static bool is_no_time(const json_t *value)
{
    const json_t *constant = json_object_get(value, "A_Const");
    const json_t *number = json_object_get(constant, "ival");
    const char *text = node_text(json_object_get(constant, "sval"), "sval");

    return (number && json_integer_value(json_object_get(number, "ival")) == 0) ||
           (*text == '0' && strspn(text, "0") == strcspn(text, "smhdu "));
}

bool when_timeout_off(const struct lint_run *run, const struct lint_act *act)
{
    const char *name = node_text(act->fields, "name"), *kind = node_text(act->fields, "kind");

    UNUSED(run);
    if (!str_eq(name, "lock_timeout") && !str_eq(name, "statement_timeout"))
        return false;
    return !str_eq(kind, "VAR_SET_VALUE") ||
           is_no_time(json_array_get(json_object_get(act->fields, "args"), 0));
}

/* What a second attempt would fail at, where each statement runs by itself. */
bool when_not_repeatable(const struct lint_run *run, const struct lint_act *act)
{
    if (!run->parsed[run->file].alone || !node_blocks(act->fields))
        return false;
    return !node_is_true(act->fields, "if_not_exists") &&
           !node_is_true(act->fields, "missing_ok") && !node_is_true(act->command, "missing_ok");
}
