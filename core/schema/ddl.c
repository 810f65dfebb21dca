/* SPDX-License-Identifier: MIT */
#include "core/schema/ddl.h"

#include <stdlib.h>
#include <string.h>

#include "core/pg/ident.h"
#include "core/schema/literal.h"

struct ddl {
    const struct schema *schema;
    struct str *out;
    struct err *err;
    err_code rc; /* the first failure; everything after it does nothing */
};

static void add_name(struct ddl *d, const char *name)
{
    struct pg_ident ident;

    if (!d->rc)
        d->rc = pg_ident_quote(name, &ident, d->err);
    if (!d->rc)
        str_add(d->out, ident.sql);
}

static void add_names(struct ddl *d, const struct name_list *names)
{
    for (size_t i = 0; i < names->n; i++) {
        str_add(d->out, i ? ", " : "");
        add_name(d, names->items[i]);
    }
}

/* A literal that is the same whatever standard_conforming_strings is. */
static void add_literal(struct ddl *d, const char *text)
{
    if (strchr(text, '\\'))
        str_add_char(d->out, 'E');
    str_add_char(d->out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            str_add_char(d->out, *text);
        str_add_char(d->out, *text);
    }
    str_add_char(d->out, '\'');
}

static void add_comment(struct ddl *d, const char *kind, const char *name, const char *column,
                        const char *comment)
{
    if (!comment)
        return;
    str_addf(d->out, "COMMENT ON %s ", kind);
    add_name(d, name);
    if (column) {
        str_add_char(d->out, '.');
        add_name(d, column);
    }
    str_add(d->out, " IS ");
    add_literal(d, comment);
    str_add(d->out, ";\n");
}

static void add_enum(struct ddl *d, const struct schema_enum *e)
{
    if (e->schema)
        return; /* not ours to make */
    str_add(d->out, "CREATE TYPE ");
    add_name(d, e->name);
    str_add(d->out, " AS ENUM (");
    for (size_t i = 0; i < e->labels.n; i++) {
        str_add(d->out, i ? ", " : "");
        add_literal(d, e->labels.items[i]);
    }
    str_add(d->out, ");\n");
    add_comment(d, "TYPE", e->name, NULL, e->comment);
}

static void add_domain(struct ddl *d, const struct schema_domain *domain)
{
    str_add(d->out, "CREATE DOMAIN ");
    add_name(d, domain->name);
    str_addf(d->out, " AS %s", domain->base.name);
    if (domain->default_expr)
        str_addf(d->out, " DEFAULT %s", domain->default_expr);
    if (domain->not_null && !domain->base.domain_not_null)
        str_add(d->out, " NOT NULL");
    for (size_t i = 0; i < domain->checks.n; i++)
        str_addf(d->out, " %s", domain->checks.items[i]);
    str_add(d->out, ";\n");
    add_comment(d, "DOMAIN", domain->name, NULL, domain->comment);
}

/* Whether the domain's type is that one, or an array of it. */
static bool is_over(const struct schema_domain *domain, const char *name)
{
    struct pg_ident ident;
    const char *base = domain->base.name;

    if (pg_ident_quote(name, &ident, NULL))
        return false;
    return (str_starts(base, name) && (!base[strlen(name)] || base[strlen(name)] == '[')) ||
           str_starts(base, ident.sql);
}

/* Domains over domains come after them. */
static void add_domains(struct ddl *d)
{
    const struct schema *s = d->schema;
    CLEANUP(freep) char *made = calloc(s->n_domains + 1, 1);

    for (size_t round = 0; made && round < s->n_domains; round++)
        for (size_t i = 0; i < s->n_domains; i++) {
            bool ready = !made[i];
            for (size_t k = 0; k < s->n_domains && ready; k++)
                ready = made[k] || k == i || !is_over(&s->domains[i], s->domains[k].name);
            if (ready)
                add_domain(d, &s->domains[i]);
            made[i] |= ready;
        }
    d->out->failed |= !made;
}

/* The short word for an integer with a sequence of its own. */
static const char *serial_of(const struct schema_column *c)
{
    return str_eq(c->type.name, "bigint")    ? "bigserial"
           : str_eq(c->type.name, "integer") ? "serial"
                                             : "smallserial";
}

static void add_column(struct ddl *d, const struct schema_table *t, const struct schema_column *c)
{
    const char *serial = column_is_serial(t, c) ? serial_of(c) : NULL;

    str_add(d->out, "    ");
    add_name(d, c->name);
    str_addf(d->out, " %s", serial ? serial : c->type.name);
    if (c->not_null && !c->type.domain_not_null)
        str_add(d->out, " NOT NULL");
    if (c->identity != IDENTITY_NONE)
        str_addf(d->out, " GENERATED %s AS IDENTITY",
                 c->identity == IDENTITY_ALWAYS ? "ALWAYS" : "BY DEFAULT");
    else if (c->generated)
        str_addf(d->out, " GENERATED ALWAYS AS (%s) STORED", c->default_expr);
    else if (c->default_expr && !serial)
        str_addf(d->out, " DEFAULT %s", c->default_expr);
}

