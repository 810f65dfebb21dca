/* SPDX-License-Identifier: MIT */
/* The streams of a replica, on a real database and real sockets, with writers that overlap. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/control/control.h"
#include "service/api/event_hub.h"
#include "service/http/server.h"
#include "tests/support/http_client.h"
#include "tests/support/pg_fixture.h"

enum { MANY = 200, WRITERS = 3, WRITES = 300, READERS = 4 };

static struct event_hub *hub;
static struct server *server;
static struct pg *pg;
static pthread_t relay_thread;
static atomic_bool over;
static atomic_int writing;

/* ?after= is where to begin, ?job_id= and ?until= as in struct follow. */
static struct reply handler(void *ctx, struct request *req)
{
    const char *after = request_query(req, "after"), *until = request_query(req, "until");
    struct stream *stream = NULL;
    struct err err;
    struct follow follow = {.principal = "test",
                            .types = request_query(req, "types"),
                            .job_id = request_query(req, "job_id"),
                            .after = after ? strtoll(after, NULL, 10) : 0,
                            .until = until ? strtoll(until, NULL, 10) : INT64_MAX,
                            .first = "retry: 3000\n\n"};

    (void)ctx;
    if (event_hub_follow(hub, &follow, &stream, &err))
        return reply_err(req, &err);
    struct reply reply = reply_stream(200, "text/event-stream", stream);
    stream_release(stream);
    return reply;
}

