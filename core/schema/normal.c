/* SPDX-License-Identifier: MIT */
#include "core/schema/normal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/pg/ident.h"

typedef enum token_kind {
    TOKEN_NAME,    /* quoted or not */
    TOKEN_LITERAL, /* '...' */
    TOKEN_OTHER,   /* E'...', a comment, a number, one character of anything else */
} token_kind;

struct rewriting {
    const char *schema;
    const struct name_list *shadowed;
    bool mark_all;
    struct str *out;
};

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

/* Bytes of the comment at p; 0: there is none. Functions have them, and apostrophes in them. */
static size_t comment_len(const char *p)
{
    if (p[0] == '-' && p[1] == '-')
        return strcspn(p, "\n");
    if (p[0] != '/' || p[1] != '*')
        return 0;
    const char *end = strstr(p + 2, "*/");
    return end ? (size_t)(end - p) + 2 : strlen(p);
}

static size_t token_len(const char *p, token_kind *kind)
{
    size_t n = comment_len(p);

    *kind = TOKEN_OTHER;
    if (n)
        return n;
    if (p[0] == '\'') {
        *kind = TOKEN_LITERAL;
        return quoted_len(p, false);
    }
    if (p[0] == 'E' && p[1] == '\'')
        return 1 + quoted_len(p + 1, true);
    if (p[0] == '"' || starts_name(p[0]))
        *kind = TOKEN_NAME;
    if (p[0] == '"')
        return quoted_len(p, false);
    for (n = 1; (*kind == TOKEN_NAME || isdigit((unsigned char)p[0])) && continues_name(p[n]); n++)
        ;
    return n;
}

/* Whether the token, in quotes of its own kind where it has any, says the name. */
static bool says(const char *token, size_t n, const char *name)
{
    char quote = token[0];

    if (quote != '"' && quote != '\'')
        return n == strlen(name) && memcmp(token, name, n) == 0;
    for (size_t i = 1; i + 1 < n; i++) {
        if (token[i] != *name++)
            return false;
        if (token[i] == quote)
            i++;
    }
    return *name == '\0';
}

/* Whether what stands after the qualification would be taken for something else without it. */
static bool needs_mark(const struct rewriting *w, const char *name)
{
    token_kind kind;
    size_t n = token_len(name, &kind);

    if (w->mark_all || kind != TOKEN_NAME)
        return true;
    for (size_t i = 0; w->shadowed && i < w->shadowed->n; i++)
        if (says(name, n, w->shadowed->items[i]))
            return true;
    return false;
}

static void rewrite(const struct rewriting *w, const char *sql);

static void literal_text(const char *literal, size_t n, struct str *out)
{
    for (size_t i = 1; i + 1 < n; i++) {
        str_add_char(out, literal[i]);
        i += literal[i] == '\'';
    }
}

static void add_literal(struct str *out, const char *text)
{
    str_add_char(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            str_add_char(out, '\'');
        str_add_char(out, *text);
    }
    str_add_char(out, '\'');
}

/* 'schema.seq'::regclass: SQL in a literal. */
static void rewrite_literal(const struct rewriting *w, const char *literal, size_t n)
{
    CLEANUP(str_clear) struct str inner = STR_INIT, inside = STR_INIT;
    struct rewriting nested = *w;

    nested.out = &inside;
    literal_text(literal, n, &inner);
    rewrite(&nested, str_text(&inner));
    add_literal(w->out, str_text(&inside));
    w->out->failed = w->out->failed || !str_ok(&inner) || !str_ok(&inside);
}

static void rewrite(const struct rewriting *w, const char *sql)
{
    bool after_dot = false;
    token_kind kind;

    for (size_t n; *sql; sql += n) {
        n = token_len(sql, &kind);
        if (kind == TOKEN_NAME && !after_dot && sql[n] == '.' && sql[n + 1] != '*' &&
            says(sql, n, w->schema)) {
            n++;
            if (needs_mark(w, sql + n))
                str_add(w->out, SCHEMA_MARK ".");
            continue;
        }
        after_dot = sql[0] == '.';
        if (kind == TOKEN_LITERAL && strncmp(sql + n, "::reg", 5) == 0)
            rewrite_literal(w, sql, n);
        else if (kind == TOKEN_LITERAL && w->mark_all && says(sql, n, w->schema))
            str_add(w->out, "'" SCHEMA_MARK "'");
        else
            str_add_n(w->out, sql, n);
    }
}

char *schema_unqualify(const char *sql, const char *schema, const struct name_list *shadowed)
{
    CLEANUP(str_clear) struct str out = STR_INIT;
    struct rewriting w = {.schema = schema, .shadowed = shadowed, .out = &out};

    rewrite(&w, sql);
    return str_take(&out);
}

