/* SPDX-License-Identifier: MIT */
/* Metrics: what is counted is shown, in a form that Prometheus' own checker takes. */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "service/metrics/metrics.h"
#include "service/metrics/metrics_internal.h"

static const char *const routes[] = {"/v1/tenants", "/v1/tenants/{tenant_id}",
                                     "/v1/jobs/{job_id}:cancel", "/openapi.json"};
static const char *const kinds[] = {"tenant.create", "migrate"};
static const char *const servers[] = {"default", "we\"i\\r\nd"};

static struct metrics *m;

static void open_metrics(void)
{
    struct metrics_options options = {.version = "1.2.3",
                                      .commit = "abcdef0",
                                      .routes = routes,
                                      .route_count = ARRAY_LEN(routes),
                                      .kinds = kinds,
                                      .kind_count = ARRAY_LEN(kinds),
                                      .servers = servers,
                                      .server_count = ARRAY_LEN(servers)};
    struct err err;

    ck_assert_int_eq(metrics_new(&options, &m, &err), ERR_NONE);
}

static void close_metrics(void)
{
    metrics_free(m);
}

/* Whether the page has the line. */
static bool shows(const char *line)
{
    CLEANUP(str_clear) struct str page = STR_INIT, wanted = STR_INIT;

    metrics_write(m, &page);
    str_addf(&wanted, "\n%s\n", line);
    return strstr(str_text(&page), str_text(&wanted)) != NULL;
}

static bool mentions(const char *text)
{
    CLEANUP(str_clear) struct str page = STR_INIT;

    metrics_write(m, &page);
    return strstr(str_text(&page), text) != NULL;
}

START_TEST(test_known_series_start_at_zero)
{
    ck_assert(shows("tenantd_build_info{version=\"1.2.3\",commit=\"abcdef0\"} 1"));
    ck_assert(shows("tenantd_auth_failures_total{reason=\"revoked\"} 0"));
    ck_assert(shows("tenantd_jobs_finished_total{kind=\"migrate\",outcome=\"partial\"} 0"));
    ck_assert(shows("tenantd_errors_total{code=\"TENANT_EXISTS\"} 0"));
    ck_assert(shows("tenantd_tasks_fenced_total 0"));
    ck_assert(shows("tenantd_http_request_duration_seconds_count{route_group=\"tenants\"} 0"));
    ck_assert(!mentions("tenantd_http_requests_total{")); /* these come as they happen */
    ck_assert(!mentions("\"other\""));
}
END_TEST

START_TEST(test_requests)
{
    metrics_http(m, routes[1], "GET", 200, 12345, false);
    metrics_http(m, routes[1], "GET", 200, 1, true);
    metrics_http(m, NULL, "BREW", 418, 1, false);
    ck_assert(shows("tenantd_http_requests_total{route=\"/v1/tenants/{tenant_id}\",method=\"GET\","
                    "code=\"200\"} 2"));
    ck_assert(shows("tenantd_http_requests_total{route=\"other\",method=\"other\",code=\"other\"} "
                    "1"));
    ck_assert(shows("tenantd_http_request_duration_seconds_bucket{route_group=\"tenants\","
                    "le=\"0.01\"} 0"));
    ck_assert(shows("tenantd_http_request_duration_seconds_bucket{route_group=\"tenants\","
                    "le=\"0.025\"} 1"));
    ck_assert(shows("tenantd_http_request_duration_seconds_sum{route_group=\"tenants\"} 0.012345"));
    ck_assert(shows("tenantd_http_request_duration_seconds_count{route_group=\"tenants\"} 1"));
    ck_assert(shows("tenantd_http_request_duration_seconds_count{route_group=\"other\"} 1"));
    ck_assert(shows("tenantd_http_request_duration_seconds_count{route_group=\"jobs\"} 0"));
    ck_assert(shows("tenantd_http_request_duration_seconds_count{route_group=\"meta\"} 0"));
}
END_TEST

