/* SPDX-License-Identifier: MIT */
/*
 * Handlers called without a socket, on a real control database: what cannot be provoked over HTTP,
 * as a database that is away and a control pool with a single connection.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/access/token_store.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/control/control.h"
#include "core/tenant/tenant_store.h"
#include "service/api/api.h"
#include "service/api/gauges.h"
#include "tests/support/pg_fixture.h"

enum { MAX_HEADERS = 4 };

static struct config config;
static struct app app;
static struct budget_set *budgets;
static struct pool_manager *pools;
static char bearer[TOKEN_TEXT_SIZE + 8];

static void start_engine(const char *url)
{
    struct engine_settings settings = {.control_url = url,
                                       .schema_template = config.isolation.schema_name_template,
                                       .shared_schema = config.shared.schema,
                                       .tracking_table = config.migrations.table,
                                       .shared_tracking_table = config.shared.table,
                                       .lock_timeout_ms = 1000,
                                       .acquire_timeout_ms = 1000};
    struct pool_options options = {.max_pools = 5,
                                   .pool_max = 2,
                                   .pool_ttl_ms = 60000,
                                   .connect_timeout_s = 5,
                                   .idle_timeout_ms = 60000,
                                   .acquire_timeout_ms = 1000,
                                   .retry = {.max_attempts = 1},
                                   .application_name = "test",
                                   .shared = {.schema = "public", .server = "default", .url = url}};

    ck_assert(!budget_set_new((struct budget_limits){.max = 10, .reserved = 1}, &budgets, NULL));
    options.budgets = budgets;
    ck_assert(!pool_manager_new(&options, &pools, NULL));
    ck_assert(!engine_new(&settings, budgets, pools, &app.engine, NULL));
}

static void start_runner(const char *url)
{
    struct runner_options options = {.control = app.control,
                                     .control_url = url,
                                     .kinds = engine_kinds,
                                     .kind_count = engine_kind_count,
                                     .ctx = app.engine,
                                     .open_server = engine_open_server,
                                     .close_server = engine_close_server,
                                     .host = "test",
                                     .build = "test",
                                     .default_max_parallel = 1,
                                     .poll_interval_ms = 60000,
                                     .lease_ms = 300000,
                                     .retention_days = 1};
    ck_assert(!runner_start(&options, &app.runner, NULL));
}

/* A control pool of as many connections; the runner's own threads need some, too. */
static void start_app(int connections, bool with_runner)
{
    CLEANUP(str_clear) struct str report = STR_INIT, url = STR_INIT;
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    static const char *const metric_routes[] = {"/"}, *const servers[] = {"default"};

    str_addf(&url, "TENANTD_DATABASE_URL=%s", pg_fixture_url());
    const char *env[] = {str_text(&url), NULL};
    struct config_input input = {.env = env};
    ck_assert_msg(!config_load(&input, &config, &report, NULL), "%s", str_text(&report));
    ck_assert(!control_migrate(pg, NULL, NULL));
    pg_fixture_sql(pg, "TRUNCATE tenantd.job, tenantd.task, tenantd.tenant, tenantd.idempotency CASCADE");
    strcpy(bearer, "Bearer ");
    token_make(bearer + strlen(bearer));
    ck_assert(!access_bootstrap(pg, bearer + strlen("Bearer "), NULL));
    static struct log log = {.fd = -1};
    app = (struct app){.config = &config,
                       .log = &log,
                       .exchange_log = -1,
                       .page_key = (const unsigned char *)"key",
                       .page_key_len = 3,
                       .server_lock = PTHREAD_MUTEX_INITIALIZER};
    struct pg_pool_options options = {.connection = {.url = pg_fixture_url()},
                                      .max = connections,
                                      .wait_ms = 500,
                                      .retry = {.max_attempts = 1}};
    ck_assert(!pg_pool_new(&options, &app.control, NULL));
    ck_assert(!access_cache_new(&(struct access_options){.pool = app.control}, &app.access, NULL));
    ck_assert(!metrics_new(&(struct metrics_options){.version = "1",
                                                     .commit = "1",
                                                     .routes = metric_routes,
                                                     .route_count = 1,
                                                     .kinds = metric_routes,
                                                     .kind_count = 1,
                                                     .servers = servers,
                                                     .server_count = 1},
                           &app.metrics, NULL));
    start_engine(pg_fixture_url());
    if (with_runner)
        start_runner(pg_fixture_url());
}

