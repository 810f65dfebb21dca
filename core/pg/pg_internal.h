/* SPDX-License-Identifier: MIT */
/* What the files of this folder share. */
#pragma once

#include <libpq-fe.h>

#include "core/pg/pg.h"
#include "core/pg/script.h"

enum { PREPARED_MAX = 192 };

struct pg {
    PGconn *conn;
    uint64_t serial;
    int64_t slow_ms; /* pg_on_slow() */
    void (*slow)(void *arg);
    void *slow_arg;
    int reply_ms; /* how long an answer may take; 0: for ever */
    bool pooled;
    int tx_timeout_ms; /* of statements in a transaction, where the session cannot hold it; 0: none */
    size_t prepared_count;
    const struct pg_stmt *prepared[PREPARED_MAX];
};

struct pg_rows {
    PGresult *result;
};

/* Fills err from a failed result, or from the connection when result is NULL. Returns the code. */
err_code pg_fail(const struct pg *pg, const PGresult *result, const char *what, struct err *err);
/* Waits for the last result of what was sent (0: it could not be), no longer than an answer may take. */
PGresult *pg_await(struct pg *pg, int sent);
/* What PostgreSQL says of a failed result; the number of the statement is left at 0. */
void pg_failure_read(const struct pg *pg, const PGresult *result, struct pg_failure *out);
/* Closes the socket: from now on the connection is not alive. The handle stays the owner's. */
void pg_drop(struct pg *pg);
