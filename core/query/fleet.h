/* SPDX-License-Identifier: MIT */
/*
 * The same query in the schemas of many tenants, some at a time. A tenant that fails is told of and
 * holds up nobody; its rows are all there or none are.
 */
#pragma once

#include "core/query/run.h"

struct fleet_member {
    const char *id, *server, *url, *schema;
};

/* What one tenant gave; borrowed for the call. */
struct fleet_result {
    const struct fleet_member *member;
    const struct pg_shape *shape; /* NULL when it failed */
    const struct str *rows;       /* as add() made them */
    int64_t row_count;
    bool truncated;   /* it has more rows */
    err_code code;    /* ERR_NONE: it has succeeded */
    bool unreachable; /* it could not be asked */
    const struct err *err;
};

struct fleet {
    const struct query_env *env;
    const char *sql; /* judged before (query_text_make()) */
    const struct query_params *params;
    const struct fleet_member *members;
    size_t count;
    int parallel;       /* connections at most */
    int64_t timeout_ms; /* of one tenant */
    int64_t until; /* clock_mono_ms(): whose turn comes later is not asked; 0: none is too late */
    int64_t max_rows; /* of one tenant */
    size_t max_bytes; /* likewise, as add() makes them */
    void *arg;
    /* Appends a row. From any thread. */
    void (*add)(struct str *out, const char *tenant_id, const struct pg_shape *shape,
                const struct pg_row *row);
    /* One tenant is through; false: nobody needs to be asked any more. One thread at a time. */
    bool (*done)(void *arg, const struct fleet_result *result);
    /* Nobody wants it any more. From any thread; may be NULL. */
    bool (*stopped)(void *arg);
};

/* Returns when every tenant is through or it was stopped. Fails only when no thread can be had. */
err_code fleet_run(const struct fleet *fleet, struct err *err) MUST_USE;
