/* SPDX-License-Identifier: MIT */
/* What the service says about itself, on both listeners. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

static const struct step meta[] = {
    STEP("version", GET, "/v1/version", NULL, 200, NULL,
         .json = {"/api_versions == ['v1']", "/control_schema != 0", "/libpq ~ '.'",
                  "/postgresql_parser == '15'", "/version != null"}),
    STEP("config", GET, "/v1/config", NULL, 200, NULL,
         .json = {"/settings/isolation.schema_name_template/value == 'tenant_{id}'",
                  "/settings/isolation.schema_name_template/source == 'default'",
                  "/settings/listen/source != 'default'", "/retry/max_attempts == 3",
                  "/retry/backoff_multiplier ~ '2'"}),
    STEP("errors", GET, "/v1/errors", NULL, 200, NULL, .json = {"/errors ~ 'TENANT_NOT_FOUND'"}),
    STEP("who am I", GET, "/v1/whoami", NULL, 200, NULL),
    STEP("contract", GET, "/openapi.json", NULL, 200, NULL, .token = "", .keep = "etag=@ETag",
         .json = {"/openapi ~ '3.1'", "@Cache-Control ~ 'max-age'"}),
    STEP("contract, unchanged", GET, "/openapi.json", NULL, 304, NULL,
         .headers = "If-None-Match: {etag}\r\n", .token = ""),
    STEP("contract, head", GET, "/openapi.json", NULL, 200, NULL, .verb = "HEAD", .token = ""),
    STEP("a parameter", GET, "/v1/version?x=1", NULL, 400, "UNKNOWN_PARAMETER"),
    STEP("an id of mine", GET, "/v1/version", NULL, 200, NULL,
         .headers = "X-Request-Id: abc-123\r\n", .json = {"@X-Request-Id == 'abc-123'"}),
    STEP("an id that is none", GET, "/v1/version", NULL, 200, NULL,
         .headers = "X-Request-Id: a\"b\r\n", .json = {"@X-Request-Id ~ 'req_'"}),
    STEP("an error has it, too", GET, "/v1/nothing", NULL, 404, "NOT_FOUND",
         .headers = "X-Request-Id: abc-124\r\n", .json = {"/request_id == 'abc-124'"}),
};

START_TEST(what_it_says_of_itself)
{
    STEPS_RUN(meta);
}
END_TEST

/* No setting shows a secret: neither the token nor the database's password. */
START_TEST(no_secret_is_shown)
{
    static const struct step config = STEP("config", GET, "/v1/config", NULL, 200, NULL);
    struct steps steps;

    steps_open(&steps);
    steps_run_one(&steps, &config);
    ck_assert_ptr_null(strstr(steps.client.body, daemon_token()));
    ck_assert_ptr_null(strstr(steps.client.body, pg_fixture_url()));
    steps_close(&steps);
}
END_TEST

static const struct {
    const char *request, *has;
    int status;
} probes[] = {
    {"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "ok", 200},
    {"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "ok", 200},
    {"GET /startupz HTTP/1.1\r\nHost: x\r\n\r\n", "ok", 200},
    {"GET /readyz?verbose HTTP/1.1\r\nHost: x\r\n\r\n", "[+]control_db ok", 200},
    {"GET /readyz?exclude=queue&verbose HTTP/1.1\r\nHost: x\r\n\r\n", "[+]queue excluded", 200},
    {"GET /startupz/started HTTP/1.1\r\nHost: x\r\n\r\n", "[+]started ok", 200},
    {"GET /readyz/control_db HTTP/1.1\r\nHost: x\r\n\r\n", "[+]control_db ok", 200},
    {"GET /readyz HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n", "\"status\":\"ok\"",
     200},
    {"GET /readyz/nothing HTTP/1.1\r\nHost: x\r\n\r\n", "NOT_FOUND", 404},
    {"GET /livez/control_db HTTP/1.1\r\nHost: x\r\n\r\n", "NOT_FOUND", 404},
    {"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "NOT_FOUND", 404},
    {"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "METHOD_NOT_ALLOWED", 405},
    {"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "METHOD_NOT_ALLOWED", 405},
    {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "# TYPE tenantd_", 200},
};

START_TEST(the_admin_listener)
{
    struct http_client client;

    http_client_open(&client, daemon_admin_port());
    http_client_send(&client, probes[_i].request);
    int status = http_client_read(&client);
    ck_assert_msg(status == probes[_i].status, "%s%d %s", probes[_i].request, status, client.body);
    ck_assert_msg(strstr(client.body, probes[_i].has) != NULL, "%s%s", probes[_i].request,
                  client.body);
    http_client_close(&client);
}
END_TEST

/* What is counted under: patterns of paths, never the paths themselves. */
START_TEST(metrics_by_route)
{
    static const struct step steps[] = {
        STEP("one", GET, "/v1/tenants/secret-customer", NULL, 404, "TENANT_NOT_FOUND"),
        STEP("another", GET, "/v1/nothing-at-all", NULL, 404, "NOT_FOUND"),
    };
    struct http_client client;

    STEPS_RUN(steps);
    http_client_open(&client, daemon_admin_port());
    ck_assert_int_eq(http_client_get(&client, "/metrics"), 200);
    ck_assert_ptr_nonnull(strstr(client.body, "/v1/tenants/{tenant_id}"));
    ck_assert_ptr_nonnull(strstr(client.body, "TENANT_NOT_FOUND"));
    ck_assert_ptr_null(strstr(client.body, "secret-customer"));
    ck_assert_ptr_null(strstr(client.body, "nothing-at-all"));
    ck_assert_ptr_nonnull(strstr(http_client_header(&client, "Content-Type"), "version=0.0.4"));
    http_client_close(&client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api meta");
    TCase *tc = tcase_create("meta");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_it_says_of_itself);
    tcase_add_test(tc, no_secret_is_shown);
    tcase_add_loop_test(tc, the_admin_listener, 0, (int)ARRAY_LEN(probes));
    tcase_add_test(tc, metrics_by_route);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