START_TEST(test_bucket_bounds)
{
    static const struct {
        int64_t us;
        const char *line;
    } cases[] = {
        {-5, "tenantd_claim_duration_seconds_bucket{le=\"0.001\"} 1"},
        {1000, "tenantd_claim_duration_seconds_bucket{le=\"0.001\"} 1"}, /* le: less or equal */
        {1001, "tenantd_claim_duration_seconds_bucket{le=\"0.001\"} 0"},
        {1001, "tenantd_claim_duration_seconds_bucket{le=\"0.0025\"} 1"},
        {1000000, "tenantd_claim_duration_seconds_bucket{le=\"1\"} 1"},
        {1000001, "tenantd_claim_duration_seconds_bucket{le=\"1\"} 0"},
        {1000001, "tenantd_claim_duration_seconds_bucket{le=\"+Inf\"} 1"},
        {1000001, "tenantd_claim_duration_seconds_sum 1.000001"},
    };

    metrics_observe(m, METRIC_CLAIM_DURATION, 0, cases[_i].us);
    ck_assert_msg(shows(cases[_i].line), "%s", cases[_i].line);
}
END_TEST

START_TEST(test_counts_and_gauges)
{
    metrics_count(m, METRIC_JOBS_FINISHED, "migrate", "failed");
    metrics_count(m, METRIC_JOBS_FINISHED, "from.the.future", "failed");
    metrics_count(m, METRIC_MIGRATION_FAILURES, "42");
    metrics_error(m, ERR_TENANT_EXISTS);
    metrics_error(m, ERR_SYSTEM_FAILED);
    metrics_error(m, ERR_NONE);
    metrics_set(m, METRIC_HEARTBEAT, 0, INT64_C(1767607200123));
    metrics_set(m, METRIC_QUEUE_OLDEST_AGE, 0, 1500);
    metrics_inc(m, METRIC_LEADER, 0, 1);
    metrics_inc(m, METRIC_LEADER, 0, -1);
    metrics_set(m, METRIC_TENANTS, METRICS_SERIES(m, METRIC_TENANTS, "active", servers[1]), 9);
    ck_assert(shows("tenantd_jobs_finished_total{kind=\"migrate\",outcome=\"failed\"} 1"));
    ck_assert(shows("tenantd_jobs_finished_total{kind=\"other\",outcome=\"failed\"} 1"));
    ck_assert(!mentions("from.the.future"));
    ck_assert(shows("tenantd_migration_failures_total{sqlstate_class=\"42\"} 1"));
    ck_assert(!mentions("sqlstate_class=\"23\""));
    ck_assert(shows("tenantd_errors_total{code=\"TENANT_EXISTS\"} 1"));
    ck_assert(shows("tenantd_errors_total{code=\"SYSTEM_FAILED\"} 1"));
    ck_assert(shows("tenantd_heartbeat_last_success_timestamp_seconds 1767607200.123"));
    ck_assert(shows("tenantd_queue_oldest_ready_age_seconds 1.5"));
    ck_assert(shows("tenantd_leader 0"));
    ck_assert(shows("tenantd_tenants{state=\"active\",shard=\"we\\\"i\\\\r\\nd\"} 9"));
}
END_TEST

START_TEST(test_scaled_numbers)
{
    static const struct {
        int64_t value, scale;
        const char *text;
    } cases[] = {{0, 1000, "0"},
                 {1, 1000, "0.001"},
                 {-1500, 1000, "-1.5"},
                 {1000, 1000, "1"},
                 {7, 1, "7"},
                 {INT64_MIN, 1, "-9223372036854775808"},
                 {10050000, 1000000, "10.05"}};
    CLEANUP(str_clear) struct str text = STR_INIT;

    metrics_add_scaled(&text, cases[_i].value, cases[_i].scale);
    ck_assert_str_eq(str_text(&text), cases[_i].text);
}
END_TEST

static double figure(const char *page, const char *name)
{
    CLEANUP(str_clear) struct str line = STR_INIT;

    str_addf(&line, "\n%s ", name);
    const char *at = strstr(page, str_text(&line));
    ck_assert_msg(at != NULL, "%s is not there", name);
    return strtod(at + line.len, NULL);
}

