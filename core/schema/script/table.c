/* SPDX-License-Identifier: MIT */
/* CREATE TABLE and CREATE VIEW, as pg_dump has them: keys come later, partitions are made by
 * themselves and attached. */
#include <string.h>

#include "core/pg/literal.h"
#include "core/schema/script/script_parts.h"

static void write_default(struct str *sql, const struct schema_column *c)
{
    if (c->identity != IDENTITY_NONE)
        str_addf(sql, " GENERATED %s AS IDENTITY (%s)",
                 c->identity == IDENTITY_ALWAYS ? "ALWAYS" : "BY DEFAULT",
                 c->sequence ? c->sequence : "");
    else if (c->generated)
        str_addf(sql, " GENERATED ALWAYS AS (%s) STORED", c->default_expr);
    else if (c->default_expr)
        str_addf(sql, " DEFAULT %s", c->default_expr);
}

static void write_column(struct str *sql, const struct schema_table *t,
                         const struct schema_column *c)
{
    write_name(sql, c->name);
    if (t->of_type) {
        str_add(sql, " WITH OPTIONS");
    } else {
        str_addf(sql, " %s", c->type.name);
        for (int i = 1; i < c->type.dimensions && str_ends(c->type.name, "[]"); i++)
            str_add(sql, "[]"); /* PostgreSQL keeps the number, but does not write it */
        if (c->compression)
            str_addf(sql, " COMPRESSION %s", c->compression);
        if (c->collation)
            str_addf(sql, " COLLATE %s", c->collation);
    }
    write_default(sql, c);
    if (c->own_not_null)
        str_add(sql, " NOT NULL");
}

/* A column of a typed table is only named where there is something to say of it. */
static bool is_written(const struct schema_table *t, const struct schema_column *c)
{
    if (t->of_type)
        return c->own_not_null || c->default_expr || c->identity != IDENTITY_NONE;
    return !c->inherited;
}

/* EXCLUDE makes an index, and what rows need not agree with comes after them. */
static bool is_table_check(const struct schema_table *t, const struct schema_check *k)
{
    return !k->exclude && !check_is_late(k) && (!k->inherited || t->partition_of);
}

static void write_elements(struct str *sql, const struct schema_table *t)
{
    const char *comma = "";

    str_add(sql, " (");
    for (size_t i = 0; i < t->n_columns; i++)
        if (is_written(t, &t->columns[i])) {
            str_addf(sql, "%s\n    ", comma);
            write_column(sql, t, &t->columns[i]);
            comma = ",";
        }
    for (size_t i = 0; i < t->n_checks; i++)
        if (is_table_check(t, &t->checks[i])) {
            str_addf(sql, "%s\n    CONSTRAINT ", comma);
            write_name(sql, t->checks[i].name);
            str_addf(sql, " %s", t->checks[i].definition);
            comma = ",";
        }
    if (*comma || !t->of_type)
        str_add(sql, "\n)");
    else
        sql->data[sql->len -= 2] = '\0'; /* nothing to say, and () is not allowed there */
}

/* WITH (fillfactor='70'): of reloptions, which are name=value. */
static void write_options(struct str *sql, const struct name_list *options)
{
    for (size_t i = 0; i < options->n; i++) {
        const char *equals = strchr(options->items[i], '=');
        str_add(sql, i ? ", " : " WITH (");
        if (equals) {
            str_add_n(sql, options->items[i], (size_t)(equals - options->items[i]) + 1);
            pg_literal_add(sql, equals + 1);
        } else {
            str_add(sql, options->items[i]);
        }
    }
    if (options->n)
        str_add(sql, ")");
}

static void write_parents(struct str *sql, const struct schema_table *t)
{
    for (size_t i = 0; i < t->inherits.n; i++)
        str_addf(sql, "%s%s", i ? ", " : " INHERITS (", t->inherits.items[i]);
    if (t->inherits.n)
        str_add(sql, ")");
}

static void write_create(struct str *sql, const struct schema_table *t)
{
    str_add(sql, t->kind == TABLE_FOREIGN ? "CREATE FOREIGN TABLE "
                 : t->unlogged            ? "CREATE UNLOGGED TABLE "
                                          : "CREATE TABLE ");
    write_name(sql, t->name);
    if (t->of_type)
        str_addf(sql, " OF %s", t->of_type);
    write_elements(sql, t);
    write_parents(sql, t);
    if (t->partition_key)
        str_addf(sql, " PARTITION BY %s", t->partition_key);
    if (t->foreign)
        str_addf(sql, " %s", t->foreign);
    if (t->access_method)
        str_addf(sql, " USING %s", t->access_method);
    write_options(sql, &t->options);
}

static void begin_alter(struct str *sql, const struct schema_table *t, const char *column)
{
    str_add(sql, t->kind == TABLE_FOREIGN ? "ALTER FOREIGN TABLE ONLY " : "ALTER TABLE ONLY ");
    write_name(sql, t->name);
    if (column) {
        str_add(sql, " ALTER COLUMN ");
        write_name(sql, column);
    }
}

/* What is the child's own of a column that its parent declares. */
static void write_inherited(struct writer *w, const struct schema_table *t,
                            const struct schema_column *c)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    if (!c->inherited || c->generated)
        return;
    begin_alter(&sql, t, c->name);
    if (c->default_expr)
        str_addf(&sql, " SET DEFAULT %s", c->default_expr);
    else
        str_add(&sql, " DROP DEFAULT");
    writer_end(w, &sql);
    if (!c->own_not_null)
        return;
    begin_alter(&sql, t, c->name);
    str_add(&sql, " SET NOT NULL");
    writer_end(w, &sql);
}

static void write_column_settings(struct writer *w, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    for (size_t i = 0; i < t->n_columns; i++) {
        const struct schema_column *c = &t->columns[i];
        write_inherited(w, t, c);
        if (c->storage) {
            begin_alter(&sql, t, c->name);
            str_addf(&sql, " SET STORAGE %s", c->storage);
            writer_end(w, &sql);
        }
        if (c->statistics >= 0 && !schema_table_is_view(t)) {
            begin_alter(&sql, t, c->name);
            str_addf(&sql, " SET STATISTICS %d", c->statistics);
            writer_end(w, &sql);
        }
    }
}

void write_table(struct writer *w, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    write_create(&sql, t);
    writer_end(w, &sql);
    write_column_settings(w, t);
    if (!t->partition_of)
        return;
    str_addf(&sql, "ALTER TABLE ONLY %s ATTACH PARTITION ", t->partition_of);
    write_name(&sql, t->name);
    str_addf(&sql, " %s", t->partition_bound ? t->partition_bound : "DEFAULT");
    writer_end(w, &sql);
}

void write_view(struct writer *w, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    str_add(&sql, t->kind == TABLE_VIEW ? "CREATE VIEW " : "CREATE MATERIALIZED VIEW ");
    write_name(&sql, t->name);
    if (t->access_method)
        str_addf(&sql, " USING %s", t->access_method);
    write_options(&sql, &t->options);
    str_addf(&sql, " AS\n%s", t->definition);
    writer_end(w, &sql);
    for (size_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].default_expr) { /* a view that is written to */
            str_add(&sql, "ALTER VIEW ");
            write_name(&sql, t->name);
            str_add(&sql, " ALTER COLUMN ");
            write_name(&sql, t->columns[i].name);
            str_addf(&sql, " SET DEFAULT %s", t->columns[i].default_expr);
            writer_end(w, &sql);
        }
}
