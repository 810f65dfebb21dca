/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "service/http/http.h"

static const struct request req = {
    .method_text = "POST", .path = "/v1/tenants", .id = "req_1", .peer = "127.0.0.1"};

static const char *header_of(const struct reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (str_eq(reply->headers[i].name, name))
            return reply->headers[i].value;
    return NULL;
}

/* Compares the body with the JSON expected, in which ' stands for ". */
static void is_json(const struct reply *reply, const char *expected)
{
    CLEANUP(freep) char *text = strdup(expected);

    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_auto_t *want = json_loads(text, 0, NULL), *got = json_loads(reply->body, 0, NULL);
    ck_assert_ptr_nonnull(want);
    ck_assert_msg(json_equal(want, got), "got %s", reply->body);
    ck_assert_uint_eq(reply->body_len, strlen(reply->body));
}

START_TEST(problem_of_a_field)
{
    struct err err;

    (void)err_set(&err, ERR_INVALID_TENANT_ID, "must start with a letter or a digit");
    (void)err_in(&err, "/tenant_id");
    struct reply reply = reply_err(&req, &err);
    ck_assert_int_eq(reply.status, 422);
    ck_assert_int_eq(reply.code, ERR_INVALID_TENANT_ID);
    ck_assert_str_eq(reply.content_type, "application/problem+json");
    ck_assert_ptr_null(header_of(&reply, "Retry-After"));
    is_json(&reply,
            "{'type':'https://tenantd.dev/errors/invalid-tenant-id',"
            "'title':'The tenant id is not valid','status':422,'code':'INVALID_TENANT_ID',"
            "'detail':'must start with a letter or a digit','retryable':false,"
            "'instance':'/v1/tenants','request_id':'req_1',"
            "'errors':[{'pointer':'/tenant_id','detail':'must start with a letter or a digit'}]}");
    reply_clear(&reply);
}
END_TEST

START_TEST(problem_with_all_there_is)
{
    struct err err;

    (void)err_set(&err, ERR_DATABASE_UNAVAILABLE, "cannot reach \"db\"\xff");
    (void)err_in(&err, "/limit");
    (void)snprintf(err.sqlstate, sizeof err.sqlstate, "08006");
    (void)snprintf(err.subject, sizeof err.subject, "job_1");
    err.line = 3;
    err.column = 7;
    struct reply reply = reply_problem(
        &req, &err, json_pack("{s:{s:i}, s:s}", "metadata", "waited_ms", 5, "outcome", "none"));
    ck_assert_int_eq(reply.status, 503);
    ck_assert_str_eq(reply.sqlstate, "08006");
    ck_assert_pstr_eq(header_of(&reply, "Retry-After"), "1");
    is_json(&reply, "{'type':'https://tenantd.dev/errors/database-unavailable',"
                    "'title':'The database is not reachable','status':503,"
                    "'code':'DATABASE_UNAVAILABLE','detail':'cannot reach \\\"db\\\"\xef\xbf\xbd',"
                    "'retryable':true,'instance':'/v1/tenants','request_id':'req_1',"
                    "'errors':[{'pointer':'/limit','detail':'cannot reach \\\"db\\\"\xef\xbf\xbd'}"
                    "],'metadata':{'line':3,'column':7,'sqlstate':'08006','subject':'job_1',"
                    "'waited_ms':5},'outcome':'none'}");
    reply_clear(&reply);
}
END_TEST

START_TEST(errors_of_the_caller_replace_ours)
{
    struct err err;

    (void)err_set(&err, ERR_VALIDATION_FAILED, "2 fields are wrong");
    (void)err_in(&err, "/a");
    struct reply reply = reply_problem(
        &req, &err, json_pack("{s:[{s:s},{s:s}]}", "errors", "pointer", "/a", "pointer", "/b"));
    json_auto_t *got = json_loads(reply.body, 0, NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(got, "errors")), 2);
    reply_clear(&reply);
}
END_TEST

START_TEST(internal_errors_keep_their_secrets)
{
    static const err_code codes[] = {ERR_INTERNAL, ERR_SYSTEM_FAILED, ERR_WORKER_LOST};
    struct err err;

    (void)err_set(&err, codes[_i], "password=hunter2");
    (void)err_in(&err, "hunter2");
    (void)snprintf(err.subject, sizeof err.subject, "hunter2");
    struct reply reply = reply_err(&req, &err);
    ck_assert_int_eq(reply.status, 500);
    ck_assert_ptr_null(strstr(reply.body, "hunter2"));
    ck_assert_ptr_nonnull(strstr(reply.body, "under request req_1"));
    reply_clear(&reply);
}
END_TEST

