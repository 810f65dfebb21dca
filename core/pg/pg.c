/* SPDX-License-Identifier: MIT */
#include "core/pg/pg.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pg/pg_internal.h"

/* A notice has nobody to read it here; libpq's default prints it to stderr. */
static void drop_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

/* libpq ends its messages with a line feed and puts a severity in front of some. */
static void copy_message(char *out, size_t size, const char *message)
{
    (void)snprintf(out, size, "%s", message ? message : "");
    size_t n = utf8_valid_len(out, strlen(out));
    while (n && (out[n - 1] == '\n' || out[n - 1] == ' '))
        n--;
    out[n] = '\0';
    for (char *p = out; *p; p++)
        if (*p == '\n')
            *p = ' ';
}

err_code pg_fail(const struct pg *pg, const PGresult *result, const char *what, struct err *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *constraint = result ? PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) : NULL;
    char text[400];
    err_code code = pg_err_code(state);

    if (PQstatus(pg->conn) == CONNECTION_BAD)
        code = ERR_DATABASE_UNAVAILABLE;
    copy_message(text, sizeof text, primary ? primary : PQerrorMessage(pg->conn));
    (void)err_set(err, code, "%s: %s", what, text);
    if (err) {
        (void)snprintf(err->sqlstate, sizeof err->sqlstate, "%s", state ? state : "");
        (void)snprintf(err->subject, sizeof err->subject, "%s", constraint ? constraint : "");
    }
    return code;
}

static bool succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static err_code hand_over(PGresult *result, struct pg_rows **out, struct err *err)
{
    struct pg_rows *rows = malloc(sizeof *rows);
    if (!rows) {
        PQclear(result);
        return err_set(err, ERR_INTERNAL, "out of memory");
    }
    rows->result = result;
    *out = rows;
    return ERR_NONE;
}

static err_code finish(struct pg *pg, const char *what, PGresult *result, struct pg_rows **out,
                       struct err *err)
{
    if (!succeeded(result)) {
        err_code code = pg_fail(pg, result, what, err);
        PQclear(result);
        return code;
    }
    if (out)
        return hand_over(result, out, err);
    PQclear(result);
    return ERR_NONE;
}

