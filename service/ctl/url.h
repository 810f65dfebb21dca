/* SPDX-License-Identifier: MIT */
/* URLs of the API: what is put into them is encoded, so that no value can change their shape. */
#pragma once

#include <stddef.h>

#include "core/base/err.h"
#include "core/base/str.h"

enum { PAIRS_MAX = 64 };

struct pair {
    const char *name, *value;
};

/* Query pairs, borrowed. */
struct pairs {
    struct pair list[PAIRS_MAX];
    size_t count;
};

/* value NULL adds nothing; a pair past PAIRS_MAX is not taken and counted, for url_build(). */
void pairs_add(struct pairs *pairs, const char *name, const char *value);

/* Appends n bytes percent-encoded: all but the unreserved characters (RFC 3986, 2.3). */
void url_encode(struct str *out, const char *bytes, size_t n);
/* Whether text can be the API's base: http or https, a host, no query, fragment or credentials. */
err_code url_check_base(const char *text, struct err *err) MUST_USE;
/*
 * base, path and query as one URL. Each {} of path becomes the next of the values (ended by NULL),
 * encoded; a value that is "." or ".." stays one segment too. Fails with ERR_VALIDATION_FAILED on
 * more than PAIRS_MAX pairs.
 */
err_code url_build(const char *base, const char *path, const char *const *values,
                   const struct pairs *query, struct str *out, struct err *err) MUST_USE;
