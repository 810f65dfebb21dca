/* SPDX-License-Identifier: MIT */
/*
 * The search path is the schema itself (pg_catalog goes first by itself), so that PostgreSQL
 * deparses its objects by their bare names. A tenant's functions and operators are then visible to
 * these statements too: every function in them is qualified, and every operator has an exact match
 * in pg_catalog, which wins (PostgreSQL documentation, 10.2 Operators, 10.3 Functions).
 */
#include "core/schema/introspect.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/pg/ident.h"
#include "core/schema/introspect_parts.h"
#include "core/schema/normal.h"

err_code no_memory(struct err *err)
{
    return err_set(err, ERR_INTERNAL, "no memory for the picture of a schema");
}

err_code copy_text(const struct pg_rows *rows, size_t row, const char *column, char **out,
                   struct err *err)
{
    const char *text = pg_text(rows, row, column);
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        return no_memory(err);
    *out = copy;
    return ERR_NONE;
}

err_code copy_sql(const struct schema_reader *r, const struct pg_rows *rows, size_t row,
                  const char *column, char **out, struct err *err)
{
    const char *text = pg_text(rows, row, column);
    char *copy = text ? schema_unqualify(text, r->schema) : NULL;

    if (text && !copy)
        return no_memory(err);
    *out = copy;
    return ERR_NONE;
}

err_code copy_names(const struct pg_rows *rows, size_t row, const char *column,
                    struct name_list *out, struct err *err)
{
    const char *text = pg_text(rows, row, column);
    json_auto_t *list = NULL;

    err_code rc = text ? json_parse(text, strlen(text), &list, err) : ERR_NONE;
    if (rc)
        return rc;
    size_t n = json_array_size(list);
    out->items = n ? calloc(n, sizeof *out->items) : NULL;
    if (n && !out->items)
        return no_memory(err);
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        out->items[i] = name ? strdup(name) : NULL;
        if (name && !out->items[i])
            return no_memory(err);
    }
    return ERR_NONE;
}

static int by_oid(const void *a, const void *b)
{
    int64_t x = ((const struct oid_at *)a)->oid, y = ((const struct oid_at *)b)->oid;
    return (x > y) - (x < y);
}

struct schema_table *reader_table(const struct schema_reader *r, int64_t oid)
{
    struct oid_at key = {.oid = oid};
    const struct oid_at *found = NULL;

    if (r->out->n_tables)
        found = bsearch(&key, r->table_oids, r->out->n_tables, sizeof key, by_oid);
    return found ? &r->out->tables[found->at] : NULL;
}

/* What a deparsed definition looks like depends on these settings. */
static const struct pg_stmt settings_stmt = {
    .name = "schema_read_settings",
    .sql = "SELECT pg_catalog.set_config('search_path', $1, true),"
           " pg_catalog.set_config('datestyle', 'ISO, YMD', true),"
           " pg_catalog.set_config('intervalstyle', 'postgres', true),"
           " pg_catalog.set_config('timezone', 'UTC', true),"
           " pg_catalog.set_config('bytea_output', 'hex', true),"
           " pg_catalog.set_config('extra_float_digits', '1', true),"
           " pg_catalog.set_config('quote_all_identifiers', 'off', true)",
};

static err_code set_settings(struct schema_reader *r, struct err *err)
{
    CLEANUP(str_clear) struct str path = STR_INIT;
    struct pg_ident ident;

    err_code rc = pg_ident_quote(r->schema, &ident, err);
    if (rc)
        return rc;
    str_addf(&path, "%s, pg_temp", ident.sql); /* pg_temp goes first unless it is named */
    if (!str_ok(&path))
        return no_memory(err);
    return pg_query(r->pg, &settings_stmt, PG_ARGS(PG_ARG(str_text(&path))), NULL, err);
}

static const struct pg_stmt namespace_stmt = {
    .name = "schema_read_namespace",
    .sql = "SELECT n.oid::pg_catalog.int8 AS oid FROM pg_catalog.pg_namespace n"
           " WHERE n.nspname = $1::pg_catalog.text",
};

static err_code read_namespace(struct schema_reader *r, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    err_code rc = pg_query(r->pg, &namespace_stmt, PG_ARGS(PG_ARG(r->schema)), &rows, err);
    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_SCHEMA_MISSING, "the database has no schema named %s", r->schema);
    r->namespace = pg_bigint(rows, 0, "oid");
    return ERR_NONE;
}

