/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/migrate/lane_mark.h"
#include "core/migrate/tracking_internal.h"

/* What the catalog says about a table that may be a tracking table. */
struct shape {
    bool has_schema, has_table, is_table, has_id;
    bool has_name, has_hash, has_applied_at, has_created_at, created_is_number;
    struct lane_mark mark; /* version "" for none */
};

static bool is_text_type(const char *type)
{
    return str_eq(type, "text") || str_eq(type, "varchar") || str_eq(type, "bpchar") ||
           str_eq(type, "name");
}

static bool is_time_type(const char *type)
{
    return str_eq(type, "timestamptz") || str_eq(type, "timestamp");
}

static bool is_number_type(const char *type)
{
    return str_eq(type, "int8") || str_eq(type, "int4");
}

static void take_column(struct shape *shape, const char *name, const char *type)
{
    shape->has_id = shape->has_id || str_eq(name, "id");
    if (str_eq(name, "name"))
        shape->has_name = is_text_type(type);
    else if (str_eq(name, "hash"))
        shape->has_hash = is_text_type(type);
    else if (str_eq(name, "applied_at"))
        shape->has_applied_at = is_time_type(type);
    else if (str_eq(name, "created_at")) {
        shape->created_is_number = is_number_type(type);
        shape->has_created_at = shape->created_is_number || is_time_type(type);
    }
}

static const struct pg_stmt select_shape = {
    .name = "tracking_shape",
    .sql = "SELECT c.oid IS NOT NULL AS has_table, c.relkind IN ('r', 'p') AS is_table,"
           " a.attname::text AS column, t.typname::text AS type,"
           " obj_description(c.oid, 'pg_class') AS comment"
           " FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid"
           " AND c.relname = $2"
           " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
           " AND NOT a.attisdropped"
           " LEFT JOIN pg_type t ON t.oid = a.atttypid"
           " WHERE n.nspname = $1",
};

static err_code read_shape(struct pg *pg, const char *schema, const char *table,
                           struct shape *shape, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc =
        pg_query(pg, &select_shape, PG_ARGS(PG_ARG(schema), PG_ARG(table)), &rows, err);
    if (rc)
        return rc;
    *shape = (struct shape){.has_schema = pg_rows_count(rows) > 0};
    if (shape->has_schema)
        (void)lane_mark_parse(pg_text(rows, 0, "comment"), &shape->mark);
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        shape->has_table = pg_bool(rows, i, "has_table");
        shape->is_table = pg_bool(rows, i, "is_table");
        if (!pg_is_null(rows, i, "column"))
            take_column(shape, pg_text(rows, i, "column"), pg_text(rows, i, "type"));
    }
    return ERR_NONE;
}

/* drizzle's two tables always have created_at; a table without it is somebody else's. */
static bool format_of(const struct shape *s, tracking_format *out)
{
    if (!s->is_table || (s->has_hash && !s->has_created_at) || (!s->has_hash && !s->has_name))
        return false;
    if (s->has_hash && s->has_name && !(s->created_is_number && s->has_applied_at))
        return false;
    if (s->has_hash)
        *out = s->has_name            ? TRACKING_DRIZZLE_KIT_V1
               : s->created_is_number ? TRACKING_DRIZZLE_KIT
                                      : TRACKING_HASH;
    else
        *out = TRACKING_NAME;
    return true;
}

static void add_epoch_ms(struct str *sql, const char *column)
{
    str_addf(sql, "CASE WHEN isfinite(%s) THEN (extract(epoch FROM %s) * 1000)::bigint END", column,
             column);
}

/* drizzle's upgrade leaves applied_at NULL; created_at then says when. */
static void add_at_ms(struct str *sql, tracking_format format, const struct shape *shape)
{
    if (format == TRACKING_DRIZZLE_KIT) {
        str_add(sql, "created_at::bigint");
    } else if (format == TRACKING_DRIZZLE_KIT_V1) {
        str_add(sql, "coalesce(");
        add_epoch_ms(sql, "applied_at");
        str_add(sql, ", created_at::bigint)");
    } else if (format == TRACKING_NAME && shape->has_applied_at) {
        add_epoch_ms(sql, "applied_at");
    } else if (shape->has_created_at && !shape->created_is_number) {
        add_epoch_ms(sql, "created_at");
    } else {
        str_add(sql, "0");
    }
}

/* *out (the caller's) are the rows as they were read, with the place of each. */
static err_code read_rows(struct pg *pg, const char *table, const struct shape *shape,
                          struct applied_set *set, struct pg_rows **out, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    str_addf(&sql, "SELECT %s AS name, %s AS hash, ", shape->has_name ? "name::text" : "NULL",
             shape->has_hash ? "hash::text" : "NULL");
    add_at_ms(&sql, set->format, shape);
    str_add(&sql, " AS at_ms, " TRACKING_PLACE " AS place FROM ");
    str_add(&sql, table);
    str_add(&sql, shape->has_id ? " ORDER BY id" : " ORDER BY at_ms");
    if (!str_ok(&sql))
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = pg_query_text(pg, str_text(&sql), PG_NO_ARGS, &rows, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        if (!applied_set_add(set, pg_text(rows, i, "name"), pg_text(rows, i, "hash"),
                             pg_bigint(rows, i, "at_ms")))
            return err_set(err, ERR_INTERNAL, "out of memory");
    applied_set_digest(set);
    *out = rows;
    rows = NULL; /* now the caller's */
    return ERR_NONE;
}

err_code tracking_name(const char *schema, const char *table, struct str *out, struct err *err)
{
    struct pg_ident schema_ident, table_ident;

    err_code rc = pg_ident_quote(schema, &schema_ident, err);
    if (!rc)
        rc = pg_ident_quote(table, &table_ident, err);
    if (rc)
        return rc;
    str_add(out, schema_ident.sql);
    str_add_char(out, '.');
    str_add(out, table_ident.sql);
    return ERR_NONE;
}

err_code tracking_read(struct pg *pg, const char *schema, const char *table,
                       tracking_format fallback, struct applied_set **out, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *places = NULL;
    return tracking_read_places(pg, schema, table, fallback, out, &places, err);
}

err_code tracking_read_places(struct pg *pg, const char *schema, const char *table,
                              tracking_format fallback, struct applied_set **out,
                              struct pg_rows **places, struct err *err)
{
    struct shape shape;
    CLEANUP(str_clear) struct str name = STR_INIT;
    tracking_format format = fallback;

    err_code rc = tracking_name(schema, table, &name, err);
    if (!rc)
        rc = read_shape(pg, schema, table, &shape, err);
    if (rc)
        return rc;
    if (!shape.has_schema)
        return err_set(err, ERR_SCHEMA_MISSING, "there is no schema \"%s\"", schema);
    if (shape.has_table && !format_of(&shape, &format))
        return err_set(err, ERR_HISTORY_DIVERGED,
                       "the columns of %.200s are of no known tracking table: it must have name"
                       " and applied_at, or hash and created_at",
                       str_text(&name));
    CLEANUP(applied_set_freep) struct applied_set *set = applied_set_empty(format);
    if (!set)
        return err_set(err, ERR_INTERNAL, "out of memory");
    set->has_table = shape.has_table;
    if (shape.mark.version[0] && !applied_set_begin(set, shape.mark.version))
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (shape.has_table)
        rc = read_rows(pg, str_text(&name), &shape, set, places, err);
    if (rc)
        return rc;
    *out = set;
    set = NULL; /* now the caller's */
    return ERR_NONE;
}
