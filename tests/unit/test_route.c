/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "service/http/route.h"

struct row {
    struct route_pattern pattern;
    int scope; /* something of the table owner's, so that the stride matters */
};

static const struct row rows[] = {
    {{HTTP_GET, "/health"}, 1},
    {{HTTP_GET, "/v1/tenants"}, 1},
    {{HTTP_POST, "/v1/tenants"}, 1},
    {{HTTP_GET, "/v1/tenants/{tenant_id}"}, 1},
    {{HTTP_DELETE, "/v1/tenants/{tenant_id}"}, 1},
    {{HTTP_POST, "/v1/tenants/batch"}, 1},
    {{HTTP_GET, "/v1/{kind}/special/{id}"}, 1},
    {{HTTP_GET, "/v1/tenants/{tenant_id}/{rest}"}, 1},
    {{HTTP_PUT, "/a/{one}/{two}/{three}/{four}"}, 1},
    {{HTTP_OPTIONS, "/own-options"}, 1},
    {{HTTP_GET, "/"}, 1},
};

static err_code find(http_method method, const char *path, struct route_match *out, struct err *err)
{
    return route_find(rows, ARRAY_LEN(rows), sizeof rows[0], method, path, out, err);
}

static const struct {
    http_method method;
    const char *path;
    size_t index;
    const char *params[HTTP_PARAMS_MAX];
} found[] = {
    {HTTP_GET, "/health", 0, {NULL}},
    {HTTP_GET, "/%68ealth", 0, {NULL}}, /* the same path (RFC 3986, 6.2.2.2) */
    {HTTP_POST, "/v1/tenants", 2, {NULL}},
    {HTTP_GET, "/v1/tenants/acme", 3, {"acme"}},
    {HTTP_GET, "/v1/tenants/a%2Fb", 3, {"a/b"}},
    {HTTP_GET, "/v1/tenants/a%20b", 3, {"a b"}},
    {HTTP_GET, "/v1/tenants/a+b", 3, {"a+b"}},
    {HTTP_GET, "/v1/tenants/%C3%A9", 3, {"\xc3\xa9"}},
    {HTTP_GET, "/v1/tenants/..%2f..", 3, {"../.."}},
    {HTTP_GET, "/v1/tenants/{tenant_id}", 3, {"{tenant_id}"}},
    {HTTP_POST, "/v1/tenants/batch", 5, {NULL}},
    /* the literal that comes first wins */
    {HTTP_GET, "/v1/tenants/special/x", 7, {"special", "x"}},
    {HTTP_GET, "/v1/jobs/special/x", 6, {"jobs", "x"}},
    {HTTP_PUT, "/a/1/2/3/4", 8, {"1", "2", "3", "4"}},
    {HTTP_OPTIONS, "/own-options", 9, {NULL}},
    {HTTP_GET, "/", 10, {NULL}},
};

START_TEST(finds)
{
    struct route_match match;
    struct err err;

    ck_assert_int_eq(find(found[_i].method, found[_i].path, &match, &err), ERR_NONE);
    ck_assert_uint_eq(match.index, found[_i].index);
    for (size_t i = 0; i < HTTP_PARAMS_MAX; i++)
        ck_assert_pstr_eq(match.params[i], found[_i].params[i]);
    route_match_clear(&match);
}
END_TEST

