/* SPDX-License-Identifier: MIT */
#include "service/ctl/nearest.h"

#include <string.h>

enum { WORD_MAX = 63 };

struct nearest nearest_start(const char *word, size_t n)
{
    return (struct nearest){
        .word = word, .len = n < WORD_MAX ? n : WORD_MAX, .distance = n / 3 + 2};
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance, a row at a time. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t row[WORD_MAX + 1];

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

void nearest_offer(struct nearest *near, const char *candidate)
{
    size_t len = strnlen(candidate, WORD_MAX);
    size_t d = distance(near->word, near->len, candidate, len);

    if (d < near->distance) {
        near->distance = d;
        near->best = candidate;
    }
}
