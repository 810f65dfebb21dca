/* SPDX-License-Identifier: MIT */
/* What is declared about the rows of a table: constraints and indexes. */
#include "core/schema/introspect_parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/schema/normal.h"

/*
 * NOT NULL is the column's, also where PostgreSQL 18 makes a constraint of it. A foreign key to a
 * partitioned table has a child for each partition, on the same table: those are left out.
 */
static const struct pg_stmt constraints_stmt = {
    .name = "schema_read_constraints",
    .sql =
        "SELECT k.conrelid::int8 AS table_oid, k.conname AS name, k.contype AS kind,"
        " k.condeferrable AS deferrable, k.condeferred AS deferred, k.convalidated AS validated,"
        " k.confdeltype AS on_delete, k.confupdtype AS on_update,"
        " k.confmatchtype = 'f' AS match_full,"
        " k.coninhcount > 0 AND NOT k.conislocal AS inherited, k.conparentid <> 0 AS of_parent,"
        " CASE WHEN f.relnamespace <> c.relnamespace THEN fn.nspname END AS ref_schema,"
        " f.relname AS ref_table,"
        " to_json(ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u (num, pos)"
        "  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.pos))"
        "  AS columns,"
        " to_json(ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u (num, pos)"
        "  JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY u.pos))"
        "  AS ref_columns,"
        " pg_get_constraintdef(k.oid) AS definition,"
        " " DESCRIPTION(
            "k.oid", "pg_constraint",
            "0") " AS comment"
                 " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
                 " LEFT JOIN pg_class f ON f.oid = k.confrelid"
                 " LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace"
                 " LEFT JOIN pg_constraint p ON p.oid = k.conparentid AND p.conrelid = k.conrelid"
                 " WHERE k.conrelid = ANY ($1::oid[]) AND p.oid IS NULL"
                 " AND k.contype IN ('p', 'u', 'f', 'c', 'x')"
                 " ORDER BY k.conname::text COLLATE \"C\", k.contype",
};

static err_code add_key(const struct read_schema *of, const struct pg_rows *rows, size_t row,
                        struct schema_key **list, size_t *n, struct err *err)
{
    struct schema_key *k = list_grow((void **)list, *n, sizeof *k);

    if (!k)
        return no_memory(err);
    (*n)++;
    err_code rc = copy_text(rows, row, "name", &k->name, err);
    if (!rc)
        rc = copy_names(rows, row, "columns", &k->columns, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "definition", &k->definition, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &k->comment, err);
    return rc;
}

static err_code add_check(const struct read_schema *of, const struct pg_rows *rows, size_t row,
                          struct schema_table *t, struct err *err)
{
    struct schema_check *k = list_grow((void **)&t->checks, t->n_checks, sizeof *k);

    if (!k)
        return no_memory(err);
    t->n_checks++;
    k->exclude = pg_text(rows, row, "kind")[0] == 'x';
    k->inherited =
        pg_bool(rows, row, "inherited") || (k->exclude && pg_bool(rows, row, "of_parent"));
    err_code rc = copy_text(rows, row, "name", &k->name, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &k->comment, err);
    return rc ? rc : copy_sql(of, rows, row, "definition", &k->definition, err);
}

static fk_action action_of(const char *code)
{
    switch (code[0]) {
    case 'r':
        return FK_RESTRICT;
    case 'c':
        return FK_CASCADE;
    case 'n':
        return FK_SET_NULL;
    case 'd':
        return FK_SET_DEFAULT;
    default:
        return FK_NO_ACTION;
    }
}

static err_code add_foreign_key(const struct read_schema *of, const struct pg_rows *rows,
                                size_t row, struct schema_table *t, struct err *err)
{
    struct schema_foreign_key *k =
        list_grow((void **)&t->foreign_keys, t->n_foreign_keys, sizeof *k);

    if (!k)
        return no_memory(err);
    t->n_foreign_keys++;
    k->on_delete = action_of(pg_text(rows, row, "on_delete"));
    k->on_update = action_of(pg_text(rows, row, "on_update"));
    k->match_full = pg_bool(rows, row, "match_full");
    k->validated = pg_bool(rows, row, "validated");
    k->deferrable = pg_bool(rows, row, "deferrable");
    k->deferred = pg_bool(rows, row, "deferred");
    k->inherited = pg_bool(rows, row, "of_parent");
    err_code rc = copy_text(rows, row, "name", &k->name, err);
    if (!rc)
        rc = copy_names(rows, row, "columns", &k->columns, err);
    if (!rc)
        rc = copy_text(rows, row, "ref_schema", &k->ref_schema, err);
    if (!rc)
        rc = copy_text(rows, row, "ref_table", &k->ref_table, err);
    if (!rc)
        rc = copy_names(rows, row, "ref_columns", &k->ref_columns, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "definition", &k->definition, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &k->comment, err);
    return rc;
}

static err_code add_constraint(struct schema_reader *r, const struct pg_rows *rows, size_t row,
                               struct err *err)
{
    struct read_schema *of = NULL;
    struct schema_table *t = reader_table(r, rows, row, &of);
    size_t none = 0;

