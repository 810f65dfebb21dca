/* SPDX-License-Identifier: MIT */
/*
 * A growing string with a sticky failure: append as often as you like, check once at the end.
 * After a failed allocation every further append does nothing and str_ok() is false.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"

struct str {
    char *data; /* NUL-terminated once anything was appended; NULL before */
    size_t len, cap;
    bool failed;
};

#define STR_INIT ((struct str){.data = NULL})

void str_clear(struct str *s); /* frees; for CLEANUP(str_clear) */
void str_reset(struct str *s); /* empties, keeps the memory */
void str_add(struct str *s, const char *text);
void str_add_n(struct str *s, const char *bytes, size_t n);
void str_add_char(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends text as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD. NULL is null. */
void str_add_json(struct str *s, const char *text);
bool str_ok(const struct str *s);
/* The text, never NULL ("" when empty); borrowed until the next append. */
const char *str_text(const struct str *s);
/* Hands the text to the caller (free() it), NULL if an append failed; s is empty after it. */
char *str_take(struct str *s) MUST_USE;

void freep(char **p); /* for CLEANUP(freep) char *x */

/* strcmp() == 0 and the like, as sentences; NULL equals nothing. */
bool str_eq(const char *a, const char *b);
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/* Number of bytes of the longest valid UTF-8 prefix of the n bytes at text (RFC 3629). */
size_t utf8_valid_len(const char *text, size_t n);
/* Number of characters in the n bytes of valid UTF-8 at text. */
size_t utf8_chars(const char *text, size_t n);
