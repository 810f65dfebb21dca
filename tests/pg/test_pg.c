/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pg/ident.h"
#include "core/pg/pg_pool.h"
#include "core/pg/script.h"
#include "tests/support/pg_fixture.h"

static const struct pg_stmt echo = {
    .name = "echo",
    .sql = "SELECT $1::text AS t, $2::int AS i, $3::bigint AS b, $4::boolean AS f,"
           " '\\x00ff'::bytea AS raw, NULL::text AS nothing",
};

START_TEST(arguments_come_back_as_they_went)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct err err;
    int64_t big = INT64_MIN;

    for (int again = 0; again < 2; again++) { /* the second time it is prepared */
        CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
        ck_assert_int_eq(pg_query(pg, &echo,
                                  PG_ARGS(PG_ARG("o'clock"), PG_ARG(-7), PG_ARG(big), PG_ARG(true)),
                                  &rows, &err),
                         ERR_NONE);
        ck_assert_str_eq(pg_text(rows, 0, "t"), "o'clock");
        ck_assert_int_eq(pg_int(rows, 0, "i"), -7);
        ck_assert(pg_bigint(rows, 0, "b") == INT64_MIN);
        ck_assert(pg_bool(rows, 0, "f"));
        ck_assert(pg_is_null(rows, 0, "nothing"));
        size_t n;
        unsigned char *raw = pg_bytes(rows, 0, "raw", &n);
        ck_assert_uint_eq(n, 2);
        ck_assert(raw[0] == 0 && raw[1] == 0xff);
        free(raw);
    }
}
END_TEST

START_TEST(errors_say_what_and_why)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct err err;

    pg_fixture_sql(pg, "CREATE TEMP TABLE t (id int CONSTRAINT t_one PRIMARY KEY);"
                       "INSERT INTO t VALUES (1)");
    static const struct pg_stmt again = {.name = "again", .sql = "INSERT INTO t VALUES (1)"};
    ck_assert_int_eq(pg_exec(pg, &again, PG_NO_ARGS, NULL, &err), ERR_CONFLICT);
    ck_assert_str_eq(err.sqlstate, "23505");
    ck_assert_str_eq(err.subject, "t_one");
    ck_assert_int_eq(pg_command(pg, "SELEC", &err), ERR_INTERNAL);
    ck_assert_str_eq(err.sqlstate, "42601");
    struct pg *none = NULL;
    ck_assert_int_eq(pg_open(&(struct pg_options){.url = "host=/nowhere"}, &none, &err),
                     ERR_DATABASE_UNAVAILABLE);
    ck_assert(pg_sqlstate_is_transient("57P01") && !pg_sqlstate_is_transient("42601"));
}
END_TEST

struct counter {
    int runs, fail_until;
};

static err_code count_and_fail(struct pg *pg, void *arg, struct err *err)
{
    struct counter *c = arg;
    err_code rc = pg_command(pg, "INSERT INTO tx_probe VALUES (1)", err);
    if (rc)
        return rc;
    return ++c->runs < c->fail_until ? err_set(err, ERR_DATABASE_CONTENTION, "lost") : ERR_NONE;
}

START_TEST(a_transaction_runs_again_after_contention)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct err err;
    struct counter twice = {.fail_until = 2}, never = {.fail_until = 99};

    pg_fixture_sql(pg, "CREATE TEMP TABLE tx_probe (x int)");
    ck_assert_int_eq(pg_tx(pg, count_and_fail, &twice, &err), ERR_NONE);
    ck_assert_int_eq(twice.runs, 2);
    ck_assert_int_eq(pg_tx(pg, count_and_fail, &never, &err), ERR_DATABASE_CONTENTION);
    ck_assert_int_eq(never.runs, 3);
    ck_assert(!pg_in_transaction(pg));
    char *n = pg_fixture_value(pg, "SELECT count(*) AS v FROM tx_probe");
    ck_assert_str_eq(n, "1");
    free(n);
}
END_TEST

static const struct script_case {
    const char *sql;
    const char *sqlstate;
    size_t statement, position;
    int64_t deadline_ms;
} script_cases[] = {
    {"SELECT 1; SELECT 2", NULL, 0, 0, 0},
    {"", NULL, 0, 0, 0},
    {"BEGIN; SELECT 1; SELECT 1/0; COMMIT", "22012", 2, 0, 0},
    {"SELECT 1; /* \xc3\xa9 */ SELECT nope", "42703", 1, 26, 0},
    {"SELECT 1; SELEC", "42601", 0, 11, 0},
    {"SELECT 1;;; -- nothing\n; SELECT 1/0", "22012", 1, 0, 0},
    {"CREATE TEMP TABLE c (x int); COPY c FROM STDIN; SELECT 1", "57014", 1, 0, 0},
    {"SELECT 1; SELECT pg_sleep(30)", "57014", 1, 0, 200},
};