static const struct {
    http_method method;
    const char *path;
    err_code code;
    const char *allow;
} refused[] = {
    {HTTP_GET, "//", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "*", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "health", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/health/", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "//health", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/v1//tenants", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/v1/tenants/", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/v1/tenants/../tenants", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/v1/tenants/.", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/v1/tenants/%2e%2e", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/Health", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/healt", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/healthy", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/v1%2Ftenants", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18", ERR_NOT_FOUND, NULL},
    {HTTP_GET, "/v1/tenants/%00", ERR_BAD_REQUEST, NULL},
    {HTTP_GET, "/v1/tenants/a%00b", ERR_BAD_REQUEST, NULL},
    {HTTP_GET, "/v1/tenants/%", ERR_BAD_REQUEST, NULL},
    {HTTP_GET, "/v1/tenants/%4", ERR_BAD_REQUEST, NULL},
    {HTTP_GET, "/v1/tenants/%4/1", ERR_BAD_REQUEST, NULL},
    {HTTP_GET, "/v1/tenants/%zz", ERR_BAD_REQUEST, NULL},
    {HTTP_GET, "/v1/tenants/%ff", ERR_BAD_REQUEST, NULL},
    {HTTP_GET, "/v1/tenants/%C0%AF", ERR_BAD_REQUEST, NULL}, /* overlong '/' */
    {HTTP_PUT, "/v1/tenants", ERR_METHOD_NOT_ALLOWED, "GET, HEAD, POST, OPTIONS"},
    {HTTP_POST, "/", ERR_METHOD_NOT_ALLOWED, "GET, HEAD, OPTIONS"},
    {HTTP_PATCH, "/v1/tenants/x", ERR_METHOD_NOT_ALLOWED, "GET, HEAD, DELETE, OPTIONS"},
    {HTTP_UNKNOWN, "/health", ERR_METHOD_NOT_ALLOWED, "GET, HEAD, OPTIONS"},
    {HTTP_OPTIONS, "/health", ERR_METHOD_NOT_ALLOWED, "GET, HEAD, OPTIONS"},
    {HTTP_GET, "/v1/tenants/batch", ERR_METHOD_NOT_ALLOWED, "POST, OPTIONS"},
    {HTTP_GET, "/own-options", ERR_METHOD_NOT_ALLOWED, "OPTIONS"},
};

START_TEST(refuses)
{
    struct route_match match = {.allow = ""};
    struct err err = {.code = ERR_NONE};

    ck_assert_int_eq(find(refused[_i].method, refused[_i].path, &match, &err), refused[_i].code);
    ck_assert_int_eq(err.code, refused[_i].code);
    if (refused[_i].allow)
        ck_assert_str_eq(match.allow, refused[_i].allow);
}
END_TEST

START_TEST(allow_has_room_for_all)
{
    static const struct row all[] = {
        {{HTTP_GET, "/x"}, 1},   {{HTTP_POST, "/x"}, 1},   {{HTTP_PUT, "/x"}, 1},
        {{HTTP_PATCH, "/x"}, 1}, {{HTTP_DELETE, "/x"}, 1},
    };
    struct route_match match;

    ck_assert_int_eq(
        route_find(all, ARRAY_LEN(all), sizeof all[0], HTTP_UNKNOWN, "/x", &match, NULL),
        ERR_METHOD_NOT_ALLOWED);
    ck_assert_str_eq(match.allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}
END_TEST

static const struct {
    const char *text;
    bool plus;
    const char *decoded; /* NULL: refused */
} urls[] = {
    {"", false, ""},
    {"abc", false, "abc"},
    {"a+b", false, "a+b"},
    {"a+b", true, "a b"},
    {"a%2Bb", true, "a+b"},
    {"%41%6a%4A", false, "AjJ"},
    {"%e2%82%ac", false, "\xe2\x82\xac"},
    {"%25", false, "%"},
    {"%2500", false, "%00"},
    {"%", false, NULL},
    {"%a", false, NULL},
    {"%g0", false, NULL},
    {"%0g", false, NULL},
    {"%00", false, NULL},
    {"%e2%82", false, NULL},
    {"\xff", false, NULL},
    {"%ed%a0%80", false, NULL}, /* a surrogate */
};

START_TEST(decodes)
{
    CLEANUP(freep) char *out = url_decode(urls[_i].text, strlen(urls[_i].text), urls[_i].plus);

    ck_assert_pstr_eq(out, urls[_i].decoded);
}
END_TEST

START_TEST(decodes_no_further_than_told)
{
    CLEANUP(freep) char *out = url_decode("ab%41", 2, false);
    CLEANUP(freep) char *cut = url_decode("ab%41", 4, false);
    CLEANUP(freep) char *nul = url_decode("a\0b", 3, false);

    ck_assert_pstr_eq(out, "ab");
    ck_assert_ptr_null(cut);
    ck_assert_ptr_null(nul);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("route");
    TCase *tc = tcase_create("route");

    tcase_add_loop_test(tc, finds, 0, (int)ARRAY_LEN(found));
    tcase_add_loop_test(tc, refuses, 0, (int)ARRAY_LEN(refused));
    tcase_add_test(tc, allow_has_room_for_all);
    tcase_add_loop_test(tc, decodes, 0, (int)ARRAY_LEN(urls));
    tcase_add_test(tc, decodes_no_further_than_told);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
