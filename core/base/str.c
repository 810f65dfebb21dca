/* SPDX-License-Identifier: MIT */
#include "core/base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void str_clear(struct str *s)
{
    free(s->data);
    *s = STR_INIT;
}

void str_reset(struct str *s)
{
    s->len = 0;
    if (s->data)
        s->data[0] = '\0';
}

/* Makes room for n more bytes and the terminator. */
static bool reserve(struct str *s, size_t n)
{
    if (s->failed)
        return false;
    if (n < s->cap - s->len && s->cap)
        return true;
    size_t want = s->len + n + 1;
    size_t cap = s->cap ? s->cap : 64;
    while (cap < want)
        cap *= 2;
    char *data = realloc(s->data, cap);
    if (!data) {
        s->failed = true;
        return false;
    }
    s->data = data;
    s->cap = cap;
    return true;
}

void str_add_n(struct str *s, const char *bytes, size_t n)
{
    if (!reserve(s, n))
        return;
    if (n)
        memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
    str_add_n(s, text, strlen(text));
}

void str_add_char(struct str *s, char c)
{
    str_add_n(s, &c, 1);
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n >= 0 && reserve(s, (size_t)n)) {
        (void)vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

static void add_json_char(struct str *s, char c)
{
    switch (c) {
    case '"':
        str_add(s, "\\\"");
        return;
    case '\\':
        str_add(s, "\\\\");
        return;
    case '\n':
        str_add(s, "\\n");
        return;
    case '\t':
        str_add(s, "\\t");
        return;
    default:
        if ((unsigned char)c < 0x20)
            str_addf(s, "\\u%04x", (unsigned)(unsigned char)c);
        else
            str_add_char(s, c);
    }
}

void str_add_json(struct str *s, const char *text)
{
    if (!text) {
        str_add(s, "null");
        return;
    }
    str_add_char(s, '"');
    for (size_t left = strlen(text); left;) {
        size_t good = utf8_valid_len(text, left);
        for (size_t i = 0; i < good; i++)
            add_json_char(s, text[i]);
        text += good;
        left -= good;
        if (left) {
            str_add(s, "\xef\xbf\xbd");
            text++;
            left--;
        }
    }
    str_add_char(s, '"');
}

bool str_ok(const struct str *s)
{
    return !s->failed;
}

const char *str_text(const struct str *s)
{
    return s->data ? s->data : "";
}

char *str_take(struct str *s)
{
    char *data = NULL;

    str_add_n(s, "", 0);
    if (!s->failed) {
        data = s->data;
        s->data = NULL;
    }
    str_clear(s);
    return data;
}

void freep(char **p)
{
    free(*p);
}

bool str_eq(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

/* Bytes of the UTF-8 sequence at p, 0 if it is none (RFC 3629, table 3-7 of the Unicode book). */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    size_t want = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
                  : p[0] >= 0xe0 && p[0] <= 0xef ? 3
                  : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                                 : 0;
    if (!want || n < want)
        return 0;
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < want; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return want;
}

size_t utf8_valid_len(const char *text, size_t n)
{
    size_t at = 0;
    while (at < n) {
        size_t step = utf8_sequence((const unsigned char *)text + at, n - at);
        if (!step)
            break;
        at += step;
    }
    return at;
}

size_t utf8_chars(const char *text, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}
