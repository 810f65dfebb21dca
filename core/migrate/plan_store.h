/* SPDX-License-Identifier: MIT */
/*
 * Plans in the control schema: what a run would do, with the tenants and what they had applied,
 * frozen for a while. Each function is one statement, in the transaction that is open if one is.
 */
#pragma once

#include <jansson.h>

#include "core/base/hash.h"
#include "core/pg/pg.h"
#include "core/tenant/selector.h"

struct plan_spec {
    const char *catalog, *target; /* target may be NULL */
    bool down;
    const json_t *request;   /* what was asked for */
    const char *rollback_of; /* a run; NULL: none */
    const char *created_by;
    int64_t ttl_s;
};
/* Inserts the plan alone and gives its id; its targets and cohorts follow. */
err_code plan_insert(struct pg *pg, const struct plan_spec *spec, char id[UUID_TEXT_SIZE],
                     struct err *err) MUST_USE;
/* Its targets: the selector's tenants that migrations concern, as they are now. */
err_code plan_freeze(struct pg *pg, const char *id, const struct selector *selector,
                     struct err *err) MUST_USE;
/* Its targets: the tenants that a run has changed and that are still there, to go back to where the
 * run found each. *left is the number of those that are as they were, gone, or of unknown origin.
 */
err_code plan_freeze_run(struct pg *pg, const char *id, const char *run_id, int64_t *left,
                         struct err *err) MUST_USE;
/* Rows (applied_set, back_to, tenants, sample) of the targets, the biggest group first. */
err_code plan_groups(struct pg *pg, const char *id, struct pg_rows **out, struct err *err) MUST_USE;
/* Takes out the targets of one group; 0 for NULL. */
err_code plan_drop_group(struct pg *pg, const char *id, int64_t applied_set, int64_t back_to,
                         struct err *err) MUST_USE;
/* Stores the cohorts, counts the targets and computes the hash over both. */
err_code plan_finish(struct pg *pg, const char *id, const json_t *cohorts, int64_t noop,
                     struct err *err) MUST_USE;

/* One row (id, catalog, direction, target, request, cohorts, plan_hash, tenants, noop, run_id,
 * rollback_of, created_by, created_at, expires_at, state: open, used, expired). ERR_PLAN_NOT_FOUND.
 * lock: until the transaction ends nobody else uses it. */
err_code plan_find(struct pg *pg, const char *id, bool lock, struct pg_rows **out, struct err *err)
    MUST_USE;
struct plan_filter {
    const char *state, *created_by;          /* NULL: any */
    const char *after_created_at, *after_id; /* keyset: newest first; NULL: from the start */
    int limit;
};
/* The same rows, with cohorts as an empty array. */
err_code plan_list(struct pg *pg, const struct plan_filter *filter, struct pg_rows **out,
                   struct err *err) MUST_USE;
/* Rows (tenant_id, server, schema_name, cohort) by tenant after the given one; cohort is the place
 * in cohorts, from 0. */
err_code plan_targets(struct pg *pg, const char *id, const char *after, int limit,
                      struct pg_rows **out, struct err *err) MUST_USE;
/* Targets that are not as the plan saw them: rows (tenant_id, state, moved), 100 at most; state is
 * NULL when the tenant is gone. */
err_code plan_moved(struct pg *pg, const char *id, struct pg_rows **out, struct err *err) MUST_USE;
/* The ids of its targets as a selector. */
err_code plan_selector(struct pg *pg, const char *id, struct selector *out, struct err *err)
    MUST_USE;
/* The plan has its run, whose tasks are there: they get back_to from the targets. */
err_code plan_use(struct pg *pg, const char *id, const char *run_id, struct err *err) MUST_USE;
/* ERR_PLAN_NOT_FOUND. */
err_code plan_delete(struct pg *pg, const char *id, struct err *err) MUST_USE;
/* Deletes plans that expired more than `days` ago, at most limit of them. */
err_code plan_prune(struct pg *pg, int days, int limit, struct err *err) MUST_USE;
