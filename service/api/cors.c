/* SPDX-License-Identifier: MIT */
/*
 * Pages of other origins (Fetch standard, 3.2). Closed unless http.cors_origins names an origin;
 * tokens travel in a header, never in cookies, so credentials are not allowed.
 */
#include <string.h>

#include "core/base/str.h"
#include "service/api/dispatch.h"

#define CORS_HEADERS                                                                               \
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "              \
    "Last-Event-ID,"                                                                               \
    " Prefer, X-Request-Id"
#define CORS_EXPOSED                                                                               \
    "ETag, Idempotent-Replayed, Link, Location, Preference-Applied, Retry-After, X-Request-Id"

static bool is_listed(const char *list, const char *origin)
{
    size_t n = strlen(origin);

    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',') {
        at += strspn(at, " ");
        size_t len = strcspn(at, ", ");
        if (n && n == len && strncmp(at, origin, n) == 0)
            return true;
    }
    return false;
}

static const char *header_of(const struct reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (str_eq(reply->headers[i].name, name))
            return reply->headers[i].value;
    return NULL;
}

/* The browser asks before it sends: the methods are those of the path. */
static void answer_preflight(struct reply *reply)
{
    const char *allow = header_of(reply, "Allow");

    if (!allow)
        return;
    reply_header(reply, "Access-Control-Allow-Methods", allow);
    reply_header(reply, "Access-Control-Allow-Headers", CORS_HEADERS);
    reply_header(reply, "Access-Control-Max-Age", "600");
}

void cors_apply(const struct app *app, const struct request *req, struct reply *reply)
{
    const char *list = app->config->http.cors_origins, *origin = request_header(req, "Origin");

    if (!*list || !reply->status)
        return;
    reply_header(reply, "Vary", "Origin"); /* caches must not hand one origin's reply to another */
    if (!origin || !is_listed(list, origin))
        return;
    reply_header(reply, "Access-Control-Allow-Origin", origin);
    if (req->method == HTTP_OPTIONS && request_header(req, "Access-Control-Request-Method"))
        answer_preflight(reply);
    else
        reply_header(reply, "Access-Control-Expose-Headers", CORS_EXPOSED);
}
