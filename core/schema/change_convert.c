/* SPDX-License-Identifier: MIT */
/* Types and columns as SQL, and how the values of one type become those of another. */
#include <string.h>

#include "core/schema/change_internal.h"
#include "core/schema/normal.h"

/* The dimensions that the type's own text declares, without those of a domain below it. */
static int own_dimensions(const struct schema *s, const struct schema_type *t)
{
    for (size_t i = 0; i < s->n_domains; i++)
        if (sql_type_is(t->name, s->domains[i].name))
            return t->dimensions - s->domains[i].base.dimensions;
    return t->dimensions;
}

const char *type_sql(struct changing *c, const struct schema *s, const struct schema_type *t)
{
    CLEANUP(str_clear) struct str out = STR_INIT;

    str_add(&out, t->name);
    if (str_ends(t->name, "[]"))
        for (int i = own_dimensions(s, t); i > 1; i--)
            str_add(&out, "[]");
    return keep_text(c, str_take(&out));
}

bool same_type(const struct changing *c, const struct schema_type *a, const struct schema_type *b)
{
    const char *name;
    json_t *value;

    json_object_foreach(
        c->loose, name,
        value) if (sql_type_is(a->name,
                               name)) return false; /* by its name the same, but made anew */
    return str_eq(a->name, b->name) && own_dimensions(c->from, a) == own_dimensions(c->to, b);
}

bool same_column_type(const struct changing *c, const struct schema_column *a,
                      const struct schema_column *b)
{
    return same_type(c, &a->type, &b->type) &&
           (a->collation ? str_eq(a->collation, b->collation) : !b->collation);
}

typedef enum family {
    FAMILY_NONE,
    FAMILY_NUMBER,
    FAMILY_MOMENT,
    FAMILY_TIME,
    FAMILY_TEXT,
    FAMILY_JSON,
    FAMILY_BITS,
} family;

/* Types of a family turn into each other by casts that PostgreSQL does by itself in assignments. */
static family family_of(type_class class)
{
    static const family families[] = {
        [TYPE_SMALLINT] = FAMILY_NUMBER,  [TYPE_INTEGER] = FAMILY_NUMBER,
        [TYPE_BIGINT] = FAMILY_NUMBER,    [TYPE_NUMERIC] = FAMILY_NUMBER,
        [TYPE_FLOAT] = FAMILY_NUMBER,     [TYPE_DATE] = FAMILY_MOMENT,
        [TYPE_TIMESTAMP] = FAMILY_MOMENT, [TYPE_TIMESTAMPTZ] = FAMILY_MOMENT,
        [TYPE_TIME] = FAMILY_TIME,        [TYPE_TIMETZ] = FAMILY_TIME,
        [TYPE_TEXT] = FAMILY_TEXT,        [TYPE_JSON] = FAMILY_JSON,
        [TYPE_BITS] = FAMILY_BITS,        [TYPE_OTHER] = FAMILY_NONE,
    };
    return families[class];
}

/* From narrow to wide; values of one fit into those after it. */
static int width_of(const struct schema_type *t)
{
    switch (t->class) {
    case TYPE_SMALLINT:
    case TYPE_DATE:
    case TYPE_TIME:
        return 1;
    case TYPE_INTEGER:
    case TYPE_TIMESTAMP:
    case TYPE_TIMETZ:
        return 2;
    case TYPE_BIGINT:
    case TYPE_TIMESTAMPTZ:
        return 3;
    case TYPE_FLOAT:
        return 4;
    default:
        return 5;
    }
}

/* Of one class: whether every value fits, and then whether the rows stay as they are. */
static bool only_widens(const struct schema_type *a, const struct schema_type *b)
{
    if (a->class == TYPE_TEXT) /* character(n) is padded */
        return (!b->length || (a->length && a->length <= b->length)) &&
               str_starts(a->name, "character(") == str_starts(b->name, "character(") &&
               !strchr(b->name, '"') &&
               (b->length || str_eq(b->name, "text") || str_eq(b->name, "character varying"));
    if (a->class == TYPE_NUMERIC)
        return !b->precision ||
               (a->precision && a->scale == b->scale && a->precision <= b->precision);
    return false;
}

/* Whether casts lose digits, times or whatever a boolean does not tell. */
static bool loses(const struct schema_type *a, const struct schema_type *b)
{
    if (a->class == b->class)
        return a->class == TYPE_NUMERIC && !only_widens(a, b);
    if (family_of(a->class) == family_of(b->class) && family_of(a->class) != FAMILY_NONE)
        return width_of(a) > width_of(b) || a->class == TYPE_NUMERIC || a->class == TYPE_JSON;
    return b->class == TYPE_BOOL || b->class == TYPE_DATE || b->class == TYPE_TIME;
}

static bool casts_by_itself(const struct changing *c, const struct schema_type *a,
                            const struct schema_type *b)
{
    family from = family_of(a->class), to = family_of(b->class);

    if (a->dimensions != b->dimensions)
        return to == FAMILY_TEXT && !b->dimensions;
    return to == FAMILY_TEXT || (from == to && from != FAMILY_NONE) ||
           (str_eq(a->name, b->name) && !mentions_any(a->name, c->loose));
}

