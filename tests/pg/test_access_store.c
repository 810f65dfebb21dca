/* SPDX-License-Identifier: MIT */
/* Tokens in the database, and who is let in. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/access/access.h"
#include "core/access/token_store.h"
#include "core/base/clock.h"
#include "core/control/control.h"
#include "tests/support/pg_fixture.h"

static struct pg *pg;

static void open_store(void)
{
    struct err err;

    pg = pg_fixture_connect();
    ck_assert_msg(control_migrate(pg, NULL, &err) == ERR_NONE, "%s", err.msg);
    pg_fixture_sql(pg, "TRUNCATE tenantd.token");
}

static void close_store(void)
{
    pg_close(pg);
}

/* Makes and stores a token; its text is written to text. */
static struct token add_token(char text[TOKEN_TEXT_SIZE], uint32_t scopes, int64_t expires_at)
{
    char name[] = "deploy", by[] = "test";
    struct token_record record = {
        .name = name, .created_by = by, .scopes = scopes, .expires_at = expires_at};
    struct err err;

    token_make(text);
    ck_assert_int_eq(token_parse(text, &record.token, &err), ERR_NONE);
    ck_assert_msg(token_store_insert(pg, &record, &err) == ERR_NONE, "%s", err.msg);
    ck_assert_int_eq(token_store_insert(pg, &record, &err), ERR_CONFLICT);
    return record.token;
}

START_TEST(test_record_comes_back)
{
    char text[TOKEN_TEXT_SIZE];
    CLEANUP(token_record_clear) struct token_record found = {.name = NULL};
    struct err err;
    int64_t soon = clock_unix_ms() + 60000;

    struct token token = add_token(text, SCOPE_BIT(SCOPE_JOBS_READ), soon);
    ck_assert_int_eq(token_store_find(pg, token.id, &found, &err), ERR_NONE);
    ck_assert_str_eq(found.name, "deploy");
    ck_assert_str_eq(found.created_by, "test");
    ck_assert_mem_eq(found.token.secret_sha256, token.secret_sha256, SHA256_SIZE);
    ck_assert_uint_eq(found.scopes, SCOPE_BIT(SCOPE_JOBS_READ));
    ck_assert_int_eq(found.expires_at, soon);
    ck_assert_int_eq(found.revoked_at, 0);
    ck_assert_int_le(llabs(found.created_at - clock_unix_ms()), 60000);
    ck_assert_int_eq(token_store_find(pg, "0000000000000000", &found, &err), ERR_TOKEN_NOT_FOUND);
}
END_TEST

START_TEST(test_unknown_scopes_grant_nothing)
{
    char text[TOKEN_TEXT_SIZE];
    CLEANUP(token_record_clear) struct token_record found = {.name = NULL};
    struct err err;

    struct token token = add_token(text, SCOPE_BIT(SCOPE_JOBS_READ), 0);
    pg_fixture_sql(pg, "UPDATE tenantd.token SET scopes = '{future:thing,jobs:read}'");
    ck_assert_int_eq(token_store_find(pg, token.id, &found, &err), ERR_NONE);
    ck_assert_uint_eq(found.scopes, SCOPE_BIT(SCOPE_JOBS_READ));
}
END_TEST

START_TEST(test_list_pages_by_id)
{
    char text[TOKEN_TEXT_SIZE], last[TOKEN_ID_SIZE] = "";
    struct err err;
    size_t total = 0;

    for (int i = 0; i < 7; i++)
        (void)add_token(text, SCOPES_ALL, 0);
    for (size_t count = 3; count == 3;) {
        CLEANUP(token_list_clear) struct token_list page = {.rows = NULL};
        ck_assert_int_eq(token_store_list(pg, last, 3, &page, &err), ERR_NONE);
        count = page.count;
        total += count;
        for (size_t i = 0; i < count; i++) {
            ck_assert_str_gt(page.rows[i].token.id, last);
            memcpy(last, page.rows[i].token.id, sizeof last);
        }
    }
    ck_assert_uint_eq(total, 7);
}
END_TEST

