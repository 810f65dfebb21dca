/* SPDX-License-Identifier: MIT */
#include "core/migrate/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/plan_down.h"

/* Rows and migrations that have found each other. */
struct matching {
    const struct catalog *catalog;
    const struct applied_set *set;
    struct plan_entry *entries; /* one a migration, row set when found */
    bool *row_taken;
};

/* Whether a row is about a migration. */
typedef bool match_rule(const struct migration *m, const struct applied_row *row);

static bool has_name(const struct migration *m, const struct applied_row *row)
{
    return str_eq(row->name, m->version);
}

static bool has_hash(const struct migration *m, const struct applied_row *row)
{
    return !row->name && str_eq(row->hash, m->sha256);
}

/* The same bytes under another name: drizzle renames a journal's files when it makes folders of them. */
static bool is_renamed(const struct migration *m, const struct applied_row *row)
{
    return row->name && str_eq(row->hash, m->sha256);
}

/* drizzle-multitenant takes a row as applied when its hash is the file's name, too. */
static bool has_name_as_hash(const struct migration *m, const struct applied_row *row)
{
    return !row->name && str_eq(row->hash, m->version);
}

/* The journal's date without the journal's bytes: the file was edited after it was applied. */
static bool has_date(const struct migration *m, const struct applied_row *row)
{
    return !row->name && m->when_ms && row->at_ms == m->when_ms;
}

static bool has_hash_and_date(const struct migration *m, const struct applied_row *row)
{
    return has_hash(m, row) && has_date(m, row);
}

/* The first free migration that the row fits, looking from `from` on and around: histories have
 * the catalog's order, so the first look nearly always hits. Returns the catalog's count if none. */
static size_t find_free(const struct matching *m, match_rule *fits, size_t row, size_t from)
{
    size_t n = m->catalog->count;
    for (size_t step = 0; step < n; step++) {
        size_t i = from + step < n ? from + step : from + step - n;
        if (!m->entries[i].row && fits(&m->catalog->items[i], &m->set->rows[row]))
            return i;
    }
    return n;
}

static void match_by(struct matching *m, match_rule *fits)
{
    size_t next = 0;
    for (size_t row = 0; row < m->set->count; row++) {
        if (m->row_taken[row])
            continue;
        size_t i = find_free(m, fits, row, next);
        if (i == m->catalog->count)
            continue;
        m->entries[i].row = &m->set->rows[row];
        m->row_taken[row] = true;
        next = i + 1;
    }
}

/* A second row about an applied migration says nothing new. */
static bool is_repetition(const struct matching *m, const struct applied_row *row)
{
    for (size_t i = 0; i < m->catalog->count; i++) {
        const struct migration *item = &m->catalog->items[i];
        if (has_name(item, row) || has_hash(item, row) || has_name_as_hash(item, row))
            return true;
    }
    return false;
}

static void match_rows(struct matching *m)
{
    if (m->set->format == TRACKING_NAME || m->set->format == TRACKING_DRIZZLE_KIT_V1)
        match_by(m, has_name);
    if (m->set->format == TRACKING_NAME)
        return;
    match_by(m, has_hash_and_date);
    match_by(m, has_hash);
    match_by(m, has_name_as_hash);
    match_by(m, is_renamed);
    for (size_t row = 0; row < m->set->count; row++)
        if (!m->row_taken[row] && is_repetition(m, &m->set->rows[row]))
            m->row_taken[row] = true;
    match_by(m, has_date);
}

static bool is_modified(const struct plan_entry *entry)
{
    const char *hash = entry->row->hash;
    return hash && !str_eq(hash, entry->migration->sha256) &&
           !str_eq(hash, entry->migration->version);
}

static void set_states(struct plan *plan, const struct catalog *catalog, size_t target)
{
    size_t head = catalog->count;
    for (size_t i = 0; i < catalog->count; i++)
        if (plan->entries[i].row)
            head = i;
    for (size_t i = 0; i < catalog->count; i++) {
        struct plan_entry *entry = &plan->entries[i];
        if (entry->row)
            entry->state = is_modified(entry) ? MIGRATION_MODIFIED : MIGRATION_APPLIED;
        else
            entry->state = head < catalog->count && i < head ? MIGRATION_OUT_OF_ORDER
                                                             : MIGRATION_PENDING;
        if (!entry->row && str_eq(plan->begun, entry->version))
            entry->state = MIGRATION_DIRTY;
        entry->in_target = !entry->row && i < target;
    }
    plan->head = head < catalog->count ? catalog->items[head].version : NULL;
}

static void add_orphans(struct plan *plan, const struct matching *m)
{
    for (size_t row = 0; row < m->set->count; row++) {
        const struct applied_row *r = &m->set->rows[row];
        if (m->row_taken[row])
            continue;
        const char *version = r->name ? r->name : r->hash ? r->hash : "";
        plan->entries[plan->count++] =
            (struct plan_entry){.version = version, .row = r, .state = MIGRATION_ORPHANED};
    }
}

static void count_states(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        plan->todo += plan->entries[i].in_target;
        switch (plan->entries[i].state) {
        case MIGRATION_APPLIED:
            plan->applied++;
            break;
        case MIGRATION_PENDING:
        case MIGRATION_DIRTY:
            plan->pending++;
            break;
        case MIGRATION_MODIFIED:
            plan->modified++;
            break;
        case MIGRATION_OUT_OF_ORDER:
            plan->out_of_order++;
            break;
        case MIGRATION_ORPHANED:
            plan->orphaned++;
            break;
        }
    }
}

