/* SPDX-License-Identifier: MIT */
/* A query in one tenant's schema or in the shared one. */
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/query/value.h"
#include "core/tenant/tenant_store.h"
#include "service/api/handlers.h"
#include "service/api/queries.h"
#include "service/api/tenants.h"

/* The rows as JSON, as many as may be. */
struct json_rows {
    const struct query_form *form;
    struct str out;
    int64_t rows;
    bool truncated;
};

static void begin_rows(void *arg, const struct pg_shape *shape)
{
    struct json_rows *j = arg;

    str_reset(&j->out);
    str_add(&j->out, "{\"columns\":[");
    for (size_t i = 0; i < shape->count; i++) {
        str_add(&j->out, i ? ",{\"name\":" : "{\"name\":");
        str_add_json(&j->out, shape->columns[i].name);
        str_add(&j->out, ",\"type\":");
        str_add_json(&j->out, shape->columns[i].type);
        str_add_char(&j->out, '}');
    }
    str_add(&j->out, "],\"rows\":[");
}

static bool add_row(void *arg, const struct pg_shape *shape, const struct pg_row *row)
{
    struct json_rows *j = arg;
    size_t before = j->out.len;

    j->truncated |= j->rows >= j->form->max_rows;
    if (j->truncated)
        return false;
    str_add(&j->out, j->rows ? "," : "");
    query_add_json(&j->out, shape, row);
    if (!str_ok(&j->out) || j->out.len > (size_t)j->form->max_bytes) {
        j->truncated = true;
        j->out.len = before;
        return false;
    }
    j->rows++;
    return true;
}

static struct reply reply_rows(struct json_rows *j, const struct query_outcome *outcome,
                               int64_t duration_ms)
{
    str_addf(&j->out, "],\"row_count\":%lld,\"truncated\":%s,\"duration_ms\":%lld",
             (long long)j->rows, j->truncated ? "true" : "false", (long long)duration_ms);
    if (j->form->write)
        str_addf(&j->out, ",\"affected\":%lld", (long long)outcome->affected);
    str_add_char(&j->out, '}');
    return reply_text(200, "application/json", str_take(&j->out));
}

/* What a query needs besides its form. */
struct querying {
    struct call *call;
    const struct query_form *form;
    const char *tenant_id; /* NULL: the shared schema */
    struct query_target target;
    struct query_text text;
    struct query_params params;
    struct building building; /* of a query that is described */
};

static void querying_clear(struct querying *q)
{
    building_clear(&q->building);
    query_text_clear(&q->text);
    query_params_clear(&q->params);
}

static err_code prepare(struct querying *q, struct err *err)
{
    const struct engine_settings *s = engine_settings(q->call->app->engine);
    const struct query_names names = {.tenant = q->target.schema, .shared = s->shared_schema};
    bool built = q->form->built.from != NULL;
    const char *sql = built ? str_text(&q->building.sql) : q->form->sql;
    err_code rc = query_text_make(sql, &names, q->form->write, &q->text, err);

    return rc ? rc
              : query_params_make(built ? q->building.params : q->form->params, &q->params, err);
}

/* Whose tables are meant is looked up as the server's own role: only what they are called is told.
 */
static err_code find_tables(struct querying *q, struct err *err)
{
    struct app *app = q->call->app;
    const char *shared = engine_settings(app->engine)->shared_schema;
    struct pg *pg = NULL;
    err_code rc =
        engine_open_as(app->engine, q->target.server, q->target.url, NULL, NULL, &pg, err);

    if (rc)
        return rc;
    rc = build_find_tables(&q->building, pg, q->target.schema, shared, err);
    engine_close_server(app->engine, q->target.server, pg);
    return rc;
}

/* A description becomes SQL; false: *reply says what is wrong with it. */
static bool build(struct querying *q, struct reply *reply)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct err err = {.code = ERR_NONE};

    q->building = (struct building){.form = &q->form->built, .problems = &problems};
    build_tables(&q->building);
    build_sql(&q->building);
    if (!problems.list && find_tables(q, &err)) {
        *reply = call_fail(q->call, &err);
        return false;
    }
    if (problems.list) {
        *reply = problems_reply(q->call, &problems);
        return false;
    }
    build_sql(&q->building);
    q->building.problems = NULL; /* ends here; there was none */
    if (str_ok(&q->building.sql))
        return true;
    (void)err_set(&err, ERR_INTERNAL, "out of memory");
    *reply = call_fail(q->call, &err);
    return false;
}

