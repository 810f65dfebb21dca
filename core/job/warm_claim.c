/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/warm_internal.h"
#include "core/migrate/apply.h"
#include "core/tenant/schema_ops.h"

enum { CLAIM_PARTS = 16, CLAIM_TRIES = 3 };

/* A schema of the pool whose row this transaction holds. */
struct held {
    int64_t id, applied_set;
    char schema[PG_NAME_MAX + 1];
    char digest[SHA256_HEX_SIZE];
    tracking_format format;
    bool has_pool;
};

/* Who comes at the same time passes over the row. A server without a pool gives no row at all. */
static err_code hold_one(struct pg *pg, const struct warm_wish *wish, struct held *out,
                         struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_hold",
        .sql = "SELECT w.id, w.schema_name, w.applied_set, w.format, w.digest FROM tenantd.server s"
               " LEFT JOIN LATERAL (SELECT w.id, w.schema_name, w.applied_set, a.format, a.digest"
               "   FROM tenantd.warm_schema w JOIN tenantd.applied_set a ON a.id = w.applied_set"
               "   WHERE w.server = s.id AND w.state = 'ready' AND w.revision = $2"
               "   ORDER BY w.id LIMIT 1 FOR UPDATE OF w SKIP LOCKED) w ON true"
               " WHERE s.id = $1 AND s.url IS NULL",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc =
        pg_query(pg, &stmt, PG_ARGS(PG_ARG(wish->server), PG_ARG(wish->revision)), &rows, err);

    *out = (struct held){.has_pool = !rc && pg_rows_count(rows)};
    if (rc || !out->has_pool || pg_is_null(rows, 0, "id"))
        return rc;
    out->id = pg_bigint(rows, 0, "id");
    out->applied_set = pg_bigint(rows, 0, "applied_set");
    (void)snprintf(out->schema, sizeof out->schema, "%s", pg_text(rows, 0, "schema_name"));
    (void)snprintf(out->digest, sizeof out->digest, "%s", pg_text(rows, 0, "digest"));
    return tracking_format_parse(pg_text(rows, 0, "format"), &out->format)
               ? ERR_NONE
               : err_set(err, ERR_INTERNAL, "a format of this build is not known");
}

/* Under both names: nobody migrates the one, nobody makes the other. */
static err_code lock_names(struct pg *pg, const struct warm_wish *wish, const struct held *held,
                           struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_lock_names",
        .sql = "SELECT pg_try_advisory_xact_lock($1) AND pg_try_advisory_xact_lock($2) AS got",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(
        pg, &stmt,
        PG_ARGS(PG_ARG(apply_lock_key(held->schema)), PG_ARG(apply_lock_key(wish->schema))), &rows,
        err);
    if (!rc && !pg_bool(rows, 0, "got"))
        return err_set(err, ERR_LOCK_UNAVAILABLE, "another session works on the schema");
    return rc;
}

/* Whether the schema is the pool's and its tracking table says what was recorded. */
static err_code check_content(struct pg *pg, const struct warm_wish *wish, const struct held *held,
                              struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    CLEANUP(str_clear) struct str table = STR_INIT;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct pg_ident schema, name;
    char comment[WARM_COMMENT_SIZE];
    err_code rc = pg_ident_quote(held->schema, &schema, err);

    if (!rc)
        rc = pg_ident_quote(wish->table, &name, err);
    if (rc)
        return rc;
    str_addf(&table, "%s.%s", schema.sql, name.sql);
    str_add(&sql, "SELECT ");
    tracking_sql_digest(&sql, held->format, str_text(&table));
    str_add(&sql, " = $1 AND obj_description(to_regnamespace($2), 'pg_namespace')"
                  " IS NOT DISTINCT FROM $3 AS same");
    if (!str_ok(&sql) || !str_ok(&table))
        return err_set(err, ERR_INTERNAL, "out of memory");
    warm_comment_of(held->schema, comment);
    rc = pg_query_text(pg, str_text(&sql),
                       PG_ARGS(PG_ARG((const char *)held->digest), PG_ARG((const char *)schema.sql),
                               PG_ARG((const char *)comment)),
                       &rows, err);
    if (!rc && !pg_bool(rows, 0, "same"))
        return err_set(err, ERR_CONFLICT, "schema %s is not as it was left", held->schema);
    return rc;
}

