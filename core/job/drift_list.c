/* SPDX-License-Identifier: MIT */
/* What scans have found, as it is listed, and what was accepted of it. */
#include "core/job/drift_store.h"

err_code drift_counts(struct pg *pg, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_counts",
        .sql = "SELECT d.state, count(*) AS tenants,"
               " count(*) FILTER (WHERE d.warnings > 0) AS warned,"
               " (extract(epoch FROM max(d.checked_at)) * 1000)::bigint AS last_ms"
               " FROM tenantd.tenant t LEFT JOIN tenantd.drift_now d ON d.tenant_id = t.id"
               " WHERE t.state IN ('active', 'suspended') GROUP BY d.state",
    };
    return pg_query(pg, &stmt, PG_NO_ARGS, out, err);
}

#define FILTER                                                                                     \
    " WHERE ($1::text IS NULL OR d.state = $1) AND ($2::text IS NULL OR d.fingerprint = $2)"       \
    "   AND ($3::text IS NULL OR d.reference = $3) AND ($4::text IS NULL OR d.code = $4)"          \
    "   AND (NOT $5 OR d.warnings > 0)"
#define FILTER_ARGS(f)                                                                             \
    PG_ARG((f)->state), PG_ARG((f)->fingerprint), PG_ARG((f)->reference), PG_ARG((f)->code),       \
        PG_ARG((f)->warned), PG_ARG((f)->after), PG_ARG((f)->limit)

err_code drift_groups(struct pg *pg, const struct drift_filter *filter, struct pg_rows **out,
                      struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_groups",
        .sql =
            "WITH g AS ("
            "  SELECT d.state, d.reference, d.fingerprint, d.basis, d.code,"
            "   min(d.problem::text)::jsonb AS problem, count(*) AS tenants,"
            "   to_json((array_agg(d.tenant_id ORDER BY d.tenant_id))[1:5]) AS sample,"
            "   max(d.errors) AS errors, max(d.warnings) AS warnings,"
            "   min(d.checked_at) AS first_at, max(d.checked_at) AS last_at,"
            "   min(d.acceptance) AS acceptance"
            "  FROM tenantd.drift_now d" FILTER
            "  GROUP BY d.state, d.reference, d.fingerprint, d.basis, d.code),"
            " k AS ("
            "  SELECT g.*, (lpad(g.tenants::text, 12, '0') || ' ' || md5(concat_ws('|', g.state,"
            "   g.reference, g.fingerprint, g.code, g.basis::text))) COLLATE \"C\" AS key FROM g)"
            " SELECT k.key, k.state, k.reference, k.fingerprint, k.basis, k.code, k.problem,"
            "  k.tenants, k.sample, k.errors, k.warnings, x.differences,"
            "  " PG_RFC3339(
                "k.first_at") " AS checked_from,"
                              "  " PG_RFC3339(
                                  "k.last_at") " AS checked_to,"
                                               "  a.id AS acceptance, a.tenant_id AS "
                                               "tenant_accepted, a.reason, a.accepted_by,"
                                               "  " PG_RFC3339(
                                                   "a.accepted_at") " AS accepted_at"
                                                                    " FROM k LEFT JOIN "
                                                                    "tenantd.drift_diff x ON "
                                                                    "x.reference = k.reference"
                                                                    "  AND x.fingerprint = "
                                                                    "k.fingerprint AND k.errors + "
                                                                    "k.warnings > 0"
                                                                    " LEFT JOIN "
                                                                    "tenantd.drift_acceptance a ON "
                                                                    "a.id = k.acceptance"
                                                                    " WHERE ($6::text IS NULL OR "
                                                                    "k.key < $6) ORDER BY k.key "
                                                                    "DESC LIMIT $7",
    };
    return pg_query(pg, &stmt, PG_ARGS(FILTER_ARGS(filter)), out, err);
}

err_code drift_tenants(struct pg *pg, const struct drift_filter *filter, struct pg_rows **out,
                       struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_tenants",
        .sql = "SELECT d.tenant_id, d.state, d.reference, d.fingerprint, d.basis, d.problem,"
               "  d.errors, d.warnings, d.migrated, d.job_id,"
               "  " PG_RFC3339("d.checked_at") " AS checked_at, d.acceptance"
                                               " FROM tenantd.drift_now d" FILTER
                                               " AND ($6::text IS NULL OR d.tenant_id > $6) ORDER "
                                               "BY d.tenant_id LIMIT $7",
    };
    return pg_query(pg, &stmt, PG_ARGS(FILTER_ARGS(filter)), out, err);
}

