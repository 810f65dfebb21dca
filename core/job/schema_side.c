/* SPDX-License-Identifier: MIT */
#include "core/job/schema_side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/expected.h"
#include "core/job/scratch.h"
#include "core/migrate/lane_target.h"
#include "core/migrate/plan.h"
#include "core/migrate/sqlcheck.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"
#include "core/schema/schema_parse.h"
#include "core/tenant/tenant_store.h"

/* What one side is read with. */
struct reading {
    struct engine *engine;
    struct pg *control;
    const struct engine_settings *settings;
    const struct schema_side *side;
    const struct catalog *catalog; /* of what is replayed */
    bool *applied;                 /* of its migrations */
    struct schema *out;
};

static void reading_clear(struct reading *r)
{
    catalog_release(engine_catalogs(r->engine), r->catalog);
    free(r->applied);
    schema_free(r->out);
}

/* The tables of other tools' histories are nobody's schema. */
static err_code read_model(struct reading *r, struct pg *pg, const char *schema,
                           const char *tracking_table, struct err *err)
{
    CLEANUP(schema_freep) struct schema *whole = NULL;
    struct schema_options options = {.tracking_table = tracking_table};
    err_code rc = schema_read(pg, schema, &options, &whole, err);

    if (rc)
        return rc;
    json_auto_t *json = schema_json(whole, true), *problems = json_array();
    if (json && !expected_leave_out_trackers(json)) {
        r->out = whole;
        whole = NULL;
        return ERR_NONE;
    }
    return json && problems ? schema_parse(json, "", problems, &r->out, err)
                            : err_set(err, ERR_INTERNAL, "out of memory");
}

/* One statement after the other, for a place in the text is what an error is told by. */
static err_code run_sql(struct reading *r, struct pg *pg, struct err *err)
{
    struct sql_facts facts = {.count = 0};
    const char *text = r->side->sql;
    err_code rc = sql_check_by(r->settings->policy, text, strlen(text), &facts, err);

    for (size_t i = 0; !rc && i < facts.count; i++) {
        const struct statement *s = &facts.statements[i];
        CLEANUP(freep) char *one = strndup(text + s->offset, s->length);
        struct err why = {.code = ERR_NONE};
        if (!one)
            rc = err_set(err, ERR_INTERNAL, "out of memory");
        else if (s->kind != STATEMENT_PLAIN && !lane_strip(s->kind, one, s->length))
            continue;
        else
            rc = pg_command(pg, one, &why);
        if (rc && one) {
            (void)err_set(err, err_is_retryable(rc) ? rc : ERR_MIGRATION_FAILED, "%.400s", why.msg);
            (void)snprintf(err->sqlstate, sizeof err->sqlstate, "%s", why.sqlstate);
            err->line = s->line;
            err->column = s->column;
            rc = err->code;
        }
    }
    free(facts.statements);
    return rc;
}

static err_code set_timeouts(const struct reading *r, struct pg *pg, struct err *err)
{
    char sql[120];

    (void)snprintf(sql, sizeof sql,
                   "BEGIN; SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = %d",
                   r->settings->lock_timeout_ms, r->settings->statement_timeout_ms);
    return pg_command(pg, sql, err);
}

/* Migrations of the shared schema may name it, so the scratch takes its name. Nobody else sees
 * that, for it is never committed. */
