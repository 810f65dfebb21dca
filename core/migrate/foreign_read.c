/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/foreign_internal.h"
#include "core/migrate/tracking_internal.h"

/* A table that may be a history, and whose it is. */
struct found {
    const struct foreign_reader *reader;
    const char *table; /* borrowed from the rows */
};

static const struct pg_stmt select_tables = {
    .name = "foreign_tables",
    .sql =
        "SELECT c.relname::text AS \"table\", count(*) AS n,"
        " ',' || string_agg(a.attname::text, ',') || ',' AS columns"
        " FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND ($2::text IS NULL OR c.relname = $2)"
        "  AND c.relname <> $3 GROUP BY c.relname ORDER BY c.relname",
};

static bool has_columns(const struct foreign_reader *reader, const char *columns, int64_t n)
{
    int64_t wanted = 0;

    for (size_t i = 0; i < ARRAY_LEN(reader->columns) && reader->columns[i]; i++, wanted++) {
        char name[64];
        (void)snprintf(name, sizeof name, ",%s,", reader->columns[i]);
        if (!strstr(columns, name))
            return false;
    }
    return !reader->alone || n == wanted;
}

/* Whose table a row is; NULL: nobody's. With a tool named only that one is tried. */
static const struct foreign_reader *reader_of(const struct pg_rows *rows, size_t row,
                                              const char *tool, bool any_name)
{
    for (size_t i = 0; i < foreign_reader_count; i++) {
        const struct foreign_reader *r = &foreign_readers[i];
        if (tool && !str_eq(tool, r->name))
            continue;
        if ((any_name || foreign_has_table(r, pg_text(rows, row, "table"))) &&
            has_columns(r, pg_text(rows, row, "columns"), pg_bigint(rows, row, "n")))
            return r;
    }
    return NULL;
}

static err_code recognise(const struct pg_rows *rows, const char *tool, const char *table,
                          struct found *out, struct err *err)
{
    *out = (struct found){.reader = NULL};
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        const struct foreign_reader *reader = reader_of(rows, i, tool, table != NULL);
        if (reader && out->reader)
            return err_set(err, ERR_AMBIGUOUS_FORMAT,
                           "there is a history of %s (%.63s) and one of %s (%.63s)",
                           out->reader->name, out->table, reader->name, pg_text(rows, i, "table"));
        if (reader)
            *out = (struct found){.reader = reader, .table = pg_text(rows, i, "table")};
    }
    if (out->reader)
        return ERR_NONE;
    return err_set(err, ERR_HISTORY_NOT_FOUND, "there is no history of %s%s%.63s in the schema",
                   tool ? tool : "another tool", table ? " in " : "", table ? table : "");
}

static bool copy_row(const struct pg_rows *rows, size_t row, struct foreign_row *out)
{
    const char *hash = pg_text(rows, row, "hash"), *problem = pg_text(rows, row, "problem");
    const char *key = pg_text(rows, row, "key");

    *out = (struct foreign_row){.key = strdup(key ? key : ""),
                                .hash = hash ? strdup(hash) : NULL,
                                .problem = problem ? strdup(problem) : NULL,
                                .upto = pg_bool(rows, row, "upto")};
    return out->key && (out->hash || !hash) && (out->problem || !problem);
}

static err_code fill(const struct pg_rows *rows, const struct found *found,
                     struct foreign_history *out, struct err *err)
{
    CLEANUP(foreign_history_clear)
    struct foreign_history history = {.reader = found->reader, .table = strdup(found->table)};
    bool ok = history.table != NULL;

    history.rows = calloc(pg_rows_count(rows) + 1, sizeof *history.rows);
    for (size_t i = 0; ok && history.rows && i < pg_rows_count(rows); i++) {
        ok = copy_row(rows, i, &history.rows[i]);
        history.count++;
    }
    if (!ok || !history.rows)
        return err_set(err, ERR_INTERNAL, "out of memory");
    *out = history;
    history = (struct foreign_history){.reader = NULL}; /* now the caller's */
    return ERR_NONE;
}

/* The reader's query with the table's name in it. */
static void write_query(const char *format, const char *table, struct str *out)
{
    for (const char *p = format; *p; p++) {
        if (p[0] == '%' && p[1] == 's')
            str_add(out, table);
        else
            str_add_char(out, *p);
        p += p[0] == '%';
    }
}

err_code foreign_read(struct pg *pg, const char *schema, const char *tool, const char *table,
                      const char *except, struct foreign_history *out, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *tables = NULL, *rows = NULL;
    CLEANUP(str_clear) struct str name = STR_INIT, sql = STR_INIT;
    struct found found;
    err_code rc = pg_query(pg, &select_tables,
                           PG_ARGS(PG_ARG(schema), PG_ARG(table), PG_ARG(except)), &tables, err);

    if (!rc)
        rc = recognise(tables, str_eq(tool, "auto") ? NULL : tool, table, &found, err);
    if (!rc)
        rc = tracking_name(schema, found.table, &name, err);
    if (rc)
        return rc;
    write_query(found.reader->sql, str_text(&name), &sql);
    if (!str_ok(&sql))
        return err_set(err, ERR_INTERNAL, "out of memory");
    rc = pg_query_text(pg, str_text(&sql), PG_NO_ARGS, &rows, err);
    return rc ? rc : fill(rows, &found, out, err);
}
