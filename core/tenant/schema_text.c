/* SPDX-License-Identifier: MIT */
#include "core/tenant/schema_text.h"

#include <string.h>

#include "core/base/str.h"
#include "core/pg/ident.h"

struct looking {
    const char *schema, *shared_schema;
    struct pg_ident name;
    char **where;
};

/* What is visible is printed without its schema: then only text that was written down has the name.
 */
static err_code set_path(struct pg *pg, const struct looking *l, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    struct pg_ident shared = {.sql = ""};
    err_code rc = l->shared_schema ? pg_ident_quote(l->shared_schema, &shared, err) : ERR_NONE;

    if (rc)
        return rc;
    str_addf(&sql, "SET LOCAL search_path = %s%s%s, pg_temp", l->name.sql,
             shared.sql[0] ? ", " : "", shared.sql);
    return str_ok(&sql) ? pg_command(pg, str_text(&sql), err)
                        : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code find_definition(struct pg *pg, void *arg, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "schema_text_definitions",
        .sql = "WITH n AS MATERIALIZED (SELECT oid FROM pg_namespace WHERE nspname = $1),"
               " c AS MATERIALIZED (SELECT c.* FROM pg_class c, n WHERE c.relnamespace = n.oid),"
               " found AS ("
               "  SELECT 'function ' || p.proname AS what, concat_ws(' ', p.prosrc,"
               "   array_to_string(p.proconfig, ' '), pg_get_expr(p.proargdefaults, 0)) AS body"
               "   FROM pg_proc p, n WHERE p.pronamespace = n.oid"
               "  UNION ALL SELECT 'relation ' || c.relname, concat_ws(' ', c.relname::text,"
               "   CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,"
               "   pg_get_expr(c.relpartbound, c.oid)) FROM c"
               "  UNION ALL SELECT 'default of ' || c.relname, pg_get_expr(d.adbin, d.adrelid)"
               "   FROM pg_attrdef d JOIN c ON c.oid = d.adrelid"
               "  UNION ALL SELECT 'constraint ' || k.conname, pg_get_constraintdef(k.oid)"
               "   FROM pg_constraint k, n WHERE k.connamespace = n.oid AND k.contype IN ('c', 'x')"
               "  UNION ALL SELECT 'trigger ' || t.tgname, pg_get_triggerdef(t.oid, true)"
               "   FROM pg_trigger t JOIN c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal"
               "  UNION ALL SELECT 'rule ' || r.rulename, pg_get_ruledef(r.oid, true)"
               "   FROM pg_rewrite r JOIN c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'"
               "  UNION ALL SELECT 'index ' || i.indexrelid::regclass, concat_ws(' ',"
               "   pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid))"
               "   FROM pg_index i JOIN c ON c.oid = i.indrelid"
               "  UNION ALL SELECT 'policy ' || p.polname, concat_ws(' ',"
               "   pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))"
               "   FROM pg_policy p JOIN c ON c.oid = p.polrelid"
               "  UNION ALL SELECT 'type ' || t.typname, t.typdefault FROM pg_type t, n"
               "   WHERE t.typnamespace = n.oid)"
               " SELECT what FROM found WHERE strpos(body, $1) > 0 ORDER BY what LIMIT 1",
    };
    const struct looking *l = arg;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = set_path(pg, l, err);

    if (!rc)
        rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(l->schema)), &rows, err);
    if (rc || !pg_rows_count(rows))
        return rc;
    *l->where = strdup(pg_text(rows, 0, "what"));
    return *l->where ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

static err_code list_tables(struct pg *pg, const char *schema, struct pg_rows **out,
                            struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "schema_text_tables",
        .sql = "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n"
               " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'm')"
               " ORDER BY c.relname",
    };
    return pg_query(pg, &stmt, PG_ARGS(PG_ARG(schema)), out, err);
}

/* A migration may have written current_schema() into a row. */
static err_code look_into(struct pg *pg, const struct looking *l, const char *table,
                          struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT, what = STR_INIT;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct pg_ident name;
    err_code rc = pg_ident_quote(table, &name, err);

    if (rc)
        return rc;
    str_addf(&sql, "SELECT 1 FROM %s.%s AS \"a row\" WHERE strpos(\"a row\"::text, $1) > 0 LIMIT 1",
             l->name.sql, name.sql);
    str_addf(&what, "rows of %s", table);
    if (!str_ok(&sql) || !str_ok(&what))
        return err_set(err, ERR_INTERNAL, "out of memory");
    rc = pg_query_text(pg, str_text(&sql), PG_ARGS(PG_ARG(l->schema)), &rows, err);
    if (!rc && pg_rows_count(rows))
        *l->where = str_take(&what);
    return rc;
}

err_code schema_spells_its_name(struct pg *pg, const char *schema, const char *shared_schema,
                                char **where, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *tables = NULL;
    struct looking l = {.schema = schema, .shared_schema = shared_schema, .where = where};
    err_code rc = pg_ident_quote(schema, &l.name, err);

    *where = NULL;
    if (!rc)
        rc = pg_tx(pg, find_definition, &l, err);
    if (!rc && !*where)
        rc = list_tables(pg, schema, &tables, err);
    for (size_t i = 0; !rc && !*where && i < pg_rows_count(tables); i++)
        rc = look_into(pg, &l, pg_text(tables, i, "name"), err);
    return rc;
}
