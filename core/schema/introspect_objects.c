/* SPDX-License-Identifier: MIT */
/* What is its definition and no more: functions, triggers, policies, grants and the like. */
#include "core/schema/introspect_objects.h"

#include <stdlib.h>
#include <string.h>

#include "core/schema/normal.h"

/* Members of a composite type, in the order of their definition. */
static const struct pg_stmt composites_stmt = {
    .name = "schema_read_composites",
    .sql = "SELECT " NAMESPACE ", o.typname AS name, NULL AS on_what,"
           " format('CREATE TYPE %s.%I AS (%s)', d.refobjid::regnamespace, o.typname,"
           "  (SELECT string_agg(format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),"
           "   CASE WHEN a.attcollation <> at.typcollation THEN (SELECT format(' COLLATE %I.%I',"
           "    n.nspname, l.collname) FROM pg_collation l JOIN pg_namespace n"
           "    ON n.oid = l.collnamespace WHERE l.oid = a.attcollation) ELSE '' END), ', '"
           "   ORDER BY a.attnum) FROM pg_attribute a JOIN pg_type at ON at.oid = a.atttypid"
           "   WHERE a.attrelid = o.typrelid AND a.attnum > 0 AND NOT a.attisdropped))"
           "  AS definition, " DESCRIPTION("o.oid", "pg_type", "0") " AS comment" OF_SCHEMAS(
               "pg_type") " AND o.typtype = 'c'"
                          " AND (SELECT c.relkind FROM pg_class c WHERE c.oid = o.typrelid) = 'c'",
};

static const struct pg_stmt ranges_stmt = {
    .name = "schema_read_ranges",
    .sql =
        "SELECT " NAMESPACE ", o.typname AS name, NULL AS on_what,"
        " format('CREATE TYPE %s.%I AS RANGE (subtype = %s%s%s%s%s)', d.refobjid::regnamespace,"
        "  o.typname, format_type(r.rngsubtype, NULL),"
        "  (SELECT format(', subtype_opclass = %I.%I', n.nspname, p.opcname) FROM pg_opclass p"
        "   JOIN pg_namespace n ON n.oid = p.opcnamespace"
        "   WHERE p.oid = r.rngsubopc AND NOT p.opcdefault),"
        "  (SELECT format(', collation = %I.%I', n.nspname, l.collname) FROM pg_collation l"
        "   JOIN pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = r.rngcollation"
        "   AND r.rngcollation <> (SELECT s.typcollation FROM pg_type s"
        "    WHERE s.oid = r.rngsubtype)),"
        "  CASE WHEN r.rngcanonical <> 0 THEN ', canonical = ' || r.rngcanonical END,"
        "  CASE WHEN r.rngsubdiff <> 0 THEN ', subtype_diff = ' || r.rngsubdiff END)"
        "  AS definition, " DESCRIPTION(
            "o.oid", "pg_type",
            "0") " AS comment"
                 " FROM pg_depend d JOIN pg_type o ON o.oid = d.objid JOIN pg_range r ON "
                 "r.rngtypid = o.oid"
                 " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
                 " AND d.classid = 'pg_type'::regclass AND NOT EXISTS (SELECT FROM pg_depend e"
                 "  WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')",
};

/* Those of identity columns are the columns'. */
static const struct pg_stmt sequences_stmt = {
    .name = "schema_read_sequences",
    .sql =
        "SELECT " NAMESPACE ", o.relname AS name,"
        " (SELECT format('%I.%I', c.relname, a.attname) FROM pg_depend w"
        "  JOIN pg_class c ON c.oid = w.refobjid JOIN pg_attribute a"
        "  ON a.attrelid = c.oid AND a.attnum = w.refobjsubid"
        "  WHERE w.classid = d.classid AND w.objid = o.oid AND w.deptype = 'a'"
        "  AND w.refclassid = 'pg_class'::regclass AND w.refobjsubid > 0) AS on_what,"
        " format('CREATE %sSEQUENCE %s.%I AS %s START WITH %s INCREMENT BY %s MINVALUE %s"
        " MAXVALUE %s CACHE %s%s', CASE o.relpersistence WHEN 'u' THEN 'UNLOGGED ' END,"
        "  d.refobjid::regnamespace, o.relname, format_type(q.seqtypid, NULL), q.seqstart,"
        "  q.seqincrement, q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN ' CYCLE' END)"
        "  AS definition, " DESCRIPTION(
            "o.oid", "pg_class",
            "0") " AS comment"
                 " FROM pg_depend d JOIN pg_class o ON o.oid = d.objid JOIN pg_sequence q ON "
                 "q.seqrelid = o.oid"
                 " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
                 " AND d.classid = 'pg_class'::regclass AND NOT EXISTS (SELECT FROM pg_depend e"
                 "  WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype IN ('e', 'i'))"
                 " AND ($2::text IS NULL OR NOT EXISTS (SELECT FROM pg_depend w"
                 "  JOIN pg_class c ON c.oid = w.refobjid WHERE w.classid = d.classid AND w.objid "
                 "= o.oid"
                 "  AND w.deptype = 'a' AND w.refclassid = d.classid AND " LEFT_OUT(
                     "c.relname") "))",
};

