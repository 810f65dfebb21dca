/* SPDX-License-Identifier: MIT */
#include "core/tenant/schema_ops.h"

#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/pg/ident.h"

enum { DROP_CHUNK = 25 }; /* tables: with indexes and TOAST some 200 locks */

struct dropping {
    const char *schema;
    int64_t lock_key;
    int lock_timeout_ms;
    bool more; /* relations were dropped and others may be left */
};

static err_code guard(struct pg *pg, const struct dropping *d, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "schema_try_lock",
        .sql = "SELECT pg_try_advisory_xact_lock($1) AS got",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    char sql[64];

    (void)snprintf(sql, sizeof sql, "SET LOCAL lock_timeout = %d", d->lock_timeout_ms);
    err_code rc = pg_command(pg, sql, err);
    if (!rc)
        rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(d->lock_key)), &rows, err);
    if (!rc && !pg_bool(rows, 0, "got"))
        return err_set(err, ERR_LOCK_UNAVAILABLE, "somebody else works on schema %s", d->schema);
    return rc;
}

/* Relations by themselves; indexes, sequences and what else hangs on them go by CASCADE. */
static err_code list_relations(struct pg *pg, const char *schema, struct pg_rows **out,
                               struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "schema_relations",
        .sql = "SELECT c.relname AS name, CASE c.relkind WHEN 'v' THEN 'VIEW'"
               "  WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'"
               "  ELSE 'TABLE' END AS kind"
               " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
               " WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
               " ORDER BY c.relkind IN ('r', 'p'), c.oid DESC LIMIT $2",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(schema), PG_ARG((int)DROP_CHUNK)), out, err);
}

static err_code drop_relations(struct pg *pg, const struct pg_rows *rows, const char *schema,
                               struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct pg_ident in, name;
    err_code rc = pg_ident_quote(schema, &in, err);

    for (size_t i = 0; i < pg_rows_count(rows) && !rc; i++) {
        rc = pg_ident_quote(pg_text(rows, i, "name"), &name, err);
        if (!rc) /* one dropped before by a CASCADE of this chunk is fine */
            str_addf(&sql, "DROP %s IF EXISTS %s.%s CASCADE;", pg_text(rows, i, "kind"), in.sql,
                     name.sql);
    }
    if (rc)
        return rc;
    return str_ok(&sql) ? pg_command(pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

/* An extension belongs to the whole database: dropped with the schema it happens to be in, it would
 * take columns, indexes and functions of other tenants along. */
static err_code refuse_extensions(struct pg *pg, const char *schema, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "schema_extensions",
        .sql = "SELECT e.extname AS name FROM pg_extension e, pg_namespace n"
               " WHERE n.nspname = $1 AND (e.extnamespace = n.oid OR EXISTS ("
               "  SELECT FROM pg_depend d JOIN pg_class c ON c.oid = d.objid"
               "  WHERE d.classid = 'pg_class'::regclass AND c.relnamespace = n.oid"
               "   AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid"
               "   AND d.deptype = 'e')) ORDER BY e.extname LIMIT 1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(schema)), &rows, err);

    if (rc || !pg_rows_count(rows))
        return rc;
    const char *name = pg_text(rows, 0, "name");
    return err_set(err, ERR_CONFLICT,
                   "schema %s holds the extension %s, which others may use: ALTER EXTENSION \"%s\""
                   " SET SCHEMA public (or DROP EXTENSION), then purge again",
                   schema, name, name);
}

static err_code drop_chunk(struct pg *pg, void *arg, struct err *err)
{
    struct dropping *d = arg;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = guard(pg, d, err);

    if (!rc)
        rc = refuse_extensions(pg, d->schema, err);
    if (!rc)
        rc = list_relations(pg, d->schema, &rows, err);
    if (rc)
        return rc;
    d->more = pg_rows_count(rows) > 0;
    return d->more ? drop_relations(pg, rows, d->schema, err) : ERR_NONE;
}

static err_code drop_rest(struct pg *pg, void *arg, struct err *err)
{
    struct dropping *d = arg;
    struct pg_ident name;
    char sql[PG_IDENT_SIZE + 48];
    err_code rc = guard(pg, d, err);

    if (!rc)
        rc = refuse_extensions(pg, d->schema, err);
    if (!rc)
        rc = pg_ident_quote(d->schema, &name, err);
    if (rc)
        return rc;
    (void)snprintf(sql, sizeof sql, "DROP SCHEMA IF EXISTS %s CASCADE", name.sql);
    return pg_command(pg, sql, err);
}

err_code schema_drop(struct pg *pg, const char *schema, int64_t lock_key, int lock_timeout_ms,
                     struct err *err)
{
    struct dropping d = {schema, lock_key, lock_timeout_ms, true};
    err_code rc = ERR_NONE;

    while (d.more && !rc)
        rc = pg_tx(pg, drop_chunk, &d, err);
    return rc ? rc : pg_tx(pg, drop_rest, &d, err);
}

err_code schema_find(struct pg *pg, const char *pattern, int limit, struct pg_rows **out,
                     struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "schema_find",
        .sql = "SELECT nspname AS schema_name FROM pg_namespace WHERE nspname LIKE $1"
               " AND nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'tenantd')"
               " AND NOT starts_with(nspname, '" TENANT_WARM_PREFIX "')"
               " ORDER BY nspname LIMIT $2",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(pattern), PG_ARG(limit)), out, err);
}

err_code schema_comment(struct pg *pg, const char *schema, char **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "schema_comment",
        .sql = "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') AS comment"
               " FROM pg_namespace WHERE nspname = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(schema)), &rows, err);

    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_SCHEMA_MISSING, "there is no schema %s", schema);
    *out = strdup(pg_text(rows, 0, "comment"));
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

void schema_comment_of(const char *tenant_id, char out[SCHEMA_COMMENT_SIZE])
{
    (void)snprintf(out, SCHEMA_COMMENT_SIZE, "tenantd tenant %s", tenant_id);
}

err_code schema_has_comment(struct pg *pg, const char *schema, const char *wanted, bool *out,
                            struct err *err)
{
    CLEANUP(freep) char *comment = NULL;
    err_code rc = schema_comment(pg, schema, &comment, err);

    if (rc && rc != ERR_SCHEMA_MISSING)
        return rc;
    *out = !rc && str_eq(comment, wanted);
    return ERR_NONE;
}

err_code schema_is_of(struct pg *pg, const char *schema, const char *tenant_id, bool *out,
                      struct err *err)
{
    char wanted[SCHEMA_COMMENT_SIZE];

    schema_comment_of(tenant_id, wanted);
    return schema_has_comment(pg, schema, wanted, out, err);
}
