/* SPDX-License-Identifier: MIT */
/*
 * Contents of tracking tables in the control schema, each distinct one once. Tenants point at them,
 * so that status and planning work on a handful of contents, whatever the number of tenants.
 */
#pragma once

#include "core/migrate/tracking.h"

/* The id of a content, stored when it is new. */
err_code applied_store_intern(struct pg *pg, const struct applied_set *set, int64_t *id,
                              struct err *err) MUST_USE;
/* The content of an id; *out is the caller's. id 0 gives NULL: never read. */
err_code applied_store_get(struct pg *pg, int64_t id, struct applied_set **out,
                           struct err *err) MUST_USE;
