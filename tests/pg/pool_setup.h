/* SPDX-License-Identifier: MIT */
/* What the tests of the tenant manager share: a manager on the fixture's database, tenants,
 * polling. */
#pragma once

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pool/health.h"
#include "tests/support/pg_fixture.h"

enum { PATIENCE_MS = 20000 };

static inline struct budget_set *setup_budgets(int max)
{
    struct budget_set *set;
    ck_assert_int_eq(budget_set_new((struct budget_limits){.max = max}, &set, NULL), ERR_NONE);
    return set;
}

static inline struct pool_options setup_options(struct budget_set *budgets, const char *app)
{
    return (struct pool_options){
        POOL_DEFAULTS, .application_name = app, .budgets = budgets,
        .shared = {.schema = "common", .server = "default", .url = pg_fixture_url()}};
}

static inline struct pool_manager *setup_manager(const struct pool_options *options)
{
    struct pool_manager *m;
    struct err err;
    if (pool_manager_new(options, &m, &err))
        ck_abort_msg("%s", err.msg);
    return m;
}

static inline struct pool_tenant setup_tenant(const char *id, const char *schema)
{
    return (struct pool_tenant){
        .id = id, .schema = schema, .server = "default", .url = pg_fixture_url(), .epoch = 1};
}

/* A schema with a table `who` that says whose it is. */
static inline void setup_schema(struct pg *pg, const char *schema)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct pg_ident ident;
    ck_assert_int_eq(pg_ident_quote(schema, &ident, NULL), ERR_NONE);
    str_addf(&sql,
             "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s;"
             "CREATE TABLE %s.who AS SELECT $who$%s$who$::text AS name",
             ident.sql, ident.sql, ident.sql, schema);
    pg_fixture_sql(pg, str_text(&sql));
}

static inline void setup_acquire(struct pool_manager *m, const struct pool_tenant *tenant,
                                 struct pool_lease *lease)
{
    struct err err;
    if (pool_acquire(m, tenant, lease, &err))
        ck_abort_msg("%s: %s", tenant->id, err.msg);
}

static inline void setup_release(struct pool_manager *m, struct pool_lease *lease)
{
    struct err err;
    if (pool_release(m, lease, POOL_COMMIT, &err))
        ck_abort_msg("%s", err.msg);
}

/* Uses the tenant once; its backend's pid. */
static inline int setup_use(struct pool_manager *m, const struct pool_tenant *tenant)
{
    struct pool_lease lease;
    setup_acquire(m, tenant, &lease);
    int pid = pg_backend_pid(lease.pg);
    setup_release(m, &lease);
    return pid;
}

/* Sessions the server has under this application name. */
static inline int setup_sessions(struct pg *pg, const char *app)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct err err;
    if (pg_query_text(pg, "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = $1",
                      PG_ARGS(PG_ARG(app)), &rows, &err))
        ck_abort_msg("%s", err.msg);
    return pg_int(rows, 0, "n");
}

static inline void setup_terminate(struct pg *pg, int pid)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct err err;
    if (pg_query_text(pg, "SELECT pg_terminate_backend($1::int, 5000)", PG_ARGS(PG_ARG(pid)), &rows,
                      &err))
        ck_abort_msg("%s", err.msg);
}

static inline void setup_pause(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* Repeats until the condition holds; fails the test after PATIENCE_MS. */
#define UNTIL(condition)                                                                           \
    for (int64_t end_ = clock_mono_ms() + PATIENCE_MS; !(condition); setup_pause())                \
    ck_assert_msg(clock_mono_ms() < end_, "never: %s", #condition)
