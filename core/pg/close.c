/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/pg/pg_internal.h"

enum { FAREWELL_MS = 1000 };

/* PostgreSQL's backend closes its socket by exiting, after it gave its place up. */
static void await_end(int fd)
{
    int64_t until = clock_mono_ms() + FAREWELL_MS;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char ignored[256];

    for (int64_t left = FAREWELL_MS; left > 0; left = until - clock_mono_ms())
        if (poll(&poll_fd, 1, (int)left) > 0 && read(fd, ignored, sizeof ignored) <= 0)
            return;
}

void pg_close_wait(struct pg *pg)
{
    if (!pg)
        return;
    int fd = PQstatus(pg->conn) == CONNECTION_OK ? dup(PQsocket(pg->conn)) : -1;
    pg_close(pg); /* says good-bye; the duplicate keeps the socket open to hear the answer */
    if (fd < 0)
        return;
    await_end(fd);
    (void)close(fd);
}
