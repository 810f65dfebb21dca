/* SPDX-License-Identifier: MIT */
/* Values as SQL text, where they cannot be parameters: inside a script, in DDL. */
#pragma once

#include "core/base/attr.h"
#include "core/base/str.h"

/*
 * Appends value as a string literal that every setting of standard_conforming_strings reads alike
 * (PostgreSQL documentation, 4.1.2.2). One with a backslash has a blank in front, so that its E is
 * never taken for the end of a word.
 */
void pg_literal_add(struct str *sql, const char *value);
/* The literal by itself; free() it. NULL: no memory. */
char *pg_literal(const char *value) MUST_USE;
