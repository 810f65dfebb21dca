/* SPDX-License-Identifier: MIT */
/*
 * Puts a seed into one schema, in one transaction under the schema's lock, together with the row
 * that says so: the table SEED_TABLE in the schema itself is the truth about it.
 */
#pragma once

#include "core/migrate/apply.h"
#include "core/migrate/seed_text.h"

#define SEED_TABLE "__tenantd_seeds"

struct seed_options {
    const char *schema, *shared_schema; /* where it goes; second on the search path, may be NULL */
    const char *name;                   /* of the seed */
    const char *job_id; /* who asks; the same again finds that it is done. NULL: nobody */
    bool always;        /* also where it was applied before */
    bool force;         /* also where it was applied with another content */
    bool async_commit;  /* the caller flushes later */
    int lock_timeout_ms, statement_timeout_ms; /* 0: no limit */
};

/* What a schema says of a seed. */
struct seed_state {
    bool has_table;
    char sha256[SHA256_HEX_SIZE]; /* "": it was never applied */
    char job_id[UUID_TEXT_SIZE];  /* who applied it last; "": nobody */
};
/* ERR_SCHEMA_MISSING. */
err_code seed_state_read(struct pg *pg, const char *schema, const char *name,
                         struct seed_state *out, struct err *err) MUST_USE;
/* Whether a seed is to be applied there: *wanted; ERR_SEED_CHANGED. */
err_code seed_decide(const struct seed_state *state, const char *sha256,
                     const struct seed_options *options, bool *wanted, struct err *err) MUST_USE;

/*
 * *applied: false when it was there already. Errors: ERR_SEED_CHANGED, ERR_SCHEMA_MISSING,
 * ERR_LOCK_UNAVAILABLE (try again later), ERR_SEED_FAILED with *failure, whose places are those of
 * the seed's own text; ERR_DATABASE_…
 */
err_code seed_apply(struct pg *pg, const struct seed_bound *bound,
                    const struct seed_options *options, bool *applied,
                    struct apply_failure *failure, struct err *err) MUST_USE;
/* What seed_apply() would send to a schema that has no seed yet; appended to sql. */
err_code seed_preview(const struct seed_bound *bound, const struct seed_options *options,
                      struct str *sql, struct err *err) MUST_USE;
