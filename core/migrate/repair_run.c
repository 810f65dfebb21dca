/* SPDX-License-Identifier: MIT */
/* One schema under repair: locked, looked at, decided, verified, written, read again. */
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/apply.h"
#include "core/migrate/repair_internal.h"
#include "core/migrate/tracking_internal.h"

/* A call of repair_run(), for pg_tx(), which may run it again. */
struct call {
    const struct catalog *catalog;
    const struct repair_wish *wish;
    const struct repair_options *options;
    struct repair_result *result;
};

void repair_result_clear(struct repair_result *result)
{
    json_decref(result->edits);
    applied_set_free(result->now);
    *result = (struct repair_result){.edits = NULL};
}

static void repairing_clear(struct repairing *r)
{
    str_clear(&r->table);
    applied_set_free(r->set);
    applied_set_free(r->backup);
    pg_rows_free(r->places);
    foreign_history_clear(&r->history);
    free(r->backup_table);
}

/* READ COMMITTED whatever the server's default is: what is read once the lock is held must be what
 * is committed by then. */
static err_code begin(const struct repairing *r, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    str_addf(&sql,
             "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = %d;"
             " SET LOCAL statement_timeout = %d",
             r->options->lock_timeout_ms, r->options->statement_timeout_ms);
    return pg_command(r->pg, str_text(&sql), err);
}

/* The lock that every writer of ours takes, and one on the table that keeps other tools away. */
static err_code lock(struct repairing *r, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "repair_lock",
        .sql = "SELECT pg_try_advisory_xact_lock($1) AS got, to_regclass($2) IS NOT NULL AS there",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(str_clear) struct str sql = STR_INIT;
    err_code rc =
        pg_query(r->pg, &stmt,
                 PG_ARGS(PG_ARG(apply_lock_key(r->options->schema)), PG_ARG(str_text(&r->table))),
                 &rows, err);
    if (rc)
        return rc;
    if (!pg_bool(rows, 0, "got"))
        return err_set(err, ERR_LOCK_UNAVAILABLE, "another session works on the schema");
    if (!pg_bool(rows, 0, "there"))
        return ERR_NONE;
    str_addf(&sql, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", str_text(&r->table));
    return str_ok(&sql) ? pg_command(r->pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code look(struct repairing *r, struct err *err)
{
    const struct repair_options *o = r->options;
    const struct repair_wish *w = r->wish;
    err_code rc =
        tracking_read_places(r->pg, o->schema, o->table, o->format, &r->set, &r->places, err);

    if (rc == ERR_HISTORY_DIVERGED) { /* of a table whose columns are of no format */
        rc = ERR_AMBIGUOUS_FORMAT;
        if (err)
            err->code = rc;
    }
    if (!rc && w->kind == REPAIR_ADOPT)
        rc = foreign_read(r->pg, o->schema, w->from, w->table, o->table, &r->history, err);
    if (!rc && w->kind == REPAIR_CONVERT && w->restore)
        rc = repair_find_backup(r, err);
    return rc;
}

static err_code write(struct repairing *r, const struct repair *repair,
                      struct repair_result *result, struct err *err)
{
    const struct repair_options *o = r->options;
    err_code rc = repair->swap ? repair_swap(r, repair, err) : ERR_NONE;

    if (!rc)
        rc = repair_write(r, repair, err);
    return rc ? rc : tracking_read(r->pg, o->schema, o->table, o->format, &result->now, err);
}

static err_code decide_and_write(struct repairing *r, struct repair_result *result, struct err *err)
{
    CLEANUP(repair_clear) struct repair repair = {.edits = NULL};
    const struct repair_options *o = r->options;
    struct repair_look seen = {r->catalog, r->set, &r->history, r->backup};
    err_code rc = repair_decide(r->wish, &seen, &repair, err);

    if (rc)
        return rc;
    result->format = r->set->format;
    result->changed = !repair_is_empty(&repair);
    result->edits = repair_json(&repair, r->set);
    if (r->wish->verify && o->verify && result->changed)
        rc = o->verify(o->verify_ctx, r->pg, r->catalog, repair.applied, err);
    return rc || o->dry_run ? rc : write(r, &repair, result, err);
}

static err_code work(struct pg *pg, void *arg, struct err *err)
{
    const struct call *c = arg;
    CLEANUP(repairing_clear)
    struct repairing r = {.pg = pg, .catalog = c->catalog, .wish = c->wish, .options = c->options};

    repair_result_clear(c->result);
    err_code rc = tracking_name(c->options->schema, c->options->table, &r.table, err);
    if (!rc)
        rc = begin(&r, err);
    if (!rc && !c->options->dry_run)
        rc = lock(&r, err);
    if (!rc)
        rc = look(&r, err);
    return rc ? rc : decide_and_write(&r, c->result, err);
}

err_code repair_run(struct pg *pg, const struct catalog *catalog, const struct repair_wish *wish,
                    const struct repair_options *options, struct repair_result *result,
                    struct err *err)
{
    struct call call = {catalog, wish, options, result};

    *result = (struct repair_result){.edits = NULL};
    return pg_tx(pg, work, &call, err);
}
