/* SPDX-License-Identifier: MIT */
/* What recognising, reading and mapping the histories of other tools share. */
#pragma once

#include "core/migrate/foreign.h"

/* Whether a migration of the catalog is what the tool calls key. */
typedef bool foreign_match(const struct migration *m, const char *key);
foreign_match foreign_by_number, foreign_by_name, foreign_by_revision;

struct foreign_reader {
    const char *name;
    const char *tables[2];  /* its usual names */
    const char *columns[5]; /* that it always has */
    bool alone;             /* and no other */
    bool single;            /* one row at most */
    foreign_match *match;
    const char *sql; /* key, hash, problem and upto; %s is the table */
};
extern const struct foreign_reader foreign_readers[];
extern const size_t foreign_reader_count;

bool foreign_has_table(const struct foreign_reader *reader, const char *table);
