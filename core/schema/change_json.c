/* SPDX-License-Identifier: MIT */
/* Changes as JSON and as one text of SQL. */
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/change.h"

static const struct {
    change_hazard hazard;
    const char *name, *detail;
} hazards[] = {
    {CHANGE_DESTRUCTIVE, "destructive", "data is lost"},
    {CHANGE_MAY_FAIL, "may_fail", "fails on rows that do not fit"},
    {CHANGE_REWRITES, "rewrites_table",
     "every row is written anew while nobody may read or write the table"},
    {CHANGE_SCANS, "scans_table", "every row is read while nobody may write the table"},
    {CHANGE_BUILDS_INDEX, "builds_index", "an index is built while nobody may write the table"},
    {CHANGE_RENAMES, "renames", "programs that use the old name fail"},
    {CHANGE_NEW_LABEL, "new_enum_label",
     "nothing may use the label before the transaction has been committed"},
    {CHANGE_RESTARTS, "restarts_numbers",
     "the numbers begin anew and may be those of rows that are there"},
};

static const char *class_name(change_class class)
{
    static const char *const names[] = {
        [CHANGE_MISSING] = "missing", [CHANGE_EXTRA] = "extra", [CHANGE_CHANGED] = "changed"};
    return names[class];
}

static json_t *hazards_json(unsigned bits)
{
    json_t *out = json_array();

    for (size_t i = 0; i < ARRAY_LEN(hazards); i++)
        if (bits & hazards[i].hazard)
            (void)json_array_append_new(out, json_string(hazards[i].name));
    return out;
}

char *schema_changes_sql(const struct schema_changes *changes)
{
    CLEANUP(str_clear) struct str out = STR_INIT;

    str_add(&out, "");
    for (size_t i = 0; i < changes->n_statements; i++) {
        str_add(&out, changes->statements[i].sql);
        str_add(&out, ";\n");
    }
    return str_take(&out);
}

static json_t *change_json(const struct schema_changes *all, size_t at)
{
    const struct schema_change *change = &all->changes[at];
    CLEANUP(str_clear) struct str sql = STR_INIT;
    unsigned bits = 0;

    for (size_t i = 0; i < all->n_statements; i++) {
        if (all->statements[i].change != at)
            continue;
        str_add(&sql, all->statements[i].sql);
        str_add(&sql, ";\n");
        bits |= all->statements[i].hazards;
    }
    return json_pack("{s:s, s:s, s:o, s:O, s:O, s:o, s:o}", "class", class_name(change->class),
                     "kind", change->kind, "path", json_text(change->path), "expected",
                     change->expected, "actual", change->actual, "sql",
                     sql.len ? json_text(str_text(&sql)) : json_null(), "hazards",
                     hazards_json(bits));
}

static json_t *statement_json(const struct change_statement *s)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "sql", json_text(s->sql), "table", json_text(s->table),
                     "lock", json_text(s->lock), "hazards", hazards_json(s->hazards));
}

static void add_hazards(json_t *out, const struct change_statement *s, size_t at)
{
    for (size_t i = 0; i < ARRAY_LEN(hazards); i++)
        if (s->hazards & hazards[i].hazard)
            (void)json_array_append_new(
                out, json_pack("{s:s, s:I, s:o, s:o, s:s}", "hazard", hazards[i].name, "statement",
                               (json_int_t)at + 1, "table", json_text(s->table), "lock",
                               json_text(s->lock), "detail", hazards[i].detail));
}

json_t *schema_changes_json(const struct schema_changes *changes)
{
    CLEANUP(freep) char *sql = schema_changes_sql(changes);
    json_t *list = json_array(), *statements = json_array(), *all = json_array();

    for (size_t i = 0; i < changes->n_changes; i++)
        (void)json_array_append_new(list, change_json(changes, i));
    for (size_t i = 0; i < changes->n_statements; i++) {
        (void)json_array_append_new(statements, statement_json(&changes->statements[i]));
        add_hazards(all, &changes->statements[i], i);
    }
    return json_pack("{s:b, s:o, s:o, s:o, s:o, s:b}", "equal", !changes->n_changes, "changes",
                     list, "migration_sql", json_text(sql), "statements", statements, "hazards",
                     all, "destructive", (changes->hazards & CHANGE_DESTRUCTIVE) != 0);
}