START_TEST(test_revoke_keeps_first_time)
{
    char text[TOKEN_TEXT_SIZE];
    struct err err;
    struct token token = add_token(text, SCOPES_ALL, 0);
    static const char first[] = "SELECT revoked_at AS v FROM tenantd.token";

    ck_assert_int_eq(token_store_revoke(pg, token.id, &err), ERR_NONE);
    CLEANUP(freep) char *before = pg_fixture_value(pg, first);
    ck_assert_int_eq(token_store_revoke(pg, token.id, &err), ERR_NONE);
    CLEANUP(freep) char *after = pg_fixture_value(pg, first);
    ck_assert_str_ne(before, "");
    ck_assert_str_eq(before, after);
    ck_assert_int_eq(token_store_revoke(pg, "none", &err), ERR_TOKEN_NOT_FOUND);
}
END_TEST

START_TEST(test_touch_writes_once_a_minute)
{
    char text[TOKEN_TEXT_SIZE];
    struct err err;
    struct token token = add_token(text, SCOPES_ALL, 0);
    static const char version[] = "SELECT xmin AS v FROM tenantd.token";

    ck_assert_int_eq(token_store_touch(pg, token.id, &err), ERR_NONE);
    CLEANUP(freep) char *first = pg_fixture_value(pg, version);
    ck_assert_int_eq(token_store_touch(pg, token.id, &err), ERR_NONE);
    CLEANUP(freep) char *second = pg_fixture_value(pg, version);
    ck_assert_str_eq(first, second);
    pg_fixture_sql(pg, "UPDATE tenantd.token SET last_used_at = now() - interval '61 seconds'");
    ck_assert_int_eq(token_store_touch(pg, token.id, &err), ERR_NONE);
    CLEANUP(freep)
    char *recent = pg_fixture_value(
        pg, "SELECT last_used_at > now() - interval '30 seconds' AS v FROM tenantd.token");
    ck_assert_str_eq(recent, "t");
}
END_TEST

START_TEST(test_bootstrap)
{
    char text[TOKEN_TEXT_SIZE];
    struct err err;
    struct token token;

    token_make(text);
    ck_assert_int_eq(token_parse(text, &token, &err), ERR_NONE);
    ck_assert_msg(access_bootstrap(pg, text, &err) == ERR_NONE, "%s", err.msg);
    ck_assert_int_eq(access_bootstrap(pg, text, &err), ERR_NONE);
    CLEANUP(freep) char *count = pg_fixture_value(pg, "SELECT count(*) AS v FROM tenantd.token");
    ck_assert_str_eq(count, "1");
    ck_assert_int_eq(access_bootstrap(pg, "secret", &err), ERR_CONFIG_INVALID);
    ck_assert_int_eq(err.code, ERR_CONFIG_INVALID);
    pg_fixture_sql(pg, "UPDATE tenantd.token SET scopes = '{jobs:read}'");
    ck_assert_int_eq(access_bootstrap(pg, text, &err), ERR_CONFIG_INVALID);
    ck_assert_int_eq(token_store_revoke(pg, token.id, &err), ERR_NONE);
    ck_assert_int_eq(access_bootstrap(pg, text, &err), ERR_CONFIG_INVALID);
    ck_assert_ptr_nonnull(strstr(err.msg, "revoked"));
    pg_fixture_sql(pg, "UPDATE tenantd.token SET revoked_at = NULL, secret_sha256 = '\\x00'");
    ck_assert_int_eq(access_bootstrap(pg, text, &err), ERR_CONFIG_INVALID);
    ck_assert_ptr_nonnull(strstr(err.msg, "another secret"));
}
END_TEST

/* A pool and a cache over it. */
struct gate {
    struct pg_pool *pool;
    struct access_cache *cache;
};

static struct gate open_gate(int64_t ttl_ms, size_t capacity, const char *url)
{
    struct gate gate = {.pool = NULL};
    struct err err;
    struct pg_pool_options options = {
        .connection = {.url = url, .connect_timeout_s = 5},
        .max = 2,
        .wait_ms = 5000,
        .retry = {.max_attempts = 1, .multiplier = 1},
    };

    ck_assert_msg(pg_pool_new(&options, &gate.pool, &err) == ERR_NONE, "%s", err.msg);
    ck_assert_int_eq(
        access_cache_new(
            &(struct access_options){.pool = gate.pool, .ttl_ms = ttl_ms, .capacity = capacity},
            &gate.cache, &err),
        ERR_NONE);
    return gate;
}

static void close_gate(struct gate *gate)
{
    access_cache_free(gate->cache);
    pg_pool_free(gate->pool);
}

static access_denial knock(const struct gate *gate, const char *scheme, const char *text,
                           struct principal *who)
{
    char header[256];
    struct err err;
    access_denial denial = ACCESS_UNAVAILABLE;

