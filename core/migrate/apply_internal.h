/* SPDX-License-Identifier: MIT */
/* What the files about applying share. */
#pragma once

#include "core/migrate/apply_script.h"
#include "core/pg/script.h"

/* One schema that is being brought to its target. */
struct applying {
    struct pg *pg;
    const struct catalog *catalog;
    const struct apply_options *options;
    struct apply_result *result;
    struct err *err;
    int64_t deadline; /* monotonic ms, 0: none */
    bool more;        /* the round did not go to the end of the plan */
};

/* What was sent for it, and what it was made from. */
struct sent {
    const struct apply_script *script;
    const struct apply_names *names;
    const struct plan *plan;
    const struct applied_set *set;
};

/* Says in a->result what the script left when it stopped, and returns the error. *stale: nothing is
 * wrong but the plan. */
err_code apply_stop(struct applying *a, const struct sent *sent, const struct pg_failure *f,
                    bool *stale) MUST_USE;
/* The set as it is once the first `count` migrations that the plan wants are done. NULL: no memory. */
struct applied_set *apply_set_after(const struct applied_set *set, const struct plan *plan,
                                    size_t count, bool has_table);
/* As much of text as fits, in whole characters. */
void apply_copy_text(char *out, size_t size, const char *text);

enum { APPLY_NONCE_SIZE = 25 };
/* What a transaction of ours is known by. */
void apply_make_nonce(char out[APPLY_NONCE_SIZE]);
