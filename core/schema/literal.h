/* SPDX-License-Identifier: MIT */
/* Column defaults that are constants. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/schema/model.h"

/*
 * The constant a column's default stands for, as it looks in a row as JSON: what PostgreSQL
 * deparses as 'x'::text, 0, true, '{}'::jsonb. NULL for everything else: expressions, functions,
 * NULL, arrays, and times, whose text depends on settings. The caller's reference.
 */
json_t *column_default_json(const struct schema_column *c);

/* Whether the default is that of serial: the next value of the sequence that serial makes. */
bool column_is_serial(const struct schema_table *t, const struct schema_column *c);
