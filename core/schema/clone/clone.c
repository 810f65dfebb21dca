/* SPDX-License-Identifier: MIT */
/*
 * The clone as one transaction.
 *
 * Its rows are those of one moment (REPEATABLE READ), and that moment must not fall into a
 * migration of the source. So the locks come first, by LOCK TABLE, which alone takes no snapshot:
 * on every table, against changes of its form, and on the tracking table one that keeps its writers
 * out. Who migrates writes there, so every migration is either wholly before the snapshot or wholly
 * after the clone. None of it waits: one that holds a lock and waits for another would be waited
 * for.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/pg/literal.h"
#include "core/schema/clone/clone_parts.h"
#include "core/schema/diff.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"
#include "core/schema/script.h"
#include "core/schema/script/script_parts.h"

enum { BATCH = 64, PAD = 64, DIFFERENCES_TOLD = 1 }; /* PAD: of SHA-256, its block */

void clone_result_clear(struct clone_result *result)
{
    json_decref(result->tables);
    *result = (struct clone_result){.tables = NULL};
}

err_code cloning_check(const struct cloning *c, struct err *err)
{
    if (c->o->stopped && c->o->stopped(c->o->stopped_ctx))
        return err_set(err, ERR_CANCELLED, "the clone was stopped");
    if (c->deadline && clock_mono_ms() > c->deadline)
        return err_set(err, ERR_CANCELLED, "the clone took longer than %lld ms (clone.timeout_ms)",
                       (long long)c->o->deadline_ms);
    return ERR_NONE;
}

/* RFC 2104 with a key that is shorter than a block. */
static void make_pads(struct cloning *c)
{
    static const unsigned char marks[2] = {0x36, 0x5c};
    unsigned char pad[PAD];

    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        for (size_t k = 0; k < PAD; k++)
            pad[k] = marks[i] ^ (k < sizeof c->o->key ? c->o->key[k] : 0);
        memcpy(c->pads[i], "\\x", 2);
        hex_encode(pad, PAD, c->pads[i] + 2);
    }
}

static err_code list_tables(struct cloning *c, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "clone_tables",
        .sql = "SELECT c.relname AS name FROM pg_catalog.pg_namespace n"
               " JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_namespace'::regclass"
               "  AND d.refobjid = n.oid AND d.classid = 'pg_catalog.pg_class'::regclass"
               " JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p')"
               " WHERE n.nspname = $1 ORDER BY c.relname",
    };
    return pg_query(c->pg, &stmt, PG_ARGS(PG_ARG(c->o->source)), out, err);
}

static void add_locks(const struct cloning *c, const struct pg_rows *tables, struct str *sql)
{
    size_t n = pg_rows_count(tables);

    for (size_t i = 0; i < n; i++) {
        str_addf(sql, i ? ", ONLY %s." : "; LOCK TABLE ONLY %s.", c->source.sql);
        write_name(sql, pg_text(tables, i, "name"));
    }
    if (n)
        str_add(sql, " IN ACCESS SHARE MODE NOWAIT");
    for (size_t i = 0; i < n; i++)
        if (str_eq(pg_text(tables, i, "name"), c->o->spec->tracking_table)) {
            str_addf(sql, "; LOCK TABLE ONLY %s.", c->source.sql);
            write_name(sql, c->o->spec->tracking_table);
            str_add(sql, " IN SHARE MODE NOWAIT");
        }
}

/* Rows that a policy hides are refused, not left out; dates and floats go as text without loss. */
static err_code begin(struct cloning *c, const struct pg_rows *tables, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    str_addf(&sql,
             "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = %d;"
             " SET LOCAL statement_timeout = %d; SET LOCAL row_security = off;"
             " SET LOCAL check_function_bodies = off; SET LOCAL synchronize_seqscans = off;"
             " SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres';"
             " SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'",
             c->o->lock_timeout_ms, c->o->statement_timeout_ms);
    add_locks(c, tables, &sql);
    err_code rc = str_ok(&sql) ? pg_command(c->pg, str_text(&sql), err)
                               : err_set(err, ERR_INTERNAL, "no memory for the locks of a clone");
    if (rc && err && str_eq(err->sqlstate, "42P01")) /* one is gone since they were listed */
        return err_set(err, ERR_DATABASE_CONTENTION, "the source is being changed");
    return rc;
}

