/* SPDX-License-Identifier: MIT */
/* What tells two models apart, in words for people. */
#pragma once

#include <jansson.h>

#include "core/base/err.h"

/*
 * Compares two models as schema_json() writes them and appends one line a difference, at most
 * max of them: {"path": "tables/users/columns/email/type", "expected", "found"}, either null where
 * something is missing. What has a name is compared by name, wherever it stands. Returns how many
 * differences there are, also those past max.
 */
size_t schema_diff(const json_t *expected, const json_t *found, size_t max, json_t *out);
