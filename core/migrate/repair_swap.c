/* SPDX-License-Identifier: MIT */
/* A tracking table gives way to another: one in a new format, or its own backup. */
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/repair_internal.h"
#include "core/migrate/tracking_internal.h"
#include "core/pg/literal.h"

/* Formats in the names of backups. */
static const char *const short_names[] = {[TRACKING_NAME] = "name",
                                          [TRACKING_HASH] = "hash",
                                          [TRACKING_DRIZZLE_KIT] = "kit",
                                          [TRACKING_DRIZZLE_KIT_V1] = "kit_v1"};

bool repair_is_backup(const char *tracking_table, const char *table)
{
    return str_starts(table, tracking_table) &&
           str_starts(table + strlen(tracking_table), "_backup_");
}

/* Runs "A" name "B". */
static err_code run(struct repairing *r, const char *before, const char *name, const char *after,
                    struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    str_add(&sql, before);
    str_add(&sql, name);
    str_add(&sql, after);
    return str_ok(&sql) ? pg_command(r->pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code rename_to(struct repairing *r, const char *quoted, const char *name,
                          struct err *err)
{
    CLEANUP(str_clear) struct str after = STR_INIT;
    struct pg_ident ident;
    err_code rc = pg_ident_quote(name, &ident, err);

    if (rc)
        return rc;
    str_add(&after, " RENAME TO ");
    str_add(&after, ident.sql);
    return run(r, "ALTER TABLE ", quoted, str_text(&after), err);
}

/* "tracking_table_backup_name_20260131235959", free() it. Later than the last one, also within the
 * same second. */
static err_code backup_name(struct repairing *r, char **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "repair_backup_name",
        .sql = "SELECT $1 || '_backup_' || $2 || '_' || to_char(greatest("
               "  clock_timestamp() AT TIME ZONE 'UTC', (SELECT max(to_timestamp("
               "    right(c.relname::text, 14), 'YYYYMMDDHH24MISS')::timestamp) + interval '1 s'"
               "   FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid"
               "   WHERE n.nspname = $3 AND starts_with(c.relname::text, $1 || '_backup_')"
               "    AND c.relname ~ '_[0-9]{14}$')), 'YYYYMMDDHH24MISS') AS name",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(r->pg, &stmt,
                           PG_ARGS(PG_ARG(r->options->table), PG_ARG(short_names[r->set->format]),
                                   PG_ARG(r->options->schema)),
                           &rows, err);
    if (rc)
        return rc;
    *out = strdup(pg_text(rows, 0, "name"));
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code repair_find_backup(struct repairing *r, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "repair_backups",
        .sql = "SELECT c.relname::text AS name FROM pg_namespace n"
               " JOIN pg_class c ON c.relnamespace = n.oid WHERE n.nspname = $1"
               " AND c.relkind = 'r' AND starts_with(c.relname::text, $2 || '_backup_')"
               " AND c.relname ~ '_[0-9]{14}$' ORDER BY right(c.relname::text, 14) DESC LIMIT 1",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    const struct repair_options *o = r->options;
    err_code rc = pg_query(r->pg, &stmt, PG_ARGS(PG_ARG(o->schema), PG_ARG(o->table)), &rows, err);

    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_HISTORY_NOT_FOUND, "there is no backup of %s in the schema",
                       o->table);
    r->backup_table = strdup(pg_text(rows, 0, "name"));
    if (!r->backup_table)
        return err_set(err, ERR_INTERNAL, "out of memory");
    return tracking_read(r->pg, o->schema, r->backup_table, o->format, &r->backup, err);
}

/* Rows are [name, hash, at_ms, created_ms]. */
#define AT "timestamptz 'epoch' + nullif((x ->> 2)::bigint, 0) * interval '1 ms'"
static const struct {
    const char *columns, *values;
} inserts[] = {
    [TRACKING_NAME] = {"(name, applied_at)", "x ->> 0, " AT},
    [TRACKING_HASH] = {"(hash, created_at)", "x ->> 1, " AT},
    [TRACKING_DRIZZLE_KIT] = {"(hash, created_at)", "x ->> 1, (x ->> 2)::bigint"},
    [TRACKING_DRIZZLE_KIT_V1] = {"(hash, created_at, name, applied_at)",
                                 "x ->> 1, (x ->> 3)::bigint, x ->> 0, " AT},
};

/* drizzle-orm 1.0 has the folder's date in created_at, where there is one. */
static char *rows_text(const struct repairing *r, const struct applied_set *set)
{
    json_auto_t *all = applied_set_to_json(set);
    json_t *rows = json_object_get(all, "rows"), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        size_t at =
            set->rows[i].name ? catalog_find(r->catalog, set->rows[i].name) : r->catalog->count;
        int64_t when = at < r->catalog->count ? r->catalog->items[at].when_ms : 0;
        (void)json_array_append_new(row, json_integer(when ? when : set->rows[i].at_ms));
    }
    return rows ? json_dumps(rows, JSON_COMPACT) : NULL;
}

static err_code fill(struct repairing *r, const struct applied_set *set, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    CLEANUP(freep) char *rows = rows_text(r, set);

    str_add(&sql, "INSERT INTO ");
    str_add(&sql, str_text(&r->table));
    str_add(&sql, inserts[set->format].columns);
    str_add(&sql, " SELECT ");
    str_add(&sql, inserts[set->format].values);
    str_add(&sql, " FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS e(x, n) ORDER BY n");
    if (!rows || !str_ok(&sql))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return pg_query_text(r->pg, str_text(&sql), PG_ARGS(PG_ARG(rows)), NULL, err);
}

/* Who may use the old table may use the new one; the comment, which is about the table in use,
 * moves. `from` is the old one, quoted. */
static err_code copy_rights(struct repairing *r, const char *from, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "repair_rights",
        .sql =
            "WITH pair AS (SELECT $1::text::regclass AS old, $2::text::regclass AS new,"
            "  'TABLE' AS what UNION ALL SELECT pg_get_serial_sequence($1, 'id')::regclass,"
            "   pg_get_serial_sequence($2, 'id')::regclass, 'SEQUENCE'),"
            " owner AS (SELECT format('ALTER TABLE %s OWNER TO %I', p.new,"
            "   pg_get_userbyid(c.relowner)) AS sql FROM pair p JOIN pg_class c ON c.oid = p.old"
            "  WHERE p.what = 'TABLE' AND pg_get_userbyid(c.relowner) <> current_user),"
            " rights AS (SELECT format('GRANT %s ON %s %s TO %s%s', a.privilege_type, p.what,"
            "   p.new, CASE WHEN a.grantee = 0 THEN 'PUBLIC'"
            "    ELSE quote_ident(pg_get_userbyid(a.grantee)) END,"
            "   CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS sql"
            "  FROM pair p JOIN pg_class c ON c.oid = p.old, aclexplode(c.relacl) a"
            "  WHERE a.grantee <> c.relowner),"
            " comment AS (SELECT format('COMMENT ON TABLE %s IS %L; COMMENT ON TABLE %s IS NULL',"
            "   p.new, obj_description(p.old, 'pg_class'), p.old) AS sql FROM pair p"
            "  WHERE p.what = 'TABLE' AND obj_description(p.old, 'pg_class') IS NOT NULL)"
            " SELECT coalesce(string_agg(sql, '; '), '') AS sql FROM (SELECT sql FROM owner"
            "  UNION ALL SELECT sql FROM rights UNION ALL SELECT sql FROM comment) x",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc =
        pg_query(r->pg, &stmt, PG_ARGS(PG_ARG(from), PG_ARG(str_text(&r->table))), &rows, err);
    return rc || !*pg_text(rows, 0, "sql") ? rc : pg_command(r->pg, pg_text(rows, 0, "sql"), err);
}

static err_code make_new(struct repairing *r, const struct repair *repair, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    tracking_sql_create(&sql, repair->after->format, str_text(&r->table));
    if (!str_ok(&sql))
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = pg_command(r->pg, str_text(&sql), err);
    return rc ? rc : fill(r, repair->after, err);
}

static err_code take_backup(struct repairing *r, struct err *err)
{
    CLEANUP(str_clear) struct str name = STR_INIT;
    err_code rc = tracking_name(r->options->schema, r->backup_table, &name, err);
    return rc ? rc : rename_to(r, str_text(&name), r->options->table, err);
}

/* What stands in the table's place now is what was decided; then what follows is about it. */
static err_code look_again(struct repairing *r, const struct repair *repair, struct err *err)
{
    CLEANUP(applied_set_freep) struct applied_set *now = NULL;
    err_code rc = tracking_read(r->pg, r->options->schema, r->options->table, repair->after->format,
                                &now, err);
    if (rc)
        return rc;
    if (now->format != repair->after->format || !str_eq(now->digest, repair->after->digest))
        return err_set(err, ERR_INTERNAL,
                       "the new table of \"%s\" does not say what the old one did",
                       r->options->schema);
    r->set->format = now->format;
    r->set->has_table = true;
    return ERR_NONE;
}

err_code repair_swap(struct repairing *r, const struct repair *repair, struct err *err)
{
    CLEANUP(freep) char *name = NULL;
    CLEANUP(str_clear) struct str old = STR_INIT;
    err_code rc = backup_name(r, &name, err);

    if (!rc)
        rc = tracking_name(r->options->schema, name, &old, err);
    if (!rc && r->set->has_table)
        rc = rename_to(r, str_text(&r->table), name, err);
    if (!rc)
        rc = r->backup_table ? take_backup(r, err) : make_new(r, repair, err);
    if (!rc && r->set->has_table)
        rc = copy_rights(r, str_text(&old), err);
    if (!rc && r->set->has_table && r->wish->drop_backup)
        rc = run(r, "DROP TABLE ", str_text(&old), "", err);
    return rc ? rc : look_again(r, repair, err);
}
