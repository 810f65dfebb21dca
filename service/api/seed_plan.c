/* SPDX-License-Identifier: MIT */
#include "service/api/seed_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/seed_store.h"
#include "core/tenant/tenant_store.h"

enum { SEEDS_MAX = 1000 };

static void loaded_clear(struct loaded_seeds *seeds)
{
    for (size_t i = 0; i < seeds->count; i++) {
        free(seeds->list[i].name);
        seed_text_clear(&seeds->list[i].text);
    }
    free(seeds->list);
}

void seed_request_clear(struct seed_request *r)
{
    selector_clear(&r->selector);
    loaded_clear(&r->tenants);
    loaded_clear(&r->shared);
}

/* What cannot be known before a tenant is at hand, its labels, is left to its task. */
static err_code check_variables(const struct seed_request *r, const struct loaded_seed *seed,
                                bool shared, struct err *err)
{
    for (size_t i = 0; i < seed->text.variable_count; i++) {
        const struct seed_variable *v = &seed->text.variables[i];
        if (seed_is_own_variable(v->name, shared) || json_object_get(r->variables, v->name))
            continue;
        (void)err_set(err, ERR_UNKNOWN_VARIABLE,
                      "seed %s, line %d, column %d: variable %s has no value", seed->name, v->line,
                      v->column, v->name);
        err->line = v->line;
        err->column = v->column;
        return err_in(err, "/variables");
    }
    return ERR_NONE;
}

static err_code load_one(struct seed_request *r, const char *target, const char *name,
                         struct loaded_seeds *seeds, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct loaded_seed *seed = &seeds->list[seeds->count];
    err_code rc = seed_get(r->call->pg, name, &rows, err);

    if (rc)
        return rc;
    if (!str_eq(pg_text(rows, 0, "scope"), target))
        return err_set(err, ERR_CONFLICT, "seed %s is one of scope %s", name,
                       pg_text(rows, 0, "scope"));
    const char *sql = pg_text(rows, 0, "sql");
    rc = seed_text_make(engine_settings(r->call->app->engine)->policy, sql, strlen(sql),
                        &seed->text, err);
    if (rc)
        return rc;
    seed->name = strdup(name);
    seed->always = str_eq(pg_text(rows, 0, "mode"), "always");
    seeds->count++;
    if (!seed->name)
        return err_set(err, ERR_INTERNAL, "out of memory");
    return check_variables(r, seed, str_eq(target, "shared"), err);
}

static err_code load_all(struct seed_request *r, const char *target, struct loaded_seeds *seeds,
                         struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = seed_list(r->call->pg, target, "", SEEDS_MAX, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = load_one(r, target, pg_text(rows, i, "name"), seeds, err);
    return rc;
}

static err_code load_named(struct seed_request *r, const char *target, const json_t *names,
                           struct loaded_seeds *seeds, struct problems *problems, struct err *err)
{
    char pointer[32];
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < json_array_size(names) && !rc; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        (void)snprintf(pointer, sizeof pointer, "/seeds/%zu", i);
        rc = name ? load_one(r, target, name, seeds, err)
                  : err_set(err, ERR_CONFLICT, "must be the name of a seed");
        if (rc != ERR_SEED_NOT_FOUND && rc != ERR_CONFLICT)
            continue;
        problems_add_err(problems, pointer, err);
        rc = ERR_NONE;
    }
    return rc;
}

err_code seed_request_load(struct seed_request *r, const char *target, const char *name,
                           const json_t *names, struct problems *problems, struct err *err)
{
    struct loaded_seeds *seeds = str_eq(target, "shared") ? &r->shared : &r->tenants;
    size_t most = name ? 1 : names ? json_array_size(names) : SEEDS_MAX;

    seeds->list = calloc(most + 1, sizeof *seeds->list);
    if (!seeds->list)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (name)
        return load_one(r, target, name, seeds, err);
    return names ? load_named(r, target, names, seeds, problems, err)
                 : load_all(r, target, seeds, err);
}

static struct seed_options options_of(const struct seed_request *r, const struct loaded_seed *seed,
                                      const char *schema)
{
    const struct engine_settings *s = engine_settings(r->call->app->engine);
    return (struct seed_options){.schema = schema,
                                 .shared_schema = s->shared_schema,
                                 .name = seed->name,
                                 .always = r->mode ? str_eq(r->mode, "always") : seed->always,
                                 .force = r->force,
                                 .lock_timeout_ms = s->lock_timeout_ms,
                                 .statement_timeout_ms = s->statement_timeout_ms};
}

static err_code check_state(const struct seed_request *r, struct pg *pg,
                            const struct loaded_seeds *seeds, const char *schema, struct err *err)
{
    for (size_t i = 0; i < seeds->count; i++) {
        const struct loaded_seed *seed = &seeds->list[i];
        struct seed_options options = options_of(r, seed, schema);
        struct seed_state state;
        bool wanted = false;
        err_code rc = seed_state_read(pg, schema, seed->name, &state, err);
        if (!rc)
            rc = seed_decide(&state, seed->text.sha256, &options, &wanted, err);
        if (rc)
            return rc;
    }
    return ERR_NONE;
}

err_code seed_request_check(const struct seed_request *r, const char *server, const char *schema,
                            struct err *err)
{
    struct engine *engine = r->call->app->engine;
    struct pg *pg = NULL;
    err_code rc = engine_open_server(engine, r->call->pg, server, &pg, err);

    if (rc)
        return rc;
    rc = check_state(r, pg, r->only_shared ? &r->shared : &r->tenants, schema, err);
    engine_close_server(engine, server, pg);
    return rc;
}

