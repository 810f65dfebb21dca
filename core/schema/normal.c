/* SPDX-License-Identifier: MIT */
#include "core/schema/normal.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/str.h"

static bool starts_name(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool continues_name(char c)
{
    return starts_name(c) || isdigit((unsigned char)c) || c == '$';
}

/* Bytes of what is quoted from q on; a doubled quote stands for itself, and so does what follows a
 * backslash in an E'' string. */
static size_t quoted_len(const char *q, bool escapes)
{
    size_t n = 1;

    while (q[n]) {
        if (escapes && q[n] == '\\' && q[n + 1])
            n += 2;
        else if (q[n] != q[0])
            n++;
        else if (q[n + 1] == q[0])
            n += 2;
        else
            return n + 1;
    }
    return n;
}

/* Bytes of the token at p; *is_name tells an identifier, quoted or not. */
static size_t token_len(const char *p, bool *is_name)
{
    size_t n = 1;

    *is_name = p[0] == '"' || starts_name(p[0]);
    if (p[0] == '"' || p[0] == '\'')
        return quoted_len(p, false);
    if (p[0] == 'E' && p[1] == '\'') {
        *is_name = false;
        return 1 + quoted_len(p + 1, true);
    }
    if (*is_name || isdigit((unsigned char)p[0]))
        while (continues_name(p[n]))
            n++;
    return n;
}

static bool names(const char *token, size_t n, const char *schema)
{
    if (token[0] != '"')
        return n == strlen(schema) && memcmp(token, schema, n) == 0;
    for (size_t i = 1; i + 1 < n; i++) {
        if (token[i] != *schema++)
            return false;
        if (token[i] == '"')
            i++;
    }
    return *schema == '\0';
}

char *schema_unqualify(const char *sql, const char *schema)
{
    CLEANUP(str_clear) struct str out = STR_INIT;
    bool is_name, after_dot = false;

    for (size_t n; *sql; sql += n) {
        n = token_len(sql, &is_name);
        if (is_name && !after_dot && sql[n] == '.' && sql[n + 1] != '*' && names(sql, n, schema)) {
            n++;
            continue;
        }
        after_dot = sql[0] == '.';
        str_add_n(&out, sql, n);
    }
    return str_take(&out);
}
