/* SPDX-License-Identifier: MIT */
#include "core/migrate/seed_apply.h"

#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/place.h"
#include "core/migrate/sqlcheck.h"
#include "core/migrate/tracking_internal.h"
#include "core/pg/literal.h"
#include "core/pg/script.h"

enum { ROUNDS_MAX = 4, NONCE_SIZE = 25 };

/* The statements around a seed's own. */
enum { AT_BEGIN, AT_SETTINGS, AT_LOCK, AT_GUARD, AT_TABLE };

/* One call of seed_apply(). */
struct seeding {
    struct pg *pg;
    const struct seed_bound *bound;
    const struct seed_options *options;
    struct seed_state state;
    struct str sql;
    size_t first, chars_before; /* the number of the seed's first statement, its place in sql */
};

err_code seed_state_read(struct pg *pg, const char *schema, const char *name,
                         struct seed_state *out, struct err *err)
{
    CLEANUP(str_clear) struct str table = STR_INIT, sql = STR_INIT;
    CLEANUP(pg_rows_freep) struct pg_rows *there = NULL, *rows = NULL;
    struct pg_ident ident;
    err_code rc = pg_ident_quote(schema, &ident, err);

    *out = (struct seed_state){.has_table = false};
    if (!rc)
        rc = tracking_name(schema, SEED_TABLE, &table, err);
    if (!rc)
        rc = pg_query_text(pg,
                           "SELECT to_regnamespace($1) IS NOT NULL AS there,"
                           " to_regclass($2) IS NOT NULL AS has_table",
                           PG_ARGS(PG_ARG((const char *)ident.sql), PG_ARG(str_text(&table))),
                           &there, err);
    if (rc)
        return rc;
    if (!pg_bool(there, 0, "there"))
        return err_set(err, ERR_SCHEMA_MISSING, "there is no schema %s", schema);
    out->has_table = pg_bool(there, 0, "has_table");
    if (!out->has_table)
        return ERR_NONE;
    str_addf(&sql, "SELECT sha256, job_id FROM %s WHERE name = $1", str_text(&table));
    rc = pg_query_text(pg, str_text(&sql), PG_ARGS(PG_ARG(name)), &rows, err);
    if (rc || !pg_rows_count(rows))
        return rc;
    const char *job = pg_text(rows, 0, "job_id");
    (void)snprintf(out->sha256, sizeof out->sha256, "%s", pg_text(rows, 0, "sha256"));
    (void)snprintf(out->job_id, sizeof out->job_id, "%s", job ? job : "");
    return ERR_NONE;
}

err_code seed_decide(const struct seed_state *state, const char *sha256,
                     const struct seed_options *options, bool *wanted, struct err *err)
{
    bool applied = state->sha256[0], same = str_eq(state->sha256, sha256);
    bool by_this_job = same && options->job_id && str_eq(state->job_id, options->job_id);

    *wanted = !by_this_job && (options->always || !applied || (options->force && !same));
    if (!applied || same || options->always || options->force)
        return ERR_NONE;
    (void)err_set(err, ERR_SEED_CHANGED,
                  "schema %s has seed %s with another content (sha256 %.12s…, not %.12s…)",
                  options->schema, options->name, state->sha256, sha256);
    if (err)
        (void)snprintf(err->subject, sizeof err->subject, "%s", options->name);
    return ERR_SEED_CHANGED;
}

static void add_setting(struct str *sql, const char *name, const char *value)
{
    str_addf(sql, "%sset_config('%s', ", sql->len && sql->data[sql->len - 1] == ')' ? ", " : "",
             name);
    pg_literal_add(sql, value);
    str_add(sql, ", true)");
}