static err_code give_name(struct pg *pg, const struct warm_wish *wish, const struct held *held,
                          struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct pg_ident from, to;
    char comment[SCHEMA_COMMENT_SIZE];
    err_code rc = pg_ident_quote(held->schema, &from, err);

    if (!rc)
        rc = pg_ident_quote(wish->schema, &to, err);
    if (rc)
        return rc;
    schema_comment_of(wish->tenant_id, comment);
    str_addf(&sql, "ALTER SCHEMA %s RENAME TO %s; COMMENT ON SCHEMA %s IS '%s'", from.sql, to.sql,
             to.sql, comment); /* an id has no quotes */
    return str_ok(&sql) ? pg_command(pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code hand_over(struct pg *pg, const struct warm_wish *wish, const struct held *held,
                          struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_hand_over",
        .sql = "WITH gone AS (DELETE FROM tenantd.warm_schema WHERE id = $1)"
               " UPDATE tenantd.tenant SET state = 'active', applied_set = $2, checked_at = now(),"
               " epoch = epoch + 1, updated_at = now() WHERE id = $3",
    };
    err_code rc = lock_names(pg, wish, held, err);

    if (!rc)
        rc = check_content(pg, wish, held, err);
    if (!rc)
        rc = give_name(pg, wish, held, err);
    return rc ? rc
              : pg_exec(
                    pg, &stmt,
                    PG_ARGS(PG_ARG(held->id), PG_ARG(held->applied_set), PG_ARG(wish->tenant_id)),
                    NULL, err);
}

/* The next fill looks at it. The row is ours since before the savepoint. */
static err_code put_back(struct pg *pg, const struct held *held, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_put_back",
        .sql = "UPDATE tenantd.warm_schema SET revision = 0, updated_at = now() WHERE id = $1",
    };
    err_code rc = pg_command(pg, "ROLLBACK TO SAVEPOINT warm", err);

    return rc ? rc : pg_exec(pg, &stmt, PG_ARGS(PG_ARG(held->id)), NULL, err);
}

static err_code count_answer(struct pg *pg, const char *server, bool claimed, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_count",
        .sql = "INSERT INTO tenantd.warm_count AS n (server, part, claimed, missed)"
               " VALUES ($1, pg_backend_pid() % $2, $3::int, 1 - $3::int)"
               " ON CONFLICT (server, part) DO UPDATE SET claimed = n.claimed + excluded.claimed,"
               " missed = n.missed + excluded.missed",
    };
    return pg_exec(pg, &stmt,
                   PG_ARGS(PG_ARG(server), PG_ARG((int)CLAIM_PARTS), PG_ARG(claimed ? 1 : 0)), NULL,
                   err);
}

/* What fails on the schema must not spoil the request: it is made as ever then. */
static err_code try_held(struct pg *pg, const struct warm_wish *wish, const struct held *held,
                         bool *claimed, struct err *err)
{
    err_code rc = pg_command(pg, "SAVEPOINT warm; SET LOCAL lock_timeout = '500ms'", err);

    if (rc)
        return rc;
    *claimed = !hand_over(pg, wish, held, err);
    if (!*claimed && !pg_alive(pg))
        return err->code;
    rc = *claimed ? ERR_NONE : put_back(pg, held, err);
    return rc ? rc
              : pg_command(pg, "RELEASE SAVEPOINT warm; SET LOCAL lock_timeout TO DEFAULT", err);
}

err_code warm_claim(struct pg *pg, const struct warm_wish *wish, warm_answer *answer,
                    struct err *err)
{
    struct held held = {.id = 0};
    struct err own;
    bool claimed = false;
    err_code rc = hold_one(pg, wish, &held, err);

    for (int i = 0; i < CLAIM_TRIES && !rc && held.id && !claimed; i++) {
        rc = try_held(pg, wish, &held, &claimed, err ? err : &own);
        if (!rc && !claimed)
            rc = hold_one(pg, wish, &held, err);
    }
    if (!rc && held.has_pool)
        rc = count_answer(pg, wish->server, claimed, err);
    *answer = !held.has_pool ? WARM_NO_POOL : claimed ? WARM_CLAIMED : WARM_MISSED;
    return rc;
}

void warm_comment_of(const char *schema, char out[WARM_COMMENT_SIZE])
{
    (void)snprintf(out, WARM_COMMENT_SIZE, "tenantd warm %s", schema);
}
