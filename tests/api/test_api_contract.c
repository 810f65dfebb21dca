/* SPDX-License-Identifier: MIT */
/* The table of routes and the contract say the same. */
#include <check.h>
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/tenant/tenant.h"
#include "openapi/openapi.h"
#include "service/api/api.h"

static json_t *contract;

static void set_up(void)
{
    json_error_t error;
    contract = json_loadb(openapi_json, openapi_json_len, 0, &error);
    ck_assert_msg(contract != NULL, "%s", error.text);
}

static void tear_down(void)
{
    json_decref(contract);
}

static const json_t *operation(const char *path, http_method method)
{
    char key[16];

    (void)snprintf(key, sizeof key, "%s", http_method_name(method));
    for (char *p = key; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return json_object_get(json_object_get(json_object_get(contract, "paths"), path), key);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

START_TEST(every_route_has_its_operation)
{
    const struct api_route *route = &api_routes[_i];
    const json_t *op = operation(route->pattern.path, route->pattern.method);
    const json_t *security = json_object_get(op, "security");

    ck_assert_msg(op != NULL, "%s %s is not in the contract",
                  http_method_name(route->pattern.method), route->pattern.path);
    ck_assert_pstr_eq(text_of(op, "operationId"), route->op);
    ck_assert_pstr_eq(text_of(op, "x-scope"),
                      route->open || route->public ? NULL : scope_name(route->scope));
    /* an empty "security" is the contract's word for public */
    ck_assert_int_eq(security && json_array_size(security) == 0, route->public);
}
END_TEST

static const json_t *resolve(const json_t *value)
{
    const char *ref = text_of(value, "$ref");
    char copy[256], *rest = NULL;
    const json_t *at = contract;

    if (!ref)
        return value;
    (void)snprintf(copy, sizeof copy, "%s", ref + strlen("#/"));
    for (char *word = strtok_r(copy, "/", &rest); word; word = strtok_r(NULL, "/", &rest))
        at = json_object_get(at, word);
    return at;
}

static bool names_parameter(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *parameter = resolve(json_array_get(list, i));
        if (str_eq(text_of(parameter, "in"), "query") && str_eq(text_of(parameter, "name"), name))
            return true;
    }
    return false;
}

static size_t count_queries(const json_t *list)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        n += str_eq(text_of(resolve(json_array_get(list, i)), "in"), "query");
    return n;
}

START_TEST(query_parameters_are_the_same)
{
    const struct api_route *route = &api_routes[_i];
    const json_t *list =
        json_object_get(operation(route->pattern.path, route->pattern.method), "parameters");
    size_t n = 0;
    char name[64];

    for (; n < ROUTE_QUERY_MAX && route->query[n]; n++) {
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(route->query[n], "*"),
                       route->query[n]);
        ck_assert_msg(names_parameter(list, name), "%s: %s is not in the contract", route->op,
                      name);
    }
    ck_assert_msg(count_queries(list) == n, "%s: the contract has %zu query parameters, not %zu",
                  route->op, count_queries(list), n);
}
END_TEST

START_TEST(bodies_are_the_same)
{
    const struct api_route *route = &api_routes[_i];
    const json_t *body =
        json_object_get(operation(route->pattern.path, route->pattern.method), "requestBody");
    bool required = json_is_true(json_object_get(resolve(body), "required"));

    ck_assert_msg((body != NULL) == (route->body != BODY_NONE), "%s", route->op);
    if (body)
        ck_assert_msg(required == (route->body != BODY_JSON_OPTIONAL), "%s: required?", route->op);
}
END_TEST

/* Paths that the admin listener serves name their own server. */
static bool is_api(const json_t *item)
{
    return !json_object_get(item, "servers");
}

START_TEST(every_operation_has_its_route)
{
    json_t *item, *op;
    const char *path, *key;
    size_t n = 0;

    json_object_foreach(json_object_get(contract, "paths"), path, item) {
        json_object_foreach(item, key, op) {
            bool found = false;
            if (!is_api(item) || !json_object_get(op, "operationId"))
                continue;
            for (size_t i = 0; i < api_route_count && !found; i++)
                found = str_eq(api_routes[i].op, text_of(op, "operationId")) &&
                        str_eq(api_routes[i].pattern.path, path);
            ck_assert_msg(found, "%s %s: no route", key, path);
            n++;
        }
    }
    ck_assert_uint_eq(n, api_route_count);
}
END_TEST

/* A tenant with such an id could not be reached. */
START_TEST(literals_beside_tenants_are_reserved)
{
    static const char prefix[] = "/v1/tenants/";

    for (size_t i = 0; i < api_route_count; i++) {
        const char *path = api_routes[i].pattern.path;
        struct err err;
        char word[64];
        if (!str_starts(path, prefix) || path[strlen(prefix)] == '{')
            continue;
        (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(path + strlen(prefix), "/"),
                       path + strlen(prefix));
        ck_assert_msg(tenant_check_id(word, &err) == ERR_RESERVED_NAME, "%s", word);
    }
}
END_TEST

#define ERR_CODE(code, kind, title) ERR_##code,
static const err_code codes[] = {ERR_LIST(ERR_CODE)};
#undef ERR_CODE

START_TEST(every_code_is_in_the_contract)
{
    const json_t *schemas = json_object_get(json_object_get(contract, "components"), "schemas");
    const json_t *schema = json_object_get(schemas, "ErrorCode");
    const json_t *words = json_object_get(schema, "enum");
    const char *table = text_of(schema, "description"), *name = err_name(codes[_i]);
    char row[160];
    bool found = json_array_size(words) == 0; /* an open list has its words in the table alone */

    for (size_t i = 0; i < json_array_size(words); i++)
        found |= str_eq(json_string_value(json_array_get(words, i)), name);
    ck_assert_msg(found, "%s", name);
    (void)snprintf(row, sizeof row, "| `%s` | %d | %s | %s |", name, http_status(codes[_i]),
                   err_is_retryable(codes[_i]) ? "yes" : "no", err_title(codes[_i]));
    ck_assert_msg(table && strstr(table, row), "not in the table: %s", row);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api contract");
    TCase *tc = tcase_create("contract");
    int routes = (int)api_route_count;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, every_route_has_its_operation, 0, routes);
    tcase_add_loop_test(tc, query_parameters_are_the_same, 0, routes);
    tcase_add_loop_test(tc, bodies_are_the_same, 0, routes);
    tcase_add_test(tc, every_operation_has_its_route);
    tcase_add_test(tc, literals_beside_tenants_are_reserved);
    tcase_add_loop_test(tc, every_code_is_in_the_contract, 0, (int)ARRAY_LEN(codes));
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
