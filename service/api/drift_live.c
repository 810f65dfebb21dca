/* SPDX-License-Identifier: MIT */
/* The drift of one tenant: as it is now, or as the last scan saw it. */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/tenant/tenant_store.h"
#include "service/api/drift_view.h"
#include "service/api/fields.h"
#include "service/api/tenants.h"

/* One look at one tenant. */
struct live {
    struct call *call;
    struct tenant tenant, other; /* owned; other: what it is held against, without id: not */
    json_t *args, *model;        /* owned */
    struct drift_finding finding;
    json_t *differences; /* owned */
};

static void live_clear(struct live *l)
{
    tenant_clear(&l->tenant);
    tenant_clear(&l->other);
    json_decref(l->args);
    json_decref(l->model);
    json_decref(l->differences);
}

static err_code read_args(struct live *l, struct err *err)
{
    const char *tenant = request_query(l->call->req, "reference_tenant");
    const char *version = request_query(l->call->req, "version");
    json_t *reference = json_pack("{s:s}", "kind", tenant ? "tenant" : version ? "catalog" : "own");

    l->args = json_pack("{s:o, s:[], s:[], s:b}", "reference", reference, "ignore",
                        "exclude_tables", "column_order", false);
    if (tenant && version) {
        (void)err_set(err, ERR_INVALID_PARAMETER,
                      "version and reference_tenant exclude each other");
        return err_in(err, "version");
    }
    if (version)
        (void)json_object_set_new(reference, "version", json_text(version));
    if (!tenant)
        return ERR_NONE;
    (void)json_object_set_new(reference, "tenant_id", json_text(tenant));
    return tenant_find(l->call->pg, tenant, false, &l->other, err);
}

static err_code read_other(struct live *l, struct err *err)
{
    struct engine *engine = l->call->app->engine;
    char fingerprint[SHA256_HEX_SIZE];
    struct pg *pg = NULL;

    if (!l->other.id)
        return ERR_NONE;
    err_code rc = engine_open_server(engine, l->call->pg, l->other.server, &pg, err);
    if (!rc)
        rc = drift_read(engine, pg, l->other.schema, l->args, &l->model, fingerprint, err);
    engine_close_server(engine, l->other.server, pg);
    return rc;
}

/* One schema gives one pair at most, but when it was read again: the last is the one that counts.
 */
static err_code look(struct live *l, struct pg *pg, struct err *err)
{
    CLEANUP(drift_scan_freep) struct drift_scan *scan = NULL;
    struct drift_scan_options options = {.engine = l->call->app->engine,
                                         .control = l->call->pg,
                                         .pg = pg,
                                         .server = l->tenant.server,
                                         .args = l->args};
    struct drift_subject subject = {.tenant_id = l->tenant.id,
                                    .schema = l->tenant.schema,
                                    .applied_set = l->tenant.applied_set};
    err_code rc = l->model ? drift_scan_held(&options, l->model, &scan, err)
                           : drift_scan_new(&options, &scan, err);

    if (!rc)
        rc = drift_scan_look(scan, &subject, 1, &l->finding, err);
    if (!rc && l->finding.state == DRIFT_ERROR) {
        *err = l->finding.why;
        return err->code;
    }
    if (rc)
        return rc;
    size_t last = json_array_size(drift_scan_pairs(scan));
    const json_t *pair = last ? json_array_get(drift_scan_pairs(scan), last - 1) : NULL;
    bool differs = l->finding.errors || l->finding.warnings;
    l->differences = differs ? json_incref(json_object_get(pair, "differences")) : json_array();
    return ERR_NONE;
}

static err_code look_live(struct live *l, struct err *err)
{
    struct engine *engine = l->call->app->engine;
    struct pg *pg = NULL;
    err_code rc = read_other(l, err);

    if (!rc)
        rc = engine_open_server(engine, l->call->pg, l->tenant.server, &pg, err);
    if (!rc)
        rc = look(l, pg, err);
    engine_close_server(engine, l->tenant.server, pg);
    if (!rc && l->finding.is_newer)
        rc = tenant_seen(l->call->pg, l->tenant.id, l->finding.applied_set, err);
    return rc;
}

static json_t *problem_json(const struct drift_finding *f)
{
    return f->why.code ? json_pack("{s:s, s:o}", "code", err_name(f->why.code), "detail",
                                   json_text(f->why.msg))
                       : json_null();
}

static json_t *fingerprint_json(const char *fingerprint)
{
    return fingerprint[0] ? json_string(fingerprint) : json_null();
}

/* accepted: a row of drift_accepted(), if there is one. */
static json_t *live_json(const struct live *l, const struct pg_rows *accepted)
{
    const struct drift_finding *f = &l->finding;
    bool is_accepted = f->state == DRIFT_DRIFTED && pg_rows_count(accepted);

    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:O, s:o, s:I, s:I, s:O, s:o, s:b, s:n, s:o}",
                     "tenant_id", l->tenant.id, "source", "live", "state",
                     is_accepted ? "accepted" : drift_state_name(f->state), "fingerprint",
                     fingerprint_json(f->fingerprint), "reference", fingerprint_json(f->reference),
                     "basis", l->args, "problem", problem_json(f), "errors", (json_int_t)f->errors,
                     "warnings", (json_int_t)f->warnings, "differences", l->differences,
                     "acceptance", is_accepted ? drift_accepted_json(accepted, 0) : json_null(),
                     "migrated_since", false, "job_id", "checked_at", json_time(clock_unix_ms()));
}

static struct reply reply_live(struct call *call, struct live *l)
{
    CLEANUP(pg_rows_freep) struct pg_rows *accepted = NULL;
    struct err err = {.code = ERR_NONE};

    if (read_args(l, &err) || look_live(l, &err) ||
        drift_accepted(call->pg, l->tenant.id, l->finding.reference, l->finding.fingerprint,
                       &accepted, &err))
        return call_fail(call, &err);
    return reply_json(200, live_json(l, accepted));
}

static struct reply reply_last(struct call *call, const char *id)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct err err;

    if (drift_of_tenant(call->pg, id, &rows, &err))
        return call_fail(call, &err);
    if (pg_rows_count(rows))
        return reply_json(200, drift_detail_json(rows, 0));
    (void)err_set(&err, ERR_DRIFT_NOT_FOUND, "no scan has looked at tenant %s yet", id);
    return call_fail(call, &err);
}

struct reply tenants_drift(struct call *call)
{
    static const char *const sources[] = {"live", "scan", NULL};
    CLEANUP(live_clear) struct live l = {.call = call};
    const char *source = NULL;
    struct err err;

    if (query_word(call, "source", sources, "live", &source, &err) ||
        tenant_find(call->pg, call->req->params[0], false, &l.tenant, &err))
        return call_fail(call, &err);
    return str_eq(source, "live") ? reply_live(call, &l) : reply_last(call, l.tenant.id);
}
