/* SPDX-License-Identifier: MIT */
/* Errors, strings, UTF-8, JSON, clock, hashes and ids; identifiers and arrays of PostgreSQL. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pg/array.h"
#include "core/pg/ident.h"
#include "core/pg/pg.h"

/* errors */

START_TEST(an_error_starts_afresh)
{
    struct err err;
    memset(&err, 'x', sizeof err);

    ck_assert_int_eq(err_set(&err, ERR_CONFLICT, "%s %d", "a", 1), ERR_CONFLICT);
    ck_assert_str_eq(err.msg, "a 1");
    ck_assert(!err.field[0] && !err.sqlstate[0] && !err.subject[0] && !err.line && !err.column);
    ck_assert_int_eq(err_in(&err, "/a"), ERR_CONFLICT);
    ck_assert_str_eq(err.field, "/a");
    ck_assert_int_eq(err_set(NULL, ERR_CONFLICT, "x"), ERR_CONFLICT);
    char big[2000];
    memset(big, 'y', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    (void)err_set(&err, ERR_INTERNAL, "%s", big);
    ck_assert_uint_eq(strlen(err.msg), sizeof err.msg - 1);
    (void)err_in(&err, big);
    ck_assert_uint_eq(strlen(err.field), sizeof err.field - 1);
}
END_TEST

START_TEST(kinds_say_what_may_be_tried_again)
{
    ck_assert_str_eq(err_name(ERR_TENANT_EXISTS), "TENANT_EXISTS");
    ck_assert(err_is_retryable(ERR_DATABASE_UNAVAILABLE) && err_is_retryable(ERR_LOCK_UNAVAILABLE));
    ck_assert(err_is_retryable(ERR_IDEMPOTENCY_IN_PROGRESS));
    ck_assert(!err_is_retryable(ERR_TENANT_EXISTS) && !err_is_retryable(ERR_INTERNAL));
    ck_assert(!err_is_retryable(ERR_NONE));
}
END_TEST

/* strings */

START_TEST(strings_grow)
{
    CLEANUP(str_clear) struct str s = STR_INIT;

    ck_assert_str_eq(str_text(&s), "");
    for (int i = 0; i < 1000; i++)
        str_addf(&s, "%d,", i);
    ck_assert_uint_eq(s.len, 10 * 2 + 90 * 3 + 900 * 4);
    ck_assert_uint_eq(strlen(str_text(&s)), s.len);
    str_reset(&s);
    ck_assert_str_eq(str_text(&s), "");
    str_add_n(&s, "a\0b", 3);
    ck_assert_uint_eq(s.len, 3);
    str_add_n(&s, NULL, 0);
    str_add_char(&s, '!');
    ck_assert(str_ok(&s) && memcmp(s.data, "a\0b!", 5) == 0);
    char *taken = str_take(&s);
    ck_assert_ptr_null(s.data);
    free(taken);
    taken = str_take(&s); /* of nothing: an empty text */
    ck_assert_str_eq(taken, "");
    free(taken);
}
END_TEST

START_TEST(a_failed_string_stays_failed)
{
    struct str s = STR_INIT;

    str_add(&s, "abc");
    s.failed = true;
    str_add(&s, "def");
    str_addf(&s, "%d", 1);
    ck_assert_uint_eq(s.len, 3);
    ck_assert(!str_ok(&s));
    ck_assert_ptr_null(str_take(&s));
    ck_assert(str_ok(&s)); /* empty and usable again */
}
END_TEST

START_TEST(texts_are_compared)
{
    ck_assert(str_eq("a", "a") && !str_eq("a", "b") && !str_eq(NULL, NULL) && !str_eq("a", NULL));
    ck_assert(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("ab", "abc"));
    ck_assert(str_ends("abc", "bc") && str_ends("abc", "") && !str_ends("bc", "abc"));
}
END_TEST

static const struct {
    const char *text, *json;
} quoted[] = {
    {NULL, "null"},
    {"", "\"\""},
    {"a\"b\\c", "\"a\\\"b\\\\c\""},
    {"\n\t\r\x01\x1f\x7f", "\"\\n\\t\\u000d\\u0001\\u001f\x7f\""},
    {"caf\xc3\xa9 \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
    {"a\xff" "b", "\"a\xef\xbf\xbd" "b\""},
    {"\xc3", "\"\xef\xbf\xbd\""},
    {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

START_TEST(texts_are_quoted_for_json)
{
    CLEANUP(str_clear) struct str s = STR_INIT;
    json_auto_t *same = json_text(quoted[_i].text);
    CLEANUP(freep) char *dumped = json_dumps(same, JSON_ENCODE_ANY);

    str_add_json(&s, quoted[_i].text);
    ck_assert_str_eq(str_text(&s), quoted[_i].json);
    json_auto_t *read = json_loads(str_text(&s), JSON_DECODE_ANY, NULL);
    ck_assert(json_equal(read, same)); /* jansson agrees with what json_text() makes */
    ck_assert_ptr_nonnull(dumped);
}
END_TEST

/* UTF-8: the boundaries of RFC 3629 and what attackers try beyond them */
static const struct {
    const char *bytes;
    size_t valid, chars;
} utf8[] = {
    {"", 0, 0},
    {"abc", 3, 3},
    {"\x7f", 1, 1},
    {"\xc2\x80", 2, 1},
    {"\xdf\xbf", 2, 1},
    {"\xe0\xa0\x80", 3, 1},
    {"\xed\x9f\xbf", 3, 1},
    {"\xee\x80\x80", 3, 1},
    {"\xef\xbf\xbf", 3, 1},
    {"\xf0\x90\x80\x80", 4, 1},
    {"\xf4\x8f\xbf\xbf", 4, 1},
    {"a\x80", 1, 1},               /* a lone continuation */
    {"\xc0\x80", 0, 0},            /* overlong NUL */
    {"\xc1\xbf", 0, 0},            /* overlong */
    {"\xe0\x9f\xbf", 0, 0},        /* overlong */
    {"\xf0\x8f\xbf\xbf", 0, 0},    /* overlong */
    {"\xed\xa0\x80", 0, 0},        /* a surrogate */
    {"\xf4\x90\x80\x80", 0, 0},    /* beyond U+10FFFF */
    {"\xf5\x80\x80\x80", 0, 0},
    {"ab\xe2\x82", 2, 2},          /* cut short */
    {"ab\xe2\x82x", 2, 2},
    {"ab\xff", 2, 2},
};

START_TEST(utf8_is_checked)
{
    size_t n = utf8_valid_len(utf8[_i].bytes, strlen(utf8[_i].bytes));

    ck_assert_uint_eq(n, utf8[_i].valid);
    ck_assert_uint_eq(utf8_chars(utf8[_i].bytes, n), utf8[_i].chars);
}
END_TEST

/* JSON */
static const struct {
    const char *text;
    bool ok;
} documents[] = {
    {"{}", true},
    {"[]", true},
    {" {\"a\": [1, 2.5, null, true, \"x\"]} ", true},
    {"{\"a\": \"\\u00e9\"}", true},
    {"", false},
    {" ", false},
    {"1", false},
    {"\"a\"", false},
    {"null", false},
    {"{", false},
    {"{}x", false},
    {"{} {}", false},
    {"{\"a\": 1, \"a\": 2}", false},
    {"{\"a\": {\"b\": 1, \"b\": 1}}", false},
    {"{\"a\": \"\\u0000\"}", false},
    {"{\"a\": \"\\ud800\"}", false},
    {"{\"a\": \"\xff\"}", false},
    {"{a: 1}", false},
    {"{'a': 1}", false},
    {"{\"a\": 01}", false},
    {"{\"a\": NaN}", false},
    {"{\"a\": 1,}", false},
    {"{\"a\": 1e999}", false},
    {"{\"a\": 99999999999999999999}", false},
    {"\xef\xbb\xbf{}", false},
};

START_TEST(json_is_parsed_strictly)
{
    json_t marker = {.refcount = 1}, *untouched = &marker, *value = untouched;
    struct err err = {.code = ERR_NONE};
    const char *text = documents[_i].text;
    err_code rc = json_parse(text, strlen(text), &value, &err);

    ck_assert_msg(rc == (documents[_i].ok ? ERR_NONE : ERR_MALFORMED_JSON), "%s", text);
    ck_assert((value == untouched) == !documents[_i].ok);
    if (documents[_i].ok)
        json_decref(value);
    else
        ck_assert_int_eq(json_parse(text, strlen(text), &value, NULL), ERR_MALFORMED_JSON);
}
END_TEST

START_TEST(json_has_bounds)
{
    char deep[300];
    json_t *value = NULL;
    struct err err;

    memset(deep, '[', 64);
    memset(deep + 64, ']', 64);
    ck_assert_int_eq(json_parse(deep, 128, &value, &err), ERR_NONE);
    json_decref(value);
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    ck_assert_int_eq(json_parse(deep, 130, &value, &err), ERR_MALFORMED_JSON);
    ck_assert_int_eq(json_parse("[1\0]", 4, &value, &err), ERR_MALFORMED_JSON);
    ck_assert_int_eq(json_parse(NULL, 0, &value, &err), ERR_MALFORMED_JSON);
    ck_assert_int_eq(json_parse("{\n  oops}", 9, &value, &err), ERR_MALFORMED_JSON);
    ck_assert_int_eq(err.line, 2);
    ck_assert_int_gt(err.column, 0);
    /* brackets in strings are no depth */
    CLEANUP(str_clear) struct str s = STR_INIT;
    str_add(&s, "[\"\\\"");
    for (int i = 0; i < 100; i++)
        str_add(&s, "[{");
    str_add(&s, "\"]");
    ck_assert_int_eq(json_parse(s.data, s.len, &value, &err), ERR_NONE);
    json_decref(value);
}
END_TEST

START_TEST(json_has_a_canonical_form)
{
    json_auto_t *a = json_loads("{\"b\": [1, {\"z\": 1, \"y\": 2}], \"a\": \"x\"}", 0, NULL);
    CLEANUP(freep) char *text = json_canonical(a);

    ck_assert_str_eq(text, "{\"a\":\"x\",\"b\":[1,{\"y\":2,\"z\":1}]}");
}
END_TEST

START_TEST(pointers_are_escaped_and_cut_whole)
{
    char out[64], small[8];

    ck_assert_str_eq(json_pointer(out, sizeof out, "", "a"), "/a");
    ck_assert_str_eq(json_pointer(out, sizeof out, "/x", ""), "/x/");
    ck_assert_str_eq(json_pointer(out, sizeof out, "/x", "a/b~c~1"), "/x/a~1b~0c~01");
    ck_assert_str_eq(json_pointer(small, sizeof small, "", "abcdefghij"), "/abcdef");
    ck_assert_str_eq(json_pointer(small, sizeof small, "", "abcde/x"), "/abcde");
    ck_assert_str_eq(json_pointer(small, sizeof small, "", "abcde\xc3\xa9"), "/abcde");
    ck_assert_str_eq(json_pointer(small, sizeof small, "/abcdefghij", "x"), "/abcdef");
}
END_TEST

/* the clock */

static const struct {
    int64_t ms;
    const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {1767607200123, "2026-01-05T10:00:00.123Z"},
    {951782399999, "2000-02-28T23:59:59.999Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {-1000, "1969-12-31T23:59:59.000Z"},
    {INT64_C(-62135596800000), "0001-01-01T00:00:00.000Z"},
    {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    {INT64_MIN, "0001-01-01T00:00:00.000Z"},
};

START_TEST(times_are_written)
{
    char out[RFC3339_SIZE];

    clock_rfc3339(times[_i].ms, out);
    ck_assert_str_eq(out, times[_i].text);
}
END_TEST

START_TEST(clocks_move_forward)
{
    int64_t mono = clock_mono_ms(), us = clock_mono_us();
    struct timespec in = clock_mono_in(1999);

    ck_assert_int_ge(clock_mono_ms(), mono);
    ck_assert_int_ge(clock_mono_us(), us);
    ck_assert_int_gt(clock_unix_ms(), INT64_C(1577836800000));
    int64_t then = (int64_t)in.tv_sec * 1000 + in.tv_nsec / 1000000;
    ck_assert(in.tv_nsec >= 0 && in.tv_nsec < 1000000000);
    ck_assert(then >= mono + 1999 && then < mono + 1999 + 1000);
}
END_TEST

/* hashes and ids */

START_TEST(digests_are_the_standard_ones)
{
    char hex[SHA256_HEX_SIZE], base64[16];
    unsigned char mac[SHA256_SIZE];

    sha256_hex("abc", 3, hex); /* FIPS 180-2, B.1 */
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_hex("", 0, hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac); /* RFC 4231, 4.3 */
    hex_encode(mac, sizeof mac, hex);
    ck_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    base64_encode("fooba", 5, base64); /* RFC 4648, 10 */
    ck_assert_str_eq(base64, "Zm9vYmE=");
    base64_encode("", 0, base64);
    ck_assert_str_eq(base64, "");
    ck_assert(bytes_equal("ab", "ab", 2) && !bytes_equal("ab", "ac", 2) && bytes_equal("", "x", 0));
}
END_TEST

START_TEST(uuids_sort_by_time_and_differ)
{
    char before[UUID_TEXT_SIZE], a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];
    struct timespec pause = {.tv_nsec = 2000000};

    uuid7(before);
    (void)nanosleep(&pause, NULL);
    uuid7(a);
    uuid7(b);
    ck_assert(uuid_is_valid(a) && uuid_is_valid(b));
    ck_assert_str_ne(a, b);
    ck_assert_int_lt(strncmp(before, a, 13), 0);
    ck_assert_int_eq(a[14], '7');
    ck_assert(strchr("89ab", a[19]));
}
END_TEST

START_TEST(uuids_are_checked)
{
    static const char *const bad[] = {
        "",
        "x",
        "018f3b6e-7d2a-7c11-9a55-2b1f0c3d4e5",
        "018f3b6e-7d2a-7c11-9a55-2b1f0c3d4e5f0",
        "018f3b6e-7d2a-7c11-9a55-2b1f0c3d4e5g",
        "018f3b6e07d2a-7c11-9a55-2b1f0c3d4e5f",
        "018f3b6e7d2a7c119a552b1f0c3d4e5f",
        "{018f3b6e-7d2a-7c11-9a55-2b1f0c3d4e}",
        "018f3b6e-7d2a-7c11-9a55-2b1f0c3d4e-f",
        "------------------------------------",
    };
    ck_assert(uuid_is_valid("018F3B6E-7D2A-7C11-9A55-2B1F0C3D4E5F"));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!uuid_is_valid(bad[i]), "%s", bad[i]);
}
END_TEST

/* what goes to PostgreSQL */

START_TEST(identifiers_are_quoted)
{
    struct pg_ident out;
    struct err err;
    char big[65];

    ck_assert_int_eq(pg_ident_quote("tenant_a", &out, &err), ERR_NONE);
    ck_assert_str_eq(out.sql, "\"tenant_a\"");
    ck_assert_int_eq(pg_ident_quote("a\"; DROP SCHEMA x; --", &out, &err), ERR_NONE);
    ck_assert_str_eq(out.sql, "\"a\"\"; DROP SCHEMA x; --\"");
    memset(big, '"', 63);
    big[63] = '\0';
    ck_assert_int_eq(pg_ident_quote(big, &out, &err), ERR_NONE);
    ck_assert_uint_eq(strlen(out.sql), 128);
    memset(big, 'a', 64);
    big[64] = '\0';
    ck_assert_int_eq(pg_ident_quote(big, &out, &err), ERR_SCHEMA_NAME_TOO_LONG);
    ck_assert_int_eq(pg_ident_quote("", &out, &err), ERR_INVALID_PARAMETER);
    ck_assert_int_eq(pg_ident_quote("a\xff", &out, NULL), ERR_INVALID_PARAMETER);
    ck_assert_uint_eq(strlen(out.sql), 128); /* as it was */
}
END_TEST

START_TEST(arrays_are_written)
{
    CLEANUP(str_clear) struct str s = STR_INIT, none = STR_INIT;

    pg_array_add(&s, "a");
    pg_array_add(&s, "");
    pg_array_add(&s, NULL);
    pg_array_add(&s, "NULL");
    pg_array_add(&s, "x,\"y\"\\{}");
    pg_array_end(&s);
    ck_assert_str_eq(str_text(&s), "{\"a\",\"\",NULL,\"NULL\",\"x,\\\"y\\\"\\\\{}\"}");
    pg_array_end(&none);
    ck_assert_str_eq(str_text(&none), "{}");
}
END_TEST

static const struct {
    const char *sqlstate;
    err_code code;
    bool transient;
} states[] = {
    {NULL, ERR_DATABASE_UNAVAILABLE, true},
    {"", ERR_DATABASE_UNAVAILABLE, true},
    {"08006", ERR_DATABASE_UNAVAILABLE, true},
    {"23505", ERR_CONFLICT, false},
    {"23503", ERR_INTERNAL, false},
    {"40001", ERR_DATABASE_CONTENTION, true},
    {"40P01", ERR_DATABASE_CONTENTION, true},
    {"40003", ERR_INTERNAL, false},
    {"42P06", ERR_SCHEMA_EXISTS, false},
    {"3F000", ERR_SCHEMA_MISSING, false},
    {"53300", ERR_DATABASE_UNAVAILABLE, true},
    {"55P03", ERR_LOCK_UNAVAILABLE, true},
    {"57014", ERR_DATABASE_TIMEOUT, false},
    {"57P01", ERR_DATABASE_UNAVAILABLE, true},
    {"25006", ERR_DATABASE_UNAVAILABLE, true},
    {"25P02", ERR_INTERNAL, false},
    {"42601", ERR_INTERNAL, false},
};

START_TEST(sqlstates_have_meanings)
{
    ck_assert_int_eq(pg_err_code(states[_i].sqlstate), states[_i].code);
    ck_assert(pg_sqlstate_is_transient(states[_i].sqlstate) == states[_i].transient);
}
END_TEST

static TCase *texts(void)
{
    TCase *tc = tcase_create("texts");
    tcase_add_test(tc, an_error_starts_afresh);
    tcase_add_test(tc, kinds_say_what_may_be_tried_again);
    tcase_add_test(tc, strings_grow);
    tcase_add_test(tc, a_failed_string_stays_failed);
    tcase_add_test(tc, texts_are_compared);
    tcase_add_loop_test(tc, texts_are_quoted_for_json, 0, ARRAY_LEN(quoted));
    tcase_add_loop_test(tc, utf8_is_checked, 0, ARRAY_LEN(utf8));
    tcase_add_loop_test(tc, json_is_parsed_strictly, 0, ARRAY_LEN(documents));
    tcase_add_test(tc, json_has_bounds);
    tcase_add_test(tc, json_has_a_canonical_form);
    tcase_add_test(tc, pointers_are_escaped_and_cut_whole);
    return tc;
}

static TCase *values(void)
{
    TCase *tc = tcase_create("values");
    tcase_add_loop_test(tc, times_are_written, 0, ARRAY_LEN(times));
    tcase_add_test(tc, clocks_move_forward);
    tcase_add_test(tc, digests_are_the_standard_ones);
    tcase_add_test(tc, uuids_sort_by_time_and_differ);
    tcase_add_test(tc, uuids_are_checked);
    tcase_add_test(tc, identifiers_are_quoted);
    tcase_add_test(tc, arrays_are_written);
    tcase_add_loop_test(tc, sqlstates_have_meanings, 0, ARRAY_LEN(states));
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("base");
    suite_add_tcase(suite, texts());
    suite_add_tcase(suite, values());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
