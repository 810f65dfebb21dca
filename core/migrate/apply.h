/* SPDX-License-Identifier: MIT */
/*
 * Brings one schema to a target in one round trip: a single script of guarded transactions. The
 * guard makes it optimistic: if somebody else holds the schema, or its tracking table is not what
 * the caller assumed, the script fails before the first DDL and nothing has happened.
 */
#pragma once

#include "core/migrate/plan.h"

struct lane_access;

/* What makes all that the first migrations of a catalog make, in a new schema that is alone on the
 * search path but for the shared one. */
struct apply_baseline {
    char *sql; /* a byte APPLY_SCHEMA_HOLE stands for the schema's quoted name; ends in a semicolon */
    size_t statements;
    char *version; /* the last of those migrations */
};
#define APPLY_SCHEMA_HOLE "\xf9"

struct apply_options {
    const char *schema;        /* where the tables go */
    const char *shared_schema; /* second on the search path */
    const char *table;         /* name of the tracking table */
    const char *target;        /* version, NULL: end of the catalog */
    unsigned allow;            /* ALLOW_… */
    bool down;                 /* what is applied after the target is taken back (plan_down.h) */
    const struct applied_set *back_to; /* down: instead of a target; borrowed, may be NULL */
    tracking_format format;    /* of a tracking table that is not there yet and not assumed */
    bool create_schema;        /* provisioning: CREATE SCHEMA and everything in one transaction */
    const struct apply_baseline *baseline; /* with create_schema: instead of those; NULL: replay */
    const char *schema_comment; /* with create_schema: its COMMENT, written with it; NULL: none */
    bool async_commit;         /* the caller flushes later (a commit that writes WAL, same cluster) */
    int lock_timeout_ms, statement_timeout_ms; /* 0: no limit */
    int64_t deadline_ms;                       /* for the whole script; 0: no limit */
    const struct lane_access *lane; /* for what runs outside of transactions (lane.h); NULL: refused */
};

/* The plan of these options for a schema with this set; as plan_make() or plan_make_down(). */
err_code apply_plan(const struct catalog *catalog, const struct applied_set *set,
                    const struct apply_options *options, struct plan *out,
                    struct err *err) MUST_USE;

/* Where and why a schema stopped. */
struct apply_failure {
    const char *step; /* "plan", "lock", "create_schema", "baseline", "migrate", "commit"; a literal */
    char version[MIGRATION_VERSION_MAX + 1]; /* "" outside a migration */
    int statement;      /* in the migration, from 1; 0 outside */
    int line, column;   /* in the migration's file; 0 outside */
    char sqlstate[6];
    char message[512], detail[512], hint[256], context[256];
    json_t *blocked_by; /* of a lock that was not to be had, see blockers.h; NULL: not known */
};

struct apply_result {
    size_t applied;            /* migrations that this call committed, or took back */
    struct applied_set *now;   /* owned: what the tracking table says after it; never NULL on success,
                                  on failure NULL when it is not known */
    struct apply_failure failure; /* when the call failed */
};
void apply_result_clear(struct apply_result *result);

/*
 * assumed: what the tracking table is thought to say, NULL to read it first. A stale assumption is
 * re-read and planned again by itself. Errors:
 * ERR_LOCK_UNAVAILABLE   somebody else works on the schema, or a lock_timeout: try again later
 * ERR_HISTORY_DIVERGED, ERR_OUT_OF_ORDER, ERR_UNKNOWN_TARGET, ERR_NO_DOWN_MIGRATION   see
 *                        plan_check()
 * ERR_SCHEMA_MISSING / ERR_SCHEMA_EXISTS (create_schema)
 * ERR_MIGRATION_FAILED   a statement failed; what was committed before it stays
 * ERR_DATABASE_…         the connection; after a loss during COMMIT the next call reads the truth
 */
err_code apply_run(struct pg *pg, const struct catalog *catalog, const struct applied_set *assumed,
                   const struct apply_options *options, struct apply_result *result,
                   struct err *err) MUST_USE;

/* One schema of several. */
struct apply_one {
    const char *schema, *schema_comment; /* instead of those of the options */
    err_code rc; /* what apply_run() would have returned, and left in err */
    struct err err;
    struct apply_result result; /* the caller's; on success result.now is NULL when *now says it */
};

/*
 * The same for schemas that are all assumed to say `assumed`: many in one message, hence one round
 * trip. They fail as apply_run() does, each by itself. Returns how many of them have come to an end,
 * from the first on: at least one, and none after one that failed, so that the caller can look
 * whether to go on with the rest. After the loss of the connection those that were sent and not
 * answered have failed too, whatever became of them. *now is the caller's, NULL or what the tracking
 * tables say of those that succeeded. The time limit of the options is multiplied by their number.
 */
size_t apply_many(struct pg *pg, const struct catalog *catalog, const struct applied_set *assumed,
                  const struct apply_options *options, struct apply_one *ones, size_t n,
                  struct applied_set **now) MUST_USE;

/* The SQL that apply_run() would send for this set, for a dry run; appended to sql. */
err_code apply_preview(const struct catalog *catalog, const struct applied_set *set,
                       const struct apply_options *options, struct str *sql,
                       struct err *err) MUST_USE;

/* The advisory lock key of a schema: what every writer of a tenant's schema takes. */
int64_t apply_lock_key(const char *schema);
