/* SPDX-License-Identifier: MIT */
/* Problem documents (RFC 9457): what a client sees of a struct err. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "service/http/http.h"

/* TENANT_BUSY is described at .../tenant-busy. */
static json_t *type_of(err_code code)
{
    char uri[128];

    (void)snprintf(uri, sizeof uri, "https://tenantd.dev/errors/%s", err_name(code));
    for (char *p = uri + strlen(uri) - strlen(err_name(code)); *p; p++)
        *p = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
    return json_string(uri);
}

/* An internal error says nothing of our insides: the log has the rest under the request's id. */
static json_t *detail_of(const struct request *req, const struct err *err)
{
    if (err_kind_of(err->code) != ERR_KIND_INTERNAL)
        return json_text(err->msg);
    return req ? json_sprintf("tenantd failed; its log says why under request %s", req->id)
               : json_string("tenantd failed; its log says why");
}

/* What kind of place in the request err->field is; NULL: none, but a file or a version. */
static const char *place_of(const struct err *err)
{
    if (err->field[0] == '/')
        return "pointer";
    if (err->code == ERR_UNKNOWN_PARAMETER)
        return "parameter";
    if (err->code == ERR_INVALID_PARAMETER) /* our headers begin with a capital, parameters not */
        return isupper((unsigned char)err->field[0]) ? "header" : "parameter";
    return NULL;
}

static json_t *errors_of(const struct err *err)
{
    if (!err->field[0] || !place_of(err))
        return NULL;
    return json_pack("[{s:o, s:o}]", place_of(err), json_text(err->field), "detail",
                     json_text(err->msg));
}

static json_t *metadata_of(const struct err *err)
{
    json_t *metadata = json_object();

    if (err->line) {
        (void)json_object_set_new(metadata, "line", json_integer(err->line));
        (void)json_object_set_new(metadata, "column", json_integer(err->column));
    }
    if (err->sqlstate[0])
        (void)json_object_set_new(metadata, "sqlstate", json_text(err->sqlstate));
    const char *subject = err->subject[0] || place_of(err) ? err->subject : err->field;
    if (*subject)
        (void)json_object_set_new(metadata, "subject", json_text(subject));
    return metadata;
}

/* Members of the caller go before what err says by itself, but metadata is united. */
static void add_members(json_t *problem, const struct err *err, json_t *members)
{
    json_auto_t *metadata = metadata_of(err);

    (void)json_object_set_new(problem, "errors", errors_of(err));
    (void)json_object_update(metadata, json_object_get(members, "metadata"));
    (void)json_object_update(problem, members);
    if (json_object_size(metadata))
        (void)json_object_set(problem, "metadata", metadata);
}

static char *problem_text(const struct request *req, const struct err *err, json_t *members)
{
    json_auto_t *problem = json_pack("{s:o, s:s, s:i, s:s, s:o, s:b}", "type", type_of(err->code),
                                     "title", err_title(err->code), "status",
                                     http_status(err->code), "code", err_name(err->code), "detail",
                                     detail_of(req, err), "retryable", err_is_retryable(err->code));

    if (!problem)
        return NULL;
    if (req) {
        (void)json_object_set_new(problem, "instance", json_text(req->path));
        (void)json_object_set_new(problem, "request_id", json_text(req->id));
    }
    if (err_kind_of(err->code) != ERR_KIND_INTERNAL)
        add_members(problem, err, members);
    return json_dumps(problem, JSON_COMPACT);
}

struct reply reply_problem(const struct request *req, const struct err *err, json_t *members)
{
    json_auto_t *taken = members;
    char *body = problem_text(req, err, taken);
    struct reply reply = {
        .status = http_status(err->code),
        .code = err->code,
        .content_type = body ? "application/problem+json" : NULL,
        .body = body,
        .body_len = body ? strlen(body) : 0,
    };

    memcpy(reply.sqlstate, err->sqlstate, sizeof reply.sqlstate);
    if (err_is_retryable(err->code))
        reply_header(&reply, "Retry-After", "1");
    if (reply.status == 401)
        reply_header(&reply, "WWW-Authenticate", "Bearer");
    return reply;
}

struct reply reply_err(const struct request *req, const struct err *err)
{
    return reply_problem(req, err, NULL);
}
