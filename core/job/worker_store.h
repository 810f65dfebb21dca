/* SPDX-License-Identifier: MIT */
/* The rows by which replicas know of each other: workers, heartbeats, the leader's lease. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/hash.h"
#include "core/pg/pg.h"

struct worker_spec {
    const char *host, *build, *kinds; /* kinds as a PostgreSQL array */
    int slots;
};

/* A new row under a new id. */
err_code worker_register(struct pg *pg, const struct worker_spec *spec, char id[UUID_TEXT_SIZE],
                         struct err *err) MUST_USE;
/* Says that the worker lives. *out (the caller's) has columns slot and job_id: the slots whose job
 * is being cancelled. tally: what its tasks came to, as JSON; NULL: as told before. ERR_WORKER_LOST
 * when the row is gone: register again. */
err_code worker_beat(struct pg *pg, const char *id, bool draining, const char *tally,
                     struct pg_rows **out, struct err *err) MUST_USE;
/* Puts what still runs under the worker's slot (-1: under any) back to the queue, attempt unspent.
 */
err_code worker_give_back(struct pg *pg, const char *id, int slot, struct err *err) MUST_USE;
/* The row goes, unless tasks still run under it; its lease as leader ends. */
err_code worker_remove(struct pg *pg, const char *id, struct err *err) MUST_USE;
/* Takes or renews the leader's lease for lease_ms; *got: it is this worker's now. */
err_code worker_elect(struct pg *pg, const char *id, int64_t lease_ms, bool *got, struct err *err)
    MUST_USE;
/* Takes running tasks from workers that have been silent for lease_ms, never sooner than that
 * after PostgreSQL's own start; forgets workers long gone. *rescued is the number of tasks. */
err_code worker_rescue(struct pg *pg, int64_t lease_ms, int *rescued, struct err *err) MUST_USE;
