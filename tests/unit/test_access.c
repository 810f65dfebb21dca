/* SPDX-License-Identifier: MIT */
/* Tokens as text, scopes and roles. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/access/access.h"
#include "core/access/scope.h"
#include "core/access/token.h"

START_TEST(test_made_tokens_parse)
{
    char text[TOKEN_TEXT_SIZE], other[TOKEN_TEXT_SIZE];
    struct token a, b;
    struct err err;

    token_make(text);
    token_make(other);
    ck_assert_uint_eq(strlen(text), TOKEN_TEXT_SIZE - 1);
    ck_assert_int_eq(token_parse(text, &a, &err), ERR_NONE);
    ck_assert_int_eq(token_parse(other, &b, &err), ERR_NONE);
    ck_assert(token_id_is_valid(a.id));
    ck_assert_str_ne(a.id, b.id);
    ck_assert(!bytes_equal(a.secret_sha256, b.secret_sha256, SHA256_SIZE));
    ck_assert(strncmp(text + 4, a.id, TOKEN_ID_LEN) == 0);
}
END_TEST

/* A token from another implementation of the format: the CRC is zlib's, the digest SHA-256. */
START_TEST(test_known_token)
{
    struct token token;
    struct err err;
    char hex[SHA256_HEX_SIZE];

    ck_assert_int_eq(token_parse("tnd_0123456789abcdef_"
                                 "000102030405060708090a0b0c0d0e0f1011121314151617"
                                 "9c16f447",
                                 &token, &err),
                     ERR_NONE);
    ck_assert_str_eq(token.id, "0123456789abcdef");
    hex_encode(token.secret_sha256, SHA256_SIZE, hex);
    ck_assert_str_eq(hex, "6a38b098eb23f184cc195649dc3fae8f8ef475be875db655a85a467791b5d907");
}
END_TEST

/* Every single wrong character is found without asking anyone. */
START_TEST(test_any_typo_is_found)
{
    char text[TOKEN_TEXT_SIZE];
    struct token token = {.id = "untouched"};
    struct err err;

    token_make(text);
    text[_i] = text[_i] == '0' ? '1' : '0';
    ck_assert_int_eq(token_parse(text, &token, &err), ERR_UNAUTHENTICATED);
    ck_assert_str_eq(token.id, "untouched");
    ck_assert_ptr_null(strstr(err.msg, text + 21)); /* the secret is not quoted */
}
END_TEST

START_TEST(test_malformed)
{
    static const char *const bad[] = {"", "tnd_", "x", "tnd_0123456789abcdef_", "TND_0123"};
    char text[TOKEN_TEXT_SIZE + 1];
    struct token token;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_int_eq(token_parse(bad[i], &token, &err), ERR_UNAUTHENTICATED);
    token_make(text);
    strcat(text, "0");
    ck_assert_int_eq(token_parse(text, &token, &err), ERR_UNAUTHENTICATED);
    text[TOKEN_TEXT_SIZE - 2] = '\0';
    ck_assert_int_eq(token_parse(text, &token, &err), ERR_UNAUTHENTICATED);
    ck_assert(!token_id_is_valid("") && !token_id_is_valid("0123456789ABCDEF") &&
              !token_id_is_valid("0123456789abcdef0"));
}
END_TEST

static uint32_t scopes_of(const char *const *names, size_t n)
{
    uint32_t set = 0;
    struct err err;
    ck_assert_msg(scopes_parse(names, n, &set, &err) == ERR_NONE, "%s", err.msg);
    return set;
}

START_TEST(test_roles)
{
    uint32_t viewer = scopes_of((const char *const[]){"viewer"}, 1);
    uint32_t ci = scopes_of((const char *const[]){"ci"}, 1);
    uint32_t operate = scopes_of((const char *const[]){"operator"}, 1);

    for (scope s = 0; s < SCOPE_END; s++) /* a viewer reads everything, and does nothing */
        ck_assert_msg(!!(viewer & SCOPE_BIT(s)) == str_ends(scope_name(s), ":read"), "%s",
                      scope_name(s));
    ck_assert((operate & viewer) == viewer);
    ck_assert(!(operate & (SCOPE_BIT(SCOPE_TENANTS_DELETE) | SCOPE_BIT(SCOPE_TOKENS_ADMIN) |
                           SCOPE_BIT(SCOPE_CATALOG_WRITE))));
    ck_assert(ci & SCOPE_BIT(SCOPE_MIGRATIONS_RUN));
    ck_assert(!(ci & (SCOPE_BIT(SCOPE_TENANTS_WRITE) | SCOPE_BIT(SCOPE_TENANTS_OPERATE))));
    ck_assert_uint_eq(scopes_of((const char *const[]){"admin"}, 1), SCOPES_ALL);
}
END_TEST

START_TEST(test_scopes_parse_and_format)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    uint32_t set = 7;
    struct err err;

    ck_assert_uint_eq(scopes_of((const char *const[]){"jobs:read", "jobs:read"}, 2),
                      SCOPE_BIT(SCOPE_JOBS_READ));
    ck_assert_int_eq(scopes_parse((const char *const[]){"jobs:read", "jobs"}, 2, &set, &err),
                     ERR_VALIDATION_FAILED);
    ck_assert_str_eq(err.field, "jobs");
    ck_assert_int_eq(scopes_parse(NULL, 0, &set, &err), ERR_VALIDATION_FAILED);
    ck_assert_int_eq(scopes_parse((const char *const[]){""}, 1, &set, NULL), ERR_VALIDATION_FAILED);
    ck_assert_uint_eq(set, 7);
    scopes_format(SCOPE_BIT(SCOPE_JOBS_READ) | SCOPE_BIT(SCOPE_TENANTS_READ), ", ", &text);
    ck_assert_str_eq(str_text(&text), "tenants:read, jobs:read");
}
END_TEST

START_TEST(test_require)
{
    struct principal who = {.scopes = SCOPE_BIT(SCOPE_JOBS_READ)};
    struct err err;

    ck_assert_int_eq(access_require(&who, SCOPE_JOBS_READ, &err), ERR_NONE);
    ck_assert_int_eq(access_require(&who, SCOPE_JOBS_OPERATE, &err), ERR_PERMISSION_DENIED);
    ck_assert_ptr_nonnull(strstr(err.msg, "jobs:operate"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("access");
    TCase *tc = tcase_create("access");

    tcase_add_test(tc, test_made_tokens_parse);
    tcase_add_test(tc, test_known_token);
    tcase_add_loop_test(tc, test_any_typo_is_found, 0, TOKEN_TEXT_SIZE - 1);
    tcase_add_test(tc, test_malformed);
    tcase_add_test(tc, test_roles);
    tcase_add_test(tc, test_scopes_parse_and_format);
    tcase_add_test(tc, test_require);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
