/* SPDX-License-Identifier: MIT */
/* SQL text where a value cannot be a parameter: inside a script. */
#pragma once

#include "core/base/str.h"

/* Appends value as a string literal that every setting of standard_conforming_strings reads alike
 * (PostgreSQL documentation, 4.1.2.2). */
void sqltext_add_literal(struct str *sql, const char *value);
