/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "service/http/vet.h"

#define HOST "Host: x\n"

/* A request from text: "name: value" lines, the name up to the first ": " as it stands. */
static void fill(struct request *req, char *lines)
{
    char *save = NULL;

    for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *value = strstr(line, ": ");
        ck_assert_ptr_nonnull(value);
        *value = '\0';
        req->headers[req->header_count++] = (struct http_field){.name = line, .value = value + 2};
    }
}

static err_code vet(const char *method, const char *path, const char *lines, const char *version,
                    struct vet_body *body)
{
    CLEANUP(freep) char *copy = strdup(lines);
    struct request req = {.method_text = method, .path = path};
    struct err err = {.code = ERR_NONE};

    fill(&req, copy);
    err_code code = vet_head(&req, version, body, &err);
    ck_assert_int_eq(err.code, code);
    return code;
}

static const struct {
    const char *method, *path, *lines;
    err_code code;
} cases[] = {
    {"GET", "/", HOST, ERR_NONE},
    {"get", "/", HOST, ERR_NONE}, /* a method nobody has, but a method */
    {"GET", "/a%2Fb/%C3%A9", HOST, ERR_NONE},
    {"GET", "/a:b@c;d=e,f!$&'()*+~", HOST, ERR_NONE},
    {"POST", "/", HOST "Content-Length: 5\n", ERR_NONE},
    {"POST", "/", HOST "Transfer-Encoding: chunked\n", ERR_NONE},
    {"POST", "/", HOST "Transfer-Encoding: Chunked\n", ERR_NONE},
    {"GET", "/", "Host: [::1]:8080\n", ERR_NONE},
    {"GET", "/", "Host: \n", ERR_NONE},
    {"GET", "/", HOST "X-A: a\tb \xc3\xa9\n", ERR_NONE},
    {"GET", "/", HOST "X-A: \n", ERR_NONE},
    /* methods */
    {"G<T", "/", HOST, ERR_BAD_REQUEST},
    {"", "/", HOST, ERR_BAD_REQUEST},
    {"G\x01T", "/", HOST, ERR_BAD_REQUEST},
    /* paths */
    {"GET", "", HOST, ERR_BAD_REQUEST},
    {"GET", "*", HOST, ERR_BAD_REQUEST},
    {"GET", "health", HOST, ERR_BAD_REQUEST},
    {"GET", "/%00", HOST, ERR_BAD_REQUEST},
    {"GET", "/health%00.txt", HOST, ERR_BAD_REQUEST},
    {"GET", "/%", HOST, ERR_BAD_REQUEST},
    {"GET", "/%4", HOST, ERR_BAD_REQUEST},
    {"GET", "/%4x", HOST, ERR_BAD_REQUEST},
    {"GET", "/%ff", HOST, ERR_BAD_REQUEST},
    {"GET", "/%c3/%a9", HOST, ERR_BAD_REQUEST},
    {"GET", "/\xc3\xa9", HOST, ERR_BAD_REQUEST},
    {"GET", "/a b", HOST, ERR_BAD_REQUEST},
    {"GET", "/a\tb", HOST, ERR_BAD_REQUEST},
    {"GET", "/a\x7f", HOST, ERR_BAD_REQUEST},
    /* header names and values */
    {"GET", "/", HOST "X-A : 1\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Transfer-Encoding : chunked\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Content-Length : 5\n", ERR_BAD_REQUEST},
    {"GET", "/", HOST ": 1\n", ERR_BAD_REQUEST},
    {"GET", "/", HOST "X(A): 1\n", ERR_BAD_REQUEST},
    {"GET", "/", HOST "X\xc3\xa9: 1\n", ERR_BAD_REQUEST},
    {"GET", "/", HOST "X-A: a\rb\n", ERR_BAD_REQUEST},
    {"GET", "/", HOST "X-A: a\x01\n", ERR_BAD_REQUEST},
    {"GET", "/", HOST "X-A: \x7f\n", ERR_BAD_REQUEST},
    /* host */
    {"GET", "/", "", ERR_BAD_REQUEST},
    {"GET", "/", HOST "Host: y\n", ERR_BAD_REQUEST},
    {"GET", "/", HOST HOST, ERR_BAD_REQUEST},
    {"GET", "/", HOST "HOST: x\n", ERR_BAD_REQUEST},
    {"GET", "/", "Host: x, y\n", ERR_BAD_REQUEST},
    {"GET", "/", "Host: x/y\n", ERR_BAD_REQUEST},
    {"GET", "/", "Host: a@x\n", ERR_BAD_REQUEST},
    /* framing */
    {"POST", "/", HOST "Content-Length: 5\nContent-Length: 6\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Content-Length: 5\ncontent-length: 5\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Content-Length: 5, 5\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Content-Length: +5\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Content-Length: -5\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Content-Length: 0x5\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Content-Length: \n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Content-Length: 18446744073709551617\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Content-Length: 5\nTransfer-Encoding: chunked\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Transfer-Encoding: gzip\nTransfer-Encoding: chunked\n", ERR_BAD_REQUEST},
    {"POST", "/", HOST "Transfer-Encoding: gzip, chunked\n", ERR_NOT_IMPLEMENTED},
    {"POST", "/", HOST "Transfer-Encoding: identity\n", ERR_NOT_IMPLEMENTED},
    {"POST", "/", HOST "Transfer-Encoding: xchunked\n", ERR_NOT_IMPLEMENTED},
    {"POST", "/", HOST "Transfer-Encoding: \n", ERR_NOT_IMPLEMENTED},
    {"POST", "/", HOST "Content-Length: 5\nContent-Encoding: gzip\n", ERR_UNSUPPORTED_MEDIA_TYPE},
};

