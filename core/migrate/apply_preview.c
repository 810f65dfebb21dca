/* SPDX-License-Identifier: MIT */
/* The SQL that a schema would get, for a dry run. */
#include "core/base/clock.h"
#include "core/migrate/apply_internal.h"
#include "core/migrate/lane.h"
#include "core/migrate/tracking_internal.h"

/* Appends one stretch to sql, and to the set what it applies. */
static err_code preview_stretch(const struct catalog *catalog, struct applied_set *set,
                                const struct apply_options *options, struct str *sql, bool *more,
                                struct err *err)
{
    CLEANUP(plan_clear) struct plan plan = {.entries = NULL};
    CLEANUP(apply_script_clear) struct apply_script script = {.steps = NULL};
    CLEANUP(apply_names_clear) struct apply_names names = {.values = {{.data = NULL}}};

    *more = false;
    err_code rc = apply_plan(catalog, set, options, &plan, err);
    if (!rc)
        rc = plan_check(&plan, options->allow, err);
    if (rc || (!plan.todo && !options->create_schema))
        return rc;
    const struct migration *alone = options->create_schema ? NULL : plan_cut(&plan, more);
    if (alone)
        lane_preview(alone, sql);
    else if (!(rc = apply_names_make(options, &names, err)))
        rc = apply_script_make(&plan, set, options, "<nonce>", &script, err);
    if (rc)
        return rc;
    if (!alone)
        apply_script_write(&script, &names, sql);
    for (size_t i = 0; i < plan.count && *more; i++)
        if (plan.entries[i].in_target &&
            !applied_set_record(set, plan.entries[i].migration, clock_unix_ms()))
            return err_set(err, ERR_INTERNAL, "out of memory");
    set->has_table = true;
    return *more && !applied_set_begin(set, NULL) ? err_set(err, ERR_INTERNAL, "out of memory")
                                                  : ERR_NONE;
}

err_code apply_preview(const struct catalog *catalog, const struct applied_set *set,
                       const struct apply_options *options, struct str *sql, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *copy = applied_set_copy(set);
    bool more = true;
    err_code rc = copy ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");

    while (!rc && more)
        rc = preview_stretch(catalog, copy, options, sql, &more, err);
    return rc;
}
