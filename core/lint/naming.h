/* SPDX-License-Identifier: MIT */
/* Styles of names. */
#pragma once

#include <stdbool.h>

#include "core/base/str.h"

/* Whether there is such a style: snake_case, camelCase, PascalCase, kebab-case. */
bool naming_is_style(const char *style);
bool naming_fits(const char *name, const char *style);
/* The name as the style would have it; appended. */
void naming_convert(const char *name, const char *style, struct str *out);
/* Whether name is pattern, in which * stands for anything. */
bool naming_matches(const char *name, const char *pattern);
