/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/kinds.h"
#include "core/job/outcome.h"
#include "core/job/seeding.h"
#include "core/migrate/seed_store.h"
#include "core/tenant/tenant_store.h"

/* One schema and the seeds it shall get. */
struct seeding {
    struct task_run *run;
    const json_t *seeds; /* [[name, sha256], …] */
    json_t *values;
    struct tenant tenant; /* without an id: the shared schema */
    struct seed_options options;
    bool mode_given;
    int applied, skipped;
    struct apply_failure failure;
};

static void seeding_clear(struct seeding *s)
{
    json_decref(s->values);
    tenant_clear(&s->tenant);
}

static err_code prepare(struct seeding *s, struct err *err)
{
    const struct engine_settings *settings = engine_settings(s->run->ctx);
    const json_t *args = s->run->job->args;
    bool shared = json_is_true(json_object_get(s->run->task->args, "shared"));
    const char *mode = args_text(args, "mode", NULL);
    err_code rc =
        shared ? ERR_NONE
               : tenant_find(s->run->control, s->run->task->tenant_id, false, &s->tenant, err);
    if (rc)
        return rc;
    s->seeds = json_object_get(args, shared ? "shared_seeds" : "seeds");
    s->mode_given = mode != NULL;
    s->options = (struct seed_options){
        .schema = shared ? settings->shared_schema : args_text(s->run->task->args, "schema", ""),
        .shared_schema = settings->shared_schema,
        .job_id = s->run->job->id,
        .always = str_eq(mode, "always"),
        .force = json_is_true(json_object_get(args, "force")),
        .async_commit = !pg_is_pooled(s->run->server),
        .lock_timeout_ms = settings->lock_timeout_ms,
        .statement_timeout_ms = settings->statement_timeout_ms,
    };
    s->values = seed_values(json_object_get(args, "variables"), s->options.schema,
                            shared ? NULL : &s->tenant);
    return s->values ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code apply_text(struct seeding *s, const struct seed_text *text, struct err *err)
{
    CLEANUP(seed_bound_clear) struct seed_bound bound = {.sql = NULL};
    bool applied = false;
    err_code rc = seed_bind(text, s->values, &bound, err);

    if (!rc)
        rc = seed_apply(s->run->server, &bound, &s->options, &applied, &s->failure, err);
    s->applied += applied;
    s->skipped += !rc && !applied;
    return rc;
}

/* The job was started for the content that the seed had then. */
static err_code apply_one(struct seeding *s, const char *name, const char *sha256, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(seed_text_clear) struct seed_text text = {.sql = NULL};
    err_code rc = seed_get(s->run->control, name, &rows, err);

    if (rc)
        return rc;
    if (!str_eq(pg_text(rows, 0, "sha256"), sha256))
        return err_set(err, ERR_SEED_CHANGED, "seed %s was replaced after the job was started",
                       name);
    const char *sql = pg_text(rows, 0, "sql");
    rc = seed_text_make(engine_settings(s->run->ctx)->policy, sql, strlen(sql), &text, err);
    if (rc)
        return rc;
    bool always = s->options.always;
    s->options.name = name;
    if (!s->mode_given)
        s->options.always = str_eq(pg_text(rows, 0, "mode"), "always");
    rc = apply_text(s, &text, err);
    s->options.always = always;
    return rc;
}

static void failed(struct seeding *s, const struct err *err, const char *name,
                   struct task_result *result)
{
    if (!s->failure.step) { /* before any script */
        s->failure =
            (struct apply_failure){.step = "prepare", .line = err->line, .column = err->column};
        (void)snprintf(s->failure.version, sizeof s->failure.version, "%s", name ? name : "");
        (void)snprintf(s->failure.message, sizeof s->failure.message, "%s", err->msg);
        memcpy(s->failure.sqlstate, err->sqlstate, sizeof s->failure.sqlstate);
    }
    outcome_error(s->run, err, s->failure.step, &s->failure, result);
}

static void seed(struct seeding *s, struct task_result *result)
{
    struct err err = {.code = ERR_NONE};
    int64_t started = clock_mono_ms();
    size_t i;
    json_t *pair;

    json_array_foreach(s->seeds, i, pair)
    {
        const char *name = json_string_value(json_array_get(pair, 0));
        if (apply_one(s, name, json_string_value(json_array_get(pair, 1)), &err)) {
            failed(s, &err, name, result);
            return;
        }
    }
    result->verdict = s->applied ? VERDICT_SUCCEEDED : VERDICT_SKIPPED;
    result->outcome = json_pack("{s:i, s:i, s:I}", "applied", s->applied, "skipped", s->skipped,
                                "duration_ms", (json_int_t)(clock_mono_ms() - started));
}

void kind_seed(struct task_run *run, struct task_result *result)
{
    CLEANUP(seeding_clear) struct seeding s = {.run = run};
    struct err err = {.code = ERR_NONE};
    err_code rc = prepare(&s, &err);
    bool gone = rc == ERR_TENANT_NOT_FOUND || (s.tenant.id && s.tenant.state != TENANT_ACTIVE &&
                                               s.tenant.state != TENANT_SUSPENDED);

    if (gone) {
        result->verdict = VERDICT_SKIPPED;
        result->outcome = json_pack("{s:s}", "message", "the tenant is gone");
    } else if (rc) {
        failed(&s, &err, NULL, result);
    } else {
        seed(&s, result);
    }
}
