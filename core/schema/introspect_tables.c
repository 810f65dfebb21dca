/* SPDX-License-Identifier: MIT */
/* Tables, views and their columns. */
#include "core/schema/introspect_parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/schema/normal.h"

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

/* A parent as regclass writes it, with its schema. */
#define PARENT "format('%I.%I', pn.nspname, pc.relname)"

static const struct pg_stmt tables_stmt = {
    .name = "schema_read_tables",
    .sql =
        "SELECT c.oid::int8 AS table_oid, d.refobjid::int8 AS namespace, c.relname AS name,"
        " c.relkind AS kind, c.relpersistence = 'u' AS unlogged, c.relrowsecurity AS row_security,"
        " c.relforcerowsecurity AS row_security_forced, c.relreplident AS replica_identity,"
        " to_json(c.reloptions) AS options,"
        " CASE WHEN c.relispartition THEN (SELECT " PARENT " FROM pg_inherits i"
        "  JOIN pg_class pc ON pc.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = "
        "pc.relnamespace"
        "  WHERE i.inhrelid = c.oid) END AS partition_of,"
        " CASE WHEN c.relkind IN ('r', 'f') AND NOT c.relispartition THEN to_json(ARRAY("
        "  SELECT " PARENT " FROM pg_inherits i"
        "  JOIN pg_class pc ON pc.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = "
        "pc.relnamespace"
        "  WHERE i.inhrelid = c.oid ORDER BY i.inhseqno)) END AS inherits,"
        " CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,"
        " pg_get_expr(c.relpartbound, c.oid) AS partition_bound,"
        " CASE WHEN c.relkind IN ('v', 'm') THEN rtrim(pg_get_viewdef(c.oid), ';') END"
        "  AS definition,"
        " CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END AS of_type,"
        " (SELECT m.amname FROM pg_am m WHERE m.oid = c.relam AND c.relkind IN ('r', 'm')"
        "  AND m.amname <> 'heap') AS access_method,"
        " (SELECT format('SERVER %I', s.srvname) || coalesce(' OPTIONS (' || (SELECT string_agg("
        "   format('%I %L', o.option_name, o.option_value), ', ') FROM"
        "   pg_options_to_table(f.ftoptions) o) || ')', '')"
        "  FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver"
        "  WHERE f.ftrelid = c.oid) AS foreign_of,"
        " " DESCRIPTION(
            "c.oid", "pg_class",
            "0") " AS comment"
                 " FROM pg_depend d JOIN pg_class c ON c.oid = d.objid"
                 " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
                 " AND d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
                 " AND ($2::text IS NULL OR NOT " LEFT_OUT(
                     "c.relname") ")"
                                  " ORDER BY d.refobjid, c.relname::text COLLATE \"C\"",
};

static err_code fill_table(const struct read_schema *of, const struct pg_rows *rows, size_t row,
                           struct schema_table *t, struct err *err)
{
    const struct {
        const char *column;
        char **out;
    } texts[] = {
        {"partition_of", &t->partition_of},
        {"partition_key", &t->partition_key},
        {"partition_bound", &t->partition_bound},
        {"definition", &t->definition},
        {"of_type", &t->of_type},
        {"access_method", &t->access_method},
        {"foreign_of", &t->foreign},
    };
    CLEANUP(name_list_clear) struct name_list parents = {.n = 0};
    err_code rc = copy_text(rows, row, "name", &t->name, err);

    if (!rc)
        rc = copy_text(rows, row, "comment", &t->comment, err);
    for (size_t i = 0; i < ARRAY_LEN(texts) && !rc; i++)
        rc = copy_sql(of, rows, row, texts[i].column, texts[i].out, err);
    if (!rc)
        rc = copy_names(rows, row, "options", &t->options, err);
    if (!rc)
        rc = copy_names(rows, row, "inherits", &parents, err);
    for (size_t i = 0; i < parents.n && !rc; i++)
        rc = add_name(of, parents.items[i], &t->inherits, err);
    return rc;
}

static err_code add_table(struct schema_reader *r, const struct pg_rows *rows, size_t row,
                          struct err *err)
{
    struct read_schema *of = reader_schema(r, rows, row);
    struct schema_table *t = list_grow((void **)&of->out->tables, of->out->n_tables, sizeof *t);

    if (!t)
        return no_memory(err);
    r->tables[row] = (struct table_at){.oid = pg_bigint(rows, row, "table_oid"),
                                       .schema = (size_t)(of - r->schemas),
                                       .table = of->out->n_tables++};
    str_addf(&r->oid_array, row ? ",%s" : "%s", pg_text(rows, row, "table_oid"));
    t->kind = kind_of(pg_text(rows, row, "kind"));
    t->unlogged = pg_bool(rows, row, "unlogged");
    t->row_security = pg_bool(rows, row, "row_security");
    t->row_security_forced = pg_bool(rows, row, "row_security_forced");
    t->replica_identity = pg_text(rows, row, "replica_identity")[0];
    return fill_table(of, rows, row, t, err);
}

static int by_oid(const void *a, const void *b)
{
    int64_t x = ((const struct table_at *)a)->oid, y = ((const struct table_at *)b)->oid;
    return (x > y) - (x < y);
}

