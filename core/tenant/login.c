/* SPDX-License-Identifier: MIT */
#include "core/tenant/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

enum { NAME_SCHEMA_MAX = 32, NAME_DIGITS = 20, LOGIN_CONNECTIONS = 32 };

static const char *const kind_names[] = {[LOGIN_READ] = "r", [LOGIN_WRITE] = "w"};

static void derive(const unsigned char *key, size_t key_len, const char *what, const char *server,
                   const char *schema, const char *kind, char out[SHA256_HEX_SIZE])
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    unsigned char digest[SHA256_SIZE];

    str_addf(&text, "%s %s %s %s", what, kind, server, schema);
    hmac_sha256(key, key_len, str_text(&text), text.len, digest);
    hex_encode(digest, sizeof digest, out);
}

/* A part of the schema's name for people, and digits that tell it from every other one: roles
 * belong to all databases of a cluster. */
void login_of(const unsigned char *key, size_t key_len, const char *server, const char *schema,
              login_kind kind, struct login *out)
{
    char digits[SHA256_HEX_SIZE];
    size_t n = strlen(schema);

    n = utf8_valid_len(schema, n < NAME_SCHEMA_MAX ? n : NAME_SCHEMA_MAX);
    derive(key, key_len, "name", server, schema, kind_names[kind], digits);
    derive(key, key_len, "password", server, schema, kind_names[kind], out->password);
    (void)snprintf(out->role, sizeof out->role, "tenantd_%s_%.*s_%.*s", kind_names[kind], (int)n,
                   schema, NAME_DIGITS, digits);
}

/* The names that go into the statements, quoted once. */
struct ensuring {
    const struct login_wish *wish;
    struct pg_ident role, schema;
    bool exists;
};

static err_code run(struct pg *pg, struct str *sql, struct err *err)
{
    return str_ok(sql) ? pg_command(pg, str_text(sql), err)
                       : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code lock(struct pg *pg, const struct login_wish *wish, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "login_lock",
        .sql = "SELECT pg_advisory_xact_lock($1)",
    };
    char sql[64];

    (void)snprintf(sql, sizeof sql, "SET LOCAL lock_timeout = %d", wish->lock_timeout_ms);
    err_code rc = pg_command(pg, sql, err);
    if (!rc)
        rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(wish->lock_key)), NULL, err);
    if (rc == ERR_LOCK_UNAVAILABLE)
        return err_set(err, rc, "schema %s is being worked on", wish->schema);
    return rc;
}

/* A role of this name that may more than we have given it is not to be trusted with foreign SQL. */
static err_code look(struct pg *pg, struct ensuring *e, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "login_look",
        .sql = "SELECT r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication"
               "  OR r.rolbypassrls OR EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g"
               "   ON g.oid = m.roleid WHERE m.member = r.oid AND g.rolname IS DISTINCT FROM $2)"
               "  AS strong FROM pg_roles r WHERE r.rolname = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const struct login_wish *wish = e->wish;
    err_code rc = pg_query(
        pg, &stmt, PG_ARGS(PG_ARG((const char *)wish->login->role), PG_ARG(wish->member_of)), &rows,
        err);

    if (rc)
        return rc;
    e->exists = pg_rows_count(rows) > 0;
    if (e->exists && pg_bool(rows, 0, "strong"))
        return err_set(err, ERR_QUERY_UNAVAILABLE,
                       "role %s has more rights than tenantd gave it: take them back, or drop it",
                       wish->login->role);
    return ERR_NONE;
}