err_code plan_make(const struct catalog *catalog, const struct applied_set *set,
                   const char *target, struct plan *out, struct err *err)
{
    size_t end = target ? catalog_find(catalog, target) : catalog->count;
    struct matching m = {.catalog = catalog, .set = set};
    struct plan plan = {.count = catalog->count, .begun = set->begun};

    if (target && end++ == catalog->count)
        return err_set(err, ERR_UNKNOWN_TARGET, "catalog \"%s\" has no migration \"%s\"",
                       catalog->name, target);
    plan.entries = calloc(catalog->count + set->count + 1, sizeof *plan.entries);
    m.row_taken = calloc(set->count + 1, sizeof *m.row_taken);
    if (!plan.entries || !m.row_taken) {
        plan_clear(&plan);
        free(m.row_taken);
        return err_set(err, ERR_INTERNAL, "out of memory");
    }
    for (size_t i = 0; i < catalog->count; i++)
        plan.entries[i] = (struct plan_entry){.version = catalog->items[i].version,
                                              .migration = &catalog->items[i]};
    m.entries = plan.entries;
    match_rows(&m);
    set_states(&plan, catalog, end);
    add_orphans(&plan, &m);
    count_states(&plan);
    free(m.row_taken);
    *out = plan; /* now the caller's */
    return ERR_NONE;
}

void plan_clear(struct plan *plan)
{
    free(plan->entries);
    *plan = (struct plan){.entries = NULL};
}

const char *migration_state_name(migration_state state)
{
    switch (state) {
    case MIGRATION_APPLIED:
        return "applied";
    case MIGRATION_PENDING:
        return "pending";
    case MIGRATION_MODIFIED:
        return "modified";
    case MIGRATION_OUT_OF_ORDER:
        return "out_of_order";
    case MIGRATION_ORPHANED:
        return "orphaned";
    case MIGRATION_DIRTY:
        return "dirty";
    }
    return "";
}

/* What a run refuses unless it is allowed. */
static const struct deviation {
    migration_state state;
    unsigned allow;
    err_code code;
    const char *meaning;
} deviations[] = {
    {.state = MIGRATION_ORPHANED,
     .allow = ALLOW_ORPHANED,
     .code = ERR_HISTORY_DIVERGED,
     .meaning = "is recorded as applied, but not in the catalog"},
    {.state = MIGRATION_MODIFIED,
     .allow = ALLOW_MODIFIED,
     .code = ERR_HISTORY_DIVERGED,
     .meaning = "was applied with other bytes than the catalog has"},
    {.state = MIGRATION_OUT_OF_ORDER,
     .allow = ALLOW_OUT_OF_ORDER,
     .code = ERR_OUT_OF_ORDER,
     .meaning = "is not applied, but sorts before one that is"},
};

static err_code fail_deviation(const struct plan *plan, const struct deviation *d,
                               struct err *err)
{
    const struct plan_entry *first = NULL;
    size_t others = 0;

    for (size_t i = 0; i < plan->count; i++) {
        if (plan->entries[i].state != d->state)
            continue;
        if (first)
            others++;
        else
            first = &plan->entries[i];
    }
    if (!first)
        return ERR_NONE;
    (void)err_set(err, d->code, "\"%.200s\" %s (and %zu more like it)", first->version, d->meaning,
                  others);
    if (err)
        (void)strncat(err->subject, first->version, sizeof err->subject - 1);
    return d->code;
}

/* What was begun must be there to be ended. */
static err_code check_begun(const struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->count && !plan->down; i++)
        if (plan->entries[i].state == MIGRATION_DIRTY)
            return ERR_NONE;
    (void)err_set(err, ERR_HISTORY_DIVERGED,
                  "\"%.200s\" was begun outside of transactions and has not ended, and %s",
                  plan->begun, plan->down ? "must be ended before the way back"
                                          : "is not to do by the catalog");
    if (err)
        (void)strncat(err->subject, plan->begun, sizeof err->subject - 1);
    return ERR_HISTORY_DIVERGED;
}

err_code plan_check(const struct plan *plan, unsigned allow, struct err *err)
{
    if (plan->begun) {
        err_code rc = check_begun(plan, err);
        if (rc)
            return rc;
    }
    if (plan->down)
        return plan_check_down(plan, allow, err);
    for (size_t i = 0; i < ARRAY_LEN(deviations); i++) {
        if (allow & deviations[i].allow)
            continue;
        err_code rc = fail_deviation(plan, &deviations[i], err);
        if (rc)
            return rc;
    }
    return ERR_NONE;
}

const struct migration *plan_cut(struct plan *plan, bool *more)
{
    const struct migration *alone = NULL;
    size_t kept = 0;

    *more = false;
    if (plan->down) /* a way back is of transactions only */
        return NULL;
    for (size_t i = 0; i < plan->count; i++) {
        struct plan_entry *entry = &plan->entries[i];
        if (!entry->in_target)
            continue;
        if (!kept && entry->migration->no_transaction)
            alone = entry->migration;
        *more = *more || (kept && (alone || entry->migration->no_transaction));
        entry->in_target = !*more;
        kept += !*more;
    }
    plan->todo = kept;
    return alone;
}

const char *plan_status(const struct plan *plan)
{
    if (plan->begun)
        return "dirty";
    if (plan->modified || plan->out_of_order || plan->orphaned)
        return "diverged";
    return plan->pending ? "behind" : "ok";
}
