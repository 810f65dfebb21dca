/* SPDX-License-Identifier: MIT */
/* What counts of a model, and differences in words. */
#include <check.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/schema/drift.h"

#define T(members) "{'tables':[{'name':'a','kind':'table'," members "}]}"
#define COLUMNS(list) T("'columns':[" list "]")
#define NAME(n) "{'name':'" n "'}"

/* JSON with ' for " */
static json_t *parse(const char *text)
{
    CLEANUP(str_clear) struct str json = STR_INIT;
    json_error_t error;

    for (const char *c = text; *c; c++)
        str_add_char(&json, *c == '\'' ? '"' : *c);
    json_t *value = json_loads(str_text(&json), JSON_DECODE_ANY, &error);
    ck_assert_msg(value != NULL, "%s: %s", text, error.text);
    return value;
}

/* said: "severity class object attribute expected actual" of each */
static const struct {
    const char *expected, *actual, *said;
} cases[] = {
    {COLUMNS(NAME("x")), COLUMNS(NAME("x")), ""},
    {COLUMNS(NAME("x") "," NAME("y")), COLUMNS(NAME("x")), "error missing column a.y - \"y\" null"},
    {COLUMNS(NAME("x")), COLUMNS(NAME("x") ",{'name':'y','type':'int'}"),
     "error extra column a.y - null \"int\""},
    {COLUMNS("{'name':'x','type':'int','base':'integer'}"),
     COLUMNS("{'name':'x','type':'text','base':'text','length':3}"),
     "error changed column a.x type \"int\" \"text\""},
    {COLUMNS("{'name':'x','type':'m','base':'text'}"),
     COLUMNS("{'name':'x','type':'m','base':'integer'}"),
     "error changed column a.x base \"text\" \"integer\""},
    {COLUMNS("{'name':'x','default':null}"), COLUMNS("{'name':'x','default':'1'}"),
     "error changed column a.x default null \"1\""},
    {COLUMNS("{'name':'x','comment':null}"), COLUMNS("{'name':'x','comment':'c'}"),
     "warning changed column a.x comment null \"c\""},
    {COLUMNS("{'name':'x'}"), COLUMNS("{'name':'x','identity':'always'}"),
     "error changed column a.x identity null \"always\""},
    {COLUMNS(NAME("x") "," NAME("y")), COLUMNS(NAME("y") "," NAME("x")),
     "error changed table a order of columns [\"x\",\"y\"] [\"y\",\"x\"]"},
    {"{'tables':[{'name':'v','kind':'materialized_view'}]}", "{'tables':[]}",
     "error missing materialized view v - \"v\" null"},
    {T("'indexes':[]"), T("'indexes':[{'name':'i','unique':false,'definition':'D'}]"),
     "warning extra index a.i - null \"D\""},
    {T("'indexes':[]"), T("'indexes':[{'name':'i','unique':true,'definition':'D'}]"),
     "error extra index a.i - null \"D\""},
    {T("'indexes':[{'name':'i','unique':false,'definition':'D'}]"), T("'indexes':[]"),
     "error missing index a.i - \"D\" null"},
    {T("'indexes':[{'name':'i','method':'btree','definition':'D','valid':true}]"),
     T("'indexes':[{'name':'i','method':'gin','definition':'E','valid':false}]"),
     "error changed index a.i definition \"D\" \"E\"; error changed index a.i valid true false"},
    {T("'primary_key':null"), T("'primary_key':{'name':'k','definition':'D'}"),
     "error extra primary key a.k - null \"D\""},
    {T("'primary_key':{'name':'k'}"), T("'primary_key':{'name':'l'}"),
     "error changed primary key a.k name \"k\" \"l\""},
    {"{'enums':[{'name':'m','schema':null,'labels':['p']}]}",
     "{'enums':[{'name':'m','schema':null,'labels':['p','q']}]}",
     "error changed enum m labels [\"p\"] [\"p\",\"q\"]"},
    {"{'enums':[{'name':'m','schema':'s'}]}", "{'enums':[{'name':'m','schema':null}]}",
     "error missing enum s.m - \"m\" null; error extra enum m - null \"m\""},
    {"{'objects':[{'kind':'function','name':'f(int)','on':null,'definition':'D'},"
     "{'kind':'function','name':'f(text)','on':null}]}",
     "{'objects':[{'kind':'function','name':'f(text)','on':null}]}",
     "error missing function f(int) - \"D\" null"},
    {"{'objects':[{'kind':'trigger','name':'t','on':'a','definition':'D'},"
     "{'kind':'trigger','name':'t','on':'b','definition':'D'}]}",
     "{'objects':[{'kind':'trigger','name':'t','on':'a','definition':'E'}]}",
     "error changed trigger a.t definition \"D\" \"E\"; error missing trigger b.t - \"D\" null"},
    {"{'objects':[{'kind':'sequence','name':'s','on':null}]}",
     "{'objects':[{'kind':'sequence','name':'s','on':'a.id'}]}",
     "error changed sequence s on null \"a.id\""},
    {"{'objects':[]}", "{'objects':[{'kind':'grant','name':'g','on':'a','definition':'D'}]}",
     "warning extra grant g - null \"D\""},
    /* what nobody thought of is still told */
    {"{'novelties':[{'name':'n'}]}", "{'novelties':[]}", "error missing novelties n - \"n\" null"},
    {"{'enums':[{'name':'m'},{'name':'n'}]}", "{'enums':[{'name':'n'},{'name':'m'}]}",
     "error changed schema order null null"},
};

static void write_text(const json_t *value, struct str *out)
{
    CLEANUP(freep) char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    str_add(out, text);
}

