/* SPDX-License-Identifier: MIT */
/*
 * Reading the tree of one statement as libpg_query prints it: the members that those who look for
 * hazards and bad habits ask for. Every function takes NULL for a node that is not there.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* The node of the first statement: {"IndexStmt":{…}}; the caller's. NULL when it is longer than
 * 1 MiB, does not parse, or without memory. The caller's stack must bear it: sql_run_deep(). */
json_t *node_parse(const char *statement);

/* A member's text; "" when it has none. */
const char *node_text(const json_t *fields, const char *key);
bool node_is_true(const json_t *fields, const char *key);
/* The name of the table in a RangeVar under key; "". */
const char *node_table(const json_t *fields, const char *key);
/* The last word of a list of String nodes, as in {"names":[…]}; "". */
const char *node_last_name(const json_t *list);

/* A constraint of a column's definition; NULL: it has none of the kind. */
const json_t *node_constraint(const json_t *column, const char *kind);
/* Whether the column's type is serial, bigserial or smallserial. */
bool node_is_serial(const json_t *column);
/* Whether each row gets a value of its own, so that an added column rewrites the table. */
bool node_fills_each_row(const json_t *column);
/* Whether it must have a value and nothing gives it one. */
bool node_lacks_values(const json_t *column);
bool node_is_unique(const json_t *column);
/* Of a constraint: not NOT VALID; not made USING INDEX. */
bool node_is_validated(const json_t *constraint);
bool node_builds_index(const json_t *constraint);
/* Without CONCURRENTLY, which REINDEX has as an option. */
bool node_blocks(const json_t *fields);
