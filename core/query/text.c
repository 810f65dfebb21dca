/* SPDX-License-Identifier: MIT */
#include "core/query/text.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/place.h"
#include "core/migrate/sqlcheck.h"
#include "core/migrate/sqlspan.h"
#include "core/pg/ident.h"
#include "core/query/verdict.h"

/* The walk over the tokens: the last two, and what was made of what is before them. */
struct filling {
    const char *sql;
    const char *tenant, *shared; /* quoted, with the dot */
    struct sql_span sign, word;  /* a dollar sign, and a name right after it */
    size_t done;                 /* bytes of sql that are in made */
    struct str made;
    struct query_text *out;
    struct err *err;
};

void query_text_clear(struct query_text *text)
{
    free(text->sql);
    free(text->original);
    free(text->shifts);
    *text = (struct query_text){.sql = NULL};
}

static void set_place(const char *sql, size_t offset, struct err *err)
{
    struct place at = PLACE_START(0);

    place_to_offset(&at, sql, offset);
    err->line = at.line;
    err->column = at.column;
}

void query_text_place(const struct query_text *text, size_t position, struct err *err)
{
    struct place at = PLACE_START(0);

    if (!position)
        return;
    place_by_chars(&at, text->sql, strlen(text->sql), position - 1);
    size_t offset = at.offset, longer = 0, shorter = 0;
    for (size_t i = 0; i < text->shift_count; i++) {
        const struct query_shift *s = &text->shifts[i];
        if (s->at > at.offset)
            break;
        if (at.offset < s->at + s->made) { /* in the name itself */
            offset = s->at;
            break;
        }
        longer += s->made;
        shorter += s->was;
    }
    set_place(text->original, offset + shorter - longer, err);
}

static bool is_text(const struct filling *f, struct sql_span t, const char *text)
{
    size_t n = strlen(text);
    return t.end - t.start == n && memcmp(f->sql + t.start, text, n) == 0;
}

static err_code note_shift(struct filling *f, size_t at, size_t made, size_t was)
{
    struct query_text *out = f->out;

    if (!(out->shift_count & (out->shift_count - 1))) { /* a power of two: full */
        size_t cap = out->shift_count ? 2 * out->shift_count : 1;
        struct query_shift *more = realloc(out->shifts, cap * sizeof *more);
        if (!more)
            return err_set(f->err, ERR_INTERNAL, "out of memory");
        out->shifts = more;
    }
    out->shifts[out->shift_count++] = (struct query_shift){at, made, was};
    return ERR_NONE;
}

/* "$", the word and the dot stand without a gap. */
static err_code put_name(struct filling *f, struct sql_span dot)
{
    bool tenant = is_text(f, f->word, "tenant"), shared = is_text(f, f->word, "shared");
    const char *name = tenant ? f->tenant : f->shared;

    if (!tenant && !shared)
        return ERR_NONE; /* the parser says what it thinks of it */
    if (!name) {
        set_place(f->sql, f->sign.start, f->err);
        return err_set(f->err, ERR_SQL_SYNTAX_ERROR,
                       "there is no tenant here that $tenant could be");
    }
    str_add_n(&f->made, f->sql + f->done, f->sign.start - f->done);
    err_code rc = note_shift(f, f->made.len, strlen(name), dot.end - f->sign.start);
    str_add(&f->made, name);
    f->done = dot.end;
    return rc;
}

static err_code take_token(void *arg, struct sql_span t)
{
    struct filling *f = arg;
    err_code rc = ERR_NONE;

    if (f->word.end && t.start == f->word.end && is_text(f, t, "."))
        rc = put_name(f, t);
    bool follows = f->sign.end && !f->word.end && t.start == f->sign.end;
    f->word = follows ? t : (struct sql_span){.start = 0};
    if (!follows)
        f->sign = is_text(f, t, "$") ? t : (struct sql_span){.start = 0};
    return rc;
}

static err_code fill(struct filling *f)
{
    err_code rc = sql_spans(f->sql, strlen(f->sql), take_token, f, f->err);

    if (rc)
        return rc;
    str_add(&f->made, f->sql + f->done);
    f->out->original = strdup(f->sql);
    f->out->sql = str_take(&f->made);
    bool ok = f->out->sql && f->out->original;
    return ok ? ERR_NONE : err_set(f->err, ERR_INTERNAL, "out of memory");
}

static err_code add_dot(const char *schema, char out[PG_IDENT_SIZE + 1], struct err *err)
{
    struct pg_ident quoted;
    err_code rc = pg_ident_quote(schema, &quoted, err);

    if (!rc)
        (void)stpcpy(stpcpy(out, quoted.sql), ".");
    return rc;
}

/* The byte of the text that was not taken becomes the place in what the caller wrote. */
static err_code judge(struct query_text *out, bool may_write, struct err *err)
{
    size_t position = 0;
    err_code rc = query_judge(out->sql, may_write, &position, err);

    if (rc)
        query_text_place(out, position, err);
    return rc;
}

err_code query_text_fill(const char *sql, const struct query_names *names, struct query_text *out,
                         struct err *err)
{
    char tenant[PG_IDENT_SIZE + 1], shared[PG_IDENT_SIZE + 1];
    struct err ignored;
    struct filling f = {.sql = sql,
                        .tenant = names->tenant ? tenant : NULL,
                        .shared = shared,
                        .made = STR_INIT,
                        .out = out,
                        .err = err ? err : &ignored};

    *out = (struct query_text){.sql = NULL};
    err_code rc = names->tenant ? add_dot(names->tenant, tenant, err) : ERR_NONE;
    if (!rc)
        rc = add_dot(names->shared, shared, err);
    if (!rc)
        rc = fill(&f);
    str_clear(&f.made);
    if (rc)
        query_text_clear(out);
    return rc;
}

err_code query_text_make(const char *sql, const struct query_names *names, bool may_write,
                         struct query_text *out, struct err *err)
{
    struct err ignored;

    *out = (struct query_text){.sql = NULL};
    if (strlen(sql) > QUERY_SQL_MAX)
        return err_set(err, ERR_SQL_SYNTAX_ERROR, "a query is at most %d bytes long",
                       QUERY_SQL_MAX);
    err_code rc = sql_check_bytes(sql, strlen(sql), err);
    if (!rc)
        rc = query_text_fill(sql, names, out, err);
    if (rc)
        return rc;
    rc = judge(out, may_write, err ? err : &ignored);
    if (rc)
        query_text_clear(out);
    return rc;
}