static err_code lock_schemas(struct cloning *c, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "clone_locks",
        .sql = "SELECT pg_try_advisory_xact_lock_shared($1) AND pg_try_advisory_xact_lock($2) AS"
               " locked, EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $3) AS made",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(
        c->pg, &stmt,
        PG_ARGS(PG_ARG(c->o->source_lock), PG_ARG(c->o->target_lock), PG_ARG(c->o->target)), &rows,
        err);
    if (rc)
        return rc;
    if (!pg_bool(rows, 0, "locked"))
        return err_set(err, ERR_LOCK_UNAVAILABLE, "schema %s or %s is being worked on",
                       c->o->source, c->o->target);
    if (pg_bool(rows, 0, "made"))
        return err_set(err, ERR_SCHEMA_EXISTS, "the schema %s exists", c->o->target);
    return ERR_NONE;
}

static bool is_among(const struct pg_rows *tables, const char *name)
{
    for (size_t i = 0; i < pg_rows_count(tables); i++)
        if (str_eq(pg_text(tables, i, "name"), name))
            return true;
    return false;
}

/* A table that came after the list was made is not locked. */
static err_code check_tables(const struct schema *s, const struct pg_rows *tables, struct err *err)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        table_kind kind = s->tables[i].kind;
        if ((kind == TABLE_PLAIN || kind == TABLE_PARTITIONED) &&
            !is_among(tables, s->tables[i].name))
            return err_set(err, ERR_DATABASE_CONTENTION, "the source is being changed");
    }
    return ERR_NONE;
}

static void first_problem(void *ctx, const char *pointer, const char *code, const char *text)
{
    struct err *err = ctx;

    (void)code;
    if (err->code)
        return;
    (void)err_set(err, ERR_VALIDATION_FAILED, "%.90s: %s", pointer, text);
    (void)snprintf(err->field, sizeof err->field, "%s", pointer);
}

static err_code check_spec(const struct cloning *c, struct err *err)
{
    struct err first = {.code = ERR_NONE};

    if (!clone_check(c->model, c->o->spec, first_problem, &first))
        return ERR_NONE;
    if (err)
        *err = first;
    return ERR_VALIDATION_FAILED;
}

/* shared: where rows are written functions may run that name what all tenants share. */
static err_code set_path(struct cloning *c, bool shared, struct err *err)
{
    struct pg_ident ident = {.sql = ""};
    char sql[2 * PG_IDENT_SIZE + 64];

    if (shared && c->o->shared_schema && pg_ident_quote(c->o->shared_schema, &ident, err))
        return err ? err->code : ERR_INVALID_PARAMETER;
    (void)snprintf(sql, sizeof sql, "SET LOCAL search_path = %s%s%s", c->target.sql,
                   ident.sql[0] ? ", " : "", ident.sql);
    return pg_command(c->pg, sql, err);
}