err_code read_tables(struct schema_reader *r, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    err_code rc =
        pg_query(r->pg, &tables_stmt,
                 PG_ARGS(PG_ARG(str_text(&r->namespaces)), PG_ARG(r->tracking_table)), &rows, err);
    if (rc)
        return rc;
    r->n_tables = pg_rows_count(rows);
    r->tables = calloc(r->n_tables + 1, sizeof *r->tables);
    if (!r->tables)
        return no_memory(err);
    str_add_char(&r->oid_array, '{');
    for (size_t i = 0; i < r->n_tables && !rc; i++)
        rc = add_table(r, rows, i, err);
    str_add_char(&r->oid_array, '}');
    qsort(r->tables, r->n_tables, sizeof *r->tables, by_oid);
    return !rc && !str_ok(&r->oid_array) ? no_memory(err) : rc;
}

/* A sequence's options in the order of pg_dump. */
#define SEQUENCE_OPTIONS(s)                                                                        \
    "format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s', " s                \
    ".seqstart, " s ".seqincrement, " s ".seqmin, " s ".seqmax, " s ".seqcache,"                   \
    " CASE WHEN " s ".seqcycle THEN ' CYCLE' ELSE '' END)"

static const struct pg_stmt columns_stmt = {
    .name = "schema_read_columns",
    .sql = "SELECT a.attrelid::int8 AS table_oid, a.attname AS name,"
           " a.atttypid::int8 AS type_oid, a.atttypmod AS typmod, a.attndims AS dimensions,"
           " format_type(a.atttypid, a.atttypmod) AS type,"
           " a.attnotnull AS not_null, a.attidentity AS identity, a.attgenerated AS generated,"
           " a.attinhcount > 0 AND NOT a.attislocal AS inherited,"
           " coalesce(a.attstattarget, -1) AS statistics,"
           " CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN'"
           "  WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END AS storage,"
           " CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,"
           " CASE WHEN a.attcollation <> t.typcollation THEN (SELECT format('%I.%I', n.nspname,"
           "  l.collname) FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace"
           "  WHERE l.oid = a.attcollation) END AS collation,"
           " CASE WHEN a.attidentity <> '' THEN (SELECT format('SEQUENCE NAME %I.%I ', n.nspname,"
           "   c.relname) || " SEQUENCE_OPTIONS(
               "q") "  FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'"
                    "  JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence q ON "
                    "q.seqrelid = c.oid"
                    "  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid"
                    "  AND d.refobjsubid = a.attnum AND d.classid = 'pg_class'::regclass AND "
                    "d.deptype = 'i')"
                    " END AS sequence,"
                    " pg_get_expr(x.adbin, x.adrelid) AS default_expr,"
                    " " DESCRIPTION(
                        "a.attrelid", "pg_class",
                        "a.attnum") " AS comment"
                                    " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
                                    " LEFT JOIN pg_attrdef x ON x.adrelid = a.attrelid AND x.adnum "
                                    "= a.attnum"
                                    " WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT "
                                    "a.attisdropped"
                                    " ORDER BY a.attrelid, a.attnum",
};

static column_identity identity_of(const char *attidentity)
{
    return attidentity[0] == 'a'   ? IDENTITY_ALWAYS
           : attidentity[0] == 'd' ? IDENTITY_BY_DEFAULT
                                   : IDENTITY_NONE;
}

static err_code fill_column(const struct read_schema *of, const struct pg_rows *rows, size_t row,
                            struct schema_column *c, struct err *err)
{
    err_code rc = copy_text(rows, row, "name", &c->name, err);

    if (!rc)
        rc = copy_sql(of, rows, row, "type", &c->type.name, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "default_expr", &c->default_expr, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "collation", &c->collation, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "sequence", &c->sequence, err);
    if (!rc)
        rc = copy_text(rows, row, "storage", &c->storage, err);
    if (!rc)
        rc = copy_text(rows, row, "compression", &c->compression, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &c->comment, err);
    return rc;
}

static err_code add_column(struct schema_reader *r, const struct pg_rows *rows, size_t row,
                           struct err *err)
{
    struct read_schema *of = NULL;
    struct schema_table *t = reader_table(r, rows, row, &of);
    struct schema_column *c = list_grow((void **)&t->columns, t->n_columns, sizeof *c);

    if (!c)
        return no_memory(err);
    t->n_columns++;
    err_code rc = resolve_type(r, of, pg_bigint(rows, row, "type_oid"), pg_int(rows, row, "typmod"),
                               pg_int(rows, row, "dimensions"), &c->type, err);
    if (!rc)
        rc = fill_column(of, rows, row, c, err);
    c->own_not_null = pg_bool(rows, row, "not_null");
    c->not_null = c->own_not_null ||
                  (c->type.domain_not_null && !schema_table_is_view(t)); /* an outer join's NULL */
    c->identity = identity_of(pg_text(rows, row, "identity"));
    c->generated = pg_text(rows, row, "generated")[0] != '\0';
    c->statistics = pg_int(rows, row, "statistics");
    c->inherited = pg_bool(rows, row, "inherited") && !t->partition_of;
    return rc;
}

err_code read_columns(struct schema_reader *r, struct err *err)
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
