/* SPDX-License-Identifier: MIT */
/*
 * An identifier ready to stand in SQL. DDL takes names only in this form, so that quoting happens
 * in one place (PostgreSQL documentation, 4.1.1 Identifiers and Key Words).
 */
#pragma once

#include "core/base/err.h"

enum {
    PG_NAME_MAX = 63, /* NAMEDATALEN - 1: PostgreSQL truncates longer names with a mere notice */
    PG_IDENT_SIZE = 2 * PG_NAME_MAX + 3,
};

struct pg_ident {
    char sql[PG_IDENT_SIZE]; /* quoted, inner quotes doubled */
};

/* Fails with ERR_SCHEMA_NAME_TOO_LONG over PG_NAME_MAX bytes, with ERR_INVALID_PARAMETER when name
 * is empty or not UTF-8. */
err_code pg_ident_quote(const char *name, struct pg_ident *out, struct err *err) MUST_USE;
