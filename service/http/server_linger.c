/* SPDX-License-Identifier: MIT */
/*
 * A reply such as 413 is sent while the client still sends its body. Closing with unread bytes
 * makes TCP reset the connection, and the client may lose the reply that explains it (RFC 9112,
 * 9.6). So the socket is kept a moment after libmicrohttpd closed it, and what comes is read away.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/http/server_internal.h"

enum { LINGER_MS = 2000, LINGER_READS = 8 };

void linger_add(struct server *server, int fd, int64_t now)
{
    if (server->lingering_count == LINGER_MAX || server->quit)
        return;
    int copy = dup(fd); /* the connection ends with the last descriptor of it */
    if (copy < 0)
        return;
    (void)shutdown(copy, SHUT_WR);
    server->lingering[server->lingering_count++] =
        (struct leaving){.fd = copy, .until = now + LINGER_MS};
    (void)pthread_cond_signal(&server->tick);
}

/* Whether the client is done, or gone. A few reads a turn, so that nobody keeps the keeper busy. */
static bool read_away(int fd)
{
    char bytes[16 * 1024];

    for (int i = 0; i < LINGER_READS; i++) {
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n == 0)
            return true;
        if (n < 0)
            return errno != EAGAIN && errno != EINTR;
    }
    return false;
}

void linger_read(struct server *server, int64_t now)
{
    int kept = 0;

    for (int i = 0; i < server->lingering_count; i++) {
        struct leaving at = server->lingering[i];
        if (at.until <= now || read_away(at.fd))
            (void)close(at.fd);
        else
            server->lingering[kept++] = at;
    }
    server->lingering_count = kept;
}

void linger_end(struct server *server)
{
    linger_read(server, INT64_MAX);
}
