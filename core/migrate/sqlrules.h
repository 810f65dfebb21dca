/* SPDX-License-Identifier: MIT */
/* Which statements may not stand in a migration: a table over the nodes of PostgreSQL's grammar. */
#pragma once

#include <jansson.h>

#include "core/migrate/migration.h"

/* What the rules say about one statement. */
struct sql_verdict {
    const char *refusal; /* a literal; NULL: it may stand in a migration */
    sql_class class;     /* of the refusal: what would have to be allowed */
    statement_kind kind;
    bool needs_transaction; /* it means nothing, or does harm, when it runs by itself */
};

/* The statement `node` as libpg_query prints it: {"IndexStmt":{…}}. allow: sql_class bits that are
 * no reason to refuse; the class is told all the same. */
struct sql_verdict sql_judge(const json_t *node, unsigned allow);
