/* SPDX-License-Identifier: MIT */
/* Events as pages and lines, tickets, and streams of the real daemon. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define E "/v1/events"
#define NO_JOB "/v1/jobs/01890000-0000-7000-8000-000000000000"

static const struct step pages[] = {
    STEP("something happens", POST, "/v1/tenants", "{'id':'e1'}", 200, NULL, .headers = STEP_WAIT,
         .keep = "job=/id"),
    STEP("and more", POST, "/v1/tenants", "{'id':'e2'}", 200, NULL, .headers = STEP_WAIT),
};

static const struct step read_pages[] = {
    STEP("about one tenant", GET, E "?tenant_id=e1&types=tenant.created,tenant.state_changed", NULL,
         200, NULL, .keep = "after=/after first=/events/0/id",
         .json = {"/events# == 2", "/events/0/type == 'tenant.created'",
                  "/events/0/specversion == '1.0'", "/events/0/subject == 'e1'",
                  "/events/1/data/previous_state == 'provisioning'",
                  "/events/1/data/state == 'active'", "/more == false"}),
    STEP("on from there", GET, E "?tenant_id=e1&types=tenant.created&after={after}", NULL, 200, NULL,
         .json = {"/events == []"}),
    STEP("on from the first", GET, E "?tenant_id=e1&types=tenant.state_changed&after={first}", NULL,
         200, NULL, .json = {"/events# == 1"}),
    STEP("a small page", GET, E "?page_size=1", NULL, 200, NULL, .keep = "one=/after",
         .json = {"/events# == 1", "/more == true"}),
    STEP("the next", GET, E "?page_size=1&after={one}", NULL, 200, NULL,
         .json = {"/events# == 1", "/after != '{one}'"}),
    STEP("of one job", GET, "/v1/jobs/{job}/events", NULL, 200, NULL,
         .json = {"/events/0/type == 'job.queued'", "/events/0/data/job_id == '{job}'",
                  "/events/0/data/kind == 'tenant.create'", "/more == false"}),
    STEP("of one job, its end", GET, "/v1/jobs/{job}/events?types=job.succeeded", NULL, 200, NULL,
         .json = {"/events# == 1", "/events/0/data/progress/succeeded == 1"}),
    STEP("the same by a filter", GET, E "?job_id={job}&types=job.succeeded", NULL, 200, NULL,
         .json = {"/events# == 1"}),
    STEP("as lines", GET, E "?job_id={job}&types=job.queued", NULL, 200, NULL,
         .headers = "Accept: application/x-ndjson\r\n",
         .json = {"@Content-Type == 'application/x-ndjson'", "body ~ '{\\\"end\\\":true,\\\"count\\\":1'"}),
    STEP("head of a stream", GET, E, NULL, 200, NULL, .verb = "HEAD",
         .headers = "Accept: text/event-stream\r\n",
         .json = {"@Cache-Control == 'no-cache, no-transform'", "@X-Accel-Buffering == 'no'"}),
};

static const struct step refused[] = {
    STEP("a type that is not", GET, E "?types=job.done", NULL, 400, "INVALID_PARAMETER"),
    STEP("no type", GET, E "?types=", NULL, 400, "INVALID_PARAMETER"),
    STEP("half a list", GET, E "?types=job.failed,", NULL, 400, "INVALID_PARAMETER"),
    STEP("a cursor of letters", GET, E "?after=abc", NULL, 400, "INVALID_PARAMETER"),
    STEP("a cursor before all", GET, E "?after=-1", NULL, 400, "INVALID_PARAMETER"),
    STEP("a huge cursor", GET, E "?after=99999999999999999999", NULL, 400, "INVALID_PARAMETER"),
    STEP("a cursor from another world", GET, E "?after=999999999999", NULL, 410, "CURSOR_EXPIRED"),
    STEP("no job's id", GET, E "?job_id=x", NULL, 400, "INVALID_PARAMETER"),
    STEP("an unknown filter", GET, E "?tenant=e1", NULL, 400, "UNKNOWN_PARAMETER"),
    STEP("an empty page", GET, E "?page_size=0", NULL, 400, "INVALID_PARAMETER"),
    STEP("no job", GET, NO_JOB "/events", NULL, 404, "JOB_NOT_FOUND"),
    STEP("no job, as a stream", GET, NO_JOB "/events", NULL, 404, "JOB_NOT_FOUND",
         .headers = "Accept: text/event-stream\r\n"),
    STEP("a job that is no run", GET, "/v1/migration-runs/{job}/events", NULL, 404,
         "JOB_NOT_FOUND"),
    STEP("a hostile header", GET, E, NULL, 400, "INVALID_PARAMETER",
         .headers = "Accept: text/event-stream\r\nLast-Event-ID: 1;drop\r\n"),
    STEP("another method", POST, E, "{}", 405, "METHOD_NOT_ALLOWED"),
    STEP("no token", GET, E, NULL, 401, "UNAUTHENTICATED", .token = ""),
    STEP("a ticket nobody made", GET, E "?ticket=tkt_0", NULL, 401, "UNAUTHENTICATED", .token = ""),
    STEP("a ticket elsewhere", GET, "/v1/jobs?ticket=tkt_0", NULL, 400, "UNKNOWN_PARAMETER"),
    STEP("a ticket with wishes", POST, "/v1/event-tickets", "{'scope':'x'}", 422,
         "VALIDATION_FAILED"),
    STEP("who may not read", POST, "/v1/tokens", "{'name':'poor','scopes':['jobs:read']}", 201, NULL,
         .keep = "poor=/token"),
    STEP("events", GET, E, NULL, 403, "PERMISSION_DENIED", .token = "{poor}"),
    STEP("tickets", POST, "/v1/event-tickets", NULL, 403, "PERMISSION_DENIED", .token = "{poor}"),
    STEP("but a job's", GET, "/v1/jobs/{job}/events", NULL, 200, NULL, .token = "{poor}"),
};

static const struct step tickets[] = {
    STEP("a viewer", POST, "/v1/tokens", "{'name':'eyes','role':'viewer'}", 201, NULL,
         .keep = "eyes=/token id=/id"),
    STEP("a ticket", POST, "/v1/event-tickets", NULL, 201, NULL, .token = "{eyes}",
         .keep = "ticket=/ticket"),
    STEP("it opens", GET, E "?page_size=1&ticket={ticket}", NULL, 200, NULL, .token = ""),
    STEP("once", GET, E "?page_size=1&ticket={ticket}", NULL, 401, "UNAUTHENTICATED", .token = ""),
    STEP("another", POST, "/v1/event-tickets", "{}", 201, NULL, .token = "{eyes}",
         .keep = "ticket=/ticket"),
    STEP("its owner goes", DELETE, "/v1/tokens/{id}", NULL, 204, NULL),
    STEP("and it with him", GET, E "?ticket={ticket}", NULL, 401, "UNAUTHENTICATED", .token = ""),
};

/* Until the relay has been there. */
static void settle(void)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    for (int64_t until = clock_mono_ms() + 10000; clock_mono_ms() < until;) {
        CLEANUP(freep) char *left =
            pg_fixture_value(pg, "SELECT count(*) AS v FROM tenantd.event WHERE seq IS NULL");
        if (str_eq(left, "0"))
            return;
    }
    ck_abort_msg("events are not numbered");
}

