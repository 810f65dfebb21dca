/* SPDX-License-Identifier: MIT */
#include "service/api/dispatch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/access/ticket_store.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/seed_text.h"

enum { LINT_BODY_MAX = 4 * 1024 * 1024 };

static struct reply no_route(const struct request *req, err_code code,
                             const struct route_match *match, const struct err *err)
{
    if (code == ERR_METHOD_NOT_ALLOWED && req->method == HTTP_OPTIONS) {
        struct reply reply = reply_empty(204);
        reply_header(&reply, "Allow", match->allow);
        return reply;
    }
    struct reply reply = reply_err(req, err);
    if (code == ERR_METHOD_NOT_ALLOWED)
        reply_header(&reply, "Allow", match->allow);
    return reply;
}

/* For who cannot send a header: an EventSource. */
static err_code authorize_ticket(struct call *call, struct err *err)
{
    err_code rc = pg_pool_borrow(call->app->control, &call->pg, err);

    if (!rc)
        rc = ticket_redeem(call->pg, request_query(call->req, "ticket"), &call->who, err);
    if (rc == ERR_UNAUTHENTICATED && call->app->metrics)
        metrics_count(call->app->metrics, METRIC_AUTH_FAILURES, access_denial_name(ACCESS_UNKNOWN));
    return rc ? rc : access_require(&call->who, call->route->scope, err);
}

static err_code authorize(struct call *call, struct err *err)
{
    access_denial denial = ACCESS_GRANTED;

    if (call->route->public)
        return ERR_NONE;
    if (call->route->ticket && request_query(call->req, "ticket"))
        return authorize_ticket(call, err);
    err_code rc = access_check(call->app->access, request_header(call->req, "Authorization"),
                               &call->who, &denial, err);
    if (rc && call->app->metrics)
        metrics_count(call->app->metrics, METRIC_AUTH_FAILURES, access_denial_name(denial));
    if (!rc && !call->route->open)
        rc = access_require(&call->who, call->route->scope, err);
    return rc;
}

/* Whether the route knows a query parameter; *again: it may come more than once. */
static bool knows_parameter(const struct api_route *route, const char *name, bool *again)
{
    for (size_t i = 0; i < ROUTE_QUERY_MAX && route->query[i]; i++) {
        size_t n = strcspn(route->query[i], "*");
        *again = route->query[i][n] == '*';
        if (strlen(name) == n && strncmp(name, route->query[i], n) == 0)
            return true;
    }
    return false;
}

static err_code check_query(const struct call *call, struct err *err)
{
    const struct request *req = call->req;
    bool again;

    for (size_t i = 0; i < req->query_count; i++) {
        const char *name = req->query[i].name;
        if (!knows_parameter(call->route, name, &again)) {
            (void)err_set(err, ERR_UNKNOWN_PARAMETER, "there is no parameter \"%.60s\" here", name);
            return err_in(err, name);
        }
        for (size_t k = 0; k < i && !again; k++)
            if (str_eq(req->query[k].name, name)) {
                (void)err_set(err, ERR_INVALID_PARAMETER, "%s stands twice", name);
                return err_in(err, name);
            }
    }
    return ERR_NONE;
}

/* What a route takes as its body. */
static const char *const media_types[][7] = {
    [BODY_NONE] = {NULL},
    [BODY_JSON] = {"application/json", NULL},
    [BODY_JSON_OPTIONAL] = {"application/json", NULL},
    [BODY_MERGE_PATCH] = {"application/merge-patch+json", "application/json", NULL},
    [BODY_SQL] = {"application/sql", "text/plain", NULL},
    [BODY_BUNDLE] = {"application/json", "application/gzip", "application/x-gzip",
                     "application/x-tar", "application/x-gtar", "application/tar+gzip", NULL},
};

static err_code check_media_type(struct call *call, struct err *err)
{
    const char *type = request_header(call->req, "Content-Type");
    size_t n = type ? strcspn(type, "; \t") : 0;

    for (const char *const *known = media_types[call->route->body]; *known; known++)
        if (strlen(*known) == n && type && strncasecmp(type, *known, n) == 0) {
            call->media_type = *known;
            return ERR_NONE;
        }
    if (!*media_types[call->route->body])
        return err_set(err, ERR_BAD_REQUEST, "this request takes no body");
    return err_set(err, ERR_UNSUPPORTED_MEDIA_TYPE, "Content-Type must be %s here, not %.80s",
                   media_types[call->route->body][0], type ? type : "absent");
}

static err_code read_body(struct call *call, struct err *err)
{
    body_kind kind = call->route->body;

    call->media_type = "";
    if (!call->req->body_len && (kind == BODY_NONE || kind == BODY_JSON_OPTIONAL)) {
        call->body = kind == BODY_NONE ? NULL : json_object();
        return ERR_NONE;
    }
    err_code rc = check_media_type(call, err);
    if (!rc && kind == BODY_SQL && !call->req->body_len) /* a file that was not found, most likely */
        rc = err_set(err, ERR_BAD_REQUEST, "the body is empty: the SQL is missing");
    if (rc || !str_ends(call->media_type, "json"))
        return rc;
    return json_parse(call->req->body, call->req->body_len, &call->body, err);
}

static err_code prepare(struct call *call, struct err *err)
{
    err_code rc = authorize(call, err);
    if (!rc)
        rc = check_query(call, err);
    if (!rc)
        rc = read_body(call, err);
    if (!rc && !call->route->offline && !call->pg)
        rc = pg_pool_borrow(call->app->control, &call->pg, err);
    return rc;
}

static struct reply run(struct call *call)
{
    if (is_waiting(call))
        return resume_waiting(call);
    struct reply reply = run_idempotently(call);
    return call->job_id[0] && reply.status / 100 == 2 ? answer_job(call, reply) : reply;
}

static struct reply handle(struct app *app, struct request *req)
{
    struct route_match match = {.index = 0};
    struct err err = {.code = ERR_NONE};
    err_code rc = route_find(api_routes, api_route_count, sizeof api_routes[0], req->method,
                             req->path, &match, &err);
    if (rc)
        return no_route(req, rc, &match, &err);
    for (size_t i = 0; i < HTTP_PARAMS_MAX; i++)
        req->params[i] = match.params[i];
    struct call call = {.app = app, .req = req, .route = &api_routes[match.index]};
    struct reply reply = prepare(&call, &err) ? call_fail(&call, &err) : run(&call);
    pg_pool_return(app->control, call.pg);
    json_decref(call.body);
    memset(req->params, 0, sizeof req->params); /* they end with the match */
    route_match_clear(&match);
    return reply;
}

struct reply api_handle(void *ctx, struct request *req)
{
    struct reply reply = handle(ctx, req);

    cors_apply(ctx, req, &reply);
    return reply;
}

size_t api_body_limit(void *ctx, http_method method, const char *path)
{
    const struct app *app = ctx;
    bool big = (str_starts(path, "/v1/catalogs/") && (method == HTTP_POST || method == HTTP_PUT)) ||
               str_eq(path, "/v1/schema/import");
    if (str_eq(path, "/v1/lint") && method == HTTP_POST)
        return LINT_BODY_MAX;
    if (str_starts(path, "/v1/seeds/") && method == HTTP_PUT)
        return SEED_MAX;
    return (size_t)(big ? app->config->http.max_bundle_bytes : app->config->http.max_body_bytes);
}
