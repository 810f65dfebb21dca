/* SPDX-License-Identifier: MIT */
#include "service/api/making.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/warm.h"
#include "core/tenant/tenant_store.h"

enum { TAKEN_MAX = 100 };

static err_code register_wish(struct pg *pg, const struct wish *wish, struct err *err)
{
    return tenant_register(pg,
                           &(struct tenant_spec){.id = wish->id,
                                                 .server = wish->server,
                                                 .schema = wish->schema,
                                                 .display_name = wish->display_name,
                                                 .labels = wish->labels},
                           err);
}

/* A task that is over before it began: its item conflicts with what is registered. */
static err_code add_refused(struct pg *pg, const char *job_id, int item, const struct err *why,
                            struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "task_insert_refused",
        .sql = "INSERT INTO tenantd.task (job_id, item, server, state, finished_at, outcome)"
               " VALUES ($1::uuid, $2, 'default', 'failed', now(), $3::jsonb)",
    };
    json_auto_t *outcome = json_pack("{s:s, s:s, s:s}", "code", err_name(why->code), "step",
                                     "register", "message", why->msg);
    CLEANUP(freep) char *text = json_canonical(outcome);
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(job_id), PG_ARG(item), PG_ARG(text)), NULL, err);
}

/* A task that is over before it began: its tenant has got a schema that stood ready. */
static err_code add_done(struct pg *pg, const char *job_id, int item, const struct wish *wish,
                         struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "task_insert_done",
        .sql = "INSERT INTO tenantd.task (job_id, item, tenant_id, server, state, args, attempt,"
               " claimed_at, finished_at, outcome) VALUES ($1::uuid, $2, $3, $4, 'succeeded',"
               " jsonb_build_object('schema', $5::text), 1, now(), now(),"
               " jsonb_build_object('warm', true, 'duration_ms',"
               "  floor(1000 * extract(epoch FROM clock_timestamp() - now()))::int))",
    };
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG(job_id), PG_ARG(item), PG_ARG(wish->id), PG_ARG(wish->server),
                           PG_ARG((const char *)wish->schema)),
                   NULL, err);
}

/* Asks the warm pool, for as many as one transaction has locks for. */
static err_code take_ready(struct pg *pg, struct making *m, const struct wish *wish, bool *taken,
                           struct err *err)
{
    static const char *const results[] = {
        [WARM_NO_POOL] = "no_pool", [WARM_MISSED] = "missed", [WARM_CLAIMED] = "claimed"};
    const struct config *config = m->call->app->config;
    struct warm_wish want = {.tenant_id = wish->id,
                             .server = wish->server,
                             .schema = wish->schema,
                             .table = config->migrations.table,
                             .revision = m->revision};
    warm_answer answer = WARM_NO_POOL;

    *taken = false;
    if (!m->takes_ready || !config->warm.size || m->taken >= TAKEN_MAX)
        return ERR_NONE;
    err_code rc = warm_claim(pg, &want, &answer, err);
    if (rc)
        return rc;
    *taken = answer == WARM_CLAIMED;
    m->taken += *taken;
    metrics_count(m->call->app->metrics, METRIC_WARM_CLAIMS, results[answer]);
    return ERR_NONE;
}

static err_code add_item(struct pg *pg, struct making *m, const char *job_id, size_t i,
                         struct err *err)
{
    const struct wish *wish = &m->wishes[i];
    struct err why = {.code = ERR_NONE};
    err_code rc = register_wish(pg, wish, &why);
    bool conflict = rc && err_kind_of(rc) != ERR_KIND_INTERNAL && !err_is_retryable(rc);

    if (conflict && m->tell_conflicts)
        return add_refused(pg, job_id, (int)i, &why, err);
    if (rc) {
        *err = why;
        return rc;
    }
    bool taken = false;
    rc = take_ready(pg, m, wish, &taken, err);
    if (rc || taken)
        return rc ? rc : add_done(pg, job_id, (int)i, wish, err);
    json_auto_t *args = json_pack("{s:s}", "schema", wish->schema);
    if (m->task_args && json_object_update(args, (json_t *)(uintptr_t)m->task_args))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return task_insert(pg, job_id, (int)i, wish->id, wish->server, 0, true, args, err);
}

static err_code make_work(struct pg *pg, void *arg, struct err *err)
{
    struct making *m = arg;
    struct call *call = m->call;
    struct catalog_info info;
    struct job_spec spec = {.kind = m->kind,
                            .subject = m->subject,
                            .max_parallel = m->max_parallel,
                            .wave_count = 1,
                            .created_by = call->who.id,
                            .request_id = call->req->id};
    err_code rc = catalog_info(pg, "tenant", &info, err);

    if (rc)
        return rc;
    json_auto_t *args = json_pack("{s:I}", "revision", (json_int_t)info.revision);
    if (m->job_args && json_object_update(args, (json_t *)(uintptr_t)m->job_args))
        return err_set(err, ERR_INTERNAL, "out of memory");
    spec.args = args;
    m->revision = info.revision;
    m->taken = 0;
    rc = job_insert(pg, &spec, call->job_id, err);
    for (size_t i = 0; i < m->count && !rc; i++)
        rc = add_item(pg, m, call->job_id, i, err);
    return rc ? rc : job_enqueued(pg, call->job_id, err);
}

struct reply make_tenants(struct making *m)
{
    struct call *call = m->call;
    char job_id[UUID_TEXT_SIZE];
    struct err err = {.code = ERR_NONE};

    if (pg_tx(call->pg, make_work, m, &err)) {
        call->job_id[0] = '\0';
        return call_fail(call, &err);
    }
    memcpy(job_id, call->job_id, sizeof job_id);
    return reply_job(call, job_id);
}
