/* SPDX-License-Identifier: MIT */
/* Who was in the way of a lock. */
#pragma once

#include <jansson.h>

#include "core/pg/pg.h"

/*
 * The sessions that hold locks on the tables of the schema, strong ones on those of the shared
 * schema, or the schema's advisory lock: at most ten, the oldest transaction first, as
 * [{"pid", "application_name", "state", "query_start", "query"}], the query cut to 200 characters.
 * Asked right after a wait ended: pg_blocking_pids() only tells while it lasts. NULL: none, or they
 * could not be asked.
 */
json_t *blockers_read(struct pg *pg, const char *schema, const char *shared_schema,
                      int64_t lock_key);