err_code drift_of_tenant(struct pg *pg, const char *tenant_id, struct pg_rows **out,
                         struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_of_tenant",
        .sql = "SELECT d.tenant_id, d.state, d.reference, d.fingerprint, d.basis, d.problem,"
               "  d.errors, d.warnings, d.migrated, d.job_id,"
               "  " PG_RFC3339(
                   "d.checked_at") " AS checked_at, x.differences,"
                                   "  d.acceptance, a.tenant_id AS tenant_accepted, a.reason, "
                                   "a.accepted_by,"
                                   "  " PG_RFC3339(
                                       "a.accepted_at") " AS accepted_at"
                                                        " FROM tenantd.drift_now d"
                                                        " LEFT JOIN tenantd.drift_diff x ON "
                                                        "x.reference = d.reference"
                                                        "  AND x.fingerprint = d.fingerprint AND "
                                                        "d.errors + d.warnings > 0"
                                                        " LEFT JOIN tenantd.drift_acceptance a ON "
                                                        "a.id = d.acceptance"
                                                        " WHERE d.tenant_id = $1",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(tenant_id)), out, err);
}

#define ACCEPTANCE                                                                                 \
    "a.id, a.tenant_id, a.reference, a.fingerprint, a.reason, a.accepted_by,"                      \
    " " PG_RFC3339(                                                                                \
        "a.accepted_at") " AS accepted_at,"                                                        \
                         " (SELECT count(*) FROM tenantd.drift d JOIN tenantd.tenant t ON t.id = " \
                         "d.tenant_id"                                                             \
                         "   AND t.state IN ('active', 'suspended')"                               \
                         "  WHERE d.state = 'drifted' AND d.fingerprint = a.fingerprint"           \
                         "   AND d.reference = a.reference"                                        \
                         "   AND (a.tenant_id IS NULL OR d.tenant_id = a.tenant_id)) AS tenants"

err_code drift_accept(struct pg *pg, const struct drift_acceptance *a, bool *created,
                      struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_accept",
        .sql = "WITH a AS ("
               "  INSERT INTO tenantd.drift_acceptance AS x (tenant_id, reference, fingerprint,"
               "   reason, accepted_by) VALUES ($1, $2, $3, $4, $5)"
               "  ON CONFLICT (fingerprint, reference, coalesce(tenant_id, '')) DO UPDATE"
               "   SET reason = excluded.reason, accepted_by = excluded.accepted_by,"
               "    accepted_at = excluded.accepted_at"
               "  RETURNING *, xmax = 0 AS created)"
               " SELECT " ACCEPTANCE ", a.created FROM a",
    };
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG(a->tenant_id), PG_ARG(a->reference),
                                   PG_ARG(a->fingerprint), PG_ARG(a->reason), PG_ARG(a->by)),
                           out, err);

    if (!rc)
        *created = pg_bool(*out, 0, "created");
    return rc;
}

err_code drift_acceptances(struct pg *pg, const char *tenant_id, int64_t after, int limit,
                           struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_acceptances",
        .sql = "SELECT " ACCEPTANCE " FROM tenantd.drift_acceptance a"
               " WHERE a.id > $1 AND ($2::text IS NULL OR a.tenant_id = $2)"
               " ORDER BY a.id LIMIT $3",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(after), PG_ARG(tenant_id), PG_ARG(limit)), out, err);
}

err_code drift_accepted(struct pg *pg, const char *tenant_id, const char *reference,
                        const char *fingerprint, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_accepted",
        .sql = "SELECT a.id AS acceptance, a.tenant_id AS tenant_accepted, a.reason, a.accepted_by,"
               " " PG_RFC3339("a.accepted_at") " AS accepted_at"
                                               " FROM tenantd.drift_acceptance a"
                                               " WHERE a.fingerprint = $3 AND a.reference = $2"
                                               "  AND (a.tenant_id = $1 OR a.tenant_id IS NULL)"
                                               " ORDER BY a.tenant_id NULLS LAST LIMIT 1",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(tenant_id), PG_ARG(reference), PG_ARG(fingerprint)),
                    out, err);
}

err_code drift_unaccept(struct pg *pg, const char *id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "drift_unaccept",
        .sql = "DELETE FROM tenantd.drift_acceptance WHERE id::text = $1",
    };
    int64_t n = 0;
    err_code rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id)), &n, err);

    if (rc || n)
        return rc;
    return err_set(err, ERR_DRIFT_NOT_FOUND, "there is no acceptance %.20s", id);
}