static err_code create_schema(struct cloning *c, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    str_addf(&sql, "CREATE SCHEMA %s; COMMENT ON SCHEMA %s IS ", c->target.sql, c->target.sql);
    pg_literal_add(&sql, c->o->comment);
    return str_ok(&sql) ? pg_command(c->pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

/* Many statements in a message; between two the clone can be stopped. */
static err_code run_part(struct cloning *c, const struct schema_script *script, script_part part,
                         struct err *err)
{
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < script->n && !rc;) {
        CLEANUP(str_clear) struct str sql = STR_INIT;
        for (size_t in = 0; i < script->n && in < BATCH; i++)
            if (script->statements[i].part == part) {
                str_addf(&sql, "%s;\n", script->statements[i].sql);
                in++;
            }
        rc = cloning_check(c, err);
        if (!rc && !str_ok(&sql))
            rc = err_set(err, ERR_INTERNAL, "no memory for the script of a clone");
        if (!rc && sql.len)
            rc = pg_command(c->pg, str_text(&sql), err);
    }
    return rc;
}

static err_code copy_data(struct cloning *c, struct err *err)
{
    err_code rc = set_path(c, true, err);

    c->result->step = "copy_rows";
    if (!rc && c->o->spec->data == CLONE_SAMPLE)
        rc = cloning_choose(c, err);
    if (!rc)
        rc = cloning_copy_rows(c, err);
    return rc ? rc : cloning_set_sequences(c, err);
}

static err_code say_difference(const struct cloning *c, const struct schema *copy, struct err *err)
{
    json_auto_t *a = schema_json(c->model, false), *b = schema_json(copy, false);
    json_auto_t *lines = json_array();

    (void)schema_diff(a, b, DIFFERENCES_TOLD, lines);
    const char *path = json_string_value(json_object_get(json_array_get(lines, 0), "path"));
    return err_set(err, ERR_FINGERPRINT_MISMATCH, "the copy differs from its source at %s",
                   path ? path : "a place that cannot be told");
}

static err_code verify(struct cloning *c, struct err *err)
{
    CLEANUP(schema_freep) struct schema *copy = NULL;
    char found[SHA256_HEX_SIZE];

    c->result->step = "verify";
    err_code rc = schema_read(c->pg, c->o->target, NULL, &copy, err);
    if (!rc)
        rc = schema_fingerprint(c->model, c->result->fingerprint, err);
    if (!rc)
        rc = schema_fingerprint(copy, found, err);
    if (rc)
        return rc;
    return str_eq(found, c->result->fingerprint) ? ERR_NONE : say_difference(c, copy, err);
}

static err_code make(struct cloning *c, struct err *err)
{
    CLEANUP(schema_script_clear) struct schema_script script = {.n = 0};
    err_code rc = schema_script(c->model, c->o->target, &script, err);

    if (!rc)
        rc = check_spec(c, err);
    c->result->step = "create_schema";
    if (!rc)
        rc = create_schema(c, err);
    if (!rc)
        rc = set_path(c, false, err);
    if (!rc)
        rc = run_part(c, &script, SCRIPT_BEFORE_DATA, err);
    if (!rc)
        rc = copy_data(c, err);
    if (rc)
        return rc;
    c->result->step = "create_keys";
    rc = run_part(c, &script, SCRIPT_AFTER_DATA, err);
    return rc ? rc : verify(c, err);
}

/* The list of tables, and what is made of it. */
struct work {
    struct cloning *c;
    const struct pg_rows *tables;
};

static err_code work(struct pg *pg, void *arg, struct err *err)
{
    struct work *w = arg;
    struct cloning *c = w->c;
    CLEANUP(schema_freep) struct schema *model = NULL;

    clone_result_clear(c->result); /* of an attempt before */
    *c->result = (struct clone_result){.tables = json_array(), .step = "lock"};
    err_code rc = begin(c, w->tables, err);
    if (!rc)
        rc = lock_schemas(c, err);
    if (rc)
        return rc;
    c->result->step = "read";
    rc = schema_read(pg, c->o->source, NULL, &model, err);
    if (!rc)
        rc = check_tables(model, w->tables, err);
    c->model = model;
    if (!rc)
        rc = make(c, err);
    c->model = NULL;
    if (!rc)
        c->result->step = "commit";
    return rc;
}

err_code schema_clone(struct pg *pg, const struct clone_options *options,
                      struct clone_result *result, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *tables = NULL;
    struct cloning c = {.o = options, .pg = pg, .result = result};
    struct work w = {.c = &c};

    *result = (struct clone_result){.step = "lock"};
    if (options->deadline_ms)
        c.deadline = clock_mono_ms() + options->deadline_ms;
    make_pads(&c);
    err_code rc = pg_ident_quote(options->source, &c.source, err);
    if (!rc)
        rc = pg_ident_quote(options->target, &c.target, err);
    if (!rc)
        rc = list_tables(&c, &tables, err);
    if (rc)
        return rc;
    w.tables = tables;
    return pg_tx(pg, work, &w, err);
}
