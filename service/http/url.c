/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "service/http/route.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that the n characters at text begin with, and in *used how many they are; -1: none. */
static int decode_byte(const char *text, size_t n, bool plus, size_t *used)
{
    *used = 1;
    if (text[0] == '+' && plus)
        return ' ';
    if (text[0] != '%')
        return (unsigned char)text[0];
    if (n < 3 || hex_digit(text[1]) < 0 || hex_digit(text[2]) < 0)
        return -1;
    *used = 3;
    return hex_digit(text[1]) * 16 + hex_digit(text[2]);
}

char *url_decode(const char *text, size_t n, bool plus)
{
    CLEANUP(freep) char *out = malloc(n + 1);
    size_t len = 0, used = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < n; i += used) {
        int byte = decode_byte(text + i, n - i, plus, &used);
        if (byte <= 0) /* a NUL would end the text before its end */
            return NULL;
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    if (utf8_valid_len(out, len) != len)
        return NULL;
    char *decoded = out;
    out = NULL; /* now the caller's */
    return decoded;
}
