/* SPDX-License-Identifier: MIT */
/* Types as people write them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/schema/build.h"

/* What is in brackets stands between name and rest: timestamp(3) with time zone. */
static const struct known {
    const char *written, *name, *rest;
    type_class class;
} known[] = {
    {"bool", "boolean", "", TYPE_BOOL},
    {"boolean", "boolean", "", TYPE_BOOL},
    {"int2", "smallint", "", TYPE_SMALLINT},
    {"smallint", "smallint", "", TYPE_SMALLINT},
    {"int", "integer", "", TYPE_INTEGER},
    {"int4", "integer", "", TYPE_INTEGER},
    {"integer", "integer", "", TYPE_INTEGER},
    {"int8", "bigint", "", TYPE_BIGINT},
    {"bigint", "bigint", "", TYPE_BIGINT},
    {"numeric", "numeric", "", TYPE_NUMERIC},
    {"decimal", "numeric", "", TYPE_NUMERIC},
    {"float4", "real", "", TYPE_FLOAT},
    {"real", "real", "", TYPE_FLOAT},
    {"float8", "double precision", "", TYPE_FLOAT},
    {"double precision", "double precision", "", TYPE_FLOAT},
    {"text", "text", "", TYPE_TEXT},
    {"varchar", "character varying", "", TYPE_TEXT},
    {"character varying", "character varying", "", TYPE_TEXT},
    {"char", "character", "", TYPE_TEXT},
    {"character", "character", "", TYPE_TEXT},
    {"bit", "bit", "", TYPE_BITS},
    {"varbit", "bit varying", "", TYPE_BITS},
    {"bit varying", "bit varying", "", TYPE_BITS},
    {"bytea", "bytea", "", TYPE_BYTES},
    {"uuid", "uuid", "", TYPE_UUID},
    {"json", "json", "", TYPE_JSON},
    {"jsonb", "jsonb", "", TYPE_JSON},
    {"date", "date", "", TYPE_DATE},
    {"time", "time", " without time zone", TYPE_TIME},
    {"time without time zone", "time", " without time zone", TYPE_TIME},
    {"timetz", "time", " with time zone", TYPE_TIMETZ},
    {"time with time zone", "time", " with time zone", TYPE_TIMETZ},
    {"timestamp", "timestamp", " without time zone", TYPE_TIMESTAMP},
    {"timestamp without time zone", "timestamp", " without time zone", TYPE_TIMESTAMP},
    {"timestamptz", "timestamp", " with time zone", TYPE_TIMESTAMPTZ},
    {"timestamp with time zone", "timestamp", " with time zone", TYPE_TIMESTAMPTZ},
};

/* A type taken apart. */
struct parts {
    char base[128];     /* in small letters, single blanks */
    char arguments[32]; /* "(10,2)", or "" */
    int dimensions;
    bool plain; /* it could be taken apart */
};

/* Appends the n bytes in small letters, runs of blanks as one. */
static void add_base(struct parts *p, const char *text, size_t n)
{
    size_t len = strlen(p->base);

    for (size_t i = 0; i < n && len + 1 < sizeof p->base; i++) {
        bool blank = isspace((unsigned char)text[i]);
        if (blank && (!len || p->base[len - 1] == ' '))
            continue;
        p->base[len++] = blank ? ' ' : (char)tolower((unsigned char)text[i]);
    }
    p->base[len] = '\0';
}

static void add_arguments(struct parts *p, const char *text, size_t n)
{
    size_t len = 0;

    for (size_t i = 0; i < n && len + 1 < sizeof p->arguments; i++)
        if (!isspace((unsigned char)text[i]))
            p->arguments[len++] = text[i];
    p->arguments[len] = '\0';
}

static void take_apart(const char *type, struct parts *p)
{
    size_t n = strlen(type);

    *p = (struct parts){.plain = !strchr(type, '"') && n < sizeof p->base};
    while (n > 2 && type[n - 1] == ']' && type[n - 2] == '[') {
        p->dimensions++;
        n -= 2;
    }
    const char *open = memchr(type, '(', n), *close = open ? strchr(open, ')') : NULL;
    if (close && close < type + n) {
        add_base(p, type, (size_t)(open - type));
        add_arguments(p, open, (size_t)(close + 1 - open));
        add_base(p, close + 1, (size_t)(type + n - close - 1));
    } else {
        add_base(p, type, n);
    }
    size_t len = strlen(p->base);
    if (len && p->base[len - 1] == ' ')
        p->base[len - 1] = '\0';
}

static const struct known *find_known(const struct parts *p)
{
    for (size_t i = 0; p->plain && i < ARRAY_LEN(known); i++)
        if (str_eq(known[i].written, p->base))
            return &known[i];
    return NULL;
}

static void apply_arguments(const struct parts *p, struct schema_type *out)
{
    const char *comma = strchr(p->arguments, ',');
    int first = p->arguments[0] ? (int)strtol(p->arguments + 1, NULL, 10) : 0;

    if (out->class == TYPE_TEXT || out->class == TYPE_BITS)
        out->length = first;
    if (out->class == TYPE_NUMERIC && first) {
        out->precision = first;
        out->scale = comma ? (int)strtol(comma + 1, NULL, 10) : 0;
    }
}

/* As format_type() writes it: numeric(6) has a scale, character a length, an array one []. */
static void write_name(const struct known *k, struct parts *p, struct str *out)
{
    if (k->class == TYPE_NUMERIC && p->arguments[0] && !strchr(p->arguments, ','))
        (void)snprintf(strrchr(p->arguments, ')'), 4, ",0)");
    if (!p->arguments[0] && (str_eq(k->name, "character") || str_eq(k->name, "bit")))
        (void)snprintf(p->arguments, sizeof p->arguments, "(1)");
    str_addf(out, "%s%s%s%s", k->name, p->arguments, k->rest, p->dimensions ? "[]" : "");
}

static size_t find_enum(const struct schema *s, const char *type)
{
    size_t n = strlen(type);

    while (n > 2 && memcmp(type + n - 2, "[]", 2) == 0)
        n -= 2;
    for (size_t i = 0; i < s->n_enums; i++) {
        const char *name = s->enums[i].name;
        bool quoted =
            n > 2 && type[0] == '"' && strlen(name) == n - 2 && memcmp(type + 1, name, n - 2) == 0;
        if (quoted || (strlen(name) == n && memcmp(type, name, n) == 0))
            return i;
    }
    return s->n_enums;
}

void model_type(struct schema_builder *b, const char *type, struct schema_type *out)
{
    CLEANUP(str_clear) struct str name = STR_INIT;
    struct parts parts;

    if (b->failed)
        return;
    take_apart(type, &parts);
    const struct known *k = find_known(&parts);
    size_t at = find_enum(b->schema, type);
    *out = (struct schema_type){.class = TYPE_OTHER, .dimensions = parts.dimensions};
    if (at < b->schema->n_enums) {
        out->class = TYPE_ENUM;
        out->enumeration = at;
    } else if (k) {
        out->class = k->class;
    }
    if (k && out->class != TYPE_ENUM)
        write_name(k, &parts, &name);
    else
        str_add(&name, type);
    apply_arguments(&parts, out);
    b->failed |= !str_ok(&name);
    out->name = model_text(b, str_text(&name));
}
