/* SPDX-License-Identifier: MIT */
#include "core/pg/each.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pg/array.h"
#include "core/pg/pg_internal.h"

enum { CANCEL_GRACE_MS = 3000, TICK_MS = 100 };

void pg_shape_clear(struct pg_shape *shape)
{
    for (size_t i = 0; i < shape->count; i++) {
        free(shape->columns[i].name);
        free(shape->columns[i].type);
    }
    free(shape->columns);
    *shape = (struct pg_shape){.columns = NULL};
}

bool pg_shape_copy(const struct pg_shape *shape, struct pg_shape *out)
{
    bool ok = true;

    *out = (struct pg_shape){.columns = calloc(shape->count + 1, sizeof *out->columns),
                             .params = shape->params};
    for (size_t i = 0; out->columns && i < shape->count; i++) {
        const struct pg_column *from = &shape->columns[i];
        out->columns[i] = (struct pg_column){
            .name = strdup(from->name), .type = strdup(from->type), .oid = from->oid};
        ok = ok && out->columns[i].name && out->columns[i].type;
        out->count++;
    }
    ok = ok && out->columns;
    if (!ok)
        pg_shape_clear(out);
    return ok;
}

static err_code refused(const struct pg *pg, const PGresult *result, struct pg_failure *failure,
                        struct err *err)
{
    pg_failure_read(pg, result, failure);
    return pg_fail(pg, result, "query", err);
}

/* Fills names and oids; modifiers goes on with the array that names the types. */
static err_code take_columns(const PGresult *result, struct pg_shape *out, struct str *oids,
                             struct str *modifiers, struct err *err)
{
    char number[16];
    size_t n = (size_t)PQnfields(result);

    out->params = (size_t)PQnparams(result);
    out->columns = calloc(n ? n : 1, sizeof *out->columns);
    for (size_t i = 0; i < n && out->columns; i++) {
        out->columns[i].name = strdup(PQfname(result, (int)i));
        out->columns[i].oid = PQftype(result, (int)i);
        out->count++;
        (void)snprintf(number, sizeof number, "%u", out->columns[i].oid);
        pg_array_add(oids, number);
        (void)snprintf(number, sizeof number, "%d", PQfmod(result, (int)i));
        pg_array_add(modifiers, number);
        if (!out->columns[i].name)
            return err_set(err, ERR_INTERNAL, "out of memory");
    }
    pg_array_end(oids);
    pg_array_end(modifiers);
    bool ok = out->columns && str_ok(oids) && str_ok(modifiers);
    return ok ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code name_types(struct pg *pg, struct pg_shape *out, const char *oids,
                           const char *modifiers, struct err *err)
{
    static const char sql[] = "SELECT format_type(t.oid, t.modifier) AS type"
                              " FROM unnest($1::oid[], $2::int4[])"
                              "  WITH ORDINALITY AS t (oid, modifier, place) ORDER BY t.place";
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query_text(pg, sql, PG_ARGS(PG_ARG(oids), PG_ARG(modifiers)), &rows, err);

    for (size_t i = 0; !rc && i < out->count && i < pg_rows_count(rows); i++) {
        out->columns[i].type = strdup(pg_text(rows, i, "type"));
        if (!out->columns[i].type)
            rc = err_set(err, ERR_INTERNAL, "out of memory");
    }
    return rc;
}

static err_code describe(struct pg *pg, PGresult *prepared, struct pg_shape *out,
                         struct pg_failure *failure, struct err *err)
{
    CLEANUP(str_clear) struct str oids = STR_INIT, modifiers = STR_INIT;

    if (PQresultStatus(prepared) != PGRES_COMMAND_OK)
        return refused(pg, prepared, failure, err);
    PGresult *result = pg_await(pg, PQsendDescribePrepared(pg->conn, ""));
    err_code rc = PQresultStatus(result) == PGRES_COMMAND_OK
                      ? take_columns(result, out, &oids, &modifiers, err)
                      : refused(pg, result, failure, err);
    PQclear(result);
    return rc || !out->count ? rc : name_types(pg, out, str_text(&oids), str_text(&modifiers), err);
}

err_code pg_describe(struct pg *pg, const char *sql, struct pg_shape *out,
                     struct pg_failure *failure, struct err *err)
{
    *out = (struct pg_shape){.columns = NULL};
    *failure = (struct pg_failure){.statement = 0};
    PGresult *prepared = pg_await(pg, PQsendPrepare(pg->conn, "", sql, 0, NULL));
    err_code rc = describe(pg, prepared, out, failure, err);

