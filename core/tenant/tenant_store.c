/* SPDX-License-Identifier: MIT */
#include "core/tenant/tenant_store.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"

/*
 * With DO NOTHING for every unique index, and not for the id's alone, two who register the same tenant
 * at once never get an error from the other index, which would spoil the transaction.
 */
static err_code try_register(struct pg *pg, const struct tenant_spec *spec, bool *made,
                             struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_register",
        .sql = "WITH free AS (SELECT FROM tenantd.server s WHERE s.id = $2 AND NOT EXISTS ("
               "   SELECT FROM tenantd.tenant WHERE server = $2 AND schema_name = $3 AND id <> $1)),"
               " again AS ("
               "  UPDATE tenantd.tenant t SET state = 'provisioning', server = $2, schema_name = $3,"
               "   display_name = $4, labels = coalesce($5::jsonb, '{}'), last_error = NULL,"
               "   epoch = t.epoch + 1, updated_at = now()"
               "  WHERE t.id = $1 AND t.state = 'error' AND EXISTS (SELECT FROM free) RETURNING 1),"
               " made AS ("
               "  INSERT INTO tenantd.tenant (id, server, schema_name, display_name, labels, state,"
               "   created_at, updated_at)"
               "  SELECT $1, $2, $3, $4, coalesce($5::jsonb, '{}'), 'provisioning',"
               "   statement_timestamp(), statement_timestamp()" /* in the order of their batch */
               "  WHERE EXISTS (SELECT FROM free) AND NOT EXISTS (SELECT FROM again)"
               "  ON CONFLICT DO NOTHING RETURNING 1)"
               " SELECT EXISTS (SELECT FROM made) OR EXISTS (SELECT FROM again) AS made",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(freep) char *labels = spec->labels ? json_canonical(spec->labels) : NULL;

    if (spec->labels && !labels)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG(spec->id), PG_ARG(spec->server), PG_ARG(spec->schema),
                                   PG_ARG(spec->display_name), PG_ARG(labels)),
                           &rows, err);
    if (!rc)
        *made = pg_bool(rows, 0, "made");
    return rc;
}

/* Why it was not registered: another statement, which sees what others committed meanwhile. */
static err_code refusal(struct pg *pg, const struct tenant_spec *spec, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_register_refusal",
        .sql = "SELECT EXISTS (SELECT FROM tenantd.server WHERE id = $2) AS known,"
               " EXISTS (SELECT FROM tenantd.tenant"
               "  WHERE server = $2 AND schema_name = $3 AND id <> $1) AS taken",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG(spec->id), PG_ARG(spec->server), PG_ARG(spec->schema)),
                           &rows, err);
    if (rc)
        return rc;
    if (!pg_bool(rows, 0, "known"))
        return err_set(err, ERR_SERVER_NOT_FOUND, "there is no server \"%.100s\"", spec->server);
    if (pg_bool(rows, 0, "taken"))
        return err_set(err, ERR_SCHEMA_NAME_TAKEN, "schema %s belongs to another tenant",
                       spec->schema);
    return err_set(err, ERR_TENANT_EXISTS, "a tenant \"%s\" exists", spec->id);
}

err_code tenant_register(struct pg *pg, const struct tenant_spec *spec, struct err *err)
{
    bool made = false;
    err_code rc = try_register(pg, spec, &made, err);

    if (rc == ERR_CONFLICT) /* one that starts again lost its new name to another at this moment */
        return err_set(err, ERR_SCHEMA_NAME_TAKEN, "schema %s belongs to another tenant",
                       spec->schema);
    return rc || made ? rc : refusal(pg, spec, err);
}

#define TENANT_COLUMNS                                                                             \
    "t.id, t.server, t.strategy, t.schema_name, t.state, t.display_name, t.labels, t.last_error,"  \
    " t.applied_set, t.epoch, " PG_RFC3339("t.created_at") " AS created_at, " PG_RFC3339(          \
        "t.updated_at") " AS updated_at, " PG_RFC3339("t.checked_at") " AS checked_at, "           \
    PG_RFC3339("t.suspended_at") " AS suspended_at, " PG_RFC3339("t.archived_at")                  \
    " AS archived_at, " PG_RFC3339("t.purge_at") " AS purge_at,"                                   \
    " (SELECT k.job_id FROM tenantd.task k WHERE k.tenant_id = t.id"                               \
    "   AND k.state IN ('queued', 'running') AND k.exclusive"                                      \
    "   ORDER BY k.state DESC, k.id LIMIT 1) AS active_job"

