/* SPDX-License-Identifier: MIT */
/*
 * Dry runs of repairs. What the tracking tables decide is said of each cohort, as the registry
 * knows it; what needs a look into the schemas, and tenants that were never read, are looked at one
 * by one.
 */
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/repairs.h"

enum { LOOKED_AT_MAX = 500, SAMPLE_MAX = 5 };

/* A dry run in the making. */
struct previewing {
    struct call *call;
    const struct repair_request *request;
    const struct catalog *catalog;
    json_t *cohorts;
    int64_t tenants, examined, noop;
    struct pg *pg; /* to the server of the tenants that are looked at */
    char *server;
};

static void previewing_clear(struct previewing *p)
{
    catalog_release(engine_catalogs(p->call->app->engine), p->catalog);
    engine_close_server(p->call->app->engine, p->server, p->pg);
    freep(&p->server);
    json_decref(p->cohorts);
}

/* A server that is away or a lock that is busy says nothing about the repair. */
static json_t *problem_json(const struct err *why)
{
    return why->code
               ? json_pack("{s:s, s:o}", "code", err_name(why->code), "detail", json_text(why->msg))
               : json_null();
}

static bool same_cohort(const json_t *cohort, const json_t *other)
{
    static const char *const members[] = {"format", "edits", "problem"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (!json_equal(json_object_get(cohort, members[i]), json_object_get(other, members[i])))
            return false;
    return true;
}

static json_t *find_cohort(json_t *cohorts, const json_t *like)
{
    for (size_t i = 0; i < json_array_size(cohorts); i++)
        if (same_cohort(json_array_get(cohorts, i), like))
            return json_array_get(cohorts, i);
    return NULL;
}

/* Adds n tenants, with ids as a sample, to the cohort that is like this; taken: like. */
static void add_cohort(struct previewing *p, json_t *like, int64_t n, const json_t *ids)
{
    json_t *cohort = find_cohort(p->cohorts, like);

    if (!cohort) {
        cohort = like;
        (void)json_object_set_new(cohort, "tenants", json_integer(0));
        (void)json_object_set_new(cohort, "sample", json_array());
        (void)json_array_append(p->cohorts, cohort);
    }
    json_t *sample = json_object_get(cohort, "sample"),
           *tenants = json_object_get(cohort, "tenants");
    (void)json_integer_set(tenants, json_integer_value(tenants) + (json_int_t)n);
    for (size_t i = 0; i < json_array_size(ids) && json_array_size(sample) < SAMPLE_MAX; i++)
        (void)json_array_append(sample, json_array_get(ids, i));
    json_decref(like);
}

static void add_result(struct previewing *p, const struct repair_result *result,
                       const struct err *why, int64_t n, const json_t *ids)
{
    p->examined += n;
    if (!why->code && !result->changed) {
        p->noop += n;
        return;
    }
    add_cohort(
        p,
        json_pack("{s:o, s:o, s:o}", "format",
                  result->edits ? json_string(tracking_format_name(result->format)) : json_null(),
                  "edits", result->edits ? json_incref(result->edits) : json_array(), "problem",
                  problem_json(why)),
        n, ids);
}

/* From the set alone, as all tenants of the cohort have it. */
static err_code add_set(struct previewing *p, const struct pg_rows *rows, size_t row,
                        struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    CLEANUP(repair_clear) struct repair repair = {.edits = NULL};
    CLEANUP(repair_result_clear) struct repair_result result = {.edits = NULL};
    struct repair_look look = {.catalog = p->catalog};
    struct err why = {.code = ERR_NONE};
    err_code rc = engine_applied_set(p->call->app->engine, p->call->pg,
                                     pg_bigint(rows, row, "applied_set"), &set, err);
    if (rc)
        return rc;
    look.set = set;
    if (!repair_decide(&p->request->wish, &look, &repair, &why)) {
        result.changed = !repair_is_empty(&repair);
        result.edits = repair_json(&repair, set);
        result.format = set->format;
    }
    json_auto_t *sample = json_loads(pg_text(rows, row, "sample"), 0, NULL);
    add_result(p, &result, &why, pg_bigint(rows, row, "tenants"), sample);
    return ERR_NONE;
}

/* The connection to a server is kept for the tenants that follow on it. */
static err_code connect_to(struct previewing *p, const char *server, struct err *err)
{
    if (str_eq(p->server, server))
        return ERR_NONE;
    engine_close_server(p->call->app->engine, p->server, p->pg);
    p->pg = NULL;
    freep(&p->server);
    p->server = strdup(server);
    return p->server ? engine_open_server(p->call->app->engine, p->call->pg, server, &p->pg, err)
                     : err_set(err, ERR_INTERNAL, "out of memory");
}

static void look_at(struct previewing *p, const char *id, const char *schema)
{
    CLEANUP(repair_result_clear) struct repair_result result = {.edits = NULL};
    struct repair_options options = repair_options_of(p->call->app->engine, schema);
    struct err why = {.code = ERR_NONE};

    options.dry_run = true;
    if (repair_run(p->pg, p->catalog, &p->request->wish, &options, &result, &why))
        repair_result_clear(&result);
    json_auto_t *ids = json_pack("[s]", id);
    add_result(p, &result, &why, 1, ids);
}

/* One by one: all tenants, or those whose tables were never read. */
static err_code look_at_all(struct previewing *p, bool unread, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "repair_preview_tenants",
        .sql = "SELECT t.id, t.server, t.schema_name FROM tenantd.tenant t"
               " WHERE t.state IN ('active', 'suspended')"
               "   AND ($1::text[] IS NULL OR t.id = ANY ($1))"
               "   AND ($2::jsonb IS NULL OR t.labels @> $2)"
               "   AND (NOT $3 OR t.applied_set IS NULL) ORDER BY t.server, t.id LIMIT $4",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const struct selector *s = &p->request->selector;
    err_code rc = pg_query(
        p->call->pg, &stmt,
        PG_ARGS(PG_ARG(s->ids), PG_ARG(s->labels), PG_ARG(unread), PG_ARG((int)LOOKED_AT_MAX)),
        &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        rc = connect_to(p, pg_text(rows, i, "server"), err);
        if (!rc)
            look_at(p, pg_text(rows, i, "id"), pg_text(rows, i, "schema_name"));
    }
    return rc;
}

static err_code preview_many(struct previewing *p, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    bool one_by_one = p->request->op->reads_schema || p->request->wish.restore, unread = false;
    err_code rc = tenant_cohorts(p->call->pg, &p->request->selector, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        bool known = pg_bigint(rows, i, "applied_set") != 0;
        p->tenants += pg_bigint(rows, i, "tenants");
        unread = unread || !known;
        if (known && !one_by_one)
            rc = add_set(p, rows, i, err);
    }
    return rc || (!one_by_one && !unread) ? rc : look_at_all(p, !one_by_one, err);
}

err_code repair_try(struct call *call, const struct repair_request *request,
                    const struct catalog *catalog, bool verify, struct repair_result *result,
                    struct err *err)
{
    const struct tenant *t = &request->tenant;
    struct engine *engine = call->app->engine;
    CLEANUP(expecting_clear)
    struct expecting expecting = {.engine = engine, .server = t->server, .schema = t->schema};
    struct repair_options options = repair_options_of(engine, t->schema);
    struct pg *pg = NULL;

    options.dry_run = true;
    options.verify = verify ? expected_verify : NULL;
    options.verify_ctx = &expecting;
    err_code rc = engine_open_server(engine, call->pg, t->server, &pg, err);
    if (!rc)
        rc = repair_run(pg, catalog, &request->wish, &options, result, err);
    engine_close_server(engine, t->server, pg);
    return rc;
}

/* One tenant, from its own tables, its objects included. */
static err_code preview_one(struct previewing *p, struct err *err)
{
    CLEANUP(repair_result_clear) struct repair_result result = {.edits = NULL};
    struct err why = {.code = ERR_NONE};
    err_code rc = repair_try(p->call, p->request, p->catalog, true, &result, &why);
    json_auto_t *ids = json_pack("[s]", p->request->tenant.id);

    if (rc && err_is_retryable(rc)) {
        *err = why;
        return rc;
    }
    p->tenants = 1;
    add_result(p, &result, &why, 1, ids);
    return ERR_NONE;
}

err_code repair_preview(struct call *call, const struct repair_request *request, json_t **out,
                        struct err *err)
{
    CLEANUP(previewing_clear)
    struct previewing p = {.call = call, .request = request, .cohorts = json_array()};
    err_code rc =
        catalog_acquire(engine_catalogs(call->app->engine), call->pg, "tenant", 0, &p.catalog, err);

    if (!rc)
        rc = request->one ? preview_one(&p, err) : preview_many(&p, err);
    if (rc)
        return rc;
    *out = json_pack("{s:b, s:I, s:I, s:I, s:O}", "dry_run", 1, "tenants", (json_int_t)p.tenants,
                     "examined", (json_int_t)p.examined, "noop", (json_int_t)p.noop, "cohorts",
                     p.cohorts);
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}
