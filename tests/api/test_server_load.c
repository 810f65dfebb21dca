/* SPDX-License-Identifier: MIT */
/* Many clients, slow clients, full queues; starting, draining and stopping. */
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "tests/support/http_app.h"
#include "tests/support/http_client.h"

static struct http_app app;

static void pause_ms(int64_t ms)
{
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void get(struct http_client *client, const char *path)
{
    http_client_sendf(client, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
}

/* Connections whose requests are all there when an I/O thread looks: the thread is held at the
 * gate meanwhile. It is what makes libmicrohttpd's epoll loop stall with too many of them. */
static const struct {
    int io_threads, clients;
} crowds[] = {{1, 125}, {1, 127}, {1, 128}, {1, 129}, {1, 256}, {4, 127},
              {4, 128}, {4, 129}, {4, 256}, {4, 500}, {4, 600}};

START_TEST(a_crowd_is_answered)
{
    struct server_options options = http_app_options();
    struct http_client clients[600];
    int n = crowds[_i].clients, limit = 125 * crowds[_i].io_threads;

    options.io_threads = crowds[_i].io_threads;
    options.handlers = 0;
    http_app_start(&app, options);
    for (int i = 0; i < n; i++)
        http_client_open(&clients[i], http_app_port(&app));
    /* an I/O thread can be full while others are not: then less than all are in */
    if (n <= 125 || crowds[_i].io_threads == 1)
        ck_assert(http_app_stat_is(&app, connections, n < limit ? n : limit));
    get(&clients[0], "/gate");
    ck_assert(http_app_reaches(&app, &app.inside, 1));
    for (int i = 1; i < n; i++)
        http_client_send(&clients[i], "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    int64_t before = clock_mono_ms();
    http_app_open_gate(&app);
    /* nobody stirs until all are answered: any event would end a stall */
    for (int i = 0; i < n; i++) {
        int status = http_client_read(&clients[i]);
        ck_assert_msg(status == 200, "client %d: %d", i, status);
    }
    ck_assert_int_lt(clock_mono_ms() - before, 3000);
    for (int i = 0; i < n; i++)
        http_client_close(&clients[i]);
    http_app_stop(&app);
}
END_TEST

START_TEST(a_crowd_through_the_queue)
{
    struct server_options options = http_app_options();
    struct http_client clients[100];

    options.queue = 100;
    http_app_start(&app, options);
    for (int i = 0; i < 100; i++)
        http_client_open(&clients[i], http_app_port(&app));
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 100; i++)
            get(&clients[i], "/echo");
        for (int i = 0; i < 100; i++)
            ck_assert_int_eq(http_client_read(&clients[i]), 200);
    }
    for (int i = 0; i < 100; i++)
        http_client_close(&clients[i]);
    ck_assert(http_app_reaches(&app, &app.observed, 2000));
    ck_assert(http_app_stat_is(&app, in_flight, 0));
    http_app_stop(&app);
}
END_TEST

START_TEST(a_full_queue_refuses)
{
    struct server_options options = http_app_options();
    struct http_client at_gate, waiting, refused;

    options.handlers = 1;
    options.queue = 1;
    http_app_start(&app, options);
    http_client_open(&at_gate, http_app_port(&app));
    http_client_open(&waiting, http_app_port(&app));
    http_client_open(&refused, http_app_port(&app));
    get(&at_gate, "/gate");
    ck_assert(http_app_reaches(&app, &app.inside, 1));
    get(&waiting, "/echo");
    ck_assert(http_app_stat_is(&app, queued, 1));
    ck_assert_int_eq(http_client_get(&refused, "/echo"), 503);
    ck_assert_ptr_nonnull(strstr(refused.body, "\"OVERLOADED\""));
    ck_assert_str_eq(http_client_header(&refused, "Retry-After"), "1");
    ck_assert_int_eq(server_stats(app.server).rejected_overload, 1);
    http_app_open_gate(&app);
    ck_assert_int_eq(http_client_read(&at_gate), 200);
    ck_assert_int_eq(http_client_read(&waiting), 200);
    ck_assert_int_eq(http_client_get(&refused, "/echo"), 200); /* its connection was kept */
    http_client_close(&at_gate);
    http_client_close(&waiting);
    http_client_close(&refused);
    http_app_stop(&app);
}
END_TEST

static const struct {
    const char *first, *trickle;
    bool reused; /* after a whole request */
} slow[] = {
    {"", "", false},
    {"", "GET / HTTP/1.1\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     false},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     true},
};

START_TEST(a_slow_client_is_cut)
{
    struct server_options options = http_app_options();
    struct http_client client;

    options.receive_timeout_ms = 400;
    http_app_start(&app, options);
    http_client_open(&client, http_app_port(&app));
    if (slow[_i].reused)
        ck_assert_int_eq(http_client_get(&client, "/echo"), 200);
    int64_t before = clock_mono_ms();
    http_client_send(&client, slow[_i].first);
    bool closed = false;
    for (const char *p = slow[_i].trickle; *p && !closed; p++) {
        (void)http_client_write(&client, p, 1);
        closed = http_client_is_closed(&client, 50);
    }
    ck_assert(closed || http_client_is_closed(&client, 2000));
    ck_assert_int_ge(clock_mono_ms() - before, 350);
    ck_assert_int_lt(clock_mono_ms() - before, 2000);
    ck_assert(http_app_stat_is(&app, connections, 0));
    ck_assert_int_eq(server_stats(app.server).rejected_slow, 1);
    http_client_close(&client);
    http_app_stop(&app);
}
END_TEST

/* A thousand times a byte: the head of a second request is slow too, and comes to its end. */
START_TEST(a_slow_second_head_is_cut)
{
    struct server_options options = http_app_options();
    struct http_client client;

    options.receive_timeout_ms = 400;
    options.idle_timeout_s = 1;
    http_app_start(&app, options);
    http_client_open(&client, http_app_port(&app));
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200);
    int64_t before = clock_mono_ms();
    bool closed = false;
    while (!closed && clock_mono_ms() - before < 8000) {
        (void)http_client_write(&client, "G", 1);
        closed = http_client_is_closed(&client, 50);
    }
    ck_assert(closed);
    ck_assert_int_lt(clock_mono_ms() - before, 3000);
    http_client_close(&client);
    http_app_stop(&app);
}
END_TEST

START_TEST(idle_is_not_slow)
{
    struct server_options options = http_app_options();
    struct http_client client;

    options.receive_timeout_ms = 200;
    options.idle_timeout_s = 2;
    http_app_start(&app, options);
    http_client_open(&client, http_app_port(&app));
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200);
    ck_assert(!http_client_is_closed(&client, 800));
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200);
    ck_assert(http_client_is_closed(&client, 8000));
    ck_assert_int_eq(server_stats(app.server).rejected_slow, 0);
    http_client_close(&client);
    http_app_stop(&app);
}
END_TEST

