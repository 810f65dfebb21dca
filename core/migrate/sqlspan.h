/* SPDX-License-Identifier: MIT */
/* The tokens of SQL as PostgreSQL's own scanner finds them, comments included. */
#pragma once

#include <stddef.h>

#include "core/base/err.h"

struct sql_span {
    size_t start, end; /* bytes of the text */
};

/* Calls take() with each token until it fails. sql ends with a NUL and has passed
 * sql_check_bytes(). ERR_SQL_SYNTAX_ERROR with err->line and err->column for what is no token. */
err_code sql_spans(const char *sql, size_t len, err_code (*take)(void *arg, struct sql_span span),
                   void *arg, struct err *err) MUST_USE;
