/* SPDX-License-Identifier: MIT */
/* Jobs as such: reading, waiting, listing, cancelling, retrying. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/step.h"

#define J "/v1/jobs"
#define NO_JOB "/v1/jobs/01890000-0000-7000-8000-000000000000"
#define SQL .type = "application/sql"

static const struct step reading[] = {
    STEP("create", POST, "/v1/tenants", "{'id':'j1'}", 202, NULL, .keep = "job=/id location=@Location",
         .headers = "X-Request-Id: made-by-me\r\n",
         .json = {"@X-Request-Id == 'made-by-me'", "@Preference-Applied == absent"}),
    STEP("until it ends", GET, "{location}?wait=30", NULL, 200, NULL, .keep = "etag=@ETag",
         .json = {"/state == 'succeeded'", "/request_id == 'made-by-me'", "/args/revision == 1",
                  "/failures == []", "/retry_of == null"}),
    STEP("unchanged", GET, J "/{job}", NULL, 304, NULL, .headers = "If-None-Match: {etag}\r\n"),
    STEP("unchanged, and it has ended: no waiting", GET, J "/{job}?wait=30", NULL, 304, NULL,
         .headers = "If-None-Match: {etag}\r\n"),
    STEP("as expected", GET, J "/{job}?wait=30&expect=succeeded", NULL, 200, NULL),
    STEP("other than expected", GET, J "/{job}?expect=failed", NULL, 409, "JOB_OUTCOME"),
    STEP("its tasks", GET, J "/{job}/tasks", NULL, 200, NULL,
         .json = {"/tasks# == 1", "/tasks/0/tenant_id == 'j1'", "/tasks/0/state == 'succeeded'",
                  "/tasks/0/attempt == 1", "/tasks/0/server == 'default'",
                  "/tasks/0/finished_at != null"}),
    STEP("head", GET, J "/{job}", NULL, 200, NULL, .verb = "HEAD"),
    STEP("cancel what has ended", POST, J "/{job}/cancel", NULL, 409, "INVALID_STATE"),
    STEP("retry what has succeeded", POST, J "/{job}/retry", NULL, 409, "NOTHING_TO_RETRY"),
};

static const struct step missing[] = {
    STEP("none", GET, NO_JOB, NULL, 404, "JOB_NOT_FOUND"),
    STEP("none to wait for", GET, NO_JOB "?wait=30", NULL, 404, "JOB_NOT_FOUND"),
    STEP("no id", GET, J "/1", NULL, 404, "JOB_NOT_FOUND"),
    STEP("hostile id", GET, J "/%27%20OR%201=1--", NULL, 404, "JOB_NOT_FOUND"),
    STEP("no tasks", GET, NO_JOB "/tasks", NULL, 404, "JOB_NOT_FOUND"),
    STEP("cancel none", POST, NO_JOB "/cancel", NULL, 404, "JOB_NOT_FOUND"),
    STEP("retry none", POST, NO_JOB "/retry", NULL, 404, "JOB_NOT_FOUND"),
    STEP("wait for ever", GET, NO_JOB "?wait=99999999999999999999", NULL, 400,
         "INVALID_PARAMETER"),
    STEP("wait backwards", GET, NO_JOB "?wait=-1", NULL, 400, "INVALID_PARAMETER"),
    STEP("expect the worst", GET, NO_JOB "?expect=running", NULL, 400, "INVALID_PARAMETER"),
    STEP("a body of unknown members", POST, NO_JOB "/cancel", "{'why':'x'}", 404, "JOB_NOT_FOUND"),
};

static const struct step lists[] = {
    STEP("more", POST, "/v1/tenants/batch", "{'items':[{'id':'j2'},{'id':'j3'}]}", 200, NULL,
         .headers = STEP_WAIT),
    STEP("and one more", POST, "/v1/tenants", "{'id':'j4'}", 200, NULL, .headers = STEP_WAIT,
         .keep = "last=/id me=/created_by"),
    STEP("the newest first", GET, J, NULL, 200, NULL,
         .json = {"/jobs# == 3", "/jobs/0/id == '{last}'", "/next_page_token == absent"}),
    STEP("page 1", GET, J "?page_size=1", NULL, 200, NULL, .keep = "t=/next_page_token",
         .json = {"/jobs# == 1", "/jobs/0/id == '{last}'"}),
    STEP("page 2", GET, J "?page_size=1&page_token={t}", NULL, 200, NULL, .keep = "t=/next_page_token",
         .json = {"/jobs# == 1", "/jobs/0/id != '{last}'"}),
    STEP("page 3", GET, J "?page_size=1&page_token={t}", NULL, 200, NULL,
         .json = {"/jobs# == 1", "/next_page_token == absent"}),
    STEP("by kind", GET, J "?kind=tenant.create", NULL, 200, NULL, .json = {"/jobs# == 3"}),
    STEP("by another kind", GET, J "?kind=tenant.purge", NULL, 200, NULL, .json = {"/jobs == []"}),
    STEP("by states", GET, J "?state=succeeded,failed", NULL, 200, NULL, .json = {"/jobs# == 3"}),
    STEP("by no state there is", GET, J "?state=done", NULL, 400, "INVALID_PARAMETER"),
    STEP("by subject", GET, J "?subject=j4", NULL, 200, NULL, .json = {"/jobs# == 1"}),
    STEP("by creator", GET, J "?created_by={me}", NULL, 200, NULL, .json = {"/jobs# == 3"}),
    STEP("by a token of another list", GET, J "?kind=tenant.create&page_token={t}", NULL, 400,
         "PAGE_TOKEN_INVALID"),
    STEP("an unknown parameter", GET, J "?tenant=j4", NULL, 400, "UNKNOWN_PARAMETER"),
};

START_TEST(jobs_are_read_and_listed)
{
    STEPS_RUN(reading);
    STEPS_RUN(missing);
    STEPS_RUN(lists);
}
END_TEST

static const struct step live[] = {
    STEP("a slow migration", PUT, "/v1/catalogs/tenant/migrations/0001_slow",
         "SELECT pg_sleep(60);", 201, NULL, SQL),
    STEP("create", POST, "/v1/tenants", "{'id':'slow'}", 202, NULL, .headers = "Prefer: wait=1\r\n",
         .keep = "job=/id", .json = {"@Preference-Applied == 'wait=1'", "@Retry-After == '1'"}),
    STEP("not before it is over", GET, J "/{job}?wait=1", NULL, 200, NULL, .keep = "etag=/etag",
         .json = {"/state == 'running'", "/progress/running == 1"}),
    STEP("not before it changes", GET, J "/{job}?wait=1", NULL, 304, NULL,
         .headers = "If-None-Match: \"{etag}\"\r\n"),
    STEP("its tenant", GET, "/v1/tenants/slow", NULL, 200, NULL,
         .json = {"/state == 'provisioning'", "/active_job == '{job}'"}),
    STEP("its tenant cannot be purged", DELETE, "/v1/tenants/slow?mode=purge&force=true", NULL, 409,
         "TENANT_BUSY"),
    STEP("cancel", POST, J "/{job}/cancel", "{}", 202, NULL, .json = {"/cancel_requested == true"}),
    STEP("cancelled", GET, J "/{job}?wait=30", NULL, 200, NULL,
         .json = {"/state == 'cancelled'", "/progress/cancelled == 1"}),
    STEP("cancelled for good", POST, J "/{job}/cancel", NULL, 202, NULL,
         .json = {"/state == 'cancelled'"}),
    STEP("the tenant is not there in part", GET, "/v1/tenants/slow", NULL, 200, NULL,
         .json = {"/state == 'error'", "/active_job == null"}),
    STEP("the obstacle is removed", DELETE, "/v1/catalogs/tenant/migrations/0001_slow", NULL, 204,
         NULL),
    STEP("as the job was: the catalog then", POST, "/v1/tenants", "{'id':'slow'}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
};

START_TEST(a_live_job)
{
    int64_t from = clock_mono_ms();

    STEPS_RUN(live);
    ck_assert_int_lt(clock_mono_ms() - from, 30000); /* nothing waited for pg_sleep(60) */
}
END_TEST

