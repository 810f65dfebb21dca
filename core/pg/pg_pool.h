/* SPDX-License-Identifier: MIT */
/*
 * A bounded set of connections to one database: borrow, use, give back. Connections open on
 * demand and stay open; a broken one is replaced at the next borrow.
 */
#pragma once

#include <stdint.h>

#include "core/base/retry.h"
#include "core/pg/pg.h"

struct pg_pool;

struct pg_pool_options {
    struct pg_options connection; /* its strings are copied */
    int max;                      /* connections at most */
    int64_t wait_ms;              /* how long a borrow may wait for one */
    struct retry_policy retry;    /* for opening one */
};

struct pg_pool_stats {
    int total, idle, waiting;
    int64_t opened, failed; /* since the start */
};

err_code pg_pool_new(const struct pg_pool_options *options, struct pg_pool **out,
                     struct err *err) MUST_USE;
/* Closes idle connections; every borrowed one must have been given back. NULL is fine. */
void pg_pool_free(struct pg_pool *pool);
void pg_pool_freep(struct pg_pool **pool);
/* A live connection outside any transaction; who waited longest comes first. Fails with ERR_POOL_EXHAUSTED after wait_ms, or with
 * ERR_DATABASE_UNAVAILABLE when none can be opened. */
err_code pg_pool_borrow(struct pg_pool *pool, struct pg **out, struct err *err) MUST_USE;
/* Rolls back what is open. NULL is fine. */
void pg_pool_return(struct pg_pool *pool, struct pg *pg);
struct pg_pool_stats pg_pool_stats(struct pg_pool *pool);
