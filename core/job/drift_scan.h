/* SPDX-License-Identifier: MIT */
/*
 * Looking for drift: schemas of one server, many at a time, beside what they should be. Nothing is
 * changed; what was found is stored by drift_store.h.
 */
#pragma once

#include "core/job/engine.h"
#include "core/schema/drift.h"

typedef enum drift_state {
    DRIFT_OK, /* there may be warnings */
    DRIFT_DRIFTED,
    DRIFT_UNKNOWN, /* what it should be cannot be told */
    DRIFT_ERROR,   /* it cannot be read */
} drift_state;
const char *drift_state_name(drift_state state);

/*
 * What a scan is about, all borrowed. args are a job's: the rules of drift_prune(), "revision" of
 * the catalog, and "reference": {"kind": "own"}, each tenant's own applied migrations (also without
 * a reference); {"kind": "catalog", "version"}, those up to a version; {"kind": "tenant",
 * "fingerprint"}, a model that is stored, or held.
 */
struct drift_scan_options {
    struct engine *engine;
    struct pg *control, *pg; /* pg leads to the server of the schemas */
    const char *server;
    const json_t *args;
    const struct task_run *run; /* NULL: none */
};

struct drift_scan;
/* ERR_NOT_FOUND: the reference's model is no longer stored. */
err_code drift_scan_new(const struct drift_scan_options *options, struct drift_scan **out,
                        struct err *err) MUST_USE;
/* The same with the model that a reference of kind "tenant" is about; it is copied. */
err_code drift_scan_held(const struct drift_scan_options *options, const json_t *model,
                         struct drift_scan **out, struct err *err) MUST_USE;
void drift_scan_free(struct drift_scan *scan); /* NULL is fine */
void drift_scan_freep(struct drift_scan **scan);

/* One schema, and what the registry says is applied to it; 0: it does not know. */
struct drift_subject {
    const char *tenant_id, *schema;
    int64_t applied_set;
};

struct drift_finding {
    drift_state state;
    char reference[SHA256_HEX_SIZE], fingerprint[SHA256_HEX_SIZE]; /* "": not known */
    size_t errors, warnings;
    int64_t applied_set; /* as the subject has it, or as its tracking table says by now */
    bool is_newer;       /* which is another */
    struct err why;      /* of DRIFT_UNKNOWN and DRIFT_ERROR */
};

/*
 * Looks at n schemas, which are in memory together. A finding each, or an error that is about the
 * server. Before a schema is called drifted from its own migrations, its tracking table is read: it
 * may know more than the registry.
 */
err_code drift_scan_look(struct drift_scan *scan, const struct drift_subject *subjects, size_t n,
                         struct drift_finding *findings, struct err *err) MUST_USE;
/* Each pair that was found so far, once: [{"reference", "fingerprint", "differences", "errors",
 * "warnings"}]. Borrowed. */
const json_t *drift_scan_pairs(const struct drift_scan *scan);

/* The pruned model of a schema as it is now, and its fingerprint; for a reference. */
err_code drift_read(struct engine *engine, struct pg *pg, const char *schema, const json_t *rules,
                    json_t **out, char fingerprint[SHA256_HEX_SIZE], struct err *err) MUST_USE;
