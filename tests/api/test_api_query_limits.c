/* SPDX-License-Identifier: MIT */
/* One query at a time: the next is refused and not queued, and a replica that ends stops those that
 * stream. */
#include "tests/pg/job_support.h"
#include "tests/support/daemon.h"
#include "tests/support/step.h"

#define RUNNING                                                                                    \
    "SELECT count(*) AS v FROM pg_stat_activity WHERE usename ~ '^tenantd_r_tenant_busy_'"         \
    " AND datname = current_database() AND state = 'active'"

static const struct step tenant[] = {
    STEP("a tenant", POST, "/v1/tenants", "{'id':'busy'}", 200, NULL, .headers = STEP_WAIT),
};
static const struct step refused[] = {
    STEP("one more", POST, "/v1/tenants/busy/query", "{'sql':'SELECT 1'}", 503, "OVERLOADED",
         .json = {"/retryable == true", "@Retry-After == '1'"}),
    STEP("of all", POST, "/v1/queries", "{'sql':'SELECT 1','selector':{'all':true},'output':'csv'}",
         503, "OVERLOADED"),
};
static const struct step again[] = {
    STEP("then there is room", POST, "/v1/tenants/busy/query", "{'sql':'SELECT 1'}", 200, NULL),
};

static void ask_slowly(struct http_client *client, const char *path, const char *body)
{
    http_client_open(client, daemon_port());
    http_client_sendf(client,
                      "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                      "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                      path, daemon_token(), strlen(body), body);
}

START_TEST(one_at_a_time)
{
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();
    struct http_client client;

    STEPS_RUN(tenant);
    ask_slowly(&client, "/v1/tenants/busy/query",
               "{\"sql\":\"SELECT pg_sleep(30)\",\"timeout_ms\":40000}");
    await(pg, 1, 10000, RUNNING);
    STEPS_RUN(refused);
    tell(pg, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename ~ "
             "'^tenantd_r_tenant_busy_' AND datname = current_database()");
    ck_assert_int_eq(http_client_read(&client), 504);
    http_client_close(&client);
    STEPS_RUN(again);
}
END_TEST

/* After the tests, in the process that then ends the daemon, which must end well (daemon.h): the
 * client is still there. */
static void stream_to_the_end(void)
{
    static struct http_client client;
    CLEANUP(pg_closep) struct pg *pg = pg_fixture_connect();

    ask_slowly(&client, "/v1/queries",
               "{\"sql\":\"SELECT pg_sleep(50)\",\"selector\":{\"ids\":[\"busy\"]},"
               "\"timeout_ms\":60000,\"output\":\"ndjson\"}");
    await(pg, 1, 10000, RUNNING);
}

int main(void)
{
    Suite *suite = suite_create("query_limits");
    TCase *tc = tcase_create("query_limits");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_at_a_time);
    tcase_add_unchecked_fixture(tc, NULL, stream_to_the_end);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, (const char *const[]){"TENANTD_QUERY_MAX_PARALLEL=1", NULL});
}
