/* SPDX-License-Identifier: MIT */
/* A row of the rules' table, what it looks at, and the run that it looks from. */
#pragma once

#include "core/base/attr.h"
#include "core/base/str.h"
#include "core/lint/custom.h"
#include "core/lint/facts.h"
#include "core/lint/ignore.h"
#include "core/lint/lint.h"

/* One thing that a statement does: a node's name, an ALTER TABLE's subtype, the kind of a
 * constraint or of an object that is dropped. */
struct lint_act {
    const char *kind;
    const char *table;     /* with its schema when one was written; "" */
    const char *column;    /* or the name of the object; "" */
    const json_t *fields;  /* of the column, the constraint, or the statement */
    const json_t *command; /* of an ALTER TABLE; NULL */
    size_t offset;         /* in the statement */
};

struct lint_run;

/* An act that a rule is about; without a condition every act of the kind is. */
struct lint_match {
    const char *kind;
    bool (*when)(const struct lint_run *run, const struct lint_act *act);
    bool anywhere; /* also on a table that was made in the same batch */
};

typedef enum lint_option_kind {
    OPTION_STYLE, /* snake_case and the like */
    OPTION_NAMES, /* a list of names, * in them stands for anything */
    OPTION_NAME,
    OPTION_COUNT, /* a whole number from 0 */
} lint_option_kind;

struct lint_option {
    const char *name; /* NULL ends a list */
    lint_option_kind kind;
    const char *fallback; /* as JSON */
};

enum { LINT_OPTIONS = 2, LINT_MATCHES = 8 };

struct lint_rule {
    const char *name, *group;
    lint_level level;
    bool fixed; /* the level cannot be changed */
    const char *about;
    struct lint_option options[LINT_OPTIONS + 1];
    /* of rules about tables; NULL: none */
    void (*table)(struct lint_run *run, const struct fact_table *table);
    /* of rules about statements; ends with a row without a kind. {table}, {column} in `says` */
    struct lint_match matches[LINT_MATCHES];
    const char *says, *lock, *why, *instead;
};

extern const struct lint_rule lint_rules[];
extern const size_t lint_rule_count;
const struct lint_rule *lint_rule_find(const char *name); /* NULL */

/* Rules that the run itself speaks of. */
#define LINT_SYNTAX_ERROR "syntax-error"
#define LINT_NOT_ALLOWED "statement-not-allowed"
#define LINT_TOO_LONG "identifier-too-long"
#define LINT_UNUSED_IGNORE "unused-ignore"
#define LINT_UNCOMMITTED "ban-uncommitted-transaction"

/* A file with its statements. */
struct lint_parsed {
    const struct lint_file *file;
    struct statement *statements; /* owned */
    size_t count;
    bool alone; /* each statement runs by itself */
    struct ignores ignores;
};

struct lint_run {
    const struct lint_config *config;
    const struct lint_input *input; /* NULL: of a live schema */
    struct lint_parsed *parsed;     /* of each file */
    struct facts facts;
    struct issues *issues;
    size_t file, statement; /* what is looked at */
    bool in_transaction;    /* a BEGIN stands open in the file */
    struct fact_origin begun;
};

/* false: it is none. */
bool lint_level_parse(const json_t *value, lint_level *out);
const struct custom_rules *lint_config_customs(const struct lint_config *config);
lint_level lint_config_level(const struct lint_config *config, const struct lint_rule *rule);
/* The option's value, its default when nothing was set; borrowed. */
const json_t *lint_config_option(const struct lint_config *config, const struct lint_rule *rule,
                                 const char *name);

/* What an issue is about; table and column may be NULL. */
struct lint_subject {
    struct fact_origin at;
    const char *table, *column;
};
/* Adds an issue, unless the rule is off or a comment says to leave it. */
void lint_add(struct lint_run *run, const struct lint_rule *rule,
              const struct lint_subject *subject, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The same with the rule's own sentence. */
void lint_add_said(struct lint_run *run, const struct lint_rule *rule,
                   const struct lint_subject *subject);

/* Calls fn with each act of a statement. */
void lint_acts(struct lint_run *run, const json_t *node,
               void (*fn)(struct lint_run *run, const struct lint_act *act));
