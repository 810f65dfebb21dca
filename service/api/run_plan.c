/* SPDX-License-Identifier: MIT */
#include "service/api/plan_use.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/plan_down.h"
#include "core/migrate/plan_store.h"
#include "core/pg/array.h"

struct run_request run_request_default(const struct config *config)
{
    return (struct run_request){.max_parallel = config_max_parallel(config),
                                .lock_timeout_ms = config->migrations.lock_timeout_ms,
                                .lock_attempts = config->migrations.lock_attempts,
                                .statement_timeout_ms = config->migrations.statement_timeout_ms};
}

void run_request_clear(struct run_request *run)
{
    selector_clear(&run->selector);
    strategy_clear(&run->strategy);
}

void planning_clear(struct planning *p)
{
    catalog_release(engine_catalogs(p->call->app->engine), p->catalog);
    str_clear(&p->done);
    json_decref(p->refused);
}

err_code planning_needs_work(const struct planning *p, int64_t set_id, bool *needs,
                             struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    struct plan plan;
    struct call *call = p->call;
    err_code rc = engine_applied_set(call->app->engine, call->pg, set_id, &set, err);

    if (!rc)
        rc = apply_plan(p->catalog, set,
                        &(struct apply_options){.target = p->run->target, .down = p->run->down},
                        &plan, err);
    if (rc)
        return rc;
    *needs = plan.todo > 0 || plan_check(&plan, p->run->allow, NULL) != ERR_NONE;
    plan_clear(&plan);
    return ERR_NONE;
}

static err_code sort_cohorts(struct planning *p, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = tenant_cohorts(p->call->pg, &p->run->selector, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        int64_t set = pg_bigint(rows, i, "applied_set"), n = pg_bigint(rows, i, "tenants");
        bool needs = true;
        if (set)
            rc = planning_needs_work(p, set, &needs, err);
        p->tenants += n;
        if (rc || needs)
            continue;
        p->noop += n;
        pg_array_add(&p->done, pg_text(rows, i, "applied_set"));
    }
    pg_array_end(&p->done);
    return rc;
}

/* Runs are made one after the other, so that two over the same tenants see each other. */
static err_code refuse_conflict(struct pg *pg, const struct selector *selector, struct err *err)
{
    static const struct pg_stmt lock = {
        .name = "run_conflict_lock",
        .sql = "SELECT FROM tenantd.catalog WHERE name = 'tenant' FOR NO KEY UPDATE",
    };
    static const struct pg_stmt stmt = {
        .name = "run_conflict",
        .sql = "SELECT j.id, j.state FROM tenantd.job j WHERE j.kind = 'migration.run'"
               " AND j.finished_at IS NULL AND EXISTS (SELECT FROM tenantd.task k"
               "  JOIN tenantd.tenant t ON t.id = k.tenant_id WHERE k.job_id = j.id"
               "   AND k.state IN ('queued', 'running')"
               "   AND ($1::text[] IS NULL OR t.id = ANY ($1))"
               "   AND ($2::jsonb IS NULL OR t.labels @> $2)) ORDER BY j.created_at LIMIT 1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_exec(pg, &lock, PG_NO_ARGS, NULL, err);

    if (!rc)
        rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(selector->ids), PG_ARG(selector->labels)), &rows,
                      err);
    if (rc || !pg_rows_count(rows))
        return rc;
    return err_set(err, ERR_RUN_CONFLICT, "run %s covers some of these tenants and is %s; wait for"
                   " it, cancel it, or queue behind it with on_conflict", pg_text(rows, 0, "id"),
                   pg_text(rows, 0, "state"));
}

/*
 * Everybody but those who are known to be done: who moved since then gets a task, which looks anew.
 * The canary takes its named tenants and those beside them, the rest is put into waves by their place
 * among themselves, each up to a share of the rest or a number of tenants. The hash of an id puts big
 * and small, old and new customers into every wave, and the same ones each time. In a wave those that
 * were made together go together: their rows in PostgreSQL's catalogs are neighbours.
 */
