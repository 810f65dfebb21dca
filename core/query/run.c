/* SPDX-License-Identifier: MIT */
#include "core/query/run.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/migrate/apply.h"

enum { GRACE_MS = 1000 }; /* the server's own timeout comes first, and says so */

/* A query under way. */
struct running {
    const struct query_env *env;
    const struct query *query;
    const struct query_sink *sink;
    struct query_outcome *out;
    struct login login, shared; /* who it is; the reader of the shared schema */
    struct pg *pg;
    struct pg_shape shape;
    bool gave; /* the sink has a row: nothing can begin anew */
};

static const char *schema_of(const struct running *r)
{
    return r->query->target->schema ? r->query->target->schema : r->env->shared_schema;
}

static bool is_shared(const struct running *r)
{
    return !r->query->target->schema || str_eq(r->query->target->schema, r->env->shared_schema);
}

static void name_logins(struct running *r)
{
    const struct query_env *env = r->env;
    const char *server = r->query->target->server;

    login_of(env->key, env->key_len, server, schema_of(r),
             r->query->write ? LOGIN_WRITE : LOGIN_READ, &r->login);
    login_of(env->key, env->key_len, server, env->shared_schema, LOGIN_READ, &r->shared);
}

static struct login_wish wish_for(const struct running *r, bool shared, bool refused)
{
    const struct query_env *env = r->env;
    bool own = !shared && !str_eq(r->login.role, r->shared.role);
    const char *schema = shared ? env->shared_schema : schema_of(r);

    return (struct login_wish){.login = shared ? &r->shared : &r->login,
                               .member_of = own ? r->shared.role : NULL,
                               .schema = schema,
                               .kind = r->query->write && !shared ? LOGIN_WRITE : LOGIN_READ,
                               .tracking_table = shared || is_shared(r) ? env->shared_tracking_table
                                                                        : env->tracking_table,
                               .lock_key = apply_lock_key(schema),
                               .lock_timeout_ms = env->lock_timeout_ms,
                               .refused = refused};
}

/* Makes what is missing, as the server's own role. */
static err_code repair(const struct running *r, bool refused, struct err *err)
{
    const struct query_target *t = r->query->target;
    struct login_wish shared = wish_for(r, true, false), own = wish_for(r, false, refused);
    struct pg *pg = NULL;
    err_code rc = r->env->open(r->env->ctx, t->server, t->url, NULL, NULL, &pg, err);

    if (rc)
        return rc;
    if (own.member_of)
        rc = login_ensure(pg, &shared, err);
    if (!rc)
        rc = login_ensure(pg, &own, err);
    r->env->close(r->env->ctx, t->server, pg);
    return rc;
}

static err_code open_once(struct running *r, struct err *err)
{
    const struct query_target *t = r->query->target;
    return r->env->open(r->env->ctx, t->server, t->url, r->login.role, r->login.password, &r->pg,
                        err);
}

/* libpq does not say why a server lets nobody in, so the login is seen to, and tried again. */
static err_code log_in(struct running *r, struct err *err)
{
    struct err why = {.code = ERR_NONE};
    err_code rc = open_once(r, &why);

    if (rc == ERR_DATABASE_UNAVAILABLE) {
        rc = repair(r, true, err);
        if (rc)
            return rc;
        rc = open_once(r, &why);
        if (rc == ERR_DATABASE_UNAVAILABLE)
            return err_set(err, ERR_QUERY_UNAVAILABLE,
                           "server %s does not let the login %.63s in: pg_hba.conf must allow roles"
                           " tenantd_r_ and tenantd_w_ by password (%.200s)",
                           r->query->target->server, r->login.role, why.msg);
    }
    if (rc && err)
        *err = why;
    return rc;
}

