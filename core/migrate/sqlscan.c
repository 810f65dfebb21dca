/* SPDX-License-Identifier: MIT */
#include "core/migrate/sqlscan.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool starts_word(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_in_word(char c)
{
    return starts_word(c) || isdigit((unsigned char)c) || c == '$';
}

static size_t word_end(const char *sql, size_t at, size_t end)
{
    while (at < end && is_in_word(sql[at]))
        at++;
    return at;
}

/* The offset after a comment that begins at `at`, or `at` when none does. */
size_t sql_skip_comment(const char *sql, size_t at, size_t end)
{
    if (end - at < 2)
        return at;
    if (sql[at] == '-' && sql[at + 1] == '-') {
        while (at < end && sql[at] != '\n' && sql[at] != '\r')
            at++;
        return at;
    }
    if (sql[at] != '/' || sql[at + 1] != '*')
        return at;
    size_t depth = 0;
    do {
        bool pair = at + 1 < end;
        bool opens = pair && sql[at] == '/' && sql[at + 1] == '*';
        bool closes = pair && sql[at] == '*' && sql[at + 1] == '/';
        depth = opens ? depth + 1 : closes ? depth - 1 : depth;
        at += opens || closes ? 2 : 1;
    } while (depth && at < end);
    return at;
}

size_t sql_skip_blanks(const char *sql, size_t at, size_t end)
{
    for (;;) {
        size_t from = at;
        while (at < end && isspace((unsigned char)sql[at]))
            at++;
        at = sql_skip_comment(sql, at, end);
        if (at == from)
            return at;
    }
}

/* Behind the quote that closes the one at `at`; a doubled one goes on. */
static size_t quoted_end(const char *sql, size_t at, size_t end, bool escapes)
{
    char quote = sql[at++];

    for (; at < end; at++) {
        if (escapes && sql[at] == '\\') {
            at++;
            continue;
        }
        if (sql[at] != quote)
            continue;
        if (at + 1 >= end || sql[at + 1] != quote)
            return at + 1;
        at++;
    }
    return end;
}

/* Behind $tag$ … $tag$; at when no dollar quote begins there. */
static size_t dollar_end(const char *sql, size_t at, size_t end)
{
    size_t tag = at + 1;

    while (tag < end && is_in_word(sql[tag]) && sql[tag] != '$')
        tag++;
    if (tag >= end || sql[tag] != '$' || (tag > at + 1 && isdigit((unsigned char)sql[at + 1])))
        return at;
    size_t n = tag + 1 - at;
    const char *close = memmem(sql + at + n, end - at - n, sql + at, n);
    return close ? (size_t)(close - sql) + n : end;
}

static size_t token_end(const char *sql, size_t at, size_t end, sql_token_kind *kind)
{
    char c = sql[at];

    if (starts_word(c)) {
        size_t stop = word_end(sql, at, end);
        bool prefix = stop == at + 1 && stop < end && sql[stop] == '\'';
        *kind = prefix ? SQL_STRING : SQL_WORD; /* E'…' B'…' X'…' N'…' */
        return prefix ? quoted_end(sql, stop, end, c == 'e' || c == 'E') : stop;
    }
    *kind = c == '"' ? SQL_QUOTED : c == '\'' || c == '$' ? SQL_STRING : SQL_OTHER;
    if (c == '"' || c == '\'')
        return quoted_end(sql, at, end, false);
    size_t stop = c == '$' ? dollar_end(sql, at, end) : at;
    if (stop > at)
        return stop;
    *kind = SQL_OTHER;
    return isdigit((unsigned char)c) ? word_end(sql, at, end) : at + 1;
}

size_t sql_scan(const char *sql, size_t at, size_t end, struct sql_token *out)
{
    at = sql_skip_blanks(sql, at, end);
    *out = (struct sql_token){.kind = SQL_END, .offset = at};
    if (at >= end)
        return at;
    size_t stop = token_end(sql, at, end, &out->kind);
    out->length = stop - at;
    return stop;
}

bool sql_token_is(const char *sql, const struct sql_token *token, const char *word)
{
    return token->kind == SQL_WORD && strlen(word) == token->length &&
           strncasecmp(sql + token->offset, word, token->length) == 0;
}

bool sql_token_is_name(const struct sql_token *token)
{
    return token->kind == SQL_WORD || token->kind == SQL_QUOTED;
}