static void write_difference(const json_t *d, struct str *out)
{
    const char *attribute = json_string_value(json_object_get(d, "attribute"));

    str_addf(out, "%s%s %s %s %s ", out->len ? "; " : "",
             json_string_value(json_object_get(d, "severity")),
             json_string_value(json_object_get(d, "class")),
             json_string_value(json_object_get(d, "object")), attribute ? attribute : "-");
    write_text(json_object_get(d, "expected"), out);
    str_add_char(out, ' ');
    write_text(json_object_get(d, "actual"), out);
}

START_TEST(differences)
{
    json_auto_t *expected = parse(cases[_i].expected), *actual = parse(cases[_i].actual);
    CLEANUP(drift_diff_clear) struct drift_diff diff;
    CLEANUP(str_clear) struct str said = STR_INIT;
    size_t i, warnings = 0;
    json_t *d;

    ck_assert_int_eq(drift_compare(expected, actual, &diff, NULL), ERR_NONE);
    json_array_foreach(diff.list, i, d)
    {
        write_difference(d, &said);
        warnings += str_eq(json_string_value(json_object_get(d, "severity")), "warning");
    }
    ck_assert_str_eq(str_text(&said), cases[_i].said);
    ck_assert_uint_eq(diff.warnings, warnings);
    ck_assert_uint_eq(diff.errors, json_array_size(diff.list) - warnings);
}
END_TEST

/* rules, a model, and what is left of it */
static const struct {
    const char *rules, *model, *left;
} prunings[] = {
    {"{}", COLUMNS(NAME("b") "," NAME("a")), COLUMNS(NAME("a") "," NAME("b"))},
    {"{'column_order':true}", COLUMNS(NAME("b") "," NAME("a")), COLUMNS(NAME("b") "," NAME("a"))},
    {"{}", T("'indexes':[{'name':'i','of_constraint':true},{'name':'j','of_constraint':false}]"),
     T("'indexes':[{'name':'j','of_constraint':false}]")},
    {"{'ignore':['comments']}", COLUMNS("{'name':'comment','comment':'c'}"),
     COLUMNS(NAME("comment"))},
    {"{'ignore':['comments','indexes']}", "{'tables':[{'name':'a','comment':'c','indexes':[1]}]}",
     "{'tables':[{'name':'a'}]}"},
    {"{'ignore':['constraints']}",
     T("'primary_key':null,'uniques':[],'foreign_keys':[],'checks':[],'indexes':[]"),
     T("'indexes':[]")},
    {"{'ignore':['views']}",
     "{'tables':[{'name':'a','kind':'view'},{'name':'b','kind':'table'},"
     "{'name':'c','kind':'materialized_view'}]}",
     "{'tables':[{'name':'b','kind':'table'}]}"},
    {"{'ignore':['grants','sequences']}",
     "{'objects':[{'kind':'grant'},{'kind':'sequence'},{'kind':'rule'}]}",
     "{'objects':[{'kind':'rule'}]}"},
    {"{'exclude_tables':['tmp_*']}",
     "{'objects':[{'kind':'sequence','on':'tmp_a.id'},{'kind':'rule','on':'tmp_b'},"
     "{'kind':'rule','on':'b'},{'kind':'function','on':null}]}",
     "{'objects':[{'kind':'rule','on':'b'},{'kind':'function','on':null}]}"},
    {"{}", "{'objects':[{'kind':'rule','needs':['x']}],'extensions':['e']}",
     "{'objects':[{'kind':'rule'}]}"},
    {"{'exclude_tables':['tmp_*','?x']}",
     "{'tables':[{'name':'tmp_'},{'name':'tmp'},{'name':'ax'},{'name':'x'}]}",
     "{'tables':[{'name':'tmp'},{'name':'x'}]}"},
};

START_TEST(pruning)
{
    json_auto_t *rules = parse(prunings[_i].rules), *model = parse(prunings[_i].model);
    json_auto_t *left = parse(prunings[_i].left);
    char a[SHA256_HEX_SIZE], b[SHA256_HEX_SIZE];

    drift_prune(model, rules);
    CLEANUP(str_clear) struct str text = STR_INIT;
    write_text(model, &text);
    ck_assert_msg(json_equal(model, left), "%s", str_text(&text));
    ck_assert_int_eq(drift_fingerprint(model, a, NULL), ERR_NONE);
    ck_assert_int_eq(drift_fingerprint(left, b, NULL), ERR_NONE);
    ck_assert_str_eq(a, b);
}
END_TEST

START_TEST(only_so_many_are_shown)
{
    json_auto_t *expected = json_object(), *actual = json_object(), *list = json_array();

    for (int i = 0; i < DRIFT_DIFFERENCES_MAX + 5; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "t%d", i);
        (void)json_array_append_new(list, json_pack("{s:s}", "name", name));
    }
    (void)json_object_set(expected, "tables", list);
    (void)json_object_set_new(actual, "tables", json_array());
    CLEANUP(drift_diff_clear) struct drift_diff diff;
    ck_assert_int_eq(drift_compare(expected, actual, &diff, NULL), ERR_NONE);
    ck_assert_uint_eq(diff.errors, DRIFT_DIFFERENCES_MAX + 5);
    ck_assert_uint_eq(json_array_size(diff.list), DRIFT_DIFFERENCES_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema drift");
    TCase *tc = tcase_create("drift");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tc, differences, 0, (int)ARRAY_LEN(cases));
    tcase_add_loop_test(tc, pruning, 0, (int)ARRAY_LEN(prunings));
    tcase_add_test(tc, only_so_many_are_shown);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
