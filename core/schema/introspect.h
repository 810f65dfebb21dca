/* SPDX-License-Identifier: MIT */
/* Reads schemas from the live catalog into models. */
#pragma once

#include "core/pg/pg.h"
#include "core/schema/model.h"

struct schema_options {
    const char *tracking_table; /* left out of the model, with that of seeds; NULL: nothing is */
};

/*
 * Reads the schema named `schema` in one REPEATABLE READ, READ ONLY transaction, so that the
 * picture is consistent; inside an open transaction it sees what that one sees, and leaves its
 * settings alone. A handful of statements whatever the number of tables, on pg_catalog alone. Any
 * role may call it: the catalog is readable by all, and a tenant's own functions and operators are
 * never called. options may be NULL. *out is the caller's, schema_free(). Fails with
 * ERR_SCHEMA_MISSING, with pg_ident_quote()'s errors for what cannot be a name, or as pg_query().
 */
err_code schema_read(struct pg *pg, const char *schema, const struct schema_options *options,
                     struct schema **out, struct err *err) MUST_USE;

/*
 * The same of n schemas of one database together: the same handful of statements for all of them.
 * Each takes memory for its model, so some dozens are a good number. out[i] is the caller's; NULL
 * where there is no schema of that name. names has no name twice.
 */
err_code schemas_read(struct pg *pg, const char *const *names, size_t n,
                      const struct schema_options *options, struct schema **out, struct err *err)
    MUST_USE;
