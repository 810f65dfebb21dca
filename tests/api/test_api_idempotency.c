/* SPDX-License-Identifier: MIT */
/* A request sent twice with one Idempotency-Key is carried out once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/access/token.h"
#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define KEY(k) .headers = "Idempotency-Key: " k "\r\n"

static const struct step once[] = {
    STEP("first", POST, "/v1/tenants", "{'id':'i1'}", 202, NULL, KEY("\"k-1\""), .keep = "job=/id",
         .json = {"@Idempotent-Replayed == absent"}),
    STEP("again, written otherwise", POST, "/v1/tenants", "{ 'id' : 'i1' }", 200, NULL,
         .headers = "Idempotency-Key: k-1\r\nPrefer: wait=30\r\n",
         .json = {"/id == '{job}'", "@Location == '/v1/jobs/{job}'",
                  "@Idempotent-Replayed == 'true'"}),
    STEP("again", POST, "/v1/tenants", "{'id':'i1'}", 200, NULL, KEY("k-1"),
         .json = {"/id == '{job}'", "@Idempotent-Replayed == 'true'", "/state == 'succeeded'"}),
    STEP("another body", POST, "/v1/tenants", "{'id':'i2'}", 422, "IDEMPOTENCY_KEY_REUSED",
         KEY("k-1")),
    STEP("another query", POST, "/v1/tenants?dry_run=true", "{'id':'i1'}", 422,
         "IDEMPOTENCY_KEY_REUSED", KEY("k-1")),
    STEP("another operation", POST, "/v1/tenants/import", "{}", 422, "IDEMPOTENCY_KEY_REUSED",
         KEY("k-1")),
    STEP("another key", POST, "/v1/tenants", "{'id':'i1'}", 409, "TENANT_EXISTS", KEY("k-2")),
    STEP("failures are not kept", POST, "/v1/tenants", "{'id':'Bad'}", 422, "INVALID_TENANT_ID",
         KEY("k-3")),
    STEP("so that the key is free", POST, "/v1/tenants", "{'id':'i3'}", 202, NULL, KEY("k-3")),
    STEP("a dry run", POST, "/v1/tenants?dry_run=true", "{'id':'i4'}", 200, NULL, KEY("k-4")),
    STEP("it is now there", POST, "/v1/tenants", "{'id':'i4'}", 200, NULL, .headers = STEP_WAIT),
    STEP("the dry run again is as it was", POST, "/v1/tenants?dry_run=true", "{'id':'i4'}", 200,
         NULL, KEY("k-4"), .json = {"/exists == false", "@Idempotent-Replayed == 'true'"}),
    STEP("a state", POST, "/v1/tenants/i1/suspend", NULL, 200, NULL, KEY("k-5")),
    STEP("a state again", POST, "/v1/tenants/i1/suspend", NULL, 200, NULL, KEY("k-5"),
         .json = {"@Idempotent-Replayed == 'true'", "/state == 'suspended'", "@ETag == present"}),
    STEP("a batch", POST, "/v1/tenants/batch", "{'items':[{'id':'i5'}]}", 202, NULL, KEY("k-6"),
         .keep = "job=/id"),
    STEP("a batch again", POST, "/v1/tenants/batch", "{'items':[{'id':'i5'}]}", 200, NULL,
         .headers = "Idempotency-Key: k-6\r\nPrefer: wait=30\r\n", .json = {"/id == '{job}'"}),
    STEP("a bundle", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0001_a.sql','content':'SELECT 1;'}]}", 201, NULL, KEY("k-7")),
    STEP("a bundle again", POST, "/v1/catalogs/shared/bundles",
         "{'files':[{'path':'0001_a.sql','content':'SELECT 1;'}]}", 201, NULL, KEY("k-7"),
         .json = {"/added == ['0001_a']"}),
    STEP("GET takes no notice", GET, "/v1/tenants/i1", NULL, 200, NULL, KEY("k-1")),
};

static const struct step tokens[] = {
    STEP("another caller", POST, "/v1/tokens", "{'name':'other','role':'admin'}", 201, NULL,
         .keep = "other=/token"),
    STEP("has keys of his own", POST, "/v1/tenants", "{'id':'i6'}", 202, NULL, KEY("k-1"),
         .token = "{other}"),
    STEP("a token", POST, "/v1/tokens", "{'name':'once','role':'viewer'}", 201, NULL, KEY("k-8")),
    STEP("its secret is shown once", POST, "/v1/tokens", "{'name':'once','role':'viewer'}", 409,
         "CONFLICT", KEY("k-8")),
};

static const struct step bad_keys[] = {
    STEP("empty", POST, "/v1/tenants", "{'id':'x'}", 400, "INVALID_PARAMETER", KEY(""),
         .json = {"/errors/0/header == 'Idempotency-Key'"}),
    STEP("empty, quoted", POST, "/v1/tenants", "{'id':'x'}", 400, "INVALID_PARAMETER", KEY("\"\"")),
    STEP("with a blank", POST, "/v1/tenants", "{'id':'x'}", 400, "INVALID_PARAMETER", KEY("a b")),
    STEP("not ASCII", POST, "/v1/tenants", "{'id':'x'}", 400, "INVALID_PARAMETER", KEY("\xc3\xa9")),
    STEP("two of them", POST, "/v1/tenants", "{'id':'x'}", 400, "BAD_REQUEST",
         .headers = "Idempotency-Key: a\r\nIdempotency-Key: b\r\n"),
    STEP("none of it was done", GET, "/v1/tenants/x", NULL, 404, "TENANT_NOT_FOUND"),
};

START_TEST(the_same_request_twice)
{
    struct pg *pg = pg_fixture_connect();

    STEPS_RUN(once);
    STEPS_RUN(tokens);
    STEPS_RUN(bad_keys);
    CLEANUP(freep) char *secrets = pg_fixture_value(
        pg, "SELECT count(*) AS v FROM tenantd.idempotency WHERE body LIKE '%tnd\\_%'");
    ck_assert_str_eq(secrets, "0"); /* no secret is kept in the database */
    pg_close(pg);
}
END_TEST

