/* SPDX-License-Identifier: MIT */
#include "service/api/run_plan.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pg/array.h"

struct run_request run_request_default(const struct config *config)
{
    return (struct run_request){.max_parallel = config->migrations.max_parallel,
                                .lock_timeout_ms = config->migrations.lock_timeout_ms,
                                .statement_timeout_ms = config->migrations.statement_timeout_ms};
}

void run_request_clear(struct run_request *run)
{
    selector_clear(&run->selector);
}

/* What the making of a run has found out. */
struct planning {
    struct call *call;
    const struct run_request *run;
    const struct catalog *catalog;
    char *id; /* of the job */
    struct str behind; /* bigint[] of the applied sets with something to do */
    bool unread;       /* tenants whose tracking table was never read are in, too */
    int64_t noop, tenants;
};

static void planning_clear(struct planning *p)
{
    catalog_release(engine_catalogs(p->call->app->engine), p->catalog);
    str_clear(&p->behind);
}

/* Whether tenants with this applied set have something to do, or a deviation to report. */
static err_code set_needs_work(struct planning *p, int64_t set_id, bool *needs, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    struct plan plan;
    struct call *call = p->call;
    err_code rc = engine_applied_set(call->app->engine, call->pg, set_id, &set, err);

    if (!rc)
        rc = plan_make(p->catalog, set, p->run->target, &plan, err);
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
            rc = set_needs_work(p, set, &needs, err);
        p->tenants += n;
        p->unread |= !set;
        if (!needs)
            p->noop += n;
        else if (set)
            pg_array_add(&p->behind, pg_text(rows, i, "applied_set"));
    }
    pg_array_end(&p->behind);
    return rc;
}

static err_code add_tasks(struct pg *pg, const struct planning *p, int wave, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "run_tasks_insert",
        .sql = "INSERT INTO tenantd.task (job_id, item, tenant_id, server, wave, args)"
               " SELECT $1::uuid, row_number() OVER (ORDER BY t.id) - 1, t.id, t.server, $6,"
               "  jsonb_build_object('schema', t.schema_name, 'set', t.applied_set)"
               " FROM tenantd.tenant t WHERE t.state IN ('active', 'suspended')"
               "   AND ($2::text[] IS NULL OR t.id = ANY ($2))"
               "   AND ($3::jsonb IS NULL OR t.labels @> $3)"
               "   AND (t.applied_set = ANY ($4::bigint[]) OR ($5 AND t.applied_set IS NULL))",
    };
    const struct selector *s = &p->run->selector;
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG((const char *)p->id), PG_ARG(s->ids), PG_ARG(s->labels),
                           PG_ARG(str_text(&p->behind)), PG_ARG(p->unread), PG_ARG(wave)),
                   NULL, err);
}

static err_code add_shared_task(struct pg *pg, const char *job_id, struct err *err)
{
    json_auto_t *args = json_pack("{s:b}", "shared", 1);
    return task_insert(pg, job_id, 0, NULL, "default", 0, true, args, err);
}

static json_t *job_args(const struct planning *p, int64_t revision, int64_t shared_revision)
{
    const struct run_request *run = p->run;
    const char *head = p->catalog->count ? p->catalog->items[p->catalog->count - 1].version : NULL;
    const char *target = run->target ? run->target : head;

    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:b}", "target", json_text(target),
                     "revision", (json_int_t)revision, "shared_revision",
                     (json_int_t)shared_revision, "allow", (json_int_t)run->allow,
                     "lock_timeout_ms", (json_int_t)run->lock_timeout_ms, "statement_timeout_ms",
                     (json_int_t)run->statement_timeout_ms, "include_shared",
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
    struct job_spec spec = {.kind = kind,
                            .subject = run->subject,
                            .args = args,
                            .stop_on_failure = run->stop_on_failure,
                            .max_parallel = (int)run->max_parallel,
                            .wave_count = run->include_shared ? 2 : 1,
                            .strict_waves = run->include_shared ? 1 : 0,
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
    str_reset(&p->behind);
    err_code rc = sort_cohorts(p, err);
    if (!rc)
        rc = insert_run(pg, p, "migration.run", err);
    if (!rc && shared)
        rc = add_shared_task(pg, p->id, err);
    if (!rc)
        rc = add_tasks(pg, p, shared ? 1 : 0, err);
    return rc ? rc : job_enqueued(pg, p->id, err);
}

static err_code check_target(const struct planning *p, struct err *err)
{
    const char *target = p->run->target;
    if (!target || catalog_find(p->catalog, target) < p->catalog->count)
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
        rc = check_target(&p, err);
    return rc ? rc : pg_tx(call->pg, create_work, &p, err);
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
        rc = check_target(&p, err);
    return rc ? rc : pg_tx(call->pg, shared_work, &p, err);
}

static json_t *pending_json(const struct plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->count; i++)
        if (plan->entries[i].in_target)
            (void)json_array_append_new(list, json_text(plan->entries[i].version));
    return list;
}

static struct apply_options preview_options(const struct call *call, const struct run_request *run,
                                            const char *schema, bool shared)
{
    const struct engine_settings *s = engine_settings(call->app->engine);
    return (struct apply_options){
        .schema = schema,
        .shared_schema = s->shared_schema,
        .table = shared ? s->shared_tracking_table : s->tracking_table,
        .target = run->target,
        .allow = run->allow,
        .async_commit = true,
        .lock_timeout_ms = (int)run->lock_timeout_ms,
        .statement_timeout_ms = (int)run->statement_timeout_ms,
        .format = shared ? s->shared_default_format : s->default_format};
}

