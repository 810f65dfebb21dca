/* SPDX-License-Identifier: MIT */
#include "core/migrate/repair_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/tracking_internal.h"

static bool flag(const json_t *args, const char *name)
{
    return json_is_true(json_object_get(args, name));
}

static const char *text(const json_t *args, const char *name)
{
    return json_string_value(json_object_get(args, name));
}

struct repair_wish repair_wish_of(repair_kind kind, const json_t *args)
{
    const json_t *verify = json_object_get(args, "verify");
    const json_t *keep = json_object_get(args, "keep_backup");
    struct repair_wish wish = {
        .kind = kind,
        .clean_orphans = flag(args, "clean_orphans"),
        .mark_missing = flag(args, "mark_missing"),
        .mark_out_of_order = flag(args, "mark_out_of_order"),
        .accept_checksums = flag(args, "accept_checksums"),
        .version = text(args, "version"),
        .versions = json_object_get(args, "versions"),
        .restore = flag(args, "restore"),
        .drop_backup = json_is_false(keep),
        .from = text(args, "from"),
        .table = text(args, "table"),
        .rolled_back = str_eq(text(args, "as"), "rolled_back"),
        .verify = verify ? json_is_true(verify) : kind == REPAIR_BASELINE,
    };
    const char *to = text(args, "to");

    if (to && !tracking_format_parse(to, &wish.to))
        wish.to = TRACKING_NAME; /* the API takes no other word */
    return wish;
}

void repair_clear(struct repair *repair)
{
    free(repair->edits);
    free(repair->applied);
    applied_set_free(repair->after);
    *repair = (struct repair){.edits = NULL};
}

bool repair_is_empty(const struct repair *repair)
{
    return !repair->count && !repair->swap;
}

void repair_add(struct deciding *d, edit_kind kind, const struct plan_entry *entry)
{
    d->out.edits[d->out.count++] =
        (struct edit){.kind = kind,
                      .version = entry->version,
                      .migration = entry->migration,
                      .row = entry->row ? (size_t)(entry->row - d->look->set->rows) : 0};
}

/* Which deviation is edited how, if it is asked for. */
static err_code decide_sync(struct deciding *d, struct err *err)
{
    const struct repair_wish *w = d->wish;
    const struct {
        migration_state state;
        bool wanted;
        edit_kind edit;
    } rules[] = {
        {MIGRATION_ORPHANED, w->clean_orphans, EDIT_REMOVE},
        {MIGRATION_MODIFIED, w->accept_checksums, EDIT_ACCEPT},
        {MIGRATION_PENDING, w->mark_missing, EDIT_RECORD},
        {MIGRATION_OUT_OF_ORDER, w->mark_missing || w->mark_out_of_order, EDIT_RECORD},
    };

    (void)err;
    for (size_t i = 0; i < d->plan.count; i++)
        for (size_t k = 0; k < ARRAY_LEN(rules); k++)
            if (rules[k].wanted && rules[k].state == d->plan.entries[i].state)
                repair_add(d, rules[k].edit, &d->plan.entries[i]);
    return ERR_NONE;
}

/* Sets wanted for what a baseline names. */
static err_code read_versions(const struct deciding *d, bool *wanted, struct err *err)
{
    const struct catalog *catalog = d->look->catalog;
    size_t n = d->wish->version ? 1 : json_array_size(d->wish->versions);

    for (size_t i = 0; i < n; i++) {
        const char *version = d->wish->version
                                  ? d->wish->version
                                  : json_string_value(json_array_get(d->wish->versions, i));
        size_t at = version ? catalog_find(catalog, version) : catalog->count;
        if (at == catalog->count)
            return err_set(err, ERR_UNKNOWN_TARGET, "catalog %s has no migration \"%.100s\"",
                           catalog->name, version ? version : "");
        for (size_t k = d->wish->version ? 0 : at; k <= at; k++)
            wanted[k] = true;
    }
    return ERR_NONE;
}

/* What is recorded must fit: with `version` the history is nothing but what is up to it. */
static err_code check_baseline(const struct deciding *d, const struct plan_entry *entry,
                               bool wanted, struct err *err)
{
    const char *what = NULL;

    if (wanted && entry->state == MIGRATION_DIRTY)
        what = "was begun and has not ended: it must be resolved first";
    else if (wanted && entry->state == MIGRATION_MODIFIED)
        what = "is recorded with other bytes than the catalog has";
    else if (d->wish->version && entry->state == MIGRATION_ORPHANED)
        what = "is recorded, and not in the catalog";
    else if (d->wish->version && entry->row && !wanted)
        what = "is recorded, and comes after the baseline";
    return what ? err_set(err, ERR_NOT_EMPTY_HISTORY, "\"%.200s\" %s", entry->version, what)
                : ERR_NONE;
}