static err_code begin(struct running *r, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    long long timeout = (long long)r->query->timeout_ms;
    struct pg_ident schema, shared;
    err_code rc = pg_ident_quote(schema_of(r), &schema, err);

    if (!rc)
        rc = pg_ident_quote(r->env->shared_schema, &shared, err);
    if (rc)
        return rc;
    str_addf(
        &sql,
        "BEGIN %s; SET LOCAL search_path = %s, %s, pg_temp; SET LOCAL statement_timeout = %lld;"
        " SET LOCAL lock_timeout = 0; SET LOCAL TimeZone = 'UTC';"
        " SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres';"
        " SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1",
        r->query->write ? "READ WRITE" : "READ ONLY", schema.sql, shared.sql, timeout);
    return str_ok(&sql) ? pg_command(r->pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

/* What confines the query is who it runs as, so that is not taken for granted: a pooler may have
 * let it in as somebody else. *lacking: the schema is not to be seen by this login. */
static err_code prove(struct running *r, bool *lacking, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "query_proof",
        .sql = "SELECT session_user AS login, current_schema() AS schema,"
               " current_setting('is_superuser') = 'on' AS super",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(r->pg, &stmt, PG_NO_ARGS, &rows, err);

    if (rc)
        return rc;
    if (!str_eq(pg_text(rows, 0, "login"), r->login.role) || pg_bool(rows, 0, "super"))
        return err_set(err, ERR_QUERY_UNAVAILABLE,
                       "server %s let the login %.63s in as %.63s, which is not confined",
                       r->query->target->server, r->login.role, pg_text(rows, 0, "login"));
    const char *schema = pg_text(rows, 0, "schema");
    *lacking = !schema || !str_eq(schema, schema_of(r));
    return *lacking ? err_set(err, ERR_SCHEMA_MISSING, "there is no schema %s", schema_of(r))
                    : ERR_NONE;
}

static bool give_row(void *arg, const struct pg_row *row)
{
    struct running *r = arg;

    r->gave = true;
    bool more = r->sink->row(r->sink->arg, &r->shape, row);
    return more || r->query->write; /* what writes is done to its end, whoever reads of it */
}

static bool is_stopped(void *arg)
{
    const struct running *r = arg;
    return r->sink->stopped && r->sink->stopped(r->sink->arg);
}

static err_code check_params(const struct running *r, struct err *err)
{
    if (r->shape.params == r->query->params->count)
        return ERR_NONE;
    (void)err_set(err, ERR_VALIDATION_FAILED, "the query has %zu parameters, %zu are given",
                  r->shape.params, r->query->params->count);
    return err ? err_in(err, "/params") : ERR_VALIDATION_FAILED;
}

static err_code read_rows(struct running *r, struct err *err)
{
    const struct query *q = r->query;
    struct pg_each each = {.values = q->params->values,
                           .count = q->params->count,
                           .until = clock_mono_ms() + q->timeout_ms + GRACE_MS,
                           .row = give_row,
                           .stopped = is_stopped,
                           .arg = r};
    err_code rc = pg_describe(r->pg, q->text->sql, &r->shape, &r->out->failure, err);

    if (!rc)
        rc = check_params(r, err);
    if (rc)
        return rc;
    r->sink->begin(r->sink->arg, &r->shape);
    return pg_each_row(r->pg, q->text->sql, &each, &r->out->affected, &r->out->failure, err);
}

static err_code end(struct running *r, err_code rc, struct err *err)
{
    if (!rc && r->query->write)
        return pg_command(r->pg, "COMMIT", err);
    if (pg_alive(r->pg) && pg_in_transaction(r->pg))
        (void)!pg_command(r->pg, "ROLLBACK", NULL); /* the connection ends next */
    return rc;
}

static err_code attempt(struct running *r, bool *lacking, struct err *err)
{
    pg_shape_clear(&r->shape);
    *r->out = (struct query_outcome){.affected = 0};
    err_code rc = begin(r, err);
    if (!rc)
        rc = prove(r, lacking, err);
    if (!rc)
        rc = read_rows(r, err);
    return end(r, rc, err);
}

static void leave(struct running *r)
{
    r->env->close(r->env->ctx, r->query->target->server, r->pg);
    r->pg = NULL;
}

/* Rights are older than what was made since: seen to once, and tried again. */
static err_code run_twice(struct running *r, struct err *err)
{
    struct err why = {.code = ERR_NONE};
    bool lacking = false;
    err_code rc = attempt(r, &lacking, &why);

    if ((lacking || (rc && str_eq(why.sqlstate, "42501"))) && !r->gave) {
        leave(r); /* who waits for a connection must not hold one */
        why = (struct err){.code = ERR_NONE};
        rc = repair(r, false, &why);
        if (!rc)
            rc = open_once(r, &why);
        if (!rc)
            rc = attempt(r, &lacking, &why);
    }
    if (rc && err)
        *err = why;
    return rc;
}

/* What an error means to who sent the query. */
static err_code meaning_of(err_code rc, const char *sqlstate)
{
    if (rc == ERR_DATABASE_TIMEOUT)
        return ERR_QUERY_TIMEOUT;
    if (str_eq(sqlstate, "42501"))
        return ERR_QUERY_DENIED;
    if (str_eq(sqlstate, "25006"))
        return ERR_QUERY_NOT_ALLOWED;
    if (!*sqlstate || pg_sqlstate_is_transient(sqlstate))
        return rc;
    return ERR_QUERY_FAILED;
}

static err_code translate(const struct running *r, err_code rc, struct err *err)
{
    err->code = meaning_of(rc, err->sqlstate);
    if (err->code == ERR_QUERY_TIMEOUT)
        (void)snprintf(err->msg, sizeof err->msg, "the query was stopped after %lld ms",
                       (long long)r->query->timeout_ms);
    else if (*r->out->failure.message)
        (void)snprintf(err->msg, sizeof err->msg, "%.400s", r->out->failure.message);
    query_text_place(r->query->text, r->out->failure.position, err);
    return err->code;
}

err_code query_run(const struct query_env *env, const struct query *query,
                   const struct query_sink *sink, struct query_outcome *out, struct err *err)
{
    struct running r = {.env = env, .query = query, .sink = sink, .out = out};
    struct err why = {.code = ERR_NONE};

    *out = (struct query_outcome){.affected = 0};
    if (!env->key)
        return err_set(err, ERR_QUERY_UNAVAILABLE, "queries are off (query.role_mode)");
    name_logins(&r);
    err_code rc = log_in(&r, &why);
    if (!rc)
        rc = run_twice(&r, &why);
    leave(&r);
    pg_shape_clear(&r.shape);
    if (rc)
        rc = translate(&r, rc, &why);
    if (rc && err)
        *err = why;
    return rc;
}
