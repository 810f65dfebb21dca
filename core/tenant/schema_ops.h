/* SPDX-License-Identifier: MIT */
/* What is done to whole schemas on a tenant's server. */
#pragma once

#include <stdbool.h>

#include "core/pg/pg.h"
#include "core/tenant/tenant.h"

enum { SCHEMA_COMMENT_SIZE = TENANT_ID_MAX + 32 };

/*
 * Drops a schema and all that is in it, relations first and in chunks with a transaction each: one
 * DROP SCHEMA CASCADE over a big schema takes a lock per object and runs out of lock table. A
 * schema that is not there is fine. lock_key is the advisory lock every writer of it takes;
 * ERR_LOCK_UNAVAILABLE when somebody has it, ERR_CONFLICT when an extension is installed in it.
 * What hangs on its relations in other schemas, views and foreign keys, goes with them. Safe to
 * repeat after any failure.
 */
err_code schema_drop(struct pg *pg, const char *schema, int64_t lock_key, int lock_timeout_ms,
                     struct err *err) MUST_USE;

/* Rows (schema_name) that match the LIKE pattern, without PostgreSQL's own, the control schema
 * and those of the warm pool, ordered; at most limit. */
err_code schema_find(struct pg *pg, const char *pattern, int limit, struct pg_rows **out,
                     struct err *err) MUST_USE;
/* The comment of a schema, "" for none; free() *out. ERR_SCHEMA_MISSING. */
err_code schema_comment(struct pg *pg, const char *schema, char **out, struct err *err) MUST_USE;
/* The comment that tells that a schema was made for a tenant. */
void schema_comment_of(const char *tenant_id, char out[SCHEMA_COMMENT_SIZE]);
/* Whether a schema is there and has this comment. */
err_code schema_has_comment(struct pg *pg, const char *schema, const char *wanted, bool *out,
                            struct err *err) MUST_USE;
/* Whether a schema is there and was made for the tenant. */
err_code schema_is_of(struct pg *pg, const char *schema, const char *tenant_id, bool *out,
                      struct err *err) MUST_USE;
