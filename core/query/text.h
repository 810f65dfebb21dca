/* SPDX-License-Identifier: MIT */
/*
 * A query's SQL: one statement that reads, as PostgreSQL's parser sees it, or with leave one that
 * changes rows. "$tenant." and "$shared." stand for the schemas, whose names become quoted ones;
 * they are looked for among the tokens of PostgreSQL's scanner, so never in a literal or a comment.
 *
 * The parser keeps honest people from mistakes. What keeps the others out is the login that a query
 * runs with (core/tenant/login.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

enum { QUERY_SQL_MAX = 128 * 1024, QUERY_PARAMS_MAX = 100 };

/* A placeholder that became longer or shorter. */
struct query_shift {
    size_t at;        /* its first byte in the text that is sent */
    size_t made, was; /* bytes there, and in what the caller wrote */
};

struct query_text {
    char *sql;      /* what is sent */
    char *original; /* what the caller wrote */
    size_t shift_count;
    struct query_shift *shifts;
};

struct query_names {
    const char *tenant; /* NULL: there is none, "$tenant." is refused */
    const char *shared;
};

/*
 * *out is the caller's, query_text_clear(). ERR_SQL_SYNTAX_ERROR, ERR_MULTIPLE_STATEMENTS,
 * ERR_QUERY_NOT_ALLOWED, with err->line and err->column in what the caller wrote.
 */
err_code query_text_make(const char *sql, const struct query_names *names, bool may_write,
                         struct query_text *out, struct err *err) MUST_USE;
/* The same for a statement that has passed it with other names. */
err_code query_text_fill(const char *sql, const struct query_names *names, struct query_text *out,
                         struct err *err) MUST_USE;
void query_text_clear(struct query_text *text);

/* Sets err->line and err->column to where a character of the text that is sent (from 1) stands in
 * what the caller wrote; 0 is nowhere. */
void query_text_place(const struct query_text *text, size_t position, struct err *err);
