/* SPDX-License-Identifier: MIT */
#include "core/job/drift_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/drift_store.h"
#include "core/job/expected.h"
#include "core/job/outcome.h"
#include "core/schema/introspect.h"

enum { READS = 3 }; /* of one schema that changes while it is read */

const char *drift_state_name(drift_state state)
{
    static const char *const names[] = {[DRIFT_OK] = "ok",
                                        [DRIFT_DRIFTED] = "drifted",
                                        [DRIFT_UNKNOWN] = "unknown",
                                        [DRIFT_ERROR] = "error"};
    return names[state];
}

void drift_scan_free(struct drift_scan *scan)
{
    if (!scan)
        return;
    catalog_release(engine_catalogs(scan->o.engine), scan->catalog);
    for (size_t i = 0; i < scan->n_references; i++)
        json_decref(scan->references[i].model);
    free(scan->references);
    json_decref(scan->held);
    json_decref(scan->pairs);
    free(scan);
}

void drift_scan_freep(struct drift_scan **scan)
{
    drift_scan_free(*scan);
}

const json_t *drift_scan_pairs(const struct drift_scan *scan)
{
    return scan->pairs;
}

static err_code new_scan(const struct drift_scan_options *options, struct drift_scan **out,
                         struct err *err)
{
    CLEANUP(drift_scan_freep) struct drift_scan *scan = calloc(1, sizeof *scan);

    if (!scan || !(scan->pairs = json_array()))
        return err_set(err, ERR_INTERNAL, "out of memory");
    scan->o = *options;
    scan->own = str_eq(args_text(drift_reference_of(scan), "kind", "own"), "own");
    err_code rc = catalog_acquire(engine_catalogs(options->engine), options->control, "tenant",
                                  args_int(options->args, "revision", 0), &scan->catalog, err);
    if (rc)
        return rc;
    *out = scan;
    scan = NULL;
    return ERR_NONE;
}

err_code drift_scan_held(const struct drift_scan_options *options, const json_t *model,
                         struct drift_scan **out, struct err *err)
{
    err_code rc = new_scan(options, out, err);

    if (rc)
        return rc;
    (*out)->held = json_deep_copy(model);
    return ERR_NONE;
}

err_code drift_scan_new(const struct drift_scan_options *options, struct drift_scan **out,
                        struct err *err)
{
    CLEANUP(drift_scan_freep) struct drift_scan *scan = NULL;
    err_code rc = new_scan(options, &scan, err);

    if (!rc && str_eq(args_text(drift_reference_of(scan), "kind", "own"), "tenant"))
        rc = drift_find_model(options->control,
                              args_text(drift_reference_of(scan), "fingerprint", ""), &scan->held,
                              err);
    if (rc)
        return rc;
    *out = scan;
    scan = NULL;
    return ERR_NONE;
}

static const json_t *find_pair(const struct drift_scan *scan, const struct drift_finding *f)
{
    for (size_t i = 0; i < json_array_size(scan->pairs); i++) {
        const json_t *pair = json_array_get(scan->pairs, i);
        if (str_eq(args_text(pair, "reference", ""), f->reference) &&
            str_eq(args_text(pair, "fingerprint", ""), f->fingerprint))
            return pair;
    }
    return NULL;
}

static err_code add_pair(struct drift_scan *scan, const struct drift_reference *r,
                         const json_t *actual, const struct drift_finding *f, struct err *err)
{
    CLEANUP(drift_diff_clear) struct drift_diff diff = {.list = NULL};
    err_code rc = drift_compare(r->model, actual, &diff, err);

    if (rc)
        return rc;
    json_t *pair = json_pack("{s:s, s:s, s:O, s:I, s:I}", "reference", f->reference, "fingerprint",
                             f->fingerprint, "differences", diff.list, "errors",
                             (json_int_t)diff.errors, "warnings", (json_int_t)diff.warnings);
    return json_array_append_new(scan->pairs, pair) ? err_set(err, ERR_INTERNAL, "out of memory")
                                                    : ERR_NONE;
}

/* What a model comes to beside what is applied to its schema. */
static err_code judge(struct drift_scan *scan, int64_t set, const json_t *actual,
                      struct drift_finding *f, struct err *err)
{
    const struct drift_reference *r = NULL;
    err_code rc = drift_fingerprint(actual, f->fingerprint, err);

    if (!rc)
        rc = drift_find_reference(scan, set, &r, err);
    if (rc)
        return rc;
    memcpy(f->reference, r->fingerprint, SHA256_HEX_SIZE);
    f->why = r->problem;
    f->state = r->model ? DRIFT_OK : DRIFT_UNKNOWN;
    f->errors = f->warnings = 0;
    if (!r->model || str_eq(f->fingerprint, f->reference))
        return ERR_NONE;
    if (!find_pair(scan, f))
        rc = add_pair(scan, r, actual, f, err);
    if (rc)
        return rc;
    const json_t *pair = find_pair(scan, f);
    f->errors = (size_t)args_int(pair, "errors", 0);
    f->warnings = (size_t)args_int(pair, "warnings", 0);
    f->state = f->errors ? DRIFT_DRIFTED : DRIFT_OK;
    return ERR_NONE;
}

static struct schema_options options_of(const struct engine *engine)
{
    return (struct schema_options){.tracking_table = engine_settings(engine)->tracking_table};
}