START_TEST(events_are_read)
{
    struct steps steps;

    steps_open(&steps);
    steps_run_all(&steps, pages, ARRAY_LEN(pages));
    settle();
    steps_run_all(&steps, read_pages, ARRAY_LEN(read_pages));
    steps_run_all(&steps, refused, ARRAY_LEN(refused));
    steps_run_all(&steps, tickets, ARRAY_LEN(tickets));
    steps_close(&steps);
}
END_TEST

/* Opens a stream; the reply's status. */
static int follow_as(struct http_client *client, const char *token, const char *path,
                     const char *headers)
{
    http_client_open(client, daemon_port());
    http_client_sendf(client,
                      "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                      "Accept: text/event-stream\r\n%s\r\n",
                      path, token, headers);
    return http_client_read_head(client);
}

static int follow(struct http_client *client, const char *path, const char *headers)
{
    return follow_as(client, daemon_token(), path, headers);
}

static void make_tenant(struct steps *steps, const char *id)
{
    char body[64];

    (void)snprintf(body, sizeof body, "{'id':'%s'}", id);
    steps_run_one(steps, &(struct step){.label = id,
                                        .method = HTTP_POST,
                                        .path = "/v1/tenants",
                                        .body = body,
                                        .status = 202,
                                        .keep = "job=/id"});
}

START_TEST(a_job_is_followed_to_its_end)
{
    struct steps steps;
    struct http_client client;
    struct str text = STR_INIT;
    char path[128];

    steps_open(&steps);
    make_tenant(&steps, "s1");
    (void)snprintf(path, sizeof path, "/v1/jobs/%s/events", steps_get(&steps, "job"));
    for (int i = 0; i < 2; i++) { /* while it runs, and when it has ended */
        ck_assert_int_eq(follow(&client, path, ""), 200);
        ck_assert_str_eq(http_client_header(&client, "Content-Type"), "text/event-stream");
        ck_assert_int_eq(http_client_read_until(&client, &text, NULL, 20000), 0);
        ck_assert_msg(str_starts(text.data, "retry: 3000\n\nid: "), "%s", text.data);
        ck_assert_ptr_nonnull(strstr(text.data, "\"type\":\"job.queued\""));
        const char *last = strstr(text.data, "\"type\":\"job.succeeded\"");
        ck_assert_ptr_nonnull(last);
        ck_assert_ptr_nonnull(strstr(last, "\n\nevent: end\ndata: {\"reason\":\"finished\"}\n\n"));
        http_client_close(&client);
        str_reset(&text);
    }
    str_clear(&text);
    steps_close(&steps);
}
END_TEST

