/* SPDX-License-Identifier: MIT */
/* The contract and the tables of this repository say the same. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "openapi/openapi.h"

static json_t *contract;

static void load(void)
{
    struct err err;
    ck_assert_msg(json_parse(openapi_json, openapi_json_len, &contract, &err) == ERR_NONE, "%s",
                  err.msg);
}

static void unload(void)
{
    json_decref(contract);
    contract = NULL;
}

/* Follows keys, the last of which is NULL. */
static const json_t *at(const json_t *value, const char *const *keys)
{
    for (; *keys && value; keys++)
        value = json_object_get(value, *keys);
    return value;
}
#define AT(value, ...) at((value), (const char *const[]){__VA_ARGS__, NULL})

/* What "$ref": "#/a/b" stands for; value itself when it is no reference. */
static const json_t *resolve(const json_t *value)
{
    const char *ref = json_string_value(json_object_get(value, "$ref"));
    if (!ref)
        return value;
    ck_assert(str_starts(ref, "#/"));
    CLEANUP(freep) char *path = strdup(ref + 2);
    const json_t *found = contract;
    char *rest = NULL;
    for (char *key = strtok_r(path, "/", &rest); key; key = strtok_r(NULL, "/", &rest))
        found = json_object_get(found, key);
    ck_assert_msg(found != NULL, "nothing at %s", ref);
    return found;
}

/* What becomes of each kind over HTTP. */
#define STATUS_MALFORMED 400
#define STATUS_UNAUTHENTICATED 401
#define STATUS_FORBIDDEN 403
#define STATUS_NOT_FOUND 404
#define STATUS_METHOD 405
#define STATUS_NOT_ACCEPTABLE 406
#define STATUS_CONFLICT 409
#define STATUS_BUSY 409
#define STATUS_GONE 410
#define STATUS_PRECONDITION 412
#define STATUS_PRECONDITION_REQUIRED 428
#define STATUS_TOO_LARGE 413
#define STATUS_URI_TOO_LONG 414
#define STATUS_MEDIA_TYPE 415
#define STATUS_INVALID 422
#define STATUS_NOT_IMPLEMENTED 501
#define STATUS_RATE 429
#define STATUS_UNAVAILABLE 503
#define STATUS_TIMEOUT 504
#define STATUS_INTERNAL 500

static const struct code {
    const char *name, *title;
    int status;
} codes[] = {
#define CODE(code, kind, title_) {.name = #code, .title = (title_), .status = STATUS_##kind},
    ERR_LIST(CODE)};

static const struct code *find_code(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (strcmp(codes[i].name, name) == 0)
            return &codes[i];
    return NULL;
}

START_TEST(test_every_code_is_listed)
{
    const json_t *schema = AT(contract, "components", "schemas", "ErrorCode");
    const json_t *listed = json_object_get(schema, "enum");
    const char *table = json_string_value(json_object_get(schema, "description"));

    ck_assert_uint_eq(json_array_size(listed), ARRAY_LEN(codes));
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        CLEANUP(str_clear) struct str row = STR_INIT;
        ck_assert_str_eq(json_string_value(json_array_get(listed, i)), codes[i].name);
        str_addf(&row, "| `%s` | %d | %s | %s |\n", codes[i].name, codes[i].status,
                 err_is_retryable((err_code)(i + 1)) ? "yes" : "no", codes[i].title);
        ck_assert_msg(strstr(table, str_text(&row)) != NULL, "the table lacks %s", str_text(&row));
    }
}
END_TEST

/* The codes that a response's schema allows: the enum beside Problem in its allOf. */
static void check_response(const char *where, const char *status, const json_t *response)
{
    const json_t *schema =
        resolve(AT(resolve(response), "content", "application/problem+json", "schema"));
    const json_t *part;
    size_t i, j;

    if (status[0] >= '4')
        ck_assert_msg(schema || AT(resolve(response), "content", "text/plain"),
                      "%s %s is an error without a problem", where, status);
    json_array_foreach(json_object_get(schema, "allOf"), i, part)
    {
        const json_t *name, *names = AT(part, "properties", "code", "enum");
        json_array_foreach(names, j, name)
        {
            const struct code *code = find_code(json_string_value(name));
            ck_assert_msg(code && code->status == atoi(status), "%s: %s under %s", where,
                          json_string_value(name), status);
        }
    }
}

