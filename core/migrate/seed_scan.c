/* SPDX-License-Identifier: MIT */
/* Where the variables stand: a walk over the tokens of PostgreSQL's scanner. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/str.h"
#include "core/migrate/place.h"
#include "core/migrate/seed_internal.h"
#include "core/migrate/sqlcheck.h"
#include "core/migrate/sqlspan.h"

/* The walk. A subscript is the one place where a colon by itself is SQL. */
struct walk {
    const char *sql;
    struct str
        open; /* brackets that are open: '(', 'a' of an ARRAY constructor, 's' of a subscript */
    struct sql_span before,
        colon;              /* the last token, comments left out; a colon that waits for its name */
    bool before_is_literal; /* the last token was a string or a variable that becomes one */
    struct place at;
    struct seed_text *out;
    struct err *err;
};

static bool is_char(const struct walk *w, struct sql_span t, char c)
{
    return t.end == t.start + 1 && w->sql[t.start] == c;
}

static bool is_comment(const struct walk *w, struct sql_span t)
{
    return t.end - t.start >= 2 &&
           (strncmp(w->sql + t.start, "--", 2) == 0 || strncmp(w->sql + t.start, "/*", 2) == 0);
}

static bool is_word(const struct walk *w, struct sql_span t, const char *word)
{
    size_t n = strlen(word);
    return t.end - t.start == n && strncasecmp(w->sql + t.start, word, n) == 0;
}

/* 'x', E'x', U&'x', $$x$$: whatever the scanner takes as one token and has a quote at its end. */
static bool is_string(const struct walk *w, struct sql_span t)
{
    return t.end > t.start + 1 && (w->sql[t.end - 1] == '\'' || w->sql[t.end - 1] == '$');
}

static err_code fail(struct walk *w, size_t offset, const char *message)
{
    struct place at = w->at;

    place_to_offset(&at, w->sql, offset);
    (void)err_set(w->err, ERR_SQL_SYNTAX_ERROR, "line %d, column %d: %s", at.line, at.column,
                  message);
    if (w->err) {
        w->err->line = at.line;
        w->err->column = at.column;
    }
    return ERR_SQL_SYNTAX_ERROR;
}

static char top(const struct walk *w)
{
    return w->open.len ? w->open.data[w->open.len - 1] : '\0';
}

static void pop(struct walk *w)
{
    if (w->open.len)
        w->open.data[--w->open.len] = '\0';
}

static void note_bracket(struct walk *w, struct sql_span t)
{
    bool nested = top(w) == 'a' && (is_char(w, w->before, '[') || is_char(w, w->before, ','));

    if (is_char(w, t, '('))
        str_add_char(&w->open, '(');
    else if (is_char(w, t, '['))
        str_add_char(&w->open, nested || is_word(w, w->before, "ARRAY") ? 'a' : 's');
    else if (is_char(w, t, ')') || is_char(w, t, ']'))
        pop(w);
}

/* The name in a token right after a colon: word, 'word' or "word"; false: it is none. */
static bool read_name(const struct walk *w, struct sql_span t, struct seed_variable *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    const char *text = w->sql + t.start;
    size_t n = t.end - t.start;
    bool quoted = *text == '\'' || *text == '"';

    out->identifier = *text == '"';
    if (quoted) {
        text++;
        n = n < 2 ? 0 : n - 2;
    }
    if (!n || n > SEED_VARIABLE_MAX || (*text >= '0' && *text <= '9') || strspn(text, letters) < n)
        return false;
    (void)snprintf(out->name, sizeof out->name, "%.*s", (int)n, text);
    return true;
}

static err_code add_variable(struct walk *w, struct seed_variable *v, struct sql_span t)
{
    struct seed_text *s = w->out;

    if (!(s->variable_count & (s->variable_count - 1))) { /* a power of two: full */
        size_t cap = s->variable_count ? 2 * s->variable_count : 1;
        struct seed_variable *more = realloc(s->variables, cap * sizeof *more);
        if (!more)
            return err_set(w->err, ERR_INTERNAL, "out of memory");
        s->variables = more;
    }
    v->offset = w->colon.start;
    v->length = t.end - w->colon.start;
    place_to_offset(&w->at, w->sql, v->offset);
    v->line = w->at.line;
    v->column = w->at.column;
    s->variables[s->variable_count++] = *v;
    return ERR_NONE;
}

/* PostgreSQL joins strings that stand in a row, and takes a word before a quote for its kind: next
 * to those a value would not be a literal of its own. */
static err_code take_variable(struct walk *w, struct sql_span t)
{
    struct seed_variable v = {.offset = 0};

    if (!read_name(w, t, &v))
        return fail(w, w->colon.start, "after the colon there is no name of a variable");
    if (w->before_is_literal && !v.identifier)
        return fail(w, w->colon.start, "a variable cannot stand right after a string");
    if (w->before.end && w->before.end == w->colon.start &&
        !strchr("=<>+-*/|&%^~!@#?(),;[].", w->sql[w->before.end - 1]))
        return fail(w, w->colon.start, "there must be a blank before a variable");
    err_code rc = add_variable(w, &v, t);
    w->before = (struct sql_span){.start = w->colon.start, .end = t.end};
    w->before_is_literal = !v.identifier;
    w->colon = (struct sql_span){.start = 0};
    return rc;
}

static err_code take_token(struct walk *w, struct sql_span t)
{
    bool after_colon = w->colon.end && w->colon.end == t.start;

    if (is_comment(w, t))
        return ERR_NONE;
    if (after_colon && (read_name(w, t, &(struct seed_variable){.offset = 0}) ||
                        w->sql[t.start] == '\'' || w->sql[t.start] == '"'))
        return take_variable(w, t);
    w->colon = (struct sql_span){.start = 0};
    if (is_char(w, t, ':') && top(w) != 's') {
        w->colon = t;
        return ERR_NONE; /* what stood before it still does */
    }
    if (is_string(w, t) && w->before_is_literal && w->out->variable_count &&
        w->before.start == w->out->variables[w->out->variable_count - 1].offset)
        return fail(w, t.start, "a string cannot stand right after a variable");
    note_bracket(w, t);
    w->before_is_literal = is_string(w, t);
    w->before = t;
    return str_ok(&w->open) ? ERR_NONE : err_set(w->err, ERR_INTERNAL, "out of memory");
}

static err_code take(void *arg, struct sql_span t)
{
    return take_token(arg, t);
}

err_code seed_scan(struct seed_text *seed, struct err *err)
{
    struct walk w = {
        .sql = seed->sql, .at = PLACE_START(sql_bom_len(seed->sql, seed->len)), .out = seed, .err = err};
    err_code rc = sql_spans(seed->sql, seed->len, take, &w, err);

    str_clear(&w.open);
    return rc;
}
