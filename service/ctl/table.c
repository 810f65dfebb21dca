/* SPDX-License-Identifier: MIT */
#include "service/ctl/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* Reads one character of valid UTF-8. */
static size_t decode(const char *text, uint32_t *out)
{
    const unsigned char *b = (const unsigned char *)text;

    if (b[0] < 0x80) {
        *out = b[0];
        return 1;
    }
    size_t n = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
    uint32_t c = b[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (b[i] & 0x3fU);
    *out = c;
    return n;
}

/* Characters that move, reorder or hide what stands around them. */
static bool is_hostile(uint32_t c)
{
    return c == 0xad || c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

static size_t add_escape(struct str *out, uint32_t c)
{
    size_t before = out->len;

    if (c == '\n')
        str_add(out, "\\n");
    else if (c == '\r')
        str_add(out, "\\r");
    else if (c == '\t')
        str_add(out, "\\t");
    else if (c <= 0xff)
        str_addf(out, "\\x%02x", (unsigned)c);
    else
        str_addf(out, "\\u{%x}", (unsigned)c);
    return out->len - before;
}

static size_t add_character(struct str *out, const char *bytes, size_t n, uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || is_hostile(c))
        return add_escape(out, c);
    str_add_n(out, bytes, n);
    int width = wcwidth((wchar_t)c);
    return width < 0 ? 1 : (size_t)width;
}

size_t text_add_safe(struct str *out, const char *text)
{
    size_t columns = 0, left = text ? strlen(text) : 0;

    if (!text) {
        str_add_char(out, '-');
        return 1;
    }
    while (left) {
        size_t valid = utf8_valid_len(text, left);
        left -= valid;
        for (uint32_t c; valid;) {
            size_t n = decode(text, &c);
            columns += add_character(out, text, n, c);
            text += n;
            valid -= n;
        }
        if (left) {
            str_add(out, replacement);
            columns++;
            text++;
            left--;
        }
    }
    return columns;
}

void table_init(struct table *table, const char *const *headings)
{
    *table = (struct table){.headings = headings};
    while (headings[table->columns])
        table->columns++;
}

void table_clear(struct table *table)
{
    str_clear(&table->cells);
    free(table->widths);
    table->widths = NULL;
}

void table_add(struct table *table, const char *text)
{
    if (table->count == table->cap) {
        size_t cap = table->cap ? 2 * table->cap : 64;
        size_t *grown = reallocarray(table->widths, cap, sizeof *grown);
        table->failed = table->failed || !grown;
        if (!grown)
            return;
        table->widths = grown;
        table->cap = cap;
    }
    table->widths[table->count++] = text_add_safe(&table->cells, text && !*text ? NULL : text);
    str_add_char(&table->cells, '\0');
}

void table_add_int(struct table *table, long long value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%lld", value);
    table_add(table, text);
}

static void measure(const struct table *table, size_t widths[TABLE_COLUMNS_MAX])
{
    for (size_t c = 0; c < table->columns; c++)
        widths[c] = strlen(table->headings[c]);
    for (size_t i = 0; i < table->count; i++)
        if (table->widths[i] > widths[i % table->columns])
            widths[i % table->columns] = table->widths[i];
}

static void add_cell(struct str *out, const char *text, size_t width, size_t room, bool last)
{
    str_add(out, text);
    if (last)
        str_add_char(out, '\n');
    else
        str_addf(out, "%*s", (int)(room - width + 2), "");
}

void table_write(const struct table *table, struct str *out)
{
    size_t widths[TABLE_COLUMNS_MAX];
    const char *cell = str_text(&table->cells);

    out->failed = out->failed || table->failed || !str_ok(&table->cells);
    if (!str_ok(out))
        return;
    measure(table, widths);
    for (size_t c = 0; c < table->columns; c++)
        add_cell(out, table->headings[c], strlen(table->headings[c]), widths[c],
                 c + 1 == table->columns);
    for (size_t i = 0; i < table->count; i++) {
        size_t c = i % table->columns;
        add_cell(out, cell, table->widths[i], widths[c], c + 1 == table->columns);
        cell += strlen(cell) + 1;
    }
}
