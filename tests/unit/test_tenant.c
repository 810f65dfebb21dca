/* SPDX-License-Identifier: MIT */
/* The rules of a tenant's life: ids, schema names, states, labels. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/tenant/tenant.h"
#include "service/api/api.h"

#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

static const struct {
    const char *id;
    err_code code;
} ids[] = {
    {"a", ERR_NONE},
    {"0", ERR_NONE},
    {"acme", ERR_NONE},
    {"acme-eu_2", ERR_NONE},
    {"a-", ERR_NONE},
    {"a_", ERR_NONE},
    {"018f3b6e-7d2a-7c11-9a55-2b1f0c3d4e5f", ERR_NONE},
    {SIXTY "abc", ERR_NONE},
    {SIXTY "abcd", ERR_INVALID_TENANT_ID},
    {"", ERR_INVALID_TENANT_ID},
    {"-a", ERR_INVALID_TENANT_ID},
    {"_a", ERR_INVALID_TENANT_ID},
    {"Acme", ERR_INVALID_TENANT_ID},
    {"ACME", ERR_INVALID_TENANT_ID},
    {"a b", ERR_INVALID_TENANT_ID},
    {" a", ERR_INVALID_TENANT_ID},
    {"a ", ERR_INVALID_TENANT_ID},
    {"a\n", ERR_INVALID_TENANT_ID},
    {"a\t", ERR_INVALID_TENANT_ID},
    {"a.b", ERR_INVALID_TENANT_ID},
    {".", ERR_INVALID_TENANT_ID},
    {"..", ERR_INVALID_TENANT_ID},
    {"../etc/passwd", ERR_INVALID_TENANT_ID},
    {"a/b", ERR_INVALID_TENANT_ID},
    {"a\\b", ERR_INVALID_TENANT_ID},
    {"a%00b", ERR_INVALID_TENANT_ID},
    {"a%2fb", ERR_INVALID_TENANT_ID},
    {"a;drop schema public", ERR_INVALID_TENANT_ID},
    {"a'--", ERR_INVALID_TENANT_ID},
    {"a\"; DROP SCHEMA public CASCADE; --", ERR_INVALID_TENANT_ID},
    {"a$b", ERR_INVALID_TENANT_ID},
    {"a*", ERR_INVALID_TENANT_ID},
    {"{id}", ERR_INVALID_TENANT_ID},
    {"caf\xc3\xa9", ERR_INVALID_TENANT_ID},
    {"\xc4\xb1stanbul", ERR_INVALID_TENANT_ID},
    {"\xff\xfe", ERR_INVALID_TENANT_ID},
    {"a\xe2\x80\x8b", ERR_INVALID_TENANT_ID}, /* a blank without width */
    {"batch", ERR_RESERVED_NAME},
    {"import", ERR_RESERVED_NAME},
    {"purge", ERR_RESERVED_NAME},
    {"resolve", ERR_RESERVED_NAME},
    {"batches", ERR_NONE},
};

START_TEST(ids_are_checked)
{
    struct err err;
    ck_assert_msg(tenant_check_id(ids[_i].id, &err) == ids[_i].code, "\"%s\"", ids[_i].id);
    ck_assert_int_eq(tenant_check_id(ids[_i].id, NULL), ids[_i].code);
}
END_TEST

/* A literal that stands where an id stands could never be reached as a tenant. */
START_TEST(words_of_the_routes_are_reserved)
{
    static const char prefix[] = "/v1/tenants/";
    int words = 0;

    for (size_t i = 0; i < api_route_count; i++) {
        const char *path = api_routes[i].pattern.path;
        if (!str_starts(path, prefix) || path[strlen(prefix)] == '{')
            continue;
        char word[64];
        (void)snprintf(word, sizeof word, "%s", path + strlen(prefix));
        word[strcspn(word, "/")] = '\0';
        ck_assert_msg(tenant_check_id(word, NULL) == ERR_RESERVED_NAME, "%s", word);
        words++;
    }
    ck_assert_int_ge(words, 2);
}
END_TEST

static const struct {
    const char *template, *id, *schema; /* schema NULL: refused with code */
    err_code code;
} renderings[] = {
    {"tenant_{id}", "acme", "tenant_acme", ERR_NONE},
    {"{id}", "acme", "acme", ERR_NONE},
    {"{id}_data", "acme", "acme_data", ERR_NONE},
    {"t-{id}-x", "a-b", "t-a-b-x", ERR_NONE},
    {"{id}", SIXTY "abc", SIXTY "abc", ERR_NONE},
    {"t{id}", SIXTY "ab", "t" SIXTY "ab", ERR_NONE},
    {"t{id}", SIXTY "abc", NULL, ERR_SCHEMA_NAME_TOO_LONG},
    {"tenant_{id}", SIXTY, NULL, ERR_SCHEMA_NAME_TOO_LONG},
    {"{id}", "public", NULL, ERR_RESERVED_NAME},
    {"{id}", "tenantd", NULL, ERR_RESERVED_NAME},
    {"{id}", "information_schema", NULL, ERR_RESERVED_NAME},
    {"{id}", "pg_catalog", NULL, ERR_RESERVED_NAME},
    {"{id}", "pg_x", NULL, ERR_RESERVED_NAME},
    {"pg{id}", "_x", NULL, ERR_RESERVED_NAME},
    {"{id}lic", "pub", NULL, ERR_RESERVED_NAME},
    {"{id}", "tenantd_warm_7", NULL, ERR_RESERVED_NAME},
    {"tenantd_{id}", "warm_7", NULL, ERR_RESERVED_NAME},
    {"tenantd_{id}", "warm", "tenantd_warm", ERR_NONE},
    {"{id}", "pg-x", "pg-x", ERR_NONE},
    {"tenant", "acme", NULL, ERR_INTERNAL}, /* the configuration refuses such templates */
};

