/* SPDX-License-Identifier: MIT */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/kinds.h"
#include "core/job/outcome.h"
#include "core/job/task_lane.h"
#include "core/tenant/schema_ops.h"

/* What is left to do in a schema that is there. */
static err_code go_on(struct task_run *run, const struct catalog *catalog,
                      const struct apply_options *options, struct apply_result *applied,
                      struct err *err)
{
    struct task_lane lane;
    struct apply_options rest = *options;

    task_lane_init(&lane, run, true);
    rest.lane = &lane.access;
    rest.create_schema = false;
    apply_result_clear(applied);
    return apply_run(run->server, catalog, NULL, &rest, applied, err);
}

/* Up to PostgreSQL 16 a value that was added to an enum cannot be used in the transaction that added
 * it. Then the schema is made first, and each migration has a transaction of its own. */
static bool needs_commits(err_code rc, const struct apply_result *applied)
{
    return rc == ERR_MIGRATION_FAILED && str_eq(applied->failure.sqlstate, "55P04");
}

static err_code create_in_steps(struct task_run *run, const struct catalog *catalog,
                                const struct apply_options *options, struct apply_result *applied,
                                struct err *err)
{
    const struct catalog nothing = {.name = catalog->name};

    apply_result_clear(applied);
    err_code rc = apply_run(run->server, &nothing, NULL, options, applied, err);
    return rc ? rc : go_on(run, catalog, options, applied, err);
}

static err_code provision(struct task_run *run, const struct catalog *catalog,
                          struct apply_result *applied, struct err *err)
{
    const struct engine_settings *s = engine_settings(run->ctx);
    char comment[SCHEMA_COMMENT_SIZE];
    struct apply_options options = {.schema = args_text(run->task->args, "schema", ""),
                                    .shared_schema = s->shared_schema,
                                    .table = s->tracking_table,
                                    .create_schema = true,
                                    .schema_comment = comment,
                                    .async_commit = !pg_is_pooled(run->server),
                                    .lock_timeout_ms = s->lock_timeout_ms,
                                    .statement_timeout_ms = s->statement_timeout_ms,
                                    .format = s->default_format};

    schema_comment_of(run->task->tenant_id, comment);
    err_code rc = apply_run(run->server, catalog, NULL, &options, applied, err);
    if (needs_commits(rc, applied))
        return create_in_steps(run, catalog, &options, applied, err);
    /* a replica may die between the commit of the schema and the end of its task; the next attempt
     * then finds the schema, with the comment of the same transaction */
    bool ours = false;
    if (rc != ERR_SCHEMA_EXISTS)
        return rc;
    struct err why;
    err_code asked = schema_is_of(run->server, options.schema, run->task->tenant_id, &ours, &why);
    if (asked)
        *err = why;
    if (asked || !ours)
        return asked ? asked : rc;
    return go_on(run, catalog, &options, applied, err);
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
