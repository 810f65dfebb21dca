/* SPDX-License-Identifier: MIT */
/* Tables as wholes: which come, which go, and in which order. */
#include <stdlib.h>
#include <string.h>

#include "core/schema/change_internal.h"
#include "core/schema/normal.h"

bool is_table(const struct schema_table *t)
{
    return t->kind == TABLE_PLAIN || t->kind == TABLE_PARTITIONED;
}

const struct schema_table *counterpart(const struct schema *s, const struct schema_table *t)
{
    const struct schema_table *other = schema_find_table(s, t->name);

    return other && other->kind == t->kind ? other : NULL;
}

static const char *kind_of(const struct schema_table *t)
{
    return schema_table_is_view(t) ? "view" : "table";
}

static const struct schema_table *named_table(const struct schema *s, const char *text)
{
    for (size_t i = 0; text && i < s->n_tables; i++)
        if (sql_type_is(text, s->tables[i].name))
            return &s->tables[i];
    return NULL;
}

/* How many partitioned tables are above a partition. */
static int depth_of(const struct schema *s, const struct schema_table *t)
{
    int depth = 0;

    while (t && t->partition_of && depth < (int)s->n_tables) {
        t = named_table(s, t->partition_of);
        depth++;
    }
    return depth;
}

static void add_constraint_line(struct changing *c, struct str *out, const char *name,
                                const char *definition)
{
    str_addf(out, "%s\n    CONSTRAINT %s ", str_ends(str_text(out), "(") ? "" : ",",
             quoted(c, name));
    str_add(out, definition);
}

/* An unvalidated check is one that was added later, and so it has to be. */
static bool is_unvalidated(const struct schema_check *k)
{
    return str_ends(k->definition, " NOT VALID");
}

static void add_columns(struct changing *c, struct str *sql, const struct schema_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct schema_column *column = &t->columns[i];
        if (column->inherited)
            continue;
        str_add(sql, str_ends(str_text(sql), "(") ? "\n    " : ",\n    ");
        str_add(sql, column_sql(c, column));
    }
}

/* A typed table has its columns from the type, and says the rest. */
static void add_column_options(struct changing *c, struct str *sql, const struct schema_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct schema_column *column = &t->columns[i];
        if (!column->own_not_null && !column->default_expr)
            continue;
        str_addf(sql, "%s\n    %s WITH OPTIONS", str_ends(str_text(sql), "(") ? "" : ",",
                 quoted(c, column->name));
        if (column->default_expr) {
            str_add(sql, " DEFAULT ");
            str_add(sql, column->default_expr);
        }
        str_add(sql, column->own_not_null ? " NOT NULL" : "");
    }
}

/* A partitioned table's keys are added to it alone, for its partitions have their own. */
static void add_constraints(struct changing *c, struct str *sql, const struct schema_table *t)
{
    bool keys = t->kind == TABLE_PLAIN;

    if (t->primary_key && keys)
        add_constraint_line(c, sql, t->primary_key->name, t->primary_key->definition);
    for (size_t i = 0; i < t->n_uniques && keys; i++)
        add_constraint_line(c, sql, t->uniques[i].name, t->uniques[i].definition);
    for (size_t i = 0; i < t->n_checks; i++)
        if (!is_unvalidated(&t->checks[i]) && (!t->checks[i].inherited || t->partition_of))
            add_constraint_line(c, sql, t->checks[i].name, t->checks[i].definition);
}

/* What stands behind the columns. */
static void add_clauses(struct changing *c, struct str *sql, const struct schema_table *t)
{
    for (size_t i = 0; i < t->inherits.n; i++)
        str_addf(sql, "%s%s", i ? ", " : " INHERITS (", t->inherits.items[i]);
    str_add(sql, t->inherits.n ? ")" : "");
    if (t->partition_key) {
        str_add(sql, " PARTITION BY ");
        str_add(sql, t->partition_key);
    }
    if (t->access_method)
        str_addf(sql, " USING %s", quoted(c, t->access_method));
    if (t->options.n)
        str_addf(sql, " WITH (%s)", options_sql(c, &t->options));
    if (t->foreign) {
        str_add_char(sql, ' ');
        str_add(sql, t->foreign);
    }
}

