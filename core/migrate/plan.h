/* SPDX-License-Identifier: MIT */
/*
 * What a schema lacks: a catalog compared with an applied set. Pure. Tenants with the same applied
 * set share one plan, so a fleet needs a handful of them.
 */
#pragma once

#include "core/migrate/tracking.h"

typedef enum migration_state {
    MIGRATION_APPLIED,
    MIGRATION_PENDING,
    MIGRATION_MODIFIED,     /* applied with other bytes than the catalog has */
    MIGRATION_OUT_OF_ORDER, /* pending, but sorts before one that is applied */
    MIGRATION_ORPHANED,     /* applied, not in the catalog */
    MIGRATION_DIRTY,        /* begun outside of transactions and not ended: still to do */
} migration_state;
const char *migration_state_name(migration_state state);

/* One line of a tenant's status; version and the rest are borrowed from catalog and set. */
struct plan_entry {
    const char *version; /* for an orphan its name, or its hash where the table has no names */
    const struct migration *migration; /* NULL for an orphan */
    const struct applied_row *row;     /* NULL when not applied */
    migration_state state;
    bool in_target; /* pending or out of order, and not after the target; down: to be taken back */
};

struct plan {
    struct plan_entry *entries; /* the catalog's in order, then the orphans */
    size_t count;
    size_t applied, pending, modified, out_of_order, orphaned; /* numbers of entries */
    const char *head; /* newest applied version of the catalog; NULL when none is */
    size_t todo;      /* entries with in_target */
    bool down;        /* they are taken back, the last first; see plan_down.h */
    const char *twice; /* down: a migration that would still count as applied; NULL: none */
    const char *begun; /* version that was begun and has not ended; NULL: none */
};

/* Which deviations a run may go over; all are refused by default. */
enum { ALLOW_ORPHANED = 1, ALLOW_MODIFIED = 2, ALLOW_OUT_OF_ORDER = 4 };

/* target: a version of the catalog, or NULL for its end; ERR_UNKNOWN_TARGET. plan borrows from
 * catalog and set. */
err_code plan_make(const struct catalog *catalog, const struct applied_set *set,
                   const char *target, struct plan *out, struct err *err) MUST_USE;
void plan_clear(struct plan *plan);
/* ERR_HISTORY_DIVERGED, ERR_OUT_OF_ORDER: the plan has a deviation that `allow` does not cover; a
 * plan that goes down: plan_check_down(). */
err_code plan_check(const struct plan *plan, unsigned allow, struct err *err) MUST_USE;
/* Cuts off what cannot go with the first migration that is to do: a migration that runs outside of
 * transactions goes by itself; not of a plan that goes down. Returns it when it is the first, NULL otherwise; *more: something
 * was cut off. */
const struct migration *plan_cut(struct plan *plan, bool *more);
/* "ok", "behind", "diverged" (modified, out of order or orphaned), or "dirty" (a migration was begun
 * outside of transactions and has not ended). */
const char *plan_status(const struct plan *plan);
