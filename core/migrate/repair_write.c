/* SPDX-License-Identifier: MIT */
/* Edits of a tracking table, row by row. What is removed or changed is kept in a table beside it,
 * in the same transaction, so that no repair can lose what was there. */
#include "core/base/str.h"
#include "core/migrate/lane_mark.h"
#include "core/migrate/repair_internal.h"
#include "core/migrate/tracking_internal.h"

/* The table of what was removed or changed, quoted; made when it is not there. */
static err_code make_kept(struct repairing *r, struct str *kept, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT, name = STR_INIT;

    str_addf(&name, "%s_backup_rows", r->options->table);
    if (!str_ok(&name))
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = tracking_name(r->options->schema, str_text(&name), kept, err);
    if (rc)
        return rc;
    str_add(&sql, "CREATE TABLE IF NOT EXISTS ");
    str_add(&sql, str_text(kept));
    str_add(&sql, " (kept_at timestamptz NOT NULL DEFAULT now(), job text, edit text NOT NULL,"
                  " was jsonb NOT NULL)");
    return str_ok(&sql) ? pg_command(r->pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

/* change: the statement that follows the copy of the row, up to its WHERE; $3 is free in it. */
static err_code keep_and(struct repairing *r, const struct edit *e, const char *kept,
                         const char *what, const char *change, const char *value, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const char *place = pg_text(r->places, e->row, "place"), *table = str_text(&r->table);

    str_add(&sql, "WITH kept AS (INSERT INTO ");
    str_add(&sql, kept);
    str_add(&sql, " (job, edit, was) SELECT $2, '");
    str_add(&sql, what);
    str_add(&sql, "', to_jsonb(x) FROM ");
    str_add(&sql, table);
    str_add(&sql, " x WHERE x.tableoid::oid::text || x.ctid::text = $1), edited AS (");
    str_add(&sql, change);
    str_add(&sql,
            " WHERE " TRACKING_PLACE " = $1 RETURNING $3::text) SELECT count(*) AS n FROM edited");
    if (!str_ok(&sql))
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc =
        pg_query_text(r->pg, str_text(&sql),
                      PG_ARGS(PG_ARG(place), PG_ARG(r->options->job), PG_ARG(value)), &rows, err);
    if (!rc && pg_bigint(rows, 0, "n") != 1)
        rc = err_set(err, ERR_INTERNAL, "a row of %.200s is gone", table);
    return rc;
}

static err_code write_remove(struct repairing *r, const struct edit *e, const char *kept,
                             struct err *err)
{
    CLEANUP(str_clear) struct str change = STR_INIT;

    str_add(&change, "DELETE FROM ");
    str_add(&change, str_text(&r->table));
    return keep_and(r, e, kept, "remove", str_text(&change), NULL, err);
}

static err_code write_accept(struct repairing *r, const struct edit *e, const char *kept,
                             struct err *err)
{
    CLEANUP(str_clear) struct str change = STR_INIT;

    str_add(&change, "UPDATE ");
    str_add(&change, str_text(&r->table));
    str_add(&change, " SET hash = $3");
    return keep_and(r, e, kept, "accept", str_text(&change), e->migration->sha256, err);
}

static err_code write_record(struct repairing *r, const struct edit *e, const char *kept,
                             struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    (void)kept;
    tracking_sql_insert(&sql, r->set->format, str_text(&r->table), e->migration);
    return str_ok(&sql) ? pg_command(r->pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code write_settle(struct repairing *r, const struct edit *e, const char *kept,
                             struct err *err)
{
    (void)kept;
    return lane_mark_resolve(r->pg, r->options->schema, r->options->table, e->version, err);
}

static err_code (*const writers[])(struct repairing *r, const struct edit *e, const char *kept,
                                   struct err *err) = {
    [EDIT_REMOVE] = write_remove,
    [EDIT_ACCEPT] = write_accept,
    [EDIT_RECORD] = write_record,
    [EDIT_SETTLE] = write_settle,
};

static err_code make_table(struct repairing *r, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    if (r->set->has_table)
        return ERR_NONE;
    tracking_sql_create(&sql, r->set->format, str_text(&r->table));
    return str_ok(&sql) ? pg_command(r->pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

static bool keeps_rows(const struct repair *repair)
{
    for (size_t i = 0; i < repair->count; i++)
        if (repair->edits[i].kind == EDIT_REMOVE || repair->edits[i].kind == EDIT_ACCEPT)
            return true;
    return false;
}

err_code repair_write(struct repairing *r, const struct repair *repair, struct err *err)
{
    CLEANUP(str_clear) struct str kept = STR_INIT;
    err_code rc = repair->count ? make_table(r, err) : ERR_NONE;

    if (!rc && keeps_rows(repair))
        rc = make_kept(r, &kept, err);
    for (size_t i = 0; i < repair->count && !rc; i++)
        rc = writers[repair->edits[i].kind](r, &repair->edits[i], str_text(&kept), err);
    return rc;
}