static err_code add_settings(struct seeding *s, const char *nonce, struct err *err)
{
    const struct seed_options *o = s->options;
    CLEANUP(str_clear) struct str path = STR_INIT;
    struct pg_ident schema, shared;
    char number[16];
    err_code rc = pg_ident_quote(o->schema, &schema, err);

    if (!rc && o->shared_schema)
        rc = pg_ident_quote(o->shared_schema, &shared, err);
    if (rc)
        return rc;
    str_add(&path, schema.sql);
    if (o->shared_schema && !str_eq(o->shared_schema, o->schema))
        str_addf(&path, ", %s", shared.sql);
    str_add(&path, ", pg_temp");
    str_add(&s->sql, "SELECT ");
    add_setting(&s->sql, "search_path", str_text(&path));
    (void)snprintf(number, sizeof number, "%d", o->lock_timeout_ms);
    add_setting(&s->sql, "lock_timeout", number);
    (void)snprintf(number, sizeof number, "%d", o->statement_timeout_ms);
    add_setting(&s->sql, "statement_timeout", number);
    if (o->async_commit)
        add_setting(&s->sql, "synchronous_commit", "off");
    add_setting(&s->sql, "tenantd.nonce", nonce);
    str_add(&s->sql, ";\n");
    return str_ok(&path) ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

/* A cast that fails, unless the condition before it is false. */
static void end_check(struct str *sql, const char *message)
{
    str_add(sql, " THEN ");
    pg_literal_add(sql, message);
    str_add(sql, "::text END::integer;\n");
}

/* The state is still the one that was decided upon. */
static void add_guard(struct seeding *s, const char *table)
{
    struct str *sql = &s->sql;

    str_addf(sql, "SELECT CASE WHEN NOT pg_try_advisory_xact_lock(%lld)",
             (long long)apply_lock_key(s->options->schema));
    end_check(sql, "another session works on the schema");
    str_add(sql, "SELECT CASE WHEN ");
    if (s->state.has_table) {
        str_addf(sql,
                 "(SELECT coalesce(max(sha256 || ' ' || coalesce(job_id, '')), '') FROM %s"
                 " WHERE name = ",
                 table);
        pg_literal_add(sql, s->options->name);
        str_addf(sql, ") <> '%s%s%s'", s->state.sha256, s->state.sha256[0] ? " " : "",
                 s->state.job_id);
    } else {
        str_add(sql, "to_regclass(");
        pg_literal_add(sql, table);
        str_add(sql, ") IS NOT NULL");
    }
    end_check(sql, "the seeds of the schema are not what was assumed");
    if (!s->state.has_table)
        str_addf(sql,
                 "CREATE TABLE %s (name text PRIMARY KEY, sha256 text NOT NULL,"
                 " applied_at timestamptz NOT NULL, runs int NOT NULL DEFAULT 1,"
                 " job_id text);\n",
                 table);
}

static void add_record(struct seeding *s, const char *table, const char *nonce)
{
    struct str *sql = &s->sql;

    str_add(sql, "SELECT CASE WHEN current_setting('tenantd.nonce', true) IS DISTINCT FROM ");
    pg_literal_add(sql, nonce);
    end_check(sql, "the seed ended its transaction");
    str_addf(sql, "INSERT INTO %s AS s (name, sha256, applied_at, job_id) VALUES (", table);
    pg_literal_add(sql, s->options->name);
    str_addf(sql, ", '%s', clock_timestamp(), ", s->bound->seed->sha256);
    pg_literal_add(sql, s->options->job_id ? s->options->job_id : "");
    str_add(sql, ") ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256,"
                 " applied_at = excluded.applied_at, job_id = excluded.job_id, runs = s.runs + 1;\n"
                 "COMMIT;\n");
}

static err_code write_script(struct seeding *s, const char *nonce, struct err *err)
{
    CLEANUP(str_clear) struct str table = STR_INIT;
    size_t bom = sql_bom_len(s->bound->sql, s->bound->len);
    err_code rc = tracking_name(s->options->schema, SEED_TABLE, &table, err);

    str_reset(&s->sql);
    str_add(&s->sql, "BEGIN ISOLATION LEVEL READ COMMITTED;\n");
    if (!rc)
        rc = add_settings(s, nonce, err);
    if (rc)
        return rc;
    add_guard(s, str_text(&table));
    s->first = s->state.has_table ? AT_TABLE : AT_TABLE + 1;
    s->chars_before = utf8_chars(str_text(&s->sql), s->sql.len);
    if (s->bound->seed->statement_count) {
        str_add_n(&s->sql, s->bound->sql + bom, s->bound->len - bom);
        str_add(&s->sql, "\n;\n"); /* the text may end in a comment without a newline */
    }
    add_record(s, str_text(&table), nonce);
    return str_ok(&s->sql) && str_ok(&table) ? ERR_NONE
                                             : err_set(err, ERR_INTERNAL, "out of memory");
}

/* The whole script is parsed before anything runs: only the position tells where then. */
static size_t statement_of(const struct seeding *s, const struct pg_failure *f)
{
    bool parsing = f->statement == 0 && str_eq(f->sqlstate, "42601") &&
                   f->position > s->chars_before && s->bound->seed->statement_count;
    return parsing ? s->first : f->statement;
}

/* Where in the seed's own text: the statement's beginning, or the very place. */
static void locate(const struct seeding *s, const struct pg_failure *f, struct apply_failure *out)
{
    const struct seed_text *seed = s->bound->seed;
    size_t i = statement_of(s, f) - s->first;
    struct place at = PLACE_START(sql_bom_len(s->bound->sql, s->bound->len));
    struct place own = PLACE_START(sql_bom_len(seed->sql, seed->len));

    out->statement = (int)i + 1;
    out->line = seed->statements[i].line;
    out->column = seed->statements[i].column;
    if (f->position <= s->chars_before)
        return;
    place_by_chars(&at, s->bound->sql, s->bound->len, f->position - 1 - s->chars_before);
    if (at.offset >= s->bound->len)
        return;
    place_to_offset(&own, seed->sql, seed_bound_origin(s->bound, at.offset));
    while (i + 1 < seed->statement_count && seed->statements[i + 1].offset <= own.offset)
        i++;
    out->statement = (int)i + 1;
    out->line = own.line;
    out->column = own.column;
}

static void copy_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
    out[utf8_valid_len(out, strlen(out))] = '\0';
}

