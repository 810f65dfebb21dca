/* SPDX-License-Identifier: MIT */
/*
 * What a migration's SQL is: split and parsed by PostgreSQL's own parser (libpg_query), and held
 * against the table of statements that may not stand in a migration.
 */
#pragma once

#include "core/migrate/migration.h"

/*
 * Splits sql; *out (the caller's, free()) and *count on success. ERR_SQL_SYNTAX_ERROR and
 * ERR_STATEMENT_NOT_ALLOWED with err->line and err->column. Thread-safe.
 */
err_code sql_check(const char *sql, size_t len, struct statement **out, size_t *count,
                   struct err *err) MUST_USE;

/* Bytes of the byte-order mark that sql begins with, 3 or 0: editors write it, PostgreSQL does not
 * take it. Offsets count it, columns do not. */
size_t sql_bom_len(const char *sql, size_t len);
