/* SPDX-License-Identifier: MIT */
/*
 * What a migration may do to those who work meanwhile: the locks that its statements take on tables
 * that are there already, and statements known to hurt, each a row of a table of rules. What it
 * makes itself (a table, and an index on it) hurts nobody.
 */
#pragma once

#include <jansson.h>

#include "core/migrate/migration.h"

struct hazards {
    json_t *
        found; /* [{"rule","version","statement","line","column","table","lock","detail"}], owned */
    json_t *locks; /* {"table": "ACCESS EXCLUSIVE", …}: the strongest of each, owned */
    json_t *made;  /* tables that were created on the way, owned */
};
void hazards_init(struct hazards *h);
void hazards_clear(struct hazards *h);
/* Looks at the statements of m, after those of the migrations before it. */
err_code hazards_add(struct hazards *h, const struct migration *m, struct err *err) MUST_USE;
