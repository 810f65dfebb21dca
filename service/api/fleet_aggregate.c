/* SPDX-License-Identifier: MIT */
/*
 * One answer made of the rows of all tenants: sums, counts and the like. PostgreSQL does it, on the
 * control database's connection, with the rows as a parameter: its numbers are exact, and the
 * statement has nothing in it but places of columns.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/query/value.h"
#include "service/api/fleet.h"

enum { ITEMS_MAX = 30, OID_INT8 = 20, OID_FLOAT8 = 701, OID_TEXT = 25 };

/* One column of the answer. */
struct item {
    const char *function; /* NULL: it is grouped by */
    const char *name;
    int place;    /* of the column among the rows', the tenant's id being 0 */
    unsigned oid; /* of the column, then of what is made of it */
};

struct aggregating {
    struct fleet_job *job;
    struct item items[ITEMS_MAX];
    size_t count, groups;
    struct problems problems;
};

static int find_column(const struct fleet_job *job, const char *name)
{
    if (str_eq(name, "tenant_id"))
        return 0;
    for (size_t i = 0; i < job->shape.count; i++)
        if (str_eq(job->shape.columns[i].name, name))
            return (int)i + 1;
    return -1;
}

static bool is_arithmetic(const char *function)
{
    return function && (str_eq(function, "sum") || str_eq(function, "avg"));
}

static void take_item(struct aggregating *a, const char *function, const char *member, size_t i,
                      const char *name)
{
    char pointer[64];
    int place = find_column(a->job, name);
    unsigned oid = place > 0 ? a->job->shape.columns[place - 1].oid : OID_TEXT;

    (void)snprintf(pointer, sizeof pointer, "/aggregate/%s/%zu", member, i);
    if (place < 0)
        problems_add(&a->problems, pointer, "UNKNOWN_VALUE", "the query gives no column \"%.63s\"",
                     name);
    else if (is_arithmetic(function) && !query_is_number(oid))
        problems_add(&a->problems, pointer, "WRONG_TYPE", "column \"%.63s\" is no number", name);
    else if (a->count == ITEMS_MAX)
        problems_add(&a->problems, pointer, "OUT_OF_RANGE", "there may be %d columns in all",
                     ITEMS_MAX);
    else
        a->items[a->count++] = (struct item){function, name, place, oid};
}

static void take_list(struct aggregating *a, const char *function, const char *member,
                      const json_t *list)
{
    size_t i;
    json_t *name;

    json_array_foreach(list, i, name) take_item(a, function, member, i, json_string_value(name));
}

static void take_items(struct aggregating *a)
{
    const struct fleet_aggregate *g = &a->job->aggregate;

    take_list(a, NULL, "group_by", g->group_by);
    a->groups = a->count;
    take_list(a, "sum", "sum", g->sum);
    take_list(a, "count", "count", g->count);
    take_list(a, "min", "min", g->min);
    take_list(a, "max", "max", g->max);
    take_list(a, "avg", "avg", g->avg);
}

/* Integers and numerics are added as numerics, which never overflow, floats as what they are. */
static const char *cast_of(const struct item *item)
{
    if (!query_is_number(item->oid))
        return "text";
    return item->oid == 700 || item->oid == OID_FLOAT8 ? "float8" : "numeric";
}

static void write_item(struct item *item, size_t i, struct str *sql)
{
    str_add(sql, i ? ", " : "");
    if (!item->function)
        str_addf(sql, "r.value ->> %d", item->place);
    else if (str_eq(item->function, "count"))
        str_addf(sql, "count(r.value ->> %d)::text", item->place);
    else
        str_addf(sql, "%s((r.value ->> %d)::%s)%s::text", item->function, item->place,
                 cast_of(item), str_eq(item->function, "avg") ? "::float8" : "");
    str_addf(sql, " AS c%zu", i);
    if (item->function && str_eq(item->function, "count"))
        item->oid = OID_INT8;
    if (item->function && str_eq(item->function, "avg"))
        item->oid = OID_FLOAT8;
    if (item->function && str_eq(item->function, "sum") && item->oid >= 20 && item->oid <= 23)
        item->oid = OID_INT8;
}

