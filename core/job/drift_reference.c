/* SPDX-License-Identifier: MIT */
/* What schemas should be: by their own migrations, by the catalog's, or like another one. */
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/drift_internal.h"
#include "core/job/expected.h"
#include "core/job/outcome.h"

enum { FIXED = -1 }; /* stands for the applied set where all are held against one model */

const json_t *drift_reference_of(const struct drift_scan *scan)
{
    return json_object_get(scan->o.args, "reference");
}

/* What stands against telling what a history of migrations makes. */
static err_code check_history(const struct plan *plan, const struct applied_set *set,
                              struct err *err)
{
    if (!set->has_table)
        return err_set(err, ERR_HISTORY_NOT_FOUND,
                       "the schema has no tracking table: what is applied to it is not recorded");
    if (plan->begun)
        return err_set(err, ERR_HISTORY_DIVERGED, "%.200s was begun and has not ended",
                       plan->begun);
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_entry *e = &plan->entries[i];
        if (e->state == MIGRATION_ORPHANED)
            return err_set(err, ERR_HISTORY_DIVERGED,
                           "%.200s is applied and not in the catalog: what it made is not known",
                           e->version);
        if (e->state == MIGRATION_MODIFIED)
            return err_set(err, ERR_HISTORY_DIVERGED,
                           "%.200s was applied with other bytes than the catalog has", e->version);
    }
    return ERR_NONE;
}

/* Sets applied[i] for the migrations of one applied set. */
static err_code own_migrations(struct drift_scan *scan, int64_t id, bool *applied, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    struct plan plan;
    err_code rc = engine_applied_set(scan->o.engine, scan->o.control, id, &set, err);

    if (!rc && !set)
        rc = err_set(err, ERR_HISTORY_NOT_FOUND, "what is applied to the schema is not known");
    if (rc)
        return rc;
    rc = plan_make(scan->catalog, set, NULL, &plan, err);
    if (rc)
        return rc;
    rc = check_history(&plan, set, err);
    for (size_t i = 0; i < plan.count; i++)
        if (plan.entries[i].state == MIGRATION_APPLIED)
            applied[plan.entries[i].migration - scan->catalog->items] = true;
    plan_clear(&plan);
    return rc;
}

/* Those up to the version that is named, or all. */
static err_code catalog_migrations(struct drift_scan *scan, bool *applied, struct err *err)
{
    const char *version = args_text(drift_reference_of(scan), "version", NULL);
    size_t n = version ? catalog_find(scan->catalog, version) : scan->catalog->count;

    if (version && n++ == scan->catalog->count)
        return err_set(err, ERR_UNKNOWN_TARGET, "the catalog has no version \"%.200s\"", version);
    for (size_t i = 0; i < n; i++)
        applied[i] = true;
    return ERR_NONE;
}

static err_code make_model(struct drift_scan *scan, int64_t set, json_t **out, struct err *err)
{
    CLEANUP(freep) char *memory = calloc(scan->catalog->count + 1, sizeof(bool));
    bool *applied = (bool *)memory;
    struct expected_ask ask = {.engine = scan->o.engine,
                               .server = scan->o.server,
                               .catalog = scan->catalog,
                               .applied = applied,
                               .run = scan->o.run};

    if (!applied)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = scan->own ? own_migrations(scan, set, applied, err)
                            : catalog_migrations(scan, applied, err);
    if (!rc)
        rc = expected_get(&ask, scan->o.pg, out, err);
    if (!rc)
        drift_prune(*out, scan->o.args);
    return rc;
}

/* Whether it is the history that is at fault, and not the moment. */
static bool is_lasting(err_code rc)
{
    return rc == ERR_HISTORY_NOT_FOUND || rc == ERR_HISTORY_DIVERGED || rc == ERR_UNKNOWN_TARGET ||
           rc == ERR_MIGRATION_FAILED;
}

static err_code add_reference(struct drift_scan *scan, int64_t set, struct err *err)
{
    struct drift_reference *r =
        list_grow((void **)&scan->references, scan->n_references, sizeof *scan->references);
    struct err why = {.code = ERR_NONE};
    err_code rc = r ? ERR_NONE : err_set(&why, ERR_INTERNAL, "out of memory");

    if (!rc && scan->held)
        r->model = json_incref(scan->held);
    else if (!rc)
        rc = make_model(scan, set, &r->model, &why);
    if (!rc)
        rc = drift_fingerprint(r->model, r->fingerprint, &why);
    if (rc && !is_lasting(rc)) {
        if (r)
            json_decref(r->model);
        if (err)
            *err = why;
        return rc;
    }
    r->set = set;
    r->problem = why;
    scan->n_references++;
    return ERR_NONE;
}

err_code drift_find_reference(struct drift_scan *scan, int64_t set,
                              const struct drift_reference **out, struct err *err)
{
    int64_t key = scan->own ? set : FIXED;

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < scan->n_references; i++)
            if (scan->references[i].set == key) {
                *out = &scan->references[i];
                return ERR_NONE;
            }
        err_code rc = add_reference(scan, key, err);
        if (rc)
            return rc;
    }
    return err_set(err, ERR_INTERNAL, "a reference was made and is not there");
}
