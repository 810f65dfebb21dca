/* SPDX-License-Identifier: MIT */
/* Definitions that read the same in every schema. */
#pragma once

#include "core/base/attr.h"

/*
 * The SQL expression or CREATE INDEX in sql, as PostgreSQL deparses it, without the qualification
 * schema.name where it names objects of `schema`. The search path takes care of nearly all of them;
 * what is left are names that pg_catalog has as well (uuidv7() polyfills, say), which PostgreSQL
 * always qualifies. String literals stay as they are. free() it; NULL without memory.
 */
char *schema_unqualify(const char *sql, const char *schema) MUST_USE;
