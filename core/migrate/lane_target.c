/* SPDX-License-Identifier: MIT */
#include "core/migrate/lane_target.h"

#include <stdio.h>
#include <string.h>

#include "core/migrate/sqlscan.h"

/* A statement, and the token that is looked at. */
struct reader {
    const char *sql;
    size_t len, next;
    struct sql_token token;
};

static void step(struct reader *r)
{
    r->next = sql_scan(r->sql, r->next, r->len, &r->token);
}

static bool take(struct reader *r, const char *word)
{
    if (!sql_token_is(r->sql, &r->token, word))
        return false;
    step(r);
    return true;
}

static bool take_sign(struct reader *r, char sign)
{
    if (r->token.kind != SQL_OTHER || r->sql[r->token.offset] != sign)
        return false;
    step(r);
    return true;
}

/* Goes on behind the next token that is this word; false: there is none. */
static bool seek(struct reader *r, const char *word)
{
    while (r->token.kind != SQL_END && !sql_token_is(r->sql, &r->token, word))
        step(r);
    return take(r, word);
}

/* name or schema.name; PostgreSQL refuses what has more parts. */
static bool take_name(struct reader *r, char out[LANE_NAME_SIZE])
{
    int used = 0;

    do {
        if (!sql_token_is_name(&r->token) || used < 0)
            return false;
        int n = snprintf(out + used, (size_t)(LANE_NAME_SIZE - used), "%s%.*s", used ? "." : "",
                         (int)r->token.length, r->sql + r->token.offset);
        used = n < 0 || n >= LANE_NAME_SIZE - used ? -1 : used + n;
        step(r);
    } while (take_sign(r, '.'));
    return used > 0 && !take_sign(r, '&'); /* U&"…" */
}

static bool read_create(struct reader *r, struct lane_target *out)
{
    if (!seek(r, "concurrently"))
        return false;
    out->if_not_exists = take(r, "if") && take(r, "not") && take(r, "exists");
    if (sql_token_is(r->sql, &r->token, "on") || !take_name(r, out->index) || !take(r, "on"))
        return false;
    (void)take(r, "only");
    return take_name(r, out->relation);
}

static bool read_drop(struct reader *r, struct lane_target *out)
{
    if (!seek(r, "concurrently"))
        return false;
    (void)(take(r, "if") && take(r, "exists"));
    return take_name(r, out->relation);
}

static bool read_reindex(struct reader *r, struct lane_target *out)
{
    (void)take(r, "reindex");
    if (take_sign(r, '('))
        while (r->token.kind != SQL_END && !take_sign(r, ')'))
            step(r);
    out->is_index = take(r, "index");
    if (!out->is_index && !take(r, "table"))
        return false;
    (void)take(r, "concurrently");
    return take_name(r, out->relation);
}

static bool read_detach(struct reader *r, struct lane_target *out)
{
    if (!seek(r, "table"))
        return false;
    (void)(take(r, "if") && take(r, "exists"));
    (void)take(r, "only");
    return take_name(r, out->relation) && seek(r, "partition") && take_name(r, out->partition);
}

bool lane_target_read(statement_kind kind, const char *sql, size_t len, struct lane_target *out)
{
    struct reader r = {.sql = sql, .len = len};

    *out = (struct lane_target){.if_not_exists = false};
    step(&r);
    switch (kind) {
    case STATEMENT_CREATE_INDEX:
        return read_create(&r, out);
    case STATEMENT_DROP_INDEX:
        return read_drop(&r, out);
    case STATEMENT_REINDEX:
        return read_reindex(&r, out);
    case STATEMENT_DETACH:
        return read_detach(&r, out);
    case STATEMENT_PLAIN:
    case STATEMENT_VACUUM:
    case STATEMENT_CALL:
        break;
    }
    return false;
}

static void blank_out(char *sql, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++)
        if (sql[i] != '\n')
            sql[i] = ' ';
}

bool lane_strip(statement_kind kind, char *sql, size_t len)
{
    struct reader r = {.sql = sql, .len = len};

    if (kind == STATEMENT_VACUUM || kind == STATEMENT_REINDEX) {
        blank_out(sql, 0, len); /* a new schema has nothing to tidy */
        return false;
    }
    if (kind == STATEMENT_PLAIN || kind == STATEMENT_CALL)
        return true;
    while (r.token.kind != SQL_END || !r.next) {
        step(&r);
        if (sql_token_is(sql, &r.token, "concurrently")) {
            blank_out(sql, r.token.offset, r.token.offset + r.token.length);
            break;
        }
    }
    return true;
}
