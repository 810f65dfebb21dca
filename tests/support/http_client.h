/* SPDX-License-Identifier: MIT */
/* A client that sends bytes as they are, good or bad, and reads replies one by one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"

enum { HTTP_CLIENT_CLOSED = -1, HTTP_CLIENT_TIMEOUT = -2 };

struct http_client {
    int fd;
    struct str in; /* read and not taken yet */
    int status;    /* of the last reply */
    char *head;    /* its header lines */
    char *body;
    size_t body_len;
    char value[1024]; /* of the header asked for last */
};

/* Connects to a port of the loopback, or fails the test. */
void http_client_open(struct http_client *client, uint16_t port);
void http_client_close(struct http_client *client);
/* Closes so that the peer sees a reset. */
void http_client_abort(struct http_client *client);
/* Sends all of it; false, or nothing said, when the peer is gone. */
void http_client_send(struct http_client *client, const char *text);
bool http_client_write(struct http_client *client, const void *bytes, size_t n);
void http_client_sendf(struct http_client *client, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The status of the next reply, or HTTP_CLIENT_CLOSED, HTTP_CLIENT_TIMEOUT after 10 s. Skips
 * 100 Continue. */
int http_client_read(struct http_client *client);
/* The same for the reply to HEAD, which has a length and no body. */
int http_client_read_head(struct http_client *client);
/* The same with a time of its own. */
int http_client_read_within(struct http_client *client, bool head, int64_t ms);
/* Of a chunked body whose head was read: appends what comes to out until text is in it (1), the body
 * ends (0), or as http_client_read(). NULL: until the body ends. */
int http_client_read_until(struct http_client *client, struct str *out, const char *text,
                           int64_t ms);
/* The value of a header of the last reply, or NULL; valid until the next call. */
const char *http_client_header(struct http_client *client, const char *name);
/* Whether the peer closes within ms; bytes that come before are dropped. */
bool http_client_is_closed(struct http_client *client, int64_t ms);
/* send and read in one. */
int http_client_get(struct http_client *client, const char *path);
