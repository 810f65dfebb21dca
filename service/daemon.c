/* SPDX-License-Identifier: MIT */
#include "service/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "core/access/token_store.h"
#include "core/base/clock.h"
#include "core/control/control.h"
#include "core/lint/lint.h"
#include "service/api/api.h"
#include "service/api/background.h"
#include "service/api/event_hub.h"
#include "service/api/gauges.h"
#include "service/api/queries.h"
#include "service/dev/dev.h"
#include "service/version.h"

enum {
    START_RETRY_MS = 1000,
    CONTROL_STATEMENT_MS = 30000, /* who waits longer on our own tables waits for a stranger's lock */
    CONTROL_GRACE_MS = 5000,      /* who does not even say so does not answer at all */
};

/* Everything that is started, in the order of starting; torn down in the reverse. */
struct daemon {
    const struct config *config; /* borrowed */
    const struct log *log;
    struct app app;
    struct dev *dev;
    struct server *admin, *server;
    struct budget_set *budgets;
    struct pool_manager *pools;
    struct background *background;
    unsigned char *page_key, *login_key;
    size_t login_key_len;
    char admin_token[TOKEN_TEXT_SIZE];
    char *url;
    struct sql_policy policy;
    struct lint_config *lint;
};

static void fill_engine_settings(const struct daemon *d, struct engine_settings *s)
{
    const struct config *c = d->config;

    *s = (struct engine_settings){
        .control_url = d->url,
        .schema_template = c->isolation.schema_name_template,
        .shared_schema = c->shared.schema,
        .tracking_table = c->migrations.table,
        .shared_tracking_table = c->shared.table,
        .lock_timeout_ms = (int)c->migrations.lock_timeout_ms,
        .statement_timeout_ms = (int)c->migrations.statement_timeout_ms,
        .lock_attempts = c->migrations.lock_attempts,
        .baseline = c->migrations.baseline,
        .clone_timeout_ms = c->clone.timeout_ms,
        .clone_personal_label = c->clone.personal_label,
        .policy = &d->policy,
        .connect_timeout_s = c->connection.connect_timeout_s,
        .acquire_timeout_ms = c->pool.acquire_timeout_ms,
        .login_key = d->login_key,
        .login_key_len = d->login_key_len,
    };
    (void)tracking_format_parse(c->migrations.default_format, &s->default_format);
    s->shared_default_format = s->default_format;
}

static struct retry_policy retry_policy_of(const struct config *c)
{
    return (struct retry_policy){.max_attempts = c->connection.retry.max_attempts,
                                 .initial_delay_ms = c->connection.retry.initial_delay_ms,
                                 .max_delay_ms = c->connection.retry.max_delay_ms,
                                 .multiplier = c->connection.retry.backoff_multiplier,
                                 .jitter = c->connection.retry.jitter};
}

static err_code start_dev(struct daemon *d, struct err *err)
{
    const char *dir = d->config->data_dir;
    err_code rc = dev_start(&(struct dev_options){.data_dir = dir}, &d->dev, err);

    if (rc)
        return rc;
    d->url = strdup(dev_url(d->dev));
    return dev_admin_token(dir, d->admin_token, err);
}

static err_code start_control_pool(struct daemon *d, struct err *err)
{
    const struct config *c = d->config;
    struct pg_pool_options options = {
        .connection = {.url = d->url,
                       .application_name = "tenantd control",
                       .statement_timeout_ms = CONTROL_STATEMENT_MS,
                       .reply_timeout_ms = CONTROL_STATEMENT_MS + CONTROL_GRACE_MS,
                       .connect_timeout_s = c->connection.connect_timeout_s},
        .max = c->control.pool_max,
        .wait_ms = c->control.pool_wait_ms,
        .retry = retry_policy_of(c)};
    return pg_pool_new(&options, &d->app.control, err);
}

