/* SPDX-License-Identifier: MIT */
/* Levels and options: {"RULE": "warn"} or {"RULE": ["warn", {OPTIONS}]}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/lint/naming.h"
#include "core/lint/rule.h"

enum { POINTER_SIZE = 200, NAMES_MAX = 1000 };

struct entry {
    lint_level level;
    json_t *options; /* all of the rule's, owned */
};

struct lint_config {
    struct entry *entries; /* in the order of lint_rules */
    struct custom_rules customs;
};

/* Who is told of problems. */
struct telling {
    lint_complaint *fn;
    void *ctx;
};

static void tell(const struct telling *to, const char *pointer, const char *code, const char *fmt,
                 ...) PRINTF_LIKE(4, 5);
static void tell(const struct telling *to, const char *pointer, const char *code, const char *fmt,
                 ...)
{
    char detail[200];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    to->fn(to->ctx, pointer, code, detail);
}

const char *lint_level_name(lint_level level)
{
    return level == LINT_OFF ? "off" : level == LINT_WARN ? "warn" : "error";
}

static json_t *fallbacks(const struct lint_rule *rule)
{
    json_t *options = json_object();

    for (const struct lint_option *o = rule->options; o->name; o++)
        (void)json_object_set_new(options, o->name, json_loads(o->fallback, JSON_DECODE_ANY, NULL));
    return options;
}

struct lint_config *lint_config_new(const struct lint_config *from)
{
    struct lint_config *config = calloc(1, sizeof *config);

    if (config)
        config->entries = calloc(lint_rule_count, sizeof *config->entries);
    if (!config || !config->entries) {
        free(config);
        return NULL;
    }
    for (size_t i = 0; i < lint_rule_count; i++) {
        struct entry *e = &config->entries[i];
        e->level = from ? from->entries[i].level : lint_rules[i].level;
        e->options = from ? json_deep_copy(from->entries[i].options) : fallbacks(&lint_rules[i]);
    }
    if (from && !custom_rules_copy(&from->customs, &config->customs)) {
        lint_config_free(config);
        return NULL;
    }
    return config;
}

void lint_config_free(struct lint_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < lint_rule_count; i++)
        json_decref(config->entries[i].options);
    free(config->entries);
    custom_rules_clear(&config->customs);
    free(config);
}

void lint_config_freep(struct lint_config **config)
{
    lint_config_free(*config);
}

lint_level lint_config_level(const struct lint_config *config, const struct lint_rule *rule)
{
    return config->entries[rule - lint_rules].level;
}

const json_t *lint_config_option(const struct lint_config *config, const struct lint_rule *rule,
                                 const char *name)
{
    return json_object_get(config->entries[rule - lint_rules].options, name);
}

const struct custom_rules *lint_config_customs(const struct lint_config *config)
{
    return &config->customs;
}

bool lint_level_parse(const json_t *value, lint_level *out)
{
    for (lint_level level = LINT_OFF; level <= LINT_ERROR; level++)
        if (str_eq(json_string_value(value), lint_level_name(level))) {
            *out = level;
            return true;
        }
    return false;
}

static bool is_name(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) > 0;
}

static bool are_names(const json_t *value)
{
    size_t i;
    json_t *item;

    if (!json_is_array(value) || json_array_size(value) > NAMES_MAX)
        return false;
    json_array_foreach (value, i, item)
        if (!is_name(item))
            return false;
    return true;
}

/* What is wrong with an option's value; NULL: nothing. */
static const char *wrong(lint_option_kind kind, const json_t *value)
{
    switch (kind) {
    case OPTION_STYLE:
        return naming_is_style(json_string_value(value))
                   ? NULL
                   : "must be one of snake_case, camelCase, PascalCase, kebab-case";
    case OPTION_NAMES:
        return are_names(value) ? NULL : "must be a list of names";
    case OPTION_NAME:
        return is_name(value) ? NULL : "must be a name";
    case OPTION_COUNT:
        return json_is_integer(value) && json_integer_value(value) >= 0
                   ? NULL
                   : "must be a whole number from 0";
    }
    return NULL;
}

static const struct lint_option *find_option(const struct lint_rule *rule, const char *name)
{
    for (const struct lint_option *o = rule->options; o->name; o++)
        if (str_eq(o->name, name))
            return o;
    return NULL;
}

static void set_options(struct entry *e, const struct lint_rule *rule, const json_t *options,
                        const char *base, const struct telling *to)
{
    char pointer[POINTER_SIZE];
    const char *name;
    json_t *value;

    if (!json_is_object(options)) {
        tell(to, base, "WRONG_TYPE", "must be an object");
        return;
    }
    json_object_foreach ((json_t *)(uintptr_t)options, name, value) {
        const struct lint_option *o = find_option(rule, name);
        const char *why = o ? wrong(o->kind, value) : NULL;
        (void)json_pointer(pointer, sizeof pointer, base, name);
        if (!o)
            tell(to, pointer, "UNKNOWN_FIELD", "%s has no such option", rule->name);
        else if (why)
            tell(to, pointer, "UNKNOWN_VALUE", "%s", why);
        else
            (void)json_object_set(e->options, name, value);
    }
}

