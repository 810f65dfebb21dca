/* SPDX-License-Identifier: MIT */
/* What is told of a request once it is over: a line in the log, figures, and, when the tests ask
 * for it, the whole exchange. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/api.h"

static const struct api_route *route_of(const struct request *req)
{
    struct route_match match = {.index = 0};
    err_code rc = route_find(api_routes, api_route_count, sizeof api_routes[0], req->method,
                             req->path, &match, NULL);
    const struct api_route *found = rc ? NULL : &api_routes[match.index];
    route_match_clear(&match);
    return found;
}

static void count(struct app *app, const struct request *req, const struct reply *reply,
                  const struct api_route *route, int64_t duration_us)
{
    bool waited = request_query(req, "wait") || request_header(req, "Prefer") || reply->stream;

    metrics_http(app->metrics, route ? route->pattern.path : NULL,
                 req->head ? "HEAD" : http_method_name(req->method), reply->status, duration_us,
                 waited);
    if (reply->code)
        metrics_error(app->metrics, reply->code);
}

static json_t *headers_json(const struct http_field *fields, size_t n)
{
    json_t *out = json_object();
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(fields[i].name, "Authorization") != 0)
            (void)json_object_set_new(out, fields[i].name, json_text(fields[i].value));
    return out;
}

static json_t *query_json(const struct request *req)
{
    json_t *out = json_array();
    for (size_t i = 0; i < req->query_count; i++)
        (void)json_array_append_new(out, json_pack("[o, o]", json_text(req->query[i].name),
                                                   json_text(req->query[i].value)));
    return out;
}

static void log_exchange(const struct app *app, const struct request *req,
                         const struct reply *reply)
{
    json_t *headers = headers_json(reply->headers, reply->header_count);
    if (reply->content_type)
        (void)json_object_set_new(headers, "Content-Type", json_string(reply->content_type));
    (void)json_object_set_new(headers, "X-Request-Id", json_string(req->id)); /* the server's */
    json_auto_t *line = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:i, s:o, s:o}", "method",
        req->head ? "HEAD" : req->method_text, "path", json_text(req->path), "query",
        query_json(req), "request_headers", headers_json(req->headers, req->header_count),
        "request_body", req->body_len ? json_text(req->body) : json_null(), "status",
        reply->status, "headers", headers, "body",
        reply->body && !req->head ? json_text(reply->body) : json_null());
    CLEANUP(freep) char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    CLEANUP(str_clear) struct str out = STR_INIT;

    if (!text)
        return;
    str_addf(&out, "%s\n", text);
    if (write(app->exchange_log, str_text(&out), out.len) < 0)
        log_plain(app->log, LOG_LEVEL_WARN, "exchange_log.failed");
}

void admin_observe(void *ctx, const struct request *req, const struct reply *reply,
                   int64_t duration_us)
{
    const struct app *app = ctx;

    (void)duration_us;
    if (app->exchange_log >= 0 && reply->status)
        log_exchange(app, req, reply);
}

void api_observe(void *ctx, const struct request *req, const struct reply *reply,
                 int64_t duration_us)
{
    struct app *app = ctx;
    const struct api_route *route = route_of(req);
    bool ours = reply->code && err_kind_of(reply->code) == ERR_KIND_INTERNAL;

    count(app, req, reply, route, duration_us);
    log_event(app->log, ours ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "request",
              LOG_STR("request_id", req->id), LOG_STR("method", req->method_text),
              LOG_STR("path", req->path), LOG_STR("op", route ? route->op : NULL),
              LOG_INT("status", reply->status), LOG_INT("us", duration_us),
              LOG_STR("code", reply->code ? err_name(reply->code) : NULL),
              LOG_STR("sqlstate", reply->sqlstate[0] ? reply->sqlstate : NULL),
              LOG_STR("peer", req->peer));
    if (app->exchange_log >= 0 && reply->status)
        log_exchange(app, req, reply);
}
