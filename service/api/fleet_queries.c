/* SPDX-License-Identifier: MIT */
/* A query over many tenants: what is asked for, and of whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "service/api/fleet.h"
#include "service/api/handlers.h"
#include "service/api/selection.h"

enum {
    FLEET_ROWS_DEFAULT = 100,
    FLEET_ROWS_MAX = 10000,
    FLEET_TOTAL_DEFAULT = 10000,
    FLEET_TOTAL_MAX = 1000000,
    FLEET_BYTES_MAX = 256 * 1024 * 1024,
    FLEET_PARALLEL = 4,
    FLEET_PARALLEL_MAX = 16,
    FLEET_ANSWER_MS =
        50000, /* of an answer that is made in memory: below the usual limit of proxies */
};

static const char *const outputs[] = {
    [FLEET_JSON] = "json", [FLEET_NDJSON] = "ndjson", [FLEET_CSV] = "csv", NULL};

static void check_names(const json_t *list, const char *member, struct problems *problems)
{
    char pointer[64];
    size_t i;
    json_t *name;

    json_array_foreach(list, i, name)
    {
        (void)snprintf(pointer, sizeof pointer, "/aggregate/%s/%zu", member, i);
        if (!json_is_string(name))
            problems_add(problems, pointer, "WRONG_TYPE", "must be the name of a column");
    }
}

static void read_aggregate(const json_t *value, struct fleet_job *job, struct problems *problems)
{
    struct fleet_aggregate *g = &job->aggregate;
    const struct field fields[] = {
        {.name = "group_by", .kind = FIELD_ARRAY, .min = 1, .max = 8, .out = &g->group_by},
        {.name = "sum", .kind = FIELD_ARRAY, .min = 1, .max = 8, .out = &g->sum},
        {.name = "count", .kind = FIELD_ARRAY, .min = 1, .max = 8, .out = &g->count},
        {.name = "min", .kind = FIELD_ARRAY, .min = 1, .max = 8, .out = &g->min},
        {.name = "max", .kind = FIELD_ARRAY, .min = 1, .max = 8, .out = &g->max},
        {.name = "avg", .kind = FIELD_ARRAY, .min = 1, .max = 8, .out = &g->avg},
    };

    if (!value)
        return;
    job->aggregates = true;
    fields_read(value, "/aggregate", fields, ARRAY_LEN(fields), problems);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        check_names(*(const json_t **)fields[i].out, fields[i].name, problems);
    if (!g->sum && !g->count && !g->min && !g->max && !g->avg)
        problems_add(problems, "/aggregate", "REQUIRED", "sum, count, min, max or avg is required");
    if (job->output != FLEET_JSON)
        problems_add(problems, "/output", "CONTRADICTION", "an aggregate is one json answer");
}

static void read_output(const char *word, struct fleet_job *job, struct problems *problems)
{
    for (size_t i = 0; outputs[i]; i++)
        if (str_eq(word, outputs[i]))
            job->output = (fleet_output)i;
    if (!job->form.max_bytes)
        job->form.max_bytes = job->output == FLEET_JSON ? QUERY_BYTES_DEFAULT : FLEET_BYTES_MAX;
    else if (job->output == FLEET_JSON && job->form.max_bytes > QUERY_BYTES_MAX)
        problems_add(problems, "/max_bytes", "OUT_OF_RANGE", "must be at most %d for json",
                     QUERY_BYTES_MAX);
}

static void read_body(struct fleet_job *job, const json_t **selector, struct problems *problems)
{
    struct query_form *form = &job->form;
    const json_t *aggregate = NULL;
    const char *output = outputs[FLEET_JSON];
    const struct field fields[] = {
        {.name = "sql",
         .kind = FIELD_TEXT,
         .required = true,
         .min = 1,
         .max = QUERY_SQL_MAX,
         .out = &form->sql},
        {.name = "params", .kind = FIELD_ARRAY, .max = QUERY_PARAMS_MAX, .out = &form->params},
        {.name = "selector", .kind = FIELD_ANY, .required = true, .out = selector},
        {.name = "timeout_ms",
         .kind = FIELD_INT,
         .min = 1,
         .max = QUERY_TIMEOUT_MAX_MS,
         .out = &form->timeout_ms},
        {.name = "max_rows",
         .kind = FIELD_INT,
         .min = 1,
         .max = FLEET_ROWS_MAX,
         .out = &form->max_rows},
        {.name = "max_total_rows",
         .kind = FIELD_INT,
         .min = 1,
         .max = FLEET_TOTAL_MAX,
         .out = &job->max_total_rows},
        {.name = "max_bytes",
         .kind = FIELD_INT,
         .min = QUERY_BYTES_MIN,
         .max = FLEET_BYTES_MAX,
         .out = &form->max_bytes},
        {.name = "max_parallel",
         .kind = FIELD_INT,
         .min = 1,
         .max = FLEET_PARALLEL_MAX,
         .out = &job->parallel},
        {.name = "output", .kind = FIELD_TEXT, .words = outputs, .out = &output},
        {.name = "aggregate", .kind = FIELD_ANY, .out = &aggregate},
    };

    fields_read(job->body, "", fields, ARRAY_LEN(fields), problems);
    read_output(output, job, problems);
    read_aggregate(aggregate, job, problems);
}