/* What is named and no more: nobody could make it from the model. */
static const struct pg_stmt others_stmt = {
    .name = "schema_read_others",
    .sql = "SELECT " NAMESPACE ", i.identity AS name, i.type AS on_what, NULL AS definition,"
           " NULL AS comment FROM pg_depend d"
           " CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i"
           " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
           " AND (d.classid IN ('pg_operator'::regclass, 'pg_collation'::regclass,"
           "   'pg_conversion'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass,"
           "   'pg_ts_config'::regclass, 'pg_ts_dict'::regclass, 'pg_ts_parser'::regclass,"
           "   'pg_ts_template'::regclass)"
           "  OR d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t"
           "   WHERE t.oid = d.objid AND t.typtype = 'b'"
           "   AND NOT EXISTS (SELECT FROM pg_type y WHERE y.typarray = t.oid)))"
           " AND NOT EXISTS (SELECT FROM pg_depend e"
           "  WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')",
};

static const struct {
    object_kind kind;
    const struct pg_stmt *stmt;
    bool of_tables;    /* $1 */
    bool without_some; /* $2 is the tracking table's name, or NULL */
} kinds[] = {
    {OBJECT_COMPOSITE, &composites_stmt, false, false},
    {OBJECT_RANGE, &ranges_stmt, false, false},
    {OBJECT_SEQUENCE, &sequences_stmt, false, true},
    {OBJECT_FUNCTION, &functions_stmt, false, false},
    {OBJECT_STATISTICS, &statistics_stmt, false, false},
    {OBJECT_TRIGGER, &triggers_stmt, true, false},
    {OBJECT_RULE, &rules_stmt, true, false},
    {OBJECT_POLICY, &policies_stmt, true, false},
    {OBJECT_GRANT, &grants_stmt, false, true},
    {OBJECT_OTHER, &others_stmt, false, false},
};

static err_code set_definition(const struct read_schema *of, const char *text,
                               struct schema_object *o, struct err *err)
{
    if (!text)
        return ERR_NONE;
    o->definition = o->kind == OBJECT_FUNCTION ? schema_mark(text, of->name)
                                               : schema_unqualify(text, of->name, &of->shadowed);
    return o->definition ? ERR_NONE : no_memory(err);
}

/* Whether there are types in its name. */
static bool has_signature(object_kind kind)
{
    return kind == OBJECT_FUNCTION || kind == OBJECT_GRANT || kind == OBJECT_OTHER;
}

static err_code add_object(struct schema_reader *r, object_kind kind, const struct pg_rows *rows,
                           size_t row, struct err *err)
{
    struct read_schema *of = reader_schema(r, rows, row);
    struct schema_object *o = list_grow((void **)&of->out->objects, of->out->n_objects, sizeof *o);

    if (!o)
        return no_memory(err);
    of->out->n_objects++;
    o->kind = kind;
    err_code rc = has_signature(kind) ? copy_sql(of, rows, row, "name", &o->name, err)
                                      : copy_text(rows, row, "name", &o->name, err);
    if (!rc)
        rc = kind == OBJECT_GRANT ? copy_sql(of, rows, row, "on_what", &o->on, err)
                                  : copy_text(rows, row, "on_what", &o->on, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &o->comment, err);
    return rc ? rc : set_definition(of, pg_text(rows, row, "definition"), o, err);
}

static int in_order(const void *a, const void *b)
{
    const struct schema_object *x = a, *y = b;
    int order = (x->kind > y->kind) - (x->kind < y->kind);

    if (!order)
        order = strcmp(x->name, y->name);
    if (!order)
        order = strcmp(x->on ? x->on : "", y->on ? y->on : "");
    return order;
}

err_code read_objects(struct schema_reader *r, struct err *err)
{
    err_code rc = ERR_NONE;

    for (size_t k = 0; k < ARRAY_LEN(kinds) && !rc; k++) {
        CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
        const struct str *of = kinds[k].of_tables ? &r->oid_array : &r->namespaces;
        rc = kinds[k].without_some
                 ? pg_query(r->pg, kinds[k].stmt,
                            PG_ARGS(PG_ARG(str_text(of)), PG_ARG(r->tracking_table)), &rows, err)
                 : pg_query(r->pg, kinds[k].stmt, PG_ARGS(PG_ARG(str_text(of))), &rows, err);
        for (size_t i = 0; i < pg_rows_count(rows) && !rc; i++)
            rc = add_object(r, kinds[k].kind, rows, i, err);
    }
    for (size_t i = 0; i < r->n && !rc; i++)
        if (r->schemas[i].out && r->schemas[i].out->n_objects)
            qsort(r->schemas[i].out->objects, r->schemas[i].out->n_objects,
                  sizeof(struct schema_object), in_order);
    return rc;
}
