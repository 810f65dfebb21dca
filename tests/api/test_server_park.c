/* SPDX-License-Identifier: MIT */
/* Requests that wait: woken, expired, abandoned, and never forgotten. Each test runs twice: with
 * handler threads and with the handler on the I/O thread. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
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

static void park(struct http_client *at, int wait_ms)
{
    http_client_sendf(at, "GET /park?wait=%d HTTP/1.1\r\nHost: x\r\n\r\n", wait_ms);
}

static void forget_events(void)
{
    (void)pthread_mutex_lock(&app.lock);
    app.events = 0;
    (void)pthread_mutex_unlock(&app.lock);
}

static void count_key(void *ctx, const char *key)
{
    ck_assert_str_eq(key, "key");
    ++*(int *)ctx;
}

START_TEST(woken)
{
    int keys = 0;
    int64_t before = clock_mono_ms();

    park(&client, 8000);
    ck_assert(http_app_stat_is(&app, parked, 1));
    server_parked(app.server, count_key, &keys);
    ck_assert_int_eq(keys, 1);
    server_wake(app.server, "another key");
    server_wake(app.server, "ke");
    ck_assert_int_eq(server_stats(app.server).parked, 1);
    http_app_event(&app);
    ck_assert_int_eq(http_client_read(&client), 200);
    ck_assert_str_eq(client.body, "event");
    ck_assert_int_lt(clock_mono_ms() - before, 5000);
    ck_assert_int_eq(app.runs, 2);
    ck_assert_int_eq(server_stats(app.server).parked, 0);
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200); /* the connection lives on */
}
END_TEST

START_TEST(woken_for_nothing_parks_again)
{
    park(&client, 8000);
    for (int i = 0; i < 20; i++) {
        ck_assert(http_app_reaches(&app, &app.runs, i + 1));
        ck_assert(http_app_stat_is(&app, parked, 1));
        server_wake(app.server, "key");
    }
    http_app_event(&app);
    ck_assert_int_eq(http_client_read(&client), 200);
    ck_assert_str_eq(client.body, "event");
}
END_TEST

START_TEST(expires)
{
    int64_t before = clock_mono_ms();

    park(&client, 200);
    ck_assert_int_eq(http_client_read(&client), 200);
    ck_assert_str_eq(client.body, "expired");
    ck_assert_int_ge(clock_mono_ms() - before, 200);
    ck_assert_int_eq(app.runs, 2); /* it slept in between */
}
END_TEST

START_TEST(expire_in_their_order)
{
    struct http_client more[4];
    static const int waits[] = {900, 300, 600, 0};

    for (int i = 0; i < 4; i++) {
        http_client_open(&more[i], http_app_port(&app));
        park(&more[i], waits[i]);
    }
    static const int order[] = {3, 1, 2, 0};
    int64_t last = 0;
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(http_client_read(&more[order[i]]), 200);
        ck_assert_str_eq(more[order[i]].body, "expired");
        ck_assert_int_ge(clock_mono_ms(), last);
        last = clock_mono_ms();
    }
    for (int i = 0; i < 4; i++)
        http_client_close(&more[i]);
}
END_TEST

START_TEST(a_wake_while_the_handler_decides_is_not_lost)
{
    int64_t before = clock_mono_ms();

    ck_assert_int_eq(http_client_get(&client, "/race?wait=8000"), 200);
    ck_assert_str_eq(client.body, "event");
    ck_assert_int_lt(clock_mono_ms() - before, 5000);
}
END_TEST

START_TEST(wakes_racing_with_parks)
{
    for (int i = 0; i < 1000; i++) {
        forget_events();
        int64_t before = clock_mono_ms();
        park(&client, 8000);
        (void)nanosleep(&(struct timespec){.tv_nsec = (i % 50) * 5000L}, NULL);
        http_app_event(&app);
        ck_assert_int_eq(http_client_read(&client), 200);
        ck_assert_str_eq(client.body, "event");
        ck_assert_int_lt(clock_mono_ms() - before, 5000);
    }
}
END_TEST

struct waker {
    pthread_t thread;
    int64_t until;
};

static void *wake_all_the_time(void *arg)
{
    const struct waker *waker = arg;

    while (clock_mono_ms() < waker->until)
        server_wake(app.server, "key");
    return NULL;
}