START_TEST(judges)
{
    struct vet_body body;

    ck_assert_int_eq(vet(cases[_i].method, cases[_i].path, cases[_i].lines, "HTTP/1.1", &body),
                     cases[_i].code);
}
END_TEST

START_TEST(says_what_body_comes)
{
    struct vet_body body;

    ck_assert_int_eq(vet("GET", "/", HOST, "HTTP/1.1", &body), ERR_NONE);
    ck_assert(!body.chunked && body.length == 0);
    ck_assert_int_eq(vet("PUT", "/", HOST "CONTENT-LENGTH: 0012\n", "HTTP/1.1", &body), ERR_NONE);
    ck_assert(!body.chunked && body.length == 12);
    ck_assert_int_eq(vet("PUT", "/", HOST "Transfer-Encoding: CHUNKED\n", "HTTP/1.1", &body),
                     ERR_NONE);
    ck_assert(body.chunked && body.length == 0);
}
END_TEST

START_TEST(old_version)
{
    struct vet_body body;

    ck_assert_int_eq(vet("GET", "/", "", "HTTP/1.0", &body), ERR_NONE);
    ck_assert_int_eq(vet("POST", "/", "Transfer-Encoding: chunked\n", "HTTP/1.0", &body),
                     ERR_BAD_REQUEST);
}
END_TEST

START_TEST(origin_form)
{
    static const char *const rows[][2] = {
        {"/a", "/a"},
        {"http://x/a/b", "/a/b"},
        {"HTTPS://x:1/a", "/a"},
        {"http://x", "/"},
        {"//x/a", "//x/a"},
        {"httpx://a/b", "httpx://a/b"},
        {"http://", "/"},
        {"*", "*"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_str_eq(vet_origin_form(rows[i][0]), rows[i][1]);
}
END_TEST

START_TEST(query)
{
    struct http_field field = {.name = NULL};
    static const char *const bad[][2] = {{"a", "%"}, {"%zz", ""}, {"a", "%00"}, {"a", "%ff"}};

    ck_assert_int_eq(vet_query("a%20b", "c d%2B%26", &field, NULL), ERR_NONE);
    ck_assert_str_eq(field.name, "a b");
    ck_assert_str_eq(field.value, "c d+&");
    free(field.name);
    free(field.value);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_int_eq(vet_query(bad[i][0], bad[i][1], &field, NULL), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(request_ids)
{
    char text[80];

    memset(text, 'a', sizeof text);
    text[64] = '\0';
    ck_assert(!vet_is_request_id(text));
    text[63] = '\0';
    ck_assert(vet_is_request_id(text));
    ck_assert(vet_is_request_id("a"));
    ck_assert(vet_is_request_id("00-4bf9{}[]/:;"));
    ck_assert(!vet_is_request_id(""));
    ck_assert(!vet_is_request_id("a b"));
    ck_assert(!vet_is_request_id("a\tb"));
    ck_assert(!vet_is_request_id("a\"b"));
    ck_assert(!vet_is_request_id("a'b"));
    ck_assert(!vet_is_request_id("\xc3\xa9"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vet");
    TCase *tc = tcase_create("vet");

    tcase_add_loop_test(tc, judges, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tc, says_what_body_comes);
    tcase_add_test(tc, old_version);
    tcase_add_test(tc, origin_form);
    tcase_add_test(tc, query);
    tcase_add_test(tc, request_ids);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
