/* SPDX-License-Identifier: MIT */
/* The replica's pools: warmed up, listed, looked at, evicted; health and figures; servers. */
#include "tests/support/daemon.h"
#include "tests/support/step.h"

#define WARM "/v1/warmups"

static const struct step pools[] = {
    STEP("three tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'p1'},{'id':'p2','labels':{'hot':'yes'}},{'id':'p3'}]}", 200, NULL,
         .headers = STEP_WAIT),
    STEP("none yet", GET, "/v1/pools", NULL, 200, NULL,
         .json = {"/count == 0", "/tenant_ids == []", "/max_pools == 50"}),
    STEP("no pool", GET, "/v1/tenants/p1/pool", NULL, 404, "POOL_NOT_FOUND"),
    STEP("no tenant", GET, "/v1/tenants/none/pool", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("evict none", DELETE, "/v1/tenants/none/pool", NULL, 404, "TENANT_NOT_FOUND"),
    STEP("evict what is not there", DELETE, "/v1/tenants/p1/pool", NULL, 204, NULL),
    STEP("warm up", POST, WARM, "{'selector':{'ids':['p1','p2']},'max_parallel':2}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/kind == 'pool.warmup'", "/state == 'succeeded'", "/result/total == 2",
                  "/result/succeeded == 2", "/result/failed == 0", "/result/already_warm == 0",
                  "/result/duration_ms != null"}),
    STEP("again", POST, WARM, "{'selector':{'labels':{'hot':'yes'}},'ping':false}", 200, NULL,
         .headers = STEP_WAIT,
         .json = {"/result/total == 1", "/result/already_warm == 1", "/result/succeeded == 1",
                  "/state == 'succeeded'"}),
    STEP("two", GET, "/v1/pools", NULL, 200, NULL,
         .json = {"/count == 2", "/tenant_ids ~ 'p1'", "/tenant_ids ~ 'p2'"}),
    STEP("one of them", GET, "/v1/tenants/p1/pool", NULL, 200, NULL,
         .json = {"/tenant_id == 'p1'", "/schema_name == 'tenant_p1'", "/connections/waiting == 0",
                  "/last_accessed_at != null"}),
    STEP("evict", DELETE, "/v1/tenants/p1/pool", NULL, 204, NULL),
    STEP("gone", GET, "/v1/tenants/p1/pool", NULL, 404, "POOL_NOT_FOUND"),
    STEP("warm up all", POST, WARM, "{'selector':{'all':true}}", 200, NULL, .headers = STEP_WAIT,
         .json = {"/result/total == 3", "/result/already_warm == 1"}),
    STEP("warm up what", POST, WARM, "{}", 422, "VALIDATION_FAILED"),
    STEP("warm up nobody", POST, WARM, "{'selector':{}}", 422, "EMPTY_SELECTOR"),
    STEP("warm up a ghost", POST, WARM, "{'selector':{'ids':['p1','ghost']}}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/selector/ids/1'"}),
    STEP("warm up too much at a time", POST, WARM, "{'selector':{'all':true},'max_parallel':65}",
         422, "VALIDATION_FAILED"),
};

static const struct step health[] = {
    STEP("health", GET, "/v1/health", NULL, 200, NULL,
         .json = {"/healthy == true", "/pools# == 3", "/pools/0/status == 'ok'"}),
    STEP("of two", GET, "/v1/health?tenant_id=p1&tenant_id=p2", NULL, 200, NULL,
         .json = {"/pools# == 2"}),
    STEP("without asking", GET, "/v1/health?ping=false&include_shared=false", NULL, 200, NULL,
         .json = {"/healthy == true"}),
    STEP("within a time", GET, "/v1/health?ping_timeout_ms=1000", NULL, 200, NULL),
    STEP("within no time", GET, "/v1/health?ping_timeout_ms=0", NULL, 400, "INVALID_PARAMETER"),
    STEP("ping what", GET, "/v1/health?ping=2", NULL, 400, "INVALID_PARAMETER"),
    STEP("metrics", GET, "/v1/metrics", NULL, 200, NULL,
         .json = {"/pools/total == 3", "/pools/max_pools == 50", "/pools/tenants# == 3",
                  "/health == absent", "/runtime == absent", "/timestamp != null"}),
    STEP("metrics and more", GET, "/v1/metrics?include_health=true&include_runtime=true", NULL, 200,
         NULL, .json = {"/health/healthy == true", "/runtime/resident_bytes != 0"}),
    STEP("metrics and what", GET, "/v1/metrics?include_health=yes", NULL, 400,
         "INVALID_PARAMETER"),
    STEP("servers", GET, "/v1/servers", NULL, 200, NULL,
         .json = {"/servers# == 1", "/servers/0/id == 'default'", "/servers/0/tenants == 3",
                  "/servers/0/reachable == true", "/servers/0/postgresql_version ~ '.'",
                  "/servers/0/state == 'online'"}),
    STEP("server", GET, "/v1/servers/default", NULL, 200, NULL, .json = {"/id == 'default'"}),
    STEP("no server", GET, "/v1/servers/moon", NULL, 404, "SERVER_NOT_FOUND"),
};

START_TEST(pools_come_and_go)
{
    STEPS_RUN(pools);
}
END_TEST

START_TEST(health_and_figures)
{
    STEPS_RUN(health);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api pools");
    TCase *tc = tcase_create("pools");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, pools_come_and_go);
    tcase_add_test(tc, health_and_figures);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
