/* SPDX-License-Identifier: MIT */
/* Which statements may not stand in a migration: a table over the nodes of PostgreSQL's grammar. */
#pragma once

#include <jansson.h>

/* Why the statement `node` (as libpg_query prints it, {"IndexStmt":{…}}) is refused; NULL: it is
 * not. The text is a literal. */
const char *sql_refusal(const json_t *node);
