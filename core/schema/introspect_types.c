/* SPDX-License-Identifier: MIT */
/* Types: enums, domains, and what is behind the domains and arrays of the columns. */
#include "core/schema/introspect_parts.h"

#include <stdlib.h>
#include <string.h>

enum { TYPE_DEPTH_MAX = 64 }; /* domains over arrays of domains over ... */

static const struct {
    const char *name;
    type_class class;
} builtin_types[] = {
    {"bool", TYPE_BOOL},
    {"int2", TYPE_SMALLINT},
    {"int4", TYPE_INTEGER},
    {"int8", TYPE_BIGINT},
    {"numeric", TYPE_NUMERIC},
    {"float4", TYPE_FLOAT},
    {"float8", TYPE_FLOAT},
    {"text", TYPE_TEXT},
    {"varchar", TYPE_TEXT},
    {"bpchar", TYPE_TEXT},
    {"char", TYPE_TEXT},
    {"name", TYPE_TEXT},
    {"bit", TYPE_BITS},
    {"varbit", TYPE_BITS},
    {"bytea", TYPE_BYTES},
    {"uuid", TYPE_UUID},
    {"json", TYPE_JSON},
    {"jsonb", TYPE_JSON},
    {"date", TYPE_DATE},
    {"time", TYPE_TIME},
    {"timetz", TYPE_TIMETZ},
    {"timestamp", TYPE_TIMESTAMP},
    {"timestamptz", TYPE_TIMESTAMPTZ},
};

static type_class classify(const char *name, char kind, char category, bool builtin)
{
    if (kind == 'e')
        return TYPE_ENUM;
    if (kind == 'c' || kind == 'p')
        return TYPE_COMPOSITE;
    for (size_t i = 0; builtin && i < ARRAY_LEN(builtin_types); i++)
        if (str_eq(builtin_types[i].name, name))
            return builtin_types[i].class;
    return category == 'S' ? TYPE_TEXT : TYPE_OTHER; /* citext is of category S */
}

/* Everything the columns' types are made of, and the schema's own enums and domains. */
static const struct pg_stmt types_stmt = {
    .name = "schema_read_types",
    .sql =
        "WITH RECURSIVE used (oid) AS ("
        " (SELECT u.oid FROM pg_catalog.unnest($2::pg_catalog.oid[]) u (oid)"
        " UNION SELECT t.oid FROM pg_catalog.pg_type t"
        " WHERE t.typnamespace = $1::pg_catalog.oid AND t.typtype IN ('e', 'd'))"
        " UNION SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE e.oid END"
        " FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid"
        " LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid"
        " WHERE t.typtype = 'd' OR e.oid IS NOT NULL)"
        " SELECT t.oid::pg_catalog.int8 AS oid, t.typname AS name, t.typtype AS kind,"
        " t.typcategory AS category, t.typnotnull AS not_null, t.typtypmod AS typmod,"
        " t.typndims AS dimensions, e.oid IS NOT NULL AS is_array,"
        " CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE e.oid END::pg_catalog.int8 AS under,"
        " CASE WHEN n.oid <> $1::pg_catalog.oid THEN n.nspname END AS schema,"
        " CASE t.typtype WHEN 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END"
        " AS base, t.typdefault AS default_expr, d.description AS comment,"
        " CASE t.typtype WHEN 'e' THEN pg_catalog.to_json(ARRAY(SELECT l.enumlabel::pg_catalog.text"
        " FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder)) END"
        " AS labels"
        " FROM used JOIN pg_catalog.pg_type t ON t.oid = used.oid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"
        " LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid"
        " LEFT JOIN pg_catalog.pg_description d ON d.objoid = t.oid AND d.objsubid = 0"
        " AND d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid"
        " ORDER BY (n.oid <> $1::pg_catalog.oid),"
        " n.nspname::pg_catalog.text COLLATE pg_catalog.\"C\","
        " t.typname::pg_catalog.text COLLATE pg_catalog.\"C\"",
};

static err_code add_enum(struct schema *s, const struct pg_rows *rows, size_t row, struct err *err)
{
    struct schema_enum *e = list_grow((void **)&s->enums, s->n_enums, sizeof *e);

    if (!e)
        return no_memory(err);
    s->n_enums++;
    err_code rc = copy_text(rows, row, "schema", &e->schema, err);
    if (!rc)
        rc = copy_text(rows, row, "name", &e->name, err);
    if (!rc)
        rc = copy_names(rows, row, "labels", &e->labels, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &e->comment, err);
    return rc;
}

static err_code add_type(struct schema_reader *r, const struct pg_rows *rows, size_t row,
                         struct err *err)
{
    struct raw_type *t = &r->types[row];

    *t = (struct raw_type){
        .oid = pg_bigint(rows, row, "oid"),
        .under = pg_bigint(rows, row, "under"),
        .kind = pg_text(rows, row, "kind")[0],
        .is_array = pg_bool(rows, row, "is_array"),
        .not_null = pg_bool(rows, row, "not_null"),
        .has_default = !pg_is_null(rows, row, "default_expr"),
        .typmod = pg_int(rows, row, "typmod"),
        .dimensions = pg_int(rows, row, "dimensions"),
        .enumeration = r->out->n_enums,
    };
    t->class = classify(pg_text(rows, row, "name"), t->kind, pg_text(rows, row, "category")[0],
                        str_eq(pg_text(rows, row, "schema"), "pg_catalog"));
    return t->class == TYPE_ENUM ? add_enum(r->out, rows, row, err) : ERR_NONE;
}