static err_code decide_baseline(struct deciding *d, struct err *err)
{
    size_t n = d->look->catalog->count;
    bool *wanted = calloc(n + 1, sizeof *wanted);
    err_code rc =
        wanted ? read_versions(d, wanted, err) : err_set(err, ERR_INTERNAL, "out of memory");

    for (size_t i = 0; i < d->plan.count && !rc; i++) {
        rc = check_baseline(d, &d->plan.entries[i], i < n && wanted[i], err);
        if (!rc && i < n && wanted[i] && !d->plan.entries[i].row)
            repair_add(d, EDIT_RECORD, &d->plan.entries[i]);
    }
    free(wanted);
    return rc;
}

static err_code decide_adopt(struct deciding *d, struct err *err)
{
    size_t n = d->look->catalog->count;
    bool *wanted = calloc(n + 1, sizeof *wanted);
    err_code rc = wanted ? foreign_map(d->look->catalog, d->look->history, wanted, err)
                         : err_set(err, ERR_INTERNAL, "out of memory");

    for (size_t i = 0; i < n && !rc; i++) {
        if (d->plan.entries[i].state == MIGRATION_DIRTY)
            rc = check_baseline(d, &d->plan.entries[i], wanted[i], err);
        if (!rc && wanted[i] && !d->plan.entries[i].row)
            repair_add(d, EDIT_RECORD, &d->plan.entries[i]);
    }
    free(wanted);
    return rc;
}

/* What was begun did its work after all, or all of it was taken back: only a person can tell. */
static err_code decide_resolve(struct deciding *d, struct err *err)
{
    const char *begun = d->look->set->begun, *version = d->wish->version;
    size_t at = begun ? catalog_find(d->look->catalog, begun) : 0;

    if (!begun || !str_eq(begun, version))
        return err_set(err, ERR_NOT_DIRTY, "\"%.200s\" was not begun outside of transactions",
                       version ? version : "");
    if (!d->wish->rolled_back && at == d->look->catalog->count)
        return err_set(err, ERR_UNKNOWN_TARGET, "catalog %s has no migration \"%.100s\"",
                       d->look->catalog->name, begun);
    d->out.edits[d->out.count++] = (struct edit){.kind = EDIT_SETTLE, .version = begun};
    if (!d->wish->rolled_back && !d->plan.entries[at].row)
        repair_add(d, EDIT_RECORD, &d->plan.entries[at]);
    return ERR_NONE;
}

/* How each kind decides, by repair_kind. */
static err_code (*const deciders[])(struct deciding *d, struct err *err) = {
    [REPAIR_SYNC] = decide_sync,
    [REPAIR_BASELINE] = decide_baseline,
    [REPAIR_CONVERT] = repair_decide_convert,
    [REPAIR_ADOPT] = decide_adopt,
    [REPAIR_RESOLVE] = decide_resolve,
};

static void note_applied(struct deciding *d)
{
    for (size_t i = 0; i < d->look->catalog->count; i++)
        d->out.applied[i] = d->plan.entries[i].row != NULL;
    for (size_t i = 0; i < d->out.count; i++)
        if (d->out.edits[i].kind == EDIT_RECORD)
            d->out.applied[d->out.edits[i].migration - d->look->catalog->items] = true;
}

err_code repair_decide(const struct repair_wish *wish, const struct repair_look *look,
                       struct repair *out, struct err *err)
{
    struct deciding d = {.wish = wish, .look = look};
    err_code rc = plan_make(look->catalog, look->set, NULL, &d.plan, err);

    if (rc)
        return rc;
    d.out.edits = calloc(d.plan.count + 2, sizeof *d.out.edits);
    d.out.applied = calloc(look->catalog->count + 1, sizeof *d.out.applied);
    if (d.out.edits && d.out.applied)
        rc = deciders[wish->kind](&d, err);
    else
        rc = err_set(err, ERR_INTERNAL, "out of memory");
    if (!rc)
        note_applied(&d);
    plan_clear(&d.plan);
    if (rc)
        repair_clear(&d.out);
    else
        *out = d.out; /* now the caller's */
    return rc;
}

static json_t *row_json(const struct applied_row *row)
{
    return json_pack("{s:o, s:o, s:o}", "name", json_text(row->name), "hash", json_text(row->hash),
                     "at", row->at_ms ? json_time(row->at_ms) : json_null());
}

json_t *repair_json(const struct repair *repair, const struct applied_set *set)
{
    static const char *const names[] = {[EDIT_REMOVE] = "remove",
                                        [EDIT_ACCEPT] = "accept",
                                        [EDIT_RECORD] = "record",
                                        [EDIT_SETTLE] = "settle"};
    json_t *list = json_array();

    if (repair->swap)
        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "edit", "convert",
                                                    "from", tracking_format_name(set->format), "to",
                                                    tracking_format_name(repair->after->format),
                                                    "rows", (json_int_t)repair->after->count));
    for (size_t i = 0; i < repair->count; i++) {
        const struct edit *e = &repair->edits[i];
        bool has_row = e->kind == EDIT_REMOVE || e->kind == EDIT_ACCEPT;
        json_t *was = has_row ? row_json(&set->rows[e->row]) : json_null();
        (void)json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "edit", names[e->kind],
                                                    "version", json_text(e->version), "was", was));
    }
    return list;
}
