/* SPDX-License-Identifier: MIT */
/*
 * DBML, as @dbml/core reads it: enums, tables with their columns, keys, indexes and checks, and the
 * references between them. What it cannot say (predicates, deferrable keys) stands in notes.
 */
#include <ctype.h>
#include <string.h>

#include "core/schema/export/exporter.h"
#include "core/schema/export/index_text.h"
#include "core/schema/literal.h"
#include "core/schema/normal.h"

/* Appends text between quotes; backslashes are escapes there. */
static void add_quoted(struct str *out, const char *text, char quote)
{
    str_add_char(out, quote);
    for (; *text; text++) {
        if (*text == quote || *text == '\\')
            str_add_char(out, '\\');
        if (*text == '\n')
            str_add(out, "\\n");
        else if (*text == '\r')
            str_add(out, "\\r");
        else
            str_add_char(out, *text);
    }
    str_add_char(out, quote);
}

static void add_name(struct str *out, const char *name)
{
    add_quoted(out, name, '"');
}

/* An expression stands between backticks, which cannot be escaped. */
static void add_expression(struct str *out, const char *sql)
{
    CLEANUP(freep) char *bare = schema_requalify(sql, NULL);

    str_add_char(out, '`');
    for (const char *p = bare ? bare : sql; *p; p++)
        str_add_char(out, *p == '`' ? '\'' : *p == '\n' || *p == '\r' ? ' ' : *p);
    str_add_char(out, '`');
}

static void add_names(struct str *out, const struct name_list *names)
{
    for (size_t i = 0; i < names->n; i++) {
        str_add(out, i ? ", " : "");
        add_name(out, names->items[i]);
    }
}

static bool is_simple_type(const char *type)
{
    for (; *type; type++)
        if (!isalnum((unsigned char)*type) && !strchr("_(),[]", *type))
            return false;
    return true;
}

static void add_type(struct str *out, const struct schema *s, const struct schema_type *t)
{
    if (t->class == TYPE_ENUM && !t->dimensions) {
        const struct schema_enum *e = &s->enums[t->enumeration];
        if (e->schema) {
            add_name(out, e->schema);
            str_add_char(out, '.');
        }
        add_name(out, e->name);
    } else if (is_simple_type(t->name) && !isdigit((unsigned char)t->name[0])) {
        str_add(out, t->name);
    } else {
        add_name(out, t->name);
    }
}

/* One more setting behind a column or an index. */
static void add_setting(struct str *out, bool *first, const char *text)
{
    str_add(out, *first ? " [" : ", ");
    str_add(out, text);
    *first = false;
}

static void add_default(struct str *out, const struct schema_column *c)
{
    json_auto_t *value = column_default_json(c);

    if (json_is_string(value) && c->type.class != TYPE_BIGINT && c->type.class != TYPE_NUMERIC)
        add_quoted(out, json_string_value(value), '\'');
    else
        add_expression(out, c->default_expr);
}

static bool is_alone(const struct schema_key *k, const char *column)
{
    return k && k->columns.n == 1 && str_eq(k->columns.items[0], column);
}

static void add_note(struct str *out, bool *first, const struct schema_column *c)
{
    CLEANUP(str_clear) struct str note = STR_INIT;

    if (c->comment)
        str_add(&note, c->comment);
    if (c->generated)
        str_addf(&note, "%sgenerated always as (%s)", note.len ? "; " : "", c->default_expr);
    if (c->identity == IDENTITY_ALWAYS)
        str_addf(&note, "%sgenerated always as identity", note.len ? "; " : "");
    if (!note.len)
        return;
    add_setting(out, first, "note: ");
    add_quoted(out, str_text(&note), '\'');
}

static void add_column(struct str *out, const struct schema *s, const struct schema_table *t,
                       const struct schema_column *c)
{
    bool first = true;

    str_add(out, "  ");
    add_name(out, c->name);
    str_add_char(out, ' ');
    add_type(out, s, &c->type);
    if (is_alone(t->primary_key, c->name))
        add_setting(out, &first, "pk");
    for (size_t i = 0; i < t->n_uniques; i++)
        if (is_alone(&t->uniques[i], c->name)) {
            add_setting(out, &first, "unique");
            break;
        }
    if (c->not_null)
        add_setting(out, &first, "not null");
    if (c->identity != IDENTITY_NONE)
        add_setting(out, &first, "increment");
    if (c->default_expr && !c->generated) {
        add_setting(out, &first, "default: ");
        add_default(out, c);
    }
    add_note(out, &first, c);
    str_add(out, first ? "\n" : "]\n");
}

static void add_key_index(struct str *out, const struct schema_key *k, const char *what)
{
    str_add(out, "    (");
    add_names(out, &k->columns);
    str_addf(out, ") [%s, name: ", what);
    add_name(out, k->name);
    str_add(out, "]\n");
}

static void add_index_keys(struct str *out, const struct schema_index *x)
{
    struct index_text text;
    bool split = index_text_split(x, &text);

    for (size_t i = 0; i < x->n_keys; i++) {
        const char *sql = split && i < text.keys.n ? text.keys.items[i] : x->keys[i].text;
        bool ordered = str_ends(sql, " DESC") || strstr(sql, " NULLS ");
        str_add(out, i ? ", " : "");
        if (x->keys[i].expression || ordered)
            add_expression(out, sql);
        else
            add_name(out, x->keys[i].text);
    }
    if (split)
        index_text_clear(&text);
}

