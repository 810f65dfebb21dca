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

/* Everything the columns' types are made of, and the schemas' own enums and domains. */
static const struct pg_stmt types_stmt = {
    .name = "schema_read_types",
    .sql = "WITH RECURSIVE used (oid) AS ("
           " (SELECT u.oid FROM unnest($2::oid[]) u (oid)"
           " UNION SELECT t.oid FROM pg_depend d JOIN pg_type t ON t.oid = d.objid"
           "  WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
           "  AND d.classid = 'pg_type'::regclass AND t.typtype IN ('e', 'd'))"
           " UNION SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE e.oid END"
           " FROM used JOIN pg_type t ON t.oid = used.oid"
           " LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid"
           " WHERE t.typtype = 'd' OR e.oid IS NOT NULL)"
           " SELECT t.oid::int8 AS oid, t.typname AS name, t.typtype AS kind,"
           " t.typcategory AS category, t.typnotnull AS not_null, t.typtypmod AS typmod,"
           " t.typndims AS dimensions, e.oid IS NOT NULL AS is_array,"
           " CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE e.oid END::int8 AS under,"
           " n.oid::int8 AS namespace, n.nspname AS schema,"
           " coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) AS default_expr,"
           " CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base,"
           " CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN (SELECT"
           "  format('%I.%I', ln.nspname, l.collname) FROM pg_collation l"
           "  JOIN pg_namespace ln ON ln.oid = l.collnamespace WHERE l.oid = t.typcollation) END"
           "  AS collation,"
           " " DESCRIPTION(
               "t.oid", "pg_type",
               "0") " AS comment,"
                    " CASE t.typtype WHEN 'e' THEN to_json(ARRAY(SELECT l.enumlabel::text"
                    " FROM pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder)) END AS "
                    "labels"
                    " FROM used JOIN pg_type t ON t.oid = used.oid"
                    " JOIN pg_namespace n ON n.oid = t.typnamespace"
                    " LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid"
                    " LEFT JOIN pg_type b ON b.oid = t.typbasetype"
                    " ORDER BY n.nspname::text COLLATE \"C\", t.typname::text COLLATE \"C\"",
};

static void raw_type_clear(struct raw_type *t)
{
    free(t->schema);
    free(t->name);
    free(t->comment);
    name_list_clear(&t->labels);
}

void raw_types_free(struct raw_type *types, size_t n)
{
    for (size_t i = 0; types && i < n; i++)
        raw_type_clear(&types[i]);
    free(types);
}

static err_code copy_list(const struct name_list *from, struct name_list *to, struct err *err)
{
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < from->n && !rc; i++)
        rc = add_name(NULL, from->items[i], to, err);
    return rc;
}

/* The enum of the schema's list, added if it is not there; a schema is named where it is another's.
 */
static err_code use_enum(struct read_schema *of, const struct raw_type *t, size_t *at,
                         struct err *err)
{
    struct schema *s = of->out;
    const char *schema = t->namespace == of->oid ? NULL : t->schema;

    for (size_t i = 0; i < s->n_enums; i++)
        if (str_eq(s->enums[i].name, t->name) &&
            (schema ? str_eq(s->enums[i].schema, schema) : !s->enums[i].schema)) {
            *at = i;
            return ERR_NONE;
        }
    struct schema_enum *e = list_grow((void **)&s->enums, s->n_enums, sizeof *e);
    if (!e)
        return no_memory(err);
    *at = s->n_enums++;
    e->name = strdup(t->name);
    e->schema = schema ? strdup(schema) : NULL;
    e->comment = t->comment ? strdup(t->comment) : NULL;
    if (!e->name || (schema && !e->schema) || (t->comment && !e->comment))
        return no_memory(err);
    return copy_list(&t->labels, &e->labels, err);
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
        .namespace = pg_bigint(rows, row, "namespace"),
    };
    t->class = classify(pg_text(rows, row, "name"), t->kind, pg_text(rows, row, "category")[0],
                        str_eq(pg_text(rows, row, "schema"), "pg_catalog"));
    if (t->class != TYPE_ENUM)
        return ERR_NONE;
    struct read_schema *own = reader_schema(r, rows, row);
    size_t at = 0;
    err_code rc = copy_text(rows, row, "schema", &t->schema, err);
    if (!rc)
        rc = copy_text(rows, row, "name", &t->name, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &t->comment, err);
    if (!rc)
        rc = copy_names(rows, row, "labels", &t->labels, err);
    return !rc && own ? use_enum(own, t, &at, err) : rc;
}

