/* SPDX-License-Identifier: MIT */
#include "core/lint/conventions.h"

#include <string.h>
#include <strings.h>

#include "core/lint/naming.h"

static const json_t *option(const struct lint_run *run, const char *rule, const char *name)
{
    return lint_config_option(run->config, lint_rule_find(rule), name);
}

static bool is_excepted(const json_t *patterns, const char *name)
{
    size_t i;
    json_t *pattern;
    json_array_foreach (patterns, i, pattern)
        if (naming_matches(name, json_string_value(pattern)))
            return true;
    return false;
}

/* The name without its schema. */
static const char *bare(const char *table)
{
    const char *dot = strchr(table, '.');
    return dot ? dot + 1 : table;
}

/* Whether the name breaks the rule; its style then. */
static const char *broken_style(const struct lint_run *run, const char *rule, const char *name)
{
    const char *style = json_string_value(option(run, rule, "style"));
    bool fine = naming_fits(name, style) || is_excepted(option(run, rule, "exceptions"), name);
    return fine ? NULL : style;
}

void lint_table_naming(struct lint_run *run, const struct fact_table *t)
{
    static const char rule[] = "table-naming";
    const char *style = t->known ? broken_style(run, rule, bare(t->name)) : NULL;
    CLEANUP(str_clear) struct str better = STR_INIT;

    if (!style)
        return;
    naming_convert(bare(t->name), style, &better);
    lint_add(run, lint_rule_find(rule), &(struct lint_subject){t->at, t->name, NULL},
             "Table \"%s\" does not follow %s convention; \"%s\" would", bare(t->name), style,
             str_text(&better));
}

void lint_column_naming(struct lint_run *run, const struct fact_table *t)
{
    static const char rule[] = "column-naming";

    for (size_t i = 0; i < t->n_columns; i++) {
        const struct fact_column *c = &t->columns[i];
        const char *style = broken_style(run, rule, c->name);
        CLEANUP(str_clear) struct str better = STR_INIT;
        if (!style)
            continue;
        naming_convert(c->name, style, &better);
        lint_add(run, lint_rule_find(rule), &(struct lint_subject){c->at, t->name, c->name},
                 "Column \"%s\" in table \"%s\" does not follow %s convention; \"%s\" would",
                 c->name, t->name, style, str_text(&better));
    }
}

void lint_primary_key(struct lint_run *run, const struct fact_table *t)
{
    if (t->known && !t->copied && !t->partition && !fact_primary_key(t))
        lint_add(run, lint_rule_find("require-primary-key"),
                 &(struct lint_subject){t->at, t->name, NULL},
                 "Table \"%s\" does not have a primary key", t->name);
}

static bool is_foreign_key(const struct fact_table *t, const char *column)
{
    for (size_t i = 0; i < t->n_constraints; i++)
        if (t->constraints[i].kind == 'f' && name_list_has(&t->constraints[i].columns, column))
            return true;
    return false;
}

/* A key of several columns, or one that is another table's, is not made up here. */
void lint_uuid(struct lint_run *run, const struct fact_table *t)
{
    static const char *const numbers[] = {"serial", "integer", "bigint", "smallint"};
    const struct fact_constraint *key = fact_primary_key(t);
    const struct fact_column *c =
        key && key->columns.n == 1 ? fact_column(t, key->columns.items[0]) : NULL;

    if (!c || t->partition || is_foreign_key(t, c->name))
        return;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!strstr(c->type, numbers[i]))
            continue;
        lint_add(run, lint_rule_find("prefer-uuid-pk"),
                 &(struct lint_subject){c->at, t->name, c->name},
                 "Table \"%s\" uses %s for primary key instead of UUID", t->name, c->type);
        return;
    }
}

/* Without "_", since created_at and createdAt are the same to the rule. */
static bool is_same_name(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "_");
        b += strspn(b, "_");
        if (!*a || !*b)
            return *a == *b;
        if (strncasecmp(a, b, 1) != 0)
            return false;
    }
}