static err_code overlook_a_failure(struct pg *pg, void *arg, struct err *err)
{
    (void)arg;
    err_code rc = pg_command(pg, "INSERT INTO tx_probe VALUES (7)", err);
    (void)!pg_command(pg, "SELECT 1 / 0", NULL);
    return rc;
}

START_TEST(a_transaction_with_a_failure_is_never_called_done)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct err err;

    pg_fixture_sql(pg, "CREATE TEMP TABLE tx_probe (n int)");
    ck_assert_int_eq(pg_tx(pg, overlook_a_failure, NULL, &err), ERR_INTERNAL);
    ck_assert(!pg_in_transaction(pg));
    CLEANUP(freep) char *rows = pg_fixture_value(pg, "SELECT count(*) AS v FROM tx_probe");
    ck_assert_str_eq(rows, "0");
}
END_TEST

/* A statement that cannot even be prepared tells why, inside a transaction too. */
START_TEST(a_failed_preparation_tells_why)
{
    static const struct pg_stmt missing = {.name = "missing", .sql = "SELECT * FROM not_there"};
    static const struct pg_stmt there = {.name = "there", .sql = "SELECT 1 AS one"};
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct err err;

    ck_assert_int_eq(pg_exec(pg, &missing, PG_NO_ARGS, NULL, &err), ERR_INTERNAL);
    ck_assert_str_eq(err.sqlstate, "42P01");
    pg_fixture_sql(pg, "BEGIN");
    ck_assert_int_eq(pg_exec(pg, &missing, PG_NO_ARGS, NULL, &err), ERR_INTERNAL);
    ck_assert_str_eq(err.sqlstate, "42P01");
    ck_assert_int_eq(pg_exec(pg, &there, PG_NO_ARGS, NULL, &err), ERR_INTERNAL);
    ck_assert_str_eq(err.sqlstate, "25P02");
    pg_fixture_sql(pg, "ROLLBACK");
    ck_assert_int_eq(pg_exec(pg, &there, PG_NO_ARGS, NULL, &err), ERR_NONE);
    /* behind a transaction pooler the name may be somebody else's: then without it */
    pg_fixture_sql(pg, "DEALLOCATE ALL; PREPARE there2 AS SELECT 2");
    static const struct pg_stmt taken = {.name = "there2", .sql = "SELECT 1 AS one"};
    ck_assert_int_eq(pg_exec(pg, &taken, PG_NO_ARGS, NULL, &err), ERR_NONE);
}
END_TEST

START_TEST(a_script_tells_which_statement_failed)
{
    const struct script_case *c = &script_cases[_i];
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct pg_failure failure = {.statement = 0};
    struct err err;

    err_code rc = pg_script_run(pg, c->sql, c->deadline_ms, &failure, &err);
    ck_assert_int_eq(rc != ERR_NONE, c->sqlstate != NULL);
    ck_assert(!pg_in_transaction(pg));
    ck_assert_int_eq(pg_script_run(pg, "SELECT 1", 0, &(struct pg_failure){.statement = 0}, &err),
                     ERR_NONE);
    if (!c->sqlstate)
        return;
    ck_assert_str_eq(failure.sqlstate, c->sqlstate);
    ck_assert_uint_eq(failure.statement, c->statement);
    ck_assert_uint_eq(failure.position, c->position);
}
END_TEST

START_TEST(a_lost_connection_is_told_from_a_failed_statement)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct pg_failure failure;
    struct err err;

    ck_assert_int_eq(pg_script_run(pg, "SELECT pg_terminate_backend(pg_backend_pid())", 0, &failure,
                                   &err),
                     ERR_DATABASE_UNAVAILABLE);
    ck_assert(!pg_alive(pg));
}
END_TEST

START_TEST(a_statement_ends_in_time)
{
    CLEANUP(pg_closep) struct pg *pg = NULL;
    struct pg_options options = {.url = pg_fixture_url(), .statement_timeout_ms = 50};
    struct err err;

    ck_assert_int_eq(pg_open(&options, &pg, &err), ERR_NONE);
    ck_assert_int_eq(pg_command(pg, "SELECT pg_sleep(30)", &err), ERR_DATABASE_TIMEOUT);
    pg_fixture_sql(pg, "SELECT 1");
}
END_TEST

