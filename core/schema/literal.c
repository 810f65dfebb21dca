/* SPDX-License-Identifier: MIT */
#include "core/schema/literal.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"

/* Whether p is nothing, or casts and nothing else: ::character varying(3), ::"Mood"[]. */
static bool only_cast(const char *p)
{
    bool quoted = false;

    if (*p && !str_starts(p, "::"))
        return false;
    for (; *p; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (!quoted && !isalnum((unsigned char)*p) && (unsigned char)*p < 0x80 &&
                 !strchr(":_ .$()[],", *p))
            return false;
    }
    return true;
}

/* The constant's text without quotes and cast: 'it''s'::text gives it's. */
static bool constant_text(const char *sql, struct str *out)
{
    bool escapes = sql[0] == 'E' && sql[1] == '\'';

    if (sql[0] != '\'' && !escapes) {
        size_t n = strcspn(sql, ":");
        str_add_n(out, sql, n);
        return only_cast(sql + n);
    }
    for (sql += escapes ? 2 : 1; *sql; sql++) {
        if (escapes && sql[0] == '\\' && sql[1] == '\\')
            sql++; /* the only escape that deparsing makes */
        else if (sql[0] == '\'' && sql[1] == '\'')
            sql++;
        else if (sql[0] == '\'')
            return only_cast(sql + 1);
        str_add_char(out, *sql);
    }
    return false;
}

/* -?[0-9]+, with a fraction if that may be. */
static bool is_number(const char *text, bool fraction)
{
    size_t at = text[0] == '-', digits = strspn(text + at, "0123456789");

    at += digits;
    if (digits && fraction && text[at] == '.') {
        digits = strspn(text + at + 1, "0123456789");
        at += 1 + digits;
    }
    return digits && !text[at];
}

static json_t *number_json(const char *text)
{
    return json_loads(text, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
}

static json_t *text_json(type_class class, const char *text, bool quoted)
{
    switch (class) {
    case TYPE_BOOL:
        return str_eq(text, "true") || str_eq(text, "t")    ? json_true()
               : str_eq(text, "false") || str_eq(text, "f") ? json_false()
                                                            : NULL;
    case TYPE_SMALLINT:
    case TYPE_INTEGER:
        return is_number(text, false) ? json_integer(strtoll(text, NULL, 10)) : NULL;
    case TYPE_FLOAT:
        return is_number(text, true) ? number_json(text) : NULL;
    case TYPE_BIGINT:
        return is_number(text, false) ? json_text(text) : NULL;
    case TYPE_NUMERIC:
        return is_number(text, true) ? json_text(text) : NULL;
    case TYPE_JSON:
        return quoted ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    case TYPE_TEXT:
    case TYPE_ENUM:
    case TYPE_UUID:
        return quoted ? json_text(text) : NULL;
    case TYPE_BITS:
    case TYPE_BYTES:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMETZ:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
    case TYPE_COMPOSITE:
    case TYPE_OTHER:
        return NULL;
    }
    return NULL;
}

json_t *column_default_json(const struct schema_column *c)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    if (!c->default_expr || c->generated || c->type.dimensions)
        return NULL;
    if (!constant_text(c->default_expr, &text) || !str_ok(&text))
        return NULL;
    return text_json(c->type.class, str_text(&text),
                     c->default_expr[0] == '\'' || c->default_expr[0] == 'E');
}

bool column_is_serial(const struct schema_table *t, const struct schema_column *c)
{
    CLEANUP(str_clear) struct str plain = STR_INIT;
    CLEANUP(str_clear) struct str quoted = STR_INIT;
    bool integer = str_eq(c->type.name, "smallint") || str_eq(c->type.name, "integer") ||
                   str_eq(c->type.name, "bigint");

    if (!integer || !c->default_expr || !c->not_null || c->generated)
        return false;
    str_addf(&plain, "nextval('%s_%s_seq'::regclass)", t->name, c->name);
    str_addf(&quoted, "nextval('\"%s_%s_seq\"'::regclass)", t->name, c->name);
    return str_eq(str_text(&plain), c->default_expr) || str_eq(str_text(&quoted), c->default_expr);
}
