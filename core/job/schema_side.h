/* SPDX-License-Identifier: MIT */
/* What is compared: a schema as it is, or as migrations or other SQL make it. */
#pragma once

#include "core/job/engine.h"
#include "core/schema/change.h"

typedef enum side_kind {
    SIDE_TENANT,   /* as its schema is */
    SIDE_EXPECTED, /* as the migrations that the tenant says it has make it */
    SIDE_SHARED,   /* the shared schema as it is */
    SIDE_CATALOG,  /* as its migrations make it, up to a version */
    SIDE_SQL,      /* as SQL makes it out of nothing */
} side_kind;

struct schema_side {
    side_kind kind;
    const char *name;    /* the tenant's id, or the catalog's name */
    const char *version; /* of a catalog; NULL: its end */
    const char *sql;
};

/*
 * Reads a side, without the tables of migration tools. What has to be made is made in a transaction
 * that is rolled back. ERR_TENANT_NOT_FOUND, ERR_CATALOG_NOT_FOUND, ERR_UNKNOWN_TARGET;
 * ERR_MIGRATION_FAILED for migrations and SQL that do not run, with err->line and err->column of
 * the statement of the latter, and what sql_check() says of it. *out is the caller's,
 * schema_free().
 */
err_code schema_side_read(struct engine *engine, struct pg *control, const struct schema_side *side,
                          struct schema **out, struct err *err) MUST_USE;

/*
 * What gives a tenant back what its migrations made; the SQL is for its schema alone.
 * ERR_UNSAFE_REPAIR, with the table in err->subject, when that loses data and allow_destructive
 * does not say that it may. *out is the caller's, schema_changes_free().
 */
err_code schema_repair(struct engine *engine, struct pg *control, const char *tenant_id,
                       bool allow_destructive, struct schema_changes **out, struct err *err)
    MUST_USE;
