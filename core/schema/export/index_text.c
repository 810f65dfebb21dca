/* SPDX-License-Identifier: MIT */
#include "core/schema/export/index_text.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

/* Deparsing doubles quotes, and backslashes in E'' strings, so a quote ends at one that is alone.
 */
static size_t quoted_span(const char *p)
{
    size_t n = 1;

    while (p[n])
        if (p[n] != p[0])
            n++;
        else if (p[n + 1] == p[0])
            n += 2;
        else
            return n + 1;
    return n;
}

size_t sql_text_span(const char *p)
{
    size_t n = 0;
    unsigned depth = 0;

    do {
        if (p[n] == '"' || p[n] == '\'') {
            n += quoted_span(p + n);
            continue;
        }
        depth += p[n] == '(' || p[n] == '[';
        depth -= depth && (p[n] == ')' || p[n] == ']');
        n++;
    } while (depth && p[n]);
    return n;
}

/* The text behind the first `word` outside of quotes and brackets; NULL when there is none. */
static const char *behind(const char *sql, const char *word)
{
    for (; *sql; sql += sql_text_span(sql))
        if (str_starts(sql, word))
            return sql + strlen(word);
    return NULL;
}

static bool add_key(struct name_list *keys, const char *from, size_t n)
{
    while (n && *from == ' ') {
        from++;
        n--;
    }
    char **slot = list_grow((void **)&keys->items, keys->n, sizeof *slot);
    if (!slot || !(*slot = strndup(from, n)))
        return false;
    keys->n++;
    return true;
}

/* The n bytes between the brackets. */
static bool split_keys(const char *text, size_t n, struct name_list *keys)
{
    const char *from = text, *end = text + n;

    for (const char *p = text; p < end; p += sql_text_span(p)) {
        if (*p != ',')
            continue;
        if (!add_key(keys, from, (size_t)(p - from)))
            return false;
        from = p + 1;
    }
    return add_key(keys, from, (size_t)(end - from));
}

bool index_text_split(const struct schema_index *x, struct index_text *out)
{
    const char *at = behind(x->definition, " USING ");

    *out = (struct index_text){.rest = NULL};
    at = at ? strchr(at, '(') : NULL;
    if (!at)
        return false;
    size_t n = sql_text_span(at);
    const char *rest = at + n;
    while (*rest == ' ')
        rest++;
    const char *where = str_starts(rest, "WHERE ") ? rest : behind(rest, " WHERE ");
    size_t len = !where          ? strlen(rest)
                 : where == rest ? 0
                                 : (size_t)(where - rest) - strlen(" WHERE ");
    out->rest = strndup(rest, len);
    bool ok = out->rest && n >= 2 && split_keys(at + 1, n - 2, &out->keys);
    if (!ok)
        index_text_clear(out);
    return ok;
}

void index_text_clear(struct index_text *text)
{
    name_list_clear(&text->keys);
    free(text->rest);
    *text = (struct index_text){.rest = NULL};
}
