/* SPDX-License-Identifier: MIT */
#include "core/migrate/catalog_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

err_code catalog_info(struct pg *pg, const char *name, struct catalog_info *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "catalog_info",
        .sql = "SELECT c.revision, (SELECT count(*) FROM tenantd.migration WHERE catalog = c.name)"
               "  AS migrations,"
               " (SELECT version FROM tenantd.migration WHERE catalog = c.name"
               "   ORDER BY number DESC, version DESC LIMIT 1) AS head"
               " FROM tenantd.catalog c WHERE c.name = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(name)), &rows, err);

    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_CATALOG_NOT_FOUND,
                       "there is no catalog \"%.100s\": \"tenant\" and \"shared\" are the catalogs",
                       name);
    const char *head = pg_text(rows, 0, "head");
    *out = (struct catalog_info){.revision = pg_bigint(rows, 0, "revision"),
                                 .migrations = pg_bigint(rows, 0, "migrations")};
    (void)snprintf(out->name, sizeof out->name, "%s", name);
    (void)snprintf(out->head, sizeof out->head, "%s", head ? head : "");
    return ERR_NONE;
}

struct registering {
    const char *catalog;
    const struct migration *items;
    size_t count;
    const struct register_options *options;
    struct register_result *out;
};

err_code catalog_lock(struct pg *pg, const char *catalog, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "catalog_lock",
        .sql = "SELECT 1 FROM tenantd.catalog WHERE name = $1 FOR UPDATE",
    };
    struct catalog_info info;
    err_code rc = catalog_info(pg, catalog, &info, err);
    return rc ? rc : pg_query(pg, &stmt, PG_ARGS(PG_ARG(catalog)), NULL, err);
}

static err_code insert_one(struct pg *pg, const struct registering *r, const struct migration *m,
                           bool *added, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "migration_insert",
        .sql = "INSERT INTO tenantd.migration (catalog, version, number, sha256, sql, when_ms,"
               " statement_count, registered_by, no_transaction)"
               " VALUES ($1, $2, $3, $4, convert_to($5, 'UTF8'), $6, $7, $8, $9)"
               " ON CONFLICT (catalog, version) DO NOTHING RETURNING 1",
    };
    static const struct pg_stmt find = {
        .name = "migration_sha256",
        .sql = "SELECT sha256 FROM tenantd.migration WHERE catalog = $1 AND version = $2",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *made = NULL, *there = NULL;
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG(r->catalog), PG_ARG(m->version), PG_ARG(m->number),
                                   PG_ARG((const char *)m->sha256), PG_ARG(m->sql),
                                   PG_ARG(m->when_ms), PG_ARG((int)m->statement_count),
                                   PG_ARG(r->options->by), PG_ARG(m->no_transaction)),
                           &made, err);
    if (rc)
        return rc;
    *added = pg_rows_count(made) == 1;
    if (*added)
        return ERR_NONE;
    rc = pg_query(pg, &find, PG_ARGS(PG_ARG(r->catalog), PG_ARG(m->version)), &there, err);
    if (rc || str_eq(pg_text(there, 0, "sha256"), m->sha256))
        return rc;
    (void)err_set(err, ERR_MIGRATION_IMMUTABLE,
                  "%s is registered with other bytes (sha256 %.12s…, not %.12s…)", m->version,
                  pg_text(there, 0, "sha256"), m->sha256);
    return err ? err_in(err, m->version) : ERR_MIGRATION_IMMUTABLE;
}

/* A new version must sort after whatever is applied somewhere, in the whole registry. */
static err_code check_order(struct pg *pg, const char *catalog, const struct migration *m,
                            struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "migration_applied_after",
        .sql = "SELECT m.version FROM tenantd.migration m"
               " WHERE m.catalog = $1 AND (m.number, m.version) > ($2, $3) AND EXISTS ("
               "  SELECT FROM tenantd.applied_set s, jsonb_array_elements(s.content -> 'rows') x"
               "  WHERE (x ->> 0 = m.version OR x ->> 1 IN (m.sha256, m.version)) AND EXISTS ("
               "   SELECT FROM tenantd.tenant t WHERE t.applied_set = s.id)) LIMIT 1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG(catalog), PG_ARG(m->number), PG_ARG(m->version)), &rows,
                           err);
    if (rc || !pg_rows_count(rows))
        return rc;
    (void)err_set(err, ERR_OUT_OF_ORDER, "%s sorts before %s, which is applied to tenants",
                  m->version, pg_text(rows, 0, "version"));
    return err ? err_in(err, m->version) : ERR_OUT_OF_ORDER;
}

err_code catalog_bump(struct pg *pg, const char *catalog, int64_t *revision, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "catalog_bump",
        .sql = "UPDATE tenantd.catalog SET revision = revision + 1 WHERE name = $1"
               " RETURNING revision",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(catalog)), &rows, err);
    if (!rc && revision)
        *revision = pg_bigint(rows, 0, "revision");
    return rc;
}

static err_code store_down(struct pg *pg, struct registering *r, const struct migration *m,
                           struct err *err)
{
    bool changed;
    err_code rc = catalog_store_down(pg, r->catalog, m, r->options->by, &changed, err);
    r->out->downs += changed;
    return rc;
}