    switch (pg_text(rows, row, "kind")[0]) {
    case 'p':
        return add_key(of, rows, row, &t->primary_key, &none, err);
    case 'u':
        return add_key(of, rows, row, &t->uniques, &t->n_uniques, err);
    case 'f':
        return add_foreign_key(of, rows, row, t, err);
    default:
        return add_check(of, rows, row, t, err);
    }
}

err_code read_constraints(struct schema_reader *r, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    err_code rc =
        pg_query(r->pg, &constraints_stmt, PG_ARGS(PG_ARG(str_text(&r->oid_array))), &rows, err);
    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = add_constraint(r, rows, i, err);
    return rc;
}

/* columns has null where the key is an expression; expressions has the text of every key. */
static const struct pg_stmt indexes_stmt = {
    .name = "schema_read_indexes",
    .sql = "SELECT i.indrelid::int8 AS table_oid, c.relname AS name, m.amname AS method,"
           " i.indisunique AS unique, i.indisvalid AS valid, i.indnkeyatts AS n_keys,"
           " i.indisclustered AS clustered, i.indisreplident AS replica_identity,"
           " k.oid IS NOT NULL AS of_constraint,"
           " to_json(ARRAY(SELECT a.attname::text"
           "  FROM unnest(i.indkey::int2[]) WITH ORDINALITY u (num, pos) LEFT JOIN pg_attribute a"
           "  ON a.attrelid = i.indrelid AND a.attnum = u.num AND a.attnum <> 0 ORDER BY u.pos))"
           "  AS columns,"
           " CASE WHEN 0 = ANY (i.indkey::int2[]) THEN to_json(ARRAY(SELECT"
           "  pg_get_indexdef(i.indexrelid, g.pos, true)"
           "  FROM generate_series(1, i.indnatts::int4) g (pos) ORDER BY g.pos)) END"
           "  AS expressions,"
           " (SELECT format('%I.%I', pn.nspname, pc.relname) FROM pg_inherits h"
           "  JOIN pg_class pc ON pc.oid = h.inhparent"
           "  JOIN pg_namespace pn ON pn.oid = pc.relnamespace WHERE h.inhrelid = i.indexrelid)"
           "  AS attached_to,"
           " pg_get_expr(i.indpred, i.indrelid) AS predicate,"
           " pg_get_indexdef(i.indexrelid, 0, true) AS definition,"
           " " DESCRIPTION(
               "i.indexrelid", "pg_class",
               "0") " AS comment"
                    " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
                    " JOIN pg_am m ON m.oid = c.relam"
                    " LEFT JOIN pg_constraint k ON k.conrelid = i.indrelid"
                    " AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')"
                    " WHERE i.indrelid = ANY ($1::oid[]) ORDER BY c.relname::text COLLATE \"C\"",
};

static err_code add_index_keys(const struct read_schema *of, const struct pg_rows *rows, size_t row,
                               struct schema_index *x, struct err *err)
{
    CLEANUP(name_list_clear) struct name_list columns = {.n = 0};
    CLEANUP(name_list_clear) struct name_list texts = {.n = 0};

    err_code rc = copy_names(rows, row, "columns", &columns, err);
    if (!rc)
        rc = copy_names(rows, row, "expressions", &texts, err);
    if (rc)
        return rc;
    x->keys = calloc(columns.n + 1, sizeof *x->keys);
    if (!x->keys)
        return no_memory(err);
    x->n_keys = (size_t)pg_int(rows, row, "n_keys");
    x->n_include = columns.n - x->n_keys;
    for (size_t i = 0; i < columns.n; i++) {
        x->keys[i].expression = !columns.items[i];
        x->keys[i].text = columns.items[i]
                              ? strdup(columns.items[i])
                              : schema_unqualify(texts.items[i], of->name, &of->shadowed);
        if (!x->keys[i].text)
            return no_memory(err);
    }
    return ERR_NONE;
}

static err_code add_index(const struct schema_reader *r, const struct pg_rows *rows, size_t row,
                          struct err *err)
{
    struct read_schema *of = NULL;
    struct schema_table *t = reader_table(r, rows, row, &of);
    struct schema_index *x = list_grow((void **)&t->indexes, t->n_indexes, sizeof *x);

    if (!x)
        return no_memory(err);
    t->n_indexes++;
    x->unique = pg_bool(rows, row, "unique");
    x->valid = pg_bool(rows, row, "valid");
    x->of_constraint = pg_bool(rows, row, "of_constraint");
    x->clustered = pg_bool(rows, row, "clustered");
    x->replica_identity = pg_bool(rows, row, "replica_identity");
    err_code rc = add_index_keys(of, rows, row, x, err);
    if (!rc)
        rc = copy_text(rows, row, "name", &x->name, err);
    if (!rc)
        rc = copy_text(rows, row, "method", &x->method, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "predicate", &x->predicate, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "definition", &x->definition, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "attached_to", &x->attached_to, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &x->comment, err);
    return rc;
}

err_code read_indexes(struct schema_reader *r, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    err_code rc =
        pg_query(r->pg, &indexes_stmt, PG_ARGS(PG_ARG(str_text(&r->oid_array))), &rows, err);
    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = add_index(r, rows, i, err);
    return rc;
}
