/* SPDX-License-Identifier: MIT */
/* A query over many tenants whose rows are sent as they come. */
#include <pthread.h>

#include "core/base/clock.h"
#include "service/api/fleet.h"

enum {
    BUFFER = 64 << 20
}; /* beyond what await_room() lets a client be behind, for one tenant's rows */

/* In the log, at least: the answer has gone. */
static void tell(struct fleet_job *job)
{
    struct pg *pg = NULL;
    struct err err = {.code = ERR_NONE};
    err_code rc = pg_pool_borrow(job->app->control, &pg, &err);

    if (!rc)
        rc = fleet_tell(job, pg, &err);
    if (rc)
        log_event(job->app->log, LOG_LEVEL_ERROR, "query.not_told",
                  LOG_STR("request_id", job->request_id), LOG_ERR(&err));
    pg_pool_return(job->app->control, pg);
}

/* The last line tells a whole answer from one that was cut short; CSV has no place for it. */
static void end(struct fleet_job *job)
{
    CLEANUP(str_clear) struct str last = STR_INIT;

    if (job->output == FLEET_NDJSON) {
        str_add(&last, "{\"end\":true,");
        fleet_write_summary(job, &last);
        str_add(&last, "}\n");
        (void)stream_write(job->stream, str_text(&last), last.len);
    }
    if (job->output == FLEET_CSV && (job->truncated || job->error_count || job->unreachable_count))
        stream_cut(job->stream); /* a file that ends well must be whole */
    else
        stream_end(job->stream);
}

static void *run(void *arg)
{
    struct fleet_job *job = arg;
    struct app *app = job->app;
    struct err err;

    if (fleet_gather(job, 0, &err))
        stream_cut(job->stream);
    else
        end(job);
    tell(job);
    fleet_job_free(job);
    query_leave(app);
    return NULL;
}

struct reply fleet_stream(struct call *call, struct fleet_job *job)
{
    const char *type =
        job->output == FLEET_CSV ? "text/csv; charset=utf-8" : "application/x-ndjson";
    pthread_t thread;
    struct err err;

    job->stream = stream_new(BUFFER);
    if (!job->stream) {
        fleet_job_free(job);
        query_leave(call->app);
        (void)err_set(&err, ERR_INTERNAL, "out of memory");
        return call_fail(call, &err);
    }
    struct reply reply = reply_stream(200, type, job->stream);
    if (pthread_create(&thread, NULL, run, job)) {
        reply_clear(&reply);
        fleet_job_free(job);
        query_leave(call->app);
        (void)err_set(&err, ERR_SYSTEM_FAILED, "cannot start a thread");
        return call_fail(call, &err);
    }
    (void)pthread_detach(thread);
    reply_header(&reply, "X-Accel-Buffering", "no");
    return reply;
}
