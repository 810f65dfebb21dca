/* SPDX-License-Identifier: MIT */
/* Schemas made, and brought forward, with everything in the tenants' catalog. */
#pragma once

#include "core/job/engine.h"

/*
 * Makes a schema with everything in the catalog, in one transaction where that is possible, marked
 * with a comment. One that is there already with this comment was made by an attempt before and is
 * brought to the end of the catalog. ERR_SCHEMA_EXISTS: it is somebody else's; the rest is
 * apply_run()'s.
 */
err_code provision_schema(struct task_run *run, const struct catalog *catalog, const char *schema,
                          const char *comment, struct apply_result *applied,
                          struct err *err) MUST_USE;
/* Brings a schema that is there to the end of the catalog. */
err_code provision_forward(struct task_run *run, const struct catalog *catalog, const char *schema,
                           struct apply_result *applied, struct err *err) MUST_USE;