static void write_sql(struct aggregating *a, struct str *sql)
{
    str_add(sql, "SELECT ");
    for (size_t i = 0; i < a->count; i++)
        write_item(&a->items[i], i, sql);
    str_add(sql, " FROM jsonb_array_elements($1::jsonb) AS r (value)");
    for (size_t i = 0; i < a->groups; i++)
        str_addf(sql, "%s%zu", i ? ", " : " GROUP BY ", i + 1);
    for (size_t i = 0; i < a->groups; i++)
        str_addf(sql, "%s%zu", i ? ", " : " ORDER BY ", i + 1);
}

static const char *type_of(const struct aggregating *a, const struct item *item)
{
    const char *own = item->place ? a->job->shape.columns[item->place - 1].type : "text";

    if (!item->function)
        return own;
    if (str_eq(item->function, "count"))
        return "bigint";
    if (str_eq(item->function, "avg"))
        return "double precision";
    return str_eq(item->function, "sum")
               ? str_eq(cast_of(item), "float8") ? "double precision" : "numeric"
               : own;
}

static void write_columns(const struct aggregating *a, struct str *out)
{
    str_add(out, "{\"columns\":[");
    for (size_t i = 0; i < a->count; i++) {
        const struct item *item = &a->items[i];
        CLEANUP(str_clear) struct str name = STR_INIT;
        str_addf(&name, "%s%s%s", item->function ? item->function : "", item->function ? "_" : "",
                 item->name);
        str_add(out, i ? ",{\"name\":" : "{\"name\":");
        str_add_json(out, str_text(&name));
        str_add(out, ",\"type\":");
        str_add_json(out, type_of(a, item));
        str_add_char(out, '}');
    }
    str_add(out, "],\"rows\":[");
}

static void write_rows(const struct aggregating *a, const struct pg_rows *rows, struct str *out)
{
    char column[24];

    write_columns(a, out);
    for (size_t row = 0; rows && row < pg_rows_count(rows); row++) {
        str_add(out, row ? ",[" : "[");
        for (size_t i = 0; i < a->count; i++) {
            (void)snprintf(column, sizeof column, "c%zu", i);
            const char *text = pg_text(rows, row, column);
            str_add(out, i ? "," : "");
            query_add_json_value(out, a->items[i].oid, text, text ? strlen(text) : 0);
        }
        str_add_char(out, ']');
    }
    str_add(out, "],");
    fleet_write_summary(a->job, out);
    str_add_char(out, '}');
}

static err_code compute(struct aggregating *a, struct pg *pg, struct pg_rows **rows,
                        struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT, list = STR_INIT;

    write_sql(a, &sql);
    str_add_char(&list, '[');
    str_add(&list, a->job->out.len ? str_text(&a->job->out) + 1 : ""); /* without the first comma */
    str_add_char(&list, ']');
    if (!str_ok(&sql) || !str_ok(&list) || !str_ok(&a->job->out))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return pg_query_text(pg, str_text(&sql), PG_ARGS(PG_ARG(str_text(&list))), rows, err);
}

struct reply fleet_aggregate_reply(struct call *call, struct fleet_job *job)
{
    struct aggregating a = {.job = job};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct str out = STR_INIT;
    struct err err;

    if (job->has_shape)
        take_items(&a);
    if (a.problems.list) {
        struct reply reply = problems_reply(call, &a.problems);
        problems_clear(&a.problems);
        return reply;
    }
    if (a.count && compute(&a, call->pg, &rows, &err))
        return call_fail(call, &err);
    write_rows(&a, rows, &out);
    return reply_text(200, "application/json", str_take(&out));
}
