/* SPDX-License-Identifier: MIT */
#include "service/api/query_build.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/pg/array.h"
#include "core/pg/ident.h"

static const char *const schemas[] = {"auto", "tenant", "shared", NULL};
static const char *const join_words[] = {"inner", "left", "right", "full", NULL};
static const char *const join_sql[] = {" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "};

void building_clear(struct building *b)
{
    str_clear(&b->sql);
    json_decref(b->params);
    b->params = NULL;
}

/* A member of the body that names a table. */
static void read_table(struct building *b, const json_t *value, const char *pointer, bool join)
{
    struct built_table *t = &b->tables[b->table_count++];
    const struct field fields[] = {
        {.name = "table", .kind = FIELD_TEXT, .required = true, .min = 1, .out = &t->name},
        {.name = "as", .kind = FIELD_TEXT, .min = 1, .out = &t->alias},
        {.name = "schema", .kind = FIELD_TEXT, .words = schemas, .out = &t->schema},
        {.name = "on", .kind = FIELD_ARRAY, .required = true, .min = 1, .out = &t->on},
        {.name = "type", .kind = FIELD_TEXT, .words = join_words, .out = &t->type},
    };

    *t = (struct built_table){.schema = schemas[0], .type = join_words[0]};
    (void)snprintf(t->pointer, sizeof t->pointer, "%s", pointer);
    fields_read(value, pointer, fields, ARRAY_LEN(fields) - (join ? 0 : 2), b->problems);
}

void build_tables(struct building *b)
{
    char pointer[48];

    read_table(b, b->form->from, "/from", false);
    for (size_t i = 0; i < json_array_size(b->form->joins); i++) {
        (void)snprintf(pointer, sizeof pointer, "/joins/%zu", i);
        read_table(b, json_array_get(b->form->joins, i), pointer, true);
    }
}

static err_code ask_tables(struct building *b, struct pg *pg, const char *tenant_schema,
                           const char *shared_schema, struct pg_rows **rows, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "build_tables",
        .sql = "SELECT coalesce(bool_or(n.nspname = $2), false) AS tenant,"
               " coalesce(bool_or(n.nspname = $3), false) AS shared"
               " FROM unnest($1::text[]) WITH ORDINALITY AS t (name, place)"
               " LEFT JOIN pg_class c ON c.relname = t.name AND c.relkind IN ('r', 'p', 'v', 'm')"
               " LEFT JOIN pg_namespace n ON n.oid = c.relnamespace"
               " GROUP BY t.place ORDER BY t.place",
    };
    CLEANUP(str_clear) struct str names = STR_INIT;

    for (size_t i = 0; i < b->table_count; i++)
        pg_array_add(&names, b->tables[i].name);
    pg_array_end(&names);
    if (!str_ok(&names))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return pg_query(pg, &stmt,
                    PG_ARGS(PG_ARG(str_text(&names)), PG_ARG(tenant_schema), PG_ARG(shared_schema)),
                    rows, err);
}

err_code build_find_tables(struct building *b, struct pg *pg, const char *tenant_schema,
                           const char *shared_schema, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = ask_tables(b, pg, tenant_schema, shared_schema, &rows, err);
    char at[64];

    for (size_t i = 0; !rc && i < b->table_count && i < pg_rows_count(rows); i++) {
        struct built_table *t = &b->tables[i];
        t->in_tenant = pg_bool(rows, i, "tenant") && !str_eq(t->schema, "shared");
        t->in_shared = pg_bool(rows, i, "shared") && !str_eq(t->schema, "tenant");
        if (!t->in_tenant && !t->in_shared)
            problems_add(b->problems, json_pointer(at, sizeof at, t->pointer, "table"),
                         "UNKNOWN_VALUE", "there is no table \"%.63s\" %s", t->name,
                         str_eq(t->schema, "auto")     ? "of the tenant, nor a shared one"
                         : str_eq(t->schema, "tenant") ? "of the tenant"
                                                       : "in the shared schema");
    }
    return rc;
}

void build_name(struct building *b, const char *name, const char *pointer)
{
    struct pg_ident quoted;
    struct err err;

    if (!name) /* said already */
        return;
    if (pg_ident_quote(name, &quoted, &err))
        problems_add(b->problems, pointer, "OUT_OF_RANGE", "%s", err.msg);
    else
        str_add(&b->sql, quoted.sql);
}