static char *copy(const struct pg_rows *rows, size_t row, const char *column)
{
    const char *text = pg_text(rows, row, column);
    return text ? strdup(text) : NULL;
}

static json_t *parse(const struct pg_rows *rows, size_t row, const char *column)
{
    const char *text = pg_text(rows, row, column);
    return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

static err_code read_tenant(const struct pg_rows *rows, size_t row, struct tenant *out,
                            struct err *err)
{
    struct tenant t = {.applied_set = pg_bigint(rows, row, "applied_set"),
                       .epoch = pg_bigint(rows, row, "epoch")};

    t.id = copy(rows, row, "id");
    t.server = copy(rows, row, "server");
    t.strategy = copy(rows, row, "strategy");
    t.schema = copy(rows, row, "schema_name");
    t.display_name = copy(rows, row, "display_name");
    t.labels = parse(rows, row, "labels");
    t.last_error = parse(rows, row, "last_error");
    t.active_job = copy(rows, row, "active_job");
    t.created_at = copy(rows, row, "created_at");
    t.updated_at = copy(rows, row, "updated_at");
    t.checked_at = copy(rows, row, "checked_at");
    t.suspended_at = copy(rows, row, "suspended_at");
    t.archived_at = copy(rows, row, "archived_at");
    t.purge_at = copy(rows, row, "purge_at");
    if (!t.id || !t.server || !t.schema || !t.labels ||
        !tenant_state_parse(pg_text(rows, row, "state"), &t.state)) {
        tenant_clear(&t);
        return err_set(err, ERR_INTERNAL, "a row of the registry cannot be read");
    }
    *out = t;
    return ERR_NONE;
}

err_code tenant_find(struct pg *pg, const char *id, bool lock, struct tenant *out, struct err *err)
{
    static const struct pg_stmt find = {
        .name = "tenant_find",
        .sql = "SELECT " TENANT_COLUMNS " FROM tenantd.tenant t WHERE t.id = $1",
    };
    static const struct pg_stmt find_and_lock = {
        .name = "tenant_find_and_lock",
        .sql = "SELECT " TENANT_COLUMNS " FROM tenantd.tenant t WHERE t.id = $1 FOR UPDATE",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, lock ? &find_and_lock : &find, PG_ARGS(PG_ARG(id)), &rows, err);

    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_TENANT_NOT_FOUND, "there is no tenant \"%.100s\"", id);
    return read_tenant(rows, 0, out, err);
}

void tenant_list_free(struct tenant *tenants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tenant_clear(&tenants[i]);
    free(tenants);
}

static err_code read_tenants(const struct pg_rows *rows, struct tenant **out, size_t *count,
                             struct err *err)
{
    size_t n = pg_rows_count(rows);
    struct tenant *tenants = calloc(n ? n : 1, sizeof *tenants);

    if (!tenants)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < n; i++) {
        err_code rc = read_tenant(rows, i, &tenants[i], err);
        if (rc) {
            tenant_list_free(tenants, i);
            return rc;
        }
    }
    *out = tenants;
    *count = n;
    return ERR_NONE;
}

err_code tenant_list(struct pg *pg, const struct tenant_filter *filter, struct tenant **out,
                     size_t *count, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_list",
        .sql = "SELECT " TENANT_COLUMNS " FROM tenantd.tenant t"
               " WHERE ($1::text[] IS NULL OR t.state = ANY ($1))"
               "   AND ($2::jsonb IS NULL OR t.labels @> $2)"
               "   AND ($3::text IS NULL OR starts_with(t.id, $3))"
               "   AND ($4::bigint[] IS NULL OR t.applied_set = ANY ($4)"
               "        OR ($5::boolean AND t.applied_set IS NULL))"
               "   AND ($6::text IS NULL OR t.id > $6)"
               "   AND ($3::text IS NULL OR t.id >= $3)"
               " ORDER BY t.id LIMIT $7",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG(filter->states), PG_ARG(filter->labels),
                                   PG_ARG(filter->id_prefix), PG_ARG(filter->applied_sets),
                                   PG_ARG(filter->unknown_set), PG_ARG(filter->after_id),
                                   PG_ARG(filter->limit)),
                           &rows, err);
    return rc ? rc : read_tenants(rows, out, count, err);
}

