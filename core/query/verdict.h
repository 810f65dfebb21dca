/* SPDX-License-Identifier: MIT */
/* Whether a statement may be a query, from the tree that PostgreSQL's parser makes of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

/*
 * ERR_SQL_SYNTAX_ERROR, ERR_MULTIPLE_STATEMENTS, ERR_QUERY_NOT_ALLOWED; *position is then a
 * character of sql, from 1, or 0. A BOM is not expected. sql has passed sql_check_bytes().
 */
err_code query_judge(const char *sql, bool may_write, size_t *position, struct err *err) MUST_USE;
