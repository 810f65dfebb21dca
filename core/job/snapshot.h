/* SPDX-License-Identifier: MIT */
/*
 * What a new schema can begin with instead of the history of its migrations: the statements that
 * make what they all make together, found by replaying them once into a scratch schema and reading
 * it. It is used only when a second scratch schema made by those statements looks the same, and
 * when the migrations did nothing that such statements cannot say: rows, values of sequences,
 * changes elsewhere.
 */
#pragma once

#include <jansson.h>

#include "core/job/engine.h"

struct snapshot_cache;
struct snapshot_cache *snapshot_cache_new(void);        /* NULL: no memory */
void snapshot_cache_free(struct snapshot_cache *cache); /* NULL is fine */

void baseline_clear(struct apply_baseline *baseline); /* frees; for CLEANUP() */

/*
 * What a new schema on the server, to which pg is an idle connection, can begin with: a copy, the
 * caller's; *out without sql where the migrations have to be replayed. The first schemas of a
 * catalog are replayed; then one caller makes the snapshot, and whoever comes meanwhile replays.
 */
void snapshot_find(struct engine *engine, struct pg *pg, const char *server,
                   const struct catalog *catalog, struct apply_baseline *out);
/* It failed where it should have worked: not again. */
void snapshot_refuse(struct engine *engine, const char *server, const struct catalog *catalog,
                     const char *why);

/* What is known of the server's: {"state": "ready|replay|unknown", "reason", "version",
 * "migrations", "statements", "fingerprint", "sql"}; sql with the schema as SCHEMA_MARK. NULL: no
 * memory. */
json_t *snapshot_json(struct engine *engine, const char *server, const struct catalog *catalog,
                      bool with_sql);
/* Makes it now, if it is not known yet; fails as pg_tx(). */
err_code snapshot_make(struct engine *engine, struct pg *pg, const char *server,
                       const struct catalog *catalog, struct err *err) MUST_USE;
