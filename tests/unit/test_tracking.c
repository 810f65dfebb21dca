/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/migrate/tracking_internal.h"

static const tracking_format formats[] = {TRACKING_NAME, TRACKING_HASH, TRACKING_DRIZZLE_KIT,
                                          TRACKING_DRIZZLE_KIT_V1};

START_TEST(names_of_formats_go_both_ways)
{
    tracking_format format;
    ck_assert(tracking_format_parse(tracking_format_name(formats[_i]), &format));
    ck_assert_int_eq(format, formats[_i]);
    ck_assert(!tracking_format_parse("drizzle", &format));
    ck_assert(!tracking_format_parse("", &format));
}
END_TEST

static struct applied_set *make_set(tracking_format format, const char *const rows[][2], size_t n)
{
    struct applied_set *set = applied_set_empty(format);
    for (size_t i = 0; i < n; i++)
        ck_assert(applied_set_add(set, rows[i][0], rows[i][1], (int64_t)i));
    applied_set_digest(set);
    return set;
}

START_TEST(a_digest_knows_contents_not_order)
{
    static const char *const ab[][2] = {{"a", "1"}, {"b", "2"}}, *const ba[][2] = {{"b", "2"},
                                                                                   {"a", "1"}};
    static const char *const other[][2] = {{"a", "1"}, {"c", "3"}};
    CLEANUP(applied_set_freep) struct applied_set *x = make_set(formats[_i], ab, 2);
    CLEANUP(applied_set_freep) struct applied_set *y = make_set(formats[_i], ba, 2);
    CLEANUP(applied_set_freep) struct applied_set *z = make_set(formats[_i], other, 2);
    CLEANUP(applied_set_freep) struct applied_set *less = make_set(formats[_i], ab, 1);
    CLEANUP(applied_set_freep) struct applied_set *none = applied_set_empty(formats[_i]);

    ck_assert_str_eq(x->digest, y->digest);
    ck_assert_str_ne(x->digest, z->digest);
    ck_assert_str_ne(x->digest, less->digest);
    ck_assert_str_ne(none->digest, less->digest);
    ck_assert_uint_eq(strlen(none->digest), SHA256_HEX_SIZE - 1);
}
END_TEST

START_TEST(values_cannot_flow_into_each_other)
{
    static const char *const one[][2] = {{"a;1:b", NULL}}, *const two[][2] = {{"a", NULL},
                                                                              {"b", NULL}};
    static const char *const null[][2] = {{NULL, "x"}}, *const dash[][2] = {{"-", "x"}};
    CLEANUP(applied_set_freep) struct applied_set *a = make_set(TRACKING_NAME, one, 1);
    CLEANUP(applied_set_freep) struct applied_set *b = make_set(TRACKING_NAME, two, 2);
    CLEANUP(applied_set_freep) struct applied_set *c = make_set(TRACKING_DRIZZLE_KIT_V1, null, 1);
    CLEANUP(applied_set_freep) struct applied_set *d = make_set(TRACKING_DRIZZLE_KIT_V1, dash, 1);

    ck_assert_str_ne(a->digest, b->digest);
    ck_assert_str_ne(c->digest, d->digest);
}
END_TEST

START_TEST(a_set_survives_copying_and_json)
{
    static const char *const rows[][2] = {{"a", "1"}, {NULL, "2"}, {"c\"\xc3\xa9", NULL}};
    CLEANUP(applied_set_freep) struct applied_set *set = make_set(formats[_i], rows, 3);
    CLEANUP(applied_set_freep) struct applied_set *back = NULL;
    struct err err;

    set->has_table = true;
    CLEANUP(applied_set_freep) struct applied_set *copy = applied_set_copy(set);
    json_auto_t *json = applied_set_to_json(copy);
    ck_assert_int_eq(applied_set_from_json(json, &back, &err), ERR_NONE);
    ck_assert_str_eq(back->digest, set->digest);
    ck_assert(back->has_table && back->format == set->format && back->count == 3);
    ck_assert_ptr_null(back->rows[1].name);
    ck_assert_str_eq(back->rows[2].name, rows[2][0]);
    ck_assert(back->rows[2].at_ms == 2);
}
END_TEST

static const char *const bad_json[] = {
    "{}",
    "[]",
    "{\"format\":\"none\",\"has_table\":true,\"rows\":[]}",
    "{\"format\":\"name\",\"has_table\":1,\"rows\":[]}",
    "{\"format\":\"name\",\"has_table\":true,\"rows\":{}}",
    "{\"format\":\"name\",\"has_table\":true,\"rows\":[[\"a\",null]]}",
    "{\"format\":\"name\",\"has_table\":true,\"rows\":[[1,null,0]]}",
    "{\"format\":\"name\",\"has_table\":true,\"rows\":[[\"a\",null,0.5]]}",
    "{\"format\":\"name\",\"has_table\":true,\"rows\":[[\"a\",null,0,1]]}",
};

START_TEST(json_of_another_shape_is_refused)
{
    struct applied_set *set = NULL;
    struct err err;
    json_auto_t *json = json_loads(bad_json[_i], 0, NULL);
    ck_assert_ptr_nonnull(json);
    ck_assert_int_eq(applied_set_from_json(json, &set, &err), ERR_VALIDATION_FAILED);
    ck_assert_ptr_null(set);
}
END_TEST

START_TEST(drizzle_kit_is_dated_by_the_journal)
{
    struct err err;
    struct migration m;
    CLEANUP(str_clear) struct str sql = STR_INIT;
    CLEANUP(applied_set_freep) struct applied_set *set = applied_set_empty(TRACKING_DRIZZLE_KIT);

    ck_assert_int_eq(migration_make("0001_a", "SELECT 1", 8, 777, &m, &err), ERR_NONE);
    tracking_sql_insert(&sql, TRACKING_DRIZZLE_KIT, "t", &m);
    ck_assert_ptr_nonnull(strstr(str_text(&sql), ", 777)"));
    ck_assert(applied_set_record(set, &m, 5000) && set->rows[0].at_ms == 777);
    m.when_ms = 0;
    ck_assert(applied_set_record(set, &m, 5000) && set->rows[1].at_ms == 5000);
    ck_assert(applied_set_record(set, &m, 4000) && set->rows[2].at_ms == 5000);
    migration_clear(&m);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tracking");
    TCase *tcase = tcase_create("sets");
    tcase_add_loop_test(tcase, names_of_formats_go_both_ways, 0, 4);
    tcase_add_loop_test(tcase, a_digest_knows_contents_not_order, 0, 4);
    tcase_add_test(tcase, values_cannot_flow_into_each_other);
    tcase_add_loop_test(tcase, a_set_survives_copying_and_json, 0, 4);
    tcase_add_loop_test(tcase, json_of_another_shape_is_refused, 0, (int)ARRAY_LEN(bad_json));
    tcase_add_test(tcase, drizzle_kit_is_dated_by_the_journal);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