START_TEST(schema_names_are_rendered)
{
    char out[PG_NAME_MAX + 1] = "as it was";
    const char *wanted = renderings[_i].schema;
    struct err err;

    ck_assert_int_eq(tenant_render_schema(renderings[_i].template, renderings[_i].id, out, &err),
                     renderings[_i].code);
    ck_assert_str_eq(out, wanted ? wanted : "as it was");
}
END_TEST

/* Ids that differ give names that differ: by their first 63 bytes, since PostgreSQL cuts there. */
START_TEST(schema_names_do_not_collide)
{
    static const char *const some[] = {"a", "a_", "a-", "a_b", "a-b", "ab", "0", "00", "a0"};
    char x[PG_NAME_MAX + 1], y[PG_NAME_MAX + 1], back[TENANT_ID_MAX + 1];

    for (size_t i = 0; i < ARRAY_LEN(some); i++)
        for (size_t k = 0; k < ARRAY_LEN(some); k++) {
            ck_assert_int_eq(tenant_render_schema("t_{id}_x", some[i], x, NULL), ERR_NONE);
            ck_assert_int_eq(tenant_render_schema("t_{id}_x", some[k], y, NULL), ERR_NONE);
            ck_assert(str_eq(x, y) == (i == k));
            ck_assert(tenant_id_of_schema("t_{id}_x", x, back));
            ck_assert_str_eq(back, some[i]);
        }
}
END_TEST

static const struct {
    const char *template, *schema, *id; /* id NULL: it does not fit */
} schemas[] = {
    {"tenant_{id}", "tenant_acme", "acme"},
    {"tenant_{id}", "tenant_", NULL},
    {"tenant_{id}", "tenant", NULL},
    {"tenant_{id}", "tenant_Acme", NULL},
    {"tenant_{id}", "tenant__x", NULL},
    {"tenant_{id}", "other_acme", NULL},
    {"tenant_{id}", "", NULL},
    {"{id}_x", "acme_x", "acme"},
    {"{id}_x", "_x", NULL},
    {"a{id}a", "aa", NULL}, /* the two ends must not overlap */
    {"a{id}a", "aba", "b"},
    {"{id}", "acme", "acme"},
    {"nothing", "nothing", NULL},
};

START_TEST(ids_are_read_from_schema_names)
{
    char out[TENANT_ID_MAX + 1];
    bool fits = tenant_id_of_schema(schemas[_i].template, schemas[_i].schema, out);

    ck_assert_msg(fits == (schemas[_i].id != NULL), "%s", schemas[_i].schema);
    if (fits)
        ck_assert_str_eq(out, schemas[_i].id);
}
END_TEST

START_TEST(states_have_names)
{
    tenant_state state = TENANT_ERROR;

    for (tenant_state s = TENANT_PROVISIONING; s <= TENANT_ERROR; s++) {
        ck_assert(tenant_state_parse(tenant_state_name(s), &state));
        ck_assert_int_eq(state, s);
    }
    state = TENANT_ACTIVE;
    ck_assert(!tenant_state_parse("Active", &state));
    ck_assert(!tenant_state_parse("", &state));
    ck_assert(!tenant_state_parse(NULL, &state));
    ck_assert_int_eq(state, TENANT_ACTIVE);
}
END_TEST

