/* SPDX-License-Identifier: MIT */
/*
 * A seed's SQL and the variables in it, written as in psql: :name and :'name' become a literal,
 * :"name" an identifier. PostgreSQL's own scanner says where they stand, so nothing inside a
 * string, a comment, a dollar quote, a cast or a slice is one. In a subscript write [(:name)].
 * Pure.
 */
#pragma once

#include <jansson.h>

#include "core/migrate/migration.h"
#include "core/migrate/sqlpolicy.h"

enum { SEED_MAX = 4 * 1024 * 1024, SEED_VARIABLE_MAX = 60 };

struct seed_variable {
    size_t offset, length; /* in the text, with the colon */
    int line, column;
    char name[SEED_VARIABLE_MAX + 1];
    bool identifier;
};

struct seed_text {
    const struct sql_policy *policy; /* borrowed; NULL: the strict one */
    char *sql;                       /* exact bytes, NUL-terminated */
    size_t len;
    char sha256[SHA256_HEX_SIZE];
    struct statement *statements;
    size_t statement_count;
    struct seed_variable *variables; /* in their order */
    size_t variable_count;
};

/*
 * Reads a seed. ERR_SQL_SYNTAX_ERROR and ERR_STATEMENT_NOT_ALLOWED with err->line and err->column,
 * by the rules of migrations, but that nothing may leave the transaction or change the session;
 * ERR_BODY_TOO_LARGE over SEED_MAX bytes. policy is borrowed for the life of out, which is the
 * caller's.
 */
err_code seed_text_make(const struct sql_policy *policy, const char *sql, size_t len,
                        struct seed_text *out, struct err *err) MUST_USE;
void seed_text_clear(struct seed_text *seed);
/* The names it uses, each once, sorted; NULL: no memory. */
json_t *seed_text_names(const struct seed_text *seed);

/* A seed with values in the place of its variables. */
struct seed_bound {
    const struct seed_text *seed; /* borrowed */
    char *sql;
    size_t len;
    size_t *ends; /* for each variable where its value ends in sql */
};

/*
 * Puts values in: texts, numbers, true and false as literals, null as NULL. Whatever they are, the
 * text has the statements it had, and each is held against the rules again, since an identifier may
 * decide about them; of schemas it may name the one that the value "schema" is.
 * ERR_UNKNOWN_VARIABLE, ERR_INVALID_VARIABLE with place. out is the caller's.
 */
err_code seed_bind(const struct seed_text *seed, const json_t *values, struct seed_bound *out,
                   struct err *err) MUST_USE;
void seed_bound_clear(struct seed_bound *bound);
/* The byte of the seed that a byte of the bound text comes from. */
size_t seed_bound_origin(const struct seed_bound *bound, size_t offset);