/* Calls check for each operation; where is "get /v1/tenants". */
static void each_operation(void (*check)(const char *where, const json_t *operation))
{
    static const char *const methods[] = {"get", "post", "put", "patch", "delete"};
    const char *path;
    json_t *item;

    json_object_foreach((json_t *)(uintptr_t)AT(contract, "paths"), path, item)
    {
        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
            char where[256];
            const json_t *operation = json_object_get(item, methods[i]);
            (void)snprintf(where, sizeof where, "%s %s", methods[i], path);
            if (operation)
                check(where, operation);
        }
    }
}

static void check_statuses(const char *where, const json_t *operation)
{
    const char *status;
    json_t *response;

    json_object_foreach((json_t *)(uintptr_t)AT(operation, "responses"), status, response)
        check_response(where, status, response);
}

START_TEST(test_codes_stand_under_their_status)
{
    each_operation(check_statuses);
}
END_TEST

static void check_links(const char *where, const json_t *operation)
{
    const json_t *accepted = AT(operation, "responses", "202");
    if (accepted)
        ck_assert_msg(AT(resolve(accepted), "links", "job") != NULL, "%s: a 202 without a link",
                      where);
}

START_TEST(test_every_202_leads_to_its_job)
{
    each_operation(check_links);
}
END_TEST

static bool has_response(const json_t *operation, const char *status)
{
    return AT(operation, "responses", status) != NULL;
}

static void check_security(const char *where, const json_t *operation)
{
    static const char *const any_token[] = {"whoami", "getVersion", "listErrors"};
    const char *id = json_string_value(json_object_get(operation, "operationId"));
    const char *scope = json_string_value(json_object_get(operation, "x-scope"));
    bool is_v1 = strstr(where, " /v1/") != NULL, needs_none = false;

    for (size_t i = 0; i < ARRAY_LEN(any_token); i++)
        needs_none |= strcmp(id, any_token[i]) == 0;
    ck_assert_msg((scope != NULL) == (is_v1 && !needs_none), "%s: scope", where);
    ck_assert_msg(has_response(operation, "403") == (scope != NULL), "%s: 403", where);
    ck_assert_msg(is_v1 == !json_object_get(operation, "security"), "%s: security", where);
    ck_assert_msg(!is_v1 || (has_response(operation, "401") && has_response(operation, "500") &&
                             has_response(operation, "503")),
                  "%s lacks 401, 500 or 503", where);
}

START_TEST(test_scopes)
{
    each_operation(check_security);
}
END_TEST

/* What goes with a body, and with an Idempotency-Key. */
static void check_bodies(const char *where, const json_t *operation)
{
    const json_t *body = json_object_get(operation, "requestBody");
    bool is_post = str_starts(where, "post ");

    ck_assert_msg((body != NULL) ==
                      (is_post || str_starts(where, "put ") || str_starts(where, "patch ")),
                  "%s: body", where);
    if (body)
        ck_assert_msg(has_response(operation, "413") && has_response(operation, "415") &&
                          has_response(operation, "422"),
                      "%s lacks 413, 415 or 422", where);
    if (is_post)
        ck_assert_msg(has_response(operation, "409"), "%s lacks IDEMPOTENCY_IN_PROGRESS", where);
}

START_TEST(test_bodies)
{
    each_operation(check_bodies);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("openapi");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, load, unload);
    tcase_add_test(cases, test_every_code_is_listed);
    tcase_add_test(cases, test_codes_stand_under_their_status);
    tcase_add_test(cases, test_every_202_leads_to_its_job);
    tcase_add_test(cases, test_scopes);
    tcase_add_test(cases, test_bodies);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
