/* SPDX-License-Identifier: MIT */
/*
 * First drafts of files: a table for Drizzle or in SQL, a seed, a migration. Every draft runs as it
 * is; what a person is to decide stands in it as an example.
 */
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

enum { SCAFFOLD_TABLE_MAX = 45 }; /* bytes, so that names made of it fit into PostgreSQL's 63 */

typedef enum scaffold_template {
    SCAFFOLD_BLANK,
    SCAFFOLD_CREATE_TABLE,
    SCAFFOLD_ADD_COLUMN,
    SCAFFOLD_ADD_INDEX,
    SCAFFOLD_ADD_FOREIGN_KEY,
} scaffold_template;

struct scaffold_schema {
    const char *name; /* what the table is called, in any spelling */
    bool shared, sql; /* for the shared schema; in SQL and not for Drizzle */
    bool timestamps, soft_delete, uuid, zod, example;
};

struct scaffold_seed {
    const char *name, *table; /* table NULL: examples only */
    bool shared, sql;
};

struct scaffold_migration {
    const char *name, *version;              /* version: the number in front, 0007 */
    const char *table, *column, *references; /* NULL: guessed from the name, or an example */
    scaffold_template template;
    bool shared;
};

struct scaffold {
    char *path, *content;
    char table[64]; /* "" when the draft is about none */
};
void scaffold_clear(struct scaffold *s);

/* Each fills *out, which is the caller's. ERR_VALIDATION_FAILED, err->field "name", "table" and the
 * like, for what cannot be a name here. Pure. */
err_code scaffold_schema(const struct scaffold_schema *o, struct scaffold *out, struct err *err)
    MUST_USE;
err_code scaffold_seed(const struct scaffold_seed *o, struct scaffold *out, struct err *err)
    MUST_USE;
err_code scaffold_migration(const struct scaffold_migration *o, struct scaffold *out,
                            struct err *err) MUST_USE;

/* What a migration of that name is most likely about. */
scaffold_template scaffold_guess_template(const char *name);
/* "create-table" and the like, in the order of the enum; NULL past the last. */
const char *scaffold_template_name(scaffold_template template);