err_code drift_read(struct engine *engine, struct pg *pg, const char *schema, const json_t *rules,
                    json_t **out, char fingerprint[SHA256_HEX_SIZE], struct err *err)
{
    CLEANUP(schema_freep) struct schema *model = NULL;
    struct schema_options options = options_of(engine);
    err_code rc = schema_read(pg, schema, &options, &model, err);

    if (rc)
        return rc;
    json_auto_t *json = expected_model_json(model);
    drift_prune(json, rules);
    rc = drift_fingerprint(json, fingerprint, err);
    if (!rc)
        *out = json_incref(json);
    return rc;
}

static err_code read_history(struct drift_scan *scan, const char *schema, int64_t *id,
                             struct err *err)
{
    const struct engine_settings *s = engine_settings(scan->o.engine);
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    err_code rc =
        tracking_read(scan->o.pg, schema, s->tracking_table, s->default_format, &set, err);

    return rc ? rc : engine_intern_set(scan->o.engine, scan->o.control, set, id, err);
}

/* Objects and tracking table as of one moment. */
struct again {
    struct drift_scan *scan;
    const char *schema;
    json_t *model; /* owned */
    int64_t set;
};

static err_code read_again(struct pg *pg, void *arg, struct err *err)
{
    struct again *a = arg;
    char fingerprint[SHA256_HEX_SIZE];
    err_code rc = pg_command(pg, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", err);

    json_decref(a->model); /* of an attempt whose COMMIT failed */
    a->model = NULL;
    if (!rc)
        rc = drift_read(a->scan->o.engine, pg, a->schema, a->scan->o.args, &a->model, fingerprint,
                        err);
    return rc ? rc : read_history(a->scan, a->schema, &a->set, err);
}

/* The registry may be behind the tenant's own table, or not know it at all. */
static err_code make_sure(struct drift_scan *scan, const struct drift_subject *s,
                          struct drift_finding *f, struct err *err)
{
    struct again a = {.scan = scan, .schema = s->schema};
    int64_t id = 0;
    err_code rc = read_history(scan, s->schema, &id, err);

    if (rc || id == s->applied_set)
        return rc;
    rc = pg_tx(scan->o.pg, read_again, &a, err);
    if (!rc)
        rc = judge(scan, a.set, a.model, f, err);
    json_decref(a.model);
    f->applied_set = a.set;
    f->is_newer = true;
    return rc;
}

static err_code look_at(struct drift_scan *scan, const struct drift_subject *s,
                        const struct schema *model, struct drift_finding *f, struct err *err)
{
    json_auto_t *actual = expected_model_json(model);

    drift_prune(actual, scan->o.args);
    err_code rc = judge(scan, s->applied_set, actual, f, err);
    return rc || !scan->own || f->state == DRIFT_OK ? rc : make_sure(scan, s, f, err);
}

static void free_models(struct schema **models, size_t n)
{
    for (size_t i = 0; models && i < n; i++)
        schema_free(models[i]);
    free(models);
}

/* models[i] stays NULL where there is no such schema. */
static err_code read_models(struct drift_scan *scan, const struct drift_subject *subjects, size_t n,
                            struct schema **models, struct err *err)
{
    struct schema_options options = options_of(scan->o.engine);
    const char **names = calloc(n, sizeof *names);

    if (!names)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < n; i++)
        names[i] = subjects[i].schema;
    err_code rc = schemas_read(scan->o.pg, names, n, &options, models, err);
    free(names);
    return rc;
}

static err_code look_at_all(struct drift_scan *scan, const struct drift_subject *subjects, size_t n,
                            struct drift_finding *findings, struct err *err)
{
    struct schema **models = calloc(n, sizeof *models);
    err_code rc = models ? read_models(scan, subjects, n, models, err)
                         : err_set(err, ERR_INTERNAL, "out of memory");

    for (size_t i = 0; i < n && !rc; i++) {
        struct drift_finding *f = &findings[i];
        *f = (struct drift_finding){.state = DRIFT_ERROR, .applied_set = subjects[i].applied_set};
        if (models[i])
            rc = look_at(scan, &subjects[i], models[i], f, err);
        else
            (void)err_set(&f->why, ERR_SCHEMA_MISSING, "there is no schema \"%s\"",
                          subjects[i].schema);
        schema_free(models[i]);
        models[i] = NULL;
    }
    free_models(models, n);
    return rc;
}

/* What fails for one alone is said of that one. While somebody changes a schema, the catalog's
 * functions may look for what is gone by then: it is read again. */
static err_code look_at_one(struct drift_scan *scan, const struct drift_subject *s,
                            struct drift_finding *f, struct err *err)
{
    struct err why = {.code = ERR_NONE};
    err_code rc = ERR_INTERNAL;

    for (int i = 0; i < READS && rc == ERR_INTERNAL; i++)
        rc = look_at_all(scan, s, 1, f, &why);
    if (!rc)
        return rc;
    if (err_is_retryable(rc) || rc == ERR_CANCELLED || !pg_alive(scan->o.pg)) {
        if (err)
            *err = why;
        return rc;
    }
    *f = (struct drift_finding){.state = DRIFT_ERROR, .applied_set = s->applied_set, .why = why};
    return ERR_NONE;
}

err_code drift_scan_look(struct drift_scan *scan, const struct drift_subject *subjects, size_t n,
                         struct drift_finding *findings, struct err *err)
{
    err_code rc = look_at_all(scan, subjects, n, findings, err);
    bool is_ours = scan->o.run && task_run_cancelled(scan->o.run);

    if (!rc || is_ours || err_is_retryable(rc) || rc == ERR_CANCELLED || !pg_alive(scan->o.pg))
        return rc;
    rc = ERR_NONE;
    for (size_t i = 0; i < n && !rc; i++)
        rc = look_at_one(scan, &subjects[i], &findings[i], err);
    return rc;
}
