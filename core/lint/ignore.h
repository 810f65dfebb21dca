/* SPDX-License-Identifier: MIT */
/*
 * Comments that say which rules to leave: `-- lint-ignore rule[, rule]` about the statement that
 * comes next, `-- lint-ignore-file rule[, rule]` about the file; without a rule, about all. What
 * follows the names is the reason. `squawk-ignore` and `squawk-ignore-file` mean the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/migrate/migration.h"

enum { IGNORE_NAME_SIZE = 64 };

struct ignore {
    size_t statement;            /* that it is about; of the file: not used */
    size_t offset;               /* of the comment */
    char rule[IGNORE_NAME_SIZE]; /* "": all */
    bool used;
};

struct ignore_list {
    struct ignore *items;
    size_t n;
};

/* In the order of the statements. */
struct ignores {
    struct ignore_list next, file;
    bool failed; /* no memory */
};

void ignores_clear(struct ignores *ignores);
/* Reads the comments before each statement and after the last one. */
void ignores_read(struct ignores *ignores, const char *sql, size_t len,
                  const struct statement *statements, size_t count);
/* Whether the rule is to be left at the statement; notes that the comment was of use. */
bool ignores_cover(struct ignores *ignores, size_t statement, const char *rule);
