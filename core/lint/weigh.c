/* SPDX-License-Identifier: MIT */
/* What is an error on many rows and a warning on few. */
#include "core/lint/rule.h"
#include "core/migrate/sqlnode.h"

static void add_to(json_t *result, const char *key, json_int_t n)
{
    json_int_t before = json_integer_value(json_object_get(result, key));
    (void)json_object_set_new(result, key, json_integer(before + n));
}

static void weigh(const struct lint_config *config, json_t *result, json_t *issue,
                  const json_t *rows)
{
    const struct lint_rule *rule = lint_rule_find(node_text(issue, "rule"));
    const json_t *most = rule ? lint_config_option(config, rule, "max_rows") : NULL;
    const char *table = node_text(issue, "table");
    json_int_t n = json_integer_value(json_object_get(rows, table));

    if (*table)
        (void)json_object_set_new(issue, "rows", json_integer(n));
    if (!most || !str_eq(node_text(issue, "severity"), "error") || n > json_integer_value(most))
        return;
    (void)json_object_set_new(issue, "severity", json_string(lint_level_name(LINT_WARN)));
    add_to(result, "errors", -1);
    add_to(result, "warnings", 1);
}

void lint_weigh(const struct lint_config *config, json_t *result, const json_t *rows)
{
    size_t i;
    json_t *issue;

    json_array_foreach (json_object_get(result, "issues"), i, issue)
        weigh(config, result, issue, rows);
    (void)json_object_set_new(
        result, "success",
        json_boolean(json_integer_value(json_object_get(result, "errors")) == 0));
}