static err_code add_tasks(struct pg *pg, const struct planning *p, int wave, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "run_tasks_insert",
        .sql = "WITH target AS MATERIALIZED (SELECT t.id, t.server, t.schema_name, t.applied_set,"
               "   CASE WHEN NOT $9 THEN t.created_at END AS made,"
               "   coalesce(t.id = ANY ($6::text[]), false) AS named"
               "  FROM tenantd.tenant t WHERE t.state IN ('active', 'suspended')"
               "   AND ($2::text[] IS NULL OR t.id = ANY ($2))"
               "   AND ($3::jsonb IS NULL OR t.labels @> $3)"
               "   AND (t.applied_set IS NULL OR t.applied_set <> ALL ($4::bigint[]))),"
               " ranked AS (SELECT *, row_number() OVER (ORDER BY named DESC,"
               "   CASE WHEN $9 THEN 0 ELSE hashtextextended(id, 0) END, id) AS place"
               "  FROM target),"
               " size AS MATERIALIZED (SELECT least(count(*), count(*) FILTER (WHERE named) + $7)"
               "   AS canary, greatest(count(*) - count(*) FILTER (WHERE named) - $7, 0) AS rest"
               "  FROM target),"
               " bound AS MATERIALIZED (SELECT CASE WHEN w ? 'percent'"
               "   THEN ceil(rest * (w ->> 'percent')::int / 100.0)"
               "   WHEN w ? 'count' THEN sum((w ->> 'count')::bigint) OVER (ORDER BY at)"
               "   ELSE rest END AS upto"
               "  FROM size, jsonb_array_elements($8::jsonb) WITH ORDINALITY AS b (w, at)),"
               " staged AS (SELECT r.*, $5 + CASE WHEN r.place <= s.canary THEN 0"
               "   ELSE $10 + (SELECT count(*) FROM bound WHERE upto < r.place - s.canary)"
               "   END AS wave FROM ranked r, size s)"
               " INSERT INTO tenantd.task (job_id, item, tenant_id, server, wave, args)"
               " SELECT $1::uuid, row_number() OVER in_turn - 1, id, server, wave,"
               "  jsonb_build_object('schema', schema_name, 'set', applied_set)"
               " FROM staged WINDOW in_turn AS (ORDER BY wave, named DESC, made, id)"
               " ORDER BY wave, named DESC, made, id",
    };
    const struct selector *s = &p->run->selector;
    const struct strategy *how = &p->run->strategy;
    CLEANUP(freep) char *sizes = json_dumps(how->sizes, JSON_COMPACT);

    if (!sizes)
        return err_set(err, ERR_INTERNAL, "out of memory");
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG((const char *)p->id), PG_ARG(s->ids), PG_ARG(s->labels),
                           PG_ARG(str_text(&p->done)), PG_ARG(wave), PG_ARG(how->canary_ids),
                           PG_ARG(how->canary_count), PG_ARG((const char *)sizes),
                           PG_ARG(how->by_id), PG_ARG((int)how->has_canary)),
                   NULL, err);
}

static err_code add_shared_task(struct pg *pg, const char *job_id, struct err *err)
{
    json_auto_t *args = json_pack("{s:b}", "shared", 1);
    return task_insert(pg, job_id, 0, NULL, "default", 0, true, args, err);
}

const char *planning_head(const struct catalog *catalog)
{
    return catalog->count ? catalog->items[catalog->count - 1].version : NULL;
}

static json_t *job_args(const struct planning *p, int64_t revision, int64_t shared_revision)
{
    const struct run_request *run = p->run;
    const char *target = run->target ? run->target : planning_head(p->catalog);

    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "target", json_text(target),
                     "revision", (json_int_t)revision, "shared_revision",
                     (json_int_t)shared_revision, "allow", (json_int_t)run->allow,
                     "lock_timeout_ms", (json_int_t)run->lock_timeout_ms, "statement_timeout_ms",
                     (json_int_t)run->statement_timeout_ms, "lock_attempts",
                     (json_int_t)run->lock_attempts, "include_shared",
                     run->include_shared);
}

static err_code insert_run(struct pg *pg, struct planning *p, const char *kind, struct err *err)
{
    struct catalog_info tenant, shared;
    const struct run_request *run = p->run;
    err_code rc = catalog_info(pg, "tenant", &tenant, err);

    if (!rc)
        rc = catalog_info(pg, "shared", &shared, err);
    if (rc)
        return rc;
    json_auto_t *args = job_args(p, tenant.revision, shared.revision);
    if (run->down)
        (void)json_object_set_new(args, "direction", json_string("down"));
    if (run->down && !run->target) /* each tenant to where it was */
        (void)json_object_set_new(args, "target", json_null());
    if (run->plan_id)
        (void)json_object_set_new(args, "plan_id", json_text(run->plan_id));
    struct job_spec spec = {.kind = kind,
                            .subject = run->subject,
                            .args = args,
                            .stop_on_failure = run->stop_on_failure,
                            .max_parallel = (int)run->max_parallel,
                            .wave_count = run->include_shared ? 2 : 1,
                            .strict_waves = run->include_shared ? 1 : 0,
                            .rollout = &run->strategy.rollout,
                            .noop = p->noop,
                            .created_by = p->call->who.id,
                            .request_id = p->call->req->id};
    return job_insert(pg, &spec, p->id, err);
}

