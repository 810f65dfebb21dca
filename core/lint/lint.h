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
#include "core/pg/pg.h"
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
/* The same from a JSON text, "" for nothing. */
void lint_config_read(struct lint_config *config, const char *text, lint_complaint *complain,
                      void *ctx);
/*
 * Rules of your own, {"NAME": {"sql", "level", "description", "instead"}}: a query over a schema as
 * schema_json() has it, $1 of type jsonb, that gives rows (object, message). Like lint_config_set(),
 * for an empty config or one without such rules; levels are set as those of other rules.
 */
void lint_config_custom(struct lint_config *config, const char *text, lint_complaint *complain,
                        void *ctx);
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
 * Adds what the rules of your own say of a schema to its result. Each runs on pg in a transaction of
 * its own that only reads, for two seconds at most; one that fails is an error of its own.
 */
err_code lint_custom(const struct lint_config *config, const struct schema *schema, struct pg *pg,
                     json_t *result, struct err *err) MUST_USE;

/*
 * Holds the issues of a result against how many rows there really are, {"table": number}: a table
 * that is not in it has none. An error about a lock or a rewrite becomes a warning where the table
 * has at most the rule's max_rows.
 */
void lint_weigh(const struct lint_config *config, json_t *result, const json_t *rows);

/* A result as people and CI read it: "text", "github" or "sarif"; the caller's, NULL without
 * memory. */
char *lint_report(const json_t *result, const char *format, const char **content_type);
