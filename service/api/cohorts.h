/* SPDX-License-Identifier: MIT */
/* What tenants with the same applied migrations would get: the part that dry runs, plans and the
 * check of a plan share. */
#pragma once

#include "service/api/planning.h"

/* Tenants that would get the same. */
struct cohort {
    int64_t set_id, back_to; /* applied sets; 0: never read, and: to the run's target */
    int64_t tenants;
    const char *sample; /* ids, as a JSON array; may be NULL for cohort_steps() */
};

/*
 * The cohort as it is shown, with its SQL, hazards and locks; *out is NULL when it needs nothing,
 * otherwise the caller's. Counts its tenants in p, and notes there why it is refused, if it is.
 */
err_code cohort_json(struct planning *p, const struct cohort *cohort, json_t **out, struct err *err)
    MUST_USE;
/* Its steps alone, as "steps" of the same; what it is refused for, if anything, goes to *why. */
err_code cohort_steps(struct planning *p, const struct cohort *cohort, json_t **out,
                      struct err *why, struct err *err) MUST_USE;
/* The exact SQL for one schema, with what is pending; for the shared schema. */
err_code cohort_shared_json(struct planning *p, const struct catalog *catalog,
                            const struct applied_set *set, json_t **out, struct err *err) MUST_USE;
