/* SPDX-License-Identifier: MIT */
/* The model as JSON, and its fingerprint. */
#pragma once

#include <jansson.h>

#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/schema/model.h"

/* One table as {name, kind, columns, ...}; NULL without memory. The caller's reference. */
json_t *schema_table_json(const struct schema *s, const struct schema_table *t);
json_t *schema_enum_json(const struct schema_enum *e);
json_t *schema_domain_json(const struct schema *s, const struct schema_domain *d);
json_t *schema_object_json(const struct schema_object *o);
/* The whole. Without the name also without what needs what: that follows from the rest, but for
 * traces of how it came to be (a check of a domain over a domain needs more when it is added later),
 * and two schemas that look the same are the same. */
json_t *schema_json(const struct schema *s, bool with_name);

/*
 * SHA-256 over the model without its schema's name: equal for two schemas that look the same,
 * whatever they are called and whichever OIDs they have. Comments count.
 */
err_code schema_fingerprint(const struct schema *s, char out[SHA256_HEX_SIZE], struct err *err)
    MUST_USE;