static void stop_app(void)
{
    runner_stop(app.runner, 0);
    runner_free(app.runner);
    engine_free(app.engine);
    pool_manager_free(pools);
    budget_set_free(budgets);
    access_cache_free(app.access);
    pg_pool_free(app.control);
    metrics_free(app.metrics);
    config_clear(&config);
}

/* "name=value&…", decoded already */
static void add_query(struct request *req, char *text)
{
    char *rest = NULL;
    for (char *pair = strtok_r(text, "&", &rest); pair; pair = strtok_r(NULL, "&", &rest)) {
        char *value = strchr(pair, '=');
        *value = '\0';
        req->query[req->query_count++] = (struct http_field){.name = pair, .value = value + 1};
    }
}

/* Sends a request; the status must be as wanted. *out (may be NULL) is the body. */
static void send_request(http_method method, const char *target, const char *body, int status,
                         json_t **out)
{
    CLEANUP(freep) char *copy = strdup(target);
    char *query = strchr(copy, '?');
    struct request req = {.method = method, .method_text = "X", .path = copy, .id = "r1"};

    if (query) {
        *query = '\0';
        add_query(&req, query + 1);
    }
    req.headers[req.header_count++] =
        (struct http_field){.name = (char[]){"Authorization"}, .value = bearer};
    req.headers[req.header_count++] = (struct http_field){
        .name = (char[]){"Content-Type"},
        .value = method == HTTP_PATCH ? (char[]){"application/merge-patch+json"}
                                      : (char[]){"application/json"}};
    req.body = body ? body : "";
    req.body_len = strlen(req.body);
    struct reply reply = api_handle(&app, &req);
    ck_assert_msg(reply.status == status, "%s: %d, %s", target, reply.status,
                  reply.body ? reply.body : "");
    if (out)
        *out = json_loads(reply.body, 0, NULL);
    if (req.state)
        req.state_free(req.state);
    reply_clear(&reply);
}

static const char *pointer_of(const json_t *problem)
{
    const json_t *first = json_array_get(json_object_get(problem, "errors"), 0);
    const char *pointer = json_string_value(json_object_get(first, "pointer"));
    return pointer ? pointer : json_string_value(json_object_get(first, "parameter"));
}

static void add_tenant(const char *id, const char *labels)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    json_auto_t *value = labels ? json_loads(labels, 0, NULL) : NULL;
    struct tenant_spec spec = {.id = id, .server = "default", .schema = id, .labels = value};

    ck_assert(!tenant_register(pg, &spec, NULL));
    ck_assert(!tenant_set_state(pg, id, TENANT_ACTIVE, 0, NULL));
}

/* A handler that takes a second connection while it holds the first waits for itself. */
START_TEST(one_control_connection_is_enough)
{
    json_t *body = NULL;

    start_app(1, false);
    send_request(HTTP_GET, "/v1/servers", NULL, 200, &body);
    const json_t *server = json_array_get(json_object_get(body, "servers"), 0);
    ck_assert(json_is_true(json_object_get(server, "reachable")));
    json_decref(body);
    send_request(HTTP_GET, "/v1/servers/default", NULL, 200, &body);
    ck_assert(json_is_true(json_object_get(body, "reachable")));
    json_decref(body);
    send_request(HTTP_GET, "/v1/servers/none", NULL, 404, NULL);
    send_request(HTTP_POST, "/v1/tenants/import?dry_run=true", "{}", 200, NULL);
    send_request(HTTP_POST, "/v1/migration-runs?dry_run=true",
                 "{\"selector\": {\"all\": true}, \"include_shared\": true}", 200, NULL);
    stop_app();
}
END_TEST