    (void)snprintf(header, sizeof header, "%s%s", scheme, text);
    err_code failed = access_check(gate->cache, header, who, &denial, &err);
    ck_assert_int_eq(failed == ERR_NONE, denial == ACCESS_GRANTED);
    if (failed && strlen(text) > 40)
        ck_assert_ptr_null(strstr(err.msg, text + 30));
    return denial;
}

START_TEST(test_who_is_let_in)
{
    CLEANUP(close_gate) struct gate gate = open_gate(3600000, 0, pg_fixture_url());
    char text[TOKEN_TEXT_SIZE], stranger[TOKEN_TEXT_SIZE];
    struct principal who;
    access_denial denial;
    struct err err;

    struct token token = add_token(text, SCOPE_BIT(SCOPE_JOBS_READ), clock_unix_ms() + 3600000);
    ck_assert_int_eq(knock(&gate, "Bearer ", text, &who), ACCESS_GRANTED);
    ck_assert_int_eq(knock(&gate, "bEARER   ", text, &who), ACCESS_GRANTED);
    ck_assert_str_eq(who.id, token.id);
    ck_assert_str_eq(who.name, "deploy");
    ck_assert_uint_eq(who.scopes, SCOPE_BIT(SCOPE_JOBS_READ));
    ck_assert_int_eq(access_check(gate.cache, NULL, &who, &denial, &err), ERR_UNAUTHENTICATED);
    ck_assert_int_eq(denial, ACCESS_MISSING);
    ck_assert_int_eq(knock(&gate, "Basic ", text, &who), ACCESS_MISSING);
    ck_assert_int_eq(knock(&gate, "", text, &who), ACCESS_MISSING);
    ck_assert_int_eq(knock(&gate, "Bearer ", "", &who), ACCESS_MALFORMED);
    ck_assert_int_eq(knock(&gate, "Bearer ", text + 1, &who), ACCESS_MALFORMED);
    token_make(stranger);
    ck_assert_int_eq(knock(&gate, "Bearer ", stranger, &who), ACCESS_UNKNOWN);
}
END_TEST

/* Neither the state of a token nor that it exists is told to who does not know its secret. */
START_TEST(test_wrong_secret_learns_nothing)
{
    CLEANUP(close_gate) struct gate gate = open_gate(3600000, 0, pg_fixture_url());
    char text[TOKEN_TEXT_SIZE];
    struct principal who;
    struct err err;

    struct token token = add_token(text, SCOPES_ALL, 0);
    pg_fixture_sql(pg, "UPDATE tenantd.token SET secret_sha256 = sha256('else')");
    ck_assert_int_eq(token_store_revoke(pg, token.id, &err), ERR_NONE);
    ck_assert_int_eq(knock(&gate, "Bearer ", text, &who), ACCESS_UNKNOWN);
    pg_fixture_sql(pg, "UPDATE tenantd.token SET secret_sha256 = '\\x'");
    access_forget(gate.cache, token.id);
    ck_assert_int_eq(knock(&gate, "Bearer ", text, &who), ACCESS_UNKNOWN);
}
END_TEST

START_TEST(test_expired_and_revoked)
{
    CLEANUP(close_gate) struct gate gate = open_gate(3600000, 0, pg_fixture_url());
    char old[TOKEN_TEXT_SIZE], gone[TOKEN_TEXT_SIZE];
    struct principal who;
    struct err err;

    (void)add_token(old, SCOPES_ALL, clock_unix_ms() - 1000);
    struct token token = add_token(gone, SCOPES_ALL, 0);
    ck_assert_int_eq(knock(&gate, "Bearer ", old, &who), ACCESS_EXPIRED);
    ck_assert_int_eq(knock(&gate, "Bearer ", gone, &who), ACCESS_GRANTED);
    ck_assert_int_eq(token_store_revoke(pg, token.id, &err), ERR_NONE);
    access_forget(gate.cache, token.id); /* the replica that revokes sees it at once */
    ck_assert_int_eq(knock(&gate, "Bearer ", gone, &who), ACCESS_REVOKED);
}
END_TEST

