/* SPDX-License-Identifier: MIT */
#include "core/pg/array.h"

void pg_array_add(struct str *array, const char *text)
{
    str_add_char(array, array->len ? ',' : '{');
    if (!text) {
        str_add(array, "NULL");
        return;
    }
    str_add_char(array, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            str_add_char(array, '\\');
        str_add_char(array, *p);
    }
    str_add_char(array, '"');
}

void pg_array_end(struct str *array)
{
    str_add(array, array->len ? "}" : "{}");
}
