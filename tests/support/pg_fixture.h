/* SPDX-License-Identifier: MIT */
/*
 * A real PostgreSQL for a test program. With TENANTD_TEST_DATABASE_URL set (tests/run.sh does) that
 * server is used, otherwise a private one is started; either way the program gets a database of
 * its own, which is dropped at the end.
 */
#pragma once

#include <check.h>

#include "core/pg/pg.h"

/* Call once in main(), before check forks. Ends the process when it cannot. */
void pg_fixture_start(void);
void pg_fixture_stop(void);
/* What main() comes to where that is all: runs the suite between the two; the exit status. */
int pg_fixture_run(Suite *suite);
/* URL of the program's own database. */
const char *pg_fixture_url(void);
/* A connection to it, closed by pg_close(); fails the test when it cannot. */
struct pg *pg_fixture_connect(void);
/* Runs SQL on a connection; fails the test with PostgreSQL's message when it does not work. */
void pg_fixture_sql(struct pg *pg, const char *sql);
/* The first column, named v, of the first row of a query as text; free() it. "" for NULL or no row. */
char *pg_fixture_value(struct pg *pg, const char *sql);
