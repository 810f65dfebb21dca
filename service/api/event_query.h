/* SPDX-License-Identifier: MIT */
/* What a request for events asks for: form, filters, place. */
#pragma once

#include "service/api/api.h"

typedef enum event_form {
    EVENTS_JSON,   /* a page */
    EVENTS_NDJSON, /* the same, one event a line */
    EVENTS_STREAM, /* text/event-stream */
} event_form;

struct event_query {
    event_form form;
    const char *types, *job_id, *subject; /* borrowed from the request; NULL: any */
    bool has_after;
    int64_t after; /* 0: from the oldest that is kept */
    int limit;     /* of a page */
};

/* ERR_INVALID_PARAMETER with err->field. */
err_code event_query_read(const struct call *call, struct event_query *out, struct err *err)
    MUST_USE;
