/* SPDX-License-Identifier: MIT */
/*
 * A script: many statements in one simple-protocol message, one round trip. PostgreSQL parses the
 * whole message first, so a syntax error anywhere means that nothing ran; otherwise each statement
 * gives exactly one result, and the number of results before the error names the statement.
 * (PostgreSQL documentation, 55.2.2.1 Multiple Statements in a Simple Query.)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pg/pg.h"

struct pg_failure {
    size_t statement; /* index of the statement that failed, from 0; comments do not count */
    size_t position;  /* character in the script, from 1; 0 when PostgreSQL gave none */
    char sqlstate[6];
    char message[512], detail[512], hint[256], context[256];
};

/*
 * Sends sql and reads every result. Afterwards the connection is out of any transaction: what the
 * script left open is rolled back. COPY in the script fails it. deadline_ms is the time the whole
 * may take (0: no limit); past it the server is asked to cancel, then the connection is dropped.
 * On failure *failure is filled and the code of its SQLSTATE returned; a lost connection gives
 * ERR_DATABASE_UNAVAILABLE with sqlstate "", and the outcome of a COMMIT under way is then unknown.
 */
err_code pg_script_run(struct pg *pg, const char *sql, int64_t deadline_ms,
                       struct pg_failure *failure, struct err *err) MUST_USE;
