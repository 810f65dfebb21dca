/* SPDX-License-Identifier: MIT */
/* Page tokens: what they open, and what is refused. */
#include <check.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "service/api/page.h"

static const unsigned char secret[32] = "a secret of thirty-two bytes....";
static const unsigned char other_secret[32] = "another secret of just that size";
static const struct api_route route = {.op = "listThings"}, other_route = {.op = "listOthers"};

/* A GET of path with a query of "name=value" pairs; everything is borrowed. */
struct fake {
    struct app app;
    struct request req;
    struct call call;
};

static void fake_init(struct fake *f, const char *path)
{
    *f = (struct fake){.app = {.page_key = secret, .page_key_len = sizeof secret},
                       .req = {.path = path}};
    f->call = (struct call){.app = &f->app, .req = &f->req, .route = &route};
}

static void fake_query(struct fake *f, const char *name, const char *value)
{
    f->req.query[f->req.query_count++] = (struct http_field){.name = (char *)(uintptr_t)name,
                                                             .value = (char *)(uintptr_t)value};
}

/* The token that a list gives for key; free() it. */
static char *token_of(const struct fake *f, const char *key)
{
    json_auto_t *list = json_object();
    struct err err;

    ck_assert_int_eq(page_next(&f->call, key, list, &err), ERR_NONE);
    return strdup(json_string_value(json_object_get(list, "next_page_token")));
}

static err_code read_with(struct fake *f, const char *token, struct page *page)
{
    struct fake again = *f;
    struct err err = {.code = ERR_NONE};

    again.call.app = &again.app;
    again.call.req = &again.req;
    fake_query(&again, "page_token", token);
    err_code rc = page_read(&again.call, page, &err);
    ck_assert_int_eq(err.code, rc);
    return rc;
}