static table_kind kind_of(const char *relkind)
{
    switch (relkind[0]) {
    case 'p':
        return TABLE_PARTITIONED;
    case 'v':
        return TABLE_VIEW;
    case 'm':
        return TABLE_MATERIALIZED_VIEW;
    case 'f':
        return TABLE_FOREIGN;
    default:
        return TABLE_PLAIN;
    }
}

static const struct pg_stmt tables_stmt = {
    .name = "schema_read_tables",
    .sql = "SELECT c.oid::pg_catalog.int8 AS oid, c.relname AS name, c.relkind AS kind,"
           " CASE WHEN c.relispartition THEN i.inhparent::pg_catalog.regclass::pg_catalog.text END"
           " AS partition_of,"
           " CASE c.relkind WHEN 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END AS partition_key,"
           " d.description AS comment"
           " FROM pg_catalog.pg_class c"
           " LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid AND c.relispartition"
           " LEFT JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0"
           " AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid"
           " WHERE c.relnamespace = $1::pg_catalog.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
           " AND ($2::pg_catalog.text IS NULL OR (c.relname <> $2::pg_catalog.text"
           "  AND c.relname <> '__tenantd_seeds'"
           "  AND NOT pg_catalog.starts_with(c.relname::pg_catalog.text,"
           "   $2::pg_catalog.text || '_backup_')))"
           " ORDER BY c.relname::pg_catalog.text COLLATE pg_catalog.\"C\"",
};

static err_code add_table(struct schema_reader *r, const struct pg_rows *rows, size_t row,
                          struct err *err)
{
    struct schema_table *t = &r->out->tables[row];

    r->table_oids[row] = (struct oid_at){.oid = pg_bigint(rows, row, "oid"), .at = row};
    str_addf(&r->oid_array, row ? ",%s" : "%s", pg_text(rows, row, "oid"));
    t->kind = kind_of(pg_text(rows, row, "kind"));
    err_code rc = copy_text(rows, row, "name", &t->name, err);
    if (!rc)
        rc = copy_sql(r, rows, row, "partition_of", &t->partition_of, err);
    if (!rc)
        rc = copy_sql(r, rows, row, "partition_key", &t->partition_key, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &t->comment, err);
    return rc;
}

static err_code read_tables(struct schema_reader *r, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    err_code rc = pg_query(r->pg, &tables_stmt,
                           PG_ARGS(PG_ARG(r->namespace), PG_ARG(r->tracking_table)), &rows, err);
    if (rc)
        return rc;
    size_t n = pg_rows_count(rows);
    r->out->tables = calloc(n + 1, sizeof *r->out->tables);
    r->table_oids = calloc(n + 1, sizeof *r->table_oids);
    if (!r->out->tables || !r->table_oids)
        return no_memory(err);
    r->out->n_tables = n;
    str_add_char(&r->oid_array, '{');
    for (size_t i = 0; i < n && !rc; i++)
        rc = add_table(r, rows, i, err);
    str_add_char(&r->oid_array, '}');
    qsort(r->table_oids, n, sizeof *r->table_oids, by_oid);
    return !rc && !str_ok(&r->oid_array) ? no_memory(err) : rc;
}

static const struct pg_stmt columns_stmt = {
    .name = "schema_read_columns",
    .sql = "SELECT a.attrelid::pg_catalog.int8 AS table_oid, a.attname AS name,"
           " a.atttypid::pg_catalog.int8 AS type_oid, a.atttypmod AS typmod,"
           " a.attndims AS dimensions,"
           " pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,"
           " a.attnotnull AS not_null, a.attidentity AS identity, a.attgenerated AS generated,"
           " pg_catalog.pg_get_expr(x.adbin, x.adrelid) AS default_expr, d.description AS comment"
           " FROM pg_catalog.pg_attribute a"
           " LEFT JOIN pg_catalog.pg_attrdef x ON x.adrelid = a.attrelid AND x.adnum = a.attnum"
           " LEFT JOIN pg_catalog.pg_description d ON d.objoid = a.attrelid"
           " AND d.objsubid = a.attnum"
           " AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid"
           " WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped"
           " ORDER BY a.attrelid, a.attnum",
};

static column_identity identity_of(const char *attidentity)
{
    return attidentity[0] == 'a'   ? IDENTITY_ALWAYS
           : attidentity[0] == 'd' ? IDENTITY_BY_DEFAULT
                                   : IDENTITY_NONE;
}

static err_code add_column(struct schema_reader *r, const struct pg_rows *rows, size_t row,
                           struct err *err)
{
    struct schema_table *t = reader_table(r, pg_bigint(rows, row, "table_oid"));
    struct schema_column *c = list_grow((void **)&t->columns, t->n_columns, sizeof *c);

