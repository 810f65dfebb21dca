/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/job/warm_internal.h"
#include "core/migrate/apply.h"
#include "core/pg/literal.h"
#include "core/tenant/schema_ops.h"

enum { COUNT_PARTS = 16, CLAIM_TRIES = 3 };

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

/* Fails the script unless the condition before it is false: text that is no number. */
static void end_check(struct str *sql, const char *message)
{
    str_addf(sql, " THEN '%s'::text END::integer;\n", message);
}

/* Under both names: nobody migrates the one, nobody makes the other. */
static void add_locks(struct str *sql, const struct warm_wish *wish, const struct held *held)
{
    str_addf(sql,
             "SELECT CASE WHEN NOT (pg_try_advisory_xact_lock(%lld)"
             " AND pg_try_advisory_xact_lock(%lld))",
             (long long)apply_lock_key(held->schema), (long long)apply_lock_key(wish->schema));
    end_check(sql, "another session works on the schema");
}

/* The schema is the pool's and its tracking table says what was recorded. A statement of its own:
 * it must see what was committed before the locks were had. */
static void add_check(struct str *sql, const struct held *held, const char *schema,
                      const char *table)
{
    char comment[WARM_COMMENT_SIZE];

    warm_comment_of(held->schema, comment);
    str_add(sql, "SELECT CASE WHEN ");
    tracking_sql_digest(sql, held->format, table);
    str_addf(sql, " <> '%s' OR obj_description(to_regnamespace(", held->digest);
    pg_literal_add(sql, schema);
    str_add(sql, "), 'pg_namespace') IS DISTINCT FROM ");
    pg_literal_add(sql, comment);
    end_check(sql, "the schema is not as it was left");
}

static void add_names(struct str *sql, const struct warm_wish *wish, const char *from,
                      const char *to)
{
    char comment[SCHEMA_COMMENT_SIZE];

    schema_comment_of(wish->tenant_id, comment);
    str_addf(sql, "ALTER SCHEMA %s RENAME TO %s;\nCOMMENT ON SCHEMA %s IS ", from, to, to);
    pg_literal_add(sql, comment);
    str_add(sql, ";\n");
}

static void add_rows(struct str *sql, const struct warm_wish *wish, const struct held *held)
{
    str_addf(sql,
             "DELETE FROM tenantd.warm_schema WHERE id = %lld;\n"
             "UPDATE tenantd.tenant SET state = 'active', applied_set = %lld,"
             " checked_at = now(), epoch = epoch + 1, updated_at = now() WHERE id = ",
             (long long)held->id, (long long)held->applied_set);
    pg_literal_add(sql, wish->tenant_id);
    str_add(sql,
            ";\nINSERT INTO tenantd.warm_count AS n (server, part, claimed, claimed_at) VALUES (");
    pg_literal_add(sql, wish->server);
    str_addf(sql,
             ", pg_backend_pid() %% %d, 1, now()) ON CONFLICT (server, part) DO UPDATE"
             " SET claimed = n.claimed + 1, claimed_at = excluded.claimed_at;\n",
             COUNT_PARTS);
}

/* One message for all of it: a request waits for every round trip. */
static err_code write_script(const struct warm_wish *wish, const struct held *held, struct str *sql,
                             struct err *err)
{
    CLEANUP(str_clear) struct str table = STR_INIT;
    struct pg_ident from, to, name;
    err_code rc = pg_ident_quote(held->schema, &from, err);

    if (!rc)
        rc = pg_ident_quote(wish->schema, &to, err);
    if (!rc)
        rc = pg_ident_quote(wish->table, &name, err);
    if (rc)
        return rc;
    str_addf(&table, "%s.%s", from.sql, name.sql);
    str_add(sql, "SAVEPOINT warm;\nSET LOCAL lock_timeout = '500ms';\n");
    add_locks(sql, wish, held);
    add_check(sql, held, from.sql, str_text(&table));
    add_names(sql, wish, from.sql, to.sql);
    add_rows(sql, wish, held);
    str_add(sql, "RELEASE SAVEPOINT warm;\nSET LOCAL lock_timeout TO DEFAULT");
    return str_ok(sql) && str_ok(&table) ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

/* The next fill looks at it. The row is ours since before the savepoint. */
static err_code put_back(struct pg *pg, const struct held *held, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_put_back",
        .sql = "UPDATE tenantd.warm_schema SET revision = 0, updated_at = now() WHERE id = $1",
    };
    err_code rc = pg_command(pg, "ROLLBACK TO SAVEPOINT warm; RELEASE SAVEPOINT warm", err);

    return rc ? rc : pg_exec(pg, &stmt, PG_ARGS(PG_ARG(held->id)), NULL, err);
}

static err_code count_miss(struct pg *pg, const char *server, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "warm_count_miss",
        .sql = "INSERT INTO tenantd.warm_count AS n (server, part, missed)"
               " VALUES ($1, pg_backend_pid() % $2, 1)"
               " ON CONFLICT (server, part) DO UPDATE SET missed = n.missed + 1",
    };
    return pg_exec(pg, &stmt, PG_ARGS(PG_ARG(server), PG_ARG((int)COUNT_PARTS)), NULL, err);
}

/* What fails on the schema must not spoil the request: it is made as ever then. */
static err_code try_held(struct pg *pg, const struct warm_wish *wish, const struct held *held,
                         bool *claimed, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    err_code rc = write_script(wish, held, &sql, err);

    if (rc)
        return rc;
    rc = pg_command(pg, str_text(&sql), err);
    *claimed = !rc;
    return !rc || !pg_alive(pg) ? rc : put_back(pg, held, err);
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
    if (!rc && held.has_pool && !claimed)
        rc = count_miss(pg, wish->server, err);
    *answer = !held.has_pool ? WARM_NO_POOL : claimed ? WARM_CLAIMED : WARM_MISSED;
    return rc;
}

void warm_comment_of(const char *schema, char out[WARM_COMMENT_SIZE])
{
    (void)snprintf(out, WARM_COMMENT_SIZE, "tenantd warm %s", schema);
}
