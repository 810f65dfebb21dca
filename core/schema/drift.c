/* SPDX-License-Identifier: MIT */
#include "core/schema/drift.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"

enum { MEMBERS_MAX = 6 };

/* What a word takes away: members of that name wherever they are, and tables and objects of these
 * kinds. */
static const struct ignorable {
    const char *word;
    const char *members[MEMBERS_MAX];
    const char *kinds[3];
} ignorables[] = {
    {.word = "comments", .members = {"comment"}},
    {.word = "grants", .kinds = {"grant"}},
    {.word = "indexes", .members = {"indexes"}},
    {.word = "constraints", .members = {"primary_key", "uniques", "foreign_keys", "checks"}},
    {.word = "views", .kinds = {"view", "materialized_view"}},
    {.word = "functions", .kinds = {"function"}},
    {.word = "triggers", .kinds = {"trigger"}},
    {.word = "policies", .members = {"row_security", "row_security_forced"}, .kinds = {"policy"}},
    {.word = "rules", .kinds = {"rule"}},
    {.word = "sequences", .kinds = {"sequence"}},
    {.word = "statistics", .members = {"statistics"}, .kinds = {"statistics"}},
};

/* What follows from the rest. */
static const char *const derived[MEMBERS_MAX] = {"needs", "extensions"};

const char *const drift_ignorable[] = {"comments", "grants",    "indexes",    "constraints",
                                       "views",    "functions", "triggers",   "policies",
                                       "rules",    "sequences", "statistics", NULL};

static void remove_members(json_t *value, const char *const *members)
{
    const char *key;
    json_t *inner;
    size_t i;

    for (size_t m = 0; m < MEMBERS_MAX && members[m]; m++)
        (void)json_object_del(value, members[m]);
    json_object_foreach(value, key, inner)
    {
        remove_members(inner, members);
    }
    json_array_foreach(value, i, inner)
    {
        remove_members(inner, members);
    }
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool is_kind(const json_t *thing, const char *const *kinds)
{
    for (size_t i = 0; kinds[i]; i++)
        if (str_eq(text_of(thing, "kind"), kinds[i]))
            return true;
    return false;
}

static bool matches(const char *name, const json_t *patterns)
{
    for (size_t i = 0; i < json_array_size(patterns); i++)
        if (fnmatch(json_string_value(json_array_get(patterns, i)), name, 0) == 0)
            return true;
    return false;
}

/* Of an object the table that it is on, or the one of the column that it is on. */
static bool is_excluded(const json_t *thing, bool is_table, const json_t *patterns)
{
    const char *text = text_of(thing, is_table ? "name" : "on");
    CLEANUP(freep) char *name = text ? strdup(text) : NULL;
    char *dot = name && !is_table ? strchr(name, '.') : NULL;

    if (!name)
        return false;
    if (matches(name, patterns))
        return true;
    if (dot)
        *dot = '\0';
    return dot && matches(name, patterns);
}

static void exclude(json_t *list, bool is_tables, const json_t *patterns)
{
    for (size_t i = json_array_size(list); i-- > 0;)
        if (is_excluded(json_array_get(list, i), is_tables, patterns))
            (void)json_array_remove(list, i);
}

static void remove_kinds(json_t *list, const char *const *kinds)
{
    for (size_t i = json_array_size(list); i-- > 0;)
        if (is_kind(json_array_get(list, i), kinds))
            (void)json_array_remove(list, i);
}

static void ignore(json_t *model, const struct ignorable *what)
{
    if (what->members[0])
        remove_members(model, what->members);
    remove_kinds(json_object_get(model, "tables"), what->kinds);
    remove_kinds(json_object_get(model, "objects"), what->kinds);
}

static void ignore_all(json_t *model, const json_t *words)
{
    for (size_t i = 0; i < json_array_size(words); i++)
        for (size_t k = 0; k < ARRAY_LEN(ignorables); k++)
            if (str_eq(json_string_value(json_array_get(words, i)), ignorables[k].word))
                ignore(model, &ignorables[k]);
}

static int by_name(const void *a, const void *b)
{
    const char *x = text_of(*(json_t *const *)a, "name"), *y = text_of(*(json_t *const *)b, "name");
    return strcmp(x ? x : "", y ? y : "");
}

/* Without memory the order stays as it is. */
static void sort_by_name(json_t *list)
{
    size_t n = json_array_size(list);
    json_t **items = calloc(n + 1, sizeof *items);

    if (!items)
        return;
    for (size_t i = 0; i < n; i++)
        items[i] = json_incref(json_array_get(list, i));
    qsort(items, n, sizeof *items, by_name);
    for (size_t i = 0; i < n; i++)
        (void)json_array_set_new(list, i, items[i]);
    free(items);
}

static void tidy_table(json_t *table, bool column_order)
{
    json_t *indexes = json_object_get(table, "indexes");

    for (size_t i = json_array_size(indexes); i-- > 0;)
        if (json_is_true(json_object_get(json_array_get(indexes, i), "of_constraint")))
            (void)json_array_remove(indexes, i);
    if (!column_order)
        sort_by_name(json_object_get(table, "columns"));
}

void drift_prune(json_t *model, const json_t *rules)
{
    json_t *tables = json_object_get(model, "tables");
    const json_t *patterns = json_object_get(rules, "exclude_tables");
    bool column_order = json_is_true(json_object_get(rules, "column_order"));

    if (json_array_size(patterns)) {
        exclude(tables, true, patterns);
        exclude(json_object_get(model, "objects"), false, patterns);
    }
    for (size_t i = 0; i < json_array_size(tables); i++)
        tidy_table(json_array_get(tables, i), column_order);
    remove_members(model, derived);
    ignore_all(model, json_object_get(rules, "ignore"));
}

err_code drift_fingerprint(const json_t *model, char out[SHA256_HEX_SIZE], struct err *err)
{
    CLEANUP(freep) char *text = json_canonical(model);

    if (!text)
        return err_set(err, ERR_INTERNAL, "no memory for the fingerprint of a schema");
    sha256_hex(text, strlen(text), out);
    return ERR_NONE;
}
