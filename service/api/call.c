/* SPDX-License-Identifier: MIT */
/* What handlers answer with, and the conditions of a request (RFC 9110, 13). */
#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "service/api/api.h"

struct reply call_fail(const struct call *call, const struct err *err)
{
    if (err_kind_of(err->code) == ERR_KIND_INTERNAL) /* the client is sent here for the reason */
        log_event(call->app->log, LOG_LEVEL_ERROR, "request.failed",
                  LOG_STR("request_id", call->req->id), LOG_STR("op", call->route->op),
                  LOG_ERR(err));
    return reply_err(call->req, err);
}

/* RFC 9110, 8.8.3 and 13.1: a list of tags, or "*"; weak marks are ignored for reads. */
bool call_has_tag(const struct call *call, const char *header, const char *etag)
{
    const char *value = request_header(call->req, header);
    size_t n = strlen(etag);

    if (value && str_eq(value, "*"))
        return true;
    for (const char *at = value; at && (at = strstr(at, etag)); at += n)
        if (at > value && at[-1] == '"' && at[n] == '"')
            return true;
    return false;
}

err_code call_if_match(const struct call *call, const char *etag, bool required, struct err *err)
{
    if (!request_header(call->req, "If-Match")) {
        if (!required)
            return ERR_NONE;
        return err_set(err, ERR_PRECONDITION_REQUIRED,
                       "send If-Match: \"%s\", or force=true to go ahead whatever it is", etag);
    }
    if (call_has_tag(call, "If-Match", etag))
        return ERR_NONE;
    (void)err_set(err, ERR_ETAG_MISMATCH, "the resource is at \"%s\" now", etag);
    (void)snprintf(err->subject, sizeof err->subject, "%s", etag);
    return ERR_ETAG_MISMATCH;
}

struct reply reply_tagged(const struct call *call, const char *etag, json_t *value)
{
    char quoted[160];
    bool same = call_has_tag(call, "If-None-Match", etag);
    struct reply reply = same ? reply_empty(304) : reply_json(200, value);

    if (same)
        json_decref(value);
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    reply_header(&reply, "ETag", quoted);
    return reply;
}

struct reply reply_catalog(struct call *call,
                           err_code (*fill)(struct call *call, const struct catalog *catalog,
                                            json_t **out, struct err *err))
{
    struct catalog_cache *catalogs = engine_catalogs(call->app->engine);
    const struct catalog *catalog = NULL;
    json_t *body = NULL;
    struct err err;
    err_code rc = catalog_acquire(catalogs, call->pg, "tenant", 0, &catalog, &err);

    if (!rc)
        rc = fill(call, catalog, &body, &err);
    catalog_release(catalogs, catalog);
    return rc ? call_fail(call, &err) : reply_json(200, body);
}
