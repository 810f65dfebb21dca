/* SPDX-License-Identifier: MIT */
/* What the making of a run (run_plan.c) and its dry run (run_preview.c) share. */
#pragma once

#include "core/base/str.h"
#include "service/api/run_plan.h"

/* What the making of a run has found out. */
struct planning {
    struct call *call;
    const struct run_request *run;
    const struct catalog *catalog;
    char *id; /* of the job */
    struct str done; /* bigint[] of the applied sets that leave nothing to do */
    int64_t noop, tenants;
    json_t *refused; /* cohorts that stand against a plan, as cohort_json() met them; NULL: none */
    struct err why;  /* the first of them */
};
void planning_clear(struct planning *planning);
/* Whether tenants with this applied set have something to do, or a deviation to report. */
err_code planning_needs_work(const struct planning *planning, int64_t set_id, bool *needs,
                             struct err *err) MUST_USE;
/* ERR_UNKNOWN_TARGET when the catalog has no such version. */
err_code planning_check_target(const struct planning *planning, struct err *err) MUST_USE;
/* The newest version of a catalog, NULL when it has none. */
const char *planning_head(const struct catalog *catalog);
/* The waves that a staged run would have (rollout_wave_json()), found by making it in a transaction
 * that is rolled back; *waves is the caller's. Fails as run_create() would. */
err_code run_rehearse(struct planning *planning, json_t **waves, struct err *err) MUST_USE;