START_TEST(a_slow_handler_is_no_slow_client)
{
    struct server_options options = http_app_options();
    struct http_client client;

    options.receive_timeout_ms = 200;
    options.idle_timeout_s = 1;
    http_app_start(&app, options);
    http_client_open(&client, http_app_port(&app));
    get(&client, "/gate");
    ck_assert_int_eq(http_client_read_within(&client, false, 1500), HTTP_CLIENT_TIMEOUT);
    http_app_open_gate(&app);
    ck_assert_int_eq(http_client_read(&client), 200);
    http_client_close(&client);
    http_app_stop(&app);
}
END_TEST

static bool can_connect(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool can = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    (void)close(fd);
    return can;
}

static void *open_gate_later(void *arg)
{
    (void)arg;
    pause_ms(200);
    http_app_open_gate(&app);
    return NULL;
}

START_TEST(a_drain_lets_requests_finish)
{
    struct http_client idle, at_gate, fresh, halfway;
    pthread_t opener;

    http_app_start(&app, http_app_options());
    http_client_open(&idle, http_app_port(&app));
    http_client_open(&at_gate, http_app_port(&app));
    http_client_open(&fresh, http_app_port(&app));
    http_client_open(&halfway, http_app_port(&app));
    ck_assert_int_eq(http_client_get(&idle, "/echo"), 200);
    ck_assert_ptr_null(http_client_header(&idle, "Connection"));
    get(&at_gate, "/gate");
    http_client_send(&halfway, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
    ck_assert(http_app_reaches(&app, &app.inside, 1));
    ck_assert(http_app_stat_is(&app, in_flight, 2));
    ck_assert(http_app_stat_is(&app, connections, 4));
    server_drain(app.server, 0);
    ck_assert(!can_connect(http_app_port(&app)));
    ck_assert(http_client_is_closed(&idle, 5000));
    ck_assert(http_client_is_closed(&fresh, 5000));
    http_client_send(&halfway, "b");
    ck_assert_int_eq(http_client_read(&halfway), 200);
    ck_assert_str_eq(http_client_header(&halfway, "Connection"), "close");
    (void)pthread_create(&opener, NULL, open_gate_later, NULL);
    int64_t before = clock_mono_ms();
    server_drain(app.server, 9000);
    ck_assert_int_lt(clock_mono_ms() - before, 5000);
    ck_assert_int_eq(server_stats(app.server).connections, 0);
    ck_assert_int_eq(http_client_read(&at_gate), 200);
    ck_assert_str_eq(http_client_header(&at_gate, "Connection"), "close");
    (void)pthread_join(opener, NULL);
    http_client_close(&idle);
    http_client_close(&at_gate);
    http_client_close(&fresh);
    http_client_close(&halfway);
    http_app_stop(&app);
}
END_TEST

START_TEST(a_drain_waits_no_longer_than_told)
{
    struct http_client client;

    http_app_start(&app, http_app_options());
    http_client_open(&client, http_app_port(&app));
    get(&client, "/gate");
    ck_assert(http_app_reaches(&app, &app.inside, 1));
    int64_t before = clock_mono_ms();
    server_drain(app.server, 300);
    ck_assert_int_ge(clock_mono_ms() - before, 295);
    ck_assert_int_lt(clock_mono_ms() - before, 3000);
    http_client_close(&client);
    http_app_stop(&app);
}
END_TEST

START_TEST(a_drain_of_an_idle_server_is_quick)
{
    struct http_client client;

    http_app_start(&app, http_app_options());
    http_client_open(&client, http_app_port(&app));
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200);
    int64_t before = clock_mono_ms();
    server_drain(app.server, 9000);
    ck_assert_int_lt(clock_mono_ms() - before, 3000);
    http_client_close(&client);
    http_app_stop(&app);
}
END_TEST