static bool has_column(const struct fact_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (is_same_name(t->columns[i].name, name))
            return true;
    return false;
}

static bool is_whole(const struct fact_table *t)
{
    return t->known && !t->open && !t->partition;
}

void lint_timestamps(struct lint_run *run, const struct fact_table *t)
{
    size_t i;
    json_t *column;

    json_array_foreach (option(run, "require-timestamps", "columns"), i, column) {
        const char *name = json_string_value(column);
        if (is_whole(t) && !has_column(t, name))
            lint_add(run, lint_rule_find("require-timestamps"),
                     &(struct lint_subject){t->at, t->name, name},
                     "Table \"%s\" is missing \"%s\" column", t->name, name);
    }
}

void lint_soft_delete(struct lint_run *run, const struct fact_table *t)
{
    const char *name = json_string_value(option(run, "require-soft-delete", "column"));

    if (is_whole(t) && !has_column(t, name))
        lint_add(run, lint_rule_find("require-soft-delete"),
                 &(struct lint_subject){t->at, t->name, name},
                 "Table \"%s\" does not have a soft delete column (\"%s\")", t->name, name);
}

static void join(const struct name_list *names, struct str *out)
{
    for (size_t i = 0; i < names->n; i++)
        str_addf(out, "%s%s", i ? ", " : "", names->items[i]);
}

/* A column that was there before may have an index that was not seen. */
static bool saw_columns(const struct fact_table *t, const struct name_list *columns)
{
    for (size_t i = 0; i < columns->n; i++)
        if (!fact_column(t, columns->items[i]))
            return false;
    return true;
}

/* The columns that some index, or the one of a key, begins with. */
static json_t *first_columns(const struct fact_table *t)
{
    json_t *set = json_object();

    for (size_t i = 0; i < t->n_constraints; i++)
        if (t->constraints[i].columns.n &&
            (t->constraints[i].kind == 'p' || t->constraints[i].kind == 'u'))
            (void)json_object_set_new(set, t->constraints[i].columns.items[0], json_true());
    for (size_t i = 0; i < t->n_indexes; i++)
        if (t->indexes[i].columns.n && !t->indexes[i].partial)
            (void)json_object_set_new(set, t->indexes[i].columns.items[0], json_true());
    return set;
}

static bool is_indexed(const struct fact_table *t, const struct name_list *columns,
                       const json_t *firsts)
{
    return columns->n == 1 ? json_object_get(firsts, columns->items[0]) != NULL
                           : fact_is_indexed(t, columns);
}

void lint_foreign_keys(struct lint_run *run, const struct fact_table *t)
{
    json_auto_t *firsts = first_columns(t);

    for (size_t i = 0; i < t->n_constraints && !t->partition && !t->copied; i++) {
        const struct fact_constraint *c = &t->constraints[i];
        CLEANUP(str_clear) struct str columns = STR_INIT;
        if (c->kind != 'f' || is_indexed(t, &c->columns, firsts) ||
            (!t->known && !saw_columns(t, &c->columns)))
            continue;
        join(&c->columns, &columns);
        lint_add(run, lint_rule_find("index-foreign-keys"),
                 &(struct lint_subject){c->at, t->name, str_text(&columns)},
                 "Foreign key column \"%s\" in table \"%s\" is not indexed", str_text(&columns),
                 t->name);
    }
}

void lint_cascade(struct lint_run *run, const struct fact_table *t)
{
    for (size_t i = 0; i < t->n_constraints; i++) {
        const struct fact_constraint *c = &t->constraints[i];
        CLEANUP(str_clear) struct str columns = STR_INIT;
        if (c->kind != 'f' || !c->cascades)
            continue;
        join(&c->columns, &columns);
        lint_add(run, lint_rule_find("no-cascade-delete"),
                 &(struct lint_subject){c->at, t->name, str_text(&columns)},
                 "Foreign key \"%s\" in table \"%s\" uses CASCADE DELETE", str_text(&columns),
                 t->name);
    }
}
