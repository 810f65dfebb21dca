/* SPDX-License-Identifier: MIT */
/*
 * One connection to PostgreSQL: typed arguments in, rows out, SQLSTATEs as err_codes. A connection
 * belongs to one thread at a time. Statements are prepared on first use and stay prepared for the
 * life of the connection.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct pg;
struct pg_rows;

struct pg_options {
    const char *url;              /* connection URI or keyword/value string */
    const char *user, *password;  /* NULL: the URL's */
    const char *application_name; /* shown in pg_stat_activity; NULL for "tenantd" */
    int connect_timeout_s;        /* 0: the URL's, or libpq's default, no limit */
    int statement_timeout_ms;     /* of every statement; 0: the server's default. Behind a pooler of
                                     those in a pg_tx() only */
    const char *startup;          /* startup options ("-c name=value"); NULL: the URL's */
    int reply_timeout_ms;         /* then a server that says nothing is given up; 0: never */
};

/* One SQL statement; name is unique in the program: [a-z0-9_]+. */
struct pg_stmt {
    const char *name, *sql;
};

/* Fails with ERR_DATABASE_UNAVAILABLE. *out is the caller's, closed by pg_close(). */
err_code pg_open(const struct pg_options *options, struct pg **out, struct err *err) MUST_USE;
void pg_close(struct pg *pg); /* NULL is fine */
void pg_closep(struct pg **pg);
/* The same, but returns once the server has ended the session (at most a second): only then does
 * it no longer count against the server's max_connections. */
void pg_close_wait(struct pg *pg);
/* Whether the connection is usable, as far as can be told without asking the server. */
bool pg_alive(struct pg *pg);
bool pg_in_transaction(const struct pg *pg);
/* Whether a pooler stands in between. It may give each transaction to another session, so nothing is
 * prepared or set for longer than one, and LISTEN hears nothing. */
bool pg_is_pooled(const struct pg *pg);
int pg_backend_pid(const struct pg *pg);
uint64_t pg_serial(const struct pg *pg);    /* no other connection of this process has it, ever */
int pg_server_version(const struct pg *pg); /* 150004 and the like */
int pg_library_version(void);               /* libpq's, likewise */

/* What a role's password is kept as, made here so that the server never sees the password itself in a
 * statement; free() *out. */
err_code pg_scram(struct pg *pg, const char *user, const char *password, char **out,
                  struct err *err) MUST_USE;

/* An argument of a statement. The text is borrowed until the call returns. */
struct pg_arg {
    const char *text; /* NULL is SQL's NULL */
    char buf[24];
};
struct pg_arg pg_arg_text(const char *v);
struct pg_arg pg_arg_int(int v);
struct pg_arg pg_arg_int64(int64_t v);
struct pg_arg pg_arg_bool(bool v);
/* The C type picks the encoding; a type without a row here does not compile. */
#define PG_ARG(v)                                                                                  \
    _Generic((v),                                                                                  \
        char *: pg_arg_text,                                                                       \
        const char *: pg_arg_text,                                                                 \
        int: pg_arg_int,                                                                           \
        int64_t: pg_arg_int64,                                                                     \
        bool: pg_arg_bool)(v)
#define PG_ARGS(...)                                                                               \
    (struct pg_arg[]){__VA_ARGS__}, sizeof((struct pg_arg[]){__VA_ARGS__}) / sizeof(struct pg_arg)
#define PG_NO_ARGS NULL, 0

/*
 * Runs one statement. *out (the caller's, pg_rows_free()) is written on success only; out may be
 * NULL when the rows do not matter. Fails with the code of the SQLSTATE (pg_err_code()), the
 * SQLSTATE in err->sqlstate and the constraint's name in err->subject.
 */
err_code pg_query(struct pg *pg, const struct pg_stmt *stmt, const struct pg_arg *args, size_t n,
                  struct pg_rows **out, struct err *err) MUST_USE;
/* The same, giving the number of rows it changed; affected may be NULL. */
err_code pg_exec(struct pg *pg, const struct pg_stmt *stmt, const struct pg_arg *args, size_t n,
                 int64_t *affected, struct err *err) MUST_USE;
