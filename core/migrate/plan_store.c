/* SPDX-License-Identifier: MIT */
#include "core/migrate/plan_store.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"

err_code plan_insert(struct pg *pg, const struct plan_spec *spec, char id[UUID_TEXT_SIZE],
                     struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_insert",
        .sql = "INSERT INTO tenantd.plan (id, catalog, direction, target, request, rollback_of,"
               " created_by, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7,"
               " date_trunc('milliseconds', now()) + make_interval(secs => $8))",
    };
    CLEANUP(freep) char *request = json_dumps(spec->request, JSON_COMPACT);

    if (!request)
        return err_set(err, ERR_INTERNAL, "a plan's request cannot be encoded");
    uuid7(id);
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG((const char *)id), PG_ARG(spec->catalog),
                           PG_ARG((const char *)(spec->down ? "down" : "up")), PG_ARG(spec->target),
                           PG_ARG(request), PG_ARG(spec->rollback_of), PG_ARG(spec->created_by),
                           PG_ARG(spec->ttl_s)),
                   NULL, err);
}

err_code plan_freeze(struct pg *pg, const char *id, const struct selector *selector,
                     struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_freeze",
        .sql = "INSERT INTO tenantd.plan_target (plan_id, tenant_id, server, schema_name,"
               " applied_set) SELECT $1, t.id, t.server, t.schema_name, t.applied_set"
               " FROM tenantd.tenant t WHERE t.state IN ('active', 'suspended')"
               "   AND ($2::text[] IS NULL OR t.id = ANY ($2))"
               "   AND ($3::jsonb IS NULL OR t.labels @> $3)",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(selector->ids), PG_ARG(selector->labels)),
                   NULL, err);
}

/* Tasks of a run that changed their tenants: what an attempt committed before it was lost is not in
 * the outcome of the next, so whoever needed more than one counts when its tenant has moved. */
#define CHANGED                                                                                    \
    "(k.state = 'succeeded' OR (k.outcome ->> 'applied')::bigint > 0"                              \
    " OR (k.attempt > 1 AND k.state IN ('skipped', 'failed')))"

err_code plan_freeze_run(struct pg *pg, const char *id, const char *run_id, int64_t *left,
                         struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_freeze_run",
        .sql =
            "INSERT INTO tenantd.plan_target (plan_id, tenant_id, server, schema_name,"
            " applied_set, back_to)"
            " SELECT $1, t.id, t.server, t.schema_name, t.applied_set, (k.args ->> 'set')::bigint"
            " FROM tenantd.task k JOIN tenantd.tenant t ON t.id = k.tenant_id"
            " WHERE k.job_id = $2 AND t.state IN ('active', 'suspended') AND " CHANGED
            "   AND t.applied_set <> (k.args ->> 'set')::bigint",
    };
    static const struct pg_stmt count = {
        .name = "plan_freeze_run_count",
        .sql = "SELECT count(*) AS changed FROM tenantd.task k"
               " WHERE k.job_id = $1 AND k.tenant_id IS NOT NULL AND " CHANGED,
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    int64_t frozen = 0;
    err_code rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(run_id)), &frozen, err);

    if (!rc)
        rc = pg_query(pg, &count, PG_ARGS(PG_ARG(run_id)), &rows, err);
    if (!rc)
        *left = pg_bigint(rows, 0, "changed") - frozen;
    return rc;
}

err_code plan_groups(struct pg *pg, const char *id, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_groups",
        .sql = "SELECT applied_set, back_to, count(*) AS tenants,"
               " to_json((array_agg(tenant_id ORDER BY tenant_id))[1:5]) AS sample"
               " FROM tenantd.plan_target WHERE plan_id = $1 GROUP BY applied_set, back_to"
               " ORDER BY count(*) DESC, applied_set, back_to",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(id)), out, err);
}

err_code plan_drop_group(struct pg *pg, const char *id, int64_t applied_set, int64_t back_to,
                         struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_drop_group",
        .sql = "DELETE FROM tenantd.plan_target WHERE plan_id = $1"
               " AND applied_set IS NOT DISTINCT FROM nullif($2::bigint, 0)"
               " AND back_to IS NOT DISTINCT FROM nullif($3::bigint, 0)",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(applied_set), PG_ARG(back_to)), NULL, err);
}

err_code plan_finish(struct pg *pg, const char *id, const json_t *cohorts, int64_t noop,
                     struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_finish",
        .sql = "UPDATE tenantd.plan p SET cohorts = $2, noop = $3, tenants = x.n,"
               " plan_hash = encode(sha256(convert_to(concat_ws(E'\\n', p.catalog, p.direction,"
               "  p.target, $2::jsonb::text, x.list), 'UTF8')), 'hex')"
               " FROM (SELECT count(*) AS n, string_agg(tenant_id || ' '"
               "   || coalesce(applied_set::text, ''), E'\\n' ORDER BY tenant_id) AS list"
               "  FROM tenantd.plan_target WHERE plan_id = $1) x WHERE p.id = $1",
    };
    CLEANUP(freep) char *text = json_dumps(cohorts, JSON_COMPACT);

    if (!text)
        return err_set(err, ERR_INTERNAL, "a plan's cohorts cannot be encoded");
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(text), PG_ARG(noop)), NULL, err);
}

#define PLAN_STATE                                                                                 \
    "CASE WHEN p.run_id IS NOT NULL THEN 'used' WHEN p.expires_at <= now() THEN 'expired'"         \
    " ELSE 'open' END"
