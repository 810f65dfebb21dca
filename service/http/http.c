/* SPDX-License-Identifier: MIT */
#include "service/http/http.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/str.h"

const char *http_method_name(http_method method)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",       [HTTP_POST] = "POST",     [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH",   [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
        [HTTP_UNKNOWN] = "OTHER",
    };
    return names[method];
}

const char *request_header(const struct request *req, const char *name)
{
    for (size_t i = 0; i < req->header_count; i++)
        if (strcasecmp(req->headers[i].name, name) == 0)
            return req->headers[i].value;
    return NULL;
}

const char *request_query(const struct request *req, const char *name)
{
    for (size_t i = 0; i < req->query_count; i++)
        if (strcmp(req->query[i].name, name) == 0)
            return req->query[i].value;
    return NULL;
}

struct reply reply_text(int status, const char *content_type, char *body)
{
    if (!body) {
        struct err err;
        (void)err_set(&err, ERR_INTERNAL, "a reply of status %d has no body", status);
        return reply_err(NULL, &err);
    }
    return (struct reply){
        .status = status, .content_type = content_type, .body = body, .body_len = strlen(body)};
}

struct reply reply_json(int status, json_t *value)
{
    json_auto_t *taken = value;
    char *body = taken ? json_dumps(taken, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;

    return reply_text(status, "application/json", body);
}

struct reply reply_empty(int status)
{
    return (struct reply){.status = status};
}

struct reply reply_stream(int status, const char *content_type, struct stream *stream)
{
    return (struct reply){
        .status = status, .content_type = content_type, .stream = stream_keep(stream)};
}

struct reply reply_park(const char *key, int64_t until)
{
    struct reply reply = {.park_until = until};

    assert(strlen(key) < sizeof reply.park_key);
    (void)snprintf(reply.park_key, sizeof reply.park_key, "%s", key);
    return reply;
}

/* Without memory the reply goes without the header: better than no reply at all. */
void reply_header(struct reply *reply, const char *name, const char *value)
{
    assert(reply->header_count < REPLY_HEADERS_MAX);
    struct http_field field = {.name = strdup(name), .value = strdup(value)};
    if (!field.name || !field.value) {
        free(field.name);
        free(field.value);
        return;
    }
    reply->headers[reply->header_count++] = field;
}

void reply_clear(struct reply *reply)
{
    for (size_t i = 0; i < reply->header_count; i++) {
        free(reply->headers[i].name);
        free(reply->headers[i].value);
    }
    free(reply->body);
    stream_release(reply->stream);
    *reply = (struct reply){.status = 0};
}

int http_status(err_code code)
{
    switch (err_kind_of(code)) {
    case ERR_KIND_INTERNAL:
        return 500;
    case ERR_KIND_MALFORMED:
        return 400;
    case ERR_KIND_UNAUTHENTICATED:
        return 401;
    case ERR_KIND_FORBIDDEN:
        return 403;
    case ERR_KIND_NOT_FOUND:
        return 404;
    case ERR_KIND_METHOD:
        return 405;
    case ERR_KIND_NOT_ACCEPTABLE:
        return 406;
    case ERR_KIND_CONFLICT:
    case ERR_KIND_BUSY:
        return 409;
    case ERR_KIND_GONE:
        return 410;
    case ERR_KIND_PRECONDITION:
        return 412;
    case ERR_KIND_PRECONDITION_REQUIRED:
        return 428;
    case ERR_KIND_TOO_LARGE:
        return 413;
    case ERR_KIND_URI_TOO_LONG:
        return 414;
    case ERR_KIND_MEDIA_TYPE:
        return 415;
    case ERR_KIND_INVALID:
        return 422;
    case ERR_KIND_NOT_IMPLEMENTED:
        return 501;
    case ERR_KIND_RATE:
        return 429;
    case ERR_KIND_UNAVAILABLE:
        return 503;
    case ERR_KIND_TIMEOUT:
        return 504;
    }
    return 500;
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } rows[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].status == status)
            return rows[i].reason;
    return "Unknown";
}