static bool in_seed(const struct seeding *s, size_t statement)
{
    return statement >= s->first && statement < s->first + s->bound->seed->statement_count;
}

static void fill_failure(const struct seeding *s, const struct pg_failure *f,
                         struct apply_failure *out)
{
    size_t statement = statement_of(s, f);
    bool seeding = statement >= s->first;

    *out = (struct apply_failure){.step = seeding ? "seed" : "lock"};
    copy_text(out->version, sizeof out->version, s->options->name);
    copy_text(out->sqlstate, sizeof out->sqlstate, f->sqlstate);
    copy_text(out->message, sizeof out->message, f->message);
    copy_text(out->detail, sizeof out->detail, f->detail);
    copy_text(out->hint, sizeof out->hint, f->hint);
    copy_text(out->context, sizeof out->context, f->context);
    if (in_seed(s, statement))
        locate(s, f, out);
}

static err_code code_of(const struct seeding *s, const struct pg_failure *f)
{
    err_code code = pg_err_code(f->sqlstate);

    if (f->statement == AT_LOCK && str_eq(f->sqlstate, "22P02"))
        return ERR_LOCK_UNAVAILABLE;
    if (!in_seed(s, f->statement) && code == ERR_SCHEMA_MISSING)
        return code;
    if (str_eq(f->sqlstate, "53200"))
        return ERR_SEED_FAILED; /* out of locks: the same script would fail again */
    return err_is_retryable(code) ? code : ERR_SEED_FAILED;
}

static err_code stop(struct seeding *s, const struct pg_failure *f, bool *stale,
                     struct apply_failure *failure, struct err *err)
{
    static const char *const moved[] = {"22P02", "42P01", "42703", "42P07", "23505"};
    bool guarding = f->statement == AT_GUARD || (f->statement == AT_TABLE && s->first > AT_TABLE);

    for (size_t i = 0; i < ARRAY_LEN(moved) && pg_alive(s->pg) && guarding; i++)
        *stale = *stale || str_eq(f->sqlstate, moved[i]);
    if (*stale)
        return ERR_NONE;
    fill_failure(s, f, failure);
    err_code code = pg_alive(s->pg) ? code_of(s, f) : ERR_DATABASE_UNAVAILABLE;
    if (failure->statement)
        (void)err_set(err, code, "%s, line %d, column %d (statement %d): %.250s", failure->version,
                      failure->line, failure->column, failure->statement, failure->message);
    else
        (void)err_set(err, code, "%s: %.400s", failure->version, failure->message);
    if (err) {
        err->msg[utf8_valid_len(err->msg, strlen(err->msg))] = '\0';
        err->line = failure->line;
        err->column = failure->column;
        memcpy(err->sqlstate, failure->sqlstate, sizeof err->sqlstate);
    }
    return code;
}

static err_code attempt(struct seeding *s, bool *stale, struct apply_failure *failure,
                        struct err *err)
{
    unsigned char bytes[(NONCE_SIZE - 1) / 2];
    char nonce[NONCE_SIZE];
    struct pg_failure f = {.statement = 0};

    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, nonce);
    err_code rc = write_script(s, nonce, err);
    if (rc)
        return rc;
    rc = pg_script_run(s->pg, str_text(&s->sql), 0, &f, err);
    return rc ? stop(s, &f, stale, failure, err) : ERR_NONE;
}

static err_code run_rounds(struct seeding *s, bool *applied, struct apply_failure *failure,
                           struct err *err)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        bool wanted = false, stale = false;
        err_code rc = seed_state_read(s->pg, s->options->schema, s->options->name, &s->state, err);
        if (!rc)
            rc = seed_decide(&s->state, s->bound->seed->sha256, s->options, &wanted, err);
        if (rc || !wanted)
            return rc;
        rc = attempt(s, &stale, failure, err);
        *applied = !rc && !stale;
        if (!stale)
            return rc;
    }
    return err_set(err, ERR_LOCK_UNAVAILABLE, "the seeds of \"%s\" keep changing",
                   s->options->schema);
}

err_code seed_apply(struct pg *pg, const struct seed_bound *bound,
                    const struct seed_options *options, bool *applied,
                    struct apply_failure *failure, struct err *err)
{
    struct seeding s = {.pg = pg, .bound = bound, .options = options};

    *applied = false;
    *failure = (struct apply_failure){.step = NULL};
    err_code rc = run_rounds(&s, applied, failure, err);
    str_clear(&s.sql);
    return rc;
}

err_code seed_preview(const struct seed_bound *bound, const struct seed_options *options,
                      struct str *sql, struct err *err)
{
    struct seeding s = {.bound = bound, .options = options};
    err_code rc = write_script(&s, "<nonce>", err);

    if (!rc)
        str_add_n(sql, s.sql.data, s.sql.len);
    str_clear(&s.sql);
    return rc;
}