static err_code start_metrics(struct daemon *d, struct err *err)
{
    const char *routes[128], *kinds[32];
    static const char *const servers[] = {"default"};
    size_t n_routes = 0, n_kinds = 0;

    for (size_t i = 0; i < api_route_count && n_routes < ARRAY_LEN(routes); i++)
        routes[n_routes++] = api_routes[i].pattern.path;
    for (size_t i = 0; i < engine_kind_count && n_kinds < ARRAY_LEN(kinds); i++)
        kinds[n_kinds++] = engine_kinds[i].name;
    return metrics_new(&(struct metrics_options){.version = TENANTD_VERSION,
                                                 .commit = TENANTD_COMMIT,
                                                 .routes = routes,
                                                 .route_count = n_routes,
                                                 .kinds = kinds,
                                                 .kind_count = n_kinds,
                                                 .servers = servers,
                                                 .server_count = 1},
                       &d->app.metrics, err);
}

static void log_server(void *ctx, const char *message)
{
    const struct app *app = ctx;
    log_event(app->log, LOG_LEVEL_WARN, "http.library", LOG_STR("message", message));
}

static err_code start_admin(struct daemon *d, struct err *err)
{
    const struct config *c = d->config;
    struct server_options options = {.host = c->admin_listen.host,
                                     .port = c->admin_listen.port,
                                     .io_threads = 1,
                                     .receive_timeout_ms = c->http.receive_timeout_ms,
                                     .idle_timeout_s = c->http.idle_timeout_s,
                                     .handler = admin_handle,
                                     .observer = admin_observe,
                                     .log = log_server,
                                     .ctx = &d->app};
    return server_start(&options, &d->admin, err);
}

static err_code start_api(struct daemon *d, struct err *err)
{
    const struct config *c = d->config;
    struct server_options options = {.host = c->listen.host,
                                     .port = c->listen.port,
                                     .io_threads = c->http.io_threads,
                                     .handlers = c->http.handlers,
                                     .queue = c->http.queue,
                                     .receive_timeout_ms = c->http.receive_timeout_ms,
                                     .idle_timeout_s = c->http.idle_timeout_s,
                                     .handler = api_handle,
                                     .observer = api_observe,
                                     .body_limit = api_body_limit,
                                     .log = log_server,
                                     .ctx = &d->app};
    return server_start(&options, &d->server, err);
}

static err_code prepare_control(struct daemon *d, struct pg *pg, struct err *err)
{
    const char *token = d->config->admin_token[0] ? d->config->admin_token : d->admin_token;
    err_code rc = control_migrate(pg, &d->app.control_version, err);

    if (!rc && *token)
        rc = access_bootstrap(pg, token, err);
    if (!rc)
        rc = control_secret(pg, "page_token", &d->page_key, &d->app.page_key_len, err);
    if (!rc)
        rc = control_secret(pg, "query_login", &d->login_key, &d->login_key_len, err);
    d->app.page_key = d->page_key;
    return rc;
}

/* Waits for the control database as long as it takes; false: stopped meanwhile. */
static bool await_control(struct daemon *d, const struct daemon_options *o, struct err *err,
                          err_code *result)
{
    for (;;) {
        struct pg *pg = NULL;
        *result = pg_pool_borrow(d->app.control, &pg, err);
        if (!*result)
            *result = prepare_control(d, pg, err);
        pg_pool_return(d->app.control, pg);
        if (!err_is_retryable(*result))
            return true;
        log_event(d->log, LOG_LEVEL_WARN, "start.control_database", LOG_ERR(err));
        if (o->stop_asked(o->ctx, START_RETRY_MS)) {
            *result = ERR_NONE; /* no failure: it was told to end */
            return false;
        }
    }
}

