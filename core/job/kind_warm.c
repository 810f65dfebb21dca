/* SPDX-License-Identifier: MIT */
/* What keeps the warm pool: one schema made or brought forward, or dropped. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/kinds.h"
#include "core/job/outcome.h"
#include "core/job/provision.h"
#include "core/job/warm_internal.h"
#include "core/tenant/schema_ops.h"
#include "core/tenant/schema_text.h"

/* One schema on its way to the catalog's head. */
struct filling {
    struct task_run *run;
    struct engine *engine;
    const struct catalog *catalog;
    int64_t id, revision;
    const char *schema;
    char comment[WARM_COMMENT_SIZE];
    struct apply_result applied;
    char *where; /* the object that holds the schema's name; NULL: none does */
};

static void filling_clear(struct filling *f)
{
    catalog_release(engine_catalogs(f->engine), f->catalog);
    apply_result_clear(&f->applied);
    free(f->where);
}

/* Its row may be gone: somebody has taken the schema, or it is to be dropped. */
static err_code is_wanted(struct pg *pg, int64_t id, const char *states, bool *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_is_wanted",
        .sql = "SELECT EXISTS (SELECT FROM tenantd.warm_schema WHERE id = $1"
               " AND state = ANY ($2::text[])) AS wanted",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(states)), &rows, err);

    if (!rc)
        *out = pg_bool(rows, 0, "wanted");
    return rc;
}

static err_code forget(struct pg *pg, int64_t id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_forget",
        .sql = "DELETE FROM tenantd.warm_schema WHERE id = $1",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id)), NULL, err);
}

/* What became of it; set 0: not known. The commit is durable, and with it the schema's own on the
 * same cluster. */
static err_code write_state(const struct filling *f, const char *state, int64_t set,
                            const char *problem, bool *written, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_write_state",
        .sql = "UPDATE tenantd.warm_schema SET state = $2, revision = $3,"
               " applied_set = nullif($4::bigint, 0), problem = $5, updated_at = now()"
               " WHERE id = $1 AND state <> 'dropping'",
    };
    int64_t rows = 0;
    err_code rc = pg_exec(
        f->run->control, &stmt,
        PG_ARGS(PG_ARG(f->id), PG_ARG(state), PG_ARG(f->revision), PG_ARG(set), PG_ARG(problem)),
        &rows, err);
    *written = rows > 0;
    return rc;
}

static err_code drop_ours(const struct filling *f, struct err *err)
{
    const struct engine_settings *s = engine_settings(f->engine);
    bool ours = false;
    err_code rc = schema_has_comment(f->run->server, f->schema, f->comment, &ours, err);

    return rc || !ours ? rc
                       : schema_drop(f->run->server, f->schema, apply_lock_key(f->schema),
                                     s->lock_timeout_ms, err);
}

/* A schema without data is made anew rather than repaired. */
static bool is_past_help(err_code code)
{
    return code == ERR_HISTORY_DIVERGED || code == ERR_OUT_OF_ORDER ||
           code == ERR_MIGRATION_FAILED || code == ERR_SCHEMA_MISSING;
}

static err_code bring_forward(struct filling *f, struct err *err)
{
    bool ours = false;
    err_code rc = schema_has_comment(f->run->server, f->schema, f->comment, &ours, err);

    if (!rc && ours) {
        rc = provision_forward(f->run, f->catalog, f->schema, &f->applied, err);
        if (!is_past_help(rc))
            return rc;
        apply_result_clear(&f->applied);
        rc = drop_ours(f, err);
    }
    return rc ? rc
              : provision_schema(f->run, f->catalog, f->schema, f->comment, &f->applied, err);
}

static err_code prepare(struct filling *f, struct err *err)
{
    struct catalog_info info;
    err_code rc = catalog_info(f->run->control, "tenant", &info, err);

    if (rc)
        return rc;
    f->revision = info.revision; /* what is registered from now on shows as behind */
    return catalog_acquire(engine_catalogs(f->engine), f->run->control, "tenant", info.revision,
                           &f->catalog, err);
}

