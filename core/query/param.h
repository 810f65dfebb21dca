/* SPDX-License-Identifier: MIT */
/* Parameters of a query: JSON values as the text that PostgreSQL reads as the type it expects. */
#pragma once

#include <jansson.h>

#include "core/base/err.h"

struct query_params {
    const char **values; /* NULL is SQL's NULL; point into owned */
    char **owned;
    size_t count;
};

/*
 * Strings as they are, numbers and booleans as PostgreSQL writes them, null as NULL, an array of
 * these as a PostgreSQL array, an object as JSON. list may be NULL: none. *out is the caller's,
 * query_params_clear(). ERR_VALIDATION_FAILED with err->field ("/params/2").
 */
err_code query_params_make(const json_t *list, struct query_params *out, struct err *err) MUST_USE;
void query_params_clear(struct query_params *params);
