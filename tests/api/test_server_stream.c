/* SPDX-License-Identifier: MIT */
/* Replies without an end: sent as they are written, ended on both sides, cut when nobody reads. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "tests/support/http_app.h"
#include "tests/support/http_client.h"

static struct http_app app;
static struct http_client client;
static struct str text;

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
    str_clear(&text);
    http_client_close(&client);
    http_app_stop(&app);
}

static void follow(struct http_client *at)
{
    http_client_send(at, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_int_eq(http_client_read_head(at), 200);
    ck_assert_str_eq(http_client_header(at, "Transfer-Encoding"), "chunked");
}

START_TEST(what_is_written_arrives_at_once)
{
    follow(&client);
    ck_assert(http_app_say(&app, 0, "one"));
    ck_assert_int_eq(http_client_read_until(&client, &text, "one", 10000), 1);
    ck_assert(http_app_say(&app, 0, "two"));
    ck_assert(http_app_say(&app, 0, "three"));
    ck_assert_int_eq(http_client_read_until(&client, &text, "three", 10000), 1);
    ck_assert_str_eq(text.data, "onetwothree");
    ck_assert_int_eq(server_stats(app.server).streams, 1);
}
END_TEST

START_TEST(the_end_comes_after_what_was_written)
{
    follow(&client);
    ck_assert(http_app_say(&app, 0, "last words"));
    stream_end(app.streams[0]);
    ck_assert(!http_app_say(&app, 0, "too late"));
    ck_assert_int_eq(http_client_read_until(&client, &text, NULL, 10000), 0);
    ck_assert_str_eq(text.data, "last words");
    ck_assert(http_app_stat_is(&app, streams, 0));
    ck_assert_int_eq(http_client_get(&client, "/echo"), 200); /* the connection goes on */
}
END_TEST

START_TEST(a_client_that_leaves_is_noticed_by_the_next_words)
{
    follow(&client);
    http_client_abort(&client);
    for (int64_t until = clock_mono_ms() + 10000;
         http_app_say(&app, 0, "anybody?") && clock_mono_ms() < until;)
        continue;
    ck_assert(stream_look(app.streams[0]) == STREAM_LOST ||
              stream_look(app.streams[0]) == STREAM_CUT);
    ck_assert(http_app_stat_is(&app, streams, 0));
    ck_assert(http_app_stat_is(&app, connections, 0));
}
END_TEST

/* It never reads: the sockets' buffers fill, then ours, then it is cut. Others are not held up. */
START_TEST(a_client_that_does_not_read_is_cut)
{
    struct http_client other;
    static char block[8192];
    int64_t written = 0;

    memset(block, 'x', sizeof block - 1);
    http_client_open(&other, http_app_port(&app));
    follow(&client);
    while (http_app_say(&app, 0, block)) {
        written += (int64_t)sizeof block - 1;
        ck_assert_int_lt(written, 256 << 20);
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    }
    ck_assert_int_eq(stream_look(app.streams[0]), STREAM_CUT);
    ck_assert(http_app_stat_is(&app, streams, 0));
    ck_assert(http_client_is_closed(&client, 10000));
    ck_assert_int_eq(http_client_get(&other, "/echo"), 200);
    http_client_close(&other);
}
END_TEST

START_TEST(head_has_no_stream)
{
    http_client_send(&client, "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_int_eq(http_client_read_head(&client), 200);
    ck_assert(http_app_stat_is(&app, streams, 0));
    ck_assert_int_eq(stream_look(app.streams[0]), STREAM_LOST);
    ck_assert(http_client_is_closed(&client, 10000));
}
END_TEST

START_TEST(a_client_that_leaves_is_found_out)
{
    follow(&client);
    ck_assert_int_eq(stream_probe(app.streams[0]), STREAM_OPEN);
    http_client_close(&client);
    for (int64_t until = clock_mono_ms() + 10000;
         stream_probe(app.streams[0]) == STREAM_OPEN && clock_mono_ms() < until;)
        continue;
    ck_assert_int_eq(stream_look(app.streams[0]), STREAM_LOST);
    ck_assert(http_app_stat_is(&app, connections, 0));
}
END_TEST

START_TEST(drain_ends_streams_and_what_was_written_arrives)
{
    follow(&client);
    ck_assert(http_app_say(&app, 0, "before"));
    server_drain(app.server, 10000);
    ck_assert_int_eq(http_client_read_until(&client, &text, NULL, 10000), 0);
    ck_assert_str_eq(text.data, "before");
    ck_assert_int_eq(stream_look(app.streams[0]), STREAM_ENDED);
}
END_TEST

enum { MANY = 200, ROUNDS = 50 };

static void *write_rounds(void *arg)
{
    char word[32];
    for (int round = 0; round < ROUNDS; round++)
        for (int i = (int)(intptr_t)arg; i < MANY; i += 2) {
            (void)snprintf(word, sizeof word, "[%d]", round);
            ck_assert(http_app_say(&app, i, word));
        }
    return NULL;
}

START_TEST(two_hundred_streams_at_once)
{
    static struct http_client clients[MANY];
    pthread_t writers[2];

    for (int i = 0; i < MANY; i++) {
        http_client_open(&clients[i], http_app_port(&app));
        follow(&clients[i]);
    }
    ck_assert(http_app_stat_is(&app, streams, MANY));
    for (intptr_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_rounds, (void *)i), 0);
    for (int i = 0; i < MANY; i++) {
        struct str got = STR_INIT;
        ck_assert_int_eq(http_client_read_until(&clients[i], &got, "[49]", 20000), 1);
        const char *at = got.data;
        for (int round = 0; round < ROUNDS; round++, at = strchr(at, ']') + 1)
            ck_assert_int_eq(atoi(at + 1), round);
        str_clear(&got);
    }
    for (int i = 0; i < 2; i++)
        (void)pthread_join(writers[i], NULL);
    for (int i = 0; i < MANY; i++)
        http_client_close(&clients[i]);
}
END_TEST

static TCase *tcase(const char *name, void (*set_up)(void))
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_is_written_arrives_at_once);
    tcase_add_test(tc, the_end_comes_after_what_was_written);
    tcase_add_test(tc, a_client_that_leaves_is_noticed_by_the_next_words);
    tcase_add_test(tc, a_client_that_does_not_read_is_cut);
    tcase_add_test(tc, a_client_that_leaves_is_found_out);
    tcase_add_test(tc, head_has_no_stream);
    tcase_add_test(tc, drain_ends_streams_and_what_was_written_arrives);
    tcase_add_test(tc, two_hundred_streams_at_once);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("server_stream");

    suite_add_tcase(suite, tcase("pool", set_up_pool));
    suite_add_tcase(suite, tcase("inline", set_up_inline));
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