static err_code stand_in_for_shared(const struct reading *r, struct pg *pg, const char *scratch,
                                    struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct pg_ident shared;
    err_code rc = pg_ident_quote(r->settings->shared_schema, &shared, err);

    if (rc)
        return rc;
    str_addf(&sql, "ALTER SCHEMA %s RENAME TO %s_was;", shared.sql, scratch);
    str_addf(&sql, "ALTER SCHEMA %s RENAME TO %s;", scratch, shared.sql);
    str_addf(&sql, "SET LOCAL search_path = %s, %s_was, pg_temp", shared.sql, scratch);
    return str_ok(&sql) ? pg_command(pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code fill_scratch(struct reading *r, struct pg *pg, struct err *err)
{
    const struct engine_settings *s = r->settings;
    bool shared = r->side->kind == SIDE_CATALOG && str_eq(r->side->name, "shared");
    char scratch[SCRATCH_NAME_SIZE];
    err_code rc = set_timeouts(r, pg, err);

    if (!rc)
        rc = scratch_make(pg, s->shared_schema, scratch, err);
    if (!rc && shared)
        rc = stand_in_for_shared(r, pg, scratch, err);
    if (!rc && r->side->kind == SIDE_SQL)
        rc = run_sql(r, pg, err);
    else if (!rc)
        rc = scratch_replay(pg, r->catalog, r->applied, err);
    return rc ? rc
              : read_model(r, pg, shared ? s->shared_schema : scratch,
                           shared ? s->shared_tracking_table : s->tracking_table, err);
}

static err_code read_scratch(struct reading *r, const char *server, struct err *err)
{
    struct pg *pg = NULL;
    err_code rc = engine_open_server(r->engine, r->control, server, &pg, err);

    if (rc)
        return rc;
    rc = fill_scratch(r, pg, err);
    (void)!pg_command(pg, "ROLLBACK", NULL); /* or the connection is lost, and all of it too */
    engine_close_server(r->engine, server, pg);
    return rc;
}

static err_code find_catalog(struct reading *r, const char *name, struct err *err)
{
    struct catalog_info info;
    err_code rc = catalog_info(r->control, name, &info, err);

    if (!rc)
        rc = catalog_acquire(engine_catalogs(r->engine), r->control, name, 0, &r->catalog, err);
    if (rc)
        return rc;
    r->applied = calloc(r->catalog->count + 1, sizeof *r->applied);
    return r->applied ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code read_catalog(struct reading *r, struct err *err)
{
    const char *version = r->side->version;
    err_code rc = find_catalog(r, r->side->name, err);
    size_t last = 0;

    if (rc)
        return rc;
    last = version ? catalog_find(r->catalog, version) : r->catalog->count;
    if (version && last == r->catalog->count)
        return err_set(err, ERR_UNKNOWN_TARGET, "the catalog %s has no version %.200s",
                       r->side->name, version);
    for (size_t i = 0; i < r->catalog->count; i++)
        r->applied[i] = !version || i <= last;
    return read_scratch(r, "default", err);
}

static err_code lease(struct reading *r, struct tenant *t, struct pool_lease *out, struct err *err)
{
    CLEANUP(freep) char *url = NULL;
    err_code rc = tenant_find(r->control, r->side->name, false, t, err);

    if (!rc)
        rc = engine_server_url(r->engine, r->control, t->server, &url, err);
    if (rc)
        return rc;
    struct pool_tenant target = {
        .id = t->id, .schema = t->schema, .server = t->server, .url = url, .epoch = t->epoch};
    return pool_acquire(engine_pools(r->engine), &target, out, err);
}

static void mark_applied(struct reading *r, const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->entries[i].migration && plan->entries[i].row)
            r->applied[plan->entries[i].migration - r->catalog->items] = true;
}

/* What its own tracking table says that it has. */
static err_code find_applied(struct reading *r, struct pg *pg, const char *schema, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    const struct engine_settings *s = r->settings;
    struct plan plan;
    err_code rc = find_catalog(r, "tenant", err);

    if (!rc)
        rc = tracking_read(pg, schema, s->tracking_table, s->default_format, &set, err);
    if (!rc)
        rc = plan_make(r->catalog, set, NULL, &plan, err);
    if (rc)
        return rc;
    mark_applied(r, &plan);
    plan_clear(&plan);
    return ERR_NONE;
}

static err_code read_tenant(struct reading *r, struct err *err)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct pool_lease held = {.pg = NULL};
    bool expected = r->side->kind == SIDE_EXPECTED;
    err_code rc = lease(r, &t, &held, err);

    if (!rc && expected)
        rc = find_applied(r, held.pg, t.schema, err);
    else if (!rc)
        rc = read_model(r, held.pg, t.schema, r->settings->tracking_table, err);
    (void)!pool_release(engine_pools(r->engine), &held, POOL_ROLLBACK, NULL);
    return rc || !expected ? rc : read_scratch(r, t.server, err);
}

static err_code read_shared(struct reading *r, struct err *err)
{
    struct pool_lease held = {.pg = NULL};
    err_code rc = pool_acquire_shared(engine_pools(r->engine), &held, err);

    if (!rc)
        rc = read_model(r, held.pg, r->settings->shared_schema, r->settings->shared_tracking_table,
                        err);
    (void)!pool_release(engine_pools(r->engine), &held, POOL_ROLLBACK, NULL);
    return rc;
}

err_code schema_side_read(struct engine *engine, struct pg *control, const struct schema_side *side,
                          struct schema **out, struct err *err)
{
    static err_code (*const readers[])(struct reading *,
                                       struct err *) = {[SIDE_TENANT] = read_tenant,
                                                        [SIDE_EXPECTED] = read_tenant,
                                                        [SIDE_SHARED] = read_shared,
                                                        [SIDE_CATALOG] = read_catalog,
                                                        [SIDE_SQL] = NULL};
    CLEANUP(reading_clear)
    struct reading r = {
        .engine = engine, .control = control, .settings = engine_settings(engine), .side = side};
    err_code rc =
        readers[side->kind] ? readers[side->kind](&r, err) : read_scratch(&r, "default", err);

    if (rc)
        return rc;
    *out = r.out;
    r.out = NULL;
    return ERR_NONE;
}

static err_code refuse_destructive(const struct schema_changes *changes, struct err *err)
{
    for (size_t i = 0; i < changes->n_statements; i++) {
        const struct change_statement *s = &changes->statements[i];
        if (!(s->hazards & CHANGE_DESTRUCTIVE))
            continue;
        (void)err_set(err, ERR_UNSAFE_REPAIR, "the repair would lose data: %.300s", s->sql);
        (void)snprintf(err->subject, sizeof err->subject, "%s", s->table ? s->table : "");
        return ERR_UNSAFE_REPAIR;
    }
    return ERR_NONE;
}

err_code schema_repair(struct engine *engine, struct pg *control, const char *tenant_id,
                       bool allow_destructive, struct schema_changes **out, struct err *err)
{
    const struct schema_side is = {.kind = SIDE_TENANT, .name = tenant_id};
    const struct schema_side must = {.kind = SIDE_EXPECTED, .name = tenant_id};
    CLEANUP(schema_freep) struct schema *from = NULL;
    CLEANUP(schema_freep) struct schema *to = NULL;
    CLEANUP(schema_changes_freep) struct schema_changes *changes = NULL;
    struct err own;
    err_code rc = schema_side_read(engine, control, &is, &from, err);

    if (!rc)
        rc = schema_side_read(engine, control, &must, &to, err);
    if (!rc)
        rc =
            schema_changes(from, to, &(struct change_options){.schema = from->name}, &changes, err);
    if (!rc && !allow_destructive)
        rc = refuse_destructive(changes, err ? err : &own);
    if (rc)
        return rc;
    *out = changes;
    changes = NULL;
    return ERR_NONE;
}
