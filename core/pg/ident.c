/* SPDX-License-Identifier: MIT */
#include "core/pg/ident.h"

#include <string.h>

#include "core/base/str.h"

err_code pg_ident_quote(const char *name, struct pg_ident *out, struct err *err)
{
    size_t n = strlen(name);

    if (n == 0)
        return err_set(err, ERR_INVALID_PARAMETER, "a name must not be empty");
    if (n > PG_NAME_MAX)
        return err_set(err, ERR_SCHEMA_NAME_TOO_LONG, "\"%.80s\" is %zu bytes long, %d at most",
                       name, n, PG_NAME_MAX);
    if (utf8_valid_len(name, n) != n)
        return err_set(err, ERR_INVALID_PARAMETER, "a name must be valid UTF-8");
    char *p = out->sql;
    *p++ = '"';
    for (size_t i = 0; i < n; i++) {
        if (name[i] == '"')
            *p++ = '"';
        *p++ = name[i];
    }
    *p++ = '"';
    *p = '\0';
    return ERR_NONE;
}
