/* SPDX-License-Identifier: MIT */
#include "core/migrate/place.h"

/* The first byte of the character counts for all of it. */
static void step(struct place *place, const char *text)
{
    char c = text[place->offset++];

    if (c == '\n') {
        place->line++;
        place->column = 1;
    } else if (((unsigned char)c & 0xc0) != 0x80) {
        place->column++;
    }
}

void place_to_offset(struct place *place, const char *text, size_t offset)
{
    while (place->offset < offset)
        step(place, text);
}

void place_by_chars(struct place *place, const char *text, size_t len, size_t chars)
{
    for (; chars && place->offset < len; chars--) {
        step(place, text);
        while (place->offset < len && ((unsigned char)text[place->offset] & 0xc0) == 0x80)
            place->offset++;
    }
}
