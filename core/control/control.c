/* SPDX-License-Identifier: MIT */
#include "core/control/control.h"

#include <stdio.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/control/embedded.h"

enum { LOCK_WAIT_MS = 60000, SECRET_SIZE = 32 };

int control_wanted_version(void)
{
    return control_files[control_file_count - 1].version;
}

/* One look at the control schema, in a transaction. */
struct step {
    int version; /* what it is at afterwards */
    bool busy;   /* another replica is at it */
    bool done;   /* nothing is missing */
};

/* Tries instead of waiting: who waits in an advisory lock holds a snapshot that others wait for. The
 * lock is the transaction's: behind a pooler one of the session would be left with somebody else. */
static err_code try_lock(struct pg *pg, bool *busy, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "control_try_lock",
        .sql = "SELECT pg_try_advisory_xact_lock(hashtextextended('tenantd.control', 0)) AS got",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_NO_ARGS, &rows, err);

    *busy = !rc && !pg_bool(rows, 0, "got");
    return rc;
}

static err_code read_version(struct pg *pg, int *version, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "control_version",
        .sql = "SELECT coalesce(max(version), 0) AS version FROM tenantd.control_version",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_command(pg,
                             "SET LOCAL client_min_messages = warning;"
                             "CREATE SCHEMA IF NOT EXISTS tenantd;"
                             "CREATE TABLE IF NOT EXISTS tenantd.control_version ("
                             " version int PRIMARY KEY, applied_at timestamptz DEFAULT now())",
                             err);
    if (!rc)
        rc = pg_query(pg, &stmt, PG_NO_ARGS, &rows, err);
    if (!rc)
        *version = pg_int(rows, 0, "version");
    return rc;
}

static err_code apply_file(struct pg *pg, const struct control_file *file, struct err *err)
{
    static const struct pg_stmt record = {
        .name = "control_record",
        .sql = "INSERT INTO tenantd.control_version (version) VALUES ($1)",
    };
    err_code rc = pg_command(pg, file->sql, err);
    if (rc)
        return rc;
    return pg_exec(pg, &record, PG_ARGS(PG_ARG(file->version)), NULL, err);
}

static const struct control_file *file_after(int version)
{
    for (unsigned i = 0; i < control_file_count; i++)
        if (control_files[i].version > version)
            return &control_files[i];
    return NULL;
}

static err_code take_step(struct pg *pg, void *arg, struct err *err)
{
    struct step *step = arg;
    err_code rc = try_lock(pg, &step->busy, err);

    if (rc || step->busy)
        return rc;
    rc = read_version(pg, &step->version, err);
    if (rc)
        return rc;
    if (step->version > control_wanted_version())
        return err_set(err, ERR_INVALID_STATE,
                       "the control schema is at version %d, this build knows up to %d: run a"
                       " newer tenantd",
                       step->version, control_wanted_version());
    const struct control_file *file = file_after(step->version);
    step->done = !file;
    if (file)
        rc = apply_file(pg, file, err);
    return rc;
}

err_code control_migrate(struct pg *pg, int *version, struct err *err)
{
    int64_t deadline = clock_mono_ms() + LOCK_WAIT_MS;
    struct timespec pause = {.tv_nsec = 100000000};
    struct step step = {.version = 0};

    while (!step.done) {
        err_code rc = pg_tx(pg, take_step, &step, err);
        if (rc)
            return rc;
        if (step.busy && clock_mono_ms() > deadline)
            return err_set(err, ERR_LOCK_UNAVAILABLE,
                           "another replica has been migrating the control schema for %d s",
                           LOCK_WAIT_MS / 1000);
        if (step.busy)
            (void)nanosleep(&pause, NULL);
    }
    if (version)
        *version = step.version;
    return ERR_NONE;
}

err_code control_secret(struct pg *pg, const char *name, unsigned char **out, size_t *n,
                        struct err *err)
{
    static const struct pg_stmt insert = {
        .name = "control_secret_insert",
        .sql = "INSERT INTO tenantd.secret (name, value) VALUES ($1, decode($2, 'hex'))"
               " ON CONFLICT (name) DO NOTHING",
    };
    static const struct pg_stmt find = {
        .name = "control_secret_find",
        .sql = "SELECT value FROM tenantd.secret WHERE name = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    unsigned char fresh[SECRET_SIZE];
    char hex[2 * SECRET_SIZE + 1];

    random_bytes(fresh, sizeof fresh);
    hex_encode(fresh, sizeof fresh, hex);
    err_code rc = pg_exec(pg, &insert, PG_ARGS(PG_ARG(name), PG_ARG((const char *)hex)), NULL, err);
    if (!rc)
        rc = pg_query(pg, &find, PG_ARGS(PG_ARG(name)), &rows, err);
    if (rc)
        return rc;
    *out = pg_bytes(rows, 0, "value", n);
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}
