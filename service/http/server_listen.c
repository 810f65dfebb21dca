/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/http/server_internal.h"

/* -1 with errno set. */
static int listen_on(const struct addrinfo *at)
{
    int on = 1, off = 0;

    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->ai_family == AF_INET6) /* "::" takes IPv4 too, whatever the system's default is */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage at = {.ss_family = AF_UNSPEC};
    socklen_t n = sizeof at;

    (void)getsockname(fd, (struct sockaddr *)&at, &n);
    return at.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&at)->sin6_port)
                                    : ntohs(((struct sockaddr_in *)&at)->sin_port);
}

err_code server_listen(const char *host, uint16_t port, int *out, uint16_t *out_port,
                       struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE},
                    *all = NULL;
    char service[8];
    int fd = -1;

    host = host ? host : "127.0.0.1";
    const char *open = strchr(host, ':') ? "[" : "", *close_ = *open ? "]" : "";
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    int why = getaddrinfo(host, service, &hints, &all);
    if (why)
        return err_set(err, ERR_CONFIG_INVALID, "cannot listen on %s%s%s:%u: %s", open, host,
                       close_, (unsigned)port, gai_strerror(why));
    for (const struct addrinfo *at = all; at && fd < 0; at = at->ai_next)
        fd = listen_on(at);
    int saved = errno;
    freeaddrinfo(all);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot listen on %s%s%s:%u: %s", open, host, close_,
                       (unsigned)port, strerror(saved));
    *out = fd;
    *out_port = port_of(fd);
    return ERR_NONE;
}
