/* SPDX-License-Identifier: MIT */
#include "core/lint/type_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/str.h"
#include "core/migrate/sqlnode.h"

/* What the grammar calls a type, and what people do. */
static const char *const spoken[][2] = {
    {"int2", "smallint"},     {"int4", "integer"},        {"int8", "bigint"},
    {"bool", "boolean"},      {"float4", "real"},         {"float8", "double precision"},
    {"bpchar", "char"},       {"serial2", "smallserial"}, {"serial4", "serial"},
    {"serial8", "bigserial"},
};

static const char *spoken_name(const json_t *type)
{
    const json_t *names = json_object_get(type, "names");
    const char *name = node_last_name(names);

    /* "char" in quotes is another type than char */
    if (json_array_size(names) == 1 && str_eq(name, "char"))
        return "\"char\"";
    for (size_t i = 0; i < ARRAY_LEN(spoken); i++)
        if (str_eq(name, spoken[i][0]))
            return spoken[i][1];
    return name;
}

const char *type_name(const json_t *type, char out[TYPE_NAME_SIZE])
{
    const json_t *mods = json_object_get(type, "typmods");
    size_t n = (size_t)snprintf(out, TYPE_NAME_SIZE, "%s", spoken_name(type)), i;
    json_t *mod;

    json_array_foreach (mods, i, mod) {
        const json_t *number = json_object_get(json_object_get(mod, "A_Const"), "ival");
        if (n < TYPE_NAME_SIZE)
            n += (size_t)snprintf(out + n, TYPE_NAME_SIZE - n, "%s%lld", i ? "," : "(",
                                  (long long)json_integer_value(json_object_get(number, "ival")));
    }
    if (json_array_size(mods) && n < TYPE_NAME_SIZE)
        n += (size_t)snprintf(out + n, TYPE_NAME_SIZE - n, ")");
    if (json_object_get(type, "arrayBounds") && n < TYPE_NAME_SIZE)
        (void)snprintf(out + n, TYPE_NAME_SIZE - n, "[]");
    return out;
}

/* "varchar(20)" is varchar and 20; without a number 0. */
static long split(const char *type, char base[TYPE_NAME_SIZE], long *scale)
{
    size_t n = strcspn(type, "(");
    char *end = NULL;

    (void)snprintf(base, TYPE_NAME_SIZE, "%.*s", (int)n, type);
    long size = type[n] ? strtol(type + n + 1, &end, 10) : 0;
    *scale = end && *end == ',' ? strtol(end + 1, NULL, 10) : 0;
    return size;
}

/* Whether the second length takes all that the first does; 0 is without an end. */
static bool is_longer(long from, long to)
{
    return !to || (from && to >= from);
}

bool type_widens(const char *from, const char *to)
{
    char a[TYPE_NAME_SIZE], b[TYPE_NAME_SIZE];
    long scale_a, scale_b, size_a = split(from, a, &scale_a), size_b = split(to, b, &scale_b);

    if (str_eq(from, to))
        return true;
    if (str_ends(from, "]") || str_ends(to, "]"))
        return false;
    if (str_eq(a, "varchar"))
        return str_eq(b, "text") || (str_eq(b, "varchar") && is_longer(size_a, size_b));
    if (str_eq(a, "text"))
        return str_eq(b, "varchar") && !size_b;
    if (str_eq(a, "numeric"))
        return str_eq(b, "numeric") && is_longer(size_a, size_b) && (!size_b || scale_a == scale_b);
    return (str_eq(a, "varbit") && str_eq(b, "varbit") && is_longer(size_a, size_b)) ||
           (str_eq(a, "cidr") && str_eq(b, "inet"));
}