static void create_table(struct changing *c, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    int rank = height_of(c, c->to, path_of(c, "table/%s", t->name)), depth = depth_of(c->to, t);

    str_addf(&sql, "CREATE %sTABLE %s ",
             t->kind == TABLE_FOREIGN ? "FOREIGN "
             : t->unlogged            ? "UNLOGGED "
                                      : "",
             quoted(c, t->name));
    if (t->of_type)
        str_addf(&sql, "OF %s ", t->of_type);
    str_add_char(&sql, '(');
    if (t->of_type)
        add_column_options(c, &sql, t);
    else
        add_columns(c, &sql, t);
    add_constraints(c, &sql, t);
    if (t->of_type && str_ends(str_text(&sql), "("))
        sql.len -= 2; /* it takes no empty list */
    else
        str_add(&sql, str_ends(str_text(&sql), "(") ? ")" : "\n)");
    add_clauses(c, &sql, t);
    add_step(c, &(struct doing){.phase = PHASE_CREATE, .rank = rank > depth ? rank : depth}, "%.*s",
             (int)sql.len, str_text(&sql));
    c->no_memory |= !str_ok(&sql);
}

void comment_table(struct changing *c, const struct schema_table *t)
{
    const char *table = quoted(c, t->name);

    if (t->comment)
        add_comment(c, table_sql_word(t->kind), table, t->comment);
    for (size_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].comment)
            add_comment(c, "COLUMN", path_of(c, "%s.%s", table, quoted(c, t->columns[i].name)),
                        t->columns[i].comment);
}

static void comment_constraints(struct changing *c, const struct schema_table *t)
{
    if (t->kind == TABLE_PLAIN && t->primary_key && t->primary_key->comment)
        comment_constraint(c, t->name, t->primary_key->name, t->primary_key->comment);
    for (size_t i = 0; i < t->n_uniques && t->kind == TABLE_PLAIN; i++)
        if (t->uniques[i].comment)
            comment_constraint(c, t->name, t->uniques[i].name, t->uniques[i].comment);
    for (size_t i = 0; i < t->n_checks; i++)
        if (t->checks[i].comment)
            comment_constraint(c, t->name, t->checks[i].name, t->checks[i].comment);
}

static void make_table(struct changing *c, const struct schema_table *t)
{
    if (schema_table_is_view(t)) {
        create_view(c, t);
        return;
    }
    create_table(c, t);
    for (size_t i = 0; i < t->n_checks; i++)
        if (is_unvalidated(&t->checks[i]) && !t->checks[i].inherited)
            add_step(c, &(struct doing){.phase = PHASE_ADD_CHECK},
                     "ALTER TABLE %s ADD CONSTRAINT %s %s", quoted(c, t->name),
                     quoted(c, t->checks[i].name), t->checks[i].definition);
    if (t->kind == TABLE_PARTITIONED)
        add_keys(c, t);
    if (t->partition_of && t->partition_bound)
        add_step(c,
                 &(struct doing){.phase = PHASE_CREATE_INDEX,
                                 .rank = RANK_ATTACH_TABLE - depth_of(c->to, t)},
                 "ALTER TABLE %s ATTACH PARTITION %s %s", t->partition_of, quoted(c, t->name),
                 t->partition_bound);
    finish_columns(c, t);
    comment_table(c, t);
    comment_constraints(c, t);
    change_indexes(c, NULL, t);
    change_foreign_keys(c, NULL, t);
    change_traits(c, NULL, t);
}

static void drop_table(struct changing *c, const struct schema_table *t, int rank)
{
    if (schema_table_is_view(t)) {
        drop_view(c, t);
        return;
    }
    add_step(c,
             &(struct doing){.phase = PHASE_DROP_TABLE,
                             .rank = rank,
                             .table = t->name,
                             .hazards = CHANGE_DESTRUCTIVE},
             "DROP %s %s", table_sql_word(t->kind), quoted(c, t->name));
}

/* Tells of a table that goes, unless another thing of its name was told of. */
static void tell_extra(struct changing *c, const struct schema_table *t)
{
    end_change(c);
    if (!schema_find_table(c->to, t->name))
        add_change(c, CHANGE_EXTRA, kind_of(t), path_of(c, "tables/%s", t->name), NULL,
                   table_json(c->from_json, t->name));
}

/* Whether a goes before b: it refers to it, or is a part of it. */
static bool needs(const struct schema_table *a, const struct schema_table *b)
{
    if (a == b)
        return false;
    for (size_t i = 0; i < a->n_foreign_keys; i++)
        if (!a->foreign_keys[i].ref_schema && str_eq(a->foreign_keys[i].ref_table, b->name))
            return true;
    for (size_t i = 0; i < a->inherits.n; i++)
        if (sql_type_is(a->inherits.items[i], b->name))
            return true;
    return a->partition_of && sql_type_is(a->partition_of, b->name);
}

static bool is_needed(const struct schema *s, const bool *goes, size_t table)
{
    for (size_t i = 0; i < s->n_tables; i++)
        if (goes[i] && needs(&s->tables[i], &s->tables[table]))
            return true;
    return false;
}