static struct reply dry_run(const struct querying *q)
{
    const json_t *params = q->form->built.from ? q->building.params : q->form->params;

    return reply_json(200, json_pack("{s:b, s:o, s:o}", "dry_run", 1, "sql", json_text(q->text.sql),
                                     "params", params ? json_deep_copy(params) : json_array()));
}

/* A read that cannot be told of did not happen for its caller; what was written stays written. */
static struct reply tell(struct querying *q, const struct query_told *told, struct reply reply)
{
    struct call *call = q->call;
    struct err err;

    if (!query_tell(call->app, &call->who, call->req->id, call->pg, told, &err))
        return reply;
    if (told->write || told->code) {
        log_event(call->app->log, LOG_LEVEL_ERROR, "query.not_told",
                  LOG_STR("request_id", call->req->id), LOG_ERR(&err));
        return reply;
    }
    reply_clear(&reply);
    return call_fail(call, &err);
}

static struct reply run(struct querying *q)
{
    struct json_rows rows = {.form = q->form, .out = STR_INIT};
    const struct query_sink sink = {.arg = &rows, .begin = begin_rows, .row = add_row};
    struct query query = {.text = &q->text,
                          .params = &q->params,
                          .target = &q->target,
                          .timeout_ms = q->form->timeout_ms,
                          .write = q->form->write};
    struct query_outcome outcome;
    struct query_env env;
    struct err err = {.code = ERR_NONE};
    int64_t started = clock_mono_ms();

    query_env_of(q->call->app, &env);
    err_code rc = query_run(&env, &query, &sink, &outcome, &err);
    int64_t ms = clock_mono_ms() - started;
    struct query_told told = {.tenant_id = q->tenant_id,
                              .sql = q->text.original,
                              .write = q->form->write,
                              .rows = rows.rows,
                              .duration_ms = ms,
                              .code = rc};
    struct reply reply = rc ? query_fail(q->call, &err, &outcome) : reply_rows(&rows, &outcome, ms);
    str_clear(&rows.out);
    return tell(q, &told, reply);
}

static struct reply answer(struct querying *q)
{
    struct app *app = q->call->app;
    struct err err = {.code = ERR_NONE};
    struct reply reply;
    bool dry = false;

    if (q->form->built.from && !build(q, &reply))
        return reply;
    if (query_bool(q->call, "dry_run", false, &dry, &err) || prepare(q, &err))
        return query_fail(q->call, &err, NULL);
    if (dry)
        return dry_run(q);
    if (query_enter(app, &err))
        return call_fail(q->call, &err);
    reply = run(q);
    query_leave(app);
    return reply;
}

/* A schema that is being made or dropped has nothing to tell; one that is kept until its purge may
 * be looked at. */
static err_code check_state(const struct tenant *t, bool write, struct err *err)
{
    bool there = t->state == TENANT_ACTIVE || t->state == TENANT_SUSPENDED ||
                 (t->state == TENANT_ARCHIVED && !write);

    return there ? ERR_NONE
                 : err_set(err, ERR_INVALID_STATE, "tenant %s is %s", t->id,
                           tenant_state_name(t->state));
}

struct reply tenants_query(struct call *call)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    CLEANUP(freep) char *url = NULL;
    struct query_form form = {QUERY_FORM_DEFAULTS};
    CLEANUP(querying_clear) struct querying q = {.call = call, .form = &form};
    struct reply reply;
    struct err err;

    if (!query_form_read(call, &form, &reply))
        return reply;
    if (tenant_find(call->pg, call->req->params[0], false, &t, &err) ||
        check_state(&t, form.write, &err) ||
        engine_server_url(call->app->engine, call->pg, t.server, &url, &err))
        return call_fail(call, &err);
    q.tenant_id = t.id;
    q.target = (struct query_target){.server = t.server, .url = url, .schema = t.schema};
    return answer(&q);
}

struct reply shared_query(struct call *call)
{
    CLEANUP(freep) char *url = NULL;
    struct query_form form = {QUERY_FORM_DEFAULTS};
    CLEANUP(querying_clear) struct querying q = {.call = call, .form = &form};
    struct reply reply;
    struct err err;

    if (!query_form_read(call, &form, &reply))
        return reply;
    if (engine_server_url(call->app->engine, call->pg, "default", &url, &err))
        return call_fail(call, &err);
    q.target = (struct query_target){.server = "default", .url = url};
    return answer(&q);
}