static const struct step again[] = {
    STEP("a batch with an id that exists", POST, "/v1/tenants/batch", "{'items':[{'id':'j1'}]}",
         200, NULL, .headers = STEP_WAIT, .keep = "job=/id", .json = {"/state == 'failed'"}),
    STEP("was refused for good", POST, J "/{job}/retry", NULL, 409, "NOTHING_TO_RETRY"),
    STEP("a migration that fails", PUT, "/v1/catalogs/tenant/migrations/0001_fails",
         "SELECT 1 FROM missing_table;", 201, NULL, SQL),
    STEP("create", POST, "/v1/tenants", "{'id':'again'}", 200, NULL, .headers = STEP_WAIT,
         .keep = "job=/id", .json = {"/state == 'failed'"}),
    STEP("retried, it fails again", POST, J "/{job}/retry", NULL, 200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'failed'", "/retry_of == '{job}'", "/progress/failed == 1"}),
    STEP("purge", DELETE, "/v1/tenants/again?mode=purge&force=true", NULL, 200, NULL,
         .headers = STEP_WAIT, .json = {"/state == 'succeeded'"}),
    STEP("its tenant is gone", POST, J "/{job}/retry", NULL, 409, "NOTHING_TO_RETRY"),
    STEP("taken back", DELETE, "/v1/catalogs/tenant/migrations/0001_fails", NULL, 204, NULL),
};

START_TEST(retries)
{
    STEPS_RUN(again);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api jobs");
    TCase *tc = tcase_create("jobs");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, jobs_are_read_and_listed);
    tcase_add_test(tc, a_live_job);
    tcase_add_test(tc, retries);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
