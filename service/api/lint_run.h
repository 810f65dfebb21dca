/* SPDX-License-Identifier: MIT */
/* Linting what the service has: catalogs, and migrations on their way into one. */
#pragma once

#include "core/lint/lint.h"
#include "service/api/api.h"

/* Which migrations of a catalog are looked at; both NULL: all, each by itself. */
struct lint_range {
    const char *version; /* this one alone */
    const char *from;    /* those that come after it, as one batch */
};

/* ERR_UNKNOWN_TARGET, err->field the member, when the catalog has no such version. */
err_code lint_catalog(struct call *call, const struct lint_config *config, const char *name,
                      const struct lint_range *range, json_t **out, struct err *err) MUST_USE;

/*
 * What lint.gate says of migrations before they are registered: *out is the result, the caller's, or
 * NULL when the gate is off. ERR_LINT_FAILED when it refuses them, with *out set.
 */
err_code lint_gate(struct call *call, const char *catalog, const struct migration *items,
                   size_t count, json_t **out, struct err *err) MUST_USE;
/* The 422 of a refusal: an error for each issue, with a pointer to its file in the body. */
struct reply lint_refusal(const struct call *call, const struct err *err, const json_t *result);