char *schema_mark(const char *sql, const char *schema)
{
    CLEANUP(str_clear) struct str out = STR_INIT;
    struct rewriting w = {.schema = schema, .mark_all = true, .out = &out};

    rewrite(&w, sql);
    return str_take(&out);
}

/* How the schema is named. */
struct naming {
    const char *sql;  /* NULL: not at all, names are bare */
    const char *text; /* in a literal of its own; NULL: it cannot be named there */
};

static bool is_mark(const char *sql)
{
    size_t n = strlen(SCHEMA_MARK);
    return strncmp(sql, SCHEMA_MARK, n) == 0 && !continues_name(sql[n]);
}

static void name_schema(const struct naming *naming, const char **sql, size_t n, struct str *out)
{
    if (naming->sql)
        str_add(out, naming->sql);
    else if ((*sql)[n] == '.')
        (*sql)++; /* bare: without the dot */
    else
        str_add(out, SCHEMA_MARK);
}

static void requalify(const struct naming *naming, const char *sql, struct str *out);

static void requalify_literal(const struct naming *naming, const char *literal, size_t n,
                              struct str *out)
{
    CLEANUP(str_clear) struct str inner = STR_INIT, inside = STR_INIT;

    literal_text(literal, n, &inner);
    if (literal[n] == ':')
        requalify(naming, str_text(&inner), &inside);
    else
        str_add(&inside, naming->text);
    add_literal(out, str_text(&inside));
    out->failed = out->failed || !str_ok(&inner) || !str_ok(&inside);
}

static bool names_schema(const char *literal, size_t n)
{
    return strncmp(literal + n, "::reg", 5) == 0 || says(literal, n, SCHEMA_MARK);
}

static void requalify(const struct naming *naming, const char *sql, struct str *out)
{
    token_kind kind;

    for (size_t n; *sql; sql += n) {
        n = token_len(sql, &kind);
        if (is_mark(sql)) {
            n = strlen(SCHEMA_MARK);
            name_schema(naming, &sql, n, out);
        } else if (kind == TOKEN_LITERAL && naming->text && names_schema(sql, n)) {
            requalify_literal(naming, sql, n, out);
        } else {
            out->failed |= kind == TOKEN_LITERAL && !naming->text &&
                           memmem(sql, n, SCHEMA_MARK, strlen(SCHEMA_MARK));
            str_add_n(out, sql, n);
        }
    }
}

static char *name_by(const struct naming *naming, const char *sql)
{
    CLEANUP(str_clear) struct str out = STR_INIT;

    requalify(naming, sql, &out);
    return str_take(&out);
}

char *schema_requalify(const char *sql, const char *schema)
{
    struct pg_ident ident;

    if (!schema)
        return name_by(&(struct naming){.text = SCHEMA_MARK}, sql);
    if (str_eq(schema, SCHEMA_MARK))
        return strdup(sql);
    if (pg_ident_quote(schema, &ident, NULL))
        return NULL;
    return name_by(&(struct naming){.sql = ident.sql, .text = schema}, sql);
}

char *schema_put_mark(const char *sql, const char *with)
{
    return name_by(&(struct naming){.sql = with}, sql);
}

bool sql_mentions(const char *sql, const char *name)
{
    token_kind kind;

    for (size_t n; *sql; sql += n) {
        n = token_len(sql, &kind);
        if (kind == TOKEN_NAME && says(sql, n, name))
            return true;
    }
    return false;
}

char *sql_renamed(const char *sql, const char *from, const char *to)
{
    CLEANUP(str_clear) struct str out = STR_INIT;
    token_kind kind;

    for (size_t n; *sql; sql += n) {
        n = token_len(sql, &kind);
        if (kind == TOKEN_NAME && says(sql, n, from))
            str_add(&out, to);
        else
            str_add_n(&out, sql, n);
    }
    return str_take(&out);
}

bool sql_starts_with(const char *sql, const char *name)
{
    token_kind kind = TOKEN_OTHER;
    size_t n = *sql ? token_len(sql, &kind) : 0;

    return kind == TOKEN_NAME && says(sql, n, name);
}

bool sql_type_is(const char *type, const char *name)
{
    token_kind kind = TOKEN_OTHER;
    size_t n = *type ? token_len(type, &kind) : 0;

    if (kind != TOKEN_NAME || !says(type, n, name))
        return false;
    for (type += n; type[0] == '[' && type[1] == ']'; type += 2)
        ;
    return *type == '\0';
}
