/* SPDX-License-Identifier: MIT */
#include "core/migrate/down.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/sqlcheck.h"

enum { MARKER_MAX = 24 };

/* Lines that begin a section, in lower case and with single blanks. */
static const struct marker {
    const char *text;
    bool down;
    bool alone; /* they are words as anybody writes them, so nothing may stand behind them */
} markers[] = {
    {"-- migrate:up", false, false},  {"-- migrate:down", true, false},  /* dbmate */
    {"-- +goose up", false, false},   {"-- +goose down", true, false},   /* goose */
    {"-- +migrate up", false, false}, {"-- +migrate down", true, false}, /* sql-migrate */
    {"-- up migration", false, true}, {"-- down migration", true, true}, /* node-pg-migrate */
};

/* The line as markers are written, cut to what a marker may be long. */
static void simplify(const char *line, size_t len, char out[MARKER_MAX])
{
    size_t n = 0;
    bool blank = false;

    for (size_t i = 0; i < len && n + 2 < MARKER_MAX; i++) {
        if (isspace((unsigned char)line[i])) {
            blank = n > 0;
            continue;
        }
        if (blank || (n == 2 && out[1] == '-')) /* "--migrate:down" is one too */
            out[n++] = ' ';
        blank = false;
        out[n++] = (char)tolower((unsigned char)line[i]);
    }
    if (blank && n + 1 < MARKER_MAX)
        out[n++] = ' ';
    out[n] = '\0';
}

/* The marker that the line is, NULL when it is none; words may stand behind most. */
static const struct marker *marker_of(const char *line, size_t len)
{
    char text[MARKER_MAX];

    if (!memchr(line, '-', len)) /* nearly every line */
        return NULL;
    simplify(line, len, text);
    for (size_t i = 0; i < ARRAY_LEN(markers); i++) {
        size_t n = strlen(markers[i].text);
        if (strncmp(text, markers[i].text, n) != 0)
            continue;
        const char *behind = text + n + (text[n] == ' ');
        if (!*behind || (text[n] == ' ' && !markers[i].alone))
            return &markers[i];
    }
    return NULL;
}

static err_code fail_order(int line, struct err *err)
{
    (void)err_set(err, ERR_SQL_SYNTAX_ERROR,
                  "line %d, column 1: the down section must be one, and the last of the file",
                  line);
    if (err) {
        err->line = line;
        err->column = 1;
    }
    return ERR_SQL_SYNTAX_ERROR;
}

err_code down_section_find(const char *sql, size_t len, struct down_section *out, struct err *err)
{
    bool found = false;
    int line = 1;

    *out = (struct down_section){.up_len = len, .from = len};
    for (size_t at = sql_bom_len(sql, len); at < len; line++) {
        const char *end = memchr(sql + at, '\n', len - at);
        size_t next = end ? (size_t)(end - sql) + 1 : len;
        const struct marker *marker = marker_of(sql + at, next - at);
        if (marker) {
            if (found)
                return fail_order(line, err);
            found = marker->down;
            if (found)
                *out = (struct down_section){.up_len = at, .from = next};
        }
        at = next;
    }
    return ERR_NONE;
}

/* The way back runs in one transaction: it shall be taken whole or not at all. */
static err_code refuse_alone(const struct migration *down, struct err *err)
{
    static const char why[] =
        "a way back runs in one transaction; it must do without CONCURRENTLY and VACUUM";
    const struct statement *s = down->statements, *end = s + down->statement_count;

    while (s < end && (s->kind == STATEMENT_PLAIN || s->kind == STATEMENT_CALL))
        s++;
    if (s == end) /* a directive alone says that it shall be otherwise */
        return err_set(err, ERR_STATEMENT_NOT_ALLOWED, "%s", why);
    (void)err_set(err, ERR_STATEMENT_NOT_ALLOWED, "line %d, column %d: %s", s->line, s->column,
                  why);
    if (err) {
        err->line = s->line;
        err->column = s->column;
    }
    return ERR_STATEMENT_NOT_ALLOWED;
}

static err_code check_script(struct migration *down, const struct sql_policy *policy,
                             struct err *err)
{
    struct sql_facts facts;
    err_code rc = sql_check_by(policy, down->sql, down->sql_len, &facts, err);

    if (rc)
        return rc;
    down->statements = facts.statements;
    down->statement_count = facts.count;
    down->classes = facts.classes;
    return facts.no_transaction ? refuse_alone(down, err) : ERR_NONE;
}

/* Takes text, whose bytes from `from` on are the script; lines count from the text's start. */
static err_code take_script(struct migration *m, const struct sql_policy *policy, char *text,
                            size_t from, size_t len, struct err *err)
{
    struct migration *down = calloc(1, sizeof *down);
    err_code rc = ERR_NONE;

    if (!down || !text) {
        free(down);
        free(text);
        return err_set(err, ERR_INTERNAL, "out of memory");
    }
    *down = (struct migration){.version = strdup(m->version),
                               .number = m->number,
                               .sql = text,
                               .sql_len = len,
                               .run_from = from + sql_bom_len(text + from, len - from),
                               .run_to = len};
    sha256_hex(text + from, len - from, down->sha256);
    rc = down->version ? check_script(down, policy, err)
                       : err_set(err, ERR_INTERNAL, "out of memory");
    if (!rc && down->statement_count) {
        m->down = down; /* now the migration's */
        return ERR_NONE;
    }
    migration_clear(down);
    free(down);
    return rc && err ? err_in(err, m->version) : rc;
}

err_code migration_take_section(struct migration *m, const struct sql_policy *policy,
                                const struct down_section *section, struct err *err)
{
    char *text = malloc(m->sql_len + 1);

    /* the same lines and columns as in the file, without what comes before */
    for (size_t i = 0; text && i < section->from; i++)
        text[i] = m->sql[i] == '\n' ? '\n' : ' ';
    if (text)
        memcpy(text + section->from, m->sql + section->from, m->sql_len + 1 - section->from);
    err_code rc = take_script(m, policy, text, section->from, m->sql_len, err);
    m->down_in_file = m->down != NULL;
    return rc;
}

err_code migration_set_down(struct migration *m, const char *sql, size_t len, struct err *err)
{
    return migration_set_down_by(m, NULL, sql, len, err);
}

err_code migration_set_down_by(struct migration *m, const struct sql_policy *policy,
                               const char *sql, size_t len, struct err *err)
{
    if (m->down) {
        (void)err_set(err, ERR_DOWN_MISMATCH, "the file of %s has a down section itself",
                      m->version);
        return err ? err_in(err, m->version) : ERR_DOWN_MISMATCH;
    }
    char *text = malloc(len + 1);
    if (text) {
        if (len)
            memcpy(text, sql, len);
        text[len] = '\0';
    }
    return take_script(m, policy, text, 0, len, err);
}
