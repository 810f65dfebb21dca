/* SPDX-License-Identifier: MIT */
/* drift.scan: many schemas of one server are read, compared and forgotten again together. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/drift_store.h"
#include "core/job/kinds.h"
#include "core/job/outcome.h"
#include "core/pg/array.h"

enum { TOGETHER = 32 }; /* schemas that are in memory at a time */

/* Some tasks in a row. */
struct batch {
    struct task_run *run;
    const struct task *tasks;
    size_t n;
    struct pg_rows *registry;       /* of the tasks' tenants that there still are */
    struct drift_subject *subjects; /* of these, in the order of the tasks */
    struct drift_finding *findings;
    size_t *at; /* the subject of each task; n: its tenant is gone */
    size_t n_subjects;
    int64_t started;
};

static void batch_clear(struct batch *b)
{
    pg_rows_free(b->registry);
    free(b->subjects);
    free(b->findings);
    free(b->at);
}

/* What the registry says now: a tenant may have been renamed, migrated or dropped since the job was
 * made. */
static err_code read_registry(struct batch *b, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_registry",
        .sql = "SELECT t.id, t.schema_name, coalesce(t.applied_set, 0) AS applied_set"
               " FROM unnest($1::text[]) WITH ORDINALITY AS x (id, place)"
               " LEFT JOIN tenantd.tenant t ON t.id = x.id AND t.server = $2"
               "  AND t.state IN ('active', 'suspended') ORDER BY x.place",
    };
    CLEANUP(str_clear) struct str ids = STR_INIT;

    for (size_t i = 0; i < b->n; i++)
        pg_array_add(&ids, b->tasks[i].tenant_id ? b->tasks[i].tenant_id : "");
    pg_array_end(&ids);
    return str_ok(&ids)
               ? pg_query(b->run->control, &stmt,
                          PG_ARGS(PG_ARG(str_text(&ids)), PG_ARG((const char *)b->tasks[0].server)),
                          &b->registry, err)
               : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code find_subjects(struct batch *b, struct err *err)
{
    b->subjects = calloc(b->n, sizeof *b->subjects);
    b->findings = calloc(b->n, sizeof *b->findings);
    b->at = calloc(b->n, sizeof *b->at);
    if (!b->subjects || !b->findings || !b->at)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = read_registry(b, err);
    for (size_t i = 0; i < b->n && !rc; i++) {
        b->at[i] = b->n;
        if (pg_is_null(b->registry, i, "id"))
            continue;
        b->at[i] = b->n_subjects++;
        b->subjects[b->at[i]] =
            (struct drift_subject){.tenant_id = pg_text(b->registry, i, "id"),
                                   .schema = pg_text(b->registry, i, "schema_name"),
                                   .applied_set = pg_bigint(b->registry, i, "applied_set")};
    }
    return rc;
}

static err_code look(struct batch *b, struct err *err)
{
    CLEANUP(drift_scan_freep) struct drift_scan *scan = NULL;
    struct drift_scan_options options = {.engine = b->run->ctx,
                                         .control = b->run->control,
                                         .pg = b->run->server,
                                         .server = b->tasks[0].server,
                                         .args = b->run->job->args,
                                         .run = b->run};
    err_code rc = drift_scan_new(&options, &scan, err);

    b->started = clock_mono_ms();
    if (!rc && b->n_subjects)
        rc = drift_scan_look(scan, b->subjects, b->n_subjects, b->findings, err);
    if (rc || !b->n_subjects)
        return rc;
    return drift_store(b->run->control,
                       &(struct drift_batch){.subjects = b->subjects,
                                             .findings = b->findings,
                                             .n = b->n_subjects,
                                             .pairs = drift_scan_pairs(scan),
                                             .args = b->run->job->args,
                                             .job_id = b->run->job->id,
                                             .age_ms = clock_mono_ms() - b->started},
                       err);
}

static void set_text(json_t *outcome, const char *key, const char *text)
{
    if (text[0])
        (void)json_object_set_new(outcome, key, json_string(text));
}

static void judge(struct batch *b, size_t i, struct task_result *result)
{
    const struct drift_finding *f = b->at[i] < b->n ? &b->findings[b->at[i]] : NULL;

    b->run->task = &b->tasks[i];
    if (!f) {
        result->verdict = VERDICT_SKIPPED;
        result->outcome = json_pack("{s:s}", "message", "the tenant is gone");
        return;
    }
    if (f->state == DRIFT_ERROR) {
        outcome_error(b->run, &f->why, "read_schema", NULL, result);
        return;
    }
    result->verdict = VERDICT_SUCCEEDED;
    result->applied_set = f->is_newer ? f->applied_set : 0;
    result->outcome = json_pack("{s:s, s:I, s:I}", "drift", drift_state_name(f->state), "errors",
                                (json_int_t)f->errors, "warnings", (json_int_t)f->warnings);
    set_text(result->outcome, "fingerprint", f->fingerprint);
    set_text(result->outcome, "reference", f->reference);
    set_text(result->outcome, "message", f->why.code ? f->why.msg : "");
}

/* Dropped while it was looked at: not a failure of the scan. */
static bool is_gone(const struct batch *b, size_t i)
{
    struct batch now = {.run = b->run, .tasks = &b->tasks[i], .n = 1};
    bool gone = !read_registry(&now, NULL) && pg_is_null(now.registry, 0, "id");

    pg_rows_free(now.registry);
    return gone;
}

static void leave_out_gone(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->at[i] < b->n && b->findings[b->at[i]].state == DRIFT_ERROR && is_gone(b, i))
            b->at[i] = b->n;
}

size_t kind_drift_many(struct task_run *run, struct task_result *results, size_t n)
{
    CLEANUP(batch_clear)
    struct batch b = {.run = run, .tasks = run->task, .n = n < TOGETHER ? n : TOGETHER};
    struct err err = {.code = ERR_NONE};
    err_code rc = find_subjects(&b, &err);

    if (!rc)
        rc = look(&b, &err);
    if (rc) {
        outcome_error(run, &err, "read_schema", NULL, &results[0]);
        return 1;
    }
    leave_out_gone(&b);
    for (size_t i = 0; i < b.n; i++)
        judge(&b, i, &results[i]);
    run->task = b.tasks;
    return b.n;
}

void kind_drift(struct task_run *run, struct task_result *result)
{
    (void)kind_drift_many(run, result, 1);
}
