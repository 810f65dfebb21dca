/* SPDX-License-Identifier: MIT */
/* The text form of a PostgreSQL text[] (documentation, 8.15.6), to pass many values as one. */
#pragma once

#include "core/base/str.h"

/* Appends one element; the first call opens the array. NULL becomes SQL's NULL. */
void pg_array_add(struct str *array, const char *text);
/* Closes it; an array without elements becomes {}. */
void pg_array_end(struct str *array);
