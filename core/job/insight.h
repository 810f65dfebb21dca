/* SPDX-License-Identifier: MIT */
/* What is worth knowing about a run beyond its counts; asked for when somebody looks. */
#pragma once

#include "core/job/job.h"
#include "core/pg/pg.h"

enum { INSIGHT_ROWS = 50 };

/* The failed tasks of a job by what PostgreSQL said: rows (sqlstate, code, count, tenant_id), the
 * most frequent first, INSIGHT_ROWS at most; sqlstate is NULL where it said nothing, tenant_id is
 * one of them. */
err_code insight_failures(struct pg *pg, const char *job_id, struct pg_rows **out, struct err *err)
    MUST_USE;
/* Running tasks that take five times as long as the median of those that succeeded, and two
 * seconds at least (half a minute while none has): rows (id, tenant_id, server, ms), the slowest
 * first, INSIGHT_ROWS at most. */
err_code insight_stragglers(struct pg *pg, const char *job_id, struct pg_rows **out,
                            struct err *err) MUST_USE;

/* How the session of a worker's slot is called on the servers. */
enum { SESSION_NAME_SIZE = 64 };
void insight_session_name(const char *worker, int slot, char out[SESSION_NAME_SIZE]);

/* Where a task runs: rows (state, claimed_by, slot, server, tenant_id, ms, claimed_with); the last
 * is how many other tasks the slot has claimed. No row: there is no such task of the job. */
err_code insight_place(struct pg *pg, const char *job_id, int64_t task_id, struct pg_rows **out,
                       struct err *err) MUST_USE;
