/* SPDX-License-Identifier: MIT */
#include "core/job/task_lane.h"

#include "core/tenant/tenant_store.h"

static err_code open_session(void *arg, const char *startup, struct pg **out, struct err *err)
{
    struct task_lane *lane = arg;
    struct task_run *run = lane->run;
    err_code rc = engine_open_server_with(run->ctx, run->control, run->task->server, startup, out,
                                          err);
    if (!rc)
        task_run_expose(run, *out);
    return rc;
}

static void close_session(void *arg, struct pg *pg)
{
    struct task_lane *lane = arg;

    task_run_expose(lane->run, NULL);
    engine_close_server(lane->run->ctx, lane->run->task->server, pg);
}

/* So that everybody sees it while it lasts, and after a crash. It is only what is shown: the mark is
 * in the schema, and the end of the task tells the registry what is true then. */
static void tell_registry(void *arg, const struct applied_set *now)
{
    struct task_lane *lane = arg;
    struct task_run *run = lane->run;
    struct err err;
    int64_t id = 0;

    if (lane->tenant && !engine_intern_set(run->ctx, run->control, now, &id, &err))
        (void)!tenant_seen(run->control, run->task->tenant_id, id, &err);
}

static bool is_stopped(void *arg)
{
    const struct task_lane *lane = arg;
    return task_run_cancelled(lane->run);
}

void task_lane_init(struct task_lane *lane, struct task_run *run, bool tenant)
{
    *lane = (struct task_lane){.run = run,
                               .tenant = tenant,
                               .access = {.open = open_session,
                                          .close = close_session,
                                          .begun = tell_registry,
                                          .stopped = is_stopped}};
    lane->access.arg = lane;
}
