/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>

#include "core/pg/pg_internal.h"

/* Reads away what has arrived; the notifications themselves are hints and all the same. */
static bool take_notifies(struct pg *pg)
{
    bool any = false;
    PGnotify *notify;

    while ((notify = PQnotifies(pg->conn))) {
        any = true;
        PQfreemem(notify);
    }
    return any;
}

err_code pg_wait_notify(struct pg *pg, int64_t timeout_ms, bool *notified, struct err *err)
{
    bool any = take_notifies(pg);
    struct pollfd fd = {.fd = PQsocket(pg->conn), .events = POLLIN};

    if (PQstatus(pg->conn) != CONNECTION_OK || fd.fd < 0)
        return pg_fail(pg, NULL, "cannot listen", err);
    if (!any && poll(&fd, 1, (int)timeout_ms) < 0 && errno != EINTR)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot wait for the connection");
    if (!PQconsumeInput(pg->conn) || PQstatus(pg->conn) != CONNECTION_OK)
        return pg_fail(pg, NULL, "cannot listen", err);
    *notified = take_notifies(pg) || any;
    return ERR_NONE;
}