static void *relay_main(void *arg)
{
    CLEANUP(pg_closep) struct pg *own = pg_fixture_connect();

    (void)arg;
    while (!atomic_load(&over)) {
        struct event_batch batch;
        ck_assert_int_eq(event_relay(own, &batch, NULL), ERR_NONE);
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return NULL;
}

static void set_up(void)
{
    struct event_hub_options options = {.url = pg_fixture_url(),
                                        .max_streams = MANY + 5,
                                        .max_per_principal = MANY + 5,
                                        .heartbeat_ms = 200,
                                        .slow_ms = 300};
    struct server_options http = {.io_threads = 2,
                                  .handlers = 4,
                                  .queue = 64,
                                  .receive_timeout_ms = 5000,
                                  .idle_timeout_s = 30,
                                  .handler = handler};

    (void)signal(SIGPIPE, SIG_IGN);
    pg = pg_fixture_connect();
    ck_assert_int_eq(control_migrate(pg, NULL, NULL), ERR_NONE);
    pg_fixture_sql(pg,
                   "TRUNCATE tenantd.event; UPDATE tenantd.event_head SET last = 0, pruned = 0");
    atomic_store(&over, false);
    ck_assert_int_eq(event_hub_start(&options, &hub, NULL), ERR_NONE);
    ck_assert_int_eq(server_start(&http, &server, NULL), ERR_NONE);
    ck_assert_int_eq(pthread_create(&relay_thread, NULL, relay_main, NULL), 0);
}

static void tear_down(void)
{
    event_hub_end(hub);
    server_stop(server);
    event_hub_free(hub);
    atomic_store(&over, true);
    (void)pthread_join(relay_thread, NULL);
    pg_close(pg);
}

static int follow(struct http_client *client, const char *query)
{
    http_client_open(client, server_port(server));
    http_client_sendf(client, "GET /?%s HTTP/1.1\r\nHost: x\r\n\r\n", query);
    return http_client_read_head(client);
}

static void emit(const char *type, const char *job_id, const char *subject)
{
    ck_assert_int_eq(event_emit(pg, type, job_id, subject, NULL, NULL), ERR_NONE);
}

START_TEST(heartbeats_come_when_nothing_happens)
{
    struct http_client client;
    struct str text = STR_INIT;

    ck_assert_int_eq(follow(&client, ""), 200);
    ck_assert_int_eq(http_client_read_until(&client, &text, ":\n\n:\n\n", 10000), 1);
    emit("test.one", NULL, NULL);
    ck_assert_int_eq(http_client_read_until(&client, &text, "test.one", 10000), 1);
    ck_assert_int_eq(http_client_read_until(&client, &text, "}\n\n:\n\n", 10000), 1);
    http_client_close(&client);
    str_clear(&text);
}
END_TEST

START_TEST(many_get_the_same)
{
    static struct http_client clients[MANY];

    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(follow(&clients[i], ""), 200);
    ck_assert_int_eq(event_hub_stats(hub).streams, MANY);
    pg_fixture_sql(pg, "INSERT INTO tenantd.event (type, subject)"
                       " SELECT 'test.many', 'n' || g FROM generate_series(1, 500) g");
    for (int i = 0; i < MANY; i++) {
        struct str text = STR_INIT;
        ck_assert_int_eq(http_client_read_until(&clients[i], &text, "\"subject\":\"n500\"", 30000),
                         1);
        int64_t seen = 0;
        for (const char *at = text.data; (at = strstr(at, "\nid: ")); at++)
            ck_assert_int_eq(strtoll(at + 5, NULL, 10), ++seen);
        ck_assert_int_eq(seen, 500);
        str_clear(&text);
        http_client_close(&clients[i]);
    }
}
END_TEST

/* More than the ring holds and than a buffer takes, for a client that is not slow: it gets all. */
START_TEST(who_comes_late_reads_on_from_the_table)
{
    struct http_client first, late;
    struct str text = STR_INIT;

    ck_assert_int_eq(follow(&first, ""), 200); /* from here on the hub reads */
    pg_fixture_sql(pg, "INSERT INTO tenantd.event (type, data) SELECT 'test.big',"
                       " jsonb_build_object('n', g, 'text', repeat('x', 500))"
                       " FROM generate_series(1, 3000) g");
    ck_assert_int_eq(http_client_read_until(&first, &text, "\"n\": 3000,", 30000), 1);
    str_reset(&text);
    ck_assert_int_eq(follow(&late, "after=7"), 200);
    ck_assert_int_eq(http_client_read_until(&late, &text, "\"n\": 3000,", 30000), 1);
    int64_t seen = 7;
    for (const char *at = text.data; (at = strstr(at, "\nid: ")); at++)
        ck_assert_int_eq(strtoll(at + 5, NULL, 10), ++seen);
    ck_assert_int_eq(seen, 3000);
    ck_assert_int_eq(event_hub_stats(hub).dropped, 0);
    http_client_close(&first);
    http_client_close(&late);
    str_clear(&text);
}
END_TEST

START_TEST(who_does_not_read_is_dropped_and_others_are_not)
{
    struct http_client slow, other;
    struct str text = STR_INIT;

    ck_assert_int_eq(follow(&slow, ""), 200);
    ck_assert_int_eq(follow(&other, "types=test.last"), 200);
    for (int64_t until = clock_mono_ms() + 30000; !event_hub_stats(hub).dropped;) {
        ck_assert(clock_mono_ms() < until);
        pg_fixture_sql(pg, "INSERT INTO tenantd.event (type, data) SELECT 'test.big',"
                           " jsonb_build_object('text', repeat('x', 1000))"
                           " FROM generate_series(1, 1000) g");
    }
    emit("test.last", NULL, NULL);
    ck_assert_int_eq(http_client_read_until(&other, &text, "test.last", 30000), 1);
    ck_assert(http_client_is_closed(&slow, 10000));
    http_client_close(&slow);
    http_client_close(&other);
    str_clear(&text);
}
END_TEST

static void *write_events(void *arg)
{
    unsigned seed = (unsigned)(intptr_t)arg;
    CLEANUP(pg_closep) struct pg *own = pg_fixture_connect();
    char subject[32];

    for (int i = 0; i < WRITES;) {
        pg_fixture_sql(own, "BEGIN");
        for (int n = 1 + rand_r(&seed) % 4; n && i < WRITES; n--, i++) {
            (void)snprintf(subject, sizeof subject, "w%d-%d", (int)(intptr_t)arg, i);
            ck_assert_int_eq(event_emit(own, "test.write", NULL, subject, NULL, NULL), ERR_NONE);
            (void)nanosleep(&(struct timespec){.tv_nsec = rand_r(&seed) % 5000000}, NULL);
        }
        pg_fixture_sql(own, "COMMIT");
    }
    atomic_fetch_sub(&writing, 1);
    return NULL;
}

/* The numbers in what one connection got must go on from the cursor without a gap or a repeat. */
static void check_on(const struct str *text, int64_t *cursor)
{
    for (const char *at = str_text(text), *end; (at = strstr(at, "\nid: ")); at = end) {
        end = strstr(at, "\n\n");
        if (!end)
            return; /* cut in the middle: not seen */
        ck_assert_int_eq(strtoll(at + 5, NULL, 10), *cursor + 1);
        ++*cursor;
    }
}

static void *read_events(void *arg)
{
    unsigned seed = 100 + (unsigned)(intptr_t)arg;
    int64_t cursor = 0, deadline = clock_mono_ms() + 60000;

    while (cursor < WRITERS * WRITES) {
        struct http_client client;
        struct str text = STR_INIT;
        char query[64];
        ck_assert(clock_mono_ms() < deadline);
        (void)snprintf(query, sizeof query, "after=%lld", (long long)cursor);
        ck_assert_int_eq(follow(&client, query), 200);
        (void)http_client_read_until(&client, &text, NULL, 1 + rand_r(&seed) % 150);
        if (rand_r(&seed) % 2)
            http_client_abort(&client);
        else
            http_client_close(&client);
        check_on(&text, &cursor);
        str_clear(&text);
    }
    return NULL;
}

START_TEST(no_gap_and_no_repeat_for_who_comes_back_at_random)
{
    pthread_t writers[WRITERS], readers[READERS];

    atomic_store(&writing, WRITERS);
    for (intptr_t i = 0; i < WRITERS; i++)
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_events, (void *)i), 0);
    for (intptr_t i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_events, (void *)i), 0);
    for (int i = 0; i < WRITERS; i++)
        (void)pthread_join(writers[i], NULL);
    for (int i = 0; i < READERS; i++)
        (void)pthread_join(readers[i], NULL);
}
END_TEST