static int by_oid(const void *a, const void *b)
{
    int64_t x = ((const struct raw_type *)a)->oid, y = ((const struct raw_type *)b)->oid;
    return (x > y) - (x < y);
}

static err_code add_domain(struct schema_reader *r, const struct pg_rows *rows, size_t row,
                           struct err *err)
{
    struct schema_domain *d = list_grow((void **)&r->out->domains, r->out->n_domains, sizeof *d);

    if (!d)
        return no_memory(err);
    r->out->n_domains++;
    err_code rc = resolve_type(r, pg_bigint(rows, row, "under"), pg_int(rows, row, "typmod"),
                               pg_int(rows, row, "dimensions"), &d->base, err);
    if (!rc)
        rc = copy_text(rows, row, "name", &d->name, err);
    if (!rc)
        rc = copy_sql(r, rows, row, "base", &d->base.name, err);
    if (!rc)
        rc = copy_sql(r, rows, row, "default_expr", &d->default_expr, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &d->comment, err);
    d->not_null = pg_bool(rows, row, "not_null") || d->base.domain_not_null;
    return rc;
}

err_code read_types(struct schema_reader *r, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    err_code rc =
        pg_query(r->pg, &types_stmt,
                 PG_ARGS(PG_ARG(r->namespace), PG_ARG(str_text(&r->type_array))), &rows, err);
    if (rc)
        return rc;
    r->n_types = pg_rows_count(rows);
    r->types = calloc(r->n_types + 1, sizeof *r->types);
    if (!r->types)
        return no_memory(err);
    for (size_t i = 0; i < r->n_types && !rc; i++)
        rc = add_type(r, rows, i, err);
    qsort(r->types, r->n_types, sizeof *r->types, by_oid);
    for (size_t i = 0; i < r->n_types && !rc; i++) /* needs them all */
        if (pg_text(rows, i, "kind")[0] == 'd' && pg_is_null(rows, i, "schema"))
            rc = add_domain(r, rows, i, err);
    return rc;
}

/* What the type modifier says (PostgreSQL source, utils/adt: varchar.c, varbit.c, numeric.c). */
static void apply_typmod(struct schema_type *t, int typmod)
{
    enum { HEADER = 4 };

    if (typmod < 0)
        return;
    if (t->class == TYPE_TEXT && typmod > HEADER)
        t->length = typmod - HEADER;
    if (t->class == TYPE_BITS)
        t->length = typmod;
    if (t->class == TYPE_NUMERIC && typmod >= HEADER) {
        t->precision = ((typmod - HEADER) >> 16) & 0xffff;
        t->scale = (((typmod - HEADER) & 0x7ff) ^ 1024) - 1024; /* eleven bits with a sign */
    }
}

err_code resolve_type(const struct schema_reader *r, int64_t oid, int typmod, int dimensions,
                      struct schema_type *out, struct err *err)
{
    struct schema_type found = {.name = out->name};
    const struct raw_type *t = NULL;

    for (int depth = 0; depth < TYPE_DEPTH_MAX; depth++) {
        struct raw_type key = {.oid = oid};
        t = r->n_types ? bsearch(&key, r->types, r->n_types, sizeof key, by_oid) : NULL;
        if (!t || !t->under)
            break;
        if (t->is_array) {
            found.dimensions += dimensions > 0 ? dimensions : 1;
            dimensions = 0;
        } else {
            found.domain_not_null |= t->not_null && !found.dimensions;
            found.domain_default |= t->has_default && !found.dimensions;
            typmod = t->typmod;
            dimensions = t->dimensions;
        }
        oid = t->under;
    }
    if (!t || t->under)
        return err_set(err, ERR_INTERNAL, "the type %lld cannot be followed to its base",
                       (long long)oid);
    found.class = t->class;
    found.enumeration = t->enumeration;
    apply_typmod(&found, typmod);
    *out = found;
    return ERR_NONE;
}

static const struct pg_stmt domain_checks_stmt = {
    .name = "schema_read_domain_checks",
    .sql = "SELECT t.typname AS domain, pg_catalog.pg_get_constraintdef(k.oid) AS definition"
           " FROM pg_catalog.pg_type t JOIN pg_catalog.pg_constraint k ON k.contypid = t.oid"
           " WHERE t.typnamespace = $1::pg_catalog.oid AND t.typtype = 'd' AND k.contype = 'c'"
           " ORDER BY k.conname::pg_catalog.text COLLATE pg_catalog.\"C\"",
};

static struct schema_domain *find_domain(struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_domains; i++)
        if (str_eq(s->domains[i].name, name))
            return &s->domains[i];
    return NULL;
}

err_code read_domain_checks(struct schema_reader *r, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    if (!r->out->n_domains)
        return ERR_NONE;
    err_code rc = pg_query(r->pg, &domain_checks_stmt, PG_ARGS(PG_ARG(r->namespace)), &rows, err);
    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        struct schema_domain *d = find_domain(r->out, pg_text(rows, i, "domain"));
        char **check = d ? list_grow((void **)&d->checks.items, d->checks.n, sizeof *check) : NULL;
        if (!check)
            return no_memory(err);
        d->checks.n++;
        rc = copy_sql(r, rows, i, "definition", check, err);
    }
    return rc;
}