/* Tables that refer to each other in a circle: their foreign keys go first. */
static void break_circle(struct changing *c, const bool *goes)
{
    for (size_t i = 0; i < c->from->n_tables; i++)
        for (size_t k = 0; goes[i] && k < c->from->tables[i].n_foreign_keys; k++)
            if (!c->from->tables[i].foreign_keys[k].inherited)
                drop_constraint(c, PHASE_DROP_FOREIGN_KEY, c->from->tables[i].name,
                                c->from->tables[i].foreign_keys[k].name);
}

/* In foreign-key order; those of a circle as they come. */
static void drop_tables(struct changing *c, bool *goes)
{
    const struct schema *s = c->from;
    bool moved = true;
    int rank = 0;

    while (moved) {
        moved = false;
        for (size_t i = 0; i < s->n_tables; i++) {
            if (!goes[i] || is_needed(s, goes, i))
                continue;
            tell_extra(c, &s->tables[i]);
            drop_table(c, &s->tables[i], rank++);
            goes[i] = false;
            moved = true;
        }
    }
    end_change(c);
    break_circle(c, goes);
    for (size_t i = 0; i < s->n_tables; i++)
        if (goes[i]) {
            tell_extra(c, &s->tables[i]);
            drop_table(c, &s->tables[i], rank++);
        }
}

static void change_table_comment(struct changing *c, const struct schema_table *from,
                                 const struct schema_table *to)
{
    const json_t *must = json_object_get(table_json(c->to_json, to->name), "comment");
    const json_t *is = json_object_get(table_json(c->from_json, to->name), "comment");

    (void)from;
    if (json_equal(must, is))
        return;
    add_change(c, CHANGE_CHANGED, "comment", path_of(c, "tables/%s/comment", to->name), must, is);
    add_comment(c, table_sql_word(to->kind), quoted(c, to->name), to->comment);
    end_change(c);
}

/* What no statement of ours changes. */
static void tell_the_rest(struct changing *c, const struct schema_table *to)
{
    static const char *const fixed[] = {"partition_of", "partition_key", "partition_bound",
                                        "inherits",     "of_type",       "foreign",
                                        "access_method"};
    const json_t *must = table_json(c->to_json, to->name);
    const json_t *is = table_json(c->from_json, to->name);

    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        const json_t *a = json_object_get(is, fixed[i]), *b = json_object_get(must, fixed[i]);
        if (a != b && !json_equal(a, b))
            add_change(c, CHANGE_CHANGED, "table", path_of(c, "tables/%s/%s", to->name, fixed[i]),
                       b, a);
    }
    if (to->kind == TABLE_FOREIGN &&
        !json_equal(json_object_get(must, "columns"), json_object_get(is, "columns")))
        add_change(c, CHANGE_CHANGED, "table", path_of(c, "tables/%s", to->name), must, is);
    end_change(c);
}

/* What a partition has from a parent that stays comes and goes with the parent's. */
static bool has_from_parent(const struct changing *c, const struct schema_table *from,
                            const struct schema_table *to)
{
    const struct schema_table *was = named_table(c->from, from->partition_of);
    const struct schema_table *will = named_table(c->to, to->partition_of);

    return was && will && str_eq(was->name, will->name);
}

static void change_table(struct changing *c, const struct schema_table *from,
                         const struct schema_table *to)
{
    change_table_comment(c, from, to);
    if (schema_table_is_view(to)) {
        change_view(c, from, to);
        return;
    }
    tell_the_rest(c, to);
    if (!is_table(to))
        return;
    if (!has_from_parent(c, from, to)) {
        change_columns(c, from, to);
        change_checks(c, from, to);
    }
    change_keys(c, from, to);
    change_indexes(c, from, to);
    change_foreign_keys(c, from, to);
    change_traits(c, from, to);
}

void change_tables(struct changing *c)
{
    bool *goes = calloc(c->from->n_tables + 1, sizeof *goes);

    c->no_memory |= !goes;
    for (size_t i = 0; i < c->to->n_tables && goes; i++) {
        const struct schema_table *to = &c->to->tables[i], *from = counterpart(c->from, to);
        if (from) {
            change_table(c, from, to);
            continue;
        }
        add_change(c, schema_find_table(c->from, to->name) ? CHANGE_CHANGED : CHANGE_MISSING,
                   kind_of(to), path_of(c, "tables/%s", to->name), table_json(c->to_json, to->name),
                   table_json(c->from_json, to->name));
        make_table(c, to);
        end_change(c);
    }
    for (size_t i = 0; i < c->from->n_tables && goes; i++)
        goes[i] = !counterpart(c->to, &c->from->tables[i]);
    if (goes)
        drop_tables(c, goes);
    free(goes);
    end_change(c);
}