static bool is_integer(const struct schema_type *t)
{
    return t->class == TYPE_SMALLINT || t->class == TYPE_INTEGER || t->class == TYPE_BIGINT;
}

/* Not bit varying, which casts to no number. */
static bool is_bit(const struct schema_type *t)
{
    return t->class == TYPE_BITS && (str_eq(t->name, "bit") || str_starts(t->name, "bit("));
}

/* The value as something that can be cast to the type; every type has a text. */
static const char *step_to(const struct schema_type *a, const struct schema_type *b)
{
    bool numbers = family_of(a->class) == FAMILY_NUMBER || family_of(b->class) == FAMILY_NUMBER;
    bool bools = a->class == TYPE_BOOL || b->class == TYPE_BOOL;

    if (a->dimensions || b->dimensions)
        return "::text";
    if (numbers && bools)
        return "::integer";
    if ((is_bit(a) && is_integer(b)) || (is_integer(a) && is_bit(b)))
        return a->class == TYPE_BIGINT || b->class == TYPE_BIGINT ? "" : "::integer";
    if (family_of(a->class) == FAMILY_MOMENT && family_of(b->class) == FAMILY_TIME)
        return b->class == TYPE_TIMETZ ? "::timestamp with time zone" : "::timestamp";
    return "::text";
}

static unsigned conversion_hazards(const struct schema_type *a, const struct schema_type *b)
{
    unsigned hazards = CHANGE_REWRITES;

    if (a->class == b->class && a->dimensions == b->dimensions && only_widens(a, b))
        return 0;
    if (loses(a, b))
        hazards |= CHANGE_DESTRUCTIVE;
    if (b->class != TYPE_TEXT || b->length)
        hazards |= CHANGE_MAY_FAIL;
    return hazards;
}

const char *conversion_sql(struct changing *c, const struct schema_column *a,
                           const struct schema_column *b, unsigned *hazards)
{
    const char *name = quoted(c, b->name), *type = type_sql(c, c->to, &b->type);

    *hazards |= conversion_hazards(&a->type, &b->type);
    if (casts_by_itself(c, &a->type, &b->type))
        return "";
    if (!a->type.dimensions && b->type.dimensions) /* a value becomes an array of one */
        return path_of(c, " USING CASE WHEN %s IS NOT NULL THEN ARRAY[%s]::text[]::text::%s END",
                       name, name, type);
    return path_of(c, " USING %s%s::%s", name, step_to(&a->type, &b->type), type);
}

const char *column_sql(struct changing *c, const struct schema_column *column)
{
    CLEANUP(str_clear) struct str out = STR_INIT;

    str_addf(&out, "%s ", quoted(c, column->name));
    str_add(&out, type_sql(c, c->to, &column->type));
    if (column->collation)
        str_addf(&out, " COLLATE %s", column->collation);
    if (column->generated) {
        str_add(&out, " GENERATED ALWAYS AS (");
        str_add(&out, column->default_expr);
        str_add(&out, ") STORED");
    } else if (column->default_expr) {
        str_add(&out, " DEFAULT ");
        str_add(&out, column->default_expr);
    }
    if (column->identity != IDENTITY_NONE)
        str_addf(&out, " GENERATED %s AS IDENTITY%s",
                 column->identity == IDENTITY_ALWAYS ? "ALWAYS" : "BY DEFAULT",
                 column->sequence ? path_of(c, " (%s)", column->sequence) : "");
    if (column->own_not_null)
        str_add(&out, " NOT NULL");
    return keep_text(c, str_take(&out));
}

/* What a column's storage is when nobody says so. */
static const char *usual_storage(const struct schema_type *t)
{
    if (t->dimensions || t->class == TYPE_TEXT || t->class == TYPE_JSON || t->class == TYPE_BYTES ||
        t->class == TYPE_BITS || t->class == TYPE_COMPOSITE)
        return "EXTENDED";
    return t->class == TYPE_NUMERIC ? "MAIN" : "PLAIN";
}

void change_storage(struct changing *c, const char *table, const struct schema_column *a,
                    const struct schema_column *b, bool anew)
{
    const struct doing doing = {.phase = PHASE_TIGHTEN, .rank = 2, .table = table};
    const char *sql =
        path_of(c, "ALTER TABLE %s ALTER COLUMN %s", quoted(c, table), quoted(c, b->name));

    if (!same_text(anew ? NULL : a->storage, b->storage))
        add_step(c, &doing, "%s SET STORAGE %s", sql,
                 b->storage ? b->storage : usual_storage(&b->type));
    if (!same_text(anew ? NULL : a->compression, b->compression))
        add_step(c, &doing, "%s SET COMPRESSION %s", sql,
                 b->compression ? b->compression : "default");
    if ((a ? a->statistics : -1) != b->statistics)
        add_step(c, &doing, "%s SET STATISTICS %d", sql, b->statistics);
}

void finish_columns(struct changing *c, const struct schema_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++)
        change_storage(c, t->name, NULL, &t->columns[i], true);
}
