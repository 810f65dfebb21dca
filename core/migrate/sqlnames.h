/* SPDX-License-Identifier: MIT */
/* Schemas that a statement names and a migration must not: another tenant's, for the most part. */
#pragma once

#include "core/migrate/sqlpolicy.h"

struct sql_name {
    char schema[64]; /* as libpg_query prints it, cut */
    size_t offset;   /* of the name in the statement; 0 when it is not told */
};

/* Looks through the JSON of a statement's tree, whole and however deep. true: *out is the first
 * schema that the policy does not know. What stands in strings and function bodies is not seen. */
bool sql_names_foreign(const struct sql_policy *policy, const char *tree, struct sql_name *out);
/* The same from the words of a statement that is too big for a tree: the names after INTO, FROM,
 * JOIN, UPDATE, ONLY and USING. */
bool sql_words_foreign(const struct sql_policy *policy, const char *sql, size_t len,
                       struct sql_name *out);
/* Whether any name of the statement has a dot in it: without one there is no schema to look for. */
bool sql_has_dotted_name(const char *sql, size_t len);