    PQclear(prepared);
    if (rc)
        pg_shape_clear(out);
    return rc;
}

struct reading {
    struct pg *pg;
    const struct pg_each *each;
    struct pg_failure *failure;
    struct pg_canceller *canceller; /* once it was used */
    const char **values;            /* of one row */
    size_t *lengths, columns;
    int64_t until, affected;
    bool cancelled, enough, stopped, failed;
};

static void cancel(struct reading *r)
{
    if (r->cancelled)
        return;
    r->canceller = pg_canceller_new(r->pg);
    if (r->canceller)
        pg_canceller_fire(r->canceller);
    r->cancelled = true;
    r->until = clock_mono_ms() + CANCEL_GRACE_MS;
}

/* false: the connection, the time or the patience is gone */
static bool await_one(struct reading *r)
{
    while (PQisBusy(r->pg->conn)) {
        if (!r->stopped && r->each->stopped && r->each->stopped(r->each->arg)) {
            r->stopped = true;
            cancel(r);
        }
        int64_t left = r->until - clock_mono_ms();
        if (left <= 0 && r->cancelled)
            return false;
        if (left <= 0) {
            cancel(r);
            continue;
        }
        struct pollfd fd = {.fd = PQsocket(r->pg->conn), .events = POLLIN};
        if (poll(&fd, 1, left < TICK_MS ? (int)left : TICK_MS) < 0 && errno != EINTR)
            return false;
        if (fd.revents && !PQconsumeInput(r->pg->conn))
            return false;
    }
    return true;
}

static void give_row(struct reading *r, const PGresult *result)
{
    if (r->enough || r->stopped || (size_t)PQnfields(result) > r->columns)
        return;
    for (size_t i = 0; i < r->columns; i++) {
        bool null = PQgetisnull(result, 0, (int)i);
        r->values[i] = null ? NULL : PQgetvalue(result, 0, (int)i);
        r->lengths[i] = null ? 0 : (size_t)PQgetlength(result, 0, (int)i);
    }
    const struct pg_row row = {r->values, r->lengths, r->columns};
    if (r->each->row(r->each->arg, &row))
        return;
    r->enough = true;
    cancel(r);
}

/* Memory for a row; libpq tells the columns with the first one only. */
static bool make_room(struct reading *r, const PGresult *result)
{
    size_t n = (size_t)PQnfields(result);

    if (r->values)
        return true;
    r->columns = n;
    r->values = calloc(n ? n : 1, sizeof *r->values);
    r->lengths = calloc(n ? n : 1, sizeof *r->lengths);
    return r->values && r->lengths;
}

static void take(struct reading *r, const PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        if (make_room(r, result))
            give_row(r, result);
        return;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        r->affected = strtoll(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10);
        return;
    default:
        r->failed = true;
        pg_failure_read(r->pg, result, r->failure);
    }
}

/* false: the connection is of no more use */
static bool read_all(struct reading *r)
{
    for (;;) {
        if (!await_one(r))
            return false;
        PGresult *result = PQgetResult(r->pg->conn);
        if (!result)
            return PQstatus(r->pg->conn) == CONNECTION_OK;
        take(r, result);
        bool lost =
            PQresultStatus(result) == PGRES_COPY_OUT || PQresultStatus(result) == PGRES_COPY_IN;
        PQclear(result);
        if (lost || PQstatus(r->pg->conn) == CONNECTION_BAD)
            return false;
    }
}

static err_code outcome(struct reading *r, bool whole, struct err *err)
{
    if (!whole)
        pg_drop(r->pg);
    if (r->enough)
        return ERR_NONE;
    if (r->stopped)
        return err_set(err, ERR_CANCELLED, "nobody waits for the rows any more");
    if (whole && !r->failed)
        return ERR_NONE;
    if (r->failed)
        (void)err_set(err, pg_err_code(r->failure->sqlstate), "%.400s", r->failure->message);
    else
        (void)err_set(err, r->cancelled ? ERR_DATABASE_TIMEOUT : ERR_DATABASE_UNAVAILABLE, "%s",
                      r->cancelled ? "the server did not answer in time; connection dropped"
                                   : "the connection to the server was lost");
    if (err && r->failed)
        memcpy(err->sqlstate, r->failure->sqlstate, sizeof err->sqlstate);
    return r->failed      ? pg_err_code(r->failure->sqlstate)
           : r->cancelled ? ERR_DATABASE_TIMEOUT
                          : ERR_DATABASE_UNAVAILABLE;
}

err_code pg_each_row(struct pg *pg, const char *sql, const struct pg_each *each, int64_t *affected,
                     struct pg_failure *failure, struct err *err)
{
    struct reading r = {.pg = pg, .each = each, .failure = failure, .until = each->until};

    *failure = (struct pg_failure){.statement = 0};
    bool whole =
        PQsendQueryParams(pg->conn, sql, (int)each->count, NULL, each->values, NULL, NULL, 0) &&
        PQsetSingleRowMode(pg->conn) && read_all(&r);
    if (r.canceller && !pg_canceller_settle(r.canceller, CANCEL_GRACE_MS))
        pg_drop(pg);
    pg_canceller_free(r.canceller);
    free(r.values);
    free(r.lengths);
    *affected = r.affected;
    return outcome(&r, whole, err);
}