void build_column(struct building *b, const char *text, const char *pointer, bool star)
{
    const char *dot = strchr(text, '.');
    const char *column = dot ? dot + 1 : text;

    if (dot) {
        CLEANUP(freep) char *table = strndup(text, (size_t)(dot - text));
        b->sql.failed |= !table;
        build_name(b, table ? table : "", pointer);
        str_add_char(&b->sql, '.');
    }
    if (star && str_eq(column, "*"))
        str_add_char(&b->sql, '*');
    else
        build_name(b, column, pointer);
}

static void add_table(struct building *b, const struct built_table *t)
{
    str_add(&b->sql, t->in_tenant ? "$tenant." : "$shared.");
    build_name(b, t->name, t->pointer);
    str_add(&b->sql, " AS ");
    build_name(b, t->alias ? t->alias : t->name, t->pointer);
}

static void add_output(struct building *b, const json_t *value, const char *pointer)
{
    const char *column = NULL, *as = NULL;
    const struct field fields[] = {
        {.name = "column", .kind = FIELD_TEXT, .required = true, .min = 1, .out = &column},
        {.name = "as", .kind = FIELD_TEXT, .min = 1, .out = &as},
    };

    if (json_is_string(value))
        column = json_string_value(value);
    else
        fields_read(value, pointer, fields, ARRAY_LEN(fields), b->problems);
    if (column)
        build_column(b, column, pointer, !as);
    if (as) {
        str_add(&b->sql, " AS ");
        build_name(b, as, pointer);
    }
}

static void add_select(struct building *b)
{
    char pointer[48];
    size_t i;
    json_t *value;

    str_add(&b->sql, "SELECT ");
    if (!b->form->select)
        str_add_char(&b->sql, '*');
    json_array_foreach(b->form->select, i, value)
    {
        (void)snprintf(pointer, sizeof pointer, "/select/%zu", i);
        str_add(&b->sql, i ? ", " : "");
        add_output(b, value, pointer);
    }
}

static void add_join(struct building *b, const struct built_table *t)
{
    char at[64];

    for (size_t k = 0; join_words[k]; k++)
        if (str_eq(t->type, join_words[k]))
            str_add(&b->sql, join_sql[k]);
    add_table(b, t);
    str_add(&b->sql, " ON ");
    if (t->on)
        build_all_of(b, t->on, json_pointer(at, sizeof at, t->pointer, "on"), " AND ", 0);
}

static void add_order(struct building *b, const json_t *value, const char *pointer)
{
    static const char *const directions[] = {"asc", "desc", NULL};
    static const char *const ends[] = {"first", "last", NULL};
    const char *column = NULL, *direction = directions[0], *nulls = NULL;
    const struct field fields[] = {
        {.name = "column", .kind = FIELD_TEXT, .required = true, .min = 1, .out = &column},
        {.name = "direction", .kind = FIELD_TEXT, .words = directions, .out = &direction},
        {.name = "nulls", .kind = FIELD_TEXT, .words = ends, .out = &nulls},
    };

    if (json_is_string(value))
        column = json_string_value(value);
    else
        fields_read(value, pointer, fields, ARRAY_LEN(fields), b->problems);
    if (!column)
        return;
    build_column(b, column, pointer, false);
    str_add(&b->sql, str_eq(direction, "desc") ? " DESC" : "");
    if (nulls)
        str_addf(&b->sql, " NULLS %s", str_eq(nulls, "first") ? "FIRST" : "LAST");
}

static void add_end(struct building *b)
{
    const struct query_built *f = b->form;
    char pointer[48];
    size_t i;
    json_t *value;

    if (f->where) {
        str_add(&b->sql, " WHERE ");
        build_condition(b, f->where, "/where", 0);
    }
    json_array_foreach(f->order_by, i, value)
    {
        (void)snprintf(pointer, sizeof pointer, "/order_by/%zu", i);
        str_add(&b->sql, i ? ", " : " ORDER BY ");
        add_order(b, value, pointer);
    }
    if (f->limit >= 0)
        str_addf(&b->sql, " LIMIT %lld", (long long)f->limit);
    if (f->offset)
        str_addf(&b->sql, " OFFSET %lld", (long long)f->offset);
}

void build_sql(struct building *b)
{
    str_reset(&b->sql);
    json_decref(b->params);
    b->params = json_array();
    add_select(b);
    str_add(&b->sql, " FROM ");
    add_table(b, &b->tables[0]);
    for (size_t i = 1; i < b->table_count; i++)
        add_join(b, &b->tables[i]);
    add_end(b);
}
