/* SPDX-License-Identifier: MIT */
/*
 * Drift: what tells a schema from what it should be. Works on models as schema_json() writes them,
 * from which first goes what does not count; what is left has a fingerprint, and two of them have
 * differences in words for people. Pure.
 */
#pragma once

#include <jansson.h>

#include "core/base/err.h"
#include "core/base/hash.h"

/* What may be left out of the comparison ("comments", "indexes", …); ends with NULL. */
extern const char *const drift_ignorable[];

/*
 * Takes out of the model what does not count by the rules, and brings the rest into one order.
 * Rules have the members "ignore" (of drift_ignorable), "exclude_tables" (patterns as of glob(7))
 * and "column_order" (true: the order of columns counts); all may be absent. Indexes that a
 * constraint makes are told with it, and what is on an excluded table goes with it.
 */
void drift_prune(json_t *model, const json_t *rules);

/* SHA-256 over a pruned model. */
err_code drift_fingerprint(const json_t *model, char out[SHA256_HEX_SIZE], struct err *err)
    MUST_USE;

enum { DRIFT_DIFFERENCES_MAX = 200 }; /* shown of one schema */

struct drift_diff {
    json_t *list;            /* owned; the first DRIFT_DIFFERENCES_MAX */
    size_t errors, warnings; /* all of them */
};
void drift_diff_clear(struct drift_diff *diff);

/*
 * What tells `actual` from `expected`, both pruned: {"class": missing|extra|changed, "object",
 * "attribute", "expected", "actual", "severity": error|warning}. What is there beyond what should
 * be and does no harm is a warning, as is everything about comments. Models that are not equal have
 * at least one difference. ERR_INTERNAL without memory.
 */
err_code drift_compare(const json_t *expected, const json_t *actual, struct drift_diff *out,
                       struct err *err) MUST_USE;
