/* SPDX-License-Identifier: MIT */
/* One chunk on its way: run in runner_chunk.c, stored in runner_store.c, by one thread. */
#pragma once

#include "core/job/finish.h"
#include "core/job/runner_internal.h"

struct run {
    struct slot *slot;
    struct chunk *chunk;
    const struct job_kind *kind;
    struct finished *items; /* one a task */
    size_t end;             /* of the tasks that are still ours to run */
    size_t done, stored;    /* how many of them have come to an end; are stored */
    size_t flight;          /* how many from done on are under way together */
    bool alone;             /* one of those took long: the next goes by itself */
    json_t *before;         /* owned: what that one had done when it was stopped; NULL: nothing */
    int64_t stored_at;
    bool halted; /* nothing more of the chunk shall start */
    bool lost;   /* the tasks may be somebody else's: nothing is stored any more */
};

/* Waits for the control database as long as the lease lasts. */
bool run_await_control(struct run *r);
/* Stores what has come to an end. */
void run_store(struct run *r);
/* While a task (items[done]) takes its time: stores those that have come to an end before it, and
 * gives back those that wait behind it. Touches no connection but the control database's. */
void run_let_go(void *run);
