/* SPDX-License-Identifier: MIT */
/* The rows, from table to table within the server, and where sequences stand. */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/pg/literal.h"
#include "core/schema/clone/clone_parts.h"
#include "core/schema/normal.h"
#include "core/schema/script/script_parts.h"

enum { TABLES_TOLD = 1000 };

/* A type of the source's own is another one in the copy: its values go there as text. Extensions'
 * and the server's own types may as well, since their text says all of them. */
static bool goes_as_text(const struct schema_column *c)
{
    type_class class = c->type.class;
    return class == TYPE_ENUM || class == TYPE_COMPOSITE || class == TYPE_OTHER;
}

/* true: the expression has the key's pads in it. */
static bool add_value(const struct cloning *c, const struct schema_table *t,
                      const struct schema_column *column, struct str *sql)
{
    const json_t *rule = clone_is_kept(c->o->spec, t->name)
                             ? NULL
                             : clone_rule(c->model, c->o->spec, t, column->name);
    CLEANUP(str_clear) struct str value = STR_INIT;

    str_add(&value, "t.");
    write_name(&value, column->name);
    if (rule) {
        clone_mask(sql, column, rule, clone_is_exact(c->model, t, column->name), str_text(&value),
                   c->o->target);
        return clone_mask_is_keyed(rule);
    }
    str_add(sql, str_text(&value));
    if (!goes_as_text(column))
        return false;
    CLEANUP(freep) char *type = schema_requalify(column->type.name, c->o->target);
    str_addf(sql, "::pg_catalog.text::%s", type ? type : "");
    return false;
}

/* Generated columns are left to the copy. */
static void add_columns(const struct schema_table *t, struct str *sql)
{
    const char *comma = " (";

    for (size_t i = 0; i < t->n_columns; i++)
        if (!t->columns[i].generated) {
            str_add(sql, comma);
            write_name(sql, t->columns[i].name);
            comma = ", ";
        }
    str_add(sql, *comma == ',' ? ") OVERRIDING SYSTEM VALUE" : "");
}

static bool add_values(const struct cloning *c, const struct schema_table *t, struct str *sql)
{
    const char *comma = " ";
    bool keyed = false;

    for (size_t i = 0; i < t->n_columns; i++)
        if (!t->columns[i].generated) {
            str_add(sql, comma);
            keyed |= add_value(c, t, &t->columns[i], sql);
            comma = ", ";
        }
    return keyed;
}

static bool copy_sql(const struct cloning *c, const struct schema_table *t, struct str *sql)
{
    str_addf(sql, "INSERT INTO %s.", c->target.sql);
    write_name(sql, t->name);
    add_columns(t, sql);
    str_add(sql, " SELECT");
    bool keyed = add_values(c, t, sql);
    str_addf(sql, " FROM ONLY %s.", c->source.sql);
    write_name(sql, t->name);
    str_add(sql, " t");
    if (c->o->spec->data == CLONE_SAMPLE && !clone_is_kept(c->o->spec, t->name))
        cloning_chosen(c, t, sql);
    return keyed;
}

static err_code table_bytes(struct cloning *c, const struct schema_table *t, int64_t *bytes,
                            struct err *err)
{
    CLEANUP(str_clear) struct str name = STR_INIT;
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    str_addf(&name, "%s.", c->target.sql);
    write_name(&name, t->name);
    err_code rc =
        pg_query_text(c->pg, "SELECT pg_catalog.pg_table_size($1::pg_catalog.regclass) AS bytes",
                      PG_ARGS(PG_ARG(str_text(&name))), &rows, err);
    if (!rc)
        *bytes = pg_bigint(rows, 0, "bytes");
    return rc;
}

static void note(struct cloning *c, const struct schema_table *t, int64_t rows, int64_t bytes,
                 int64_t ms)
{
    struct clone_result *r = c->result;

    r->rows += rows;
    r->bytes += bytes;
    if (json_array_size(r->tables) < TABLES_TOLD)
        (void)json_array_append_new(r->tables,
                                    json_pack("{s:o, s:I, s:I, s:I}", "name", json_text(t->name),
                                              "rows", (json_int_t)rows, "bytes", (json_int_t)bytes,
                                              "duration_ms", (json_int_t)ms));
}

static err_code copy_table(struct cloning *c, const struct schema_table *t, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    int64_t started = clock_mono_ms(), rows = 0, bytes = 0;
    bool keyed = copy_sql(c, t, &sql);
    struct pg_arg pads[2] = {PG_ARG((const char *)c->pads[0]), PG_ARG((const char *)c->pads[1])};

    if (!str_ok(&sql))
        return err_set(err, ERR_INTERNAL, "no memory for the copy of a table");
    err_code rc = pg_exec_text(c->pg, str_text(&sql), pads, keyed ? 2 : 0, &rows, err);
    if (!rc)
        rc = table_bytes(c, t, &bytes, err);
    if (!rc)
        note(c, t, rows, bytes, clock_mono_ms() - started);
    return rc;
}

err_code cloning_copy_rows(struct cloning *c, struct err *err)
{
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < c->model->n_tables && !rc; i++) {
        const struct schema_table *t = &c->model->tables[i];
        if (!clone_has_rows(c->model, c->o->spec, t))
            continue;
        rc = cloning_check(c, err);
        if (!rc)
            rc = copy_table(c, t, err);
    }
    return rc;
}

/* Sequences of identity columns and serial ones name their table. */
static err_code list_sequences(struct cloning *c, struct pg_rows **out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "clone_sequences",
        .sql = "SELECT c.relname AS name, coalesce(min(t.relname), '') AS owner"
               " FROM pg_catalog.pg_namespace n"
               " JOIN pg_catalog.pg_depend m ON m.refclassid = 'pg_catalog.pg_namespace'::regclass"
               "  AND m.refobjid = n.oid AND m.classid = 'pg_catalog.pg_class'::regclass"
               " JOIN pg_catalog.pg_class c ON c.oid = m.objid AND c.relkind = 'S'"
               " LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass"
               "  AND d.objid = c.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass"
               "  AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0"
               " LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid"
               " WHERE n.nspname = $1 GROUP BY c.oid, c.relname ORDER BY c.relname",
    };
    return pg_query(c->pg, &stmt, PG_ARGS(PG_ARG(c->o->source)), out, err);
}

static void add_setval(const struct cloning *c, const char *name, struct str *sql)
{
    CLEANUP(str_clear) struct str copy = STR_INIT;

    str_addf(&copy, "%s.", c->target.sql);
    write_name(&copy, name);
    str_add(sql, "SELECT pg_catalog.setval(");
    pg_literal_add(sql, str_text(&copy));
    str_addf(sql, "::pg_catalog.regclass, s.last_value, s.is_called) FROM %s.", c->source.sql);
    write_name(sql, name);
    str_add(sql, " s;\n");
}

/* Without rows numbers begin anew, but those of the tables whose rows come along anyway. */
err_code cloning_set_sequences(struct cloning *c, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(str_clear) struct str sql = STR_INIT;
    const struct clone_spec *spec = c->o->spec;
    err_code rc = list_sequences(c, &rows, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        if (spec->data != CLONE_NONE || clone_is_kept(spec, pg_text(rows, i, "owner")))
            add_setval(c, pg_text(rows, i, "name"), &sql);
    if (!str_ok(&sql))
        return err_set(err, ERR_INTERNAL, "no memory for the sequences of a schema");
    return sql.len ? pg_command(c->pg, str_text(&sql), err) : ERR_NONE;
}
