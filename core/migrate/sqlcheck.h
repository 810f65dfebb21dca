/* SPDX-License-Identifier: MIT */
/*
 * What a migration's SQL is: split and parsed by PostgreSQL's own parser (libpg_query), and held
 * against the table of statements that may not stand in a migration.
 */
#pragma once

#include "core/migrate/migration.h"

/* What a migration's text turned out to be. */
struct sql_facts {
    struct statement *statements; /* the caller's, free() */
    size_t count;
    bool no_transaction;
    unsigned classes; /* sql_class bits that the policy allowed and the text needs */
};

/*
 * Splits and checks sql; *out is written on success only. policy NULL is the strict one.
 * ERR_SQL_SYNTAX_ERROR and ERR_STATEMENT_NOT_ALLOWED with err->line and err->column; the message
 * of the latter says which word of migrations.allow would allow it. Thread-safe.
 */
err_code sql_check_by(const struct sql_policy *policy, const char *sql, size_t len,
                      struct sql_facts *out, struct err *err) MUST_USE;
/* The same by the strict policy, for the statements alone. */
err_code sql_check(const char *sql, size_t len, struct statement **out, size_t *count,
                   struct err *err) MUST_USE;

/* The part of it that needs no parser: UTF-8 without NUL, no run of operators that PostgreSQL's
 * scanner would be busy with for ever; sql ends with a NUL. */
err_code sql_check_bytes(const char *sql, size_t len, struct err *err) MUST_USE;

/* Bytes of the byte-order mark that sql begins with, 3 or 0: editors write it, PostgreSQL does not
 * take it. Offsets count it, columns do not. */
size_t sql_bom_len(const char *sql, size_t len);
