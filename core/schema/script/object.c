/* SPDX-License-Identifier: MIT */
/* Types, and what is its definition. */
#include "core/pg/literal.h"
#include "core/schema/script/script_parts.h"

void write_enum(struct writer *w, const struct schema_enum *e)
{
    CLEANUP(str_clear) struct str sql = STR_INIT, what = STR_INIT;

    str_add(&sql, "CREATE TYPE ");
    write_name(&sql, e->name);
    str_add(&sql, " AS ENUM (");
    for (size_t i = 0; i < e->labels.n; i++) {
        str_add(&sql, i ? ", " : "");
        pg_literal_add(&sql, e->labels.items[i]);
    }
    str_add(&sql, ")");
    writer_end(w, &sql);
    str_add(&what, "TYPE ");
    write_name(&what, e->name);
    write_comment(w, &what, e->comment);
}

void write_domain(struct writer *w, const struct schema_domain *d)
{
    CLEANUP(str_clear) struct str sql = STR_INIT, what = STR_INIT;

    str_add(&sql, "CREATE DOMAIN ");
    write_name(&sql, d->name);
    str_addf(&sql, " AS %s", d->base.name);
    if (d->collation)
        str_addf(&sql, " COLLATE %s", d->collation);
    if (d->default_expr)
        str_addf(&sql, " DEFAULT %s", d->default_expr);
    if (d->not_null && !d->base.domain_not_null)
        str_add(&sql, " NOT NULL");
    for (size_t i = 0; i < d->checks.n; i++) {
        if (i < d->check_names.n) {
            str_add(&sql, "\n    CONSTRAINT ");
            write_name(&sql, d->check_names.items[i]);
        }
        str_addf(&sql, " %s", d->checks.items[i]);
    }
    writer_end(w, &sql);
    str_add(&what, "DOMAIN ");
    write_name(&what, d->name);
    write_comment(w, &what, d->comment);
}

void write_object(struct writer *w, const struct schema_object *o)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    str_add(&sql, o->definition);
    writer_end(w, &sql);
}

static bool hangs_on_table(object_kind kind)
{
    return kind == OBJECT_TRIGGER || kind == OBJECT_RULE || kind == OBJECT_POLICY;
}

void write_object_comment(struct writer *w, const struct schema_object *o)
{
    CLEANUP(str_clear) struct str what = STR_INIT;
    CLEANUP(freep) char *signature = o->kind == OBJECT_FUNCTION ? object_signature(o) : NULL;

    if (!o->comment)
        return;
    str_addf(&what, "%s ", object_sql_word(o));
    if (signature)
        str_add(&what, signature);
    else
        write_name(&what, o->name);
    if (hangs_on_table(o->kind)) {
        str_add(&what, " ON ");
        write_name(&what, o->on);
    }
    write_comment(w, &what, o->comment);
}
