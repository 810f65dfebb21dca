/* SPDX-License-Identifier: MIT */
/* The columns of a table that both schemas have. */
#include <string.h>

#include "core/schema/change_internal.h"
#include "core/schema/normal.h"

/* What only dropping and adding it again does. */
static bool becomes_generated(const struct schema_column *a, const struct schema_column *b)
{
    return b->generated && (!a->generated || !same_text(a->default_expr, b->default_expr));
}

static void find_touched_in(struct changing *c, const struct schema_table *from,
                            const struct schema_table *to)
{
    for (size_t i = 0; i < to->n_columns; i++) {
        const struct schema_column *b = &to->columns[i], *a = schema_find_column(from, b->name);
        if (!a)
            continue;
        if (becomes_generated(a, b))
            set2_add(c->replaced, to->name, b->name);
        if (becomes_generated(a, b) || !same_column_type(c, a, b))
            set2_add(c->touched, to->name, b->name);
    }
    for (size_t i = 0; i < from->n_columns; i++) /* a column that goes */
        if (!schema_find_column(to, from->columns[i].name))
            set2_add(c->touched, to->name, from->columns[i].name);
    for (size_t i = 0; i < to->n_columns; i++) { /* what is generated from such a column */
        const struct schema_column *b = &to->columns[i], *a = schema_find_column(from, b->name);
        if (!a || !a->generated || !b->generated)
            continue;
        if (mentions_touched(c, to->name, b->default_expr)) {
            set2_add(c->replaced, to->name, b->name);
            set2_add(c->touched, to->name, b->name);
        }
    }
}

void find_touched(struct changing *c)
{
    for (size_t i = 0; i < c->to->n_tables; i++) {
        const struct schema_table *to = &c->to->tables[i];
        const struct schema_table *from = counterpart(c->from, to);
        if (from && is_table(to))
            find_touched_in(c, from, to);
    }
}

/* A generated column is added after the columns that it is generated from. */
static int rank_of_adding(const struct changing *c, const struct schema_table *from,
                          const struct schema_table *to, const struct schema_column *column)
{
    bool later = false;

    for (size_t i = 0; i < to->n_columns && column->generated; i++) {
        const struct schema_column *other = &to->columns[i];
        bool added =
            !schema_find_column(from, other->name) || set2_has(c->replaced, to->name, other->name);
        if (later && added && sql_mentions(column->default_expr, other->name))
            return 1;
        later |= other == column;
    }
    return 0;
}

static bool fills_each_row(const struct schema_column *column)
{
    static const char *const volatiles[] = {"random", "gen_random_uuid", "clock_timestamp",
                                            "nextval", "uuid_generate_v4"};

    for (size_t i = 0; column->default_expr && i < ARRAY_LEN(volatiles); i++)
        if (sql_mentions(column->default_expr, volatiles[i]))
            return true;
    return column->generated || column->identity != IDENTITY_NONE;
}

static void add_column(struct changing *c, const struct schema_table *from,
                       const struct schema_table *to, const struct schema_column *column)
{
    struct doing doing = {
        .phase = PHASE_ADD_COLUMN, .rank = rank_of_adding(c, from, to, column), .table = to->name};
    bool has_value = fills_each_row(column) || column->default_expr || column->type.domain_default;

    if (fills_each_row(column))
        doing.hazards |= CHANGE_REWRITES;
    if (column->not_null && !has_value)
        doing.hazards |= CHANGE_MAY_FAIL;
    const char *table = quoted(c, to->name);
    add_step(c, &doing, "ALTER TABLE %s ADD COLUMN %s", table, column_sql(c, column));
    change_storage(c, to->name, NULL, column, true);
    if (column->comment)
        add_comment(c, "COLUMN", path_of(c, "%s.%s", table, quoted(c, column->name)),
                    column->comment);
}

/* Generated columns go first: others that go may be what they are generated from. */
static void drop_column(struct changing *c, const struct schema_table *to,
                        const struct schema_column *column)
{
    struct doing doing = {.phase = column->generated ? PHASE_LOOSEN : PHASE_DROP_COLUMN,
                          .table = to->name,
                          .hazards = column->generated ? 0 : CHANGE_DESTRUCTIVE};

    add_step(c, &doing, "ALTER TABLE %s DROP COLUMN %s", quoted(c, to->name),
             quoted(c, column->name));
}

/* One thing about one column that both have. */
struct pair {
    const struct schema_column *a, *b;
    const char *table, *sql; /* its name, and ALTER TABLE … ALTER COLUMN … */
    bool retyped, new_default;
};