/* Wakes, expiries and new requests at once: each request is answered exactly once. */
START_TEST(wakes_and_expiries_at_once)
{
    struct http_client clients[20];
    struct waker wakers[2];

    for (int i = 0; i < 20; i++)
        http_client_open(&clients[i], http_app_port(&app));
    for (int i = 0; i < 2; i++) {
        wakers[i].until = clock_mono_ms() + 1000;
        (void)pthread_create(&wakers[i].thread, NULL, wake_all_the_time, &wakers[i]);
    }
    int asked = 0;
    while (clock_mono_ms() < wakers[0].until) {
        for (int i = 0; i < 20; i++, asked++)
            park(&clients[i], i % 7);
        for (int i = 0; i < 20; i++)
            ck_assert_int_eq(http_client_read(&clients[i]), 200);
    }
    for (int i = 0; i < 2; i++)
        (void)pthread_join(wakers[i].thread, NULL);
    for (int i = 0; i < 20; i++)
        http_client_close(&clients[i]);
    ck_assert(http_app_reaches(&app, &app.observed, asked));
    ck_assert_int_eq(app.observed, asked);
    ck_assert(http_app_stat_is(&app, parked, 0));
}
END_TEST

/* More than the queue has places: those who are in are not refused any more. */
START_TEST(many_woken_at_once)
{
    struct http_client clients[150];

    for (int i = 0; i < 150; i++) {
        http_client_open(&clients[i], http_app_port(&app));
        park(&clients[i], 9000);
        ck_assert(http_app_stat_is(&app, parked, i + 1));
    }
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200); /* the parked hold no thread */
    http_app_event(&app);
    for (int i = 0; i < 150; i++) {
        ck_assert_int_eq(http_client_read(&clients[i]), 200);
        ck_assert_str_eq(clients[i].body, "event");
        http_client_close(&clients[i]);
    }
}
END_TEST

START_TEST(a_client_that_leaves_while_parked)
{
    struct http_client clients[10];

    for (int i = 0; i < 10; i++) {
        http_client_open(&clients[i], http_app_port(&app));
        park(&clients[i], 9000);
    }
    ck_assert(http_app_stat_is(&app, parked, 10));
    for (int i = 0; i < 10; i++) {
        if (i % 2)
            http_client_abort(&clients[i]);
        else
            http_client_close(&clients[i]);
    }
    http_app_event(&app);
    ck_assert(http_app_reaches(&app, &app.observed, 10));
    ck_assert(http_app_stat_is(&app, connections, 1));
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200);
}
END_TEST

START_TEST(stopping_answers_the_parked)
{
    struct http_client clients[10];

    for (int i = 0; i < 10; i++) {
        http_client_open(&clients[i], http_app_port(&app));
        park(&clients[i], 9000);
    }
    ck_assert(http_app_stat_is(&app, parked, 10));
    int64_t before = clock_mono_ms();
    server_stop(app.server);
    app.server = NULL;
    ck_assert_int_lt(clock_mono_ms() - before, 5000);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(http_client_read(&clients[i]), 200);
        ck_assert_str_eq(clients[i].body, "expired");
        ck_assert_str_eq(http_client_header(&clients[i], "Connection"), "close");
        http_client_close(&clients[i]);
    }
}
END_TEST

static void *stop_server(void *arg)
{
    (void)arg;
    server_stop(app.server);
    return NULL;
}

START_TEST(stopping_while_requests_park_and_wake)
{
    struct http_client clients[30];
    struct waker waker = {.until = clock_mono_ms() + 50};

    for (int i = 0; i < 30; i++)
        http_client_open(&clients[i], http_app_port(&app));
    ck_assert(http_app_stat_is(&app, connections, 31));
    for (int i = 0; i < 30; i++)
        park(&clients[i], 9000);
    (void)pthread_create(&waker.thread, NULL, wake_all_the_time, &waker);
    (void)nanosleep(&(struct timespec){.tv_nsec = _i * 500000L}, NULL);
    server_drain(app.server, _i % 3);
    (void)pthread_join(waker.thread, NULL);
    (void)pthread_create(&waker.thread, NULL, stop_server, NULL);
    for (int i = 0; i < 30; i++) {
        int status = http_client_read(&clients[i]);
        ck_assert_msg(status == 200 || status == 503 || status == HTTP_CLIENT_CLOSED, "%d", status);
        http_client_close(&clients[i]);
    }
    (void)pthread_join(waker.thread, NULL);
    app.server = NULL;
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, woken);
    tcase_add_test(tc, woken_for_nothing_parks_again);
    tcase_add_test(tc, expires);
    tcase_add_test(tc, expire_in_their_order);
    tcase_add_test(tc, a_wake_while_the_handler_decides_is_not_lost);
    tcase_add_test(tc, wakes_racing_with_parks);
    tcase_add_test(tc, wakes_and_expiries_at_once);
    tcase_add_test(tc, many_woken_at_once);
    tcase_add_test(tc, a_client_that_leaves_while_parked);
    tcase_add_test(tc, stopping_answers_the_parked);
    tcase_add_loop_test(tc, stopping_while_requests_park_and_wake, 0, 20);
    tcase_set_timeout(tc, 60);
}

int main(void)
{
    Suite *suite = suite_create("server park");
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