/* Every transition there is; all others are refused. */
START_TEST(states_change_by_the_rules)
{
    static const struct {
        tenant_state from, to;
    } allowed[] = {
        {TENANT_PROVISIONING, TENANT_ACTIVE}, {TENANT_PROVISIONING, TENANT_ERROR},
        {TENANT_ERROR, TENANT_PROVISIONING},  {TENANT_ERROR, TENANT_DELETING},
        {TENANT_ACTIVE, TENANT_SUSPENDED},    {TENANT_ACTIVE, TENANT_ARCHIVED},
        {TENANT_ACTIVE, TENANT_DELETING},     {TENANT_SUSPENDED, TENANT_ACTIVE},
        {TENANT_SUSPENDED, TENANT_ARCHIVED},  {TENANT_SUSPENDED, TENANT_DELETING},
        {TENANT_ARCHIVED, TENANT_ACTIVE},     {TENANT_ARCHIVED, TENANT_DELETING},
        {TENANT_DELETING, TENANT_DELETING}, /* a purge that failed starts again */
    };
    int count = 0;

    for (tenant_state from = TENANT_PROVISIONING; from <= TENANT_ERROR; from++)
        for (tenant_state to = TENANT_PROVISIONING; to <= TENANT_ERROR; to++) {
            bool may = false;
            struct err err = {.code = ERR_NONE};
            for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
                may |= allowed[i].from == from && allowed[i].to == to;
            ck_assert_msg(tenant_may_become("t", from, to, &err) ==
                              (may ? ERR_NONE : ERR_INVALID_STATE),
                          "%s to %s", tenant_state_name(from), tenant_state_name(to));
            count += may;
        }
    ck_assert_int_eq(count, (int)ARRAY_LEN(allowed));
}
END_TEST

#define LONG_KEY SIXTY "abc"
static const struct {
    const char *json;
    bool merge;
    const char *field; /* NULL: fine */
} labels[] = {
    {"{}", false, NULL},
    {"{\"plan\": \"pro\"}", false, NULL},
    {"{\"plan\": \"\"}", false, NULL},
    {"{\"app.kubernetes.io/name\": \"x\"}", false, NULL},
    {"{\"" LONG_KEY "\": \"x\"}", false, NULL},
    {"{\"" LONG_KEY "d\": \"x\"}", false, "/labels/" LONG_KEY "d"},
    {"{\"\": \"x\"}", false, "/labels/"},
    {"{\"Plan\": \"x\"}", false, "/labels/Plan"},
    {"{\"-a\": \"x\"}", false, "/labels/-a"},
    {"{\"a-\": \"x\"}", false, "/labels/a-"},
    {"{\"a b\": \"x\"}", false, "/labels/a b"},
    {"{\"a/B\": \"x\"}", false, "/labels/a~1B"},
    {"{\"a~b\": \"x\"}", false, "/labels/a~0b"},
    {"{\"io/name\": 1}", false, "/labels/io~1name"},
    {"{\"plan\": 1}", false, "/labels/plan"},
    {"{\"plan\": true}", false, "/labels/plan"},
    {"{\"plan\": {}}", false, "/labels/plan"},
    {"{\"plan\": null}", false, "/labels/plan"},
    {"{\"plan\": null}", true, NULL},
    {"{\"Plan\": null}", true, "/labels/Plan"},
};

START_TEST(labels_are_checked)
{
    json_auto_t *value = json_loads(labels[_i].json, 0, NULL);
    struct err err = {.code = ERR_NONE};
    err_code rc = tenant_check_labels(value, labels[_i].merge, &err);

    ck_assert_ptr_nonnull(value);
    ck_assert_int_eq(rc, labels[_i].field ? ERR_VALIDATION_FAILED : ERR_NONE);
    ck_assert_str_eq(err.field, labels[_i].field ? labels[_i].field : "");
    ck_assert_int_eq(tenant_check_labels(value, labels[_i].merge, NULL), rc);
}
END_TEST

START_TEST(labels_have_bounds)
{
    json_auto_t *value = json_object();
    char text[300], key[16];
    struct err err;

    memset(text, 'x', sizeof text);
    (void)json_object_set_new(value, "a", json_stringn(text, 255));
    ck_assert_int_eq(tenant_check_labels(value, false, &err), ERR_NONE);
    (void)json_object_set_new(value, "a", json_stringn(text, 256));
    ck_assert_int_eq(tenant_check_labels(value, false, &err), ERR_VALIDATION_FAILED);
    (void)json_object_clear(value);
    for (int i = 0; i < LABELS_MAX; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        (void)json_object_set_new(value, key, json_string("v"));
    }
    ck_assert_int_eq(tenant_check_labels(value, false, &err), ERR_NONE);
    (void)json_object_set_new(value, "more", json_string("v"));
    ck_assert_int_eq(tenant_check_labels(value, false, &err), ERR_VALIDATION_FAILED);
    ck_assert_str_eq(err.field, "/labels");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("tenant");
    tcase_add_loop_test(tc, ids_are_checked, 0, ARRAY_LEN(ids));
    tcase_add_test(tc, words_of_the_routes_are_reserved);
    tcase_add_loop_test(tc, schema_names_are_rendered, 0, ARRAY_LEN(renderings));
    tcase_add_test(tc, schema_names_do_not_collide);
    tcase_add_loop_test(tc, ids_are_read_from_schema_names, 0, ARRAY_LEN(schemas));
    tcase_add_test(tc, states_have_names);
    tcase_add_test(tc, states_change_by_the_rules);
    tcase_add_loop_test(tc, labels_are_checked, 0, ARRAY_LEN(labels));
    tcase_add_test(tc, labels_have_bounds);
    Suite *suite = suite_create("tenant");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
