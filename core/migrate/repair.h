/* SPDX-License-Identifier: MIT */
/*
 * Repairs of what a tracking table says, without running a migration: sync (orphans away, missing
 * ones and other bytes accepted), baseline, conversion between the formats, adoption of another
 * tool's history, resolution of what was begun and has not ended. What is to be edited is decided
 * from values alone; repair_run() does it, all edits of a schema in one transaction under the
 * schema's lock.
 */
#pragma once

#include "core/migrate/foreign.h"
#include "core/migrate/plan.h"

typedef enum repair_kind {
    REPAIR_SYNC,
    REPAIR_BASELINE,
    REPAIR_CONVERT,
    REPAIR_ADOPT,
    REPAIR_RESOLVE,
} repair_kind;

/* What is asked for; text is borrowed. */
struct repair_wish {
    repair_kind kind;
    bool clean_orphans, mark_missing, mark_out_of_order, accept_checksums; /* sync */
    const char *version;      /* resolve: what was begun; baseline: up to this one; */
    const json_t *versions;   /* or these */
    tracking_format to;       /* convert; or: */
    bool restore;             /* the backup of a conversion takes the table's place again */
    bool drop_backup;         /* what the table was is not kept */
    const char *from, *table; /* adopt: see foreign_read() */
    bool rolled_back;         /* resolve: it is not recorded as applied */
    bool verify;              /* baseline and adopt: against the objects that are there */
};
/* The wish as the args of a job have it, which are the body that asked for it. */
struct repair_wish repair_wish_of(repair_kind kind, const json_t *args);

typedef enum edit_kind {
    EDIT_REMOVE, /* a row goes; it is kept beside */
    EDIT_ACCEPT, /* a row gets the catalog's hash; what it was is kept beside */
    EDIT_RECORD, /* a row is added: applied, without being run */
    EDIT_SETTLE, /* the mark of what was begun goes (lane_mark.h) */
} edit_kind;

struct edit {
    edit_kind kind;
    const char *version;               /* borrowed from catalog or set */
    const struct migration *migration; /* NULL for EDIT_REMOVE, EDIT_SETTLE */
    size_t row;                        /* of the set, for EDIT_REMOVE and EDIT_ACCEPT */
};

/* What a decision is made from; all borrowed. */
struct repair_look {
    const struct catalog *catalog;
    const struct applied_set *set;
    const struct foreign_history *history; /* for an adoption */
    const struct applied_set *backup;      /* to restore */
};

struct repair {
    struct edit *edits; /* borrow from what was looked at */
    size_t count;
    bool swap;                 /* another table takes the place of this one */
    struct applied_set *after; /* owned; with swap what that one says, before the edits */
    bool *applied;             /* of each migration of the catalog, once it is done */
};

/*
 * ERR_NOT_EMPTY_HISTORY: a baseline contradicts what is recorded, or was begun and has not ended.
 * ERR_NOT_DIRTY: what is to be resolved was not begun. ERR_UNKNOWN_TARGET,
 * ERR_UNMAPPABLE_ROWS and the errors of foreign_map(). ERR_HISTORY_DIVERGED: the backup is not of
 * this history.
 */
err_code repair_decide(const struct repair_wish *wish, const struct repair_look *look,
                       struct repair *out, struct err *err) MUST_USE;
void repair_clear(struct repair *repair);
bool repair_is_empty(const struct repair *repair);
/* The edits as a list: {"edit", "version", "was"}; of a swap one {"edit", "from", "to", "rows"}. */
json_t *repair_json(const struct repair *repair, const struct applied_set *set);

/* Holds the objects in the schema against the migrations that are to be recorded; called within the
 * transaction. */
typedef err_code repair_verify(void *ctx, struct pg *pg, const struct catalog *catalog,
                               const bool *applied, struct err *err);

struct repair_options {
    const char *schema, *table;
    tracking_format format; /* of a tracking table that is not there yet */
    const char *job;        /* noted with the rows that are kept */
    bool dry_run;           /* decides, and changes nothing */
    int lock_timeout_ms, statement_timeout_ms;
    repair_verify *verify; /* NULL: nothing is verified */
    void *verify_ctx;
};

struct repair_result {
    json_t *edits;           /* owned */
    bool changed;            /* or would be */
    tracking_format format;  /* before */
    struct applied_set *now; /* owned; what the table says at the end; NULL for a dry run */
};
void repair_result_clear(struct repair_result *result);

/* The errors of repair_decide() and foreign_read(); ERR_LOCK_UNAVAILABLE when somebody works on the
 * schema; ERR_SCHEMA_MISSING; ERR_AMBIGUOUS_FORMAT for a table of no known format. */
err_code repair_run(struct pg *pg, const struct catalog *catalog, const struct repair_wish *wish,
                    const struct repair_options *options, struct repair_result *result,
                    struct err *err) MUST_USE;

/* Whether a table beside the tracking table holds what it was before a repair. */
bool repair_is_backup(const char *tracking_table, const char *table);