/* Of a rule of your own only the level can be other than configured. */
static void set_custom(struct custom_rule *rule, const json_t *level, const char *pointer,
                       const struct telling *to)
{
    if (!rule)
        tell(to, pointer, "UNKNOWN_FIELD", "there is no such rule");
    else if (!lint_level_parse(level, &rule->level))
        tell(to, pointer, "UNKNOWN_VALUE", "must be off, warn or error");
}

static void set_rule(struct lint_config *config, const char *name, const json_t *value,
                     const char *pointer, const struct telling *to)
{
    const struct lint_rule *rule = lint_rule_find(name);
    const json_t *level = json_is_array(value) ? json_array_get(value, 0) : value;
    char inner[POINTER_SIZE];
    lint_level wanted;

    if (!rule) {
        set_custom(custom_rule_find(&config->customs, name), value, pointer, to);
        return;
    }
    struct entry *e = &config->entries[rule - lint_rules];
    if (!lint_level_parse(level, &wanted) || (json_is_array(value) && json_array_size(value) > 2))
        tell(to, pointer, "UNKNOWN_VALUE",
             "must be off, warn or error, or a list of that and an object of options");
    else if (rule->fixed && wanted != rule->level)
        tell(to, pointer, "UNKNOWN_VALUE", "is always %s", lint_level_name(rule->level));
    else
        e->level = wanted;
    if (json_array_size(value) == 2)
        set_options(e, rule, json_array_get(value, 1),
                    json_pointer(inner, sizeof inner, pointer, "1"), to);
}

void lint_config_set(struct lint_config *config, const json_t *rules, const char *base,
                     lint_complaint *complain, void *ctx)
{
    const struct telling to = {.fn = complain, .ctx = ctx};
    char pointer[POINTER_SIZE];
    const char *name;
    json_t *value;

    if (!json_is_object(rules)) {
        tell(&to, base, "WRONG_TYPE", "must be an object");
        return;
    }
    json_object_foreach ((json_t *)(uintptr_t)rules, name, value)
        set_rule(config, name, value, json_pointer(pointer, sizeof pointer, base, name), &to);
}

/* NULL for an empty text, and after a complaint. */
static json_t *parse(const char *text, const struct telling *to)
{
    json_t *rules = NULL;
    struct err err;

    if (*text && json_parse(text, strlen(text), &rules, &err))
        tell(to, "", err_name(err.code), "%s", err.msg);
    return rules;
}

void lint_config_read(struct lint_config *config, const char *text, lint_complaint *complain,
                      void *ctx)
{
    json_auto_t *rules = parse(text, &(struct telling){complain, ctx});

    if (rules)
        lint_config_set(config, rules, "", complain, ctx);
}

void lint_config_custom(struct lint_config *config, const char *text, lint_complaint *complain,
                        void *ctx)
{
    json_auto_t *rules = parse(text, &(struct telling){complain, ctx});

    if (rules)
        custom_rules_read(&config->customs, rules, complain, ctx);
}

static void set_text(json_t *out, const char *key, const char *text)
{
    (void)json_object_set_new(out, key, text ? json_string(text) : json_null());
}

static json_t *custom_json(const struct custom_rule *rule)
{
    json_t *out = json_pack("{s:s, s:s, s:{}, s:{}, s:n, s:n}", "name", rule->name, "group",
                            "custom", "default_options", "options", "lock", "why");
    set_text(out, "description", rule->about);
    set_text(out, "default_level", lint_level_name(rule->level));
    set_text(out, "level", lint_level_name(rule->level));
    set_text(out, "instead", rule->instead);
    return out;
}

json_t *lint_rules_json(const struct lint_config *config)
{
    json_t *list = json_array();

    for (size_t i = 0; i < lint_rule_count; i++) {
        const struct lint_rule *rule = &lint_rules[i];
        json_t *out = json_object();
        set_text(out, "name", rule->name);
        set_text(out, "group", rule->group);
        set_text(out, "description", rule->about);
        set_text(out, "default_level", lint_level_name(rule->level));
        (void)json_object_set_new(out, "default_options", fallbacks(rule));
        set_text(out, "level", lint_level_name(config->entries[i].level));
        (void)json_object_set(out, "options", config->entries[i].options);
        set_text(out, "lock", rule->lock);
        set_text(out, "why", rule->why);
        set_text(out, "instead", rule->instead);
        (void)json_array_append_new(list, out);
    }
    for (size_t i = 0; i < config->customs.n; i++)
        (void)json_array_append_new(list, custom_json(&config->customs.items[i]));
    return list;
}
