/* SPDX-License-Identifier: MIT */
/*
 * The lane of migrations that run outside of transactions: CREATE INDEX CONCURRENTLY and the like,
 * each statement by itself. One at a time in a database, on a connection of its own that holds the
 * lane's lock and the schema's for as long as it works. What was begun is marked in the schema
 * (lane_mark.h) before it starts, and looked up when it is tried again.
 */
#pragma once

#include "core/migrate/apply.h"

struct lane_access {
    void *arg;
    /* One more connection to the same server, with these startup options; given back by close(). */
    err_code (*open)(void *arg, const char *options, struct pg **out, struct err *err);
    void (*close)(void *arg, struct pg *pg);
    /* The schema is dirty from now on: now is what its tracking table says. May be NULL. */
    void (*begun)(void *arg, const struct applied_set *now);
    /* Whether to stop before the next statement. May be NULL. */
    bool (*stopped)(void *arg);
};

/*
 * Runs m, which is what the schema lacks next, and records it. *stale: the tracking table is not
 * what set says, and nothing was done. On failure result->now is what the schema says then, where it
 * could be asked. Errors as apply_run(); with ERR_LOCK_UNAVAILABLE the failure's step is "lane" when
 * only other work of ours is waited for.
 */
err_code lane_run(const struct migration *m, const struct applied_set *set,
                  const struct apply_options *options, struct apply_result *result, bool *stale,
                  struct err *err) MUST_USE;

/* The statements as lane_run() sends them, for a dry run; appended to sql. */
void lane_preview(const struct migration *m, struct str *sql);