static void loosen(struct changing *c, const struct pair *p)
{
    const struct doing doing = {.phase = PHASE_LOOSEN, .table = p->table};
    const struct schema_column *a = p->a, *b = p->b;
    bool in_the_way = p->retyped || !b->default_expr || mentions_any(a->default_expr, c->loose);

    if (a->identity != IDENTITY_NONE && b->identity == IDENTITY_NONE)
        add_step(c, &doing, "%s DROP IDENTITY", p->sql);
    if (a->generated && !b->generated)
        add_step(c, &doing, "%s DROP EXPRESSION", p->sql);
    else if (a->default_expr && !a->generated && p->new_default && in_the_way)
        add_step(c, &doing, "%s DROP DEFAULT", p->sql);
    if (a->own_not_null && !b->own_not_null)
        add_step(c, &doing, "%s DROP NOT NULL", p->sql);
}

static void retype(struct changing *c, const struct pair *p)
{
    struct doing doing = {.phase = PHASE_RETYPE_COLUMN, .table = p->table};

    if (!p->retyped)
        return;
    const char *using = conversion_sql(c, p->a, p->b, &doing.hazards);
    add_step(c, &doing, "%s TYPE %s%s%s%s", p->sql, type_sql(c, c->to, &p->b->type),
             p->b->collation ? " COLLATE " : "", p->b->collation ? p->b->collation : "", using);
}

/* A valid check spares SET NOT NULL its own look at the rows. */
static void set_not_null(struct changing *c, const struct pair *p)
{
    struct doing doing = {.phase = PHASE_TIGHTEN,
                          .table = p->table,
                          .hazards = CHANGE_MAY_FAIL | (c->safe ? 0 : CHANGE_SCANS)};
    const char *table = quoted(c, p->table);
    const char *check = quoted(c, path_of(c, "%.40s_is_not_null", p->b->name));

    if (c->safe) {
        add_step(c, &(struct doing){.phase = PHASE_TIGHTEN, .table = p->table},
                 "ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID", table, check,
                 quoted(c, p->b->name));
        add_step(c,
                 &(struct doing){.phase = PHASE_TIGHTEN,
                                 .table = p->table,
                                 .lock = "SHARE UPDATE EXCLUSIVE",
                                 .hazards = CHANGE_MAY_FAIL},
                 "ALTER TABLE %s VALIDATE CONSTRAINT %s", table, check);
        doing.hazards = 0;
    }
    add_step(c, &doing, "%s SET NOT NULL", p->sql);
    if (c->safe)
        add_step(c, &(struct doing){.phase = PHASE_TIGHTEN, .table = p->table},
                 "ALTER TABLE %s DROP CONSTRAINT %s", table, check);
}

static void set_identity(struct changing *c, const struct pair *p)
{
    const char *when = p->b->identity == IDENTITY_ALWAYS ? "ALWAYS" : "BY DEFAULT";
    struct doing doing = {.phase = PHASE_TIGHTEN, .table = p->table};

    if (p->b->identity == IDENTITY_NONE || p->b->identity == p->a->identity)
        return;
    if (p->a->identity != IDENTITY_NONE) {
        add_step(c, &doing, "%s SET GENERATED %s", p->sql, when);
        return;
    }
    doing.hazards = CHANGE_RESTARTS;
    add_step(c, &doing, "%s ADD GENERATED %s AS IDENTITY%s", p->sql, when,
             p->b->sequence ? path_of(c, " (%s)", p->b->sequence) : "");
}

/* "SEQUENCE NAME x START WITH ...": what an identity counts by. */
static void set_sequence(struct changing *c, const struct pair *p)
{
    const struct doing doing = {.phase = PHASE_TIGHTEN, .rank = 1, .table = p->table};
    const char *a = p->a->sequence, *b = p->b->sequence, *prefix = "SEQUENCE NAME ";

    if (!a || !b || str_eq(a, b) || !str_starts(a, prefix) || !str_starts(b, prefix))
        return;
    const char *was = strstr(a, " START WITH "), *will = strstr(b, " START WITH ");
    if (!was || !will)
        return;
    const char *old = path_of(c, "%.*s", (int)(was - a - 14), a + 14);
    const char *new = path_of(c, "%.*s", (int)(will - b - 14), b + 14);
    if (!str_eq(old, new))
        add_step(c, &doing, "ALTER SEQUENCE %s RENAME TO %s", old, new);
    if (p->retyped || !str_eq(was, will))
        add_step(c, &doing, "ALTER SEQUENCE %s%s%s", new, will,
                 str_ends(will, " CYCLE") ? "" : " NO CYCLE");
}

