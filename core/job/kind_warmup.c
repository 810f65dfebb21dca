/* SPDX-License-Identifier: MIT */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/job/kinds.h"
#include "core/job/outcome.h"
#include "core/tenant/tenant_store.h"

static err_code warm(struct task_run *run, pool_warmth *warmth, struct err *err)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    CLEANUP(freep) char *url = NULL;
    err_code rc = tenant_find(run->control, run->task->tenant_id, false, &t, err);

    if (!rc)
        rc = engine_server_url(run->ctx, run->control, t.server, &url, err);
    if (rc)
        return rc;
    struct pool_tenant target = {.id = t.id,
                                 .schema = t.schema,
                                 .server = t.server,
                                 .url = url,
                                 .epoch = t.epoch};
    bool ping = !json_is_false(json_object_get(run->job->args, "ping"));
    return pool_warm(engine_pools(run->ctx), &target, ping, warmth, err);
}

void kind_warmup(struct task_run *run, struct task_result *result)
{
    struct err err = {.code = ERR_NONE};
    int64_t started = clock_mono_ms();
    pool_warmth warmth = POOL_WARMED;

    if (warm(run, &warmth, &err)) {
        outcome_error(run, &err, "connect", NULL, result);
        return;
    }
    result->verdict = warmth == POOL_WARMED ? VERDICT_SUCCEEDED : VERDICT_SKIPPED;
    result->outcome = json_pack("{s:b, s:I}", "already_warm", warmth == POOL_ALREADY_WARM,
                                "duration_ms", (json_int_t)(clock_mono_ms() - started));
}
