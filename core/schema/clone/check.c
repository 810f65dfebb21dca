/* SPDX-License-Identifier: MIT */
/* What about a spec does not fit the model, and what a clone with it would do. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/schema/clone/clone_parts.h"

struct checking {
    const struct schema *s;
    const struct clone_spec *spec;
    clone_tell *tell;
    void *ctx;
    size_t count;
};

/* member: what is behind `under` in the pointer; NULL: nothing. */
static void PRINTF_LIKE(5, 6) tell(struct checking *k, const char *under, const char *member,
                                   const char *code, const char *fmt, ...)
{
    char pointer[288], text[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    text[utf8_valid_len(text, strlen(text))] = '\0';
    k->tell(k->ctx, member ? json_pointer(pointer, sizeof pointer, under, member) : under, code,
            text);
    k->count++;
}

static void check_excluded(struct checking *k)
{
    char index[24];
    size_t i;
    json_t *item;

    json_array_foreach(k->spec->exclude, i, item)
    {
        const char *name = json_string_value(item);
        const struct schema_table *t = name ? schema_find_table(k->s, name) : NULL;
        (void)snprintf(index, sizeof index, "%zu", i);
        if (!name)
            tell(k, "/exclude_tables", index, "WRONG_TYPE", "must be a table's name");
        else if (clone_is_kept(k->spec, name))
            tell(k, "/exclude_tables", index, "CONTRADICTION",
                 "the copy is at the source's migrations and seeds, so %s comes along", name);
        else if (!t || (t->kind != TABLE_PLAIN && t->kind != TABLE_PARTITIONED))
            tell(k, "/exclude_tables", index, "UNKNOWN_VALUE", "the source has no such table");
    }
}

static bool is_null_rule(const json_t *rule)
{
    return rule && str_eq(json_string_value(json_object_get(rule, "rule")), "null");
}

/* Rows are divided by these: a partition would not take a row with another value. */
static bool divides_rows(const struct schema *s, const struct schema_table *t, const char *column)
{
    for (; t; t = t->partition_of ? clone_table_named(s, t->partition_of) : NULL)
        if (t->partition_key && strstr(t->partition_key, column))
            return true;
    return false;
}

static void check_rules(struct checking *k)
{
    const struct schema_table *t = NULL;
    const struct schema_column *c = NULL;
    const char *key;
    json_t *rule;
    char why[160];

    json_object_foreach((json_t *)(uintptr_t)k->spec->anonymize, key, rule)
    {
        if (!clone_find_column(k->s, key, &t, &c))
            tell(k, "/anonymize", key, "UNKNOWN_VALUE",
                 "the source has no such column (it is \"table.column\")");
        else if (schema_table_is_view(t) || t->kind == TABLE_FOREIGN)
            tell(k, "/anonymize", key, "CONTRADICTION", "%s has no rows of its own", t->name);
        else if (clone_is_kept(k->spec, t->name))
            tell(k, "/anonymize", key, "CONTRADICTION", "%s is copied as it is", t->name);
        else if (clone_mask_refused(c, rule, clone_is_exact(k->s, t, c->name), why))
            tell(k, "/anonymize", key, "CONTRADICTION", "%s", why);
        else if (divides_rows(k->s, t, c->name))
            tell(k, "/anonymize", key, "CONTRADICTION",
                 "the column says which partition a row is in");
    }
}

/* Both ends of a foreign key have to become the same, so what they become must be written alike. */
static bool become_same(const struct schema_column *c, const json_t *rule,
                        const struct schema_column *ref, const json_t *ref_rule)
{
    CLEANUP(str_clear) struct str a = STR_INIT, b = STR_INIT;

    if (!rule || !ref_rule)
        return rule == ref_rule;
    clone_mask(&a, c, rule, true, "v", NULL);
    clone_mask(&b, ref, ref_rule, true, "v", NULL);
    return str_ok(&a) && str_eq(str_text(&a), str_text(&b));
}

static void check_pair(struct checking *k, const struct schema_table *t,
                       const struct schema_foreign_key *f, size_t i)
{
    const struct schema_table *to = f->ref_schema ? NULL : schema_find_table(k->s, f->ref_table);
    const struct schema_column *c = schema_find_column(t, f->columns.items[i]);
    const struct schema_column *ref = to ? schema_find_column(to, f->ref_columns.items[i]) : NULL;
    const json_t *rule = clone_rule(k->s, k->spec, t, f->columns.items[i]);
    const json_t *ref_rule = to ? clone_rule(k->s, k->spec, to, f->ref_columns.items[i]) : NULL;
    CLEANUP(str_clear) struct str key = STR_INIT;

    if (!c || is_null_rule(rule) || (to && !ref))
        return;
    if (!rule && !ref_rule)
        return;
    if (ref && become_same(c, rule, ref, ref_rule))
        return;
    if (rule)
        str_addf(&key, "%s.%s", t->name, c->name);
    else
        str_addf(&key, "%s.%s", f->ref_table, f->ref_columns.items[i]);
    tell(k, "/anonymize", str_text(&key), "CONTRADICTION",
         "%s.%s refers to %s.%s: both need the same rule and room", t->name, c->name, f->ref_table,
         f->ref_columns.items[i]);
}

static bool is_left_empty(const struct checking *k, const struct schema_table *t)
{
    bool has_rows = clone_has_rows(k->s, k->spec, t);

    for (size_t i = 0; i < k->s->n_tables && !has_rows; i++) {
        const struct schema_table *part = &k->s->tables[i];
        has_rows = part->partition_of && clone_table_named(k->s, part->partition_of) == t &&
                   !is_left_empty(k, part);
    }
    return !has_rows;
}

static bool has_null_rule(const struct checking *k, const struct schema_table *t,
                          const struct schema_foreign_key *f)
{
    for (size_t i = 0; i < f->columns.n; i++)
        if (is_null_rule(clone_rule(k->s, k->spec, t, f->columns.items[i])))
            return !f->match_full;
    return false;
}

static void check_foreign_key(struct checking *k, const struct schema_table *t,
                              const struct schema_foreign_key *f)
{
    const struct schema_table *to = f->ref_schema ? NULL : schema_find_table(k->s, f->ref_table);

    for (size_t i = 0; i < f->columns.n; i++)
        check_pair(k, t, f, i);
    if (to && f->validated && to->kind != TABLE_FOREIGN && is_left_empty(k, to) &&
        json_array_size(k->spec->exclude) && !has_null_rule(k, t, f))
        tell(k, "/exclude_tables", NULL, "CONTRADICTION",
             "rows of %s refer to rows of %s, which would stay behind", t->name, to->name);
}

static void check_personal(struct checking *k, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str key = STR_INIT;

    for (size_t i = 0; i < t->n_columns; i++) {
        const char *column = t->columns[i].name;
        if (t->columns[i].generated || !clone_is_personal(k->s, k->spec, t, column) ||
            clone_rule(k->s, k->spec, t, column))
            continue;
        str_reset(&key);
        str_addf(&key, "%s.%s", t->name, column);
        tell(k, "/anonymize", str_text(&key), "REQUIRED",
             "the column is marked as personal data (%s) and has no rule", k->spec->personal);
    }
}

static void check_sample(struct checking *k, const struct schema_table *t)
{
    if (k->spec->data == CLONE_SAMPLE && !clone_root(k->s, t)->primary_key)
        tell(k, "/sample", NULL, "CONTRADICTION",
             "%s has no primary key to choose rows by: exclude it", t->name);
}

size_t clone_check(const struct schema *s, const struct clone_spec *spec, clone_tell *how,
                   void *ctx)
{
    struct checking k = {.s = s, .spec = spec, .tell = how, .ctx = ctx};

    check_excluded(&k);
    check_rules(&k);
    for (size_t i = 0; i < s->n_tables; i++) {
        const struct schema_table *t = &s->tables[i];
        if (!clone_has_rows(s, spec, t) || clone_is_kept(spec, t->name))
            continue;
        check_personal(&k, t);
        check_sample(&k, t);
        for (size_t f = 0; f < t->n_foreign_keys; f++)
            check_foreign_key(&k, t, &t->foreign_keys[f]);
    }
    return k.count;
}

static json_t *changed_columns(const struct schema *s, const struct clone_spec *spec,
                               const struct schema_table *t)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->n_columns; i++)
        if (clone_rule(s, spec, t, t->columns[i].name))
            (void)json_array_append_new(list, json_text(t->columns[i].name));
    return list;
}

static json_t *outline_of(const struct schema *s, const struct clone_spec *spec,
                          const struct schema_table *t)
{
    bool rows = clone_has_rows(s, spec, t);
    bool whole = spec->data == CLONE_ALL || clone_is_kept(spec, t->name);

    return json_pack("{s:o, s:s, s:s, s:o}", "name", json_text(t->name), "kind",
                     table_kind_name(t->kind), "rows",
                     !rows   ? "none"
                     : whole ? "all"
                             : "sample",
                     "anonymized", rows ? changed_columns(s, spec, t) : json_array());
}

json_t *clone_outline(const struct schema *s, const struct clone_spec *spec, size_t statements)
{
    json_t *tables = json_array();

    for (size_t i = 0; i < s->n_tables; i++)
        (void)json_array_append_new(tables, outline_of(s, spec, &s->tables[i]));
    return json_pack("{s:I, s:o}", "statements", (json_int_t)statements, "tables", tables);
}