/* Running, queued and half-sent requests when the server is stopped without a drain. */
START_TEST(stopping_answers_what_is_whole)
{
    struct server_options options = http_app_options();
    struct http_client clients[6];
    pthread_t opener;

    options.handlers = 2;
    http_app_start(&app, options);
    for (int i = 0; i < 6; i++) {
        http_client_open(&clients[i], http_app_port(&app));
        if (i < 5)
            get(&clients[i], "/gate");
    }
    http_client_send(&clients[5], "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
    ck_assert(http_app_reaches(&app, &app.inside, 2));
    ck_assert(http_app_stat_is(&app, queued, 3));
    ck_assert(http_app_stat_is(&app, in_flight, 6));
    (void)pthread_create(&opener, NULL, open_gate_later, NULL);
    server_stop(app.server);
    app.server = NULL;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(http_client_read(&clients[i]), 200);
    ck_assert_int_eq(http_client_read(&clients[5]), HTTP_CLIENT_CLOSED);
    (void)pthread_join(opener, NULL);
    for (int i = 0; i < 6; i++)
        http_client_close(&clients[i]);
    ck_assert_int_eq(app.observed, 6);
    http_app_stop(&app);
}
END_TEST

static void *hammer(void *arg)
{
    struct http_client *client = arg;
    int status;

    do
        status = http_client_get(client, "/echo");
    while (status == 200);
    return NULL;
}

START_TEST(stopping_under_load)
{
    struct server_options options = http_app_options();
    struct http_client clients[4];
    pthread_t threads[4];

    options.handlers = _i % 2 ? 4 : 0;
    options.io_threads = 1 + _i % 3;
    http_app_start(&app, options);
    for (int i = 0; i < 4; i++) {
        http_client_open(&clients[i], http_app_port(&app));
        (void)pthread_create(&threads[i], NULL, hammer, &clients[i]);
    }
    ck_assert(http_app_reaches(&app, &app.observed, 50 + _i));
    server_stop(app.server);
    app.server = NULL;
    for (int i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
        http_client_close(&clients[i]);
    }
    http_app_stop(&app);
}
END_TEST

START_TEST(starts_and_stops)
{
    for (int i = 0; i < 20; i++) {
        struct server_options options = http_app_options();
        options.io_threads = 1 + i % 16;
        options.handlers = i % 5;
        http_app_start(&app, options);
        http_app_stop(&app);
    }
    server_stop(NULL);
}
END_TEST

START_TEST(unusable_options)
{
    struct server_options good = http_app_options(), bad[5];
    struct server *server = NULL;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        bad[i] = good;
    bad[0].io_threads = 0;
    bad[1].io_threads = 17;
    bad[2].handlers = -1;
    bad[3].queue = -1;
    bad[4].receive_timeout_ms = 0;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_int_eq(server_start(&bad[i], &server, &err), ERR_CONFIG_INVALID);
    ck_assert_ptr_null(server);
}
END_TEST

START_TEST(addresses)
{
    struct server_options options = http_app_options();
    struct http_client client;
    static const char *const hosts[] = {"localhost", "127.0.0.1", "0.0.0.0", "::", NULL};

    options.host = hosts[_i];
    http_app_start(&app, options);
    http_client_open(&client, http_app_port(&app));
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200);
    ck_assert_ptr_nonnull(strstr(client.body, "peer 127.0.0.1\n"));
    http_client_close(&client);
    http_app_stop(&app);
}
END_TEST

