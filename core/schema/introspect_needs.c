/* SPDX-License-Identifier: MIT */
/* What must be there before what, from pg_depend (PostgreSQL documentation, 53.18). */
#include "core/schema/introspect_parts.h"

#include <string.h>

/*
 * Everything in pg_depend that is a part of a thing of the model, with what that is called. Of a
 * table that are its row type, its defaults and checks, and a view's rule; keys are things of their
 * own, because a view that groups by one needs it.
 */
#define THINGS                                                                                     \
    "WITH own AS MATERIALIZED (SELECT refobjid AS namespace, classid, objid FROM pg_depend"        \
    "  WHERE refclassid = 'pg_namespace'::regclass AND refobjid = ANY ($1::oid[])"                 \
    "  AND classid IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass)),"          \
    " relation AS MATERIALIZED (SELECT o.namespace, c.oid, c.reltype, CASE c.relkind"              \
    "   WHEN 'S' THEN 'sequence/' ELSE 'table/' END || c.relname AS thing"                         \
    "  FROM own o JOIN pg_class c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid"         \
    "  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')),"                                        \
    " type AS MATERIALIZED (SELECT o.namespace, t.oid, t.typarray, t.typrelid,"                    \
    "   'type/' || t.typname AS thing"                                                             \
    "  FROM own o JOIN pg_type t ON o.classid = 'pg_type'::regclass AND t.oid = o.objid"           \
    "  UNION ALL SELECT r.namespace, t.oid, t.typarray, 0, r.thing FROM relation r"                \
    "  JOIN pg_type t ON t.oid = r.reltype),"                                                      \
    " thing AS MATERIALIZED (SELECT namespace, 'pg_class'::regclass AS classid, oid AS objid, "    \
    "thing"                                                                                        \
    "   FROM relation"                                                                             \
    "  UNION ALL SELECT namespace, 'pg_type'::regclass, oid, thing FROM type"                      \
    "  UNION ALL SELECT namespace, 'pg_type'::regclass, typarray, thing FROM type"                 \
    "   WHERE typarray <> 0"                                                                       \
    "  UNION ALL SELECT namespace, 'pg_class'::regclass, typrelid, thing FROM type"                \
    "   WHERE typrelid <> 0"                                                                       \
    "  UNION ALL SELECT o.namespace, 'pg_proc'::regclass, f.oid, 'function/' || format('%I(%s)',"  \
    "    f.proname, pg_get_function_identity_arguments(f.oid))"                                    \
    "   FROM own o JOIN pg_proc f ON o.classid = 'pg_proc'::regclass AND f.oid = o.objid"          \
    "  UNION ALL SELECT r.namespace, 'pg_attrdef'::regclass, a.oid, r.thing"                       \
    "   FROM relation r JOIN pg_attrdef a ON a.adrelid = r.oid"                                    \
    "  UNION ALL SELECT r.namespace, 'pg_rewrite'::regclass, w.oid, r.thing"                       \
    "   FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid AND w.rulename = '_RETURN'"        \
    "  UNION ALL SELECT r.namespace, 'pg_constraint'::regclass, k.oid, CASE WHEN k.contype = 'c'"  \
    "    THEN r.thing ELSE 'key/' || substr(r.thing, 7) || '/' || k.conname END"                   \
    "   FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid"                                \
    "   AND k.contype IN ('c', 'p', 'u')"                                                          \
    "  UNION ALL SELECT t.namespace, 'pg_constraint'::regclass, k.oid, t.thing"                    \
    "   FROM type t JOIN pg_constraint k ON k.contypid = t.oid)"

/* A sequence is made before the column that owns it, and told so afterwards. */
static const struct pg_stmt needs_stmt = {
    .name = "schema_read_needs",
    .sql = THINGS
    " SELECT DISTINCT u.namespace::int8 AS namespace, u.thing COLLATE \"C\" AS thing,"
    "  n.thing COLLATE \"C\" AS needs"
    " FROM thing u JOIN pg_depend d ON d.classid = u.classid AND d.objid = u.objid"
    " JOIN thing n ON n.classid = d.refclassid AND n.objid = d.refobjid"
    " WHERE u.thing <> n.thing AND u.namespace = n.namespace AND u.thing NOT LIKE 'key/%'"
    " AND NOT (u.thing LIKE 'sequence/%' AND n.thing LIKE 'table/%')"
    " ORDER BY 1, 2, 3",
};

/* Where a thing's needs are kept; NULL: nowhere, since nobody asks. */
static struct name_list *needs_of(struct schema *s, const char *thing)
{
    static const struct {
        const char *prefix;
        object_kind kind;
    } objects[] = {
        {"sequence/", OBJECT_SEQUENCE},
        {"function/", OBJECT_FUNCTION},
        {"type/", OBJECT_COMPOSITE},
        {"type/", OBJECT_RANGE},
    };
    const char *name = strchr(thing, '/') + 1;

    if (strncmp(thing, "table/", 6) == 0) {
        struct schema_table *t = (struct schema_table *)(uintptr_t)schema_find_table(s, name);
        return t ? &t->needs : NULL;
    }
    for (size_t i = 0; i < s->n_domains; i++)
        if (strncmp(thing, "type/", 5) == 0 && str_eq(s->domains[i].name, name))
            return &s->domains[i].needs;
    for (size_t k = 0; k < ARRAY_LEN(objects); k++)
        for (size_t i = 0; i < s->n_objects && str_starts(thing, objects[k].prefix); i++)
            if (s->objects[i].kind == objects[k].kind && str_eq(s->objects[i].name, name))
                return &s->objects[i].needs;
    return NULL;
}

err_code read_needs(struct schema_reader *r, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc =
        pg_query(r->pg, &needs_stmt, PG_ARGS(PG_ARG(str_text(&r->namespaces))), &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        struct read_schema *of = reader_schema(r, rows, i);
        CLEANUP(name_list_clear) struct name_list thing = {.n = 0};
        rc = add_name(of, pg_text(rows, i, "thing"), &thing, err);
        struct name_list *needs = rc ? NULL : needs_of(of->out, thing.items[0]);
        if (needs)
            rc = add_name(of, pg_text(rows, i, "needs"), needs, err);
    }
    return rc;
}

err_code read_extensions(struct schema_reader *r, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "schema_read_extensions",
        .sql = THINGS
        ", part AS (SELECT namespace, classid, objid FROM thing UNION ALL SELECT r.namespace,"
        "   'pg_class'::regclass, i.indexrelid FROM relation r JOIN pg_index i ON i.indrelid = "
        "r.oid)"
        " SELECT DISTINCT p.namespace::int8 AS namespace, e.extname AS name"
        " FROM part p JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.objid"
        " JOIN pg_depend m ON m.classid = d.refclassid AND m.objid = d.refobjid AND m.deptype = 'e'"
        " JOIN pg_extension e ON m.refclassid = 'pg_extension'::regclass AND e.oid = m.refobjid"
        " ORDER BY 1, 2",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(r->pg, &stmt, PG_ARGS(PG_ARG(str_text(&r->namespaces))), &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = add_name(NULL, pg_text(rows, i, "name"), &reader_schema(r, rows, i)->out->extensions,
                      err);
    return rc;
}
