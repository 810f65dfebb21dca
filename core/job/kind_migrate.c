/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

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

/* What became of one schema. */
static void judge(struct migrating *m, const struct apply_one *one, int64_t ms,
                  struct task_result *result)
{
    if (one->rc == ERR_SCHEMA_MISSING && tenant_is_gone(m)) {
        result->verdict = VERDICT_SKIPPED;
        result->outcome = json_pack("{s:s}", "message", "the tenant is gone");
        return;
    }
    note_set(m, &one->result, result);
    if (one->rc) {
        outcome_error(m->run, &one->err, m->options.down ? "revert" : "migrate",
                      &one->result.failure, result);
        if (one->result.applied) /* committed before the failure, and so part of what the run changed */
            (void)json_object_set_new(result->outcome, m->options.down ? "reverted" : "applied",
                                      json_integer((json_int_t)one->result.applied));
        if (result->verdict == VERDICT_FAILED && result->applied_set)
            result->last_error = json_incref(result->outcome);
        return;
    }
    result->verdict = one->result.applied ? VERDICT_SUCCEEDED : VERDICT_SKIPPED;
    result->outcome = success(m, &one->result, ms);
}

static void migrate(struct migrating *m, struct task_result *result)
{
    struct apply_one one = {.schema = m->options.schema};
    int64_t started = clock_mono_ms();

    one.rc = apply_run(m->run->server, m->catalog, m->assumed, &m->options, &one.result, &one.err);
    judge(m, &one, clock_mono_ms() - started, result);
    apply_result_clear(&one.result);
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

/* How many tasks from the first on are alike: tenants' schemas, known to stand at the same place and
 * on their way to the same. */
static size_t count_alike(const struct task *tasks, size_t n)
{
    int64_t set = args_int(tasks[0].args, "set", 0), back_to = args_int(tasks[0].args, "back_to", 0);
    size_t alike = 1;

    if (!set || json_is_true(json_object_get(tasks[0].args, "shared")))
        return 1;
    while (alike < n && args_int(tasks[alike].args, "set", 0) == set &&
           args_int(tasks[alike].args, "back_to", 0) == back_to)
        alike++;
    return alike;
}

static size_t migrate_many(struct migrating *m, struct task_result *results, struct apply_one *ones,
                           size_t n)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL;
    const struct task *first = m->run->task;
    int64_t started = clock_mono_ms(), id = 0;

    for (size_t i = 0; i < n; i++)
        ones[i].schema = args_text(first[i].args, "schema", "");
    size_t ended =
        apply_many(m->run->server, m->catalog, m->assumed, &m->options, ones, n, &now);
    int64_t ms = (clock_mono_ms() - started) / (int64_t)ended;
    if (now && engine_intern_set(m->engine, m->run->control, now, &id, NULL))
        id = 0;
    for (size_t i = 0; i < ended; i++) {
        m->run->task = &first[i];
        judge(m, &ones[i], ms, &results[i]);
        if (!ones[i].rc && !ones[i].result.now)
            results[i].applied_set = id;
        apply_result_clear(&ones[i].result);
    }
    m->run->task = first;
    return ended;
}

size_t kind_migrate_many(struct task_run *run, struct task_result *results, size_t n)
{
    CLEANUP(migrating_clear) struct migrating m = {.run = run, .engine = run->ctx};
    struct err err = {.code = ERR_NONE};
    size_t alike = count_alike(run->task, n);
    struct apply_one *ones = alike > 1 ? calloc(alike, sizeof *ones) : NULL;
    size_t ended = 1;

    if (!ones)
        kind_migrate(run, &results[0]);
    else if (prepare(&m, &err))
        outcome_error(run, &err, "prepare", NULL, &results[0]);
    else
        ended = migrate_many(&m, results, ones, alike);
    free(ones);
    return ended;
}
