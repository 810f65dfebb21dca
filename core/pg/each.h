/* SPDX-License-Identifier: MIT */
/*
 * A statement that somebody else wrote: what it gives is asked first, then its rows come one by
 * one, so that their number is not bounded by memory; a single one (PostgreSQL allows a gigabyte)
 * has to fit. For connections that are closed afterwards: one that was not read to its end may be
 * lost.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pg/script.h"

struct pg_column {
    char *name, *type; /* type as PostgreSQL writes it, with its modifier */
    unsigned oid;      /* of the type; of a domain, the type below it */
};

struct pg_shape {
    struct pg_column *columns;
    size_t count, params; /* columns; parameters that the statement has */
};

/* What sql would give and take, without running it. *out is the caller's, pg_shape_clear(). On
 * failure *failure is filled when PostgreSQL has refused it. */
err_code pg_describe(struct pg *pg, const char *sql, struct pg_shape *out,
                     struct pg_failure *failure, struct err *err) MUST_USE;
void pg_shape_clear(struct pg_shape *shape);
/* false: no memory. *out is the caller's, pg_shape_clear(). */
bool pg_shape_copy(const struct pg_shape *shape, struct pg_shape *out);

/* One row; borrowed for the call. */
struct pg_row {
    const char *const *values; /* NULL is SQL's NULL */
    const size_t *lengths;
    size_t count;
};

struct pg_each {
    const char *const *values; /* the parameters as text; NULL is SQL's NULL */
    size_t count;
    int64_t until; /* clock_mono_ms(): then the server is asked to cancel */
    bool (*row)(void *arg,
                const struct pg_row *row); /* false: enough, what follows is not wanted */
    bool (*stopped)(void *arg); /* asked about ten times a second; true: as when the time is up */
    void *arg;
};

/*
 * Runs sql. *affected is the number of rows it changed or gave. Rows that are not wanted are no
 * failure. Fails as pg_script_run() does, with ERR_CANCELLED when it was stopped.
 */
err_code pg_each_row(struct pg *pg, const char *sql, const struct pg_each *each, int64_t *affected,
                     struct pg_failure *failure, struct err *err) MUST_USE;
