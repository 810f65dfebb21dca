/* SPDX-License-Identifier: MIT */
/*
 * Matching a path to a row of a route table. Pure: no I/O. Path segments are decoded one by one
 * (RFC 3986, 2.1), so that %2F never becomes a separator.
 */
#pragma once

#include "service/http/http.h"

/* What every route table row starts with; `.scope` and the like are the table owner's. */
struct route_pattern {
    http_method method;
    const char *path; /* "/v1/tenants/{tenant_id}": parameters are whole segments */
};

struct route_match {
    size_t index;                  /* of the row, when found */
    char *params[HTTP_PARAMS_MAX]; /* decoded, owned */
    char allow[96]; /* of a path that exists with other methods: "GET, HEAD, POST, OPTIONS" */
};

/*
 * Finds the row for method and raw path among n rows of size stride that start with a struct
 * route_pattern. A literal segment wins over a parameter. Fails with ERR_NOT_FOUND,
 * ERR_METHOD_NOT_ALLOWED (allow is filled), ERR_BAD_REQUEST (bad escape, %00, invalid UTF-8).
 * OPTIONS on a path that exists gives ERR_METHOD_NOT_ALLOWED too, unless a row has it.
 */
err_code route_find(const void *rows, size_t n, size_t stride, http_method method, const char *path,
                    struct route_match *out, struct err *err) MUST_USE;
void route_match_clear(struct route_match *match);

/* Decodes %XX of n bytes (and '+' as blank if plus); free() it. NULL: bad escape, %00, not UTF-8.
 */
char *url_decode(const char *text, size_t n, bool plus);
