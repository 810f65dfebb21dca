/* SPDX-License-Identifier: MIT */
/* Schemas of the files of SQL in tests/pg. */
#pragma once

#include "core/pg/pg.h"

/* Makes the schema anew: runs the file with the schema alone on the search path. In the file @
 * stands for its quoted name. Fails the test if that fails. */
void schema_sample_make(struct pg *pg, const char *schema, const char *file);
