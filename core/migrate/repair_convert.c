/* SPDX-License-Identifier: MIT */
/* Conversion of a tracking table to another format: the rows of the new one. Pure. */
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/repair_internal.h"
#include "core/migrate/tracking_internal.h"

static bool is_named(tracking_format format)
{
    return format == TRACKING_NAME || format == TRACKING_DRIZZLE_KIT_V1;
}

/* One row in the new format. drizzle-orm goes by the journal's date, so that is what is kept; where
 * a row tells a hash of its own, that stays, and with it what is modified. */
static err_code add_row(struct applied_set *after, const struct plan_entry *entry, struct err *err)
{
    const struct migration *m = entry->migration;
    const struct applied_row *row = entry->row;
    bool dated = m && m->when_ms && after->format == TRACKING_DRIZZLE_KIT;
    const char *name = m ? m->version : row->name, *hash = row->hash;

    if (m && (!hash || str_eq(hash, m->version)))
        hash = m->sha256;
    if (is_named(after->format) && !name)
        return err_set(err, ERR_UNMAPPABLE_ROWS,
                       "the row with hash %.64s is about no version of the catalog, so it has no"
                       " name",
                       entry->version);
    if (after->format != TRACKING_NAME && !hash)
        return err_set(err, ERR_UNMAPPABLE_ROWS,
                       "the row \"%.200s\" is about no version of the catalog, so it has no hash",
                       entry->version);
    if (!applied_set_add(after, is_named(after->format) ? name : NULL,
                         after->format == TRACKING_NAME ? NULL : hash,
                         dated ? m->when_ms : row->at_ms))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return ERR_NONE;
}

/* Both sets must say the same of every migration; the name format knows no other bytes. */
static err_code check_same(const struct deciding *d, const struct applied_set *after,
                           struct err *err)
{
    struct plan plan;
    err_code rc = plan_make(d->look->catalog, after, NULL, &plan, err);

    for (size_t i = 0; i < d->look->catalog->count && !rc; i++) {
        const struct plan_entry *was = &d->plan.entries[i], *is = &plan.entries[i];
        bool same = was->state == is->state ||
                    (after->format == TRACKING_NAME && was->state == MIGRATION_MODIFIED &&
                     is->state == MIGRATION_APPLIED);
        if (!same)
            rc = err_set(err, ERR_UNMAPPABLE_ROWS, "%s would be %s instead of %s", was->version,
                         migration_state_name(is->state), migration_state_name(was->state));
    }
    if (!rc && plan.orphaned != d->plan.orphaned)
        rc = err_set(err, ERR_UNMAPPABLE_ROWS, "%zu rows would be orphaned instead of %zu",
                     plan.orphaned, d->plan.orphaned);
    plan_clear(&plan);
    return rc;
}

/* In the order of the old rows: the formats without names are read in that order. */
static err_code map_rows(const struct deciding *d, struct applied_set *after, struct err *err)
{
    err_code rc = ERR_NONE;

    for (size_t row = 0; row < d->look->set->count && !rc; row++)
        for (size_t i = 0; i < d->plan.count && !rc; i++)
            if (d->plan.entries[i].row == &d->look->set->rows[row])
                rc = add_row(after, &d->plan.entries[i], err);
    applied_set_digest(after);
    return rc;
}

/* The backup must say nothing that the table does not; what came after it is recorded again. */
static err_code decide_restore(struct deciding *d, struct err *err)
{
    struct plan old;
    err_code rc = plan_make(d->look->catalog, d->look->backup, NULL, &old, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < d->look->catalog->count && !rc; i++) {
        const struct plan_entry *is = &d->plan.entries[i];
        if (old.entries[i].row && !is->row)
            rc = err_set(err, ERR_HISTORY_DIVERGED,
                         "the backup has %s applied, and the table has not", is->version);
        else if (is->row && !old.entries[i].row)
            repair_add(d, EDIT_RECORD, is);
    }
    if (!rc && d->plan.orphaned > old.orphaned)
        rc = err_set(err, ERR_HISTORY_DIVERGED,
                     "the table has orphaned rows that the backup has not");
    plan_clear(&old);
    d->out.after = rc ? NULL : applied_set_copy(d->look->backup);
    d->out.swap = !rc;
    return rc || d->out.after ? rc : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code repair_decide_convert(struct deciding *d, struct err *err)
{
    const struct applied_set *set = d->look->set;

    if (d->wish->restore)
        return decide_restore(d, err);
    if (!set->has_table || set->format == d->wish->to)
        return ERR_NONE;
    d->out.after = applied_set_empty(d->wish->to);
    if (!d->out.after)
        return err_set(err, ERR_INTERNAL, "out of memory");
    d->out.after->has_table = d->out.swap = true;
    if (!applied_set_begin(d->out.after, set->begun)) /* the mark goes along */
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = map_rows(d, d->out.after, err);
    return rc ? rc : check_same(d, d->out.after, err);
}
