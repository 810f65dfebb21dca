/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "service/api/report.h"

static const char replacement[] = "\xEF\xBF\xBD";

/* What a character of one byte becomes; NULL: itself. Line breaks as references survive in
 * attributes, where XML makes blanks of them. */
static const char *escape(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    case '\t':
        return "&#9;";
    default:
        return c < 0x20 ? replacement : NULL;
    }
}

/* Bytes of the character at p in n bytes; 0: it is none that XML knows. */
static size_t length(const char *p, size_t n)
{
    size_t want = (unsigned char)*p < 0x80   ? 1
                  : (unsigned char)*p < 0xe0 ? 2
                  : (unsigned char)*p < 0xf0 ? 3
                                             : 4;

    if (want > n || utf8_valid_len(p, want) != want)
        return 0;
    bool is_not = want == 3 && memcmp(p, "\xEF\xBF", 2) == 0 && (unsigned char)p[2] >= 0xbe;
    return is_not ? 0 : want; /* U+FFFE and U+FFFF */
}

void xml_add(struct str *out, const char *text)
{
    size_t left = text ? strlen(text) : 0;

    while (left) {
        size_t n = length(text, left);
        const char *as = n == 1 ? escape((unsigned char)*text) : n ? NULL : replacement;
        if (as)
            str_add(out, as);
        else
            str_add_n(out, text, n);
        n = n ? n : 1;
        text += n;
        left -= n;
    }
}