START_TEST(a_token_gives_its_key_back)
{
    static const char *const keys[] = {"acme", "", "a b", "2026-01-05T10:00:00.123Z 018f", "%\xc3\xa9",
                                       "7"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct fake f;
        struct page page = {.size = -1};
        fake_init(&f, "/v1/things");
        CLEANUP(freep) char *token = token_of(&f, keys[i]);
        ck_assert_uint_eq(strspn(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789-_"),
                          strlen(token));
        ck_assert_int_eq(read_with(&f, token, &page), ERR_NONE);
        ck_assert_str_eq(page.after, keys[i]);
        ck_assert(!page.first);
    }
}
END_TEST

START_TEST(a_key_has_a_bound)
{
    struct fake f;
    struct page page;
    char key[400];
    json_auto_t *list = json_object();

    fake_init(&f, "/v1/things");
    memset(key, 'k', sizeof key);
    key[PAGE_KEY_SIZE - 1] = '\0';
    CLEANUP(freep) char *token = token_of(&f, key);
    ck_assert_int_eq(read_with(&f, token, &page), ERR_NONE);
    ck_assert_str_eq(page.after, key);
    key[PAGE_KEY_SIZE - 1] = 'k';
    key[sizeof key - 1] = '\0';
    ck_assert_int_eq(page_next(&f.call, key, list, NULL), ERR_INTERNAL); /* never a cut key */
    ck_assert_uint_eq(json_object_size(list), 0);
}
END_TEST

START_TEST(a_token_belongs_to_its_list)
{
    struct fake f, g;
    struct page page;

    fake_init(&f, "/v1/things");
    fake_query(&f, "state", "active");
    fake_query(&f, "page_size", "5");
    CLEANUP(freep) char *token = token_of(&f, "k");
    ck_assert_int_eq(read_with(&f, token, &page), ERR_NONE);

    g = f; /* another size of pages is no other list */
    g.req.query[1].value = (char[]){"50"};
    ck_assert_int_eq(read_with(&g, token, &page), ERR_NONE);
    g = f;
    g.req.query[0].value = (char[]){"error"};
    ck_assert_int_eq(read_with(&g, token, &page), ERR_PAGE_TOKEN_INVALID);
    g = f;
    g.req.query_count = 0;
    ck_assert_int_eq(read_with(&g, token, &page), ERR_PAGE_TOKEN_INVALID);
    g = f;
    fake_query(&g, "more", "x");
    ck_assert_int_eq(read_with(&g, token, &page), ERR_PAGE_TOKEN_INVALID);
    g = f;
    g.req.path = "/v1/things/x";
    ck_assert_int_eq(read_with(&g, token, &page), ERR_PAGE_TOKEN_INVALID);
    g = f;
    g.call.route = &other_route;
    ck_assert_int_eq(read_with(&g, token, &page), ERR_PAGE_TOKEN_INVALID);
    g = f;
    g.app.page_key = other_secret;
    ck_assert_int_eq(read_with(&g, token, &page), ERR_PAGE_TOKEN_INVALID);
}
END_TEST

/* Whatever single character is changed, taken away or added. */
START_TEST(a_token_cannot_be_forged)
{
    struct fake f;
    struct page page = {.size = 7};

    fake_init(&f, "/v1/things");
    CLEANUP(freep) char *token = token_of(&f, "acme");
    size_t n = strlen(token);
    for (size_t i = 0; i + 1 < n; i++) { /* the last one has bits that say nothing */
        CLEANUP(freep) char *bad = strdup(token);
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        ck_assert_int_eq(read_with(&f, bad, &page), ERR_PAGE_TOKEN_INVALID);
        bad[i] = '\0';
        ck_assert_int_eq(read_with(&f, bad, &page), ERR_PAGE_TOKEN_INVALID);
    }
    CLEANUP(str_clear) struct str longer = STR_INIT;
    str_addf(&longer, "%sAAAA", token);
    ck_assert_int_eq(read_with(&f, str_text(&longer), &page), ERR_PAGE_TOKEN_INVALID);
}
END_TEST

START_TEST(nonsense_is_no_token)
{
    static const char *const bad[] = {
        "", "A", "AA", "AAA", "AAAA", "AAAAA", "=", "==", "====", "A===", " ", "    ", "   =",
        "\n\n\n\n", "    AA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "!!!!", "%%%%",
        "....", "AAAA====", "-", "--", "----", "\xff\xff\xff\xff", "\xc3\xa9", "null", "0", "acme"};
    struct fake f;
    struct page page;
    char big[2000];

    fake_init(&f, "/v1/things");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(read_with(&f, bad[i], &page) == ERR_PAGE_TOKEN_INVALID, "\"%s\"", bad[i]);
    for (size_t n = 1; n < sizeof big; n++) {
        memset(big, n % 3 ? 'A' : ' ', n);
        big[n] = '\0';
        ck_assert_int_eq(read_with(&f, big, &page), ERR_PAGE_TOKEN_INVALID);
    }
}
END_TEST

/* A token as page.c makes it, but of another time: 16 bytes of the MAC, the payload, base64url. */
static char *token_from(const char *payload, const char *list)
{
    unsigned char raw[400], mac[SHA256_SIZE];
    CLEANUP(str_clear) struct str text = STR_INIT;
    char *token = calloc(1, 700);
    size_t n = strlen(payload);

    str_addf(&text, "%s\n%s", payload, list);
    hmac_sha256(secret, sizeof secret, text.data, text.len, mac);
    memcpy(raw, mac, 16);
    memcpy(raw + 16, payload, n);
    (void)EVP_EncodeBlock((unsigned char *)token, raw, (int)(16 + n));
    token[strcspn(token, "=")] = '\0';
    for (char *p = token; *p; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    return token;
}

START_TEST(a_token_expires)
{
    static const int64_t three_days = INT64_C(3) * 24 * 3600 * 1000;
    struct fake f;
    struct page page;
    char payload[64];

    fake_init(&f, "/v1/things");
    (void)snprintf(payload, sizeof payload, "%lld acme",
                   (long long)(clock_unix_ms() - three_days + 60000));
    CLEANUP(freep) char *fresh = token_from(payload, "listThings/v1/things");
    ck_assert_int_eq(read_with(&f, fresh, &page), ERR_NONE);
    ck_assert_str_eq(page.after, "acme");
    (void)snprintf(payload, sizeof payload, "%lld acme",
                   (long long)(clock_unix_ms() - three_days - 60000));
    CLEANUP(freep) char *old = token_from(payload, "listThings/v1/things");
    ck_assert_int_eq(read_with(&f, old, &page), ERR_PAGE_TOKEN_EXPIRED);
}
END_TEST

static const struct {
    const char *text;
    int size; /* 0: refused */
} sizes[] = {
    {NULL, 100},          {"1", 1},   {"1000", 1000}, {"1001", 1000}, {"2147483647", 1000},
    {"5000000000", 1000}, {"0", 0},   {"-1", 0},      {"", 0},        {"x", 0},
    {"5x", 0},            {" 5", 0},  {"5 ", 0},      {"+5", 0},      {"0x10", 0},
    {"1e3", 0},           {"5.0", 0}, {"99999999999999999999", 0},
};

START_TEST(sizes_are_read)
{
    struct fake f;
    struct page page = {.size = -1};
    struct err err = {.code = ERR_NONE};

    fake_init(&f, "/v1/things");
    if (sizes[_i].text)
        fake_query(&f, "page_size", sizes[_i].text);
    err_code rc = page_read(&f.call, &page, &err);
    ck_assert_int_eq(rc, sizes[_i].size ? ERR_NONE : ERR_INVALID_PARAMETER);
    ck_assert_str_eq(err.field, rc ? "page_size" : "");
    ck_assert_int_eq(page.size, rc ? -1 : sizes[_i].size);
    ck_assert(rc || (page.first && !page.after[0]));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("page");
    tcase_add_test(tc, a_token_gives_its_key_back);
    tcase_add_test(tc, a_key_has_a_bound);
    tcase_add_test(tc, a_token_belongs_to_its_list);
    tcase_add_test(tc, a_token_cannot_be_forged);
    tcase_add_test(tc, nonsense_is_no_token);
    tcase_add_test(tc, a_token_expires);
    tcase_add_loop_test(tc, sizes_are_read, 0, ARRAY_LEN(sizes));
    Suite *suite = suite_create("page");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
