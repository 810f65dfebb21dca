/* SPDX-License-Identifier: MIT */
/* How a snapshot is made: replay, read, write, make again from what was written, compare. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/scratch.h"
#include "core/job/snapshot_internal.h"
#include "core/migrate/sqlcheck.h"
#include "core/schema/diff.h"
#include "core/schema/introspect.h"
#include "core/schema/normal.h"
#include "core/schema/schema_json.h"
#include "core/schema/script.h"

struct making {
    const struct engine_settings *settings;
    struct pg *pg;
    const struct catalog *catalog;
    struct snapshot *out;
    struct err *err;
    char replayed[SCRATCH_NAME_SIZE];
    struct schema *model; /* of it */
};

static void making_clear(struct making *m)
{
    schema_free(m->model);
}

/* There is none, for a reason that holds as long as the catalog does: what is in front of detail. */
static void refuse(struct making *m, const char *why, const char *detail)
{
    (void)snprintf(m->out->reason, sizeof m->out->reason, "%s%.180s", why, detail);
}

static bool is_refused(const struct making *m)
{
    return m->out->reason[0] != '\0';
}

/* Statements that reach beyond the schema are known as such from registration. */
static err_code check_classes(struct making *m)
{
    for (size_t i = 0; i < m->catalog->count; i++)
        if (m->catalog->items[i].classes && !is_refused(m))
            refuse(m, "a migration reaches beyond its schema: ", m->catalog->items[i].version);
    return ERR_NONE;
}

static err_code replay(struct making *m)
{
    err_code rc = scratch_make(m->pg, m->settings->shared_schema, m->replayed, m->err);
    struct err why = {.code = ERR_NONE};

    if (rc)
        return rc;
    rc = scratch_replay(m->pg, m->catalog, NULL, &why);
    if (!rc)
        return ERR_NONE;
    *m->err = why;
    if (rc == ERR_MIGRATION_FAILED) /* as up to PostgreSQL 16 with a label that is used at once */
        refuse(m, "", why.msg);
    return rc == ERR_MIGRATION_FAILED ? ERR_NONE : rc;
}

/* The statement is asked about the replayed schema, and its first row gives a reason. */
static err_code refuse_for(struct making *m, const struct pg_stmt *stmt)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(m->pg, stmt, PG_ARGS(PG_ARG((const char *)m->replayed)), &rows, m->err);

    if (!rc && pg_rows_count(rows))
        refuse(m, "", pg_text(rows, 0, "reason"));
    return rc;
}

/* The statistics of this transaction count what was done to rows, wherever. */
static err_code check_rows(struct making *m)
{
    static const struct pg_stmt stmt = {
        .name = "snapshot_rows",
        .sql = "SELECT 'rows cannot be watched: track_counts is off' AS reason"
               " WHERE pg_catalog.current_setting('track_counts') <> 'on'"
               " UNION ALL SELECT CASE WHEN schemaname = $1 THEN 'a migration puts rows into '"
               "  ELSE 'a migration changes rows of ' || schemaname || '.' END || relname"
               " FROM pg_catalog.pg_stat_xact_all_tables"
               " WHERE n_tup_ins + n_tup_upd + n_tup_del > 0"
               "  AND (schemaname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')"
               "   OR relname = 'pg_largeobject_metadata')"
               "  AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relid"
               "   AND c.relkind <> 'r')"
               " UNION ALL SELECT 'a migration moves the sequence ' || sequencename"
               " FROM pg_catalog.pg_sequences WHERE schemaname = $1 AND last_value IS NOT NULL"
               " ORDER BY 1 LIMIT 1",
    };
    return refuse_for(m, &stmt);
}

/* What a DO block made elsewhere: its OID is behind that of the scratch schema, and it is not there
 * for others yet. A table that was only referred to is older. */
static err_code check_elsewhere(struct making *m)
{
    static const struct pg_stmt stmt = {
        .name = "snapshot_elsewhere",
        .sql =
            "WITH scratch AS (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1),"
            " made AS (SELECT c.relname AS name, c.relnamespace AS namespace, c.oid, c.xmin"
            "   FROM pg_catalog.pg_class c WHERE c.relkind NOT IN ('i', 'I', 't')"
            "  UNION ALL SELECT p.proname, p.pronamespace, p.oid, p.xmin FROM pg_catalog.pg_proc p"
            "  UNION ALL SELECT e.extname, 0, e.oid, e.xmin FROM pg_catalog.pg_extension e"
            "  UNION ALL SELECT n.nspname, n.oid, n.oid, n.xmin FROM pg_catalog.pg_namespace n)"
            " SELECT 'a migration makes ' || m.name || ' outside of its schema' AS reason"
            " FROM made m, scratch s WHERE m.namespace <> s.oid"
            "  AND m.oid::pg_catalog.int8 > s.oid::pg_catalog.int8"
            "  AND m.xmin = pg_catalog.pg_current_xact_id()::pg_catalog.xid"
            " ORDER BY 1 LIMIT 1",
    };
    return refuse_for(m, &stmt);
}

