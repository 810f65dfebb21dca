/* SPDX-License-Identifier: MIT */
/*
 * How many connections a server gets from this process, as slots that everybody who opens one
 * takes first and gives back once it is closed: tenant pools, migration workers. Waiting is first
 * come, first served. Connections bounded elsewhere (the control pool, when the server holds the
 * control database) are `reserved`: set aside once, not taken one by one. All of it is thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct budget;
struct budget_set;

struct budget_limits {
    int max;      /* connections of this process to the server, at least 1 */
    int reserved; /* of these set aside, less than max */
};

struct budget_stats {
    int max, reserved, used, waiting;
};

/* Fails with ERR_CONFIG_INVALID for limits that leave no slot. *out is the caller's. */
err_code budget_new(struct budget_limits limits, struct budget **out, struct err *err) MUST_USE;
/* No slot may be taken or waited for any more. NULL is fine. */
void budget_free(struct budget *budget);
/* Takes a slot that is free and that nobody waits for; makes nobody give one up. */
bool budget_try(struct budget *budget);
/* Takes a slot, waiting up to wait_ms for it; asks the set's reclaimer before it waits. */
bool budget_take(struct budget *budget, int64_t wait_ms);
/* Gives a slot back: to the one who waits longest, if there is one. */
void budget_give(struct budget *budget);
/* Slots in use above the new limit stay in use until they are given back. */
err_code budget_resize(struct budget *budget, struct budget_limits limits, struct err *err)
    MUST_USE;
struct budget_stats budget_stats(struct budget *budget);

/*
 * Asked, without any lock held, when a budget of the set has no slot free: may close an idle
 * connection of the budget's server and give its slot back.
 */
typedef void budget_reclaim(void *arg, struct budget *budget);

/* One budget a server; a server that was not named gets `fallback`. *out is the caller's. */
err_code budget_set_new(struct budget_limits fallback, struct budget_set **out, struct err *err)
    MUST_USE;
void budget_set_free(struct budget_set *set);
void budget_set_freep(struct budget_set **set);
/* The server's budget, made when there is none yet; it lives as long as the set. */
err_code budget_set_get(struct budget_set *set, const char *server, struct budget **out,
                        struct err *err) MUST_USE;
/* Installs the reclaimer, or takes it away with NULL: then returns once no call of it is running.
 */
void budget_set_reclaimer(struct budget_set *set, budget_reclaim *reclaim, void *arg);
