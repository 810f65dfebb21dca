/* SPDX-License-Identifier: MIT */
/* What time alone brings about: archived tenants whose purge_at has come. */
#pragma once

#include "core/pg/pg.h"

enum { RETENTION_BATCH = 100 };

/*
 * Starts one purge job for the archived tenants that are due, RETENTION_BATCH at most; *tenants is
 * how many. Any replica may call it at any time: a tenant is taken once, and one with a live job is
 * left for later.
 */
err_code retention_purge(struct pg *pg, int *tenants, struct err *err) MUST_USE;
