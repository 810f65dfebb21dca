/* SPDX-License-Identifier: MIT */
#include "core/lint/custom.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/lint/rule.h"

enum { CUSTOM_MAX = 100, NAME_SIZE = 64, POINTER_SIZE = 200 };

static void clear_rule(struct custom_rule *rule)
{
    free(rule->name);
    free(rule->sql);
    free(rule->about);
    free(rule->instead);
}

void custom_rules_clear(struct custom_rules *rules)
{
    for (size_t i = 0; i < rules->n; i++)
        clear_rule(&rules->items[i]);
    free(rules->items);
    *rules = (struct custom_rules){.items = NULL};
}

/* Takes the texts; false without memory, and then they are freed. */
static bool add(struct custom_rules *rules, struct custom_rule rule)
{
    bool whole = rule.name && rule.sql && rule.about;
    struct custom_rule *item =
        whole ? list_grow((void **)&rules->items, rules->n, sizeof *item) : NULL;

    if (!item) {
        clear_rule(&rule);
        return false;
    }
    *item = rule;
    rules->n++;
    return true;
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

bool custom_rules_copy(const struct custom_rules *from, struct custom_rules *out)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct custom_rule *rule = &from->items[i];
        if (!add(out, (struct custom_rule){copy(rule->name), copy(rule->sql), copy(rule->about),
                                           copy(rule->instead), rule->level}))
            return false;
    }
    return true;
}

struct custom_rule *custom_rule_find(const struct custom_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->n; i++)
        if (str_eq(rules->items[i].name, name))
            return &rules->items[i];
    return NULL;
}

/* As the names of the others are: small letters, digits and hyphens. */
static bool is_name(const char *name)
{
    return *name >= 'a' && *name <= 'z' && strlen(name) < NAME_SIZE &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* A query without the semicolon that may end it; the caller's. */
static char *trimmed(const char *sql)
{
    size_t n = strlen(sql);
    while (n && strchr("; \t\r\n", sql[n - 1]))
        n--;
    return strndup(sql, n);
}

/* A text member; what else stands there is told. */
static const char *text_of(const json_t *object, const char *key, const char *pointer,
                           lint_complaint *complain, void *ctx)
{
    char inner[POINTER_SIZE];
    const json_t *value = json_object_get(object, key);

    if (value && !json_string_length(value))
        complain(ctx, json_pointer(inner, sizeof inner, pointer, key), "WRONG_TYPE",
                 "must be a text");
    return json_string_value(value);
}

static bool check_members(const json_t *object, const char *pointer, lint_complaint *complain,
                          void *ctx)
{
    static const char *const members[] = {"sql", "level", "description", "instead"};
    char inner[POINTER_SIZE];
    const char *key;
    json_t *value;
    bool fine = json_is_object(object);

    if (!fine)
        complain(ctx, pointer, "WRONG_TYPE", "must be an object with sql");
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(members); i++)
            known |= str_eq(key, members[i]);
        if (!known)
            complain(ctx, json_pointer(inner, sizeof inner, pointer, key), "UNKNOWN_FIELD",
                     "is not known here");
        fine &= known;
    }
    return fine;
}

static void read_rule(struct custom_rules *rules, const char *name, const json_t *object,
                      lint_complaint *complain, void *ctx)
{
    char pointer[POINTER_SIZE];
    lint_level level = LINT_WARN;

    (void)json_pointer(pointer, sizeof pointer, "", name);
    if (!is_name(name) || lint_rule_find(name) || custom_rule_find(rules, name) ||
        rules->n == CUSTOM_MAX) {
        complain(ctx, pointer, "UNKNOWN_VALUE",
                 "must be a name of small letters, digits and hyphens that no other rule has");
        return;
    }
    if (!check_members(object, pointer, complain, ctx))
        return;
    const char *sql = text_of(object, "sql", pointer, complain, ctx);
    const char *about = text_of(object, "description", pointer, complain, ctx);
    const char *instead = text_of(object, "instead", pointer, complain, ctx);
    const json_t *wanted = json_object_get(object, "level");
    if (!sql)
        complain(ctx, pointer, "REQUIRED", "needs sql");
    else if (wanted && !lint_level_parse(wanted, &level))
        complain(ctx, pointer, "UNKNOWN_VALUE", "the level must be off, warn or error");
    else if (!add(rules, (struct custom_rule){strdup(name), trimmed(sql),
                                              strdup(about ? about : "A rule of your own."),
                                              copy(instead), level}))
        complain(ctx, pointer, err_name(ERR_INTERNAL), "does not fit in memory");
}

void custom_rules_read(struct custom_rules *rules, const json_t *object, lint_complaint *complain,
                       void *ctx)
{
    const char *name;
    json_t *value;

    if (!json_is_object(object)) {
        complain(ctx, "", "WRONG_TYPE", "must be an object");
        return;
    }
    json_object_foreach ((json_t *)(uintptr_t)object, name, value)
        read_rule(rules, name, value, complain, ctx);
}
