/* SPDX-License-Identifier: MIT */
/* What scans for drift have found, in the control schema. */
#pragma once

#include "core/job/drift_scan.h"

/* What is stored with a chunk of findings. */
struct drift_batch {
    const struct drift_subject *subjects;
    const struct drift_finding *findings;
    size_t n;
    const json_t *pairs; /* drift_scan_pairs() */
    const json_t *args;  /* of the job */
    const char *job_id;
    int64_t age_ms; /* since it was read */
};
/* Tenants that are gone are left out, and so is what a later look has replaced. */
err_code drift_store(struct pg *pg, const struct drift_batch *batch, struct err *err) MUST_USE;

/* A model to hold others against; its fingerprint is its key. */
err_code drift_store_model(struct pg *pg, const char *fingerprint, const json_t *model,
                           struct err *err) MUST_USE;
/* The caller's; ERR_NOT_FOUND. */
err_code drift_find_model(struct pg *pg, const char *fingerprint, json_t **out, struct err *err)
    MUST_USE;
/* Lets go of what no tenant's row is about any more. */
err_code drift_sweep(struct pg *pg, struct err *err) MUST_USE;

/* Tenants by state, "accepted" too: rows (state, tenants, warned, last_ms: when
 * one was last looked at); state NULL: never. */
err_code drift_counts(struct pg *pg, struct pg_rows **out, struct err *err) MUST_USE;

struct drift_filter {
    const char *state, *fingerprint, *reference, *code; /* NULL: any */
    bool warned;                                        /* only with warnings */
    const char *after; /* keyset: the key of the last row; NULL: from the start */
    int limit;
};
/*
 * Tenants that look the same beside the same: rows (key, state, reference, fingerprint, basis,
 * code, problem, tenants, sample, errors, warnings, differences, checked_from, checked_to,
 * acceptance, tenant_accepted, reason, accepted_by, accepted_at), the biggest group first.
 */
err_code drift_groups(struct pg *pg, const struct drift_filter *filter, struct pg_rows **out,
                      struct err *err) MUST_USE;
/* One by one: rows (tenant_id, state, reference, fingerprint, basis, problem, errors, warnings,
 * migrated, job_id, checked_at, acceptance), by id. */
err_code drift_tenants(struct pg *pg, const struct drift_filter *filter, struct pg_rows **out,
                       struct err *err) MUST_USE;
/* The same of one tenant, with its differences and its acceptance; no row: never looked at. */
err_code drift_of_tenant(struct pg *pg, const char *tenant_id, struct pg_rows **out,
                         struct err *err) MUST_USE;

struct drift_acceptance {
    const char *tenant_id; /* NULL: every tenant that looks so */
    const char *reference, *fingerprint, *reason, *by;
};
/* The row (id, tenant_id, reference, fingerprint, reason, accepted_by, accepted_at, tenants: how
 * many it covers now); *created: there was none yet. Accepting again gives it another reason. */
err_code drift_accept(struct pg *pg, const struct drift_acceptance *acceptance, bool *created,
                      struct pg_rows **out, struct err *err) MUST_USE;
/* The same rows, by id, after the given one. */
err_code drift_acceptances(struct pg *pg, const char *tenant_id, int64_t after, int limit,
                           struct pg_rows **out, struct err *err) MUST_USE;
/* Whether it is accepted for a tenant: a row (acceptance, tenant_accepted, reason, accepted_by,
 * accepted_at), or none. */
err_code drift_accepted(struct pg *pg, const char *tenant_id, const char *reference,
                        const char *fingerprint, struct pg_rows **out, struct err *err) MUST_USE;
/* ERR_DRIFT_NOT_FOUND. */
err_code drift_unaccept(struct pg *pg, const char *id, struct err *err) MUST_USE;