START_TEST(an_address_in_use)
{
    struct server_options options = http_app_options();
    struct server *server = NULL;
    struct err err;
    char want[64];

    http_app_start(&app, options);
    options.port = http_app_port(&app);
    options.host = "127.0.0.1";
    ck_assert_int_eq(server_start(&options, &server, &err), ERR_SYSTEM_FAILED);
    (void)snprintf(want, sizeof want, "cannot listen on 127.0.0.1:%u: Address already in use",
                   (unsigned)options.port);
    ck_assert_str_eq(err.msg, want);
    options.host = "no such host";
    ck_assert_int_eq(server_start(&options, &server, &err), ERR_CONFIG_INVALID);
    ck_assert_ptr_nonnull(strstr(err.msg, "cannot listen on no such host:"));
    options.host = "2001:db8::1";
    options.port = 1234;
    ck_assert_int_eq(server_start(&options, &server, &err), ERR_SYSTEM_FAILED);
    ck_assert_ptr_nonnull(strstr(err.msg, "cannot listen on [2001:db8::1]:1234: "));
    http_app_stop(&app);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server load");
    TCase *tc = tcase_create("load");

    tcase_add_loop_test(tc, a_crowd_is_answered, 0, (int)ARRAY_LEN(crowds));
    tcase_add_test(tc, a_crowd_through_the_queue);
    tcase_add_test(tc, a_full_queue_refuses);
    tcase_add_loop_test(tc, a_slow_client_is_cut, 0, (int)ARRAY_LEN(slow));
    tcase_add_test(tc, a_slow_second_head_is_cut);
    tcase_add_test(tc, idle_is_not_slow);
    tcase_add_test(tc, a_slow_handler_is_no_slow_client);
    tcase_add_test(tc, a_drain_lets_requests_finish);
    tcase_add_test(tc, a_drain_waits_no_longer_than_told);
    tcase_add_test(tc, a_drain_of_an_idle_server_is_quick);
    tcase_add_test(tc, stopping_answers_what_is_whole);
    tcase_add_loop_test(tc, stopping_under_load, 0, 12);
    tcase_add_test(tc, starts_and_stops);
    tcase_add_test(tc, unusable_options);
    tcase_add_loop_test(tc, addresses, 0, 5);
    tcase_add_test(tc, an_address_in_use);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
