/* SPDX-License-Identifier: MIT */
#include "core/job/drift_store.h"

#include "core/base/json.h"
#include "core/base/str.h"

static json_t *finding_json(const struct drift_subject *s, const struct drift_finding *f)
{
    json_t *problem = f->why.code ? json_pack("{s:s, s:o}", "code", err_name(f->why.code),
                                              "detail", json_text(f->why.msg))
                                  : NULL;

    return json_pack("{s:s, s:s, s:s?, s:s?, s:I, s:I, s:I, s:o?}", "tenant_id", s->tenant_id,
                     "state", drift_state_name(f->state), "reference",
                     f->reference[0] ? f->reference : NULL, "fingerprint",
                     f->fingerprint[0] ? f->fingerprint : NULL, "errors", (json_int_t)f->errors,
                     "warnings", (json_int_t)f->warnings, "applied_set", (json_int_t)f->applied_set,
                     "problem", problem);
}

/* In the order of ids, so that two scans at once never wait for each other in a circle. */
static const struct pg_stmt store_stmt = {
    .name = "drift_store",
    .sql =
        "WITH found AS ("
        "  SELECT * FROM jsonb_to_recordset($1::jsonb) AS x (tenant_id text, state text,"
        "   reference text, fingerprint text, errors int, warnings int, applied_set bigint,"
        "   problem jsonb)),"
        " alive AS ("
        "  SELECT t.id FROM tenantd.tenant t WHERE t.id IN (SELECT tenant_id FROM found)"
        "  ORDER BY t.id FOR KEY SHARE),"
        " pairs AS ("
        "  INSERT INTO tenantd.drift_diff (reference, fingerprint, differences, errors, warnings)"
        "  SELECT x.reference, x.fingerprint, x.differences, x.errors, x.warnings"
        "  FROM jsonb_to_recordset($2::jsonb) AS x (reference text, fingerprint text,"
        "   differences jsonb, errors int, warnings int)"
        "  ORDER BY x.reference, x.fingerprint"
        "  ON CONFLICT (reference, fingerprint) DO UPDATE SET seen_at = now())"
        " INSERT INTO tenantd.drift AS d (tenant_id, state, reference, fingerprint, errors,"
        "  warnings, basis, problem, applied_set, job_id, checked_at)"
        " SELECT f.tenant_id, f.state, f.reference, f.fingerprint, f.errors, f.warnings,"
        "  $3::jsonb - 'revision', f.problem, nullif(f.applied_set, 0), $4::uuid,"
        "  clock_timestamp() - make_interval(secs => $5::bigint / 1000.0)"
        " FROM found f JOIN alive ON alive.id = f.tenant_id ORDER BY f.tenant_id"
        " ON CONFLICT (tenant_id) DO UPDATE SET state = excluded.state,"
        "  reference = excluded.reference, fingerprint = excluded.fingerprint,"
        "  errors = excluded.errors, warnings = excluded.warnings, basis = excluded.basis,"
        "  problem = excluded.problem, applied_set = excluded.applied_set,"
        "  job_id = excluded.job_id, checked_at = excluded.checked_at"
        " WHERE d.checked_at <= excluded.checked_at",
};

err_code drift_store(struct pg *pg, const struct drift_batch *b, struct err *err)
{
    json_auto_t *found = json_array();
    bool failed = !found;

    for (size_t i = 0; i < b->n; i++)
        failed |= json_array_append_new(found, finding_json(&b->subjects[i], &b->findings[i])) != 0;
    CLEANUP(freep) char *rows = failed ? NULL : json_dumps(found, JSON_COMPACT);
    CLEANUP(freep) char *pairs = json_dumps(b->pairs, JSON_COMPACT);
    CLEANUP(freep) char *args = json_canonical(b->args);
    if (!rows || !pairs || !args)
        return err_set(err, ERR_INTERNAL, "out of memory");
    return pg_exec(
        pg, &store_stmt,
        PG_ARGS(PG_ARG(rows), PG_ARG(pairs), PG_ARG(args), PG_ARG(b->job_id), PG_ARG(b->age_ms)),
        NULL, err);
}

err_code drift_store_model(struct pg *pg, const char *fingerprint, const json_t *model,
                           struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_store_model",
        .sql = "INSERT INTO tenantd.drift_model (fingerprint, model) VALUES ($1, $2::jsonb)"
               " ON CONFLICT (fingerprint) DO UPDATE SET used_at = now()",
    };
    CLEANUP(freep) char *text = json_dumps(model, JSON_COMPACT);

    if (!text)
        return err_set(err, ERR_INTERNAL, "out of memory");
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(fingerprint), PG_ARG(text)), NULL, err);
}

err_code drift_find_model(struct pg *pg, const char *fingerprint, json_t **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_find_model",
        .sql = "SELECT model FROM tenantd.drift_model WHERE fingerprint = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(fingerprint)), &rows, err);

    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_NOT_FOUND,
                       "what the scan was to compare with is no longer kept: start a new one");
    *out = json_loads(pg_text(rows, 0, "model"), 0, NULL);
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code drift_sweep(struct pg *pg, struct err *err)
{
    static const struct pg_stmt diffs = {
        .name = "drift_sweep_diffs",
        .sql = "DELETE FROM tenantd.drift_diff x WHERE x.seen_at < now() - interval '1 day'"
               " AND NOT EXISTS (SELECT FROM tenantd.drift d"
               "  WHERE d.fingerprint = x.fingerprint AND d.reference = x.reference)",
    };
    static const struct pg_stmt models = {
        .name = "drift_sweep_models",
        .sql = "DELETE FROM tenantd.drift_model WHERE used_at < now() - interval '7 days'",
    };
    err_code rc = pg_exec(pg, &diffs, PG_NO_ARGS, NULL, err);

    return rc ? rc : pg_exec(pg, &models, PG_NO_ARGS, NULL, err);
}
