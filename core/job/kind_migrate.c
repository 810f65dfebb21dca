/* SPDX-License-Identifier: MIT */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/kinds.h"
#include "core/job/outcome.h"
#include "core/job/task_lane.h"
#include "core/tenant/tenant_store.h"

/* One schema on its way to the target: everything that is borrowed for the time of a task. */
struct migrating {
    struct task_run *run;
    struct engine *engine;
    const struct catalog *catalog;
    struct applied_set *assumed, *back_to; /* back_to: of the way down, NULL: to the target */
    struct apply_options options;
    struct task_lane lane;
    bool shared;
};

static void migrating_clear(struct migrating *m)
{
    catalog_release(engine_catalogs(m->engine), m->catalog);
    applied_set_free(m->assumed);
    applied_set_free(m->back_to);
}

static struct apply_options options_of(const struct migrating *m)
{
    const struct engine_settings *s = engine_settings(m->engine);
    const json_t *args = m->run->job->args;
    /* the target of a run is a version of the tenants' catalog: its shared schema goes to the head */
    bool aims = !m->shared || str_eq(m->run->job->kind, "shared.migrate");

    return (struct apply_options){
        .schema = m->shared ? s->shared_schema : args_text(m->run->task->args, "schema", ""),
        .shared_schema = s->shared_schema,
        .table = m->shared ? s->shared_tracking_table : s->tracking_table,
        .target = aims ? args_text(args, "target", NULL) : NULL,
        .down = aims && str_eq(args_text(args, "direction", NULL), "down"),
        .back_to = m->back_to,
        .allow = (unsigned)args_int(args, "allow", 0),
        .async_commit = !pg_is_pooled(m->run->server), /* a pooler hides that the server crashed */
        .lock_timeout_ms = (int)args_int(args, "lock_timeout_ms", s->lock_timeout_ms),
        .statement_timeout_ms =
            (int)args_int(args, "statement_timeout_ms", s->statement_timeout_ms),
        .format = m->shared ? s->shared_default_format : s->default_format,
    };
}

static err_code prepare(struct migrating *m, struct err *err)
{
    const json_t *args = m->run->job->args;
    int64_t revision = args_int(args, m->shared ? "shared_revision" : "revision", 0);
    err_code rc = catalog_acquire(engine_catalogs(m->engine), m->run->control,
                                  m->shared ? "shared" : "tenant", revision, &m->catalog, err);
    if (rc)
        return rc;
    rc = engine_applied_set(m->engine, m->run->control, args_int(m->run->task->args, "set", 0),
                            &m->assumed, err);
    if (!rc)
        rc = engine_applied_set(m->engine, m->run->control,
                                args_int(m->run->task->args, "back_to", 0), &m->back_to, err);
    m->options = options_of(m);
    task_lane_init(&m->lane, m->run, !m->shared);
    m->options.lane = &m->lane.access;
    return rc;
}

/* What the tracking table says now goes to the registry with the task's end. */
static void note_set(struct migrating *m, const struct apply_result *applied,
                     struct task_result *result)
{
    int64_t id = 0;
    if (!m->shared && applied->now &&
        !engine_intern_set(m->engine, m->run->control, applied->now, &id, NULL))
        result->applied_set = id;
}

static json_t *success(const struct migrating *m, const struct apply_result *applied, int64_t ms)
{
    return json_pack("{s:I, s:I}", m->options.down ? "reverted" : "applied",
                     (json_int_t)applied->applied, "duration_ms", (json_int_t)ms);
}

/* A tenant that went away while the run was on its way is no failure of the run. */
static bool tenant_is_gone(const struct migrating *m)
{
    struct tenant t = {.id = NULL};
    if (m->shared)
        return false;
    err_code rc = tenant_find(m->run->control, m->run->task->tenant_id, false, &t, NULL);
    bool gone = rc == ERR_TENANT_NOT_FOUND ||
                (!rc && (t.state == TENANT_DELETING || t.state == TENANT_ARCHIVED));
    if (!rc)
        tenant_clear(&t);
    return gone;
}

static void migrate(struct migrating *m, struct task_result *result)
{
    CLEANUP(apply_result_clear) struct apply_result applied = {.applied = 0};
    struct err err = {.code = ERR_NONE};
    int64_t started = clock_mono_ms();
    err_code rc = apply_run(m->run->server, m->catalog, m->assumed, &m->options, &applied, &err);

    if (rc == ERR_SCHEMA_MISSING && tenant_is_gone(m)) {
        result->verdict = VERDICT_SKIPPED;
        result->outcome = json_pack("{s:s}", "message", "the tenant is gone");
        return;
    }
    note_set(m, &applied, result);
    if (rc) {
        outcome_error(m->run, &err, m->options.down ? "revert" : "migrate", &applied.failure,
                      result);
        if (applied.applied) /* committed before the failure, and so part of what the run changed */
            (void)json_object_set_new(result->outcome, m->options.down ? "reverted" : "applied",
                                      json_integer((json_int_t)applied.applied));
        if (result->verdict == VERDICT_FAILED && result->applied_set)
            result->last_error = json_incref(result->outcome);
        return;
    }
    result->verdict = applied.applied ? VERDICT_SUCCEEDED : VERDICT_SKIPPED;
    result->outcome = success(m, &applied, clock_mono_ms() - started);
}

void kind_migrate(struct task_run *run, struct task_result *result)
{
    CLEANUP(migrating_clear) struct migrating m = {.run = run, .engine = run->ctx};
    struct err err = {.code = ERR_NONE};

    m.shared = json_is_true(json_object_get(run->task->args, "shared"));
    if (prepare(&m, &err))
        outcome_error(run, &err, "prepare", NULL, result);
    else
        migrate(&m, result);
}
