/* SPDX-License-Identifier: MIT */
/* Bytes that no well-meaning client sends, over sockets of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/step.h"

static const struct step bodies[] = {
    STEP("broken JSON", POST, "/v1/tenants", "{\"id\":\"x\"", 400, "MALFORMED_JSON", .raw = true,
         .json = {"/metadata/line == 1"}),
    STEP("no JSON", POST, "/v1/tenants", "id=x", 400, "MALFORMED_JSON", .raw = true),
    STEP("a string", POST, "/v1/tenants", "\"x\"", 400, "MALFORMED_JSON", .raw = true),
    STEP("a list", POST, "/v1/tenants", "[]", 422, "VALIDATION_FAILED"),
    STEP("two values", POST, "/v1/tenants", "{}{}", 400, "MALFORMED_JSON"),
    STEP("duplicate keys", POST, "/v1/tenants", "{'id':'x','id':'y'}", 400, "MALFORMED_JSON"),
    STEP("duplicate keys below", POST, "/v1/tenants", "{'id':'x','labels':{'a':'1','a':'2'}}", 400,
         "MALFORMED_JSON"),
    STEP("NUL, escaped", POST, "/v1/tenants", "{\"id\":\"x\\u0000y\"}", 400, "MALFORMED_JSON",
         .raw = true),
    STEP("half a surrogate", POST, "/v1/tenants", "{\"id\":\"x\",\"display_name\":\"\\ud800\"}",
         400, "MALFORMED_JSON", .raw = true),
    STEP("not UTF-8", POST, "/v1/tenants", "{\"id\":\"\xff\xfe\"}", 400, "MALFORMED_JSON",
         .raw = true),
    STEP("NaN", POST, "/v1/tenants", "{\"id\":NaN}", 400, "MALFORMED_JSON", .raw = true),
    STEP("as a form", POST, "/v1/tenants", "id=x", 415, "UNSUPPORTED_MEDIA_TYPE",
         .type = "application/x-www-form-urlencoded"),
    STEP("JSON by another name", POST, "/v1/tenants", "{}", 415, "UNSUPPORTED_MEDIA_TYPE",
         .type = "application/jsonx"),
    STEP("with a charset", POST, "/v1/tenants?dry_run=true", "{\"id\":\"x\"}", 200, NULL,
         .type = "application/json; charset=utf-8", .raw = true),
    STEP("coded", POST, "/v1/tenants", "{}", 415, "UNSUPPORTED_MEDIA_TYPE",
         .headers = "Content-Encoding: gzip\r\n"),
    STEP("a body where there is none", GET, "/v1/tenants", "{}", 400, "BAD_REQUEST"),
};

static const struct step paths[] = {
    STEP("no route", GET, "/v1/nothing", NULL, 404, "NOT_FOUND"),
    STEP("no version", GET, "/v2/tenants", NULL, 404, "NOT_FOUND"),
    STEP("the root", GET, "/", NULL, 404, "NOT_FOUND"),
    STEP("a slash at the end", GET, "/v1/tenants/", NULL, 404, "NOT_FOUND"),
    STEP("two slashes", GET, "/v1//tenants", NULL, 404, "NOT_FOUND"),
    STEP("dots", GET, "/v1/tenants/../tokens", NULL, 404, "NOT_FOUND"),
    STEP("upper case", GET, "/V1/Tenants", NULL, 404, "NOT_FOUND"),
    STEP("NUL", GET, "/v1/tenants/a%00b", NULL, 400, "BAD_REQUEST"),
    STEP("a slash, escaped", GET, "/v1/tenants/a%2Fb", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("a slash, escaped, is no segment", GET, "/v1/tenants/a%2Fpool", NULL, 404,
         "TENANT_NOT_FOUND"),
    STEP("half an escape", GET, "/v1/tenants/%4", NULL, 400, "BAD_REQUEST"),
    STEP("not UTF-8", GET, "/v1/tenants/%ff", NULL, 400, "BAD_REQUEST"),
    STEP("quotes", GET, "/v1/tenants/%27;DROP%20SCHEMA%20tenantd--", NULL, 404,
         "TENANT_NOT_FOUND"),
    STEP("an escape in a query", GET, "/v1/tenants?id_prefix=%zz", NULL, 400, "BAD_REQUEST"),
    STEP("NUL in a query", GET, "/v1/tenants?id_prefix=%00", NULL, 400, "BAD_REQUEST"),
    STEP("a method of no route", PUT, "/v1/tenants", "{}", 405, "METHOD_NOT_ALLOWED",
         .json = {"@Allow ~ 'GET'", "@Allow ~ 'POST'", "@Allow ~ 'HEAD'"}),
    STEP("a method of its own", GET, "/v1/tenants", NULL, 405, "METHOD_NOT_ALLOWED",
         .verb = "BREW", .json = {"@Allow ~ 'GET'"}),
    STEP("TRACE", GET, "/v1/tenants", NULL, 405, "METHOD_NOT_ALLOWED", .verb = "TRACE"),
    STEP("only POST", GET, "/v1/tenants/x/suspend", NULL, 405, "METHOD_NOT_ALLOWED",
         .json = {"@Allow ~ 'POST'"}),
    STEP("options", OPTIONS, "/v1/tenants/x", NULL, 204, NULL,
         .json = {"@Allow ~ 'PATCH'", "@Allow ~ 'DELETE'"}),
    STEP("a literal is no tenant", GET, "/v1/tenants/batch", NULL, 405, "METHOD_NOT_ALLOWED",
         .json = {"@Allow ~ 'POST'"}),
};

START_TEST(bad_bodies)
{
    STEPS_RUN(bodies);
}
END_TEST

START_TEST(bad_paths)
{
    STEPS_RUN(paths);
}
END_TEST

#define START "POST /v1/tenants HTTP/1.1\r\nHost: x\r\n"
static const struct {
    const char *label, *text;
    int status;
    bool by_library; /* libmicrohttpd refuses it before we see it, in its own words */
} raw[] = {
    {"two lengths", START "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, false},
    {"one length twice", START "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, false},
    {"a length and chunks", START "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400, false},
    {"a length below nothing", START "Content-Length: -2\r\n\r\n{}", 400, true},
    {"another coding", START "Transfer-Encoding: gzip\r\n\r\n", 501, false},
    {"no host", "GET /v1/tenants HTTP/1.1\r\n\r\n", 400, true},
    {"two hosts", "GET /v1/tenants HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, false},
    {"a path without slash", "GET v1/tenants HTTP/1.1\r\nHost: x\r\n\r\n", 400, false},
};

START_TEST(bad_heads)
{
    struct http_client client;

    http_client_open(&client, daemon_port());
    http_client_send(&client, raw[_i].text);
    int status = http_client_read(&client);
    ck_assert_msg(status == raw[_i].status, "%s: %d %s", raw[_i].label, status, client.body);
    ck_assert(raw[_i].by_library || strstr(client.body, "\"request_id\""));
    http_client_close(&client);
}
END_TEST

enum { MIB = 1024 * 1024 };

/* What n bytes of body are answered with, whole or as soon as the head is read. */
static int send_big(const char *target, const char *type, size_t n, char first)
{
    struct http_client client;
    char *bytes = malloc(n);

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, ' ', n);
    bytes[0] = first;
    http_client_open(&client, daemon_port());
    http_client_sendf(&client,
                      "%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\n"
                      "Content-Length: %zu\r\n\r\n",
                      target, daemon_token(), type, n);
    (void)http_client_write(&client, bytes, n);
    int status = http_client_read_within(&client, false, 30000);
    free(bytes);
    http_client_close(&client);
    return status;
}

START_TEST(big_bodies)
{
    ck_assert_int_eq(send_big("POST /v1/tenants", "application/json", 5 * MIB, '{'), 413);
    ck_assert_int_eq(send_big("POST /v1/tenants", "application/json", 256 * 1024 + 1, '{'), 413);
    ck_assert_int_eq(send_big("POST /v1/tenants", "application/json", 256 * 1024, '{'), 400);
    ck_assert_int_eq(send_big("POST /v1/migration-runs", "application/json", 33 * MIB, '{'), 413);
    ck_assert_int_eq(send_big("POST /v1/catalogs/tenant/bundles", "application/json", 5 * MIB, '{'),
                     400);
    ck_assert_int_eq(
        send_big("POST /v1/catalogs/tenant/bundles", "application/gzip", 33 * MIB, '{'), 413);
    ck_assert_int_eq(
        send_big("PUT /v1/catalogs/tenant/migrations/0001_big", "application/sql", 5 * MIB, ';'),
        201);
}
END_TEST

START_TEST(deep_bodies)
{
    CLEANUP(str_clear) struct str body = STR_INIT;

    str_add(&body, "{\"labels\":");
    for (int i = 0; i < 100000; i++)
        str_add(&body, "[");
    const struct step deep = STEP("a hundred thousand lists", POST, "/v1/tenants", str_text(&body),
                                  400, "MALFORMED_JSON", .raw = true);
    steps_run_table(&deep, 1);
}
END_TEST

START_TEST(long_targets)
{
    char path[9000];
    struct http_client client;

    (void)snprintf(path, sizeof path, "GET /v1/tenants/%08900d HTTP/1.1\r\nHost: x\r\n", 0);
    http_client_open(&client, daemon_port());
    (void)http_client_write(&client, path, strlen(path));
    http_client_send(&client, "\r\n");
    int status = http_client_read(&client);
    ck_assert_msg(status == 414 || status == 404 || status == 401, "%d", status);
    http_client_close(&client);
}
END_TEST

/* A client that is gone while its request waits is no trouble to the next. */
START_TEST(clients_that_leave)
{
    static const struct step still_there = STEP("still there", GET, "/v1/tenants", NULL, 200);

    for (int i = 0; i < 20; i++) {
        struct http_client client;
        http_client_open(&client, daemon_port());
        http_client_sendf(&client, "GET /v1/servers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s"
                                   "\r\n\r\n", daemon_token());
        http_client_abort(&client);
        http_client_open(&client, daemon_port());
        http_client_send(&client, START "Content-Length: 100\r\n\r\n{");
        http_client_abort(&client);
    }
    steps_run_table(&still_there, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api hostile");
    TCase *tc = tcase_create("hostile");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, bad_bodies);
    tcase_add_test(tc, bad_paths);
    tcase_add_loop_test(tc, bad_heads, 0, (int)ARRAY_LEN(raw));
    tcase_add_test(tc, big_bodies);
    tcase_add_test(tc, deep_bodies);
    tcase_add_test(tc, long_targets);
    tcase_add_test(tc, clients_that_leave);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
