/* SPDX-License-Identifier: MIT */
/* Each replica tells with its heartbeat what its tasks came to; the leader adds that up and sets each
 * server's pace by it (pace.h). */
#pragma once

#include <stdint.h>

#include "core/base/err.h"

struct pg;
struct runner;

struct tally {
    int64_t tasks, busy_us, lock_waits;
};

/* Adds to what this replica has done on a server. */
void pace_tally(struct runner *runner, const char *server, const struct tally *add);
/* All of it, as a heartbeat carries it: free(). NULL: nothing, or no memory, and not carried. */
char *pace_report(struct runner *runner);

/* What the leader knows of the windows under way. */
struct pacer;
struct pacer *pacer_new(void); /* NULL: no memory */
void pacer_free(struct pacer *pacer);
/* One look at the heartbeats; *faster: a server takes more than before. */
err_code pacer_round(struct pacer *pacer, struct pg *pg, bool *faster, struct err *err) MUST_USE;
