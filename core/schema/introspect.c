/* SPDX-License-Identifier: MIT */
/*
 * The search path is pg_catalog alone: no function or operator of a tenant's can stand in for one
 * of PostgreSQL's in these statements, and what PostgreSQL deparses names everything else with its
 * schema, which is then taken off (normal.h).
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

err_code copy_sql(const struct read_schema *of, const struct pg_rows *rows, size_t row,
                  const char *column, char **out, struct err *err)
{
    const char *text = pg_text(rows, row, column);
    char *copy = text ? schema_unqualify(text, of->name, &of->shadowed) : NULL;

    if (text && !copy)
        return no_memory(err);
    *out = copy;
    return ERR_NONE;
}

err_code add_name(const struct read_schema *of, const char *text, struct name_list *list,
                  struct err *err)
{
    char **name = list_grow((void **)&list->items, list->n, sizeof *name);

    if (!name)
        return no_memory(err);
    *name = of ? schema_unqualify(text, of->name, &of->shadowed) : strdup(text);
    if (!*name)
        return no_memory(err);
    list->n++;
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

static int by_namespace(const void *a, const void *b)
{
    int64_t x = ((const struct read_schema *)a)->oid, y = ((const struct read_schema *)b)->oid;
    return (x > y) - (x < y);
}

struct read_schema *reader_schema(const struct schema_reader *r, const struct pg_rows *rows,
                                  size_t row)
{
    const struct read_schema key = {.oid = pg_bigint(rows, row, "namespace")};

    return r->n ? bsearch(&key, r->schemas, r->n, sizeof key, by_namespace) : NULL;
}

static int by_oid(const void *a, const void *b)
{
    int64_t x = ((const struct table_at *)a)->oid, y = ((const struct table_at *)b)->oid;
    return (x > y) - (x < y);
}

struct schema_table *reader_table(const struct schema_reader *r, const struct pg_rows *rows,
                                  size_t row, struct read_schema **of)
{
    struct table_at key = {.oid = pg_bigint(rows, row, "table_oid")};
    const struct table_at *found = NULL;

    if (r->n_tables)
        found = bsearch(&key, r->tables, r->n_tables, sizeof key, by_oid);
    if (!found)
        return NULL;
    *of = &r->schemas[found->schema];
    return &(*of)->out->tables[found->table];
}

/* What a deparsed definition looks like depends on these settings. pg_temp goes first unless it is
 * named. */
static const struct pg_stmt settings_stmt = {
    .name = "schema_read_settings",
    .sql = "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),"
           " pg_catalog.set_config('datestyle', 'ISO, YMD', true),"
           " pg_catalog.set_config('intervalstyle', 'postgres', true),"
           " pg_catalog.set_config('timezone', 'UTC', true),"
           " pg_catalog.set_config('bytea_output', 'hex', true),"
           " pg_catalog.set_config('extra_float_digits', '1', true),"
           " pg_catalog.set_config('quote_all_identifiers', 'off', true),"
           /* compiling a statement takes longer than any of these, and so does planning it each
            * time; and where there are thousands of schemas no catalog is to be read from one end
            * to the other, whatever the planner thinks of how many are asked for */
           " pg_catalog.set_config('jit', 'off', true),"
           " pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true),"
           " pg_catalog.set_config('enable_seqscan', 'off', true),"
           " pg_catalog.set_config('enable_mergejoin', 'off', true)",
};

static err_code set_settings(struct schema_reader *r, struct err *err)
{
    return pg_query(r->pg, &settings_stmt, PG_NO_ARGS, NULL, err);
}

static err_code begin_schema(struct schema_reader *r, struct read_schema *of, int64_t oid,
                             struct err *err)
{
    of->oid = oid;
    of->out = calloc(1, sizeof *of->out);
    if (!of->out || !(of->out->name = strdup(of->name)))
        return no_memory(err);
    str_addf(&r->namespaces, r->namespaces.len > 1 ? ",%lld" : "%lld", (long long)oid);
    return ERR_NONE;
}

static err_code read_namespaces(struct schema_reader *r, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "schema_read_namespaces",
        .sql = "SELECT n.oid::int8 AS oid, w.at FROM pg_namespace n"
               " JOIN json_array_elements_text($1::json) WITH ORDINALITY w (name, at)"
               " ON n.nspname = w.name",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    json_auto_t *names = json_array();

    for (size_t i = 0; i < r->n; i++)
        (void)json_array_append_new(names, json_string(r->schemas[i].name));
    CLEANUP(freep) char *text = json_dumps(names, JSON_COMPACT);
    if (!text)
        return no_memory(err);
    err_code rc = pg_query(r->pg, &stmt, PG_ARGS(PG_ARG((const char *)text)), &rows, err);
    str_add_char(&r->namespaces, '{');
    for (size_t i = 0; i < pg_rows_count(rows) && !rc; i++)
        rc = begin_schema(r, &r->schemas[pg_bigint(rows, i, "at") - 1], pg_bigint(rows, i, "oid"),
                          err);
    str_add_char(&r->namespaces, '}');
    qsort(r->schemas, r->n, sizeof *r->schemas, by_namespace);
    return !rc && !str_ok(&r->namespaces) ? no_memory(err) : rc;
}

/* Objects of a schema are found by their dependency on it: pg_class has no index on relnamespace.
 */