static err_code start_pools(struct daemon *d, struct err *err)
{
    const struct config *c = d->config;
    struct pool_options options = {
        .max_pools = c->isolation.max_pools,
        .pool_max = c->pool.max,
        .pool_ttl_ms = c->isolation.pool_ttl_ms,
        .idle_timeout_ms = c->pool.idle_timeout_ms,
        .acquire_timeout_ms = c->pool.acquire_timeout_ms,
        .connect_timeout_s = c->connection.connect_timeout_s,
        .retry = retry_policy_of(c),
        .application_name = "tenantd pool",
        .shared = {.schema = c->shared.schema, .server = "default", .url = d->url}};
    /* the control pool is part of what the control database's server gives */
    struct budget_limits limits = {.max = c->server.max_connections,
                                   .reserved = c->control.pool_max};
    err_code rc = budget_set_new(limits, &d->budgets, err);

    options.budgets = d->budgets;
    return rc ? rc : pool_manager_new(&options, &d->pools, err);
}

static err_code start_runner(struct daemon *d, struct err *err)
{
    const struct config *c = d->config;
    char host[256] = "unknown";

    (void)gethostname(host, sizeof host - 1);
    struct runner_options options = {.control = d->app.control,
                                     .control_url = d->url,
                                     .kinds = engine_kinds,
                                     .kind_count = engine_kind_count,
                                     .observer = &app_runner_observer,
                                     .ctx = d->app.engine,
                                     .observer_ctx = &d->app,
                                     .open_server = engine_open_server,
                                     .close_server = engine_close_server,
                                     .host = host,
                                     .build = TENANTD_VERSION,
                                     .workers = c->jobs.workers,
                                     .default_max_parallel = c->migrations.max_parallel,
                                     .poll_interval_ms = c->jobs.poll_interval_ms,
                                     .lease_ms = c->jobs.lease_ms,
                                     .retention_days = c->jobs.retention_days,
                                     .event_retention_days = c->events.retention_days};
    return runner_start(&options, &d->app.runner, err);
}

enum { HEARTBEAT_MS = 15000, SLOW_CLIENT_MS = 30000 };

static err_code start_events(struct daemon *d, struct err *err)
{
    const struct config *c = d->config;
    int room = server_capacity(c->http.io_threads) * 3 / 4, wanted = c->events.max_streams;
    struct event_hub_options options = {.url = d->url,
                                        .log = d->log,
                                        .max_streams = wanted < room ? wanted : room,
                                        .max_per_principal = c->events.max_streams_per_token,
                                        .heartbeat_ms = HEARTBEAT_MS,
                                        .slow_ms = SLOW_CLIENT_MS};
    return event_hub_start(&options, &d->app.events, err);
}

static err_code start_rest(struct daemon *d, struct err *err)
{
    struct engine_settings settings;
    const struct config *c = d->config;
    err_code rc = start_pools(d, err);

    if (!rc)
        rc = sql_policy_make(c->migrations.allow, c->shared.schema, c->migrations.schemas,
                             &d->policy, err);
    fill_engine_settings(d, &settings);
    d->app.lint = d->lint = config_lint(c);
    if (!rc && !d->lint)
        rc = err_set(err, ERR_INTERNAL, "out of memory");
    if (!rc)
        rc = access_cache_new(&(struct access_options){.pool = d->app.control}, &d->app.access,
                              err);
    if (!rc)
        rc = engine_new(&settings, d->budgets, d->pools, &d->app.engine, err);
    if (!rc)
        rc = start_runner(d, err);
    if (!rc)
        rc = start_events(d, err);
    if (!rc)
        rc = start_api(d, err);
    app_set_server(&d->app, d->server);
    if (!rc)
        rc = background_start(&d->app, &d->background, err);
    return rc;
}

static err_code open_exchange_log(struct daemon *d, struct err *err)
{
    const char *path = d->config->debug.exchange_log;

    d->app.exchange_log = -1;
    if (!*path)
        return ERR_NONE;
    d->app.exchange_log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (d->app.exchange_log < 0)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot open %s: %s", path, strerror(errno));
    return ERR_NONE;
}

