/* SPDX-License-Identifier: MIT */
/* A place in a text of UTF-8, moved forward: line and column without counting from the start. */
#pragma once

#include <stddef.h>

struct place {
    size_t offset;
    int line, column; /* from 1; columns count characters */
};

#define PLACE_START(at) ((struct place){.offset = (at), .line = 1, .column = 1})

/* Moves forward to the byte at `offset` of text; a place is never moved back. */
void place_to_offset(struct place *place, const char *text, size_t offset);
/* Moves forward by so many characters, at most to `len`. */
void place_by_chars(struct place *place, const char *text, size_t len, size_t chars);
