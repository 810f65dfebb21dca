/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/kinds.h"
#include "core/job/outcome.h"
#include "core/schema/clone.h"
#include "core/tenant/schema_ops.h"
#include "core/tenant/tenant_store.h"

/* One clone: from whom, and what came of it. */
struct copying {
    struct task_run *run;
    struct tenant source;
    struct clone_spec spec;
    struct clone_result result;
    int64_t set; /* what the copy has applied */
};

static void copying_clear(struct copying *c)
{
    tenant_clear(&c->source);
    clone_result_clear(&c->result);
}

static bool is_stopped(void *ctx)
{
    return task_run_cancelled(ctx);
}

static void make_key(const json_t *args, unsigned char key[SHA256_SIZE])
{
    const char *text = args_text(args, "key", "");

    if (*text)
        sha256(text, strlen(text), key);
    else
        random_bytes(key, SHA256_SIZE);
}

/* The source may have changed since the job was made. */
static err_code find_source(struct copying *c, struct err *err)
{
    const char *id = args_text(c->run->task->args, "source", "");
    err_code rc = tenant_find(c->run->control, id, false, &c->source, err);

    if (rc)
        return rc;
    if (c->source.state != TENANT_ACTIVE && c->source.state != TENANT_SUSPENDED)
        return err_set(err, ERR_INVALID_STATE, "tenant %s is %s by now", id,
                       tenant_state_name(c->source.state));
    if (!str_eq(c->source.server, c->run->task->server))
        return err_set(err, ERR_INVALID_STATE, "tenant %s is on server %s by now", id,
                       c->source.server);
    return ERR_NONE;
}

/*
 * A replica may die between the commit of the clone and the end of its task. What is there then is
 * nobody's yet and whole, but of an attempt before: it goes, and the clone is made again.
 */
static err_code drop_leftover(struct copying *c, const char *schema, struct err *err)
{
    const struct engine_settings *s = engine_settings(c->run->ctx);
    bool ours = false;
    err_code rc = schema_is_of(c->run->server, schema, c->run->task->tenant_id, &ours, err);

    c->result.step = "clean_up";
    if (rc || !ours)
        return rc;
    return schema_drop(c->run->server, schema, apply_lock_key(schema), s->lock_timeout_ms, err);
}

static err_code copy(struct copying *c, const char *schema, struct err *err)
{
    const struct engine_settings *s = engine_settings(c->run->ctx);
    char comment[SCHEMA_COMMENT_SIZE];
    struct clone_options options = {
        .source = c->source.schema,
        .target = schema,
        .comment = comment,
        .shared_schema = s->shared_schema,
        .source_lock = apply_lock_key(c->source.schema),
        .target_lock = apply_lock_key(schema),
        .spec = &c->spec,
        .lock_timeout_ms = s->lock_timeout_ms,
        .statement_timeout_ms = (int)s->clone_timeout_ms,
        .deadline_ms = s->clone_timeout_ms,
        .stopped = is_stopped,
        .stopped_ctx = c->run,
    };

    clone_spec_read(c->run->job->args, &c->spec);
    c->spec.personal = s->clone_personal_label;
    c->spec.tracking_table = s->tracking_table;
    schema_comment_of(c->run->task->tenant_id, comment);
    make_key(c->run->task->args, options.key);
    return schema_clone(c->run->server, &options, &c->result, err);
}

static err_code read_applied(struct copying *c, const char *schema, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    const struct engine_settings *s = engine_settings(c->run->ctx);
    err_code rc =
        tracking_read(c->run->server, schema, s->tracking_table, s->default_format, &set, err);

    c->result.step = "activate";
    return rc ? rc : engine_intern_set(c->run->ctx, c->run->control, set, &c->set, err);
}

static void failed(struct copying *c, const struct err *err, struct task_result *result)
{
    outcome_error(c->run, err, c->result.step ? c->result.step : "prepare", NULL, result);
    if (err->code == ERR_CANCELLED && !task_run_cancelled(c->run))
        result->verdict = VERDICT_FAILED; /* its own time was over */
    if (result->verdict != VERDICT_FAILED && result->verdict != VERDICT_CANCELLED)
        return;
    result->tenant_state = "error";
    result->last_error = json_incref(result->outcome);
}

static void succeeded(const struct copying *c, int64_t ms, struct task_result *result)
{
    result->verdict = VERDICT_SUCCEEDED;
    result->tenant_state = "active";
    result->applied_set = c->set;
    result->outcome = json_pack("{s:s, s:O, s:I, s:I, s:s, s:I}", "source", c->source.id, "tables",
                                c->result.tables, "rows", (json_int_t)c->result.rows, "bytes",
                                (json_int_t)c->result.bytes, "fingerprint", c->result.fingerprint,
                                "duration_ms", (json_int_t)ms);
}

/* A job that is retried may be about a tenant that has got another schema since. */
static err_code is_waiting(const struct task_run *run, bool *waiting, struct err *err)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    err_code rc = tenant_find(run->control, run->task->tenant_id, false, &t, err);

    if (!rc)
        *waiting = t.state == TENANT_PROVISIONING || t.state == TENANT_ERROR;
    return rc;
}

void kind_clone(struct task_run *run, struct task_result *result)
{
    CLEANUP(copying_clear) struct copying c = {.run = run};
    const char *schema = args_text(run->task->args, "schema", "");
    struct err err = {.code = ERR_NONE};
    int64_t started = clock_mono_ms();
    bool waiting = false;
    err_code rc = is_waiting(run, &waiting, &err);

    if (!rc && !waiting) {
        result->verdict = VERDICT_SKIPPED;
        result->outcome = json_pack("{s:s}", "message", "the tenant has its schema already");
        return;
    }
    if (!rc)
        rc = find_source(&c, &err);
    if (!rc)
        rc = drop_leftover(&c, schema, &err);
    if (!rc)
        rc = copy(&c, schema, &err);
    if (!rc)
        rc = read_applied(&c, schema, &err);
    if (rc)
        failed(&c, &err, result);
    else
        succeeded(&c, clock_mono_ms() - started, result);
}
