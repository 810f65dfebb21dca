/* SPDX-License-Identifier: MIT */
/* What a statement that runs outside of transactions is about, read from its own words. Pure. */
#pragma once

#include "core/migrate/migration.h"

enum { LANE_NAME_SIZE = 280 }; /* "schema"."name", each of 63 bytes, quotes doubled */

/* Names as they are written in the statement, quotes and schema included. */
struct lane_target {
    char relation[LANE_NAME_SIZE];  /* the table; of DROP INDEX and REINDEX INDEX the index */
    char index[LANE_NAME_SIZE];     /* of CREATE INDEX */
    char partition[LANE_NAME_SIZE]; /* of DETACH PARTITION */
    bool if_not_exists;
    bool is_index; /* REINDEX INDEX */
};

/* false: the names cannot be told; also a CREATE INDEX without a name. */
bool lane_target_read(statement_kind kind, const char *sql, size_t len, struct lane_target *out);
/* Overwrites with blanks what a transaction does not take, so that the statement can run in one and
 * every place in the text stays where it is. false: nothing is left of the statement. */
bool lane_strip(statement_kind kind, char *sql, size_t len);