static err_code read_shadowed(struct schema_reader *r, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "schema_read_shadowed",
        .sql = "WITH mine AS MATERIALIZED (SELECT refobjid AS namespace, classid, objid"
               "  FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass"
               "  AND refobjid = ANY ($1::oid[]) AND classid IN ('pg_class'::regclass,"
               "   'pg_type'::regclass, 'pg_proc'::regclass, 'pg_collation'::regclass))"
               " SELECT m.namespace::int8 AS namespace, t.typname AS name FROM mine m"
               "  JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid"
               "  JOIN pg_type p ON p.typname = t.typname"
               "   AND p.typnamespace = 'pg_catalog'::regnamespace"
               " UNION SELECT m.namespace::int8, c.relname FROM mine m"
               "  JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid"
               "  JOIN pg_type p ON p.typname = c.relname"
               "   AND p.typnamespace = 'pg_catalog'::regnamespace"
               " UNION SELECT m.namespace::int8, f.proname FROM mine m"
               "  JOIN pg_proc f ON m.classid = 'pg_proc'::regclass AND f.oid = m.objid"
               "  JOIN pg_proc p ON p.proname = f.proname"
               "   AND p.pronamespace = 'pg_catalog'::regnamespace"
               " UNION SELECT m.namespace::int8, l.collname FROM mine m"
               "  JOIN pg_collation l ON m.classid = 'pg_collation'::regclass AND l.oid = m.objid"
               "  JOIN pg_collation p ON p.collname = l.collname"
               "   AND p.collnamespace = 'pg_catalog'::regnamespace",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(r->pg, &stmt, PG_ARGS(PG_ARG(str_text(&r->namespaces))), &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = add_name(NULL, pg_text(rows, i, "name"), &reader_schema(r, rows, i)->shadowed, err);
    return rc;
}

static err_code end_models(struct schema_reader *r, struct err *err)
{
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < r->n && !rc; i++)
        if (r->schemas[i].out)
            rc = sort_enums(r->schemas[i].out, err);
    return rc;
}

static err_code read_parts(struct schema_reader *r, struct err *err)
{
    static err_code (*const parts[])(struct schema_reader *, struct err *) = {
        set_settings, read_namespaces,    read_shadowed,    read_tables,
        read_columns, read_domain_checks, read_constraints, read_indexes,
        read_objects, read_needs,         read_extensions,  end_models,
    };
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < ARRAY_LEN(parts) && !rc; i++)
        rc = parts[i](r, err);
    return rc;
}

static void reader_clear(struct schema_reader *r)
{
    for (size_t i = 0; r->schemas && i < r->n; i++) {
        schema_free(r->schemas[i].out);
        name_list_clear(&r->schemas[i].shadowed);
    }
    free(r->schemas);
    free(r->tables);
    raw_types_free(r->types, r->n_types);
    str_clear(&r->namespaces);
    str_clear(&r->oid_array);
    str_clear(&r->type_array);
}

struct request {
    const char *const *names;
    size_t n;
    const char *tracking_table;
    struct schema **out;
};

/* Into the order that was asked for. */
static void hand_over(struct schema_reader *r, struct request *request)
{
    for (size_t i = 0; i < request->n; i++) {
        schema_free(request->out[i]); /* of an attempt whose COMMIT failed */
        request->out[i] = NULL;
        for (size_t j = 0; j < r->n; j++)
            if (r->schemas[j].out && r->schemas[j].name == request->names[i]) {
                request->out[i] = r->schemas[j].out;
                r->schemas[j].out = NULL;
            }
    }
}

static err_code read_all(struct pg *pg, void *arg, struct err *err)
{
    struct request *request = arg;
    CLEANUP(reader_clear)
    struct schema_reader r = {
        .pg = pg,
        .tracking_table = request->tracking_table,
        .schemas = calloc(request->n + 1, sizeof *r.schemas),
        .n = request->n,
    };

    if (!r.schemas)
        return no_memory(err);
    for (size_t i = 0; i < r.n; i++)
        r.schemas[i].name = request->names[i];
    err_code rc = read_parts(&r, err);
    if (!rc)
        hand_over(&r, request);
    return rc;
}

static err_code read_in_own(struct pg *pg, void *arg, struct err *err)
{
    err_code rc = pg_command(pg, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", err);
    return rc ? rc : read_all(pg, arg, err);
}

err_code schemas_read(struct pg *pg, const char *const *names, size_t n,
                      const struct schema_options *options, struct schema **out, struct err *err)
{
    struct request request = {
        .names = names,
        .n = n,
        .tracking_table = options ? options->tracking_table : NULL,
        .out = out,
    };
    struct pg_ident ident;
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < n; i++)
        out[i] = NULL;
    for (size_t i = 0; i < n && !rc; i++)
        rc = pg_ident_quote(names[i], &ident, err);
    if (!rc)
        rc = pg_in_transaction(pg) ? pg_undone(pg, read_all, &request, err)
                                   : pg_tx(pg, read_in_own, &request, err);
    for (size_t i = 0; i < n && rc; i++) {
        schema_free(out[i]);
        out[i] = NULL;
    }
    return rc;
}

err_code schema_read(struct pg *pg, const char *schema, const struct schema_options *options,
                     struct schema **out, struct err *err)
{
    struct schema *found = NULL;
    err_code rc = schemas_read(pg, &schema, 1, options, &found, err);

    if (rc)
        return rc;
    if (!found)
        return err_set(err, ERR_SCHEMA_MISSING, "the database has no schema named %s", schema);
    *out = found;
    return ERR_NONE;
}
