/* SPDX-License-Identifier: MIT */
/*
 * Text for a terminal: what came from elsewhere is made harmless before it is shown, and lines up.
 * Widths are those of wcwidth(3), so the program calls setlocale() for a UTF-8 LC_CTYPE first.
 */
#pragma once

#include <stdio.h>

#include "core/base/str.h"

/*
 * Appends text with what could steer a terminal or hide text as an escape: C0, DEL and C1 controls
 * as \n, \t, \x1b, line separators and characters that change the direction or have no width as
 * \u{202e}; bytes that are not UTF-8 as U+FFFD. NULL appends "-". Returns the columns it takes.
 */
size_t text_add_safe(struct str *out, const char *text);

enum { TABLE_COLUMNS_MAX = 10 };

/* Rows of cells, kept until the widths are known. */
struct table {
    const char *const *headings; /* ends with NULL */
    size_t columns;
    struct str cells; /* each cell's safe text and its NUL, row by row */
    size_t *widths;   /* of each cell */
    size_t count, cap;
    bool failed; /* out of memory */
};

void table_init(struct table *table, const char *const *headings);
void table_clear(struct table *table);
/* The next cell; NULL shows as "-". */
void table_add(struct table *table, const char *text);
void table_add_int(struct table *table, long long value);
/* Appends headings and rows, columns two blanks apart, no blanks at the end of a line. */
void table_write(const struct table *table, struct str *out);
