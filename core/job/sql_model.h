/* SPDX-License-Identifier: MIT */
/* What SQL from outside makes: it is run in a scratch schema that nobody else ever sees. */
#pragma once

#include "core/migrate/migration.h"
#include "core/pg/pg.h"
#include "core/schema/model.h"

struct sql_model_options {
    const char *shared_schema;
    int lock_timeout_ms, statement_timeout_ms;
};

/*
 * Runs the migration's statements in an empty schema and reads what is there then; all of it is
 * rolled back. What cannot run in a transaction runs without its CONCURRENTLY. *out is the
 * caller's, schema_free(). ERR_IMPORT_UNSUPPORTED with err->line and err->column of a statement
 * that fails, or that is not about definitions (CREATE, ALTER, DROP, COMMENT, GRANT, REVOKE): rows
 * are no part of a model.
 */
err_code sql_model_read(struct pg *pg, const struct migration *m,
                        const struct sql_model_options *options, struct schema **out,
                        struct err *err) MUST_USE;
