/* SPDX-License-Identifier: MIT */
/* What the server makes of the bytes of a request, good and bad, over real sockets. Each test
 * runs twice: with handler threads and with the handler on the I/O thread. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "tests/support/http_app.h"
#include "tests/support/http_client.h"

static struct http_app app;
static struct http_client client;

static void start(int handlers)
{
    struct server_options options = http_app_options();

    options.handlers = handlers;
    http_app_start(&app, options);
    http_client_open(&client, http_app_port(&app));
}

static void set_up_pool(void)
{
    start(4);
}

static void set_up_inline(void)
{
    start(0);
}

static void tear_down(void)
{
    http_client_close(&client);
    http_app_stop(&app);
}

static void body_has(const char *text)
{
    ck_assert_msg(client.body && strstr(client.body, text), "no \"%s\" in: %s", text, client.body);
}

START_TEST(a_request_and_its_reply)
{
    http_client_send(&client, "GET /echo?a=1&b=x+y%2Bz&a=%C3%A9&c&d= HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_int_eq(http_client_read(&client), 200);
    ck_assert_str_eq(client.body, "GET /echo\n?a=1\n?b=x y+z\n?a=\xc3\xa9\n?c=\n?d=\n"
                                  "peer 127.0.0.1\nbody 0:");
    ck_assert_str_eq(http_client_header(&client, "Content-Type"), "text/plain");
    ck_assert_str_eq(http_client_header(&client, "Cache-Control"), "no-store");
    ck_assert_str_eq(http_client_header(&client, "X-Content-Type-Options"), "nosniff");
    ck_assert_int_eq(strncmp(http_client_header(&client, "X-Request-Id"), "req_", 4), 0);
    ck_assert_ptr_null(http_client_header(&client, "Server"));
    ck_assert(http_app_reaches(&app, &app.observed, 1));
}
END_TEST

START_TEST(head_is_get_without_the_body)
{
    int n = http_client_get(&client, "/echo") == 200 ? (int)client.body_len : 0;

    http_client_send(&client, "HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_int_eq(http_client_read_head(&client), 200);
    ck_assert_int_eq(atoi(http_client_header(&client, "Content-Length")), n + 5); /* "+HEAD" */
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200); /* nothing was left on the wire */
}
END_TEST

START_TEST(request_ids)
{
    static const struct {
        const char *sent;
        bool kept;
    } rows[] = {{"my-id_1", true}, {"a\"b", false}, {"a'b", false}, {"a b", false}, {"", false}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        http_client_sendf(&client, "GET /echo HTTP/1.1\r\nHost: x\r\nX-Request-Id: %s\r\n\r\n",
                          rows[i].sent);
        ck_assert_int_eq(http_client_read(&client), 200);
        const char *id = http_client_header(&client, "X-Request-Id");
        ck_assert_int_eq(strcmp(id, rows[i].sent) == 0, rows[i].kept);
        ck_assert_int_eq(strncmp(id, "req_", 4) == 0, !rows[i].kept);
    }
}
END_TEST

START_TEST(replies_of_all_kinds)
{
    ck_assert_int_eq(http_client_get(&client, "/null"), 500);
    body_has("\"INTERNAL\"");
    ck_assert_int_eq(http_client_get(&client, "/split"), 500);
    ck_assert_ptr_null(http_client_header(&client, "X-B"));
    ck_assert_int_eq(http_client_get(&client, "/forever"), 500);
    ck_assert_int_eq(http_client_get(&client, "/cached"), 200);
    ck_assert_str_eq(http_client_header(&client, "Cache-Control"), "max-age=60");
    ck_assert_int_eq(http_client_get(&client, "/empty"), 204);
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200);
}
END_TEST

