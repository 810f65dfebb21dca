/* SPDX-License-Identifier: MIT */
/* Trees of statements as PostgreSQL's parser makes them, for those who look into them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

/* Runs fn(arg) on a thread whose stack bears the recursion of PostgreSQL's parser. */
err_code sql_run_deep(void *(*fn)(void *arg), void *arg, struct err *err) MUST_USE;
/* Whether a statement only reads or writes rows: big data files need no tree. */
bool sql_is_plain(const char *statement);
/* Copies the parser's JSON without what lies deeper than so many levels, since jansson has a limit,
 * and in plain ASCII when a name was cut inside a character. free() it; NULL: no memory. */
char *sql_prune(const char *json, int depth);
