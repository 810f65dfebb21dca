/* SPDX-License-Identifier: MIT */
/* Schemas that are there within a transaction which is rolled back. */
#pragma once

#include "core/migrate/catalog_store.h"
#include "core/pg/pg.h"

enum { SCRATCH_NAME_SIZE = 40 };

/* Makes a schema of a random name, which needs no quotes, and puts it first on the transaction's
 * search path, then the shared one. As pg_command(). */
err_code scratch_make(struct pg *pg, const char *shared, char name[SCRATCH_NAME_SIZE],
                      struct err *err) MUST_USE;
/* Runs the migrations there that are marked in applied, by their place; NULL: all of them.
 * ERR_MIGRATION_FAILED when one does not run; retryable errors as they are. */
err_code scratch_replay(struct pg *pg, const struct catalog *catalog, const bool *applied,
                        struct err *err) MUST_USE;
