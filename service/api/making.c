/* SPDX-License-Identifier: MIT */
#include "service/api/making.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/tenant/tenant_store.h"

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

static err_code add_item(struct pg *pg, const struct making *m, const char *job_id, size_t i,
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
    json_auto_t *args = json_pack("{s:s}", "schema", wish->schema);
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
    spec.args = args;
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