/* What tells how things are must not need what may be broken. */
START_TEST(a_database_that_is_away_is_told)
{
    static const char *const told[] = {"/v1/pools", "/v1/metrics", "/v1/version", "/v1/config",
                                       "/v1/errors", "/openapi.json"};
    struct pg *held = NULL;
    json_t *body = NULL;

    start_app(1, false);
    send_request(HTTP_GET, "/v1/version", NULL, 200, NULL); /* the token is known from now on */
    ck_assert(!pg_pool_borrow(app.control, &held, NULL));
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        send_request(HTTP_GET, told[i], NULL, 200, NULL);
    send_request(HTTP_GET, "/v1/health?ping=false", NULL, 200, &body);
    ck_assert_ptr_nonnull(json_object_get(body, "healthy"));
    json_decref(body);
    send_request(HTTP_GET, "/v1/tenants", NULL, 503, &body);
    ck_assert_str_eq(json_string_value(json_object_get(body, "code")), "POOL_EXHAUSTED");
    json_decref(body);
    pg_pool_return(app.control, held);
    send_request(HTTP_GET, "/v1/tenants", NULL, 200, NULL);
    stop_app();
}
END_TEST

START_TEST(filters_never_mean_more_than_they_say)
{
    static const struct {
        const char *query;
        int status, count;
    } rows[] = {
        {"", 200, 2},
        {"?state=active", 200, 2},
        {"?state=active,error", 200, 2},
        {"?state=error", 200, 0},
        {"?state=", 400, 0},
        {"?state=,", 400, 0},
        {"?state=Active", 400, 0},
        {"?state=active,", 200, 2},
        {"?label=plan=pro", 200, 1},
        {"?label=plan=pro&label=eu=", 200, 1},
        {"?label=plan=pro&label=plan=free", 400, 0},
        {"?label=plan", 400, 0},
        {"?label==pro", 400, 0},
        {"?label=", 400, 0},
        {"?label=none=x", 200, 0},
        {"?migration_state=unknown", 200, 2},
        {"?migration_state=ok", 200, 0},
        {"?migration_state=fine", 400, 0},
        {"?id_prefix=a", 200, 1},
        {"?id_prefix=%", 200, 0},
        {"?page_size=0", 400, 0},
        {"?page_token=", 400, 0},
    };

    start_app(2, false);
    add_tenant("a", "{\"plan\": \"pro\", \"eu\": \"\"}");
    add_tenant("b", "{\"plan\": \"free\"}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char target[100];
        json_t *body = NULL;
        (void)snprintf(target, sizeof target, "/v1/tenants%s", rows[i].query);
        send_request(HTTP_GET, target, NULL, rows[i].status, &body);
        ck_assert_msg(json_array_size(json_object_get(body, "tenants")) == (size_t)rows[i].count,
                      "%s", rows[i].query);
        json_decref(body);
    }
    stop_app();
}
END_TEST

START_TEST(labels_stay_within_their_bound_when_merged)
{
    json_auto_t *many = json_object(), *more = json_object(), *patch = json_object();
    char key[16];
    json_t *body = NULL;

    start_app(2, false);
    add_tenant("a", NULL);
    for (int i = 0; i < LABELS_MAX; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        (void)json_object_set_new(many, key, json_string("v"));
    }
    (void)json_object_set_new(more, "one-more", json_string("v"));
    (void)json_object_set(patch, "labels", many);
    CLEANUP(freep) char *first = json_dumps(patch, 0);
    send_request(HTTP_PATCH, "/v1/tenants/a", first, 200, NULL);
    (void)json_object_set(patch, "labels", more);
    CLEANUP(freep) char *second = json_dumps(patch, 0);
    send_request(HTTP_PATCH, "/v1/tenants/a", second, 422, &body);
    ck_assert_str_eq(pointer_of(body), "/labels");
    json_decref(body);
    (void)json_object_set_new(more, "k0", json_null());
    CLEANUP(freep) char *third = json_dumps(patch, 0);
    send_request(HTTP_PATCH, "/v1/tenants/a", third, 200, &body);
    const json_t *labels = json_object_get(body, "labels");
    ck_assert_uint_eq(json_object_size(labels), LABELS_MAX);
    ck_assert(!json_object_get(labels, "k0") && json_object_get(labels, "one-more"));
    json_decref(body);
    stop_app();
}
END_TEST

