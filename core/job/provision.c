/* SPDX-License-Identifier: MIT */
#include "core/job/provision.h"

#include "core/base/str.h"
#include "core/job/snapshot.h"
#include "core/job/task_lane.h"
#include "core/tenant/schema_ops.h"

static struct apply_options options_of(const struct task_run *run, const char *schema)
{
    const struct engine_settings *s = engine_settings(run->ctx);

    return (struct apply_options){.schema = schema,
                                  .shared_schema = s->shared_schema,
                                  .table = s->tracking_table,
                                  .async_commit = !pg_is_pooled(run->server),
                                  .lock_timeout_ms = s->lock_timeout_ms,
                                  .statement_timeout_ms = s->statement_timeout_ms,
                                  .format = s->default_format};
}

err_code provision_forward(struct task_run *run, const struct catalog *catalog, const char *schema,
                           struct apply_result *applied, struct err *err)
{
    struct task_lane lane;
    struct apply_options options = options_of(run, schema);

    task_lane_init(&lane, run, true);
    options.lane = &lane.access;
    apply_result_clear(applied);
    return apply_run(run->server, catalog, NULL, &options, applied, err);
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
    return rc ? rc : provision_forward(run, catalog, options->schema, applied, err);
}

/* From a snapshot where there is one. One that fails is not used again, and the history is replayed:
 * nothing of the schema is left then. */
static err_code create_schema(struct task_run *run, const struct catalog *catalog,
                              struct apply_options *options, struct apply_result *applied,
                              struct err *err)
{
    CLEANUP(baseline_clear) struct apply_baseline baseline = {.sql = NULL};

    snapshot_find(run->ctx, run->server, run->task->server, catalog, &baseline);
    options->baseline = baseline.sql ? &baseline : NULL;
    err_code rc = apply_run(run->server, catalog, NULL, options, applied, err);
    options->baseline = NULL;
    if (!baseline.sql || rc != ERR_MIGRATION_FAILED || !str_eq(applied->failure.step, "baseline"))
        return rc;
    snapshot_refuse(run->ctx, run->task->server, catalog, applied->failure.message);
    apply_result_clear(applied);
    return apply_run(run->server, catalog, NULL, options, applied, err);
}

err_code provision_schema(struct task_run *run, const struct catalog *catalog, const char *schema,
                          const char *comment, struct apply_result *applied, struct err *err)
{
    struct apply_options options = options_of(run, schema);

    options.create_schema = true;
    options.schema_comment = comment;
    err_code rc = create_schema(run, catalog, &options, applied, err);
    if (needs_commits(rc, applied))
        return create_in_steps(run, catalog, &options, applied, err);
    /* a replica may die between the commit of the schema and the end of its task; the next attempt
     * then finds the schema, with the comment of the same transaction */
    bool ours = false;
    if (rc != ERR_SCHEMA_EXISTS)
        return rc;
    struct err why;
    err_code asked = schema_has_comment(run->server, schema, comment, &ours, &why);
    if (asked)
        *err = why;
    if (asked || !ours)
        return asked ? asked : rc;
    return provision_forward(run, catalog, schema, applied, err);
}
