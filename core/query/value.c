/* SPDX-License-Identifier: MIT */
#include "core/query/value.h"

#include <stdlib.h>
#include <string.h>

/* Types by their fixed numbers: src/include/catalog/pg_type.dat. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_OID = 26,
    OID_JSON = 114,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_NUMERIC = 1700,
    OID_JSONB = 3802,
};

#define EXACT_MAX (1LL << 53) /* what a double, and so JavaScript, holds exactly */

bool query_is_number(unsigned oid)
{
    return oid == OID_INT8 || oid == OID_INT2 || oid == OID_INT4 || oid == OID_FLOAT4 ||
           oid == OID_FLOAT8 || oid == OID_NUMERIC;
}

/* A json value keeps the line feeds it was written with; outside of strings they are mere blanks.
 */
static void add_json(struct str *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        str_add_char(out, text[i] == '\n' || text[i] == '\r' ? ' ' : text[i]);
}

static bool is_exact(const char *text)
{
    long long value = strtoll(text, NULL, 10);
    return value >= -EXACT_MAX && value <= EXACT_MAX;
}

static bool is_finite(const char *text)
{
    return strpbrk(text, "Nn") == NULL; /* NaN, Infinity */
}

void query_add_json_value(struct str *out, unsigned oid, const char *text, size_t n)
{
    if (!text)
        str_add(out, "null");
    else if (oid == OID_BOOL)
        str_add(out, *text == 't' ? "true" : "false");
    else if (oid == OID_JSON || oid == OID_JSONB)
        add_json(out, text, n);
    else if (oid == OID_INT2 || oid == OID_INT4 || oid == OID_OID ||
             (oid == OID_INT8 && is_exact(text)) ||
             ((oid == OID_FLOAT4 || oid == OID_FLOAT8) && is_finite(text)))
        str_add_n(out, text, n);
    else
        str_add_json(out, text);
}

void query_add_json(struct str *out, const struct pg_shape *shape, const struct pg_row *row)
{
    str_add_char(out, '[');
    for (size_t i = 0; i < row->count && i < shape->count; i++) {
        str_add(out, i ? "," : "");
        query_add_json_value(out, shape->columns[i].oid, row->values[i], row->lengths[i]);
    }
    str_add_char(out, ']');
}

void query_add_csv(struct str *out, const char *text, size_t n)
{
    bool quoted = text && (!n || strpbrk(text, ",\"\r\n"));

    if (!quoted) {
        str_add_n(out, text ? text : "", n);
        return;
    }
    str_add_char(out, '"');
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"')
            str_add_char(out, '"');
        str_add_char(out, text[i]);
    }
    str_add_char(out, '"');
}
