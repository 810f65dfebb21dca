/* SPDX-License-Identifier: MIT */
/* What the operations that run queries share: bodies, errors, what is told of a query afterwards.
 */
#pragma once

#include "core/query/run.h"
#include "service/api/query_build.h"

enum {
    QUERY_ROWS_DEFAULT = 1000,
    QUERY_ROWS_MAX = 100000,
    QUERY_TIMEOUT_DEFAULT_MS = 10000,
    QUERY_TIMEOUT_MAX_MS = 60000,
    QUERY_BYTES_MIN = 1024,
    QUERY_BYTES_DEFAULT = 4 * 1024 * 1024,
    QUERY_BYTES_MAX = 32 * 1024 * 1024,
};

/* What a body asks for; borrows from it. */
struct query_form {
    const char *sql;
    const json_t *params;
    int64_t max_rows, timeout_ms, max_bytes;
    bool write;
    struct query_built built; /* instead of sql, when it has a from */
};
#define QUERY_FORM_DEFAULTS                                                                        \
    .max_rows = QUERY_ROWS_DEFAULT, .timeout_ms = QUERY_TIMEOUT_DEFAULT_MS,                        \
    .max_bytes = QUERY_BYTES_DEFAULT, .built = {.limit = -1}

/* The settings of the process; env->key is NULL when queries are off. */
void query_env_of(struct app *app, struct query_env *env);
/* Takes one of query.max_parallel places, given back with query_leave(); ERR_OVERLOADED. */
err_code query_enter(struct app *app, struct err *err) MUST_USE;
void query_leave(struct app *app);
/* Returns once none is running; those that stream end by themselves when the replica drains. */
void query_await_all(struct app *app);

/* The problem document of a query that failed; outcome may be NULL. */
struct reply query_fail(struct call *call, const struct err *err,
                        const struct query_outcome *outcome);

/* What the body of a query in one schema says, and whether the token may; false: *reply says why
 * not (query_form.c). */
bool query_form_read(struct call *call, struct query_form *form, struct reply *reply);

/* What became of a query. */
struct query_told {
    const char *tenant_id; /* NULL: of the shared schema, or of many */
    const char *sql;       /* only its digest is told */
    bool write;
    int64_t rows, duration_ms;
    int64_t tenants; /* of a query over many; else 0 */
    err_code code;   /* ERR_NONE: it succeeded */
};
/* A line in the log, and an event "query.run" over pg. */
err_code query_tell(const struct app *app, const struct principal *who, const char *request_id,
                    struct pg *pg, const struct query_told *told, struct err *err) MUST_USE;

/* Of a route: the request changes nothing, so that an Idempotency-Key has nothing to keep. */
bool query_only_reads(const struct call *call);
