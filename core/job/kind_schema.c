/* SPDX-License-Identifier: MIT */
/* Kinds that read or drop a whole schema: import, refresh, purge. */
#include "core/base/json.h"
#include "core/job/kinds.h"
#include "core/job/outcome.h"
#include "core/tenant/login.h"
#include "core/tenant/schema_ops.h"

static err_code read_set(struct task_run *run, int64_t *set, size_t *count, struct err *err)
{
    const struct engine_settings *s = engine_settings(run->ctx);
    CLEANUP(applied_set_freep) struct applied_set *found = NULL;
    err_code rc = tracking_read(run->server, args_text(run->task->args, "schema", ""),
                                s->tracking_table, s->default_format, &found, err);
    if (rc)
        return rc;
    *count = found->count;
    return engine_intern_set(run->ctx, run->control, found, set, err);
}

void kind_import(struct task_run *run, struct task_result *result)
{
    struct err err = {.code = ERR_NONE};
    int64_t set = 0;
    size_t count = 0;

    if (read_set(run, &set, &count, &err)) {
        outcome_error(run, &err, "read_tracking_table", NULL, result);
        if (result->verdict == VERDICT_FAILED || result->verdict == VERDICT_CANCELLED)
            result->delete_tenant = true; /* the schema stays as it is, the registry forgets it */
        return;
    }
    result->verdict = VERDICT_SUCCEEDED;
    result->tenant_state = "active";
    result->applied_set = set;
    result->outcome = json_pack("{s:I}", "found", (json_int_t)count);
}

void kind_refresh(struct task_run *run, struct task_result *result)
{
    struct err err = {.code = ERR_NONE};
    int64_t set = 0;
    size_t count = 0;

    if (read_set(run, &set, &count, &err)) {
        outcome_error(run, &err, "read_tracking_table", NULL, result);
        return;
    }
    result->verdict = VERDICT_SUCCEEDED;
    result->applied_set = set;
    result->outcome = json_pack("{s:I}", "found", (json_int_t)count);
}

/* Those of its queries; who was never asked has none. */
static err_code drop_logins(struct task_run *run, const char *schema, struct err *err)
{
    const struct engine_settings *s = engine_settings(run->ctx);
    struct login login;
    err_code rc = ERR_NONE;

    for (login_kind kind = 0; kind < LOGIN_KINDS && s->login_key && !rc; kind++) {
        login_of(s->login_key, s->login_key_len, run->task->server, schema, kind, &login);
        rc = login_drop(run->server, &login, err);
    }
    return rc;
}

/* A tenant that was never active may have failed because its schema's name was somebody else's. */
static err_code drop(struct task_run *run, const char *schema, struct err *err)
{
    const struct engine_settings *s = engine_settings(run->ctx);

    bool ours = true;
    err_code rc = ERR_NONE;

    if (json_is_true(json_object_get(run->task->args, "never_active")))
        rc = schema_is_of(run->server, schema, run->task->tenant_id, &ours, err);
    if (rc || !ours)
        return rc;
    rc = schema_drop(run->server, schema, apply_lock_key(schema), s->lock_timeout_ms, err);
    return rc ? rc : drop_logins(run, schema, err);
}

void kind_purge(struct task_run *run, struct task_result *result)
{
    const char *schema = args_text(run->task->args, "schema", "");
    struct err err = {.code = ERR_NONE};

    (void)pool_evict(engine_pools(run->ctx), run->task->tenant_id);
    if (drop(run, schema, &err)) {
        outcome_error(run, &err, "drop_schema", NULL, result);
        if (result->verdict == VERDICT_FAILED)
            result->last_error = json_incref(result->outcome);
        return;
    }
    result->verdict = VERDICT_SUCCEEDED;
    result->delete_tenant = true;
}
