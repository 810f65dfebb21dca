/* SPDX-License-Identifier: MIT */
/* The head of a request: copied out of libmicrohttpd's memory into plain values, and vetted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/str.h"
#include "service/http/server_internal.h"
#include "service/http/vet.h"

struct reading {
    struct request *req;
    struct err *err;
    err_code code;
};

static err_code too_many(struct err *err, const char *what)
{
    return err_set(err, ERR_BAD_REQUEST, "there are more than %d %s", HTTP_FIELDS_MAX, what);
}

static enum MHD_Result read_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    struct reading *reading = cls;
    struct request *req = reading->req;

    (void)kind;
    if (req->header_count == HTTP_FIELDS_MAX) {
        reading->code = too_many(reading->err, "headers");
        return MHD_NO;
    }
    struct http_field field = {.name = strndup(name, name_len),
                               .value = strndup(value ? value : "", value_len)};
    req->headers[req->header_count++] = field; /* request_clear() frees half a field too */
    if (!field.name || !field.value)
        reading->code = err_set(reading->err, ERR_INTERNAL, "no memory");
    return reading->code ? MHD_NO : MHD_YES;
}

/* libmicrohttpd has split the query at '&' and '=' and turned '+' to a blank, and no more. */
static enum MHD_Result read_parameter(void *cls, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct reading *reading = cls;
    struct request *req = reading->req;

    (void)kind;
    if (req->query_count == HTTP_FIELDS_MAX) {
        reading->code = too_many(reading->err, "query parameters");
        return MHD_NO;
    }
    reading->code =
        vet_query(name, value ? value : "", &req->query[req->query_count], reading->err);
    req->query_count += !reading->code;
    return reading->code ? MHD_NO : MHD_YES;
}

static http_method method_of(const char *text)
{
    for (http_method m = HTTP_GET; m < HTTP_UNKNOWN; m++)
        if (str_eq(http_method_name(m), text))
            return m;
    return HTTP_UNKNOWN;
}

static err_code read_line(struct request *req, const char *method, const char *target,
                          struct err *err)
{
    req->head = str_eq(method, "HEAD");
    req->method = req->head ? HTTP_GET : method_of(method);
    req->method_text = strdup(method);
    req->path = strdup(vet_origin_form(target));
    return req->method_text && req->path ? ERR_NONE : err_set(err, ERR_INTERNAL, "no memory");
}

static void choose_id(struct request *req)
{
    char uuid[UUID_TEXT_SIZE];
    const char *sent = request_header(req, "X-Request-Id");

    if (sent && vet_is_request_id(sent)) {
        (void)snprintf(req->id, sizeof req->id, "%s", sent);
        return;
    }
    uuid7(uuid);
    (void)snprintf(req->id, sizeof req->id, "req_%s", uuid);
}

err_code request_read_head(struct request *req, struct MHD_Connection *connection, const char *url,
                           const char *method, const char *version, uint64_t *body_length,
                           struct err *err)
{
    struct reading reading = {.req = req, .err = err};
    struct vet_body body = {.length = 0};

    reading.code = read_line(req, method, url, err);
    if (!reading.code)
        (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, read_header, &reading);
    choose_id(req);
    if (!reading.code)
        reading.code = vet_head(req, version, &body, err);
    if (!reading.code)
        (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, read_parameter,
                                        &reading);
    if (!reading.code)
        *body_length = body.length;
    return reading.code;
}

static void fields_clear(struct http_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(fields[i].name);
        free(fields[i].value);
    }
}

void request_clear(struct request *req)
{
    if (req->state_free)
        req->state_free(req->state);
    fields_clear(req->headers, req->header_count);
    fields_clear(req->query, req->query_count);
    free((void *)(uintptr_t)req->method_text); /* const for the handlers */
    free((void *)(uintptr_t)req->path);
}
