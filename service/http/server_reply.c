/* SPDX-License-Identifier: MIT */
/* From a struct reply to libmicrohttpd's response, with the headers that every reply has. */
#include <strings.h>

#include "service/http/server_internal.h"

static bool has_header(const struct reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (strcasecmp(reply->headers[i].name, name) == 0)
            return true;
    return false;
}

static bool is_draining(struct server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    bool draining = server->draining;
    (void)pthread_mutex_unlock(&server->lock);
    return draining;
}

/* libmicrohttpd refuses values with control characters, so nothing can split the reply. */
static bool add_headers(struct MHD_Response *response, struct exchange *ex)
{
    const struct reply *reply = &ex->reply;
    bool ok = MHD_add_response_header(response, "X-Request-Id", ex->req.id) == MHD_YES;

    ok &= MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
    if (!has_header(reply, "Cache-Control"))
        ok &= MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;
    if (reply->content_type)
        ok &= MHD_add_response_header(response, "Content-Type", reply->content_type) == MHD_YES;
    for (size_t i = 0; i < reply->header_count; i++)
        ok &= MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value) ==
              MHD_YES;
    if (ex->close || is_draining(ex->server))
        ok &= MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    return ok;
}

/* NULL: a header could not be added. The body stays the exchange's, which outlives it. */
static struct MHD_Response *build(struct exchange *ex)
{
    struct reply *reply = &ex->reply;

    struct MHD_Response *response =
        reply->stream ? streaming_begin(ex)
                      : MHD_create_response_from_buffer(reply->body_len,
                                                        reply->body_len ? reply->body : NULL,
                                                        MHD_RESPMEM_PERSISTENT);
    if (response && !add_headers(response, ex)) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

enum MHD_Result reply_send(struct exchange *ex)
{
    struct MHD_Response *response = build(ex);

    if (!response) { /* a header that no reply can have is a bug: say so instead of dropping it */
        struct err err;
        (void)err_set(&err, ERR_INTERNAL, "a header of the reply is not valid");
        streaming_end(ex);
        reply_clear(&ex->reply);
        ex->reply = reply_err(&ex->req, &err);
        response = build(ex);
    }
    if (!response)
        return MHD_NO;
    enum MHD_Result result =
        MHD_queue_response(ex->connection, (unsigned)ex->reply.status, response);
    MHD_destroy_response(response); /* libmicrohttpd has its own reference */
    return result;
}
