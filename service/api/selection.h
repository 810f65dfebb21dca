/* SPDX-License-Identifier: MIT */
/* The "selector" of a request's body: parsed, and its ids held against the registry. */
#pragma once

#include "core/tenant/selector.h"
#include "service/api/fields.h"

/* Parses the member; what is wrong goes to problems. value may be NULL, which is left to others. */
void selection_parse(const json_t *value, struct selector *out, struct problems *problems);
/* Ids that are no tenants are problems: nothing must be about fewer tenants than were named. Asks
 * only while there is no other problem; fails when the database does. */
err_code selection_check(struct call *call, const struct selector *selector,
                         struct problems *problems, struct err *err) MUST_USE;
/* A task for each active and suspended tenant of the selector, args {"schema"}. */
err_code selection_tasks(struct pg *pg, const char *job_id, const struct selector *selector,
                         bool exclusive, struct err *err) MUST_USE;