/* Text without arguments, several statements allowed, never prepared: BEGIN, SET, DDL. */
err_code pg_command(struct pg *pg, const char *sql, struct err *err) MUST_USE;
/* Text that is made at run time, with arguments; for SQL that names a tenant's schema. */
err_code pg_query_text(struct pg *pg, const char *sql, const struct pg_arg *args, size_t n,
                       struct pg_rows **out, struct err *err) MUST_USE;
/* The same, giving the number of rows it changed; affected may be NULL. */
err_code pg_exec_text(struct pg *pg, const char *sql, const struct pg_arg *args, size_t n,
                      int64_t *affected, struct err *err) MUST_USE;

size_t pg_rows_count(const struct pg_rows *rows);
void pg_rows_free(struct pg_rows *rows);
void pg_rows_freep(struct pg_rows **rows);
/* Values by column name; a column that the statement does not have is our bug and aborts. */
bool pg_is_null(const struct pg_rows *rows, size_t row, const char *column);
/* NULL for SQL's NULL; borrowed until the rows are freed. */
const char *pg_text(const struct pg_rows *rows, size_t row, const char *column);
int64_t pg_bigint(const struct pg_rows *rows, size_t row, const char *column); /* 0 for NULL */
int pg_int(const struct pg_rows *rows, size_t row, const char *column);
bool pg_bool(const struct pg_rows *rows, size_t row, const char *column);
/* A bytea column; free() it. NULL for SQL's NULL or without memory; *n is its length. */
unsigned char *pg_bytes(const struct pg_rows *rows, size_t row, const char *column, size_t *n);

/* Runs sql_begin, work, COMMIT; rolls back on failure. Runs work again, up to three times in all,
 * after a serialization failure or a deadlock: work must be safe to run twice. Inside an open
 * transaction it just runs work, which then commits or fails with the outer one. */
typedef err_code pg_work(struct pg *pg, void *arg, struct err *err);
err_code pg_tx(struct pg *pg, pg_work *work, void *arg, struct err *err) MUST_USE;
/* Inside an open transaction: runs work in a savepoint that is gone back to whatever becomes of it.
 * The transaction then has its settings back, and its life if work had failed. */
err_code pg_undone(struct pg *pg, pg_work *work, void *arg, struct err *err) MUST_USE;

/* Asks the server to stop what the connection is doing; callable from any thread while the
 * handle lives. Best effort: the statement may have ended by itself. */
struct pg_canceller;
struct pg_canceller *pg_canceller_new(const struct pg *pg); /* NULL: no memory or no connection */
/* Does not wait: the request is a connection of its own and may take as long as a server that does not
 * answer. While one is under way another is not made. */
void pg_canceller_fire(struct pg_canceller *canceller);
/* Waits until no request is under way that could hit what the connection does next; false: one still
 * is after ms. */
bool pg_canceller_settle(struct pg_canceller *canceller, int64_t ms);
/* For a server that heeds no cancel: ends the connection itself. Whoever waits on it learns that it
 * is lost. */
void pg_canceller_cut(struct pg_canceller *canceller);
void pg_canceller_free(struct pg_canceller *canceller);

/* When a script on this connection takes longer than ms, fn is called once, in the thread that waits
 * for it; it must leave the connection alone. NULL: no more. pg may be NULL. */
void pg_on_slow(struct pg *pg, int64_t ms, void (*fn)(void *arg), void *arg);

/* After LISTEN: waits up to timeout_ms for a notification on any channel; all that have arrived are
 * taken, *notified says whether there was one. Fails with ERR_DATABASE_UNAVAILABLE. */
err_code pg_wait_notify(struct pg *pg, int64_t timeout_ms, bool *notified,
                        struct err *err) MUST_USE;

/* First matching row of the SQLSTATE table; no match is ERR_INTERNAL. NULL or "": connection lost. */
err_code pg_err_code(const char *sqlstate);
/* Whether the same statement may succeed later: connection, resource, contention classes. */
bool pg_sqlstate_is_transient(const char *sqlstate);

/* A timestamptz expression as RFC 3339 text in UTC with milliseconds, for a SELECT list. */
#define PG_RFC3339(expr) "to_char(" expr " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