START_TEST(paths_stay_as_sent)
{
    static const char *const rows[][2] = {
        {"/a%2Fb", "GET /a%2Fb\n"},           {"//x", "GET //x\n"},
        {"http://x/a?b=1", "GET /a\n?b=1"},   {"/a+b", "GET /a+b\n"},
        {"/%C3%A9/%25", "GET /%C3%A9/%25\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(http_client_get(&client, rows[i][0]), 200);
        body_has(rows[i][1]);
    }
}
END_TEST

#define POST "POST /echo HTTP/1.1\r\nHost: x\r\n"

static const struct {
    const char *request;
    int status;
    const char *code;
} refused[] = {
    {"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"},
    {"GET /echo%00.txt HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"},
    {"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"},
    {"GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"},
    {"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"},
    {"GET /echo?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"},
    {"GET /echo?%00=1 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"},
    {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"},
    {"G<T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"},
    {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "BAD_REQUEST"},
    {"GET / HTTP/1.1\r\nHost: x\r\nX-A : 1\r\n\r\n", 400, "BAD_REQUEST"},
    {"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\x01z\r\n\r\n", 400, "BAD_REQUEST"},
    {POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, "BAD_REQUEST"},
    {POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, "BAD_REQUEST"},
    {POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "BAD_REQUEST"},
    {POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, "BAD_REQUEST"},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "NOT_IMPLEMENTED"},
    {POST "Transfer-Encoding: identity\r\n\r\n", 501, "NOT_IMPLEMENTED"},
    {POST "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415, "UNSUPPORTED_MEDIA_TYPE"},
    {"PATCH /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 60\r\n\r\n"
     "abcdeGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
     400, "BAD_REQUEST"},
    {"GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n"
     "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
     400, "BAD_REQUEST"},
};

START_TEST(refuses_and_closes)
{
    http_client_send(&client, refused[_i].request);
    ck_assert_int_eq(http_client_read(&client), refused[_i].status);
    body_has(refused[_i].code);
    body_has("\"request_id\":\"req_");
    ck_assert_str_eq(http_client_header(&client, "Content-Type"), "application/problem+json");
    ck_assert_str_eq(http_client_header(&client, "Connection"), "close");
    ck_assert_int_eq(http_client_read(&client), HTTP_CLIENT_CLOSED); /* and no second reply */
    ck_assert_int_eq(server_stats(app.server).rejected_malformed, 1);
    ck_assert(http_app_reaches(&app, &app.observed, 1));
    ck_assert_int_eq(app.last_status, refused[_i].status);
}
END_TEST

/* What libmicrohttpd refuses by itself: whatever it says, it must not reach a handler. */
static const char *const never_handled[] = {
    "GET /echo HTTP/1.1\r\n\r\n",
    "GET /echo HTTP/9.9\r\nHost: x\r\n\r\n",
    "GET /echo\r\nHost: x\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x16\x03\x01\x02\x01\x01\x01\x01\xfc\x03\x03\r\n\r\n",
    POST "Content-Length: +2\r\n\r\nab",
    POST "Content-Length: 99999999999999999999999\r\n\r\nab",
    POST "Content-Length: 2, 2\r\n\r\nab",
};

START_TEST(never_reaches_a_handler)
{
    http_client_send(&client, never_handled[_i]);
    int status = http_client_read(&client);
    ck_assert_msg(status == HTTP_CLIENT_CLOSED || (status >= 400 && status != 404), "%d", status);
    ck_assert(http_client_is_closed(&client, 5000));
}
END_TEST

static void send_fields(const char *separator, const char *name, int n)
{
    for (int i = 0; i < n; i++)
        http_client_sendf(&client, "%s%s%d", i ? separator : "", name, i);
}

START_TEST(as_many_fields_as_there_is_room_for)
{
    static const struct {
        int headers, parameters, status;
    } rows[] = {{99, 100, 200}, {100, 0, 400}, {300, 0, 400}, {0, 101, 400}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        http_client_send(&client, "GET /echo?");
        send_fields("&", "p=", rows[i].parameters);
        http_client_send(&client, " HTTP/1.1\r\nHost: x\r\n");
        send_fields("\r\n", "X-A: ", rows[i].headers);
        http_client_send(&client, rows[i].headers ? "\r\n\r\n" : "\r\n");
        ck_assert_int_eq(http_client_read(&client), rows[i].status);
        http_client_close(&client);
        http_client_open(&client, http_app_port(&app));
    }
}
END_TEST

START_TEST(a_head_that_does_not_fit)
{
    http_client_send(&client, "GET /echo HTTP/1.1\r\nHost: x\r\nX-A: ");
    for (int i = 0; i < 40; i++)
        http_client_sendf(&client, "%01000d", 0);
    http_client_send(&client, "\r\n\r\n");
    int status = http_client_read(&client);
    ck_assert_msg(status == 431 || status == 413 || status == HTTP_CLIENT_CLOSED, "%d", status);
}
END_TEST

START_TEST(bodies)
{
    http_client_send(&client, POST "Content-Length: 5\r\n\r\nhello");
    ck_assert_int_eq(http_client_read(&client), 200);
    body_has("body 5:hello");
    http_client_send(&client, POST "Transfer-Encoding: chunked\r\n\r\n"
                                   "5\r\nhello\r\n7;ext=1\r\n, world\r\n0\r\nX-T: 1\r\n\r\n");
    ck_assert_int_eq(http_client_read(&client), 200);
    body_has("body 12:hello, world");
    http_client_send(&client, POST "Content-Length: 0\r\n\r\n");
    ck_assert_int_eq(http_client_read(&client), 200);
    body_has("body 0:");
    http_client_send(&client, "DELETE /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
    ck_assert_int_eq(http_client_read(&client), 200);
    body_has("DELETE /echo\n");
    body_has("body 2:ab");
    http_client_send(&client, POST "Content-Length: 5\r\n\r\n");
    (void)http_client_write(&client, "a\0b\0c", 5);
    ck_assert_int_eq(http_client_read(&client), 200);
    body_has("body 5:a");
}
END_TEST

START_TEST(a_body_byte_by_byte)
{
    http_client_send(&client, POST "Content-Length: 20\r\n\r\n");
    for (int i = 0; i < 20; i++)
        (void)http_client_write(&client, "x", 1);
    ck_assert_int_eq(http_client_read(&client), 200);
    body_has("body 20:xxxxxxxxxxxxxxxxxxxx");
}
END_TEST

START_TEST(a_body_as_long_as_allowed)
{
    static char bytes[65536];

    memset(bytes, 'x', sizeof bytes);
    http_client_send(&client, POST "Content-Length: 65536\r\n\r\n");
    (void)http_client_write(&client, bytes, sizeof bytes);
    ck_assert_int_eq(http_client_read(&client), 200);
    body_has("body 65536:xxx");
}
END_TEST

START_TEST(a_body_too_long_is_refused_at_once)
{
    http_client_sendf(&client, "POST /%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n",
                      _i & 1 ? "small" : "echo", _i & 2 ? "Expect: 100-continue\r\n" : "",
                      _i & 1 ? 1001 : 65537);
    ck_assert_int_eq(http_client_read(&client), 413); /* a 100 Continue would be skipped: */
    ck_assert_str_eq(http_client_header(&client, "Connection"), "close");
    body_has(_i & 1 ? "at most 1000 bytes" : "at most 65536 bytes");
    ck_assert(http_client_is_closed(&client, 5000));
    ck_assert_int_eq(server_stats(app.server).rejected_body_size, 1);
}
END_TEST

START_TEST(expect_continue)
{
    char hundred[64] = "";

    http_client_send(&client, POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    ck_assert_int_gt(recv(client.fd, hundred, sizeof hundred - 1, 0), 0);
    ck_assert_str_eq(hundred, "HTTP/1.1 100 Continue\r\n\r\n");
    http_client_send(&client, "ab");
    ck_assert_int_eq(http_client_read(&client), 200);
    body_has("body 2:ab");
}
END_TEST

START_TEST(a_refusal_reaches_who_sends_on)
{
    static char bytes[1 << 20];

    http_client_sendf(&client, POST "Content-Length: %zu\r\n\r\n", 4 * sizeof bytes);
    for (int i = 0; i < 4; i++) /* a reset would end this */
        ck_assert(http_client_write(&client, bytes, sizeof bytes));
    ck_assert_int_eq(http_client_read(&client), 413);
}
END_TEST

static void send_chunks(size_t n)
{
    char chunk[1000];

    memset(chunk, 'x', sizeof chunk);
    for (size_t i = 0; i < n; i++) {
        http_client_send(&client, "3e8\r\n");
        (void)http_client_write(&client, chunk, sizeof chunk);
        http_client_send(&client, "\r\n");
    }
}

START_TEST(chunks_too_long_are_refused)
{
    http_client_send(&client, POST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(100);
    http_client_send(&client, "0\r\n\r\n");
    ck_assert_int_eq(http_client_read(&client), 413);
    ck_assert(http_client_is_closed(&client, 5000));
}
END_TEST

START_TEST(chunks_without_end_are_cut)
{
    http_client_send(&client, POST "Transfer-Encoding: chunked\r\n\r\n");
    send_chunks(10000); /* the peer goes away in between */
    ck_assert_int_eq(http_client_read(&client), HTTP_CLIENT_CLOSED);
    ck_assert_int_eq(server_stats(app.server).rejected_body_size, 1);
    ck_assert(http_app_reaches(&app, &app.lost, 1));
}
END_TEST

START_TEST(keep_alive_and_pipelining)
{
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(http_client_get(&client, "/echo"), 200);
    for (int i = 0; i < 20; i++)
        http_client_sendf(&client, POST "Content-Length: 2\r\n\r\n%02d", i);
    for (int i = 0; i < 20; i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "body 2:%02d", i);
        ck_assert_int_eq(http_client_read(&client), 200);
        body_has(want);
    }
    ck_assert_int_eq(server_stats(app.server).connections, 1);
}
END_TEST

START_TEST(half_a_request)
{
    static const char *const halves[] = {"G", "GET /echo HT", "GET /echo HTTP/1.1\r\nHost: x\r\n",
                                         POST "Content-Length: 9\r\n\r\nabc",
                                         POST "Transfer-Encoding: chunked\r\n\r\n5\r\nab"};

    for (size_t i = 0; i < ARRAY_LEN(halves); i++) {
        http_client_send(&client, halves[i]);
        if (i % 2)
            http_client_abort(&client);
        else
            http_client_close(&client);
        http_client_open(&client, http_app_port(&app));
    }
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200);
    ck_assert(http_app_stat_is(&app, connections, 1));
    ck_assert(http_app_stat_is(&app, in_flight, 0));
}
END_TEST

START_TEST(an_end_of_sending_is_no_end_of_reading)
{
    http_client_send(&client, "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    (void)shutdown(client.fd, SHUT_WR);
    int status = http_client_read(&client);
    ck_assert_msg(status == 200, "%d", status);
}
END_TEST

START_TEST(http_1_0)
{
    http_client_send(&client, "GET /echo HTTP/1.0\r\n\r\n");
    ck_assert_int_eq(http_client_read(&client), 200);
    ck_assert(http_client_is_closed(&client, 5000));
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, a_request_and_its_reply);
    tcase_add_test(tc, head_is_get_without_the_body);
    tcase_add_test(tc, request_ids);
    tcase_add_test(tc, replies_of_all_kinds);
    tcase_add_test(tc, paths_stay_as_sent);
    tcase_add_loop_test(tc, refuses_and_closes, 0, (int)ARRAY_LEN(refused));
    tcase_add_loop_test(tc, never_reaches_a_handler, 0, (int)ARRAY_LEN(never_handled));
    tcase_add_test(tc, as_many_fields_as_there_is_room_for);
    tcase_add_test(tc, a_head_that_does_not_fit);
    tcase_add_test(tc, bodies);
    tcase_add_test(tc, a_body_byte_by_byte);
    tcase_add_test(tc, a_body_as_long_as_allowed);
    tcase_add_loop_test(tc, a_body_too_long_is_refused_at_once, 0, 4);
    tcase_add_test(tc, expect_continue);
    tcase_add_test(tc, a_refusal_reaches_who_sends_on);
    tcase_add_test(tc, chunks_too_long_are_refused);
    tcase_add_test(tc, chunks_without_end_are_cut);
    tcase_add_test(tc, keep_alive_and_pipelining);
    tcase_add_test(tc, half_a_request);
    tcase_add_test(tc, an_end_of_sending_is_no_end_of_reading);
    tcase_add_test(tc, http_1_0);
    tcase_set_timeout(tc, 60);
}

int main(void)
{
    Suite *suite = suite_create("server");
    TCase *pool = tcase_create("handler threads"), *here = tcase_create("in place");

    tcase_add_checked_fixture(pool, set_up_pool, tear_down);
    tcase_add_checked_fixture(here, set_up_inline, tear_down);
    add_tests(pool);
    add_tests(here);
    suite_add_tcase(suite, pool);
    suite_add_tcase(suite, here);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
