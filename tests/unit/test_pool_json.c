/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "core/base/attr.h"
#include "core/base/json.h"
#include "core/pool/pool_json.h"

static void assert_json(json_t *value, const char *expected)
{
    ck_assert_ptr_nonnull(value);
    char *text = json_dumps(value, JSON_COMPACT);
    ck_assert_str_eq(text, expected);
    free(text);
    json_decref(value);
}

START_TEST(metrics_have_the_members_they_should)
{
    struct pool_tenant_metrics row = {.tenant_id = "acme",
                                      .schema_name = "tenant_\"acme",
                                      .connections = {.total = 3, .idle = 2, .waiting = 1},
                                      .last_accessed_at = 1767607200123};
    struct pool_metrics metrics = {
        .max_pools = 50, .total = 1, .tenants = &row, .timestamp = 1767607200000};

    assert_json(pool_metrics_json(&metrics),
                "{\"pools\":{\"total\":1,\"max_pools\":50,\"tenants\":[{\"tenant_id\":\"acme\","
                "\"schema_name\":\"tenant_\\\"acme\",\"connections\":{\"total\":3,\"idle\":2,"
                "\"waiting\":1},\"last_accessed_at\":\"2026-01-05T10:00:00.123Z\"}]},"
                "\"shared\":{\"initialized\":false,\"connections\":null},"
                "\"timestamp\":\"2026-01-05T10:00:00.000Z\"}");
    metrics.total = 0;
    metrics.shared_initialized = true;
    metrics.shared.total = 4;
    assert_json(pool_metrics_json(&metrics),
                "{\"pools\":{\"total\":0,\"max_pools\":50,\"tenants\":[]},\"shared\":{"
                "\"initialized\":true,\"connections\":{\"total\":4,\"idle\":0,\"waiting\":0}},"
                "\"timestamp\":\"2026-01-05T10:00:00.000Z\"}");
}
END_TEST

START_TEST(health_has_the_members_it_should)
{
    struct pool_health_row rows[] = {
        {.tenant_id = "a",
         .schema_name = "s",
         .status = POOL_OK,
         .response_time_ms = 7,
         .connections = {.total = 2, .idle = 1}},
        {.tenant_id = "b",
         .schema_name = "t",
         .status = POOL_UNHEALTHY,
         .response_time_ms = -1,
         .error = "gone"},
    };
    struct pool_health health = {.pools = rows,
                                 .total_pools = 2,
                                 .unhealthy_pools = 1,
                                 .shared = {.status = POOL_DEGRADED, .response_time_ms = 9},
                                 .timestamp = 1767607200000,
                                 .duration_ms = 12};

    assert_json(
        pool_health_json(&health),
        "{\"healthy\":false,\"pools\":[{\"tenant_id\":\"a\",\"schema_name\":\"s\",\"status\":"
        "\"ok\","
        "\"total_connections\":2,\"idle_connections\":1,\"waiting_requests\":0,"
        "\"response_time_ms\":7,\"error\":null},{\"tenant_id\":\"b\",\"schema_name\":\"t\","
        "\"status\":\"unhealthy\",\"total_connections\":0,\"idle_connections\":0,"
        "\"waiting_requests\":0,\"response_time_ms\":null,\"error\":\"gone\"}],"
        "\"shared_db\":\"degraded\",\"shared_db_response_time_ms\":9,\"shared_db_error\":null,"
        "\"total_pools\":2,\"degraded_pools\":0,\"unhealthy_pools\":1,"
        "\"timestamp\":\"2026-01-05T10:00:00.000Z\",\"duration_ms\":12}");
}
END_TEST

START_TEST(an_unchecked_shared_schema_is_null)
{
    struct pool_health health = {.healthy = true,
                                 .shared = {.status = POOL_UNCHECKED, .response_time_ms = -1}};
    json_t *value = pool_health_json(&health);

    ck_assert(json_is_null(json_object_get(value, "shared_db")));
    ck_assert(json_is_null(json_object_get(value, "shared_db_response_time_ms")));
    ck_assert(json_is_true(json_object_get(value, "healthy")));
    json_decref(value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool_json");
    TCase *tc = tcase_create("pool_json");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(tc, metrics_have_the_members_they_should);
    tcase_add_test(tc, health_has_the_members_it_should);
    tcase_add_test(tc, an_unchecked_shared_schema_is_null);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