static err_code register_all(struct pg *pg, void *arg, struct err *err)
{
    struct registering *r = arg;
    struct catalog_info info;

    r->out->added_count = r->out->unchanged = r->out->downs = 0;
    err_code rc = catalog_lock(pg, r->catalog, err);
    for (size_t i = 0; i < r->count && !rc; i++) {
        bool *added = &r->out->added[i];
        rc = insert_one(pg, r, &r->items[i], added, err);
        if (rc)
            break;
        *(*added ? &r->out->added_count : &r->out->unchanged) += 1;
        rc = store_down(pg, r, &r->items[i], err);
        if (!rc && *added && !r->options->allow_out_of_order && str_eq(r->catalog, "tenant"))
            rc = check_order(pg, r->catalog, &r->items[i], err);
    }
    if (!rc && (r->out->added_count || r->out->downs))
        return catalog_bump(pg, r->catalog, &r->out->revision, err);
    if (!rc)
        rc = catalog_info(pg, r->catalog, &info, err);
    if (!rc)
        r->out->revision = info.revision;
    return rc;
}

err_code catalog_register(struct pg *pg, const char *catalog, const struct migration *items,
                          size_t count, const struct register_options *options,
                          struct register_result *out, struct err *err)
{
    struct register_result result = {.added = calloc(count ? count : 1, sizeof(bool))};
    struct registering r = {catalog, items, count, options, &result};

    if (!result.added)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = pg_tx(pg, register_all, &r, err);
    if (rc)
        free(result.added);
    else
        *out = result;
    return rc;
}

struct unregistering {
    const char *catalog, *version;
};

static err_code check_not_applied(struct pg *pg, const struct unregistering *u, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "migration_applied_to",
        .sql = "SELECT t.id FROM tenantd.migration m, tenantd.applied_set s, tenantd.tenant t"
               " WHERE m.catalog = $1 AND m.version = $2 AND t.applied_set = s.id"
               "   AND (s.content ->> 'begun' = m.version OR EXISTS ("
               "    SELECT FROM jsonb_array_elements(s.content -> 'rows') x"
               "    WHERE x ->> 0 = m.version OR x ->> 1 IN (m.sha256, m.version))) LIMIT 1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    if (!str_eq(u->catalog, "tenant"))
        return ERR_NONE;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(u->catalog), PG_ARG(u->version)), &rows, err);
    if (rc || !pg_rows_count(rows))
        return rc;
    (void)err_set(err, ERR_MIGRATION_APPLIED, "%s is applied to tenant %s and maybe to others",
                  u->version, pg_text(rows, 0, "id"));
    if (err)
        (void)snprintf(err->subject, sizeof err->subject, "%s", pg_text(rows, 0, "id"));
    return ERR_MIGRATION_APPLIED;
}

static err_code unregister_one(struct pg *pg, void *arg, struct err *err)
{
    const struct unregistering *u = arg;
    static const struct pg_stmt stmt = {
        .name = "migration_delete",
        .sql = "DELETE FROM tenantd.migration WHERE catalog = $1 AND version = $2",
    };
    int64_t deleted = 0;
    err_code rc = catalog_lock(pg, u->catalog, err);

    if (!rc)
        rc = check_not_applied(pg, u, err);
    if (!rc)
        rc = pg_exec(pg, &stmt, PG_ARGS(PG_ARG(u->catalog), PG_ARG(u->version)), &deleted, err);
    if (!rc && !deleted)
        return err_set(err, ERR_MIGRATION_NOT_FOUND, "catalog %s has no migration \"%.100s\"",
                       u->catalog, u->version);
    return rc ? rc : catalog_bump(pg, u->catalog, NULL, err);
}

err_code catalog_unregister(struct pg *pg, const char *catalog, const char *version,
                            struct err *err)
{
    struct unregistering u = {catalog, version};
    return pg_tx(pg, unregister_one, &u, err);
}

#define MIGRATION_COLUMNS                                                                          \
    "m.catalog, m.version, m.number, m.sha256, length(m.sql) AS size_bytes, m.statement_count,"    \
    " m.when_ms, m.no_transaction, m.registered_by, " PG_RFC3339("m.registered_at") " AS registered_at,"             \
    " m.down_sha256, m.down_statements, m.down_sql IS NULL AS down_in_file, m.down_by, "           \
    PG_RFC3339("m.down_at") " AS down_at"

err_code catalog_list(struct pg *pg, const char *catalog, const char *after, int limit,
                      struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "migration_list",
        .sql = "SELECT " MIGRATION_COLUMNS " FROM tenantd.migration m"
               " LEFT JOIN tenantd.migration a ON a.catalog = m.catalog AND a.version = $2"
               " WHERE m.catalog = $1"
               "   AND ($2 = '' OR (m.number, m.version) > (a.number, a.version))"
               " ORDER BY m.number, m.version LIMIT $3",
    };
    struct catalog_info info;
    err_code rc = catalog_info(pg, catalog, &info, err);
    return rc ? rc
              : pg_query(pg, &stmt, PG_ARGS(PG_ARG(catalog), PG_ARG(after), PG_ARG(limit)), out,
                         err);
}

err_code catalog_get(struct pg *pg, const char *catalog, const char *version,
                     struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "migration_get",
        .sql = "SELECT " MIGRATION_COLUMNS ", convert_from(m.sql, 'UTF8') AS sql,"
               " convert_from(m.down_sql, 'UTF8') AS down_sql"
               " FROM tenantd.migration m WHERE m.catalog = $1 AND m.version = $2",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct catalog_info info;
    err_code rc = catalog_info(pg, catalog, &info, err);

    if (!rc)
        rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(catalog), PG_ARG(version)), &rows, err);
    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_MIGRATION_NOT_FOUND, "catalog %s has no migration \"%.100s\"",
                       catalog, version);
    *out = rows;
    rows = NULL; /* now the caller's */
    return ERR_NONE;
}