START_TEST(long_keys)
{
    char headers[300], key[257];
    struct step step = STEP("255", POST, "/v1/tenants?dry_run=true", "{'id':'x'}", 200, NULL,
                            .headers = headers);

    for (size_t n = 255; n <= 256; n++) {
        memset(key, 'k', n);
        key[n] = '\0';
        (void)snprintf(headers, sizeof headers, "Idempotency-Key: %s\r\n", key);
        step.status = n == 255 ? 200 : 400;
        step.code = n == 255 ? NULL : "INVALID_PARAMETER";
        steps_run_table(&step, 1);
    }
}
END_TEST

/* Another replica has the key and has not ended: its row is there, and not committed. */
START_TEST(still_running_elsewhere)
{
    static const struct step steps[] = {
        STEP("meanwhile", POST, "/v1/tenants", "{'id':'elsewhere'}", 409, "IDEMPOTENCY_IN_PROGRESS",
             KEY("busy"), .json = {"/retryable == true", "@Retry-After == '1'"}),
        STEP("after it gave up", POST, "/v1/tenants", "{'id':'elsewhere'}", 202, NULL, KEY("busy")),
    };
    struct pg *pg = pg_fixture_connect();
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "BEGIN; INSERT INTO tenantd.idempotency (principal, key, fingerprint)"
                   " VALUES ('%.*s', 'busy', 'x')",
                   TOKEN_ID_LEN, daemon_token() + strlen("tnd_"));
    pg_fixture_sql(pg, sql);
    steps_run_table(&steps[0], 1);
    pg_fixture_sql(pg, "ROLLBACK");
    steps_run_table(&steps[1], 1);
    pg_close(pg);
}
END_TEST

enum { CLIENTS = 50 };

struct answer {
    pthread_barrier_t *together;
    int status;
    char job[64];
};

static void *send_at_once(void *arg)
{
    static const char body[] = "{\"id\":\"rush\"}";
    struct answer *answer = arg;
    struct http_client client;

    http_client_open(&client, daemon_port());
    (void)pthread_barrier_wait(answer->together);
    http_client_sendf(&client,
                      "POST /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                      "Idempotency-Key: rush\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n\r\n%s",
                      daemon_token(), strlen(body), body);
    answer->status = http_client_read_within(&client, false, 60000);
    const char *location = http_client_header(&client, "Location");
    (void)snprintf(answer->job, sizeof answer->job, "%s", location ? location : "");
    http_client_close(&client);
    return NULL;
}

START_TEST(fifty_at_once)
{
    pthread_t threads[CLIENTS];
    pthread_barrier_t together;
    struct answer answers[CLIENTS];
    const char *job = NULL;
    struct pg *pg = pg_fixture_connect();

    (void)pthread_barrier_init(&together, NULL, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        answers[i] = (struct answer){.together = &together};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send_at_once, &answers[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        (void)pthread_join(threads[i], NULL);
        /* the job may have ended before the last of them was answered */
        ck_assert_msg(answers[i].status / 100 == 2 || answers[i].status == 409, "%d",
                      answers[i].status);
        if (answers[i].status == 409)
            continue;
        job = job ? job : answers[i].job;
        ck_assert_str_eq(answers[i].job, job);
    }
    ck_assert_ptr_nonnull(job);
    CLEANUP(freep) char *jobs =
        pg_fixture_value(pg, "SELECT count(*) AS v FROM tenantd.job WHERE subject = 'rush'");
    ck_assert_str_eq(jobs, "1");
    pg_close(pg);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api idempotency");
    TCase *tc = tcase_create("idempotency");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, the_same_request_twice);
    tcase_add_test(tc, long_keys);
    tcase_add_test(tc, still_running_elsewhere);
    tcase_add_test(tc, fifty_at_once);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
