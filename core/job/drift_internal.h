/* SPDX-License-Identifier: MIT */
/* A scan and its references; for core/job/drift_*.c only. */
#pragma once

#include "core/job/drift_scan.h"

/* What schemas with one applied set should be. */
struct drift_reference {
    int64_t set;
    char fingerprint[SHA256_HEX_SIZE];
    json_t *model; /* pruned; NULL: it cannot be told, because of: */
    struct err problem;
};

struct drift_scan {
    struct drift_scan_options o;
    bool own; /* each tenant is held against its own migrations */
    const struct catalog *catalog;
    json_t *held; /* pruned */
    struct drift_reference *references;
    size_t n_references;
    json_t *pairs;
};

/* The member of the args; NULL: each tenant's own. */
const json_t *drift_reference_of(const struct drift_scan *scan);
/* What schemas with that applied set should be, made when it is first asked for. *out is good until
 * the next call. Fails with what may be over in a while; what lasts is the reference's problem. */
err_code drift_find_reference(struct drift_scan *scan, int64_t set,
                              const struct drift_reference **out, struct err *err) MUST_USE;
