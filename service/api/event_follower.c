/* SPDX-License-Identifier: MIT */
#include "service/api/event_follower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "service/api/event_text.h"

/* A page of events on top of a buffer that is just not full must fit. */
enum { PENDING_MAX = 512 * 1024, PENDING_FULL = 128 * 1024, PAGE = 100, PROBE_MS = 1000 };

static bool copy(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return *out || !text;
}

static bool copy_types(char **out, const char *types)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    if (!types)
        return true;
    str_addf(&text, ",%s,", types);
    *out = str_take(&text);
    return *out != NULL;
}

struct follower *follower_new(const struct follow *follow)
{
    struct follower *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->cursor = follow->after;
    f->until = follow->until;
    f->spoken_at = clock_mono_ms();
    f->stream = stream_new(PENDING_MAX);
    if (f->stream && copy(&f->principal, follow->principal) && copy(&f->job_id, follow->job_id) &&
        copy(&f->subject, follow->subject) && copy_types(&f->types, follow->types))
        return f;
    follower_free(f);
    return NULL;
}

void follower_free(struct follower *f)
{
    if (!f)
        return;
    stream_release(f->stream);
    free(f->principal);
    free(f->types);
    free(f->job_id);
    free(f->subject);
    free(f);
}

static bool has_type(const char *types, const char *type)
{
    char word[80];

    (void)snprintf(word, sizeof word, ",%s,", type);
    return strstr(types, word) != NULL;
}

static bool wants(const struct follower *f, const struct told *told)
{
    return (!f->job_id || str_eq(f->job_id, told->job_id)) &&
           (!f->subject || str_eq(f->subject, told->subject)) &&
           (!f->types || has_type(f->types, told->type));
}

static bool is_full(struct follower *f)
{
    return stream_pending(f->stream) > PENDING_FULL;
}

/* The job's last event ends its stream, whether the client wanted to see it or not. */
static void note_end(struct follower *f, int64_t seq, const char *type, const char *job_id)
{
    if (f->job_id && f->until > seq && str_eq(f->job_id, job_id) && event_type_is_final(type))
        f->until = seq;
}

static void say(struct follower *f, const char *message, size_t n)
{
    f->spoken_at = clock_mono_ms();
    (void)stream_write(f->stream, message, n); /* that it is closed is seen when served next */
}

static serving serve_from_ring(struct follower *f, const struct event_ring *ring)
{
    for (size_t i = event_ring_after(ring, f->cursor); i < ring->count && f->cursor < f->until;
         i++) {
        const struct told *told = event_ring_at(ring, i);
        if (is_full(f))
            return SERVED; /* more when its client has taken some */
        if (wants(f, told))
            say(f, told->message, told->len);
        note_end(f, told->seq, told->type, told->job_id);
        f->cursor = told->seq;
    }
    if (f->cursor < ring->head && f->cursor < f->until)
        f->cursor = ring->head; /* numbers whose events are gone */
    return SERVED;
}

/* The types as a PostgreSQL array. The last event of a job must be seen, whatever is asked for. */
static void types_array(const struct follower *f, struct str *out)
{
    str_addf(out, "{%.*s}", (int)strlen(f->types) - 2, f->types + 1);
}

static err_code serve_from_table(struct follower *f, int64_t head, struct pg *pg, serving *out,
                                 struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(str_clear) struct str message = STR_INIT, types = STR_INIT;
    struct event_filter filter = {
        .job_id = f->job_id, .subject = f->subject, .after = f->cursor, .limit = PAGE};

    if (f->types && !f->job_id) {
        types_array(f, &types);
        filter.types = str_text(&types);
    }
    err_code rc = event_list(pg, &filter, &rows, err);

    if (rc)
        return rc;
    size_t n = pg_rows_count(rows);
    for (size_t i = 0; i < n; i++) {
        const char *type = pg_text(rows, i, "type");
        if (!f->types || has_type(f->types, type)) {
            str_reset(&message);
            event_write_message(&message, rows, i);
            say(f, str_text(&message), message.len);
        }
        f->cursor = pg_bigint(rows, i, "seq");
        note_end(f, f->cursor, type, pg_text(rows, i, "job_id"));
    }
    if (n < PAGE && f->cursor < head) /* all up to head could be seen before this was asked */
        f->cursor = head;
    *out = n == PAGE ? HUNGRY : SERVED;
    return ERR_NONE;
}

/* While its buffer is too full nothing is added, and that must not go on for ever. */
static bool is_too_slow(struct follower *f, int64_t slow_ms)
{
    int64_t now = clock_mono_ms();

    if (!is_full(f)) {
        f->stuck_at = 0;
        return false;
    }
    f->stuck_at = f->stuck_at ? f->stuck_at : now;
    return now - f->stuck_at > slow_ms;
}

/* A client that has left must not keep its place until the next heartbeat. */
static stream_state look(struct follower *f)
{
    int64_t now = clock_mono_ms();

    if (now - f->probed_at < PROBE_MS)
        return stream_look(f->stream);
    f->probed_at = now;
    return stream_probe(f->stream);
}

static serving end(struct follower *f)
{
    say(f, EVENT_END("finished"), strlen(EVENT_END("finished")));
    stream_end(f->stream);
    return ENDED;
}

err_code follower_serve(struct follower *f, const struct event_ring *ring, struct pg *pg,
                        const struct event_hub_options *options, serving *out, struct err *err)
{
    stream_state state = look(f);
    err_code rc = ERR_NONE;

    *out = SERVED;
    if (state != STREAM_OPEN || is_too_slow(f, options->slow_ms)) {
        stream_cut(f->stream);
        *out = state == STREAM_OPEN || state == STREAM_CUT ? DROPPED : ENDED;
        return ERR_NONE;
    }
    if (f->cursor >= ring->from)
        *out = serve_from_ring(f, ring);
    else if (pg && !is_full(f))
        rc = serve_from_table(f, ring->head, pg, out, err);
    if (!rc && f->cursor >= f->until)
        *out = end(f);
    if (clock_mono_ms() - f->spoken_at >= options->heartbeat_ms)
        say(f, ":\n\n", 3);
    return rc;
}
