/* SPDX-License-Identifier: MIT */
/*
 * One query in one schema: as the login of that schema, on a connection of its own that is closed
 * afterwards, so that nothing of it outlives the answer. The login and its rights are made when
 * they turn out to be missing: a query that finds them costs no more than a connection.
 */
#pragma once

#include "core/base/str.h"
#include "core/pg/each.h"
#include "core/query/param.h"
#include "core/query/text.h"
#include "core/tenant/login.h"

/* What queries work with; the same for all of them, borrowed. */
struct query_env {
    void *ctx;
    /* Opens a connection to a server; user NULL: as the server's own role. From any thread. */
    err_code (*open)(void *ctx, const char *server, const char *url, const char *user,
                     const char *password, struct pg **out, struct err *err);
    void (*close)(void *ctx, const char *server, struct pg *pg);
    const unsigned char *key; /* of the logins; NULL: queries are off */
    size_t key_len;
    const char *shared_schema;
    const char *tracking_table, *shared_tracking_table;
    int lock_timeout_ms;
};

struct query_target {
    const char *server, *url; /* the server's name and how to reach it */
    const char *schema;       /* the tenant's; NULL: the shared one */
};

/* Where the rows go. */
struct query_sink {
    void *arg;
    /* Before any row; maybe twice. */
    void (*begin)(void *arg, const struct pg_shape *shape);
    /* false: enough */
    bool (*row)(void *arg, const struct pg_shape *shape, const struct pg_row *row);
    bool (*stopped)(void *arg); /* nobody wants it any more; may be NULL */
};

struct query {
    const struct query_text *text;
    const struct query_params *params;
    const struct query_target *target;
    int64_t timeout_ms;
    bool write; /* with the login that writes; what it did is committed */
};

struct query_outcome {
    int64_t affected;          /* rows that a writing statement changed */
    struct pg_failure failure; /* what PostgreSQL said of a failure */
};

/*
 * Fails with ERR_QUERY_FAILED (place in what the caller wrote, SQLSTATE), ERR_QUERY_DENIED,
 * ERR_QUERY_TIMEOUT, ERR_QUERY_UNAVAILABLE, ERR_SCHEMA_MISSING, ERR_QUERY_NOT_ALLOWED for what
 * turns out to write, ERR_VALIDATION_FAILED when there are more or fewer parameters than given,
 * ERR_CANCELLED, and as the database does.
 */
err_code query_run(const struct query_env *env, const struct query *query,
                   const struct query_sink *sink, struct query_outcome *out, struct err *err)
    MUST_USE;
