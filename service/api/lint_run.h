/* SPDX-License-Identifier: MIT */
/* Linting what the service has: catalogs, and migrations on their way into one. */
#pragma once

#include "core/lint/lint.h"
#include "service/api/api.h"

/* Migrations as files, with room for so many. */
struct lint_gathering {
    struct lint_file *files; /* owned */
    size_t count;
};
err_code lint_gathering_init(struct lint_gathering *g, size_t room, struct err *err) MUST_USE;
void lint_gathering_clear(struct lint_gathering *g);
/* m is borrowed. */
void lint_gather(struct lint_gathering *g, const struct migration *m, bool context);

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
/*
 * The migrations of an open plan, cohort by cohort: each of `cohorts`, as they are shown, gets "lint",
 * with the rows that the first of the plan's tenants have in their tables now. A server that cannot
 * be asked is left out.
 */
err_code lint_plan(struct call *call, const char *plan_id, bool down, json_t *cohorts,
                   struct err *err) MUST_USE;
/* The 422 of a refusal: an error for each issue, with a pointer to its file in the body. */
struct reply lint_refusal(const struct call *call, const struct err *err, const json_t *result);
