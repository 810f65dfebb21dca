/* SPDX-License-Identifier: MIT */
/* Schemas of the files of SQL in tests/pg. */
#pragma once

#include "core/base/str.h"
#include "core/pg/pg.h"

/* Makes the schema anew: runs the file, of tests/pg or by its whole path, with the schema alone on
 * the search path. In the file @schema@ stands for its quoted name. shared.plans is there. Fails
 * the test if that fails. */
void schema_sample_make(struct pg *pg, const char *schema, const char *file);

/* What pg_dump says of the schema, which has a name that is nowhere else; that becomes "it". false:
 * pg_dump is not here, or older than the server, which it refuses then. */
bool schema_sample_dump(struct pg *pg, const char *schema, const char *options, struct str *out);
/* Fails the test where two texts differ first. */
void schema_sample_same(const char *a, const char *b);
