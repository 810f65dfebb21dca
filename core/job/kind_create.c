/* SPDX-License-Identifier: MIT */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/job/kinds.h"
#include "core/job/outcome.h"
#include "core/job/provision.h"
#include "core/tenant/schema_ops.h"

static err_code provision(struct task_run *run, const struct catalog *catalog,
                          struct apply_result *applied, struct err *err)
{
    char comment[SCHEMA_COMMENT_SIZE];

    schema_comment_of(run->task->tenant_id, comment);
    return provision_schema(run, catalog, args_text(run->task->args, "schema", ""), comment, applied,
                            err);
}

static void failed(struct task_run *run, const struct err *err, const char *step,
                   const struct apply_failure *failure, struct task_result *result)
{
    outcome_error(run, err, step, failure, result);
    if (result->verdict != VERDICT_FAILED && result->verdict != VERDICT_CANCELLED)
        return;
    result->tenant_state = "error";
    result->last_error = json_incref(result->outcome);
}

static void create(struct task_run *run, const struct catalog *catalog, struct task_result *result)
{
    CLEANUP(apply_result_clear) struct apply_result applied = {.applied = 0};
    struct err err = {.code = ERR_NONE};
    int64_t started = clock_mono_ms(), set = 0;
    err_code rc = provision(run, catalog, &applied, &err);

    if (rc) {
        failed(run, &err, "create_schema", &applied.failure, result);
        return;
    }
    rc = engine_intern_set(run->ctx, run->control, applied.now, &set, &err);
    if (rc) {
        outcome_error(run, &err, "activate", NULL, result);
        return;
    }
    result->verdict = VERDICT_SUCCEEDED;
    result->tenant_state = "active";
    result->applied_set = set;
    result->outcome = json_pack("{s:I, s:I}", "applied", (json_int_t)applied.applied,
                                "duration_ms", (json_int_t)(clock_mono_ms() - started));
}

void kind_create(struct task_run *run, struct task_result *result)
{
    const struct catalog *catalog = NULL;
    struct err err = {.code = ERR_NONE};
    struct catalog_cache *catalogs = engine_catalogs(run->ctx);

    if (catalog_acquire(catalogs, run->control, "tenant", args_int(run->job->args, "revision", 0),
                        &catalog, &err)) {
        failed(run, &err, "prepare", NULL, result);
        return;
    }
    create(run, catalog, result);
    catalog_release(catalogs, catalog);
}