static err_code settle(struct filling *f, struct err *err)
{
    CLEANUP(str_clear) struct str problem = STR_INIT;
    bool written = false;
    int64_t set = 0;
    err_code rc = engine_intern_set(f->engine, f->run->control, f->applied.now, &set, err);

    if (f->where)
        str_addf(&problem, "%s holds the schema's name as text, which a rename would not change",
                 f->where);
    if (!rc)
        rc = write_state(f, f->where ? "unfit" : "ready", set, f->where ? str_text(&problem) : NULL,
                         &written, err);
    /* this replica slept, and the schema it made again is nobody's */
    return rc || written ? rc : drop_ours(f, err);
}

static err_code fill(struct filling *f, struct err *err)
{
    err_code rc = prepare(f, err);

    if (!rc)
        rc = bring_forward(f, err);
    if (!rc)
        rc = schema_spells_its_name(f->run->server, f->schema,
                                    engine_settings(f->engine)->shared_schema, &f->where, err);
    return rc ? rc : settle(f, err);
}

static void start(struct filling *f, struct task_run *run)
{
    *f = (struct filling){.run = run,
                          .engine = run->ctx,
                          .id = args_int(run->task->args, "warm", 0),
                          .schema = args_text(run->task->args, "schema", "")};
    warm_comment_of(f->schema, f->comment);
}

static void skip(struct task_result *result, const char *schema, const char *why)
{
    result->verdict = VERDICT_SKIPPED;
    result->outcome = json_pack("{s:s, s:s}", "schema", schema, "message", why);
}

static void failed(struct filling *f, const struct err *err, struct task_result *result)
{
    bool written = false;

    outcome_error(f->run, err, "fill", &f->applied.failure, result);
    if (result->outcome)
        (void)json_object_set_new(result->outcome, "schema", json_string(f->schema));
    if (err->code == ERR_SCHEMA_EXISTS) /* somebody else has the name; there are others */
        (void)!forget(f->run->control, f->id, NULL);
    else if (result->verdict == VERDICT_FAILED)
        (void)!write_state(f, "failed", 0, err->msg, &written, NULL);
}

void kind_warm_fill(struct task_run *run, struct task_result *result)
{
    CLEANUP(filling_clear) struct filling f;
    struct err err = {.code = ERR_NONE};
    int64_t started = clock_mono_ms();
    bool wanted = false;

    start(&f, run);
    if (is_wanted(run->control, f.id, "{filling,ready,unfit,failed}", &wanted, &err)) {
        failed(&f, &err, result);
        return;
    }
    if (!wanted) {
        skip(result, f.schema, "it is no longer the pool's");
        return;
    }
    if (fill(&f, &err)) {
        failed(&f, &err, result);
        return;
    }
    result->verdict = VERDICT_SUCCEEDED;
    result->outcome =
        json_pack("{s:s, s:I, s:I}", "schema", f.schema, "applied", (json_int_t)f.applied.applied,
                  "duration_ms", (json_int_t)(clock_mono_ms() - started));
    if (f.where)
        (void)json_object_set_new(result->outcome, "unfit", json_text(f.where));
}

void kind_warm_drain(struct task_run *run, struct task_result *result)
{
    CLEANUP(filling_clear) struct filling f;
    struct err err = {.code = ERR_NONE};
    bool wanted = false;

    start(&f, run);
    err_code rc = is_wanted(run->control, f.id, "{dropping}", &wanted, &err);
    if (!rc && !wanted) {
        skip(result, f.schema, "it is no longer the pool's");
        return;
    }
    if (!rc)
        rc = drop_ours(&f, &err);
    if (!rc)
        rc = forget(run->control, f.id, &err);
    if (rc) {
        outcome_error(run, &err, "drop_schema", NULL, result);
        return;
    }
    result->verdict = VERDICT_SUCCEEDED;
    result->outcome = json_pack("{s:s}", "schema", f.schema);
}
