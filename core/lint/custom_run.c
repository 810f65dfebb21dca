/* SPDX-License-Identifier: MIT */
/* Runs the rules that are queries over a schema's model. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/lint/issues.h"
#include "core/schema/schema_json.h"

/* One rule at work. */
struct asking {
    const struct custom_rule *rule;
    const char *model;
    struct pg_rows *rows; /* owned */
};

/* The first use of $1 says that it is jsonb; the line break ends a comment that the query may end
 * with. */
static err_code ask(struct pg *pg, void *arg, struct err *err)
{
    struct asking *a = arg;
    CLEANUP(str_clear) struct str sql = STR_INIT;

    pg_rows_free(a->rows);
    a->rows = NULL;
    str_addf(&sql,
             "WITH model (model) AS (SELECT $1::jsonb)"
             " SELECT r.object::text AS object, r.message::text AS message FROM (%s\n) r LIMIT %d",
             a->rule->sql, LINT_ISSUES_MAX + 1);
    err_code rc = pg_command(pg,
                             "SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = '2s';"
                             " SET LOCAL search_path = pg_catalog, pg_temp",
                             err);
    if (!rc && !str_ok(&sql))
        rc = err_set(err, ERR_INTERNAL, "out of memory");
    return rc ? rc
              : pg_query_text(pg, str_text(&sql), PG_ARGS(PG_ARG(a->model)), &a->rows, err);
}

static void add_issue(const struct custom_rule *rule, const char *object, const char *message,
                      lint_level level, json_t *result)
{
    json_t *issues = json_object_get(result, "issues"), *issue = json_object();
    const char *key = level == LINT_ERROR ? "errors" : "warnings";
    json_int_t n = json_integer_value(json_object_get(result, key));

    (void)json_object_set_new(result, key, json_integer(n + 1));
    if (json_array_size(issues) >= LINT_ISSUES_MAX) {
        (void)json_object_set_new(result, "truncated", json_true());
        json_decref(issue);
        return;
    }
    (void)json_object_set_new(issue, "file", json_null());
    (void)json_object_set_new(issue, "line", json_null());
    (void)json_object_set_new(issue, "column", json_null());
    (void)json_object_set_new(issue, "rule", json_string(rule->name));
    (void)json_object_set_new(issue, "severity", json_string(lint_level_name(level)));
    (void)json_object_set_new(issue, "message", json_text(message && *message ? message : rule->about));
    if (object)
        (void)json_object_set_new(issue, "table", json_text(object));
    if (rule->instead)
        (void)json_object_set_new(issue, "instead", json_text(rule->instead));
    (void)json_array_append_new(issues, issue);
}

static void run_rule(const struct custom_rule *rule, const char *model, struct pg *pg,
                     json_t *result)
{
    struct asking a = {.rule = rule, .model = model};
    struct err err = {.code = ERR_NONE};
    char why[400];

    if (pg_tx(pg, ask, &a, &err)) {
        (void)snprintf(why, sizeof why, "The rule could not be asked: %.300s", err.msg);
        add_issue(rule, NULL, why, LINT_ERROR, result);
        return;
    }
    for (size_t i = 0; i < pg_rows_count(a.rows); i++)
        add_issue(rule, pg_text(a.rows, i, "object"), pg_text(a.rows, i, "message"), rule->level,
                  result);
    pg_rows_free(a.rows);
}

err_code lint_custom(const struct lint_config *config, const struct schema *schema, struct pg *pg,
                     json_t *result, struct err *err)
{
    const struct custom_rules *rules = lint_config_customs(config);
    json_auto_t *json = rules->n ? schema_json(schema, true) : NULL;
    CLEANUP(freep) char *model = json ? json_dumps(json, JSON_COMPACT) : NULL;

    if (rules->n && !model)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < rules->n; i++)
        if (rules->items[i].level != LINT_OFF)
            run_rule(&rules->items[i], model, pg, result);
    (void)json_object_set_new(
        result, "success",
        json_boolean(json_integer_value(json_object_get(result, "errors")) == 0));
    return ERR_NONE;
}