static json_t *pairs_of(const struct loaded_seeds *seeds)
{
    json_t *list = json_array();
    for (size_t i = 0; i < seeds->count; i++)
        (void)json_array_append_new(
            list, json_pack("[s, s]", seeds->list[i].name, seeds->list[i].text.sha256));
    return list;
}

static err_code add_tasks(struct pg *pg, const struct seed_request *r, const char *job_id, int wave,
                          struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "seed_tasks_insert",
        .sql = "INSERT INTO tenantd.task (job_id, item, tenant_id, server, wave, args)"
               " SELECT $1::uuid, row_number() OVER (ORDER BY t.id) - 1, t.id, t.server, $4,"
               "  jsonb_build_object('schema', t.schema_name)"
               " FROM tenantd.tenant t WHERE t.state IN ('active', 'suspended')"
               "   AND ($2::text[] IS NULL OR t.id = ANY ($2))"
               "   AND ($3::jsonb IS NULL OR t.labels @> $3)",
    };
    return pg_exec(
        pg, &stmt,
        PG_ARGS(PG_ARG(job_id), PG_ARG(r->selector.ids), PG_ARG(r->selector.labels), PG_ARG(wave)),
        NULL, err);
}

struct starting {
    const struct seed_request *request;
    char *id;
};

static err_code start_work(struct pg *pg, void *arg, struct err *err)
{
    const struct starting *s = arg;
    const struct seed_request *r = s->request;
    bool shared = r->shared.count > 0;
    json_auto_t *args = json_pack("{s:o, s:o, s:s*, s:b, s:O*}", "seeds", pairs_of(&r->tenants),
                                  "shared_seeds", pairs_of(&r->shared), "mode", r->mode, "force",
                                  (int)r->force, "variables", (json_t *)(uintptr_t)r->variables);
    json_auto_t *shared_args = json_pack("{s:b}", "shared", 1);
    struct job_spec spec = {.kind = "seed.apply",
                            .subject = r->subject,
                            .args = args,
                            .stop_on_failure = r->stop_on_failure,
                            .max_parallel = (int)r->max_parallel,
                            .wave_count = shared && !r->only_shared ? 2 : 1,
                            .strict_waves = shared && !r->only_shared ? 1 : 0,
                            .created_by = r->call->who.id,
                            .request_id = r->call->req->id};
    err_code rc = job_insert(pg, &spec, s->id, err);

    if (!rc && shared)
        rc = task_insert(pg, s->id, 0, NULL, "default", 0, true, shared_args, err);
    if (!rc && !r->only_shared)
        rc = add_tasks(pg, r, s->id, shared ? 1 : 0, err);
    return rc ? rc : job_enqueued(pg, s->id, err);
}

err_code seed_request_start(struct seed_request *r, char id[UUID_TEXT_SIZE], struct err *err)
{
    struct starting s = {.request = r, .id = id};
    return pg_tx(r->call->pg, start_work, &s, err);
}

/* The first of those selected, and how many they are. */
static err_code find_sample(const struct seed_request *r, struct tenant *out, int64_t *count,
                            struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "seed_sample",
        .sql = "SELECT min(t.id) AS id, count(*) AS tenants FROM tenantd.tenant t"
               " WHERE t.state IN ('active', 'suspended')"
               "   AND ($1::text[] IS NULL OR t.id = ANY ($1))"
               "   AND ($2::jsonb IS NULL OR t.labels @> $2)",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc =
        pg_query(r->call->pg, &stmt, PG_ARGS(PG_ARG(r->selector.ids), PG_ARG(r->selector.labels)),
                 &rows, err);

    *count = rc ? 0 : pg_bigint(rows, 0, "tenants");
    if (rc || !*count)
        return rc;
    return tenant_find(r->call->pg, pg_text(rows, 0, "id"), false, out, err);
}

static err_code preview(const struct seed_request *r, const struct loaded_seeds *seeds,
                        const char *schema, const struct tenant *tenant, struct str *sql,
                        struct err *err)
{
    json_auto_t *values = seed_values(r->variables, schema, tenant);
    err_code rc = values ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");

    for (size_t i = 0; i < seeds->count && !rc; i++) {
        CLEANUP(seed_bound_clear) struct seed_bound bound = {.sql = NULL};
        struct seed_options options = options_of(r, &seeds->list[i], schema);
        rc = seed_bind(&seeds->list[i].text, values, &bound, err);
        if (!rc)
            rc = seed_preview(&bound, &options, sql, err);
    }
    return rc;
}

err_code seed_request_preview(struct seed_request *r, json_t **out, struct err *err)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    CLEANUP(str_clear) struct str sql = STR_INIT, shared = STR_INIT;
    int64_t count = 0;
    err_code rc = r->only_shared ? ERR_NONE : find_sample(r, &t, &count, err);

    if (!rc && t.id)
        rc = preview(r, &r->tenants, t.schema, &t, &sql, err);
    if (!rc)
        rc = preview(r, &r->shared, engine_settings(r->call->app->engine)->shared_schema, NULL,
                     &shared, err);
    if (rc)
        return rc;
    *out = json_pack("{s:b, s:I, s:o, s:o, s:o}", "dry_run", 1, "tenants", (json_int_t)count,
                     "tenant_id", json_text(t.id), "sql",
                     sql.len ? json_text(str_text(&sql)) : json_null(), "shared_sql",
                     shared.len ? json_text(str_text(&shared)) : json_null());
    return ERR_NONE;
}