/* Whether there is something to read within the time that an answer may take. */
static bool await_input(const struct pg *pg, int64_t deadline)
{
    struct pollfd fd = {.fd = PQsocket(pg->conn), .events = POLLIN};
    int n;

    do {
        int64_t left = deadline - clock_mono_ms();
        n = poll(&fd, 1, !deadline ? -1 : left > 0 ? (int)left : 0);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* Data is wanted or offered: there is no end to wait for. Nothing of ours copies. */
static bool copies(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* As PQexec() and its like wait for what was sent, but no longer than an answer may take: a server
 * that says nothing at all is no better than one that is gone. */
PGresult *pg_await(struct pg *pg, int sent)
{
    int64_t deadline = pg->reply_ms ? clock_mono_ms() + pg->reply_ms : 0;
    PGresult *result = NULL, *next;

    while (sent) {
        while (PQisBusy(pg->conn))
            if (!await_input(pg, deadline)) {
                pg_drop(pg);
                break;
            } else if (!PQconsumeInput(pg->conn)) {
                break;
            }
        next = PQgetResult(pg->conn);
        if (!next)
            break;
        bool keep = result && !succeeded(result);
        PQclear(keep ? next : result);
        result = keep ? result : next;
        if (PQstatus(pg->conn) == CONNECTION_BAD || copies(result))
            break;
    }
    return result;
}

/*
 * Looks at who answers, in one round trip: a pooler hands out cancel keys of its own, so the process
 * that answers is not the one that the connection began with. A proxy that just passes bytes on is
 * no pooler and tells the truth. The session is touched only if it is ours.
 */
static err_code meet(struct pg *pg, int timeout_ms, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    char sql[160];

    (void)snprintf(sql, sizeof sql,
                   "SELECT CASE WHEN pg_backend_pid() <> %d THEN 'pooled' WHEN %d > 0 THEN"
                   " set_config('statement_timeout', '%d', false) END AS who",
                   PQbackendPID(pg->conn), timeout_ms, timeout_ms);
    err_code rc = finish(pg, "cannot connect", pg_await(pg, PQsendQuery(pg->conn, sql)), &rows, err);
    if (rc)
        return rc;
    const char *who = pg_text(rows, 0, "who");
    pg->pooled = who && str_eq(who, "pooled");
    pg->tx_timeout_ms = pg->pooled ? timeout_ms : 0;
    return ERR_NONE;
}

static uint64_t next_serial(void)
{
    static atomic_uint_least64_t last;
    return atomic_fetch_add(&last, 1) + 1;
}

/* The URL's startup options, which ours would replace, and ours. NULL: ours are none. */
static char *startup_of(const struct pg_options *options)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    if (!options->startup)
        return NULL;
    PQconninfoOption *parsed = PQconninfoParse(options->url, NULL);
    for (const PQconninfoOption *o = parsed; o && o->keyword; o++)
        if (str_eq(o->keyword, "options") && o->val)
            str_addf(&text, "%s ", o->val);
    PQconninfoFree(parsed);
    str_add(&text, options->startup);
    return str_take(&text);
}

err_code pg_open(const struct pg_options *options, struct pg **out, struct err *err)
{
    char timeout[16];
    CLEANUP(freep) char *startup = startup_of(options);
    CLEANUP(pg_closep) struct pg *pg = calloc(1, sizeof *pg);

    if (!pg)
        return err_set(err, ERR_INTERNAL, "out of memory");
    (void)snprintf(timeout, sizeof timeout, "%d", options->connect_timeout_s);
    const char *const keys[] = {"dbname",          "fallback_application_name", "client_encoding",
                                "connect_timeout", "tcp_user_timeout",          "options",
                                "user",            "password",                  NULL};
    const char *const values[] = {
        options->url, options->application_name ? options->application_name : "tenantd", "UTF8",
        options->connect_timeout_s ? timeout : NULL /* what the URL says */, "15000",
        startup, options->user, options->password, NULL};
    pg->serial = next_serial();
    pg->conn = PQconnectdbParams(keys, values, 1 /* dbname may be a whole URI */);
    if (!pg->conn)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (PQstatus(pg->conn) != CONNECTION_OK)
        return pg_fail(pg, NULL, "cannot connect", err);
    (void)PQsetNoticeReceiver(pg->conn, drop_notice, NULL);
    pg->reply_ms = options->connect_timeout_s * 1000;
    err_code rc = meet(pg, options->statement_timeout_ms, err);
    if (rc)
        return rc;
    pg->reply_ms = options->reply_timeout_ms;
    *out = pg;
    pg = NULL; /* now the caller's */
    return ERR_NONE;
}

void pg_close(struct pg *pg)
{
    if (!pg)
        return;
    PQfinish(pg->conn);
    free(pg);
}

void pg_closep(struct pg **pg)
{
    pg_close(*pg);
}

bool pg_alive(struct pg *pg)
{
    if (PQstatus(pg->conn) != CONNECTION_OK)
        return false;
    struct pollfd fd = {.fd = PQsocket(pg->conn), .events = POLLIN};
    /* an idle server says little: what there is to read may be its farewell, then the end */
    for (int i = 0; i < 8 && PQtransactionStatus(pg->conn) == PQTRANS_IDLE; i++)
        if (poll(&fd, 1, 0) <= 0 || !PQconsumeInput(pg->conn))
            break;
    return PQstatus(pg->conn) == CONNECTION_OK;
}

void pg_drop(struct pg *pg)
{
    if (PQsocket(pg->conn) >= 0)
        (void)shutdown(PQsocket(pg->conn), SHUT_RDWR);
    (void)PQconsumeInput(pg->conn); /* lets libpq see it */
}

bool pg_in_transaction(const struct pg *pg)
{
    PGTransactionStatusType status = PQtransactionStatus(pg->conn);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

bool pg_is_pooled(const struct pg *pg)
{
    return pg->pooled;
}

int pg_backend_pid(const struct pg *pg)
{
    return PQbackendPID(pg->conn);
}

uint64_t pg_serial(const struct pg *pg)
{
    return pg->serial;
}

int pg_server_version(const struct pg *pg)
{
    return PQserverVersion(pg->conn);
}

err_code pg_scram(struct pg *pg, const char *user, const char *password, char **out,
                  struct err *err)
{
    char *made = PQencryptPasswordConn(pg->conn, password, user, "scram-sha-256");

    if (!made)
        return pg_fail(pg, NULL, "cannot make a password", err);
    *out = strdup(made); /* libpq's memory is freed by PQfreemem alone */
    PQfreemem(made);
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

int pg_library_version(void)
{
    return PQlibVersion();
}

struct pg_arg pg_arg_text(const char *v)
{
    return (struct pg_arg){.text = v};
}

/* Numbers live in buf; values_of() points at it once the argument has its final place. */
struct pg_arg pg_arg_int(int v)
{
    return pg_arg_int64(v);
}

struct pg_arg pg_arg_int64(int64_t v)
{
    struct pg_arg arg = {.text = NULL};
    (void)snprintf(arg.buf, sizeof arg.buf, "%lld", (long long)v);
    return arg;
}

struct pg_arg pg_arg_bool(bool v)
{
    return (struct pg_arg){.text = v ? "true" : "false"};
}

enum { ARGS_MAX = 32 };

static void values_of(const struct pg_arg *args, size_t n, const char *values[ARGS_MAX])
{
    assert(n <= ARGS_MAX);
    for (size_t i = 0; i < n; i++)
        values[i] = args[i].text || !args[i].buf[0] ? args[i].text : args[i].buf;
}

static bool is_prepared(const struct pg *pg, const struct pg_stmt *stmt)
{
    for (size_t i = 0; i < pg->prepared_count; i++)
        if (pg->prepared[i] == stmt)
            return true;
    return false;
}

/* Prepares stmt if it is worth it; *ready: it is prepared. The result of a failure that leaves the
 * connection unusable for now, else NULL. */
static PGresult *prepare(struct pg *pg, const struct pg_stmt *stmt, bool *ready)
{
    *ready = !pg->pooled && stmt->name && is_prepared(pg, stmt);
    if (*ready || pg->pooled || !stmt->name || pg->prepared_count == PREPARED_MAX)
        return NULL;
    PGresult *result = pg_await(pg, PQsendPrepare(pg->conn, stmt->name, stmt->sql, 0, NULL));
    *ready = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (*ready)
        pg->prepared[pg->prepared_count++] = stmt;
    else if (PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
        return result; /* it spoiled the transaction: nobody will say better why */
    PQclear(result);
    return NULL;
}

static PGresult *execute(struct pg *pg, const struct pg_stmt *stmt, const struct pg_arg *args,
                         size_t n)
{
    const char *values[ARGS_MAX] = {NULL};
    bool ready = false;

    values_of(args, n, values);
    PGresult *failed = prepare(pg, stmt, &ready);
    if (failed)
        return failed;
    if (ready)
        return pg_await(pg, PQsendQueryPrepared(pg->conn, stmt->name, (int)n, values, NULL, NULL, 0));
    return pg_await(pg, PQsendQueryParams(pg->conn, stmt->sql, (int)n, NULL, values, NULL, NULL, 0));
}

err_code pg_query(struct pg *pg, const struct pg_stmt *stmt, const struct pg_arg *args, size_t n,
                  struct pg_rows **out, struct err *err)
{
    return finish(pg, stmt->name, execute(pg, stmt, args, n), out, err);
}

static int64_t changed_rows(const struct pg_rows *rows)
{
    return strtoll(PQcmdTuples(rows->result), NULL, 10);
}

err_code pg_exec(struct pg *pg, const struct pg_stmt *stmt, const struct pg_arg *args, size_t n,
                 int64_t *affected, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, stmt, args, n, &rows, err);

    if (!rc && affected)
        *affected = changed_rows(rows);
    return rc;
}

err_code pg_command(struct pg *pg, const char *sql, struct err *err)
{
    return finish(pg, "command", pg_await(pg, PQsendQuery(pg->conn, sql)), NULL, err);
}

err_code pg_query_text(struct pg *pg, const char *sql, const struct pg_arg *args, size_t n,
                       struct pg_rows **out, struct err *err)
{
    const char *values[ARGS_MAX] = {NULL};

    values_of(args, n, values);
    PGresult *result =
        pg_await(pg, PQsendQueryParams(pg->conn, sql, (int)n, NULL, values, NULL, NULL, 0));
    return finish(pg, "query", result, out, err);
}

err_code pg_exec_text(struct pg *pg, const char *sql, const struct pg_arg *args, size_t n,
                      int64_t *affected, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query_text(pg, sql, args, n, &rows, err);

    if (!rc && affected)
        *affected = changed_rows(rows);
    return rc;
}
