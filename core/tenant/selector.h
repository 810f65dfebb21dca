/* SPDX-License-Identifier: MIT */
/*
 * Which tenants an operation is about. An empty selector is an error: "all" must be said, so that a
 * typo never becomes the whole fleet.
 */
#pragma once

#include <jansson.h>

#include "core/base/err.h"

struct selector {
    char *ids;    /* a PostgreSQL text[] literal; NULL: any id */
    char *labels; /* a jsonb object that must be contained; NULL: any labels */
    size_t id_count;
};

/*
 * From {"all":true}, {"ids":[…]} and {"labels":{…}}; the last two may stand together. base is the
 * JSON pointer of value, for err->field. ERR_EMPTY_SELECTOR, ERR_VALIDATION_FAILED.
 */
err_code selector_parse(const json_t *value, const char *base, struct selector *out,
                        struct err *err) MUST_USE;
/* The selector of one tenant. */
err_code selector_of_id(const char *id, struct selector *out, struct err *err) MUST_USE;
void selector_clear(struct selector *s);
