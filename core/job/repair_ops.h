/* SPDX-License-Identifier: MIT */
/* The table of repairs: the kinds of jobs that edit tracking tables without running a migration. */
#pragma once

#include "core/job/expected.h"
#include "core/migrate/repair.h"

struct repair_op {
    const char *job_kind; /* "migration.sync" */
    repair_kind kind;
    bool reads_schema; /* decides from more than the tracking table: the registry cannot tell */
};
extern const struct repair_op repair_ops[]; /* by repair_kind */
/* NULL: no such kind. */
const struct repair_op *repair_op_of(const char *job_kind);

/* How one schema is repaired, by the engine's settings; the caller sets what is left. */
struct repair_options repair_options_of(struct engine *engine, const char *schema);