static void tighten(struct changing *c, const struct pair *p)
{
    const struct doing doing = {.phase = PHASE_TIGHTEN, .table = p->table};
    const struct schema_column *a = p->a, *b = p->b;

    if (b->default_expr && !b->generated && p->new_default)
        add_step(c, &doing, "%s SET DEFAULT %s", p->sql, b->default_expr);
    if (b->own_not_null && !a->own_not_null)
        set_not_null(c, p);
    set_identity(c, p);
    set_sequence(c, p);
    change_storage(c, p->table, a, b, p->retyped);
}

static void change_column(struct changing *c, const struct schema_table *from,
                          const struct schema_table *to, const struct schema_column *a,
                          const struct schema_column *b)
{
    const char *table = quoted(c, to->name), *name = quoted(c, b->name);
    struct pair p = {.a = a, .b = b, .table = to->name};

    if (set2_has(c->replaced, to->name, b->name)) {
        drop_column(c, to, a);
        add_column(c, from, to, b);
        return;
    }
    p.sql = path_of(c, "ALTER TABLE %s ALTER COLUMN %s", table, name);
    p.retyped = !same_column_type(c, a, b);
    p.new_default = p.retyped || a->generated || !same_text(a->default_expr, b->default_expr) ||
                    mentions_any(a->default_expr, c->loose);
    loosen(c, &p);
    retype(c, &p);
    tighten(c, &p);
    if (!same_text(a->comment, b->comment))
        add_comment(c, "COLUMN", path_of(c, "%s.%s", table, name), b->comment);
}

static const json_t *column_json(const json_t *model, const char *table, const char *column)
{
    return named(json_object_get(table_json(model, table), "columns"), column);
}

static json_t *column_names(const struct schema_table *t)
{
    json_t *out = json_array();

    for (size_t i = 0; i < t->n_columns; i++)
        (void)json_array_append_new(out, json_string(t->columns[i].name));
    return out;
}

/* The order of the columns that the statements lead to: what is added comes last. */
static json_t *order_after(const struct changing *c, const struct schema_table *from,
                           const struct schema_table *to)
{
    json_t *out = json_array();

    for (size_t i = 0; i < from->n_columns; i++) {
        const char *name = from->columns[i].name;
        if (schema_find_column(to, name) && !set2_has(c->replaced, to->name, name))
            (void)json_array_append_new(out, json_string(name));
    }
    for (int rank = 0; rank < 2; rank++)
        for (size_t i = 0; i < to->n_columns; i++) {
            const struct schema_column *b = &to->columns[i];
            bool added =
                !schema_find_column(from, b->name) || set2_has(c->replaced, to->name, b->name);
            if (added && rank_of_adding(c, from, to, b) == rank)
                (void)json_array_append_new(out, json_string(b->name));
        }
    return out;
}

/* PostgreSQL moves no column: a place that differs is told, and stays. */
static void compare_order(struct changing *c, const struct schema_table *from,
                          const struct schema_table *to)
{
    json_auto_t *after = order_after(c, from, to), *must = column_names(to);
    json_auto_t *is = column_names(from);

    end_change(c);
    if (!json_equal(after, must))
        add_change(c, CHANGE_CHANGED, "column_order", path_of(c, "tables/%s/columns", to->name),
                   must, is);
}

void change_columns(struct changing *c, const struct schema_table *from,
                    const struct schema_table *to)
{
    for (size_t i = 0; i < to->n_columns; i++) {
        const struct schema_column *b = &to->columns[i], *a = schema_find_column(from, b->name);
        const char *path = path_of(c, "tables/%s/columns/%s", to->name, b->name);
        const json_t *must = column_json(c->to_json, to->name, b->name);
        const json_t *is = column_json(c->from_json, to->name, b->name);
        end_change(c);
        if (!json_equal(is, must) || !a)
            add_change(c, a ? CHANGE_CHANGED : CHANGE_MISSING, "column", path, must, is);
        if (a && !(a->inherited && b->inherited))
            change_column(c, from, to, a, b);
        else if (!b->inherited)
            add_column(c, from, to, b);
    }
    for (size_t i = 0; i < from->n_columns; i++) {
        const struct schema_column *a = &from->columns[i];
        if (schema_find_column(to, a->name))
            continue;
        add_change(c, CHANGE_EXTRA, "column", path_of(c, "tables/%s/columns/%s", to->name, a->name),
                   NULL, column_json(c->from_json, to->name, a->name));
        if (!a->inherited)
            drop_column(c, to, a);
    }
    compare_order(c, from, to);
    end_change(c);
}
