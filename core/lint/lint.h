/* SPDX-License-Identifier: MIT */
/*
 * Bad habits in SQL files and in live schemas: names, keys and indexes by the rules of
 * drizzle-multitenant's linter, and statements that lock, rewrite or lose what is there. rules.c is
 * the list. Pure; a result is JSON:
 *
 * {"success", "total_schemas", "tables", "errors", "warnings", "truncated", "issues": [{"file",
 * "line", "column", "rule", "severity", "message", "table", "column_name", "statement", "lock",
 * "why", "instead", "rows"}]}
 */
#pragma once

#include <jansson.h>

#include "core/base/err.h"
#include "core/migrate/migration.h"
#include "core/schema/model.h"

typedef enum lint_level { LINT_OFF, LINT_WARN, LINT_ERROR } lint_level;
const char *lint_level_name(lint_level level);

/* The level and the options of each rule. */
struct lint_config;
/* As the rules' table has it, changed by what `from` says (NULL: by nothing). NULL: no memory. */
struct lint_config *lint_config_new(const struct lint_config *from);
void lint_config_free(struct lint_config *config); /* NULL is fine */
void lint_config_freep(struct lint_config **config);
/* Told of everything wrong; pointer is a JSON pointer. */
typedef void lint_complaint(void *ctx, const char *pointer, const char *code, const char *detail);
/* {"RULE": "off" | "warn" | "error" | ["LEVEL", {OPTIONS}]}: what is right is taken over, whatever
 * else is wrong. base is the pointer to `rules`. */
void lint_config_set(struct lint_config *config, const json_t *rules, const char *base,
                     lint_complaint *complain, void *ctx);
/* The table's defaults with the rules of a JSON text, "" for none; complain may be NULL here. NULL:
 * no memory. */
struct lint_config *lint_config_read(const char *text, lint_complaint *complain, void *ctx);
/* Every rule: [{"name", "group", "description", "default", "level", "options", …}]. */
json_t *lint_rules_json(const struct lint_config *config);

/* A file with SQL, or a migration. */
struct lint_file {
    const char *path; /* as issues name it */
    const char *sql;  /* ends with a NUL */
    size_t len;
    bool context; /* known, and not looked for issues */
};

struct lint_input {
    const struct lint_file *files; /* in the order in which they run */
    size_t count;
    bool separate; /* each file runs at a time of its own: what one makes is filled in the next */
    const struct sql_policy *policy; /* what migrations may do; NULL: the strict one */
};

/* *out is the caller's. SQL that does not parse is an issue, not an error. */
err_code lint_files(const struct lint_config *config, const struct lint_input *input, json_t **out,
                    struct err *err) MUST_USE;
/* The rules about tables over a live schema; files, lines and columns are null. */
err_code lint_schema(const struct lint_config *config, const struct schema *schema, json_t **out,
                     struct err *err) MUST_USE;

/*
 * Holds the issues of a result against how many rows there really are, {"table": number}: a table
 * that is not in it has none. An error about a lock or a rewrite becomes a warning where the table
 * has at most the rule's max_rows.
 */
void lint_weigh(const struct lint_config *config, json_t *result, const json_t *rows);

/* A result as people and CI read it: "text", "github" or "sarif"; the caller's, NULL without
 * memory. */
char *lint_report(const json_t *result, const char *format, const char **content_type);