START_TEST(identifiers_are_quoted_or_refused)
{
    struct pg_ident ident;
    struct err err;
    char name[80];

    ck_assert_int_eq(pg_ident_quote("Weird \"one\"", &ident, &err), ERR_NONE);
    ck_assert_str_eq(ident.sql, "\"Weird \"\"one\"\"\"");
    memset(name, '"', 63);
    name[63] = '\0';
    ck_assert_int_eq(pg_ident_quote(name, &ident, &err), ERR_NONE);
    ck_assert_uint_eq(strlen(ident.sql), 128);
    memset(name, 'a', 64);
    name[64] = '\0';
    ck_assert_int_eq(pg_ident_quote(name, &ident, &err), ERR_SCHEMA_NAME_TOO_LONG);
    ck_assert_int_eq(pg_ident_quote("", &ident, &err), ERR_INVALID_PARAMETER);
    ck_assert_int_eq(pg_ident_quote("\xff", &ident, &err), ERR_INVALID_PARAMETER);
}
END_TEST

START_TEST(a_pool_is_bounded_and_replaces_what_breaks)
{
    CLEANUP(pg_pool_freep) struct pg_pool *pool = NULL;
    struct pg *a = NULL, *b = NULL, *c = NULL;
    struct err err;
    struct pg_pool_options options = {.connection = {.url = pg_fixture_url()},
                                      .max = 2,
                                      .wait_ms = 50,
                                      .retry = RETRY_DEFAULT};

    ck_assert_int_eq(pg_pool_new(&options, &pool, &err), ERR_NONE);
    ck_assert_int_eq(pg_pool_borrow(pool, &a, &err), ERR_NONE);
    ck_assert_int_eq(pg_pool_borrow(pool, &b, &err), ERR_NONE);
    ck_assert_int_eq(pg_pool_borrow(pool, &c, &err), ERR_POOL_EXHAUSTED);
    pg_fixture_sql(a, "BEGIN");
    pg_pool_return(pool, a);
    ck_assert_int_eq(pg_pool_borrow(pool, &c, &err), ERR_NONE);
    ck_assert(!pg_in_transaction(c));
    char sql[80];
    (void)snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)", pg_backend_pid(c));
    pg_pool_return(pool, c);
    pg_fixture_sql(b, sql);
    ck_assert_int_eq(pg_pool_borrow(pool, &c, &err), ERR_NONE); /* not the dead one */
    pg_fixture_sql(c, "SELECT 1");
    pg_pool_return(pool, b);
    pg_pool_return(pool, c);
    ck_assert_int_eq(pg_pool_stats(pool).total, 2);
    ck_assert_int_eq(pg_pool_stats(pool).idle, 2);
}
END_TEST

struct borrower {
    struct pg_pool *pool;
    bool served;
};

static void *borrow_once(void *arg)
{
    struct borrower *b = arg;
    struct pg *pg = NULL;
    struct err err;

    b->served = !pg_pool_borrow(b->pool, &pg, &err);
    pg_pool_return(b->pool, pg);
    return NULL;
}

/* Who comes by again and again must not take what those who wait are waiting for. */
START_TEST(a_pool_serves_who_waited_longest)
{
    CLEANUP(pg_pool_freep) struct pg_pool *pool = NULL;
    struct pg_pool_options options = {.connection = {.url = pg_fixture_url()},
                                      .max = 1,
                                      .wait_ms = 10000,
                                      .retry = RETRY_DEFAULT};
    struct pg *pg = NULL;
    struct err err;

    ck_assert_int_eq(pg_pool_new(&options, &pool, &err), ERR_NONE);
    ck_assert_int_eq(pg_pool_borrow(pool, &pg, &err), ERR_NONE);
    for (int round = 0; round < 20; round++) {
        struct borrower other = {.pool = pool};
        pthread_t thread;
        int64_t deadline = clock_mono_ms() + 10000;
        ck_assert_int_eq(pthread_create(&thread, NULL, borrow_once, &other), 0);
        while (!pg_pool_stats(pool).waiting && clock_mono_ms() < deadline)
            (void)sched_yield();
        pg_pool_return(pool, pg);
        ck_assert_int_eq(pg_pool_borrow(pool, &pg, &err), ERR_NONE);
        ck_assert(other.served);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    pg_pool_return(pool, pg);
    ck_assert_int_eq(pg_pool_stats(pool).total, 1);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("pg");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, arguments_come_back_as_they_went);
    tcase_add_test(tc, errors_say_what_and_why);
    tcase_add_test(tc, a_transaction_runs_again_after_contention);
    tcase_add_test(tc, a_transaction_with_a_failure_is_never_called_done);
    tcase_add_test(tc, a_failed_preparation_tells_why);
    tcase_add_loop_test(tc, a_script_tells_which_statement_failed, 0, ARRAY_LEN(script_cases));
    tcase_add_test(tc, a_lost_connection_is_told_from_a_failed_statement);
    tcase_add_test(tc, a_statement_ends_in_time);
    tcase_add_test(tc, identifiers_are_quoted_or_refused);
    tcase_add_test(tc, a_pool_is_bounded_and_replaces_what_breaks);
    tcase_add_test(tc, a_pool_serves_who_waited_longest);
    Suite *suite = suite_create("pg");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
