/* SPDX-License-Identifier: MIT */
#include "core/pg/literal.h"

#include <string.h>

void pg_literal_add(struct str *sql, const char *value)
{
    if (strchr(value, '\\'))
        str_add(sql, " E");
    str_add_char(sql, '\'');
    for (const char *p = value; *p; p++) {
        if (*p == '\'' || *p == '\\')
            str_add_char(sql, *p);
        str_add_char(sql, *p);
    }
    str_add_char(sql, '\'');
}

char *pg_literal(const char *value)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    pg_literal_add(&sql, value);
    return str_ok(&sql) ? strdup(str_text(&sql) + strspn(str_text(&sql), " ")) : NULL;
}
