/* SPDX-License-Identifier: MIT */
/* Values of a result as JSON and as CSV. */
#pragma once

#include "core/base/str.h"
#include "core/pg/each.h"

/*
 * Appends row as a JSON array: integers and floats as numbers, booleans, json and jsonb as what
 * they are, NULL as null, all else as text. Text, too: numeric, integers beyond 2^53, and what
 * floats have that JSON lacks, so that nobody reads another number than the one that is there.
 */
void query_add_json(struct str *out, const struct pg_shape *shape, const struct pg_row *row);
void query_add_json_value(struct str *out, unsigned oid, const char *text, size_t n);
/* Appends one field of CSV (RFC 4180), in quotes where it needs them; an empty text has them, NULL
 * (text NULL) is nothing at all. */
void query_add_csv(struct str *out, const char *text, size_t n);
/* Whether "sum" and the like make sense of the type. */
bool query_is_number(unsigned oid);
