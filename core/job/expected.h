/* SPDX-License-Identifier: MIT */
/*
 * What a schema must look like when given migrations are applied to it: they are replayed into a
 * scratch schema within a transaction that is rolled back, and the result is kept in memory, so
 * that a job over many tenants replays once, not once a tenant.
 */
#pragma once

#include "core/job/engine.h"
#include "core/schema/model.h"

struct expected_cache;
struct expected_cache *expected_cache_new(void);        /* NULL: no memory */
void expected_cache_free(struct expected_cache *cache); /* NULL is fine */

/* Takes the tables of this and other migration tools out of a model, as schema_json() writes it, with
 * what hangs on them. True: there were some. */
bool expected_leave_out_trackers(json_t *model);

/* The model as JSON as it is compared: nameless, without what belongs to other migration tools. The
 * caller's; NULL: no memory. */
json_t *expected_model_json(const struct schema *model);

/* What is asked for; all borrowed. */
struct expected_ask {
    struct engine *engine;
    const char *server; /* where pg leads to: servers differ in version and extensions */
    const struct catalog *catalog;
    const bool *applied;        /* one for each of the catalog's migrations */
    const struct task_run *run; /* waits no longer than its task may; NULL: none */
};
/*
 * The model that those migrations make. From memory; otherwise one thread replays them, in a
 * transaction of its own that is rolled back, while others that ask for the same wait. Not to be
 * called within a transaction. ERR_MIGRATION_FAILED when they cannot be replayed, which is
 * remembered for a while; ERR_CANCELLED.
 */
err_code expected_get(const struct expected_ask *ask, struct pg *pg, json_t **out,
                      struct err *err) MUST_USE;

/* A verification: the context of a repair_verify. */
struct expecting {
    struct engine *engine;
    const char *server, *schema; /* whose objects are looked at */
    json_t *differences;         /* owned; the first of them, after ERR_FINGERPRINT_MISMATCH */
};
void expecting_clear(struct expecting *e);

/*
 * Within an open transaction: ERR_FINGERPRINT_MISMATCH when the schema's objects are not those that
 * the applied migrations of the catalog make, without the tables of this and other migration tools;
 * ERR_MIGRATION_FAILED when they cannot be replayed. Leaves nothing behind. A repair_verify; ctx is
 * the struct expecting.
 */
err_code expected_verify(void *ctx, struct pg *pg, const struct catalog *catalog,
                         const bool *applied, struct err *err) MUST_USE;