static err_code make_role(struct pg *pg, const struct ensuring *e, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    CLEANUP(freep) char *secret = NULL;
    const struct login *login = e->wish->login;

    if (e->exists && !e->wish->refused)
        return ERR_NONE;
    err_code rc = pg_scram(pg, login->role, login->password, &secret, err);
    if (rc)
        return rc;
    if (e->exists) /* what only a superuser may alter was looked at */
        str_addf(&sql, "ALTER ROLE %s LOGIN INHERIT", e->role.sql);
    else
        str_addf(&sql,
                 "CREATE ROLE %s LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
                 " NOBYPASSRLS",
                 e->role.sql);
    str_addf(&sql, " CONNECTION LIMIT %d PASSWORD '%s' VALID UNTIL 'infinity'", LOGIN_CONNECTIONS,
             secret); /* Base64, '$' and ':' */
    return run(pg, &sql, err);
}

/* Asks for what is not there yet; a schema that is not there, either, gives no row. */
static err_code lacks(struct pg *pg, const struct ensuring *e, struct pg_rows **out,
                      struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "login_lacks",
        .sql = "SELECT NOT has_schema_privilege(r.oid, n.oid, 'USAGE') AS usage,"
               " NOT EXISTS (SELECT FROM pg_default_acl d, aclexplode(d.defaclacl) a"
               "  WHERE d.defaclnamespace = n.oid AND a.grantee = r.oid"
               "   AND d.defaclrole = current_user::regrole) AS later,"
               " NOT pg_has_role(r.oid, coalesce($3, r.rolname), 'MEMBER') AS member"
               " FROM pg_namespace n, pg_roles r WHERE n.nspname = $1 AND r.rolname = $2",
    };
    const struct login_wish *wish = e->wish;
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG(wish->schema), PG_ARG((const char *)wish->login->role),
                                   PG_ARG(wish->member_of)),
                           out, err);

    if (!rc && !pg_rows_count(*out))
        return err_set(err, ERR_SCHEMA_MISSING, "there is no schema %s", wish->schema);
    return rc;
}

static err_code grant_schema(struct pg *pg, const struct ensuring *e, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct pg_ident group;
    err_code rc = lacks(pg, e, &rows, err);

    if (!rc && e->wish->member_of)
        rc = pg_ident_quote(e->wish->member_of, &group, err);
    if (rc)
        return rc;
    if (pg_bool(rows, 0, "usage"))
        str_addf(&sql, "GRANT USAGE ON SCHEMA %s TO %s;", e->schema.sql, e->role.sql);
    if (pg_bool(rows, 0, "later") && e->wish->kind == LOGIN_READ)
        str_addf(&sql, "ALTER DEFAULT PRIVILEGES IN SCHEMA %s GRANT SELECT ON TABLES TO %s;",
                 e->schema.sql, e->role.sql);
    if (pg_bool(rows, 0, "member"))
        str_addf(&sql, "GRANT %s TO %s;", group.sql, e->role.sql);
    return sql.len ? run(pg, &sql, err) : ERR_NONE;
}

/* Relations of the schema that lack a right, those left out that the server's role cannot give it
 * on. Foreign tables lead out of the schema. */
static err_code find_lacking(struct pg *pg, const struct ensuring *e, struct pg_rows **out,
                             struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "login_lacking",
        .sql = "SELECT c.relname AS name, c.relkind = 'S' AS sequence, c.write FROM ("
               " SELECT c.oid, c.relname, c.relkind, c.relowner, $3 AND c.relkind <> 'S'"
               "   AND c.relname <> $4::text AND NOT starts_with(c.relname::text, $4::text || "
               "'_backup_')"
               "   AND NOT starts_with(c.relname::text, '__tenantd_') AS write"
               "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
               "  WHERE n.nspname = $1"
               "   AND (c.relkind IN ('r', 'p', 'v', 'm') OR $3 AND c.relkind = 'S')) c"
               " WHERE NOT CASE WHEN c.relkind = 'S' THEN has_sequence_privilege($2::name, c.oid, "
               "'USAGE')"
               "   WHEN c.write THEN has_table_privilege($2::name, c.oid, 'SELECT')"
               "    AND has_table_privilege($2::name, c.oid, 'INSERT')"
               "    AND has_table_privilege($2::name, c.oid, 'UPDATE')"
               "    AND has_table_privilege($2::name, c.oid, 'DELETE')"
               "   ELSE has_table_privilege($2::name, c.oid, 'SELECT') END"
               "  AND (pg_has_role(c.relowner, 'USAGE')"
               "   OR has_table_privilege(c.oid, 'SELECT WITH GRANT OPTION'))",
    };
    const struct login_wish *wish = e->wish;
    return pg_query(pg, &stmt,
                    PG_ARGS(PG_ARG(wish->schema), PG_ARG((const char *)wish->login->role),
                            PG_ARG(wish->kind == LOGIN_WRITE), PG_ARG(wish->tracking_table)),
                    out, err);
}

