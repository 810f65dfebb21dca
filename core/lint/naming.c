/* SPDX-License-Identifier: MIT */
#include "core/lint/naming.h"

#include <string.h>

#include "core/base/attr.h"

/* How a style joins words: what stands between them, and which of them begin with a capital. */
static const struct style {
    const char *name;
    char between; /* 0: nothing */
    bool first_capital, capitals;
} styles[] = {
    {"snake_case", '_', false, false},
    {"camelCase", 0, false, true},
    {"PascalCase", 0, true, true},
    {"kebab-case", '-', false, false},
};

static const struct style *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(styles); i++)
        if (str_eq(styles[i].name, name))
            return &styles[i];
    return NULL;
}

bool naming_is_style(const char *style)
{
    return find(style) != NULL;
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char to_lower(char c)
{
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static char to_upper(char c)
{
    return is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

bool naming_fits(const char *name, const char *style)
{
    const struct style *s = find(style);

    if (!s)
        return true;
    if (s->first_capital ? !is_upper(*name) : !is_lower(*name))
        return false;
    for (const char *c = name; *c; c++) {
        if (s->between && *c == s->between) { /* single, and not at the end */
            if (!is_lower(c[1]) && !is_digit(c[1]))
                return false;
        } else if (!is_lower(*c) && !is_digit(*c) && !(s->capitals && is_upper(*c))) {
            return false;
        }
    }
    return true;
}

void naming_convert(const char *name, const char *style, struct str *out)
{
    const struct style *s = find(style);
    bool begins = true; /* a word */
    size_t start = out->len;

    for (const char *c = name; *c && s; c++) {
        bool hump = c > name && is_upper(*c) && is_lower(c[-1]);
        if (*c == '_' || *c == '-' || *c == ' ') {
            begins = true;
            continue;
        }
        begins |= hump;
        bool first = out->len == start;
        if (begins && !first && s->between)
            str_add_char(out, s->between);
        bool capital = begins && (first ? s->first_capital : s->capitals);
        str_add_char(out, capital ? to_upper(*c) : to_lower(*c));
        begins = false;
    }
}

bool naming_matches(const char *name, const char *pattern)
{
    const char *star = NULL, *back = NULL;

    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            back = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) { /* what the last star stands for is one longer */
            pattern = star + 1;
            name = ++back;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}
