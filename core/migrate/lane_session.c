/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/migrate/blockers.h"
#include "core/migrate/lane_internal.h"
#include "core/pg/literal.h"

static const int64_t lane_key = 0x74656e616e746c; /* its advisory lock, one in each database */
enum {
    WAIT_MS = 2000, POLL_MS = 50, /* for the lane, before the task is put off */
    NONCE_BYTES = 12
};

err_code lane_fail(struct lane *l, err_code code, const char *step, const char *message)
{
    struct apply_failure *f = &l->result->failure;

    *f = (struct apply_failure){.step = step};
    (void)snprintf(f->version, sizeof f->version, "%s", l->m->version);
    (void)snprintf(f->message, sizeof f->message, "%s", message);
    return err_set(l->err, code, "%s: %.400s", l->m->version, message);
}

static err_code refuse_pooler(struct lane *l)
{
    return lane_fail(l, ERR_MIGRATION_FAILED, "lane",
                     "the server is reached through a pooler that does not keep a session: what runs"
                     " outside of transactions needs a direct connection");
}

/* The nonce was given at the start of the session. Where it is not to be seen a pooler stands
 * between, which may give each statement another session. */
static err_code check_session(struct lane *l, const char *nonce)
{
    static const struct pg_stmt stmt = {
        .name = "lane_nonce",
        .sql = "SELECT current_setting('tenantd.nonce', true) IS NOT DISTINCT FROM $1 AS ours",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(l->session, &stmt, PG_ARGS(PG_ARG(nonce)), &rows, l->err);

    if (rc)
        return rc;
    return pg_bool(rows, 0, "ours") ? ERR_NONE : refuse_pooler(l);
}

static err_code set_up(struct lane *l)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct pg_ident schema, shared = {.sql = ""};
    const struct apply_options *o = l->options;
    err_code rc = pg_ident_quote(o->schema, &schema, l->err);

    if (!rc && o->shared_schema)
        rc = pg_ident_quote(o->shared_schema, &shared, l->err);
    if (rc)
        return rc;
    str_addf(&sql, "SET search_path = %s", schema.sql);
    if (shared.sql[0] && strcmp(shared.sql, schema.sql) != 0)
        str_addf(&sql, ", %s", shared.sql);
    str_addf(&sql, ", pg_temp; SET lock_timeout = %d; SET statement_timeout = %d;"
             " SELECT set_config('synchronous_commit', 'on', false)"
             " WHERE current_setting('synchronous_commit') = 'off'",
             o->lock_timeout_ms, o->statement_timeout_ms);
    return str_ok(&sql) ? pg_command(l->session, str_text(&sql), l->err)
                        : err_set(l->err, ERR_INTERNAL, "out of memory");
}

static err_code open_session(struct lane *l)
{
    const struct lane_access *access = l->options->lane;
    unsigned char bytes[NONCE_BYTES];
    char nonce[2 * NONCE_BYTES + 1], options[80];

    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, nonce);
    (void)snprintf(options, sizeof options, "-c tenantd.nonce=%s", nonce);
    err_code rc = access->open(access->arg, options, &l->session, l->err);
    if (rc && strstr(l->err->msg, "startup parameter")) /* PgBouncer's refusal */
        return refuse_pooler(l);
    if (!rc)
        rc = check_session(l, nonce);
    return rc ? rc : set_up(l);
}

static err_code try_lock(struct lane *l, int64_t key, bool *got)
{
    static const struct pg_stmt stmt = {
        .name = "lane_lock",
        .sql = "SELECT pg_try_advisory_lock($1) AS got",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(l->session, &stmt, PG_ARGS(PG_ARG(key)), &rows, l->err);

    *got = !rc && pg_bool(rows, 0, "got");
    return rc;
}

/* Locks of the session, so that they hold for as long as it works, also when its client is gone. They
 * are tried and never waited for: who waits in pg_advisory_lock() has a snapshot, for which
 * CONCURRENTLY elsewhere would wait in turn. */
static err_code take_locks(struct lane *l)
{
    static const struct timespec poll = {.tv_nsec = POLL_MS * 1000000};
    int64_t until = clock_mono_ms() + WAIT_MS, key = apply_lock_key(l->options->schema);
    bool got = false;
    err_code rc = try_lock(l, lane_key, &got);

    while (!rc && !got && clock_mono_ms() < until) {
        (void)nanosleep(&poll, NULL);
        rc = try_lock(l, lane_key, &got);
    }
    if (!rc && !got)
        return lane_fail(l, ERR_LOCK_UNAVAILABLE, "lane",
                         "another migration runs outside of transactions in this database");
    if (!rc)
        rc = try_lock(l, key, &got);
    if (rc || got)
        return rc;
    rc = lane_fail(l, ERR_LOCK_UNAVAILABLE, "lock", "another session works on the schema");
    l->result->failure.blocked_by =
        blockers_read(l->session, l->options->schema, l->options->shared_schema, key);
    return rc;
}

err_code lane_open(struct lane *l)
{
    err_code rc = open_session(l);
    return rc ? rc : take_locks(l);
}

void lane_close(struct lane *l)
{
    if (!l->session)
        return;
    if (pg_alive(l->session)) /* now, and not when the server sees that we are gone */
        (void)!pg_command(l->session, "SELECT pg_advisory_unlock_all()", NULL);
    l->options->lane->close(l->options->lane->arg, l->session);
    l->session = NULL;
}
