/* SPDX-License-Identifier: MIT */
#include "service/api/event_query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/event.h"
#include "service/api/fields.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000 };

static event_form form_of(const struct request *req)
{
    const char *accept = request_header(req, "Accept");

    if (accept && strstr(accept, "text/event-stream"))
        return EVENTS_STREAM;
    return accept && strstr(accept, "application/x-ndjson") ? EVENTS_NDJSON : EVENTS_JSON;
}

static err_code check_types(const char *types, struct err *err)
{
    for (const char *at = types; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t n = strcspn(at, ",");
        if (event_type_is_known(at, n))
            continue;
        (void)err_set(err, ERR_INVALID_PARAMETER, "there is no type of event \"%.*s\"",
                      (int)(n < 60 ? n : 60), at);
        return err_in(err, "types");
    }
    return ERR_NONE;
}

static err_code read_number(const char *text, const char *where, int64_t *out, struct err *err)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno)
        return ERR_NONE;
    (void)err_set(err, ERR_INVALID_PARAMETER, "must be the id of an event, or 0");
    return err_in(err, where);
}

/* A browser that comes back sends the URL as it was, and the header with what it saw last. */
static err_code read_place(const struct call *call, struct event_query *q, struct err *err)
{
    const char *last = request_header(call->req, "Last-Event-ID");
    const char *after = request_query(call->req, "after");
    err_code rc = after ? read_number(after, "after", &q->after, err) : ERR_NONE;

    if (!rc && last && *last && q->form == EVENTS_STREAM)
        rc = read_number(last, "Last-Event-ID", &q->after, err);
    q->has_after = after || (last && *last);
    return rc;
}

static err_code read_job(const struct call *call, struct event_query *q, struct err *err)
{
    q->job_id = request_query(call->req, "job_id");
    if (!q->job_id || uuid_is_valid(q->job_id))
        return ERR_NONE;
    (void)err_set(err, ERR_INVALID_PARAMETER, "must be the id of a job");
    return err_in(err, "job_id");
}

err_code event_query_read(const struct call *call, struct event_query *out, struct err *err)
{
    struct event_query q = {.form = form_of(call->req),
                            .types = request_query(call->req, "types"),
                            .subject = request_query(call->req, "tenant_id")};
    int64_t limit = 0;
    err_code rc = check_types(q.types, err);

    if (!rc)
        rc = query_int(call, "page_size", 1, INT64_MAX, PAGE_DEFAULT, &limit, err);
    if (!rc)
        rc = read_job(call, &q, err);
    if (!rc)
        rc = read_place(call, &q, err);
    q.limit = limit > PAGE_MAX ? PAGE_MAX : (int)limit;
    *out = q;
    return rc;
}
