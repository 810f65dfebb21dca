/* SPDX-License-Identifier: MIT */
/* The tenant pools of this replica: which there are, how they are, and warming them up. */
#include <stdio.h>
#include <unistd.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pool/pool_json.h"
#include "core/tenant/tenant_store.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/selection.h"

enum { WARMUP_PARALLEL = 10 };

/* Of the process: proc(5), /proc/self/statm counts pages. */
static json_t *runtime_json(void)
{
    long total = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "re");

    if (statm && fscanf(statm, "%ld %ld", &total, &resident) != 2)
        resident = 0;
    if (statm)
        (void)fclose(statm);
    return json_pack("{s:i, s:I}", "pid", (int)getpid(), "resident_bytes",
                     (json_int_t)resident * sysconf(_SC_PAGESIZE));
}

struct reply pools_list(struct call *call)
{
    struct pool_metrics metrics;
    struct err err;

    if (pool_metrics(engine_pools(call->app->engine), &metrics, &err))
        return call_fail(call, &err);
    json_t *ids = json_array();
    for (size_t i = 0; i < metrics.total; i++)
        (void)json_array_append_new(ids, json_text(metrics.tenants[i].tenant_id));
    json_t *out = json_pack("{s:I, s:i, s:o}", "count", (json_int_t)metrics.total, "max_pools",
                            metrics.max_pools, "tenant_ids", ids);
    pool_metrics_clear(&metrics);
    return reply_json(200, out);
}

/* The tenant_id parameters, as many as there are. */
static size_t read_tenant_ids(const struct call *call, const char *ids[HTTP_FIELDS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < call->req->query_count; i++)
        if (str_eq(call->req->query[i].name, "tenant_id"))
            ids[n++] = call->req->query[i].value;
    return n;
}

static err_code read_health(const struct call *call, struct pool_health_query *query,
                            struct err *err)
{
    err_code rc = query_bool(call, "ping", true, &query->ping, err);
    if (!rc)
        rc = query_bool(call, "include_shared", true, &query->include_shared, err);
    return rc ? rc
              : query_int(call, "ping_timeout_ms", 1, 60000, POOL_PING_TIMEOUT_MS,
                          &query->ping_timeout_ms, err);
}

struct reply health_get(struct call *call)
{
    const char *ids[HTTP_FIELDS_MAX];
    struct pool_health_query query = {.tenant_ids = ids,
                                      .tenant_count = read_tenant_ids(call, ids)};
    struct pool_health health;
    struct err err;

    if (read_health(call, &query, &err) ||
        pool_health(engine_pools(call->app->engine), &query, &health, &err))
        return call_fail(call, &err);
    struct reply reply = reply_json(health.healthy ? 200 : 503, pool_health_json(&health));
    pool_health_clear(&health);
    return reply;
}

static err_code add_health(struct call *call, json_t *out, struct err *err)
{
    struct pool_health_query query = {.ping = true,
                                      .include_shared = true,
                                      .ping_timeout_ms = POOL_PING_TIMEOUT_MS};
    struct pool_health health;
    err_code rc = pool_health(engine_pools(call->app->engine), &query, &health, err);

    if (rc)
        return rc;
    (void)json_object_set_new(out, "health", pool_health_json(&health));
    pool_health_clear(&health);
    return ERR_NONE;
}

struct reply metrics_get(struct call *call)
{
    struct pool_metrics metrics;
    struct err err;
    bool health = false, runtime = false;

    if (query_bool(call, "include_health", false, &health, &err) ||
        query_bool(call, "include_runtime", false, &runtime, &err) ||
        pool_metrics(engine_pools(call->app->engine), &metrics, &err))
        return call_fail(call, &err);
    json_t *out = pool_metrics_json(&metrics);
    pool_metrics_clear(&metrics);
    if (runtime)
        (void)json_object_set_new(out, "runtime", runtime_json());
    if (health && add_health(call, out, &err)) {
        json_decref(out);
        return call_fail(call, &err);
    }
    return reply_json(200, out);
}

struct warming {
    struct call *call;
    const struct selector *selector;
    int max_parallel;
    bool ping;
    char *id;
};

static err_code warm_work(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warmup_tasks_insert",
        .sql = "INSERT INTO tenantd.task (job_id, item, tenant_id, server, exclusive)"
               " SELECT $1::uuid, row_number() OVER (ORDER BY t.id) - 1, t.id, t.server, false"
               " FROM tenantd.tenant t WHERE t.state = 'active'"
               "   AND ($2::text[] IS NULL OR t.id = ANY ($2))"
               "   AND ($3::jsonb IS NULL OR t.labels @> $3)",
    };
    const struct warming *w = arg;
    json_auto_t *args = json_pack("{s:b}", "ping", w->ping);
    struct job_spec spec = {.kind = "pool.warmup",
                            .args = args,
                            .max_parallel = w->max_parallel,
                            .wave_count = 1,
                            .created_by = w->call->who.id,
                            .request_id = w->call->req->id};
    err_code rc = job_insert(pg, &spec, w->id, err);

    if (!rc)
        rc = pg_exec(pg, &stmt,
                     PG_ARGS(PG_ARG((const char *)w->id), PG_ARG(w->selector->ids),
                             PG_ARG(w->selector->labels)),
                     NULL, err);
    return rc ? rc : job_enqueued(pg, w->id, err);
}

struct reply warmups_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(selector_clear) struct selector selector = {.ids = NULL};
    const json_t *value = NULL;
    int64_t parallel = WARMUP_PARALLEL;
    char id[UUID_TEXT_SIZE];
    struct warming w = {.call = call, .selector = &selector, .ping = true, .id = id};
    struct err err = {.code = ERR_NONE};
    const struct field fields[] = {
        {.name = "selector", .kind = FIELD_ANY, .required = true, .out = &value},
        {.name = "max_parallel", .kind = FIELD_INT, .min = 1, .max = 64, .out = &parallel},
        {.name = "ping", .kind = FIELD_BOOL, .out = &w.ping},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    selection_parse(value, &selector, &problems);
    if (selection_check(call, &selector, &problems, &err))
        return call_fail(call, &err);
    if (problems.list)
        return problems_reply(call, &problems);
    w.max_parallel = (int)parallel;
    if (pg_tx(call->pg, warm_work, &w, &err))
        return call_fail(call, &err);
    return reply_job(call, id);
}
