/* SPDX-License-Identifier: MIT */
/* A run that follows a plan: the plan's request is its own, and the plan must still be true. */
#pragma once

#include "service/api/planning.h"

/* Puts what the plan was asked for into the body; members that say otherwise, and a plan that does
 * not exist, go to problems. Fails when the database does. */
err_code plan_merge(struct call *call, const char *id, struct problems *problems, struct err *err)
    MUST_USE;
/* The run's selector becomes the plan's targets; asks only while there is no problem. */
err_code plan_selection(struct call *call, struct run_request *run, const struct problems *problems,
                        struct err *err) MUST_USE;
/* Locks the plan. ERR_PLAN_USED, ERR_PLAN_EXPIRED, or ERR_PLAN_STALE with run->differences: cohorts
 * that would get something else by now, and tenants that are not as the plan saw them. */
err_code plan_check_fresh(struct pg *pg, struct planning *p, struct err *err) MUST_USE;
