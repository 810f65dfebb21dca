/* SPDX-License-Identifier: MIT */
/* Events of one job or of all: as a page, or as a stream for those who stay. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/access/ticket_store.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/event_hub.h"
#include "service/api/event_query.h"
#include "service/api/event_text.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/render.h"

/* Whether events between the cursor and what is kept may be gone; a number that was never given
 * comes from another database. */
static bool is_expired(const struct event_query *q, const struct event_bounds *bounds)
{
    return q->after > bounds->last || (q->after && q->after < bounds->pruned);
}

static err_code types_array(const char *types, struct str *out, struct err *err)
{
    str_addf(out, "{%s}", types);
    return str_ok(out) ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

struct event_page {
    struct pg_rows *rows; /* owned */
    int64_t after;        /* where to go on */
    bool more;
};

static err_code read_page(const struct call *call, const struct event_query *q,
                          const struct event_bounds *bounds, struct event_page *out,
                          struct err *err)
{
    CLEANUP(str_clear) struct str types = STR_INIT;
    struct event_filter filter = {
        .job_id = q->job_id, .subject = q->subject, .after = q->after, .limit = q->limit};
    err_code rc = q->types ? types_array(q->types, &types, err) : ERR_NONE;

    filter.types = q->types ? str_text(&types) : NULL;
    if (!rc)
        rc = event_list(call->pg, &filter, &out->rows, err);
    if (rc)
        return rc;
    size_t n = pg_rows_count(out->rows);
    out->more = n == (size_t)q->limit;
    out->after = n ? pg_bigint(out->rows, n - 1, "seq") : q->after;
    if (!out->more && out->after < bounds->last) /* up to there nothing else fits the filters */
        out->after = bounds->last;
    return ERR_NONE;
}

static struct reply page_json(const struct event_page *page)
{
    struct str out = STR_INIT;

    str_add(&out, "{\"events\":[");
    for (size_t i = 0; i < pg_rows_count(page->rows); i++) {
        str_add(&out, i ? "," : "");
        event_write_json(&out, page->rows, i);
    }
    str_addf(&out, "],\"after\":\"%lld\",\"more\":%s}", (long long)page->after,
             page->more ? "true" : "false");
    return reply_text(200, "application/json", str_take(&out));
}

/* The last line tells a whole page from one that was cut short. */
static struct reply page_ndjson(const struct event_page *page)
{
    struct str out = STR_INIT;

    for (size_t i = 0; i < pg_rows_count(page->rows); i++) {
        event_write_json(&out, page->rows, i);
        str_add_char(&out, '\n');
    }
    str_addf(&out, "{\"end\":true,\"count\":%zu,\"after\":\"%lld\",\"more\":%s}\n",
             pg_rows_count(page->rows), (long long)page->after, page->more ? "true" : "false");
    return reply_text(200, "application/x-ndjson", str_take(&out));
}

static struct reply reply_page(const struct call *call, const struct event_query *q,
                               const struct event_bounds *bounds)
{
    struct event_page page = {.rows = NULL};
    struct err err;

    if (is_expired(q, bounds)) {
        (void)err_set(&err, ERR_CURSOR_EXPIRED,
                      "events up to %lld are gone: read the state anew and go on after %lld",
                      (long long)bounds->pruned, (long long)bounds->last);
        return call_fail(call, &err);
    }
    if (read_page(call, q, bounds, &page, &err))
        return call_fail(call, &err);
    struct reply reply = q->form == EVENTS_NDJSON ? page_ndjson(&page) : page_json(&page);
    pg_rows_free(page.rows);
    return reply;
}

/* What a client reads before anything else; one that missed something is told so once, with the
 * place from which it goes on. */
static void write_preface(struct str *out, const struct event_query *q, bool reset, int64_t last)
{
    str_add(out, "retry: 3000\n\n");
    if (!reset)
        return;
    str_addf(out, "id: %lld\nevent: reset\ndata: {\"code\":\"CURSOR_EXPIRED\",\"links\":{",
             (long long)last);
    if (q->job_id)
        str_addf(out, "\"job\":\"/v1/jobs/%s\",\"tasks\":\"/v1/jobs/%s/tasks\"", q->job_id,
                 q->job_id);
    else
        str_add(out, "\"tenants\":\"/v1/tenants\",\"jobs\":\"/v1/jobs\","
                     "\"migration_status\":\"/v1/migration-status\"");
    str_add(out, "}}\n\n");
}

static struct reply stream_headers(struct reply reply)
{
    reply_header(&reply, "Cache-Control", "no-cache, no-transform");
    reply_header(&reply, "X-Accel-Buffering", "no");
    return reply;
}

/* HEAD: the headers, and nothing to follow. */
static struct reply reply_no_stream(const struct call *call)
{
    CLEANUP(stream_releasep) struct stream *stream = stream_new(1);
    struct err err;

    if (stream) {
        stream_end(stream);
        return stream_headers(reply_stream(200, "text/event-stream", stream));
    }
    (void)err_set(&err, ERR_INTERNAL, "out of memory");
    return call_fail(call, &err);
}

/* until: the stream has an end, there; INT64_MAX: it has not. */
static struct reply reply_events(const struct call *call, const struct event_query *q,
                                 const struct event_bounds *bounds, int64_t until)
{
    CLEANUP(stream_releasep) struct stream *stream = NULL;
    CLEANUP(str_clear) struct str first = STR_INIT;
    bool reset = is_expired(q, bounds);
    bool live = reset || (!q->has_after && !q->job_id);
    struct err err;

    if (call->req->head)
        return reply_no_stream(call);
    write_preface(&first, q, reset, bounds->last);
    const struct follow follow = {.principal = call->who.id,
                                  .types = q->types,
                                  .job_id = q->job_id,
                                  .subject = q->subject,
                                  .after = live ? bounds->last : q->after,
                                  .until = until,
                                  .first = str_text(&first)};
    if (event_hub_follow(call->app->events, &follow, &stream, &err))
        return call_fail(call, &err);
    return stream_headers(reply_stream(200, "text/event-stream", stream));
}

static struct reply answer(const struct call *call, const struct event_query *q, int64_t until)
{
    struct event_bounds bounds;
    struct err err;

    if (event_bounds(call->pg, &bounds, &err))
        return call_fail(call, &err);
    if (until == 0) /* everything of the job is told: up to now */
        until = bounds.last;
    return q->form == EVENTS_STREAM ? reply_events(call, q, &bounds, until)
                                    : reply_page(call, q, &bounds);
}

struct reply events_list(struct call *call)
{
    struct event_query q;
    struct err err;

    if (event_query_read(call, &q, &err))
        return call_fail(call, &err);
    return answer(call, &q, INT64_MAX);
}

/* A job that has ended says nothing more once its last event is numbered. */
static err_code is_over(const struct call *call, const struct job *job, bool *out, struct err *err)
{
    *out = false;
    return job_state_is_terminal(job->state) ? event_job_is_told(call->pg, job->id, out, err)
                                             : ERR_NONE;
}

struct reply jobs_events(struct call *call)
{
    CLEANUP(job_clear) struct job job = {.kind = NULL};
    struct event_query q;
    struct err err;
    bool over = false;

    if (event_query_read(call, &q, &err) || job_find(call->pg, call->req->params[0], &job, &err) ||
        job_check_route(call, &job, &err) || is_over(call, &job, &over, &err))
        return call_fail(call, &err);
    q.job_id = job.id;
    return answer(call, &q, over ? 0 : INT64_MAX);
}

enum {
    TICKET_SCOPES =
        SCOPE_BIT(SCOPE_EVENTS_READ) | SCOPE_BIT(SCOPE_JOBS_READ) | SCOPE_BIT(SCOPE_MIGRATIONS_READ)
};

struct reply event_tickets_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    char ticket[TICKET_TEXT_SIZE];
    uint32_t scopes = call->who.scopes & TICKET_SCOPES;
    int64_t expires_at = 0;
    struct err err;

    fields_read(call->body, "", NULL, 0, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (ticket_create(call->pg, &call->who, scopes, ticket, &expires_at, &err))
        return call_fail(call, &err);
    return reply_json(
        201, json_pack("{s:s, s:o}", "ticket", ticket, "expires_at", json_time(expires_at)));
}
