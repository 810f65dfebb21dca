/* SPDX-License-Identifier: MIT */
/*
 * What the kinds of jobs work with: the settings, the catalogs, the tenant pools and the connections
 * to the servers. One for the process; handed to the runner as its context.
 */
#pragma once

#include "core/job/runner.h"
#include "core/migrate/apply.h"
#include "core/migrate/catalog_store.h"
#include "core/pool/manager.h"
#include "core/tenant/tenant.h"

struct engine_settings {
    const char *control_url; /* all text is borrowed and outlives the engine */
    const char *schema_template, *shared_schema, *tracking_table, *shared_tracking_table;
    tracking_format default_format, shared_default_format;
    int lock_timeout_ms, statement_timeout_ms, lock_attempts;
    bool baseline; /* new schemas begin with a snapshot (snapshot.h) */
    const struct sql_policy *policy; /* what migrations may do; NULL: the strict one */
    int64_t clone_timeout_ms;         /* of a whole clone; 0: no limit */
    const char *clone_personal_label; /* see struct clone_spec; may be NULL */
    int connect_timeout_s;
    int64_t acquire_timeout_ms;
    const unsigned char *login_key; /* of the logins of queries (login.h); NULL: there are none */
    size_t login_key_len;
};

struct engine;
err_code engine_new(const struct engine_settings *settings, struct budget_set *budgets,
                    struct pool_manager *pools, struct engine **out, struct err *err) MUST_USE;
void engine_free(struct engine *engine); /* NULL is fine */

const struct engine_settings *engine_settings(const struct engine *engine);
struct catalog_cache *engine_catalogs(struct engine *engine);
struct pool_manager *engine_pools(struct engine *engine);
/* What schemas must look like (expected.h). */
struct expected_cache;
struct expected_cache *engine_expected(struct engine *engine);

/* What new schemas begin with (snapshot.h). */
struct snapshot_cache;
struct snapshot_cache *engine_snapshots(struct engine *engine);

/* A connection to a server under its budget, for the runner and for whoever reads a tenant's own
 * tables; given back with engine_close_server(). control is asked where the server is. */
err_code engine_open_server(void *engine, struct pg *control, const char *server, struct pg **out,
                            struct err *err);
/* The same with startup options ("-c name=value"). */
err_code engine_open_server_with(struct engine *engine, struct pg *control, const char *server,
                                 const char *startup, struct pg **out, struct err *err) MUST_USE;
/* The same for one whose URL is known, as another role than its own; user NULL: its own. */
err_code engine_open_as(void *engine, const char *server, const char *url, const char *user,
                        const char *password, struct pg **out, struct err *err) MUST_USE;
void engine_close_server(void *engine, const char *server, struct pg *pg);
/* How to reach a server: "default" is the control database. free() *url. */
err_code engine_server_url(struct engine *engine, struct pg *control, const char *server,
                           char **url, struct err *err) MUST_USE;

/* The content of an applied set by its id, from memory when it was asked for before; *out is the
 * caller's, NULL for id 0. */
err_code engine_applied_set(struct engine *engine, struct pg *control, int64_t id,
                            struct applied_set **out, struct err *err) MUST_USE;
/* The id of a content, from memory likewise. */
err_code engine_intern_set(struct engine *engine, struct pg *control,
                           const struct applied_set *set, int64_t *id, struct err *err) MUST_USE;

/* The kinds of jobs this build can run. */
extern const struct job_kind engine_kinds[];
extern const size_t engine_kind_count;