static void add_constraint(struct ddl *d, bool *first, const char *name, const char *definition)
{
    str_add(d->out, *first ? "\n    CONSTRAINT " : ",\n    CONSTRAINT ");
    *first = false;
    add_name(d, name);
    str_addf(d->out, " %s", definition);
}

static void add_table(struct ddl *d, const struct schema_table *t)
{
    bool first = true;

    str_add(d->out, "CREATE TABLE ");
    add_name(d, t->name);
    str_add(d->out, " (");
    for (size_t i = 0; i < t->n_columns; i++) {
        str_add(d->out, first ? "\n" : ",\n");
        first = false;
        add_column(d, t, &t->columns[i]);
    }
    if (t->primary_key)
        add_constraint(d, &first, t->primary_key->name, t->primary_key->definition);
    for (size_t i = 0; i < t->n_uniques; i++)
        add_constraint(d, &first, t->uniques[i].name, t->uniques[i].definition);
    for (size_t i = 0; i < t->n_checks; i++)
        add_constraint(d, &first, t->checks[i].name, t->checks[i].definition);
    str_add(d->out, "\n);\n");
    add_comment(d, "TABLE", t->name, NULL, t->comment);
    for (size_t i = 0; i < t->n_columns; i++)
        add_comment(d, "COLUMN", t->name, t->columns[i].name, t->columns[i].comment);
}

static void add_indexes(struct ddl *d, const struct schema_table *t)
{
    for (size_t i = 0; i < t->n_indexes; i++)
        if (!t->indexes[i].of_constraint)
            str_addf(d->out, "%s;\n", t->indexes[i].definition);
}

static void add_foreign_key(struct ddl *d, const struct schema_table *t,
                            const struct schema_foreign_key *k)
{
    static const char *const actions[] = {
        [FK_NO_ACTION] = NULL,      [FK_RESTRICT] = "RESTRICT",       [FK_CASCADE] = "CASCADE",
        [FK_SET_NULL] = "SET NULL", [FK_SET_DEFAULT] = "SET DEFAULT",
    };

    str_add(d->out, "ALTER TABLE ");
    add_name(d, t->name);
    str_add(d->out, " ADD CONSTRAINT ");
    add_name(d, k->name);
    str_add(d->out, " FOREIGN KEY (");
    add_names(d, &k->columns);
    str_add(d->out, ") REFERENCES ");
    if (k->ref_schema) {
        add_name(d, k->ref_schema);
        str_add_char(d->out, '.');
    }
    add_name(d, k->ref_table);
    str_add(d->out, " (");
    add_names(d, &k->ref_columns);
    str_addf(d->out, ")%s", k->match_full ? " MATCH FULL" : "");
    if (actions[k->on_update])
        str_addf(d->out, " ON UPDATE %s", actions[k->on_update]);
    if (actions[k->on_delete])
        str_addf(d->out, " ON DELETE %s", actions[k->on_delete]);
    str_addf(d->out, "%s%s%s;\n", k->deferrable ? " DEFERRABLE" : "",
             k->deferred ? " INITIALLY DEFERRED" : "", k->validated ? "" : " NOT VALID");
}

static void refuse_table(struct ddl *d, const struct schema_table *t)
{
    if (d->rc || (t->kind == TABLE_PLAIN && !t->partition_of))
        return;
    struct err own;
    struct err *err = d->err ? d->err : &own;
    (void)err_set(err, ERR_UNSUPPORTED_TYPE, "%.80s is a %s: its definition is not in the model",
                  t->name, t->partition_of ? "partition" : table_kind_name(t->kind));
    d->rc = err_in(err, t->name);
}

err_code schema_ddl(const struct schema *s, struct str *out, struct err *err)
{
    struct ddl d = {.schema = s, .out = out, .err = err};

    for (size_t i = 0; i < s->n_tables; i++)
        refuse_table(&d, &s->tables[i]);
    for (size_t i = 0; i < s->n_enums; i++)
        add_enum(&d, &s->enums[i]);
    add_domains(&d);
    for (size_t i = 0; i < s->n_tables; i++) {
        str_add(out, out->len ? "\n" : "");
        add_table(&d, &s->tables[i]);
        add_indexes(&d, &s->tables[i]);
    }
    for (size_t i = 0; i < s->n_tables; i++)
        for (size_t k = 0; k < s->tables[i].n_foreign_keys; k++)
            add_foreign_key(&d, &s->tables[i], &s->tables[i].foreign_keys[k]);
    return d.rc || str_ok(out) ? d.rc : err_set(err, ERR_INTERNAL, "no memory for SQL");
}
