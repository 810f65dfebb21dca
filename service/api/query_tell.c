/* SPDX-License-Identifier: MIT */
/* What every operation that runs queries does before and after. */
#include <string.h>

#include "core/base/json.h"
#include "core/job/event.h"
#include "service/api/queries.h"

void query_env_of(struct app *app, struct query_env *env)
{
    const struct engine_settings *s = engine_settings(app->engine);
    bool on = str_eq(app->config->query.role_mode, "per_tenant");

    *env = (struct query_env){.ctx = app->engine,
                              .open = engine_open_as,
                              .close = engine_close_server,
                              .key = on ? s->login_key : NULL,
                              .key_len = s->login_key_len,
                              .shared_schema = s->shared_schema,
                              .tracking_table = s->tracking_table,
                              .shared_tracking_table = s->shared_tracking_table,
                              .lock_timeout_ms = s->lock_timeout_ms};
}

err_code query_enter(struct app *app, struct err *err)
{
    int max = app->config->query.max_parallel;

    (void)pthread_mutex_lock(&app->query_lock);
    bool room = app->queries < max;
    app->queries += room;
    (void)pthread_mutex_unlock(&app->query_lock);
    return room ? ERR_NONE
                : err_set(err, ERR_OVERLOADED, "%d queries are running (query.max_parallel)", max);
}

void query_leave(struct app *app)
{
    (void)pthread_mutex_lock(&app->query_lock);
    app->queries--;
    (void)pthread_cond_broadcast(&app->query_left);
    (void)pthread_mutex_unlock(&app->query_lock);
}

void query_await_all(struct app *app)
{
    (void)pthread_mutex_lock(&app->query_lock);
    while (app->queries)
        (void)pthread_cond_wait(&app->query_left, &app->query_lock);
    (void)pthread_mutex_unlock(&app->query_lock);
}

bool query_only_reads(const struct call *call)
{
    return !json_is_true(json_object_get(call->body, "write"));
}

/* What PostgreSQL adds to its message. */
static json_t *hints_of(const struct query_outcome *outcome)
{
    json_t *metadata = json_object();

    if (outcome && outcome->failure.detail[0])
        (void)json_object_set_new(metadata, "detail", json_text(outcome->failure.detail));
    if (outcome && outcome->failure.hint[0])
        (void)json_object_set_new(metadata, "hint", json_text(outcome->failure.hint));
    return json_pack("{s:o}", "metadata", metadata);
}

struct reply query_fail(struct call *call, const struct err *err,
                        const struct query_outcome *outcome)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};

    if (err->code == ERR_VALIDATION_FAILED) {
        problems_add_err(&problems, err->field, err);
        return problems_reply(call, &problems);
    }
    if (err_kind_of(err->code) == ERR_KIND_INTERNAL)
        return call_fail(call, err);
    struct err about = *err;
    bool written =
        json_object_get(call->body, "sql") != NULL; /* else there is no text to point into */
    if (about.line && written)
        (void)err_in(&about, "/sql");
    about.line = written ? about.line : 0;
    return reply_problem(call->req, &about, hints_of(outcome));
}

err_code query_tell(const struct app *app, const struct principal *who, const char *request_id,
                    struct pg *pg, const struct query_told *told, struct err *err)
{
    char digest[SHA256_HEX_SIZE];

    sha256_hex(told->sql, strlen(told->sql), digest);
    log_event(app->log, LOG_LEVEL_INFO, "query.run", LOG_STR("request_id", request_id),
              LOG_STR("principal", who->id),
              LOG_STR("tenant", told->tenant_id ? told->tenant_id : ""),
              LOG_STR("sql_sha256", digest), LOG_INT("rows", told->rows),
              LOG_INT("duration_ms", told->duration_ms), LOG_INT("tenants", told->tenants),
              LOG_STR("outcome", told->code ? err_name(told->code) : "ok"));
    json_auto_t *data = json_pack(
        "{s:s, s:s, s:s, s:b, s:I, s:I, s:s*}", "principal", who->id, "request_id", request_id,
        "sql_sha256", digest, "write", told->write, "rows", (json_int_t)told->rows, "duration_ms",
        (json_int_t)told->duration_ms, "code", told->code ? err_name(told->code) : NULL);
    if (told->tenants)
        (void)json_object_set_new(data, "tenants", json_integer(told->tenants));
    return event_emit(pg, "query.run", NULL, told->tenant_id, data, err);
}
