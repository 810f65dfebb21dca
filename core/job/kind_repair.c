/* SPDX-License-Identifier: MIT */
/* Repairs of tracking tables: one kind of task for all of them. */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/kinds.h"
#include "core/job/outcome.h"
#include "core/job/repair_ops.h"

const struct repair_op repair_ops[] = {
    [REPAIR_SYNC] = {.job_kind = "migration.sync", .kind = REPAIR_SYNC},
    [REPAIR_BASELINE] = {.job_kind = "migration.baseline", .kind = REPAIR_BASELINE},
    [REPAIR_CONVERT] = {.job_kind = "migration.convert", .kind = REPAIR_CONVERT},
    [REPAIR_ADOPT] = {.job_kind = "migration.adopt", .kind = REPAIR_ADOPT, .reads_schema = true},
    [REPAIR_RESOLVE] = {.job_kind = "migration.resolve", .kind = REPAIR_RESOLVE},
};

const struct repair_op *repair_op_of(const char *job_kind)
{
    for (size_t i = 0; i < ARRAY_LEN(repair_ops); i++)
        if (str_eq(repair_ops[i].job_kind, job_kind))
            return &repair_ops[i];
    return NULL;
}

struct repair_options repair_options_of(struct engine *engine, const char *schema)
{
    const struct engine_settings *s = engine_settings(engine);

    return (struct repair_options){.schema = schema,
                                   .table = s->tracking_table,
                                   .format = s->default_format,
                                   .lock_timeout_ms = s->lock_timeout_ms,
                                   .statement_timeout_ms = s->statement_timeout_ms};
}

static void succeeded(struct task_run *run, const struct repair_result *repaired, int64_t ms,
                      struct task_result *result)
{
    struct err err = {.code = ERR_NONE};
    int64_t set = 0;

    if (engine_intern_set(run->ctx, run->control, repaired->now, &set, &err)) {
        outcome_error(run, &err, "note", NULL, result);
        return;
    }
    result->verdict = repaired->changed ? VERDICT_SUCCEEDED : VERDICT_SKIPPED;
    result->applied_set = set;
    result->outcome =
        json_pack("{s:O, s:s, s:I}", "edits", repaired->edits, "format",
                  tracking_format_name(repaired->now->format), "duration_ms", (json_int_t)ms);
}

static void repair(struct task_run *run, const struct catalog *catalog, struct task_result *result)
{
    CLEANUP(repair_result_clear) struct repair_result repaired = {.edits = NULL};
    const char *schema = args_text(run->task->args, "schema", "");
    CLEANUP(expecting_clear)
    struct expecting expecting = {
        .engine = run->ctx, .server = run->task->server, .schema = schema};
    struct repair_options options = repair_options_of(run->ctx, schema);
    struct repair_wish wish = repair_wish_of(repair_op_of(run->job->kind)->kind, run->job->args);
    struct err err = {.code = ERR_NONE};
    int64_t started = clock_mono_ms();

    options.job = run->job->id;
    options.verify = expected_verify;
    options.verify_ctx = &expecting;
    if (!repair_run(run->server, catalog, &wish, &options, &repaired, &err)) {
        succeeded(run, &repaired, clock_mono_ms() - started, result);
        return;
    }
    outcome_error(run, &err, "repair", NULL, result);
    if (json_array_size(expecting.differences))
        (void)json_object_set(result->outcome, "differences", expecting.differences);
}

void kind_repair(struct task_run *run, struct task_result *result)
{
    struct catalog_cache *catalogs = engine_catalogs(run->ctx);
    const struct catalog *catalog = NULL;
    struct err err = {.code = ERR_NONE};

    if (catalog_acquire(catalogs, run->control, "tenant", args_int(run->job->args, "revision", 0),
                        &catalog, &err)) {
        outcome_error(run, &err, "prepare", NULL, result);
        return;
    }
    repair(run, catalog, result);
    catalog_release(catalogs, catalog);
}