static err_code load_members(struct call *call, struct fleet_job *job,
                             const struct selector *selector, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "fleet_members",
        .sql = "SELECT t.id, t.server, t.schema_name, s.url FROM tenantd.tenant t"
               " JOIN tenantd.server s ON s.id = t.server WHERE t.state IN ('active', 'suspended')"
               "   AND ($1::text[] IS NULL OR t.id = ANY ($1))"
               "   AND ($2::jsonb IS NULL OR t.labels @> $2) ORDER BY t.id",
    };
    const char *control_url = engine_settings(call->app->engine)->control_url;
    err_code rc = pg_query(
        call->pg, &stmt, PG_ARGS(PG_ARG(selector->ids), PG_ARG(selector->labels)), &job->rows, err);

    if (rc)
        return rc;
    job->count = pg_rows_count(job->rows);
    job->members = calloc(job->count + 1, sizeof *job->members);
    if (!job->members)
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < job->count; i++) {
        const char *url = pg_text(job->rows, i, "url");
        job->members[i] = (struct fleet_member){.id = pg_text(job->rows, i, "id"),
                                                .server = pg_text(job->rows, i, "server"),
                                                .url = url ? url : control_url,
                                                .schema = pg_text(job->rows, i, "schema_name")};
    }
    return ERR_NONE;
}

static struct fleet_job *job_new(struct call *call)
{
    struct fleet_job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->app = call->app;
    job->who = call->who;
    (void)snprintf(job->request_id, sizeof job->request_id, "%s", call->req->id);
    job->form =
        (struct query_form){.max_rows = FLEET_ROWS_DEFAULT, .timeout_ms = QUERY_TIMEOUT_DEFAULT_MS};
    job->max_total_rows = FLEET_TOTAL_DEFAULT;
    job->parallel = FLEET_PARALLEL;
    job->body = json_incref(call->body);
    job->errors = json_array();
    job->unreachable = json_array();
    job->started_ms = clock_mono_ms();
    query_env_of(call->app, &job->env);
    return job;
}

/* What is wrong with the SQL is wrong for every tenant: it is said before any is asked. */
static err_code check_sql(struct fleet_job *job, struct err *err)
{
    const struct query_names names = {.tenant = "tenant", .shared = job->env.shared_schema};
    struct query_text text;
    err_code rc = query_text_make(job->form.sql, &names, false, &text, err);

    if (rc)
        return rc;
    query_text_clear(&text);
    if (!job->env.key)
        return err_set(err, ERR_QUERY_UNAVAILABLE, "queries are off (query.role_mode)");
    return query_params_make(job->form.params, &job->params, err);
}

/* false: *reply says why not. */
static bool prepare(struct call *call, struct fleet_job *job, struct reply *reply)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(selector_clear) struct selector selector = {.ids = NULL};
    const json_t *value = NULL;
    struct err err = {.code = ERR_NONE};

    read_body(job, &value, &problems);
    selection_parse(value, &selector, &problems);
    if (selection_check(call, &selector, &problems, &err))
        *reply = call_fail(call, &err);
    else if (problems.list)
        *reply = problems_reply(call, &problems);
    else if (check_sql(job, &err) || load_members(call, job, &selector, &err))
        *reply = query_fail(call, &err, NULL);
    else
        return true;
    return false;
}

static struct reply reply_all(struct fleet_job *job)
{
    struct str out = STR_INIT;

    str_add(&out, "{\"columns\":");
    fleet_write_columns(job, &out);
    str_add(&out, ",\"rows\":[");
    str_add(&out, job->out.len ? str_text(&job->out) + 1 : ""); /* without the first comma */
    str_add(&out, "],");
    fleet_write_summary(job, &out);
    str_add_char(&out, '}');
    out.failed |= job->out.failed;
    return reply_text(200, "application/json", str_take(&out));
}

static struct reply gather(struct call *call, struct fleet_job *job)
{
    struct err err;

    if (fleet_gather(job, clock_mono_ms() + FLEET_ANSWER_MS, &err))
        return call_fail(call, &err);
    struct reply reply = job->aggregates ? fleet_aggregate_reply(call, job) : reply_all(job);
    if (!fleet_tell(job, call->pg, &err))
        return reply;
    reply_clear(&reply);
    return call_fail(call, &err);
}

struct reply queries_create(struct call *call)
{
    struct fleet_job *job = job_new(call);
    struct reply reply;
    struct err err;

    if (!job) {
        (void)err_set(&err, ERR_INTERNAL, "out of memory");
        return call_fail(call, &err);
    }
    bool ready = prepare(call, job, &reply);
    if (ready && query_enter(call->app, &err)) {
        reply = call_fail(call, &err);
        ready = false;
    }
    if (ready && job->output != FLEET_JSON)
        return fleet_stream(call, job);
    if (ready) {
        reply = gather(call, job);
        query_leave(call->app);
    }
    fleet_job_free(job);
    return reply;
}