static void add_index(struct str *out, const struct schema_index *x)
{
    str_add(out, "    (");
    add_index_keys(out, x);
    str_add(out, ") [name: ");
    add_name(out, x->name);
    if (x->unique)
        str_add(out, ", unique");
    if (is_simple_type(x->method))
        str_addf(out, ", type: %s", x->method);
    if (x->predicate) {
        str_add(out, ", note: ");
        CLEANUP(str_clear) struct str where = STR_INIT;
        str_addf(&where, "where %s", x->predicate);
        add_quoted(out, str_text(&where), '\'');
    }
    str_add(out, "]\n");
}

static void add_indexes(struct str *out, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str list = STR_INIT;

    if (t->primary_key && t->primary_key->columns.n > 1)
        add_key_index(&list, t->primary_key, "pk");
    for (size_t i = 0; i < t->n_uniques; i++)
        if (t->uniques[i].columns.n > 1)
            add_key_index(&list, &t->uniques[i], "unique");
    for (size_t i = 0; i < t->n_indexes; i++)
        if (!t->indexes[i].of_constraint)
            add_index(&list, &t->indexes[i]);
    if (list.len)
        str_addf(out, "\n  indexes {\n%s  }\n", str_text(&list));
}

static void add_checks(struct str *out, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str list = STR_INIT;

    for (size_t i = 0; i < t->n_checks; i++) {
        if (!str_starts(t->checks[i].definition, "CHECK "))
            continue;
        str_add(&list, "    ");
        add_expression(&list, t->checks[i].definition + strlen("CHECK "));
        str_add(&list, " [name: ");
        add_quoted(&list, t->checks[i].name, '\'');
        str_add(&list, "]\n");
    }
    if (list.len)
        str_addf(out, "\n  checks {\n%s  }\n", str_text(&list));
}

static void add_table(struct str *out, const struct schema *s, const struct schema_table *t)
{
    if (!t->n_columns)
        return; /* the language has none without a column */
    str_add(out, "Table ");
    add_name(out, t->name);
    str_add(out, " {\n");
    for (size_t i = 0; i < t->n_columns; i++)
        add_column(out, s, t, &t->columns[i]);
    if (!schema_table_is_view(t))
        add_indexes(out, t);
    add_checks(out, t);
    if (t->comment || t->kind != TABLE_PLAIN) {
        str_add(out, "\n  Note: ");
        add_quoted(out, t->comment ? t->comment : table_kind_name(t->kind), '\'');
        str_add_char(out, '\n');
    }
    str_add(out, "}\n\n");
}

static void add_enum(struct str *out, const struct schema_enum *e)
{
    if (!e->labels.n)
        return; /* the language has none without a value */
    str_add(out, "Enum ");
    if (e->schema) {
        add_name(out, e->schema);
        str_add_char(out, '.');
    }
    add_name(out, e->name);
    str_add(out, " {\n");
    for (size_t i = 0; i < e->labels.n; i++) {
        str_add(out, "  ");
        add_name(out, e->labels.items[i]);
        str_add_char(out, '\n');
    }
    str_add(out, "}\n\n");
}

static void add_end(struct str *out, const char *schema, const char *table,
                    const struct name_list *columns)
{
    if (schema) {
        add_name(out, schema);
        str_add_char(out, '.');
    }
    add_name(out, table);
    str_add(out, ".(");
    add_names(out, columns);
    str_add_char(out, ')');
}

static void add_ref(struct str *out, const struct schema_table *t,
                    const struct schema_foreign_key *k)
{
    static const char *const words[] = {
        [FK_NO_ACTION] = "no action", [FK_RESTRICT] = "restrict",       [FK_CASCADE] = "cascade",
        [FK_SET_NULL] = "set null",   [FK_SET_DEFAULT] = "set default",
    };

    str_add(out, "Ref ");
    add_name(out, k->name);
    str_add(out, ": ");
    add_end(out, NULL, t->name, &k->columns);
    str_add(out, schema_columns_are_unique(t, &k->columns) ? " - " : " > ");
    add_end(out, k->ref_schema, k->ref_table, &k->ref_columns);
    str_addf(out, " [delete: %s, update: %s]\n", words[k->on_delete], words[k->on_update]);
}

err_code export_dbml(const struct export_view *view, const struct export_options *options,
                     struct str *out, struct err *err)
{
    (void)options;
    (void)err;
    str_add(out,
            "// Generated from PostgreSQL's catalog by tenantd: change the schema, not this.\n\n");
    for (size_t i = 0; i < view->schema->n_enums; i++)
        if (export_wants_enum(view, i))
            add_enum(out, &view->schema->enums[i]);
    for (size_t i = 0; i < view->n_tables; i++)
        add_table(out, view->schema, view->tables[i]);
    for (size_t i = 0; i < view->n_tables; i++)
        for (size_t k = 0; k < view->tables[i]->n_foreign_keys; k++) {
            const struct schema_foreign_key *key = &view->tables[i]->foreign_keys[k];
            if (!key->ref_schema && export_has_table(view, key->ref_table))
                add_ref(out, view->tables[i], key);
        }
    return ERR_NONE;
}