err_code tenant_update(struct pg *pg, const char *id, const json_t *labels, bool set_name,
                       const char *display_name, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_update",
        .sql = "UPDATE tenantd.tenant SET"
               " labels = jsonb_strip_nulls(labels || coalesce($2::jsonb, '{}')),"
               " display_name = CASE WHEN $3 THEN $4 ELSE display_name END,"
               " epoch = epoch + 1, updated_at = now() WHERE id = $1",
    };
    CLEANUP(freep) char *text = labels ? json_canonical(labels) : NULL;
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG(id), PG_ARG(text), PG_ARG(set_name), PG_ARG(display_name)), NULL,
                   err);
}

err_code tenant_set_state(struct pg *pg, const char *id, tenant_state state, int purge_days,
                          struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_set_state",
        .sql = "UPDATE tenantd.tenant SET state = $2,"
               " suspended_at = CASE WHEN $2 = 'suspended' THEN now() END,"
               " archived_at = CASE WHEN $2 = 'archived' THEN now()"
               "                    WHEN $2 = 'deleting' THEN archived_at END,"
               " purge_at = CASE WHEN $2 = 'archived' THEN now() + make_interval(days => $3)"
               "                 WHEN $2 = 'deleting' THEN purge_at END,"
               " epoch = epoch + 1, updated_at = now() WHERE id = $1",
    };
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG(id), PG_ARG(tenant_state_name(state)), PG_ARG(purge_days)), NULL,
                   err);
}

err_code tenant_bump(struct pg *pg, const char *id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_bump",
        .sql = "UPDATE tenantd.tenant SET epoch = epoch + 1 WHERE id = $1",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id)), NULL, err);
}

err_code tenant_delete(struct pg *pg, const char *id, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_delete",
        .sql = "DELETE FROM tenantd.tenant WHERE id = $1",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id)), NULL, err);
}

err_code tenant_seen(struct pg *pg, const char *id, int64_t applied_set, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_seen",
        .sql = "UPDATE tenantd.tenant SET applied_set = $2, checked_at = now(),"
               " epoch = epoch + (applied_set IS DISTINCT FROM $2)::int WHERE id = $1",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(id), PG_ARG(applied_set)), NULL, err);
}

err_code tenant_unknown_ids(struct pg *pg, const struct selector *selector, struct pg_rows **out,
                            struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_unknown_ids",
        .sql = "SELECT x.id, x.place - 1 AS place FROM unnest($1::text[]) WITH ORDINALITY"
               " AS x (id, place) WHERE NOT EXISTS"
               " (SELECT FROM tenantd.tenant t WHERE t.id = x.id) ORDER BY x.place LIMIT 100",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(selector->ids)), out, err);
}

err_code tenant_cohorts(struct pg *pg, const struct selector *selector, struct pg_rows **out,
                        struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_cohorts",
        .sql = "SELECT applied_set, count(*) AS tenants,"
               " to_json((array_agg(id ORDER BY id))[1:5]) AS sample"
               " FROM tenantd.tenant t WHERE state IN ('active', 'suspended')"
               "   AND ($1::text[] IS NULL OR id = ANY ($1))"
               "   AND ($2::jsonb IS NULL OR labels @> $2)"
               " GROUP BY applied_set ORDER BY count(*) DESC, applied_set",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(selector->ids), PG_ARG(selector->labels)), out, err);
}

err_code tenant_count_by_state(struct pg *pg, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "tenant_count_by_state",
        .sql = "SELECT state, count(*) AS tenants FROM tenantd.tenant GROUP BY state",
    };
    return pg_query(pg, &stmt, PG_NO_ARGS, out, err);
}
