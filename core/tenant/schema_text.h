/* SPDX-License-Identifier: MIT */
/*
 * Whether a schema can be renamed without breaking what is in it. PostgreSQL keeps references as
 * OIDs, which a new name does not touch, but a function's body and its SET clauses, text in
 * expressions and rows are just text.
 */
#pragma once

#include "core/pg/pg.h"

/*
 * *where is the first object of the schema whose definition or rows hold its name as text,
 * "function total"; free() it; NULL: none does. shared_schema (may be NULL) is the second on the
 * search path that migrations run with.
 */
err_code schema_spells_its_name(struct pg *pg, const char *schema, const char *shared_schema,
                                char **where, struct err *err) MUST_USE;