static err_code start_first(struct daemon *d, struct err *err)
{
    err_code rc = start_metrics(d, err);

    if (!rc)
        rc = open_exchange_log(d, err);
    if (!rc)
        rc = start_admin(d, err);
    if (!rc && d->config->dev)
        rc = start_dev(d, err);
    if (!rc && !d->url)
        d->url = strdup(d->config->database_url);
    if (!rc && !d->url)
        rc = err_set(err, ERR_INTERNAL, "out of memory");
    return rc ? rc : start_control_pool(d, err);
}

static void announce(const struct daemon *d)
{
    char ready[128];

    log_event(d->log, LOG_LEVEL_INFO, "ready", LOG_STR("version", TENANTD_VERSION),
              LOG_STR("listen", d->config->listen.host), LOG_INT("port", server_port(d->server)),
              LOG_INT("admin_port", server_port(d->admin)));
    (void)snprintf(ready, sizeof ready, "READY=1\nSTATUS=Serving on port %u",
                   (unsigned)server_port(d->server));
    (void)sd_notify(0, ready);
}

/* One time for all: what requests took of it is gone for tasks, which drain beside them. */
static void drain(struct daemon *d)
{
    int64_t ms = d->config->http.drain_timeout_ms, until = clock_mono_ms() + ms;

    runner_retire(d->app.runner);
    event_hub_end(d->app.events); /* streams would not end by themselves */
    if (d->server)
        server_drain(d->server, ms);
    int64_t left = until - clock_mono_ms();
    runner_stop(d->app.runner, left > 0 ? left : 0);
}

void daemon_stop(struct daemon *d)
{
    if (!d)
        return;
    atomic_store(&d->app.draining, true);
    (void)sd_notify(0, "STOPPING=1");
    drain(d);
    background_stop(d->background);
    app_set_server(&d->app, NULL); /* the probes go on asking for it */
    server_stop(d->server);
    query_await_all(&d->app); /* those that have no request any more */
    event_hub_free(d->app.events);
    runner_free(d->app.runner); /* requests under way could wake it until now */
    engine_free(d->app.engine);
    pool_manager_free(d->pools);
    budget_set_free(d->budgets);
    access_cache_free(d->app.access);
    pg_pool_free(d->app.control);
    server_stop(d->admin);
    dev_stop(d->dev);
    metrics_free(d->app.metrics);
    free(d->page_key);
    free(d->login_key);
    free(d->url);
    sql_policy_clear(&d->policy);
    lint_config_free(d->lint);
    if (d->app.exchange_log >= 0)
        (void)close(d->app.exchange_log);
    (void)pthread_mutex_destroy(&d->app.server_lock);
    (void)pthread_mutex_destroy(&d->app.query_lock);
    (void)pthread_cond_destroy(&d->app.query_left);
    free(d);
}

static err_code start(struct daemon *d, const struct daemon_options *o, bool *stopped,
                      struct err *err)
{
    err_code rc = start_first(d, err);

    if (rc)
        return rc;
    *stopped = !await_control(d, o, err, &rc);
    if (*stopped)
        return ERR_NONE;
    if (!rc)
        rc = start_rest(d, err);
    if (rc)
        return rc;
    atomic_store(&d->app.control_seen_ms, clock_mono_ms());
    atomic_store(&d->app.background_ms, clock_mono_ms());
    atomic_store(&d->app.started, true);
    announce(d);
    return ERR_NONE;
}

err_code daemon_start(const struct daemon_options *options, struct daemon **out, bool *stopped,
                      struct err *err)
{
    struct daemon *d = calloc(1, sizeof *d);

    if (!d)
        return err_set(err, ERR_INTERNAL, "out of memory");
    d->config = options->config;
    d->log = options->log;
    d->app.config = options->config;
    d->app.log = options->log;
    d->app.exchange_log = -1;
    (void)pthread_mutex_init(&d->app.server_lock, NULL);
    (void)pthread_mutex_init(&d->app.query_lock, NULL);
    (void)pthread_cond_init(&d->app.query_left, NULL);
    err_code rc = start(d, options, stopped, err);
    if (rc)
        daemon_stop(d);
    else
        *out = d;
    return rc;
}
