/* SPDX-License-Identifier: MIT */
#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"

void http_client_open(struct http_client *client, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;

    *client = (struct http_client){.in = STR_INIT};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(client->fd, 0);
    ck_assert_msg(connect(client->fd, (struct sockaddr *)&at, sizeof at) == 0,
                  "connect to port %u: %s", (unsigned)port, strerror(errno));
    (void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void forget_reply(struct http_client *client)
{
    free(client->head);
    free(client->body);
    client->head = client->body = NULL;
    client->body_len = 0;
    client->status = 0;
}

void http_client_close(struct http_client *client)
{
    forget_reply(client);
    str_clear(&client->in);
    if (client->fd >= 0)
        (void)close(client->fd);
    client->fd = -1;
}

void http_client_abort(struct http_client *client)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    http_client_close(client);
}

bool http_client_write(struct http_client *client, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n) {
        ssize_t sent = send(client->fd, at, n, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

void http_client_send(struct http_client *client, const char *text)
{
    (void)http_client_write(client, text, strlen(text));
}

void http_client_sendf(struct http_client *client, const char *fmt, ...)
{
    char text[4096];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    http_client_send(client, text);
}

/* More bytes: 1, or what went wrong. */
static int receive(struct http_client *client, int64_t until)
{
    struct pollfd at = {.fd = client->fd, .events = POLLIN};
    char bytes[16384];
    int64_t left = until - clock_mono_ms();

    if (left < 0 || poll(&at, 1, (int)left) <= 0)
        return HTTP_CLIENT_TIMEOUT;
    ssize_t n = recv(client->fd, bytes, sizeof bytes, 0);
    if (n <= 0)
        return HTTP_CLIENT_CLOSED;
    str_add_n(&client->in, bytes, (size_t)n);
    return 1;
}

static void drop(struct http_client *client, size_t n)
{
    memmove(client->in.data, client->in.data + n, client->in.len - n);
    client->in.len -= n;
    client->in.data[client->in.len] = '\0';
}

static int read_head(struct http_client *client, int64_t until)
{
    char *end;

    while (!client->in.len || !(end = strstr(client->in.data, "\r\n\r\n"))) {
        int got = receive(client, until);
        if (got < 0)
            return got;
    }
    size_t n = (size_t)(end - client->in.data) + 4;
    client->head = strndup(client->in.data, n - 2);
    drop(client, n);
    ck_assert_msg(str_starts(client->head, "HTTP/1."), "not a reply: %s", client->head);
    client->status = atoi(client->head + strlen("HTTP/1.1 "));
    return 1;
}

static int read_body(struct http_client *client, int64_t until)
{
    const char *length = http_client_header(client, "Content-Length");
    size_t n = length ? strtoul(length, NULL, 10) : 0;

    while (client->in.len < n) {
        int got = receive(client, until);
        if (got < 0)
            return got;
    }
    client->body = n ? strndup(client->in.data, n) : strdup("");
    client->body_len = n;
    if (n)
        drop(client, n);
    return 1;
}

/* Moves the next chunk (RFC 9112, 7.1) to out: its size, 0 the last, or what went wrong. */
static int read_chunk(struct http_client *client, struct str *out, int64_t until)
{
    for (;;) {
        char *end = client->in.len ? strstr(client->in.data, "\r\n") : NULL;
        size_t n = end ? strtoul(client->in.data, NULL, 16) : 0;
        size_t whole = end ? (size_t)(end - client->in.data) + 2 + n + 2 : 0;
        if (end && client->in.len >= whole) {
            str_add_n(out, end + 2, n);
            drop(client, whole);
            return (int)n;
        }
        int got = receive(client, until);
        if (got < 0)
            return got;
    }
}

int http_client_read_until(struct http_client *client, struct str *out, const char *text,
                           int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;

    while (!text || !strstr(str_text(out), text)) {
        int got = read_chunk(client, out, until);
        if (got <= 0)
            return got;
    }
    return 1;
}

int http_client_read_within(struct http_client *client, bool head, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    int got;

    do {
        forget_reply(client);
        got = read_head(client, until);
    } while (got > 0 && client->status == 100);
    if (got > 0 && !head)
        got = read_body(client, until);
    return got > 0 ? client->status : got;
}

int http_client_read(struct http_client *client)
{
    return http_client_read_within(client, false, 10000);
}

int http_client_read_head(struct http_client *client)
{
    return http_client_read_within(client, true, 10000);
}

const char *http_client_header(struct http_client *client, const char *name)
{
    size_t n = strlen(name);

    for (char *line = client->head; line; line = strstr(line, "\r\n")) {
        line += line == client->head ? 0 : 2;
        if (strncasecmp(line, name, n) != 0 || line[n] != ':')
            continue;
        line += n + 1 + strspn(line + n + 1, " ");
        (void)snprintf(client->value, sizeof client->value, "%.*s", (int)strcspn(line, "\r"), line);
        return client->value;
    }
    return NULL;
}

bool http_client_is_closed(struct http_client *client, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    int got;

    while ((got = receive(client, until)) > 0)
        str_reset(&client->in);
    return got == HTTP_CLIENT_CLOSED;
}

int http_client_get(struct http_client *client, const char *path)
{
    http_client_sendf(client, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    return http_client_read(client);
}