static int by_oid(const void *a, const void *b)
{
    int64_t x = ((const struct raw_type *)a)->oid, y = ((const struct raw_type *)b)->oid;
    return (x > y) - (x < y);
}

static err_code add_domain(struct schema_reader *r, const struct pg_rows *rows, size_t row,
                           struct err *err)
{
    struct read_schema *of = reader_schema(r, rows, row);
    struct schema_domain *d = list_grow((void **)&of->out->domains, of->out->n_domains, sizeof *d);

    if (!d)
        return no_memory(err);
    of->out->n_domains++;
    err_code rc = resolve_type(r, of, pg_bigint(rows, row, "under"), pg_int(rows, row, "typmod"),
                               pg_int(rows, row, "dimensions"), &d->base, err);
    if (!rc)
        rc = copy_text(rows, row, "name", &d->name, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "base", &d->base.name, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "default_expr", &d->default_expr, err);
    if (!rc)
        rc = copy_sql(of, rows, row, "collation", &d->collation, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &d->comment, err);
    d->not_null = pg_bool(rows, row, "not_null") || d->base.domain_not_null;
    return rc;
}

err_code read_types(struct schema_reader *r, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    err_code rc = pg_query(
        r->pg, &types_stmt,
        PG_ARGS(PG_ARG(str_text(&r->namespaces)), PG_ARG(str_text(&r->type_array))), &rows, err);
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
        if (pg_text(rows, i, "kind")[0] == 'd' && reader_schema(r, rows, i))
            rc = add_domain(r, rows, i, err);
    return rc;
}

/* NULL, this schema's, goes first. */
static int by_schema_and_name(const void *a, const void *b)
{
    const struct schema_enum *x = a, *y = b;

    if (!x->schema != !y->schema)
        return x->schema ? 1 : -1;
    int order = x->schema ? strcmp(x->schema, y->schema) : 0;
    return order ? order : strcmp(x->name, y->name);
}

static void point_at(struct schema_type *t, const struct schema_enum *old, const struct schema *s)
{
    if (t->class != TYPE_ENUM)
        return;
    for (size_t i = 0; i < s->n_enums; i++)
        if (s->enums[i].name == old[t->enumeration].name) {
            t->enumeration = i;
            return;
        }
}

err_code sort_enums(struct schema *s, struct err *err)
{
    CLEANUP(freep) char *copy = malloc(s->n_enums * sizeof *s->enums + 1);
    const struct schema_enum *old = (const void *)copy;

    if (!copy)
        return no_memory(err);
    if (!s->n_enums)
        return ERR_NONE;
    memcpy(copy, s->enums, s->n_enums * sizeof *s->enums);
    qsort(s->enums, s->n_enums, sizeof *s->enums, by_schema_and_name);
    for (size_t i = 0; i < s->n_tables; i++)
        for (size_t k = 0; k < s->tables[i].n_columns; k++)
            point_at(&s->tables[i].columns[k].type, old, s);
    for (size_t i = 0; i < s->n_domains; i++)
        point_at(&s->domains[i].base, old, s);
    return ERR_NONE;
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

err_code resolve_type(const struct schema_reader *r, struct read_schema *of, int64_t oid,
                      int typmod, int dimensions, struct schema_type *out, struct err *err)
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
    apply_typmod(&found, typmod);
    err_code rc = t->class == TYPE_ENUM ? use_enum(of, t, &found.enumeration, err) : ERR_NONE;
    *out = found;
    return rc;
}

static const struct pg_stmt domain_checks_stmt = {
    .name = "schema_read_domain_checks",
    .sql = "SELECT d.refobjid::int8 AS namespace, t.typname AS domain, k.conname AS name,"
           " pg_get_constraintdef(k.oid) AS definition"
           " FROM pg_depend d JOIN pg_type t ON t.oid = d.objid AND t.typtype = 'd'"
           " JOIN pg_constraint k ON k.contypid = t.oid AND k.contype = 'c'"
           " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
           " AND d.classid = 'pg_type'::regclass"
           " ORDER BY d.refobjid, k.conname::text COLLATE \"C\"",
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
    err_code rc =
        pg_query(r->pg, &domain_checks_stmt, PG_ARGS(PG_ARG(str_text(&r->namespaces))), &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        struct read_schema *of = reader_schema(r, rows, i);
        struct schema_domain *d = find_domain(of->out, pg_text(rows, i, "domain"));
        if (!d)
            return no_memory(err);
        rc = add_name(of, pg_text(rows, i, "definition"), &d->checks, err);
        if (!rc)
            rc = add_name(NULL, pg_text(rows, i, "name"), &d->check_names, err);
    }
    return rc;
}
