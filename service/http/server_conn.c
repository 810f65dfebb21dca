/* SPDX-License-Identifier: MIT */
/*
 * The connections there are. libmicrohttpd's own timeout starts again with each byte, so a client
 * that sends one byte a second would hold its connection for ever: a deadline is kept here.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "service/http/server_internal.h"

static void read_peer(struct MHD_Connection *connection, char out[PEER_SIZE])
{
    static const char mapped[] = "::ffff:"; /* IPv4 on a socket for both */
    char host[PEER_SIZE] = "";

    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *at = info ? info->client_addr : NULL;
    if (at && (at->sa_family == AF_INET || at->sa_family == AF_INET6)) {
        socklen_t n =
            at->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        (void)getnameinfo(at, n, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    }
    (void)snprintf(out, PEER_SIZE, "%s", host + (str_starts(host, mapped) ? sizeof mapped - 1 : 0));
}

static void conn_opened(struct server *server, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct conn *conn = info ? calloc(1, sizeof *conn) : NULL;

    *context = conn;
    if (!conn) /* request_access() closes it */
        return;
    conn->fd = info->connect_fd;
    conn->deadline = clock_mono_ms() + server->options.receive_timeout_ms;
    read_peer(connection, conn->peer);
    (void)pthread_mutex_lock(&server->lock);
    TAILQ_INSERT_TAIL(&server->conns, conn, link);
    server->stats.connections++;
    if (server->draining)
        (void)shutdown(conn->fd, SHUT_RD);
    (void)pthread_mutex_unlock(&server->lock);
}

/* libmicrohttpd calls this before it closes the socket, so fd is still the connection's. */
static void conn_closed(struct server *server, struct conn *conn)
{
    (void)pthread_mutex_lock(&server->lock);
    TAILQ_REMOVE(&server->conns, conn, link);
    server->stats.connections--;
    if (conn->linger)
        linger_add(server, conn->fd, clock_mono_ms());
    (void)pthread_cond_broadcast(&server->quiet);
    (void)pthread_mutex_unlock(&server->lock);
    free(conn);
}

void conn_notify(void *cls, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        conn_opened(cls, connection, context);
    else if (*context)
        conn_closed(cls, *context);
}

struct conn *conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void conn_begin(struct server *server, struct conn *conn)
{
    int64_t latest = clock_mono_ms() + server->options.receive_timeout_ms;

    (void)pthread_mutex_lock(&server->lock);
    conn->busy = true;
    if (latest < conn->deadline)
        conn->deadline = latest;
    (void)pthread_mutex_unlock(&server->lock);
}

void conn_received(struct server *server, struct conn *conn)
{
    (void)pthread_mutex_lock(&server->lock);
    conn->deadline = 0;
    (void)pthread_mutex_unlock(&server->lock);
}

/* The next request may begin as late as the idle timeout allows, and must be there in time then. */
void conn_end(struct server *server, struct conn *conn)
{
    int64_t idle_ms = server->options.idle_timeout_s * 1000;

    (void)pthread_mutex_lock(&server->lock);
    conn->busy = false;
    conn->deadline = clock_mono_ms() + idle_ms + server->options.receive_timeout_ms;
    if (server->draining)
        (void)shutdown(conn->fd, SHUT_RD);
    (void)pthread_mutex_unlock(&server->lock);
}

void conns_reap(struct server *server, int64_t now)
{
    struct conn *conn;

    TAILQ_FOREACH(conn, &server->conns, link)
    {
        if (!conn->deadline || conn->deadline > now)
            continue;
        conn->deadline = 0;
        server->stats.rejected_slow++;
        (void)shutdown(conn->fd, SHUT_RDWR); /* its I/O thread sees the end and closes it */
    }
}

/* Reading ends, but not before what has already arrived: a request in there is still answered. */
void conns_close_idle(struct server *server)
{
    struct conn *conn;

    TAILQ_FOREACH(conn, &server->conns, link)
    if (!conn->busy)
        (void)shutdown(conn->fd, SHUT_RD);
}

void conns_close_receiving(struct server *server)
{
    struct conn *conn;

    TAILQ_FOREACH(conn, &server->conns, link)
    if (conn->deadline)
        (void)shutdown(conn->fd, SHUT_RDWR);
}
