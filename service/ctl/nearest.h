/* SPDX-License-Identifier: MIT */
/* The word that was probably meant. */
#pragma once

#include <stddef.h>

struct nearest {
    const char *word;
    size_t len;
    const char *best; /* NULL: nothing is near */
    size_t distance;
};

/* word, n bytes of it, is borrowed until the last offer. */
struct nearest nearest_start(const char *word, size_t n);
/* Takes the candidate if it is nearer than those before; borrowed. */
void nearest_offer(struct nearest *near, const char *candidate);