static err_code create_work(struct pg *pg, void *arg, struct err *err)
{
    struct planning *p = arg;
    bool shared = p->run->include_shared;

    p->noop = p->tenants = 0;
    str_reset(&p->done);
    err_code rc = p->run->plan_id ? plan_check_fresh(pg, p, err) : ERR_NONE;
    if (!rc && !p->run->queue)
        rc = refuse_conflict(pg, &p->run->selector, err);
    if (!rc && !p->run->plan_id)
        rc = sort_cohorts(p, err);
    if (!rc)
        rc = insert_run(pg, p, "migration.run", err);
    if (!rc && shared)
        rc = add_shared_task(pg, p->id, err);
    if (!rc)
        rc = add_tasks(pg, p, shared ? 1 : 0, err);
    if (!rc && p->run->plan_id)
        rc = plan_use(pg, p->run->plan_id, p->id, err);
    if (!rc && p->run->strategy.staged)
        rc = strategy_store_waves(pg, p->id, &p->run->strategy, shared ? 1 : 0, err);
    return rc ? rc : job_enqueued(pg, p->id, err);
}

err_code planning_check_target(const struct planning *p, struct err *err)
{
    const char *target = p->run->target;
    if (!target || (p->run->down && str_eq(target, PLAN_TARGET_NONE)) ||
        catalog_find(p->catalog, target) < p->catalog->count)
        return ERR_NONE;
    (void)err_set(err, ERR_UNKNOWN_TARGET, "catalog %s has no migration \"%.100s\"",
                  p->catalog->name, target);
    return err_in(err, "/target");
}

err_code run_create(struct call *call, const struct run_request *run, char id[UUID_TEXT_SIZE],
                    struct err *err)
{
    CLEANUP(planning_clear) struct planning p = {.call = call, .run = run, .id = id};
    err_code rc =
        catalog_acquire(engine_catalogs(call->app->engine), call->pg, "tenant", 0, &p.catalog, err);

    if (!rc)
        rc = planning_check_target(&p, err);
    return rc ? rc : pg_tx(call->pg, create_work, &p, err);
}

/* Makes the run, looks at its waves, and has all of it rolled back. */
struct rehearsal {
    struct planning *p;
    json_t *waves;
};

static err_code rehearse_work(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "run_rehearsed",
        .sql = "SELECT waves FROM tenantd.job WHERE id = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct rehearsal *r = arg;
    err_code rc = create_work(pg, r->p, err);

    if (!rc)
        rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG((const char *)r->p->id)), &rows, err);
    if (rc)
        return rc;
    json_decref(r->waves);
    r->waves = json_loads(pg_text(rows, 0, "waves"), 0, NULL);
    return ERR_CANCELLED;
}

err_code run_rehearse(struct planning *p, json_t **waves, struct err *err)
{
    char id[UUID_TEXT_SIZE];
    int64_t tenants = p->tenants, noop = p->noop;
    struct rehearsal r = {.p = p};

    p->id = id;
    err_code rc = pg_tx(p->call->pg, rehearse_work, &r, err);
    p->id = NULL;
    p->tenants = tenants;
    p->noop = noop;
    *waves = r.waves;
    return rc == ERR_CANCELLED ? ERR_NONE : rc;
}

static err_code shared_work(struct pg *pg, void *arg, struct err *err)
{
    struct planning *p = arg;
    err_code rc = insert_run(pg, p, "shared.migrate", err);

    if (!rc)
        rc = add_shared_task(pg, p->id, err);
    return rc ? rc : job_enqueued(pg, p->id, err);
}

err_code shared_create(struct call *call, const struct run_request *run, char id[UUID_TEXT_SIZE],
                       struct err *err)
{
    CLEANUP(planning_clear) struct planning p = {.call = call, .run = run, .id = id};
    err_code rc =
        catalog_acquire(engine_catalogs(call->app->engine), call->pg, "shared", 0, &p.catalog, err);

    if (!rc)
        rc = planning_check_target(&p, err);
    return rc ? rc : pg_tx(call->pg, shared_work, &p, err);
}
