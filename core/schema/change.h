/* SPDX-License-Identifier: MIT */
/*
 * What turns one schema into another: typed changes, and the SQL that makes them in an order that
 * works within one transaction. Pure; names are bare, so the SQL runs with the schema first in the
 * search path.
 */
#pragma once

#include <jansson.h>

#include "core/base/err.h"
#include "core/schema/model.h"

typedef enum change_class {
    CHANGE_MISSING, /* the first has not what the second has */
    CHANGE_EXTRA,
    CHANGE_CHANGED,
} change_class;

typedef enum change_hazard {
    CHANGE_DESTRUCTIVE = 1,   /* data is lost */
    CHANGE_MAY_FAIL = 2,      /* on the data that is there */
    CHANGE_REWRITES = 4,      /* every row is written anew */
    CHANGE_SCANS = 8,         /* every row is read under the lock */
    CHANGE_BUILDS_INDEX = 16, /* under the lock */
    CHANGE_RENAMES = 32,      /* programs that use the old name fail */
    CHANGE_NEW_LABEL = 64,    /* an enum's label that cannot be used before the commit */
    CHANGE_RESTARTS = 128,    /* numbers start again, which may collide with rows that are there */
} change_hazard;

struct schema_change {
    change_class class;
    const char *kind;          /* "table", "column", "index" and the like; a literal */
    char *path;                /* tables/users/columns/email, as in schema_json() */
    json_t *expected, *actual; /* owned: of the second, of the first; JSON's null for none */
    bool expressible;          /* there is SQL that makes it so */
};

struct change_statement {
    char *sql;        /* without the semicolon */
    char *table;      /* NULL: takes no lock that others would notice */
    const char *lock; /* "ACCESS EXCLUSIVE"; NULL likewise */
    unsigned hazards; /* change_hazard bits */
    size_t change;    /* the place of the change that it is for; n_changes: of no single one */
};

struct schema_changes {
    struct schema_change *changes; /* enums, domains, then table by table */
    size_t n_changes;
    struct change_statement *statements; /* in the order in which they run */
    size_t n_statements;
    unsigned hazards; /* of all of them */
};

struct change_options {
    /* What the schema is called where SQL has to say it: in grants on it, in functions, and in
     * front of what pg_catalog has under the same name. NULL: it is not said. */
    const char *schema;
    /* Foreign keys, checks and NOT NULL are added without looking at the rows, and validated by
     * statements of their own. */
    bool safe;
    /* {"table.old": "table.new", "old": "new"}; without it what has another name is dropped and
     * made. NULL: none. The columns are those of the table's old name. */
    const json_t *renames;
};

/*
 * What turns from into to. options may be NULL. *out is the caller's, schema_changes_free(). Fails
 * with ERR_VALIDATION_FAILED (err->field: the JSON pointer into renames) when a rename names
 * nothing, and with ERR_INTERNAL without memory.
 */
err_code schema_changes(const struct schema *from, const struct schema *to,
                        const struct change_options *options, struct schema_changes **out,
                        struct err *err) MUST_USE;
void schema_changes_free(struct schema_changes *changes); /* NULL is fine */
void schema_changes_freep(struct schema_changes **changes);

/* The statements as one text, each on a line of its own; free() it, NULL without memory. */
char *schema_changes_sql(const struct schema_changes *changes) MUST_USE;
/*
 * {"equal", "changes": [{"class", "kind", "path", "expected", "actual", "sql", "hazards"}],
 * "migration_sql", "statements": [{"sql", "table", "lock", "hazards"}], "hazards": [{"hazard",
 * "statement", "table", "lock", "detail"}], "destructive"}. NULL without memory.
 */
json_t *schema_changes_json(const struct schema_changes *changes);