    if (!c)
        return no_memory(err);
    t->n_columns++;
    err_code rc = resolve_type(r, pg_bigint(rows, row, "type_oid"), pg_int(rows, row, "typmod"),
                               pg_int(rows, row, "dimensions"), &c->type, err);
    if (!rc)
        rc = copy_text(rows, row, "name", &c->name, err);
    if (!rc)
        rc = copy_sql(r, rows, row, "type", &c->type.name, err);
    if (!rc)
        rc = copy_sql(r, rows, row, "default_expr", &c->default_expr, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &c->comment, err);
    c->not_null = pg_bool(rows, row, "not_null") ||
                  (c->type.domain_not_null && !schema_table_is_view(t)); /* an outer join's NULL */
    c->identity = identity_of(pg_text(rows, row, "identity"));
    c->generated = pg_text(rows, row, "generated")[0] != '\0';
    return rc;
}

static err_code read_columns(struct schema_reader *r, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    err_code rc =
        pg_query(r->pg, &columns_stmt, PG_ARGS(PG_ARG(str_text(&r->oid_array))), &rows, err);
    if (rc)
        return rc;
    size_t n = pg_rows_count(rows);
    str_add_char(&r->type_array, '{');
    for (size_t i = 0; i < n; i++)
        str_addf(&r->type_array, i ? ",%s" : "%s", pg_text(rows, i, "type_oid"));
    str_add_char(&r->type_array, '}');
    rc = str_ok(&r->type_array) ? read_types(r, err) : no_memory(err);
    for (size_t i = 0; i < n && !rc; i++)
        rc = add_column(r, rows, i, err);
    return rc;
}

static err_code read_parts(struct schema_reader *r, struct err *err)
{
    static err_code (*const parts[])(struct schema_reader *, struct err *) = {
        read_namespace,     set_settings,     read_tables,  read_columns,
        read_domain_checks, read_constraints, read_indexes,
    };
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < ARRAY_LEN(parts) && !rc; i++)
        rc = parts[i](r, err);
    return rc;
}

static void reader_clear(struct schema_reader *r)
{
    schema_free(r->out);
    free(r->table_oids);
    free(r->types);
    str_clear(&r->oid_array);
    str_clear(&r->type_array);
}

struct request {
    const char *schema, *tracking_table;
    struct schema *out;
};

static err_code read_all(struct pg *pg, struct request *request, struct err *err)
{
    CLEANUP(reader_clear)
    struct schema_reader r = {
        .pg = pg,
        .schema = request->schema,
        .tracking_table = request->tracking_table,
        .out = calloc(1, sizeof *r.out),
    };

    if (!r.out || !(r.out->name = strdup(request->schema)))
        return no_memory(err);
    err_code rc = read_parts(&r, err);
    if (rc)
        return rc;
    schema_free(request->out); /* of an attempt whose COMMIT failed */
    request->out = r.out;
    r.out = NULL; /* now the request's */
    return ERR_NONE;
}

static err_code read_in_own(struct pg *pg, void *arg, struct err *err)
{
    err_code rc = pg_command(pg, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", err);
    return rc ? rc : read_all(pg, arg, err);
}

/* Rolling back to the savepoint gives the transaction its settings back, and its life if it
 * failed. */
static err_code read_in_callers(struct pg *pg, struct request *request, struct err *err)
{
    err_code rc = pg_command(pg, "SAVEPOINT tenantd_schema_read", err);
    if (rc)
        return rc;
    rc = read_all(pg, request, err);
    err_code back = pg_command(
        pg, "ROLLBACK TO SAVEPOINT tenantd_schema_read; RELEASE SAVEPOINT tenantd_schema_read",
        rc ? NULL : err);
    return rc ? rc : back;
}

err_code schema_read(struct pg *pg, const char *schema, const struct schema_options *options,
                     struct schema **out, struct err *err)
{
    struct request request = {
        .schema = schema,
        .tracking_table = options ? options->tracking_table : NULL,
    };
    struct pg_ident ident;

    err_code rc = pg_ident_quote(schema, &ident, err);
    if (rc)
        return rc;
    rc = pg_in_transaction(pg) ? read_in_callers(pg, &request, err)
                               : pg_tx(pg, read_in_own, &request, err);
    if (rc) {
        schema_free(request.out);
        return rc;
    }
    *out = request.out;
    return ERR_NONE;
}
