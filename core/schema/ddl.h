/* SPDX-License-Identifier: MIT */
/* The statements that make what a model holds. */
#pragma once

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/schema/model.h"

/*
 * Appends CREATE TYPE, DOMAIN, TABLE and INDEX, foreign keys and comments, each after what it
 * needs, with bare names: whose they are is the search path's to say. ERR_UNSUPPORTED_TYPE, with
 * the table in err->field, for a view, a foreign table, a partitioned table or a partition, whose
 * definitions a model has not; pg_ident_quote()'s errors for what cannot be a name. What the model
 * gives as SQL is taken as it is.
 */
err_code schema_ddl(const struct schema *s, struct str *out, struct err *err) MUST_USE;
