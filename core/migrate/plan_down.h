/* SPDX-License-Identifier: MIT */
/*
 * The way back: which applied migrations a schema has too many, for a target or for an applied set
 * that it shall return to. Pure, as plan.h; it is only taken when it is asked for by name.
 */
#pragma once

#include "core/migrate/plan.h"

/* As a target: not one migration stays. No version is called so, since they begin with a number. */
#define PLAN_TARGET_NONE "none"

/*
 * What is applied and sorts after target is taken back, the last first; with keep (then target is
 * not looked at) what is applied and not in keep. ERR_UNKNOWN_TARGET, also for no target at all.
 */
err_code plan_make_down(const struct catalog *catalog, const struct applied_set *set,
                        const char *target, const struct applied_set *keep, struct plan *out,
                        struct err *err) MUST_USE;
/* ERR_NO_DOWN_MIGRATION; ERR_HISTORY_DIVERGED when what is in the way is modified, orphaned (unless
 * allow covers it) or recorded twice. What plan_check() does for such a plan. */
err_code plan_check_down(const struct plan *plan, unsigned allow, struct err *err) MUST_USE;

/* The plan's entries in the order of its direction, from 0. */
const struct plan_entry *plan_nth(const struct plan *plan, size_t i);
/* Brings set to what the tracking table says once the entry is done. false: no memory. */
bool plan_entry_done(const struct plan *plan, const struct plan_entry *entry,
                     struct applied_set *set) MUST_USE;
