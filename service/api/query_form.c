/* SPDX-License-Identifier: MIT */
/* What a query in one schema asks for: SQL, or a description of it. */
#include "service/api/queries.h"

static void check_form(const struct query_form *form, struct problems *problems)
{
    const struct query_built *b = &form->built;
    bool described =
        b->from || b->joins || b->select || b->where || b->order_by || b->limit >= 0 || b->offset;

    if (!form->sql && !described)
        problems_add(problems, "/sql", "REQUIRED", "is required, or from");
    else if (!form->sql && !b->from)
        problems_add(problems, "/from", "REQUIRED", "is required");
    else if (described && form->sql)
        problems_add(problems, "/sql", "CONTRADICTION", "the query is either written or described");
    if (described && form->params)
        problems_add(problems, "/params", "CONTRADICTION",
                     "the values of a query that is described stand in its conditions");
    if (described && form->write)
        problems_add(problems, "/write", "CONTRADICTION", "a query that is described reads");
}

static void read_body(const json_t *body, struct query_form *form, struct problems *problems)
{
    struct query_built *b = &form->built;
    const struct field fields[] = {
        {.name = "sql", .kind = FIELD_TEXT, .min = 1, .max = QUERY_SQL_MAX, .out = &form->sql},
        {.name = "params", .kind = FIELD_ARRAY, .max = QUERY_PARAMS_MAX, .out = &form->params},
        {.name = "max_rows",
         .kind = FIELD_INT,
         .min = 1,
         .max = QUERY_ROWS_MAX,
         .out = &form->max_rows},
        {.name = "timeout_ms",
         .kind = FIELD_INT,
         .min = 1,
         .max = QUERY_TIMEOUT_MAX_MS,
         .out = &form->timeout_ms},
        {.name = "max_bytes",
         .kind = FIELD_INT,
         .min = QUERY_BYTES_MIN,
         .max = QUERY_BYTES_MAX,
         .out = &form->max_bytes},
        {.name = "write", .kind = FIELD_BOOL, .out = &form->write},
        {.name = "from", .kind = FIELD_OBJECT, .out = &b->from},
        {.name = "joins",
         .kind = FIELD_ARRAY,
         .min = 1,
         .max = BUILD_TABLES_MAX - 1,
         .out = &b->joins},
        {.name = "select", .kind = FIELD_ARRAY, .min = 1, .max = 200, .out = &b->select},
        {.name = "where", .kind = FIELD_OBJECT, .out = &b->where},
        {.name = "order_by", .kind = FIELD_ARRAY, .min = 1, .max = 20, .out = &b->order_by},
        {.name = "limit", .kind = FIELD_INT, .max = QUERY_ROWS_MAX, .out = &b->limit},
        {.name = "offset", .kind = FIELD_INT, .max = 1000000000, .out = &b->offset},
    };

    fields_read(body, "", fields, ARRAY_LEN(fields), problems);
    if (!problems->list)
        check_form(form, problems);
}

bool query_form_read(struct call *call, struct query_form *form, struct reply *reply)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct err err;

    read_body(call->body, form, &problems);
    if (form->write && access_require(&call->who, SCOPE_QUERIES_WRITE, &err))
        *reply = call_fail(call, &err);
    else if (problems.list)
        *reply = problems_reply(call, &problems);
    else
        return true;
    return false;
}