START_TEST(test_other_replicas_see_a_revocation_soon)
{
    CLEANUP(close_gate) struct gate gate = open_gate(200, 0, pg_fixture_url());
    char text[TOKEN_TEXT_SIZE];
    struct principal who;
    struct err err;
    int64_t deadline = clock_mono_ms() + 10000;

    struct token token = add_token(text, SCOPES_ALL, 0);
    ck_assert_int_eq(knock(&gate, "Bearer ", text, &who), ACCESS_GRANTED);
    ck_assert_int_eq(token_store_revoke(pg, token.id, &err), ERR_NONE);
    while (knock(&gate, "Bearer ", text, &who) == ACCESS_GRANTED)
        ck_assert_int_lt(clock_mono_ms(), deadline);
    ck_assert_int_eq(knock(&gate, "Bearer ", text, &who), ACCESS_REVOKED);
}
END_TEST

START_TEST(test_cached_token_needs_no_database)
{
    CLEANUP(close_gate) struct gate gate = open_gate(3600000, 4, pg_fixture_url());
    char text[6][TOKEN_TEXT_SIZE];
    struct principal who;
    int found = 0;

    for (int i = 0; i < 6; i++)
        (void)add_token(text[i], SCOPES_ALL, 0);
    ck_assert_int_eq(knock(&gate, "Bearer ", text[0], &who), ACCESS_GRANTED);
    pg_fixture_sql(pg, "DELETE FROM tenantd.token WHERE last_used_at IS NOT NULL");
    ck_assert_int_eq(knock(&gate, "Bearer ", text[0], &who), ACCESS_GRANTED);
    for (int i = 1; i < 6; i++) /* the cache holds four: the first gives way */
        ck_assert_int_eq(knock(&gate, "Bearer ", text[i], &who), ACCESS_GRANTED);
    ck_assert_int_eq(knock(&gate, "Bearer ", text[0], &who), ACCESS_UNKNOWN);
    pg_fixture_sql(pg, "TRUNCATE tenantd.token");
    for (int i = 1; i < 6; i++)
        found += knock(&gate, "Bearer ", text[i], &who) == ACCESS_GRANTED;
    ck_assert_int_eq(found, 4);
}
END_TEST

START_TEST(test_database_away)
{
    CLEANUP(close_gate) struct gate gate = open_gate(0, 0, "postgresql:///x?host=/nowhere");
    char text[TOKEN_TEXT_SIZE];
    struct principal who;

    token_make(text);
    ck_assert_int_eq(knock(&gate, "Bearer ", text, &who), ACCESS_UNAVAILABLE);
}
END_TEST

enum { THREADS = 6, KNOCKS = 300 };
struct visitor {
    const struct gate *gate;
    const char *text;
    int granted;
};

static void *visit(void *arg)
{
    struct visitor *v = arg;
    struct principal who;
    access_denial denial;
    char header[128];

    (void)snprintf(header, sizeof header, "Bearer %s", v->text);
    for (int i = 0; i < KNOCKS; i++)
        v->granted += access_check(v->gate->cache, header, &who, &denial, NULL) == ERR_NONE;
    return NULL;
}

START_TEST(test_many_threads)
{
    CLEANUP(close_gate) struct gate gate = open_gate(1, 4, pg_fixture_url());
    char text[THREADS][TOKEN_TEXT_SIZE];
    pthread_t threads[THREADS];
    struct visitor visitors[THREADS];

    for (int i = 0; i < THREADS; i++)
        (void)add_token(text[i], SCOPES_ALL, 0);
    for (int i = 0; i < THREADS; i++) {
        visitors[i] = (struct visitor){.gate = &gate, .text = text[i]};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, visit, &visitors[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert_int_eq(visitors[i].granted, KNOCKS);
    }
}
END_TEST

int main(void)
{
    pg_fixture_start();
    Suite *suite = suite_create("access_store");
    TCase *tc = tcase_create("access_store");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, open_store, close_store);
    tcase_add_test(tc, test_record_comes_back);
    tcase_add_test(tc, test_unknown_scopes_grant_nothing);
    tcase_add_test(tc, test_list_pages_by_id);
    tcase_add_test(tc, test_revoke_keeps_first_time);
    tcase_add_test(tc, test_touch_writes_once_a_minute);
    tcase_add_test(tc, test_bootstrap);
    tcase_add_test(tc, test_who_is_let_in);
    tcase_add_test(tc, test_wrong_secret_learns_nothing);
    tcase_add_test(tc, test_expired_and_revoked);
    tcase_add_test(tc, test_other_replicas_see_a_revocation_soon);
    tcase_add_test(tc, test_cached_token_needs_no_database);
    tcase_add_test(tc, test_database_away);
    tcase_add_test(tc, test_many_threads);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    pg_fixture_stop();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
