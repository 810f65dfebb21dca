/* SPDX-License-Identifier: MIT */
/* Probes, from memory alone: before the start, while serving and while shutting down. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "service/api/api.h"

static struct config config;
static struct app app;

static void set_up(void)
{
    config.http.queue = 10;
    app = (struct app){.config = &config, .server_lock = PTHREAD_MUTEX_INITIALIZER};
}

static void serve(void)
{
    atomic_store(&app.control_seen_ms, clock_mono_ms());
    atomic_store(&app.background_ms, clock_mono_ms());
    atomic_store(&app.started, true);
}

/* The status of a probe; its text must hold what is wanted. */
static int probe(const char *path, const char *wanted)
{
    struct request req = {.method = HTTP_GET, .path = path};
    struct reply reply = admin_handle(&app, &req);
    int status = reply.status;

    if (wanted)
        ck_assert_msg(strstr(reply.body, wanted), "%s: %s", path, reply.body);
    reply_clear(&reply);
    return status;
}

START_TEST(before_the_start)
{
    ck_assert_int_eq(probe("/livez", "ok"), 200);
    ck_assert_int_eq(probe("/startupz", "[-]started"), 503);
    ck_assert_int_eq(probe("/readyz", "[-]control_db"), 503);
}
END_TEST

START_TEST(while_serving)
{
    serve();
    ck_assert_int_eq(probe("/livez", "ok"), 200);
    ck_assert_int_eq(probe("/startupz", "ok"), 200);
    ck_assert_int_eq(probe("/readyz", "ok"), 200);
    ck_assert_int_eq(probe("/readyz/control_db", "[+]control_db"), 200);
    ck_assert_int_eq(probe("/readyz/nothing", NULL), 404);
    ck_assert_int_eq(probe("/readyzz", NULL), 404);
    ck_assert_int_eq(probe("/", NULL), 404);
}
END_TEST

START_TEST(silence_is_told)
{
    serve();
    atomic_store(&app.control_seen_ms, clock_mono_ms() - 6000);
    ck_assert_int_eq(probe("/readyz", "[-]control_db"), 503);
    ck_assert_int_eq(probe("/livez", "ok"), 200); /* a restart would not bring it back */
    atomic_store(&app.background_ms, clock_mono_ms() - 31000);
    ck_assert_int_eq(probe("/livez", "[-]process"), 500);
}
END_TEST

/* The probes outlive the API's server: there is none to ask any more. */
START_TEST(while_shutting_down)
{
    serve();
    atomic_store(&app.draining, true);
    app_set_server(&app, NULL);
    app_wake(&app, "a job");
    ck_assert_int_eq(probe("/readyz", "[-]draining"), 503);
    ck_assert_int_eq(probe("/readyz/queue", "[+]queue"), 200);
    atomic_store(&app.background_ms, clock_mono_ms() - 60000); /* it has stopped */
    ck_assert_int_eq(probe("/livez", "ok"), 200);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("admin");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, before_the_start);
    tcase_add_test(tc, while_serving);
    tcase_add_test(tc, silence_is_told);
    tcase_add_test(tc, while_shutting_down);
    Suite *suite = suite_create("admin");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
