/* SPDX-License-Identifier: MIT */
/*
 * A migration and an ordered catalog of them: plain values and the rules of their names. Bytes are
 * kept exactly as they came, since trackers record the hash of the file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/migrate/sqlpolicy.h"

/* How a statement has to be run. What is not STATEMENT_PLAIN runs alone outside of transactions
 * when its migration does (struct migration.no_transaction). */
typedef enum statement_kind {
    STATEMENT_PLAIN,
    STATEMENT_CREATE_INDEX, /* these are not possible in a transaction: CONCURRENTLY … */
    STATEMENT_DROP_INDEX,
    STATEMENT_REINDEX,
    STATEMENT_DETACH,
    STATEMENT_VACUUM, /* … and VACUUM */
    STATEMENT_CALL,   /* CALL and DO: they may commit where no transaction is open */
} statement_kind;

/* One statement inside a migration's text: [offset, offset + length) in bytes. */
struct statement {
    size_t offset, length;
    int line, column; /* of its first character, from 1; columns count characters */
    statement_kind kind;
};

struct migration {
    char *version;   /* file name without ".sql"; in drizzle's folder layout the folder's name */
    int64_t number;  /* the leading number: the order, then the version */
    int64_t when_ms; /* the journal's "when", or the folder's timestamp; 0 when there is none */
    char *sql;       /* exact bytes, NUL-terminated */
    size_t sql_len;
    size_t run_from, run_to; /* the bytes that run: no byte-order mark, no section of the way back */
    char sha256[SHA256_HEX_SIZE];
    struct statement *statements;
    size_t statement_count;
    struct migration *down; /* the way back, under the same version; NULL: there is none */
    bool down_in_file;      /* it is a section of sql */
    bool no_transaction; /* a statement, or "-- tenantd: no-transaction" at its top, says so */
    unsigned classes;    /* sql_class bits of what it contains by leave of the policy */
};

struct catalog {
    char *name; /* "tenant" or "shared" */
    struct migration *items; /* ordered */
    size_t count;
};

enum { MIGRATION_VERSION_MAX = 200 };

/* Takes version ("0007_add_invoices": a leading number, then [A-Za-z0-9_.-]*), sets number.
 * ERR_INVALID_MIGRATION_NAME. */
err_code migration_number(const char *version, int64_t *number, struct err *err) MUST_USE;
/*
 * Makes a migration: checks the name, copies sql, hashes it, parses every statement with
 * PostgreSQL's parser and refuses those that may not stand in a migration (sqlcheck.h); likewise
 * those of its down section (down.h).
 * ERR_INVALID_MIGRATION_NAME, ERR_SQL_SYNTAX_ERROR and ERR_STATEMENT_NOT_ALLOWED, the last two with
 * err->line and err->column, and err->field = version.
 */
err_code migration_make(const char *version, const char *sql, size_t sql_len, int64_t when_ms,
                        struct migration *out, struct err *err) MUST_USE;
/* The same by another policy than the strict one. */
err_code migration_make_by(const struct sql_policy *policy, const char *version, const char *sql,
                           size_t sql_len, int64_t when_ms, struct migration *out,
                           struct err *err) MUST_USE;
void migration_clear(struct migration *m);
/* Frees an array of them and what they hold; NULL is fine. */
void migrations_free(struct migration *items, size_t count);
/* Order by leading number, then by version (bytes). For qsort over struct migration. */
int migration_compare(const void *a, const void *b);

/* Takes the items array and what it holds (also on failure); sorts it. */
err_code catalog_new(const char *name, struct migration *items, size_t count,
                     struct catalog **out, struct err *err) MUST_USE;
void catalog_free(struct catalog *catalog);
void catalog_freep(struct catalog **catalog);
/* Index of version, or count when it is not there. */
size_t catalog_find(const struct catalog *catalog, const char *version);