START_TEST(what_all_share_is_not_adopted)
{
    json_t *body = NULL;

    start_app(2, false);
    send_request(HTTP_POST, "/v1/tenants/import?dry_run=true", "{\"schema_pattern\": \"publi_\"}",
                 200, &body);
    const json_t *row = json_array_get(json_object_get(body, "schemas"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(row, "schema")), "public");
    ck_assert_str_eq(
        json_string_value(json_object_get(json_object_get(row, "problem"), "code")),
        "RESERVED_NAME");
    ck_assert_int_eq(json_integer_value(json_object_get(body, "count")), 0);
    json_decref(body);
    send_request(HTTP_POST, "/v1/tenants/import?dry_run=true", "{\"schema_pattern\": \"a\\\\\"}", 422,
                 &body);
    ck_assert_str_eq(pointer_of(body), "/schema_pattern");
    json_decref(body);
    send_request(HTTP_POST, "/v1/tenants/import?dry_run=true", "{\"schema_pattern\": \"a\\\\\\\\\"}",
                 200, NULL);
    send_request(HTTP_POST, "/v1/tenants?dry_run=true", "{\"id\": \"x\", \"server\": \"none\"}", 404,
                 NULL);
    stop_app();
}
END_TEST

/* Unknown members and bad labels of a selector are pointed at where they stand. */
START_TEST(selectors_are_pointed_into)
{
    static const struct {
        const char *body, *pointer;
    } rows[] = {
        {"{\"selector\": {\"labels\": {\"Plan\": \"x\"}}}", "/selector/labels/Plan"},
        {"{\"selector\": {\"all\": true, \"id\": 1}}", "/selector/id"},
        {"{\"selector\": {\"ids\": [\"a\", 7]}}", "/selector/ids/1"},
        {"{\"selector\": {\"ids\": [\"a\", \"nobody\"]}}", "/selector/ids/1"},
        {"{}", "/selector"},
    };

    start_app(2, false);
    add_tenant("a", NULL);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *body = NULL;
        send_request(HTTP_POST, "/v1/migration-runs", rows[i].body, 422, &body);
        ck_assert_str_eq(pointer_of(body), rows[i].pointer);
        json_decref(body);
    }
    stop_app();
}
END_TEST

/* More jobs and tasks than a page: the pages together are all of them, each once. */
START_TEST(pages_of_jobs_are_complete)
{
    CLEANUP(str_clear) struct str seen = STR_INIT, target = STR_INIT;
    int pages = 0;

    start_app(4, true);
    add_tenant("a", NULL);
    for (int i = 0; i < 5; i++)
        send_request(HTTP_POST, "/v1/migration-runs",
                     "{\"selector\": {\"all\": true}, \"on_conflict\": \"queue\"}", 202, NULL);
    str_add(&target, "/v1/jobs?page_size=2");
    for (bool more = true; more; pages++) {
        json_t *body = NULL;
        send_request(HTTP_GET, str_text(&target), NULL, 200, &body);
        const json_t *jobs = json_object_get(body, "jobs");
        for (size_t i = 0; i < json_array_size(jobs); i++) {
            const char *id = json_string_value(json_object_get(json_array_get(jobs, i), "id"));
            ck_assert(!strstr(str_text(&seen), id));
            str_add(&seen, id);
        }
        const char *token = json_string_value(json_object_get(body, "next_page_token"));
        more = token != NULL;
        str_reset(&target);
        str_addf(&target, "/v1/jobs?page_size=2&page_token=%s", token ? token : "");
        json_decref(body);
    }
    ck_assert_int_eq(pages, 3);
    ck_assert_uint_eq(seen.len, 5 * 36);
    stop_app();
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("handlers");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_control_connection_is_enough);
    tcase_add_test(tc, a_database_that_is_away_is_told);
    tcase_add_test(tc, filters_never_mean_more_than_they_say);
    tcase_add_test(tc, labels_stay_within_their_bound_when_merged);
    tcase_add_test(tc, what_all_share_is_not_adopted);
    tcase_add_test(tc, selectors_are_pointed_into);
    tcase_add_test(tc, pages_of_jobs_are_complete);
    Suite *suite = suite_create("handlers");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
