/* SPDX-License-Identifier: MIT */
/*
 * The tracking table inside a tenant's schema: which migrations are applied. Four formats are in
 * the field (drizzle-multitenant's and drizzle's own); they are told apart by their columns. This
 * table is the truth about a tenant.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"
#include "core/migrate/migration.h"
#include "core/pg/ident.h"
#include "core/pg/pg.h"

typedef enum tracking_format {
    TRACKING_NAME,           /* id, name, applied_at */
    TRACKING_HASH,           /* id, hash, created_at timestamptz */
    TRACKING_DRIZZLE_KIT,    /* id, hash, created_at bigint (ms) */
    TRACKING_DRIZZLE_KIT_V1, /* drizzle-kit's + name, applied_at */
} tracking_format;

const char *tracking_format_name(tracking_format format); /* "name", "drizzle-kit-v1", ... */
bool tracking_format_parse(const char *name, tracking_format *out);

struct applied_row {
    char *name;           /* NULL in the hash formats and where drizzle left it empty */
    char *hash;           /* NULL in the name format */
    int64_t at_ms;        /* applied_at or created_at; 0 when unknown */
};

/* What one tracking table says. Equal contents give equal digests, whatever the order of rows. */
struct applied_set {
    tracking_format format;
    bool has_table; /* false: the schema has no tracking table yet, format is the one to create */
    struct applied_row *rows; /* in the order they were applied */
    size_t count;
    char digest[SHA256_HEX_SIZE]; /* of the keys */
    char *begun; /* version of a migration that was begun outside of transactions and has not ended
                    (lane_mark.h); NULL: none */
};

void applied_set_free(struct applied_set *set);
void applied_set_freep(struct applied_set **set);
struct applied_set *applied_set_copy(const struct applied_set *set); /* NULL: no memory */
/* An empty set without a table, for a schema that is about to be created. NULL: no memory. */
struct applied_set *applied_set_empty(tracking_format format);
/* Recomputes set->digest from its rows. */
void applied_set_digest(struct applied_set *set);
enum { APPLIED_SET_KEY_SIZE = SHA256_HEX_SIZE + MIGRATION_VERSION_MAX + 1 };
/* What tells two contents of one format apart: the digest, and what was begun. */
void applied_set_key(const struct applied_set *set, char out[APPLIED_SET_KEY_SIZE]);
/* Sets begun to a copy of version, NULL for none. false: no memory. */
bool applied_set_begin(struct applied_set *set, const char *version) MUST_USE;
/* The set as JSON and back, for the registry: {"format","has_table","rows":[[name,hash,at_ms]]}, and
 * "begun" where a migration was begun. */
json_t *applied_set_to_json(const struct applied_set *set);
err_code applied_set_from_json(const json_t *json, struct applied_set **out,
                               struct err *err) MUST_USE;

/*
 * Reads the tracking table `table` of `schema`, in the transaction that is open if one is. A schema
 * without the table gives an empty set in `fallback` format. ERR_SCHEMA_MISSING; a table whose
 * columns are of no known format gives ERR_HISTORY_DIVERGED.
 */
err_code tracking_read(struct pg *pg, const char *schema, const char *table,
                       tracking_format fallback, struct applied_set **out,
                       struct err *err) MUST_USE;

/* SQL text, appended; `table` is "schema"."table" already quoted. */
void tracking_sql_create(struct str *sql, tracking_format format, const char *table);
/* Records m as applied now, in format's own way (drizzle-kit's created_at is the journal's when). */
void tracking_sql_insert(struct str *sql, tracking_format format, const char *table,
                         const struct migration *m);
/* Forgets one row; of equal ones the one that was written last. */
void tracking_sql_delete(struct str *sql, tracking_format format, const char *table,
                         const struct applied_row *row);
/* An expression that gives the digest of the table as it is: equal to applied_set.digest. */
void tracking_sql_digest(struct str *sql, tracking_format format, const char *table);
/*
 * Appends a condition that is true when the table is not what set says. true: it is about all rows
 * of the table and stands in a SELECT that has it in its FROM, without GROUP BY; false: it stands by
 * itself.
 */
bool tracking_sql_differs(struct str *sql, const struct applied_set *set, const char *table);
