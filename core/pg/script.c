/* SPDX-License-Identifier: MIT */
#include "core/pg/script.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pg/pg_internal.h"

enum { CANCEL_GRACE_MS = 3000 };

struct reading {
    struct pg *pg;
    struct pg_failure *failure;
    int64_t deadline;               /* monotonic ms, 0: none */
    int64_t slow_at;                /* likewise; when somebody wants to know that it takes long */
    struct pg_canceller *canceller; /* once it was used */
    size_t done;
    bool failed, cancelled;
};

static void copy_field(char *out, size_t size, const PGresult *result, int field)
{
    const char *text = PQresultErrorField(result, field);
    (void)snprintf(out, size, "%s", text ? text : "");
    out[utf8_valid_len(out, strlen(out))] = '\0';
}

void pg_failure_read(const struct pg *pg, const PGresult *result, struct pg_failure *f)
{
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);

    *f = (struct pg_failure){.statement = 0};
    f->position = position ? (size_t)strtoul(position, NULL, 10) : 0;
    copy_field(f->sqlstate, sizeof f->sqlstate, result, PG_DIAG_SQLSTATE);
    copy_field(f->message, sizeof f->message, result, PG_DIAG_MESSAGE_PRIMARY);
    copy_field(f->detail, sizeof f->detail, result, PG_DIAG_MESSAGE_DETAIL);
    copy_field(f->hint, sizeof f->hint, result, PG_DIAG_MESSAGE_HINT);
    copy_field(f->context, sizeof f->context, result, PG_DIAG_CONTEXT);
    if (!f->message[0])
        (void)snprintf(f->message, sizeof f->message, "%s", PQerrorMessage(pg->conn));
}

static void note_failure(struct reading *r, const PGresult *result)
{
    r->failed = true;
    pg_failure_read(r->pg, result, r->failure);
    r->failure->statement = r->done;
}

/* A script must not copy: without an answer libpq would give the same result for ever. */
static void end_copy(struct reading *r, ExecStatusType status)
{
    char *row;

    if (status == PGRES_COPY_IN)
        (void)PQputCopyEnd(r->pg->conn, "COPY is not possible in a script");
    while (status == PGRES_COPY_OUT && PQgetCopyData(r->pg->conn, &row, 0) > 0)
        PQfreemem(row);
}

/* A rule that adds SELECTs makes libpq give one statement several results: only the last of them
 * has the command's tag. */
static void take_result(struct reading *r, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        r->done += *PQcmdStatus(result) != '\0';
        return;
    case PGRES_EMPTY_QUERY:
        r->done++;
        return;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
        end_copy(r, PQresultStatus(result));
        return;
    default:
        if (!r->failed)
            note_failure(r, result);
    }
}

static void cancel(struct reading *r)
{
    r->canceller = pg_canceller_new(r->pg);
    if (r->canceller)
        pg_canceller_fire(r->canceller);
    r->cancelled = true;
    r->deadline = clock_mono_ms() + CANCEL_GRACE_MS;
}

void pg_on_slow(struct pg *pg, int64_t ms, void (*fn)(void *arg), void *arg)
{
    if (!pg)
        return;
    pg->slow_ms = ms;
    pg->slow = fn;
    pg->slow_arg = arg;
}

static void tell_slow(struct reading *r)
{
    if (!r->slow_at || clock_mono_ms() < r->slow_at)
        return;
    r->slow_at = 0;
    r->pg->slow(r->pg->slow_arg);
}

/* How long poll() may wait; -1: for ever. */
static int patience(const struct reading *r)
{
    int64_t at = r->deadline;

    if (r->slow_at && (!at || r->slow_at < at))
        at = r->slow_at;
    int64_t left = at - clock_mono_ms();
    return !at ? -1 : left > 0 ? (int)left : 0;
}

/* Waits until a result can be read; false: the connection or the time is gone. */
static bool await_result(struct reading *r)
{
    PGconn *conn = r->pg->conn;

    while (PQisBusy(conn)) {
        tell_slow(r);
        if (r->deadline && r->deadline <= clock_mono_ms()) {
            if (r->cancelled)
                return false;
            cancel(r);
            continue;
        }
        struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
        if (poll(&fd, 1, patience(r)) < 0 && errno != EINTR)
            return false;
        if (fd.revents && !PQconsumeInput(conn))
            return false;
    }
    return true;
}

/* false: the connection is lost, or dropped because the server did not heed the cancel */
static bool read_results(struct reading *r)
{
    for (;;) {
        if (!await_result(r))
            return false;
        PGresult *result = PQgetResult(r->pg->conn);
        if (!result)
            return PQstatus(r->pg->conn) == CONNECTION_OK;
        take_result(r, result);
        PQclear(result);
        if (PQstatus(r->pg->conn) == CONNECTION_BAD)
            return false;
    }
}

/* A request still under way could hit what the connection does next. */
static void settle(struct reading *r)
{
    if (r->canceller && !pg_canceller_settle(r->canceller, CANCEL_GRACE_MS))
        pg_drop(r->pg);
    pg_canceller_free(r->canceller);
    r->canceller = NULL;
}

static void roll_back(struct pg *pg)
{
    if (PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
        PQclear(PQexec(pg->conn, "ROLLBACK"));
}

static err_code lost(struct reading *r, struct err *err)
{
    if (!r->failed) {
        *r->failure = (struct pg_failure){.statement = r->done};
        (void)snprintf(r->failure->message, sizeof r->failure->message, "%s",
                       r->cancelled ? "the server did not answer in time; connection dropped"
                                    : "the connection to the server was lost");
    }
    pg_drop(r->pg);
    return err_set(err, ERR_DATABASE_UNAVAILABLE, "%s", r->failure->message);
}

err_code pg_script_run(struct pg *pg, const char *sql, int64_t deadline_ms,
                       struct pg_failure *failure, struct err *err)
{
    struct reading r = {.pg = pg,
                        .failure = failure,
                        .deadline = deadline_ms ? clock_mono_ms() + deadline_ms : 0,
                        .slow_at = pg->slow ? clock_mono_ms() + pg->slow_ms : 0};

    if (!PQsendQuery(pg->conn, sql))
        return lost(&r, err);
    bool whole = read_results(&r);
    settle(&r);
    if (!whole || PQstatus(pg->conn) != CONNECTION_OK)
        return lost(&r, err);
    roll_back(pg);
    if (!r.failed)
        return ERR_NONE;
    err_code code = pg_err_code(failure->sqlstate);
    (void)err_set(err, code, "%.400s", failure->message);
    if (err)
        memcpy(err->sqlstate, failure->sqlstate, sizeof err->sqlstate);
    return code;
}