START_TEST(who_missed_too_much_is_told_once)
{
    struct http_client client;
    struct str text = STR_INIT;
    struct steps steps;

    ck_assert_int_eq(follow(&client, E "?after=1", "Last-Event-ID: 999999999999\r\n"), 200);
    ck_assert_int_eq(http_client_read_until(&client, &text, "\n\nid: ", 10000), 1);
    steps_open(&steps);
    make_tenant(&steps, "s2");
    ck_assert_int_eq(http_client_read_until(&client, &text, "tenant.created", 20000), 1);
    const char *reset = strstr(text.data, "event: reset\n");
    ck_assert_ptr_nonnull(reset);
    ck_assert_ptr_null(strstr(reset + 1, "event: reset\n"));
    ck_assert_ptr_nonnull(strstr(reset, "\"links\":{"));
    ck_assert_ptr_nonnull(strstr(reset, "\"subject\":\"s2\""));
    str_clear(&text);
    http_client_close(&client);
    steps_close(&steps);
}
END_TEST

START_TEST(one_token_has_so_many_streams)
{
    enum { LIMIT = 20 };
    struct http_client clients[LIMIT], more;
    struct steps steps;
    int status = 0;

    steps_open(&steps);
    steps_run_one(&steps, &(struct step)STEP("many eyes", POST, "/v1/tokens",
                                             "{'name':'many','role':'viewer'}", 201, NULL,
                                             .keep = "token=/token"));
    const char *token = steps_get(&steps, "token");
    for (int i = 0; i < LIMIT; i++)
        ck_assert_int_eq(follow_as(&clients[i], token, E, ""), 200);
    ck_assert_int_eq(follow_as(&more, token, E, ""), 429);
    ck_assert_ptr_nonnull(http_client_header(&more, "Retry-After"));
    http_client_close(&more);
    for (int i = 0; i < LIMIT; i++)
        http_client_close(&clients[i]);
    for (int64_t until = clock_mono_ms() + 10000; status != 200 && clock_mono_ms() < until;) {
        status = follow_as(&more, token, E, ""); /* who has left is noticed without a word */
        http_client_close(&more);
    }
    ck_assert_int_eq(status, 200);
    steps_close(&steps);
}
END_TEST

static const struct step cors[] = {
    STEP("a page of ours asks first", GET, E, NULL, 204, NULL, .verb = "OPTIONS", .token = "",
         .headers = "Origin: http://127.0.0.1:9\r\nAccess-Control-Request-Method: GET\r\n",
         .json = {"@Access-Control-Allow-Origin == 'http://127.0.0.1:9'",
                  "@Access-Control-Allow-Methods ~ 'GET'",
                  "@Access-Control-Allow-Headers ~ 'Last-Event-ID'", "@Vary == 'Origin'"}),
    STEP("and may read", GET, "/v1/version", NULL, 200, NULL,
         .headers = "Origin: http://127.0.0.1:9\r\n",
         .json = {"@Access-Control-Allow-Origin == 'http://127.0.0.1:9'",
                  "@Access-Control-Expose-Headers ~ 'ETag'"}),
    STEP("errors, too", GET, "/v1/version", NULL, 401, "UNAUTHENTICATED", .token = "",
         .headers = "Origin: http://127.0.0.1:9\r\n",
         .json = {"@Access-Control-Allow-Origin == 'http://127.0.0.1:9'"}),
    STEP("another page may not", GET, "/v1/version", NULL, 200, NULL,
         .headers = "Origin: http://127.0.0.1\r\n",
         .json = {"@Access-Control-Allow-Origin == absent", "@Vary == 'Origin'"}),
    STEP("nor one that only begins like it", GET, "/v1/version", NULL, 200, NULL,
         .headers = "Origin: http://127.0.0.1:99\r\n",
         .json = {"@Access-Control-Allow-Origin == absent"}),
};

START_TEST(pages_of_listed_origins_may_call)
{
    STEPS_RUN(cors);
}
END_TEST

int main(void)
{
    static const char *const settings[] = {
        "TENANTD_HTTP_CORS_ORIGINS=https://a.example, http://127.0.0.1:9", NULL};
    Suite *suite = suite_create("api_events");
    TCase *tc = tcase_create("all");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, events_are_read);
    tcase_add_test(tc, a_job_is_followed_to_its_end);
    tcase_add_test(tc, who_missed_too_much_is_told_once);
    tcase_add_test(tc, one_token_has_so_many_streams);
    tcase_add_test(tc, pages_of_listed_origins_may_call);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, settings);
}