START_TEST(headers_that_errors_bring)
{
    static const struct {
        err_code code;
        int status;
        const char *retry_after, *authenticate;
    } rows[] = {
        {ERR_UNAUTHENTICATED, 401, NULL, "Bearer"}, {ERR_IDEMPOTENCY_IN_PROGRESS, 409, "1", NULL},
        {ERR_TENANT_EXISTS, 409, NULL, NULL},       {ERR_OVERLOADED, 503, "1", NULL},
        {ERR_NOT_FOUND, 404, NULL, NULL},           {ERR_INTERNAL, 500, NULL, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err;
        (void)err_set(&err, rows[i].code, "x");
        struct reply reply = reply_err(&req, &err);
        ck_assert_int_eq(reply.status, rows[i].status);
        ck_assert_pstr_eq(header_of(&reply, "Retry-After"), rows[i].retry_after);
        ck_assert_pstr_eq(header_of(&reply, "WWW-Authenticate"), rows[i].authenticate);
        reply_clear(&reply);
    }
}
END_TEST

START_TEST(status_of_each_code)
{
    static const struct {
        err_code code;
        int status;
    } rows[] = {
        {ERR_MALFORMED_JSON, 400},
        {ERR_UNAUTHENTICATED, 401},
        {ERR_PERMISSION_DENIED, 403},
        {ERR_JOB_NOT_FOUND, 404},
        {ERR_METHOD_NOT_ALLOWED, 405},
        {ERR_NOT_ACCEPTABLE, 406},
        {ERR_TENANT_BUSY, 409},
        {ERR_LOCK_UNAVAILABLE, 409},
        {ERR_PAGE_TOKEN_EXPIRED, 410},
        {ERR_ETAG_MISMATCH, 412},
        {ERR_BODY_TOO_LARGE, 413},
        {ERR_URI_TOO_LONG, 414},
        {ERR_UNSUPPORTED_MEDIA_TYPE, 415},
        {ERR_RESERVED_NAME, 422},
        {ERR_PRECONDITION_REQUIRED, 428},
        {ERR_INTERNAL, 500},
        {ERR_NOT_IMPLEMENTED, 501},
        {ERR_DRAINING, 503},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(http_status(rows[i].code), rows[i].status);
        ck_assert_str_ne(http_reason(rows[i].status), "Unknown");
    }
    ck_assert_str_eq(http_reason(299), "Unknown");
}
END_TEST

START_TEST(replies)
{
    struct reply reply = reply_json(201, json_pack("{s:i}", "a", 1));
    ck_assert_int_eq(reply.status, 201);
    ck_assert_str_eq(reply.body, "{\"a\":1}");
    ck_assert_uint_eq(reply.body_len, 7);
    ck_assert_str_eq(reply.content_type, "application/json");
    reply_header(&reply, "Location", "/x");
    ck_assert_pstr_eq(header_of(&reply, "Location"), "/x");
    reply_clear(&reply);
    ck_assert_ptr_null(reply.body);

    reply = reply_empty(204);
    ck_assert(reply.status == 204 && !reply.content_type && !reply.body);
    reply = reply_park("job_1", 77);
    ck_assert(reply.status == 0 && reply.park_until == 77);
    ck_assert_str_eq(reply.park_key, "job_1");
}
END_TEST

START_TEST(a_reply_without_its_value_is_our_failure)
{
    struct reply json = reply_json(200, NULL), text = reply_text(200, "text/plain", NULL);

    ck_assert(json.status == 500 && json.code == ERR_INTERNAL && json.body);
    ck_assert(text.status == 500 && text.code == ERR_INTERNAL && text.body);
    reply_clear(&json);
    reply_clear(&text);
}
END_TEST

START_TEST(lookups)
{
    char names[][8] = {"Accept", "a", "A", "a"}, values[][8] = {"1", "2", "3", "4"};
    struct request got = {
        .headers = {{names[0], values[0]}},
        .header_count = 1,
        .query = {{names[1], values[1]}, {names[2], values[2]}, {names[3], values[3]}},
        .query_count = 3};

    ck_assert_pstr_eq(request_header(&got, "accept"), "1");
    ck_assert_ptr_null(request_header(&got, "Accep"));
    ck_assert_pstr_eq(request_query(&got, "a"), "2");
    ck_assert_pstr_eq(request_query(&got, "A"), "3");
    ck_assert_ptr_null(request_query(&got, "b"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reply");
    TCase *tc = tcase_create("reply");

    tcase_add_test(tc, problem_of_a_field);
    tcase_add_test(tc, problem_with_all_there_is);
    tcase_add_test(tc, errors_of_the_caller_replace_ours);
    tcase_add_loop_test(tc, internal_errors_keep_their_secrets, 0, 3);
    tcase_add_test(tc, headers_that_errors_bring);
    tcase_add_test(tc, status_of_each_code);
    tcase_add_test(tc, replies);
    tcase_add_test(tc, a_reply_without_its_value_is_our_failure);
    tcase_add_test(tc, lookups);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
