/* SPDX-License-Identifier: MIT */
/* What new tenants begin with instead of the history of the catalog. */
#include "core/job/snapshot.h"
#include "core/migrate/catalog_store.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"

struct baseline_view {
    struct call *call;
    struct catalog_cache *catalogs;
    const struct catalog *catalog; /* released by view_clear() */
    const char *server;
};

static void view_clear(struct baseline_view *v)
{
    if (v->catalog)
        catalog_release(v->catalogs, v->catalog);
}

/* The tenants' catalog alone has one: there is only one shared schema. */
static err_code open_view(struct call *call, struct baseline_view *v, struct err *err)
{
    struct catalog_info info;
    const char *name = call->req->params[0], *server = request_query(call->req, "server");
    err_code rc = catalog_info(call->pg, name, &info, err);

    if (!rc && !str_eq(name, "tenant"))
        rc = err_set(err, ERR_CATALOG_NOT_FOUND, "the catalog %s makes no new tenants", name);
    if (rc)
        return rc;
    v->call = call;
    v->server = server ? server : "default";
    v->catalogs = engine_catalogs(call->app->engine);
    return catalog_acquire(v->catalogs, call->pg, name, info.revision, &v->catalog, err);
}

static struct reply show(const struct baseline_view *v, int status)
{
    bool with_sql = false;
    struct err err;

    if (query_bool(v->call, "sql", false, &with_sql, &err))
        return call_fail(v->call, &err);
    json_t *out = snapshot_json(v->call->app->engine, v->server, v->catalog, with_sql);
    return reply_json(status, out);
}

struct reply baselines_get(struct call *call)
{
    CLEANUP(view_clear) struct baseline_view v = {.catalog = NULL};
    struct err err;

    return open_view(call, &v, &err) ? call_fail(call, &err) : show(&v, 200);
}

struct reply baselines_make(struct call *call)
{
    CLEANUP(view_clear) struct baseline_view v = {.catalog = NULL};
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct engine *engine = call->app->engine;
    struct pg *pg = NULL;
    struct err err;

    fields_read(call->body, "", NULL, 0, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (open_view(call, &v, &err) || engine_open_server(engine, call->pg, v.server, &pg, &err))
        return call_fail(call, &err);
    err_code rc = snapshot_make(engine, pg, v.server, v.catalog, &err);
    engine_close_server(engine, v.server, pg);
    return rc ? call_fail(call, &err) : show(&v, 200);
}
