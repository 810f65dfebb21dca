/* SPDX-License-Identifier: MIT */
/*
 * The keys of the rows that a sample takes, in a temporary table for each table: first so many of
 * each, then what those refer to, and what that refers to, until nothing is added.
 */
#include <stdio.h>

#include "core/schema/clone/clone_parts.h"
#include "core/schema/script/script_parts.h"

static void add_keys_name(const struct cloning *c, const struct schema_table *t, struct str *sql)
{
    str_addf(sql, "pg_temp.tenantd_clone_%zu",
             (size_t)(clone_root(c->model, t) - c->model->tables));
}

/* Rows of children that inherit are rows of other tables; those of partitions are not. */
static void add_rows_of(const struct cloning *c, const struct schema_table *t, struct str *sql)
{
    str_addf(sql, "%s%s.", t->kind == TABLE_PARTITIONED ? "" : "ONLY ", c->source.sql);
    write_name(sql, t->name);
}

static void add_list(const struct name_list *names, const char *of, struct str *sql)
{
    for (size_t i = 0; i < names->n; i++) {
        str_addf(sql, "%s%s", i ? ", " : "", of);
        write_name(sql, names->items[i]);
    }
}

/* a.x = b.y AND ... */
static void add_match(const char *a, const struct name_list *x, const char *b,
                      const struct name_list *y, struct str *sql)
{
    for (size_t i = 0; i < x->n; i++) {
        str_addf(sql, "%s%s", i ? " AND " : "", a);
        write_name(sql, x->items[i]);
        str_addf(sql, " = %s", b);
        write_name(sql, y->items[i]);
    }
}

static const struct name_list *key_of(const struct cloning *c, const struct schema_table *t)
{
    return &clone_root(c->model, t)->primary_key->columns;
}

void cloning_chosen(const struct cloning *c, const struct schema_table *table, struct str *sql)
{
    str_add(sql, " WHERE EXISTS (SELECT FROM ");
    add_keys_name(c, table, sql);
    str_add(sql, " k WHERE ");
    add_match("k.", key_of(c, table), "t.", key_of(c, table), sql);
    str_add(sql, ")");
}

static bool is_sampled(const struct cloning *c, const struct schema_table *t)
{
    const struct clone_spec *spec = c->o->spec;

    return (t->kind == TABLE_PARTITIONED || clone_has_rows(c->model, spec, t)) &&
           !clone_is_kept(spec, t->name) && clone_root(c->model, t)->primary_key;
}

static err_code run(struct cloning *c, const struct str *sql, int64_t *rows, struct err *err)
{
    err_code rc = cloning_check(c, err);

    if (!rc && !str_ok(sql))
        rc = err_set(err, ERR_INTERNAL, "no memory for a sample");
    return rc ? rc : pg_exec_text(c->pg, str_text(sql), PG_NO_ARGS, rows, err);
}

static err_code choose_first(struct cloning *c, const struct schema_table *t, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    const struct clone_spec *spec = c->o->spec;

    str_add(&sql, "CREATE TEMPORARY TABLE ");
    add_keys_name(c, t, &sql);
    str_add(&sql, " ON COMMIT DROP AS SELECT ");
    add_list(key_of(c, t), "t.", &sql);
    str_add(&sql, " FROM ");
    add_rows_of(c, t, &sql);
    str_add(&sql, " t ORDER BY ");
    add_list(key_of(c, t), "t.", &sql);
    str_addf(&sql, " LIMIT ");
    if (spec->sample_rows) {
        str_addf(&sql, "%lld", (long long)spec->sample_rows);
    } else {
        str_addf(&sql,
                 "(SELECT pg_catalog.ceil(pg_catalog.count(*) * %.9f / 100)::pg_catalog.int8"
                 " FROM ",
                 spec->sample_percent);
        add_rows_of(c, t, &sql);
        str_add(&sql, ")");
    }
    err_code rc = run(c, &sql, NULL, err);
    if (rc)
        return rc;
    str_reset(&sql);
    str_add(&sql, "ALTER TABLE ");
    add_keys_name(c, t, &sql);
    str_add(&sql, " ADD PRIMARY KEY (");
    add_list(key_of(c, t), "", &sql);
    str_add(&sql, ")");
    return run(c, &sql, NULL, err);
}

/* What the chosen rows of t refer to by one foreign key. */
static err_code follow(struct cloning *c, const struct schema_table *t,
                       const struct schema_foreign_key *f, int64_t *added, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    const struct schema_table *to =
        f->ref_schema ? NULL : schema_find_table(c->model, f->ref_table);
    int64_t rows = 0;

    if (!to || f->inherited || !is_sampled(c, to))
        return ERR_NONE;
    str_add(&sql, "INSERT INTO ");
    add_keys_name(c, to, &sql);
    str_add(&sql, " SELECT DISTINCT ");
    add_list(key_of(c, to), "r.", &sql);
    str_add(&sql, " FROM ");
    add_rows_of(c, to, &sql);
    str_add(&sql, " r JOIN ");
    add_rows_of(c, t, &sql);
    str_add(&sql, " t ON ");
    add_match("r.", &f->ref_columns, "t.", &f->columns, &sql);
    str_add(&sql, " JOIN ");
    add_keys_name(c, t, &sql);
    str_add(&sql, " k ON ");
    add_match("k.", key_of(c, t), "t.", key_of(c, t), &sql);
    str_add(&sql, " ON CONFLICT DO NOTHING");
    err_code rc = run(c, &sql, &rows, err);
    *added += rows;
    return rc;
}

static err_code follow_all(struct cloning *c, int64_t *added, struct err *err)
{
    err_code rc = ERR_NONE;

    *added = 0;
    for (size_t i = 0; i < c->model->n_tables && !rc; i++) {
        const struct schema_table *t = &c->model->tables[i];
        for (size_t f = 0; is_sampled(c, t) && f < t->n_foreign_keys && !rc; f++)
            rc = follow(c, t, &t->foreign_keys[f], added, err);
    }
    return rc;
}

err_code cloning_choose(struct cloning *c, struct err *err)
{
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < c->model->n_tables && !rc; i++) {
        const struct schema_table *t = &c->model->tables[i];
        if (is_sampled(c, t) && clone_root(c->model, t) == t)
            rc = choose_first(c, t, err);
    }
    for (int64_t added = 1; added && !rc;)
        rc = follow_all(c, &added, err);
    return rc;
}
