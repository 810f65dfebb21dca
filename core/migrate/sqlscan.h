/* SPDX-License-Identifier: MIT */
/*
 * SQL word by word, for what has to be found in a text that PostgreSQL's parser has accepted:
 * comments and strings are passed over. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum sql_token_kind {
    SQL_END,
    SQL_WORD,   /* a keyword or a name without quotes */
    SQL_QUOTED, /* a name in double quotes */
    SQL_STRING,
    SQL_OTHER, /* a single character */
} sql_token_kind;

struct sql_token {
    sql_token_kind kind;
    size_t offset, length;
};

/* The token at or after `at`; the next one begins at or after the offset that is returned. */
size_t sql_scan(const char *sql, size_t at, size_t end, struct sql_token *out);
/* Whether a token is this word, in any case; word is in lower case. */
bool sql_token_is(const char *sql, const struct sql_token *token, const char *word);
bool sql_token_is_name(const struct sql_token *token);
/* The offset of the first byte from `at` on that is neither blank nor comment. */
size_t sql_skip_blanks(const char *sql, size_t at, size_t end);
/* The offset behind the comment that begins at `at`; `at` when none does. */
size_t sql_skip_comment(const char *sql, size_t at, size_t end);
