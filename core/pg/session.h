/* SPDX-License-Identifier: MIT */
/* What other sessions of a server are doing, and who keeps whom waiting. */
#pragma once

#include "core/pg/pg.h"

enum { SESSION_QUERY_MAX = 200 }; /* characters of a statement that are told */

/* Both give rows (pid, application_name, state, wait_event_type, wait_event, query_started_at,
 * query_ms, query), the caller's; what the role may not see is NULL. */
/* The sessions of this database with a name, the one that has worked the longest first. */
err_code pg_sessions_named(struct pg *pg, const char *application_name, struct pg_rows **out,
                           struct err *err) MUST_USE;
/* The sessions for whose locks the session of pid waits. */
err_code pg_session_blockers(struct pg *pg, int pid, struct pg_rows **out, struct err *err)
    MUST_USE;