START_TEST(test_process)
{
    CLEANUP(str_clear) struct str page = STR_INIT, again = STR_INIT;
    double now = (double)time(NULL);

    metrics_write(m, &page);
    const char *text = str_text(&page);
    ck_assert_double_gt(figure(text, "process_resident_memory_bytes"), 100000);
    ck_assert_double_gt(figure(text, "process_virtual_memory_bytes"), 100000);
    ck_assert_double_ge(figure(text, "process_open_fds"), 3);
    ck_assert_double_ge(figure(text, "process_max_fds"), figure(text, "process_open_fds"));
    ck_assert_double_gt(figure(text, "process_cpu_seconds_total"), 0);
    ck_assert_double_le(figure(text, "process_start_time_seconds"), now + 2);
    ck_assert_double_gt(figure(text, "process_start_time_seconds"), now - 3600);
    int fd = open("/dev/null", O_RDONLY);
    metrics_write(m, &again);
    ck_assert_double_eq(figure(str_text(&again), "process_open_fds"),
                        figure(text, "process_open_fds") + 1);
    ck_assert_double_eq(figure(str_text(&again), "process_start_time_seconds"),
                        figure(text, "process_start_time_seconds"));
    ck_assert_double_gt(figure(str_text(&again), "tenantd_scrape_series"), 200);
    (void)close(fd);
}
END_TEST

/* Every family that can have other series has one of each, so that nothing escapes the checker. */
static void fill_everything(void)
{
    for (metric id = METRIC_BUILD_INFO; id < METRIC_END; id++) {
        for (size_t i = 0; i < m->families[id].series; i++) {
            if (metrics_family(id)->kind == METRIC_HISTOGRAM)
                metrics_observe(m, id, i, 1234);
            else
                metrics_inc(m, id, i, 1);
        }
    }
}

static int run_promtool(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(path, O_RDONLY);
        if (dup2(fd, STDIN_FILENO) >= 0)
            (void)execlp("promtool", "promtool", "check", "metrics", (char *)NULL);
        _exit(127);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(test_promtool_has_no_complaint)
{
    CLEANUP(str_clear) struct str page = STR_INIT;
    char path[] = "/tmp/tenantd-metrics-XXXXXX";

    if (_i)
        fill_everything();
    metrics_write(m, &page);
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, page.data, page.len), (ssize_t)page.len);
    (void)close(fd);
    int status = run_promtool(path);
    (void)unlink(path);
    ck_assert_msg(status != 127, "promtool is missing: apt-get install prometheus");
    ck_assert_int_eq(status, 0);
}
END_TEST

/* The bound that the design sets: nothing grows with tenants, and no label names one. */
START_TEST(test_labels_are_bounded)
{
    size_t samples = 0;

    for (metric_label label = LABEL_VERSION; label < LABEL_END; label++) {
        ck_assert_msg(metrics_label_fixed(label)->name, "label %d has no row", (int)label);
        ck_assert_ptr_null(strstr(metrics_label_fixed(label)->name, "tenant"));
    }
    for (metric id = METRIC_BUILD_INFO; id < METRIC_END; id++) {
        const struct metric_family *family = metrics_family(id);
        ck_assert_msg(family->name && family->help, "family %d has no row", (int)id);
        ck_assert_int_eq(family->kind == METRIC_HISTOGRAM, family->buckets != NULL);
        if (!family->sparse)
            samples += m->families[id].series * m->families[id].stride;
    }
    ck_assert_uint_lt(samples, 1000);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000 };

static void *count_up(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        metrics_http(m, routes[0], "POST", 201, i, false);
        metrics_count(m, METRIC_CLAIMS, "work");
    }
    return arg;
}

START_TEST(test_nothing_is_lost_between_threads)
{
    pthread_t threads[THREADS];
    CLEANUP(str_clear) struct str page = STR_INIT, line = STR_INIT;

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < 20; i++) {
        str_reset(&page);
        metrics_write(m, &page);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    str_addf(&line, "tenantd_claims_total{outcome=\"work\"} %d", THREADS * ROUNDS);
    ck_assert(shows(str_text(&line)));
    str_reset(&line);
    str_addf(&line, "tenantd_http_request_duration_seconds_count{route_group=\"tenants\"} %d",
             THREADS * ROUNDS);
    ck_assert(shows(str_text(&line)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tc = tcase_create("metrics");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, open_metrics, close_metrics);
    tcase_add_test(tc, test_known_series_start_at_zero);
    tcase_add_test(tc, test_requests);
    tcase_add_loop_test(tc, test_bucket_bounds, 0, 8);
    tcase_add_test(tc, test_counts_and_gauges);
    tcase_add_loop_test(tc, test_scaled_numbers, 0, 7);
    tcase_add_test(tc, test_process);
    tcase_add_loop_test(tc, test_promtool_has_no_complaint, 0, 2);
    tcase_add_test(tc, test_labels_are_bounded);
    tcase_add_test(tc, test_nothing_is_lost_between_threads);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