/* The exact SQL for one schema of a cohort. */
static err_code preview_sql(const struct call *call, const struct run_request *run,
                            const struct catalog *catalog, const struct applied_set *set,
                            const char *schema, bool shared, json_t *out, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct apply_options options = preview_options(call, run, schema, shared);
    struct plan plan;
    struct err why = {.code = ERR_NONE};
    err_code rc = plan_make(catalog, set, shared ? NULL : run->target, &plan, err);

    if (rc)
        return rc;
    options.target = shared ? NULL : run->target;
    bool refused = plan_check(&plan, run->allow, &why) != ERR_NONE;
    if (!refused)
        rc = apply_preview(catalog, set, &options, &sql, err);
    (void)json_object_set_new(out, "pending", pending_json(&plan));
    (void)json_object_set_new(out, "sql", json_text(str_text(&sql)));
    if (!shared) {
        (void)json_object_set_new(out, "head", json_text(plan.head));
        (void)json_object_set_new(out, "problem",
                                  refused ? json_pack("{s:s, s:o}", "code", err_name(why.code),
                                                      "detail", json_text(why.msg))
                                          : json_null());
    }
    plan_clear(&plan);
    return rc;
}

/* A cohort as the dry run shows it; the SQL is that of its first tenant. */
static err_code preview_cohort(struct planning *p, const struct pg_rows *rows, size_t row,
                               json_t *list, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct call *call = p->call;
    int64_t set_id = pg_bigint(rows, row, "applied_set"), n = pg_bigint(rows, row, "tenants");
    bool needs = true;
    err_code rc = set_id ? set_needs_work(p, set_id, &needs, err) : ERR_NONE;

    p->tenants += n;
    p->noop += needs ? 0 : n;
    if (rc || !needs)
        return rc;
    json_t *sample = json_loads(pg_text(rows, row, "sample"), 0, NULL);
    json_t *out = json_pack("{s:I, s:o}", "tenants", (json_int_t)n, "sample", sample);
    (void)json_array_append_new(list, out);
    rc = tenant_find(call->pg, json_string_value(json_array_get(sample, 0)), false, &t, err);
    if (!rc)
        rc = engine_applied_set(call->app->engine, call->pg, set_id, &set, err);
    if (!rc && !set)
        set = applied_set_empty(engine_settings(call->app->engine)->default_format);
    if (!rc && !set)
        rc = err_set(err, ERR_INTERNAL, "out of memory");
    if (rc)
        return rc;
    (void)json_object_set_new(out, "format", json_string(tracking_format_name(set->format)));
    return preview_sql(call, p->run, p->catalog, set, t.schema, false, out, err);
}

static err_code preview_shared(struct planning *p, json_t **out, struct err *err)
{
    struct call *call = p->call;
    const struct engine_settings *s = engine_settings(call->app->engine);
    struct catalog_cache *catalogs = engine_catalogs(call->app->engine);
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    const struct catalog *catalog = NULL;
    struct pg *pg = NULL;
    err_code rc = catalog_acquire(catalogs, call->pg, "shared", 0, &catalog, err);

    if (!rc)
        rc = engine_open_server(call->app->engine, call->pg, "default", &pg, err);
    if (!rc)
        rc = tracking_read(pg, s->shared_schema, s->shared_tracking_table,
                           s->shared_default_format, &set, err);
    engine_close_server(call->app->engine, "default", pg);
    if (!rc) {
        *out = json_object();
        rc = preview_sql(call, p->run, catalog, set, s->shared_schema, true, *out, err);
    }
    catalog_release(catalogs, catalog);
    return rc;
}

static err_code preview(struct planning *p, json_t *out, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    json_t *cohorts = json_array(), *shared = NULL;
    const char *head = p->catalog->count ? p->catalog->items[p->catalog->count - 1].version : NULL;
    err_code rc = tenant_cohorts(p->call->pg, &p->run->selector, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = preview_cohort(p, rows, i, cohorts, err);
    if (!rc && p->run->include_shared)
        rc = preview_shared(p, &shared, err);
    (void)json_object_set_new(out, "dry_run", json_true());
    (void)json_object_set_new(out, "target", json_text(p->run->target ? p->run->target : head));
    (void)json_object_set_new(out, "tenants", json_integer(p->tenants));
    (void)json_object_set_new(out, "noop", json_integer(p->noop));
    (void)json_object_set_new(out, "cohorts", cohorts);
    (void)json_object_set_new(out, "shared", shared ? shared : json_null());
    return rc;
}

err_code run_preview(struct call *call, const struct run_request *run, json_t **out,
                     struct err *err)
{
    CLEANUP(planning_clear) struct planning p = {.call = call, .run = run};
    json_t *body = json_object();
    err_code rc =
        catalog_acquire(engine_catalogs(call->app->engine), call->pg, "tenant", 0, &p.catalog, err);

    if (!rc)
        rc = check_target(&p, err);
    if (!rc)
        rc = preview(&p, body, err);
    if (rc)
        json_decref(body);
    else
        *out = body;
    return rc;
}