static const char job[] = "01890000-0000-7000-8000-000000000001";

START_TEST(the_stream_of_a_job_ends_with_it)
{
    struct http_client live, over_already;
    struct str text = STR_INIT, again = STR_INIT;
    char query[128];

    (void)snprintf(query, sizeof query, "types=job.running&job_id=%s", job);
    ck_assert_int_eq(follow(&live, query), 200);
    emit("job.running", job, NULL);
    emit("job.succeeded", "01890000-0000-7000-8000-000000000002", NULL);
    emit("job.succeeded", job, NULL);
    emit("job.running", job, NULL); /* what no job does: it would come after the end */
    ck_assert_int_eq(http_client_read_until(&live, &text, NULL, 20000), 0);
    ck_assert_ptr_nonnull(strstr(text.data, "job.running"));
    ck_assert_ptr_null(strstr(text.data, "job.succeeded")); /* not asked for, but it is the end */
    ck_assert_ptr_nonnull(strstr(text.data, EVENT_END("finished")));
    (void)snprintf(query, sizeof query, "job_id=%s&after=3&until=4", job);
    ck_assert_int_eq(follow(&over_already, query), 200);
    ck_assert_int_eq(http_client_read_until(&over_already, &again, NULL, 20000), 0);
    ck_assert_ptr_nonnull(strstr(again.data, EVENT_END("finished")));
    http_client_close(&live);
    http_client_close(&over_already);
    str_clear(&text);
    str_clear(&again);
}
END_TEST

START_TEST(drain_says_farewell_and_refuses)
{
    struct http_client client, more;
    struct str text = STR_INIT;

    ck_assert_int_eq(follow(&client, ""), 200);
    event_hub_end(hub);
    ck_assert_int_eq(http_client_read_until(&client, &text, NULL, 10000), 0);
    ck_assert_ptr_nonnull(strstr(text.data, EVENT_END("draining")));
    ck_assert_int_eq(follow(&more, ""), 503);
    http_client_close(&client);
    http_client_close(&more);
    str_clear(&text);
}
END_TEST

/* Its connection is terminated: it goes on from where it was. */
START_TEST(a_lost_connection_loses_nothing)
{
    struct http_client client;
    struct str text = STR_INIT;

    ck_assert_int_eq(follow(&client, ""), 200);
    emit("test.before", NULL, NULL);
    ck_assert_int_eq(http_client_read_until(&client, &text, "test.before", 10000), 1);
    pg_fixture_sql(pg, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE application_name = 'tenantd events'"
                       " AND datname = current_database()");
    emit("test.after", NULL, NULL);
    ck_assert_int_eq(http_client_read_until(&client, &text, "test.after", 20000), 1);
    int64_t cursor = 0;
    check_on(&text, &cursor);
    ck_assert_int_eq(cursor, 2);
    http_client_close(&client);
    str_clear(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("event_hub");
    TCase *tc = tcase_create("hub");

    pg_fixture_start();
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 90);
    tcase_add_test(tc, heartbeats_come_when_nothing_happens);
    tcase_add_test(tc, many_get_the_same);
    tcase_add_test(tc, who_comes_late_reads_on_from_the_table);
    tcase_add_test(tc, who_does_not_read_is_dropped_and_others_are_not);
    tcase_add_test(tc, no_gap_and_no_repeat_for_who_comes_back_at_random);
    tcase_add_test(tc, the_stream_of_a_job_ends_with_it);
    tcase_add_test(tc, drain_says_farewell_and_refuses);
    tcase_add_test(tc, a_lost_connection_loses_nothing);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