static err_code grant_relations(struct pg *pg, const struct ensuring *e, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct pg_ident name;
    err_code rc = find_lacking(pg, e, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        const char *what = pg_bool(rows, i, "sequence") ? "USAGE, SELECT ON SEQUENCE"
                           : pg_bool(rows, i, "write")  ? "SELECT, INSERT, UPDATE, DELETE ON"
                                                        : "SELECT ON";
        rc = pg_ident_quote(pg_text(rows, i, "name"), &name, err);
        if (!rc)
            str_addf(&sql, "GRANT %s %s.%s TO %s;", what, e->schema.sql, name.sql, e->role.sql);
    }
    return rc || !sql.len ? rc : run(pg, &sql, err);
}

static err_code ensure(struct pg *pg, void *arg, struct err *err)
{
    struct ensuring *e = arg;
    err_code rc = lock(pg, e->wish, err);

    if (!rc)
        rc = look(pg, e, err);
    if (!rc)
        rc = make_role(pg, e, err);
    if (!rc)
        rc = grant_schema(pg, e, err);
    return rc ? rc : grant_relations(pg, e, err);
}

err_code login_ensure(struct pg *pg, const struct login_wish *wish, struct err *err)
{
    struct ensuring e = {.wish = wish};
    struct err why = {.code = ERR_NONE};
    err_code rc = pg_ident_quote(wish->login->role, &e.role, err);

    if (!rc)
        rc = pg_ident_quote(wish->schema, &e.schema, err);
    if (rc)
        return rc;
    rc = pg_tx(pg, ensure, &e, &why);
    if (rc && str_eq(why.sqlstate, "42501"))
        return err_set(err, ERR_QUERY_UNAVAILABLE,
                       "the server's role cannot make the login %s (%s): give it CREATEROLE",
                       wish->login->role, why.msg);
    if (rc && err)
        *err = why;
    return rc;
}

static err_code is_there(struct pg *pg, const struct login *login, bool *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "login_exists",
        .sql = "SELECT FROM pg_roles WHERE rolname = $1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG((const char *)login->role)), &rows, err);

    *out = !rc && pg_rows_count(rows) > 0;
    return rc;
}

err_code login_drop(struct pg *pg, const struct login *login, struct err *err)
{
    char sql[2 * PG_IDENT_SIZE + 48];
    struct err why = {.code = ERR_NONE};
    struct pg_ident role;
    bool there = false;
    err_code rc = is_there(pg, login, &there, err);

    if (!rc)
        rc = pg_ident_quote(login->role, &role, err);
    if (rc || !there)
        return rc;
    (void)snprintf(sql, sizeof sql, "DROP ROLE IF EXISTS %s", role.sql);
    rc = pg_command(pg, sql, &why);
    if (rc && str_eq(why.sqlstate, "2BP01")) { /* somebody gave it more */
        (void)snprintf(sql, sizeof sql, "DROP OWNED BY %s; DROP ROLE %s", role.sql, role.sql);
        rc = pg_command(pg, sql, &why);
    }
    if (!rc || str_eq(why.sqlstate, "42501") || str_eq(why.sqlstate, "2BP01"))
        return ERR_NONE;
    if (err)
        *err = why;
    return rc;
}
