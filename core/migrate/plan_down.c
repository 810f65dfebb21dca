/* SPDX-License-Identifier: MIT */
#include "core/migrate/plan_down.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/migrate/tracking_internal.h"

/* The number of first migrations that stay. */
static err_code find_end(const struct catalog *catalog, const char *target, size_t *end,
                         struct err *err)
{
    *end = 0;
    if (!target)
        return err_set(err, ERR_UNKNOWN_TARGET, "the way back needs a target");
    if (str_eq(target, PLAN_TARGET_NONE))
        return ERR_NONE;
    *end = catalog_find(catalog, target);
    if ((*end)++ == catalog->count)
        return err_set(err, ERR_UNKNOWN_TARGET, "catalog \"%s\" has no migration \"%s\"",
                       catalog->name, target);
    return ERR_NONE;
}

static void mark(struct plan *plan, const struct plan *kept, size_t end)
{
    plan->down = true;
    plan->todo = 0;
    for (size_t i = 0; i < plan->count; i++) {
        struct plan_entry *entry = &plan->entries[i];
        bool stays = kept->entries ? i < kept->count && kept->entries[i].row : i < end;
        entry->in_target = entry->migration && entry->row && !stays;
        plan->todo += entry->in_target;
    }
}

/* A row may be there twice, or two rows may speak of one migration: with its own row gone it would
 * still count as applied, though nothing of it is left. */
static err_code find_twice(const struct catalog *catalog, const struct applied_set *set,
                           struct plan *plan, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *after = applied_set_copy(set);
    CLEANUP(plan_clear) struct plan then = {.entries = NULL};

    if (!after)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < plan->count; i++)
        if (plan->entries[i].in_target)
            applied_set_remove(after, plan->entries[i].row);
    err_code rc = plan_make(catalog, after, NULL, &then, err);
    for (size_t i = 0; i < catalog->count && !rc; i++) {
        const struct plan_entry *entry = &plan->entries[i];
        bool applied = then.entries[i].row != NULL;
        if (applied != (entry->row && !entry->in_target) && !plan->twice)
            plan->twice = entry->version;
    }
    return rc;
}

err_code plan_make_down(const struct catalog *catalog, const struct applied_set *set,
                        const char *target, const struct applied_set *keep, struct plan *out,
                        struct err *err)
{
    CLEANUP(plan_clear) struct plan plan = {.entries = NULL}, kept = {.entries = NULL};
    size_t end = 0;
    err_code rc =
        keep ? plan_make(catalog, keep, NULL, &kept, err) : find_end(catalog, target, &end, err);

    if (!rc)
        rc = plan_make(catalog, set, NULL, &plan, err);
    if (rc)
        return rc;
    mark(&plan, &kept, end);
    if (plan.todo)
        rc = find_twice(catalog, set, &plan, err);
    if (rc)
        return rc;
    *out = plan;
    plan = (struct plan){.entries = NULL}; /* now the caller's */
    return ERR_NONE;
}

static err_code refuse(const char *version, err_code code, const char *why, struct err *err)
{
    (void)err_set(err, code, "\"%.200s\" %s", version, why);
    if (err)
        (void)strncat(err->subject, version, sizeof err->subject - 1);
    return code;
}

/* The row of the first migration that is taken back: what was applied before it is not in the way.
 */
static const struct applied_row *first_row(const struct plan *plan)
{
    const struct applied_row *first = NULL;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->entries[i].in_target && (!first || plan->entries[i].row < first))
            first = plan->entries[i].row;
    return first;
}

static err_code check_entry(const struct plan_entry *entry, const struct applied_row *first,
                            unsigned allow, struct err *err)
{
    bool orphan = entry->state == MIGRATION_ORPHANED;

    if (orphan && first && entry->row > first && !(allow & ALLOW_ORPHANED))
        return refuse(entry->version, ERR_HISTORY_DIVERGED,
                      "was applied later and is not in the catalog, so it cannot be taken back",
                      err);
    if (!entry->in_target)
        return ERR_NONE;
    if (entry->state == MIGRATION_MODIFIED && !(allow & ALLOW_MODIFIED))
        return refuse(entry->version, ERR_HISTORY_DIVERGED,
                      "was applied with other bytes than the catalog has", err);
    if (!entry->migration->down)
        return refuse(entry->version, ERR_NO_DOWN_MIGRATION, "has no down script", err);
    return ERR_NONE;
}

err_code plan_check_down(const struct plan *plan, unsigned allow, struct err *err)
{
    const struct applied_row *first = first_row(plan);

    if (plan->twice)
        return refuse(plan->twice, ERR_HISTORY_DIVERGED, "is recorded more than once", err);
    for (size_t i = 0; i < plan->count; i++) {
        err_code rc = check_entry(plan_nth(plan, i), first, allow, err);
        if (rc)
            return rc;
    }
    return ERR_NONE;
}

const struct plan_entry *plan_nth(const struct plan *plan, size_t i)
{
    return &plan->entries[plan->down ? plan->count - 1 - i : i];
}

bool plan_entry_done(const struct plan *plan, const struct plan_entry *entry,
                     struct applied_set *set)
{
    if (!plan->down)
        return applied_set_record(set, entry->migration, clock_unix_ms());
    applied_set_remove(set, entry->row);
    return true;
}