static err_code read_model(struct making *m)
{
    return schema_read(m->pg, m->replayed, NULL, &m->model, m->err);
}

/* The statements, and how many PostgreSQL's parser sees in them. */
static err_code write_baseline(struct making *m)
{
    CLEANUP(schema_script_clear) struct schema_script script = {.n = 0};
    CLEANUP(str_clear) struct str text = STR_INIT;
    struct sql_facts facts = {.count = 0};
    struct apply_baseline *b = &m->out->baseline;
    err_code rc = schema_script(m->model, SCHEMA_MARK, &script, m->err);

    if (rc == ERR_UNSUPPORTED_OBJECT)
        refuse(m, "", m->err->msg);
    if (rc)
        return rc == ERR_UNSUPPORTED_OBJECT ? ERR_NONE : rc;
    schema_script_text(&script, &text);
    m->out->text = str_take(&text);
    if (!m->out->text)
        return err_set(m->err, ERR_INTERNAL, "out of memory");
    b->sql = schema_put_mark(m->out->text, APPLY_SCHEMA_HOLE);
    b->version = strdup(m->catalog->items[m->catalog->count - 1].version);
    CLEANUP(freep) char *plain = schema_requalify(m->out->text, m->replayed);
    if (!plain || !b->version)
        return err_set(m->err, ERR_INTERNAL, "out of memory");
    if (!b->sql)
        refuse(m, "a function names its schema in its own search path", "");
    rc = sql_check_by(&sql_policy_registered, plain, strlen(plain), &facts, m->err);
    free(facts.statements);
    b->statements = facts.count;
    return rc;
}

static err_code run_baseline(struct making *m, const char *scratch)
{
    CLEANUP(freep) char *sql = schema_requalify(m->out->text, scratch);
    err_code rc = sql ? pg_command(m->pg, "SET LOCAL check_function_bodies = off", m->err)
                      : err_set(m->err, ERR_INTERNAL, "out of memory");

    return rc ? rc : pg_command(m->pg, sql, m->err);
}

/* Both by their JSON without names. */
static err_code compare(struct making *m, const struct schema *again)
{
    json_auto_t *want = schema_json(m->model, false), *is = schema_json(again, false);
    json_auto_t *lines = json_array();
    size_t n = schema_diff(want, is, 1, lines);

    if (n)
        refuse(m, "the statements make something else at ",
               json_string_value(json_object_get(json_array_get(lines, 0), "path")));
    return schema_fingerprint(m->model, m->out->fingerprint, m->err);
}

static err_code prove(struct making *m)
{
    CLEANUP(schema_freep) struct schema *again = NULL;
    char scratch[SCRATCH_NAME_SIZE];
    err_code rc = scratch_make(m->pg, m->settings->shared_schema, scratch, m->err);

    if (!rc)
        rc = run_baseline(m, scratch);
    if (!rc)
        rc = schema_read(m->pg, scratch, NULL, &again, m->err);
    if (rc && !err_is_retryable(rc)) {
        refuse(m, "the statements fail: ", m->err->msg);
        return ERR_NONE;
    }
    return rc ? rc : compare(m, again);
}

static err_code make_all(struct making *m)
{
    static err_code (*const steps[])(struct making *) = {
        check_classes, replay, check_rows, check_elsewhere, read_model, write_baseline, prove,
    };
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < ARRAY_LEN(steps) && !rc && !is_refused(m); i++)
        rc = steps[i](m);
    if (rc || is_refused(m)) {
        char reason[sizeof m->out->reason];
        memcpy(reason, m->out->reason, sizeof reason);
        snapshot_clear(m->out);
        memcpy(m->out->reason, reason, sizeof reason);
    }
    m->out->migrations = m->catalog->count;
    return rc;
}

err_code snapshot_build(const struct engine_settings *settings, struct pg *pg,
                        const struct catalog *catalog, struct snapshot *out, struct err *err)
{
    CLEANUP(making_clear)
    struct making m = {.settings = settings, .pg = pg, .catalog = catalog, .out = out, .err = err};
    char begin[160];

    (void)snprintf(begin, sizeof begin,
                   "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = %d;"
                   " SET LOCAL statement_timeout = %d",
                   settings->lock_timeout_ms, settings->statement_timeout_ms);
    err_code rc = pg_command(pg, begin, err);
    if (!rc)
        rc = make_all(&m);
    err_code back = pg_alive(pg) ? pg_command(pg, "ROLLBACK", rc ? NULL : err) : ERR_NONE;
    return rc ? rc : back;
}
