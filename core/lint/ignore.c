/* SPDX-License-Identifier: MIT */
#include "core/lint/ignore.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/str.h"
#include "core/migrate/sqlscan.h"
#include "core/schema/model.h"

enum { IGNORE_FILE_MAX = 200 }; /* each is asked for each issue */

void ignores_clear(struct ignores *ignores)
{
    free(ignores->next.items);
    free(ignores->file.items);
    *ignores = (struct ignores){.failed = false};
}

static void add(struct ignores *ignores, bool whole, const struct ignore *ignore)
{
    struct ignore_list *list = whole ? &ignores->file : &ignores->next;
    struct ignore *item = NULL;

    if (whole && list->n == IGNORE_FILE_MAX)
        return;
    item = list_grow((void **)&list->items, list->n, sizeof *item);
    if (!item) {
        ignores->failed = true;
        return;
    }
    *item = *ignore;
    list->n++;
}

/* What follows the word that begins a comment, or NULL when it is another word. */
static const char *after_word(const char *at, const char *end, bool *whole)
{
    static const struct {
        const char *word;
        bool whole;
    } words[] = {{"lint-ignore-file", true},
                 {"squawk-ignore-file", true},
                 {"lint-ignore", false},
                 {"squawk-ignore", false}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i].word);
        if ((size_t)(end - at) < n || strncmp(at, words[i].word, n) != 0)
            continue;
        *whole = words[i].whole;
        return at + n == end || strchr(" \t:,*\r\n", at[n]) ? at + n : NULL;
    }
    return NULL;
}

static size_t name_length(const char *at, const char *end)
{
    size_t n = 0;
    while (at + n < end && ((at[n] >= 'a' && at[n] <= 'z') || (at[n] >= '0' && at[n] <= '9') ||
                            at[n] == '-' || at[n] == '_'))
        n++;
    return n;
}

static const char *skip(const char *at, const char *end, const char *set)
{
    while (at < end && strchr(set, *at))
        at++;
    return at;
}

static void read_names(struct ignores *ignores, const char *at, const char *end, bool whole,
                       struct ignore ignore)
{
    at = skip(at, end, " \t:");
    size_t n = name_length(at, end);

    if (!n)
        add(ignores, whole, &ignore);
    while (n) {
        size_t kept = n < IGNORE_NAME_SIZE ? n : IGNORE_NAME_SIZE - 1;
        memcpy(ignore.rule, at, kept);
        ignore.rule[kept] = '\0';
        add(ignores, whole, &ignore);
        at = skip(at + n, end, " \t");
        if (at >= end || *at != ',')
            return;
        at = skip(at, end, ", \t");
        n = name_length(at, end);
    }
}

/* A comment that ends at `end`: in it, behind its mark and blanks, may stand the word. */
static void read_comment(struct ignores *ignores, const char *sql, size_t from, size_t end,
                         size_t statement)
{
    bool whole = false;
    const char *at = skip(sql + from + 2, sql + end, " \t*-");
    const char *rest = after_word(at, sql + end, &whole);

    if (rest)
        read_names(ignores, rest, sql + end, whole,
                   (struct ignore){.statement = statement, .offset = from});
}

void ignores_read(struct ignores *ignores, const char *sql, size_t len,
                  const struct statement *statements, size_t count)
{
    size_t at = 0;

    for (size_t i = 0; i <= count && !ignores->failed; i++) {
        size_t end = i < count ? statements[i].offset : len;
        while (at < end) {
            size_t after = sql_skip_comment(sql, at, end);
            if (after > at)
                read_comment(ignores, sql, at, after, i);
            at = after > at ? after : at + 1;
        }
        if (i < count)
            at = statements[i].offset + statements[i].length;
    }
}

static bool fits(struct ignore *ignore, const char *rule)
{
    bool is = !ignore->rule[0] || str_eq(ignore->rule, rule);
    ignore->used |= is;
    return is;
}

/* The first of the ordered list that is about the statement or a later one. */
static size_t first_of(const struct ignore_list *list, size_t statement)
{
    size_t low = 0, high = list->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle].statement < statement)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool ignores_cover(struct ignores *ignores, size_t statement, const char *rule)
{
    bool covered = false;

    for (size_t i = 0; i < ignores->file.n; i++)
        covered |= fits(&ignores->file.items[i], rule);
    for (size_t i = first_of(&ignores->next, statement);
         i < ignores->next.n && ignores->next.items[i].statement == statement; i++)
        covered |= fits(&ignores->next.items[i], rule);
    return covered;
}