#define PLAN_COLUMNS                                                                               \
    "p.id, p.catalog, p.direction, p.target, p.request, p.plan_hash, p.tenants, p.noop, p.run_id," \
    " p.rollback_of, p.created_by, " PG_RFC3339("p.created_at") " AS created_at, " PG_RFC3339(     \
        "p.expires_at") " AS expires_at, " PLAN_STATE " AS state"

err_code plan_find(struct pg *pg, const char *id, bool lock, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt find = {
        .name = "plan_find",
        .sql = "SELECT " PLAN_COLUMNS ", p.cohorts FROM tenantd.plan p WHERE p.id = $1",
    };
    static const struct pg_stmt find_and_lock = {
        .name = "plan_find_and_lock",
        .sql = "SELECT " PLAN_COLUMNS ", p.cohorts FROM tenantd.plan p WHERE p.id = $1 FOR UPDATE",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    if (!uuid_is_valid(id))
        return err_set(err, ERR_PLAN_NOT_FOUND, "there is no plan \"%.80s\"", id);
    err_code rc = pg_query(pg, lock ? &find_and_lock : &find, PG_ARGS(PG_ARG(id)), &rows, err);
    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_PLAN_NOT_FOUND, "there is no plan \"%s\"", id);
    *out = rows;
    rows = NULL; /* now the caller's */
    return ERR_NONE;
}

err_code plan_list(struct pg *pg, const struct plan_filter *filter, struct pg_rows **out,
                   struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_list",
        .sql = "SELECT " PLAN_COLUMNS ", '[]'::jsonb AS cohorts FROM tenantd.plan p"
               " WHERE ($1::text IS NULL OR " PLAN_STATE " = $1)"
               "   AND ($2::text IS NULL OR p.created_by = $2)"
               "   AND ($3::timestamptz IS NULL OR (p.created_at, p.id) < ($3, $4::uuid))"
               " ORDER BY p.created_at DESC, p.id DESC LIMIT $5",
    };
    return pg_query(pg, &stmt,
                    PG_ARGS(PG_ARG(filter->state), PG_ARG(filter->created_by),
                            PG_ARG(filter->after_created_at), PG_ARG(filter->after_id),
                            PG_ARG(filter->limit)),
                    out, err);
}

err_code plan_targets(struct pg *pg, const char *id, const char *after, int limit,
                      struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_targets",
        .sql =
            "SELECT x.tenant_id, x.server, x.schema_name, (SELECT c.place - 1"
            "  FROM tenantd.plan p, jsonb_array_elements(p.cohorts) WITH ORDINALITY AS c (c, place)"
            "  WHERE p.id = x.plan_id AND (c.c ->> 'set')::bigint = coalesce(x.applied_set, 0)"
            "   AND (c.c ->> 'back_to')::bigint = coalesce(x.back_to, 0)) AS cohort"
            " FROM tenantd.plan_target x WHERE x.plan_id = $1 AND x.tenant_id > $2"
            " ORDER BY x.tenant_id LIMIT $3",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(after), PG_ARG(limit)), out, err);
}

err_code plan_moved(struct pg *pg, const char *id, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_moved",
        .sql = "SELECT x.tenant_id, t.state,"
               " t.applied_set IS DISTINCT FROM x.applied_set AS moved"
               " FROM tenantd.plan_target x LEFT JOIN tenantd.tenant t ON t.id = x.tenant_id"
               " WHERE x.plan_id = $1 AND (t.id IS NULL OR t.state NOT IN ('active', 'suspended')"
               "  OR t.applied_set IS DISTINCT FROM x.applied_set"
               "  OR t.server <> x.server OR t.schema_name <> x.schema_name)"
               " ORDER BY x.tenant_id LIMIT 100",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(id)), out, err);
}

err_code plan_use(struct pg *pg, const char *id, const char *run_id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_use",
        .sql = "UPDATE tenantd.plan SET run_id = $2 WHERE id = $1",
    };
    static const struct pg_stmt back = {
        .name = "plan_use_back_to",
        .sql = "UPDATE tenantd.task k SET args = k.args || jsonb_build_object('back_to', x.back_to)"
               " FROM tenantd.plan_target x WHERE k.job_id = $2 AND x.plan_id = $1"
               "  AND x.tenant_id = k.tenant_id AND x.back_to IS NOT NULL",
    };
    err_code rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(run_id)), NULL, err);
    return rc ? rc : pg_exec(pg, &back, PG_ARGS(PG_ARG(id), PG_ARG(run_id)), NULL, err);
}

err_code plan_selector(struct pg *pg, const char *id, struct selector *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_selector",
        .sql = "SELECT coalesce(array_agg(tenant_id), '{}')::text AS ids, count(*) AS n"
               " FROM tenantd.plan_target WHERE plan_id = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(id)), &rows, err);

    if (rc)
        return rc;
    *out = (struct selector){.ids = strdup(pg_text(rows, 0, "ids")),
                             .id_count = (size_t)pg_bigint(rows, 0, "n")};
    return out->ids ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code plan_delete(struct pg *pg, const char *id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_delete",
        .sql = "DELETE FROM tenantd.plan WHERE id = $1",
    };
    int64_t deleted = 0;

    if (!uuid_is_valid(id))
        return err_set(err, ERR_PLAN_NOT_FOUND, "there is no plan \"%.80s\"", id);
    err_code rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id)), &deleted, err);
    if (!rc && !deleted)
        return err_set(err, ERR_PLAN_NOT_FOUND, "there is no plan \"%s\"", id);
    return rc;
}

err_code plan_prune(struct pg *pg, int days, int limit, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "plan_prune",
        .sql = "DELETE FROM tenantd.plan WHERE id IN (SELECT id FROM tenantd.plan"
               " WHERE expires_at < now() - make_interval(days => $1)"
               " ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(days), PG_ARG(limit)), NULL, err);
}
