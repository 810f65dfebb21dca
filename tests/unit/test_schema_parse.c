/* SPDX-License-Identifier: MIT */
/* Models that come as JSON: read whole, or refused with every problem. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/schema/schema_json.h"
#include "core/schema/schema_parse.h"

static json_t *read_json(const char *text)
{
    CLEANUP(str_clear) struct str out = STR_INIT;
    json_error_t error;

    for (; *text; text++)
        str_add_char(&out, *text == '\'' ? '"' : *text);
    json_t *json = json_loads(str_text(&out), 0, &error);
    ck_assert_msg(json != NULL, "%s: %s", error.text, str_text(&out));
    return json;
}

#define T(members) "{'tables':[{'name':'t','columns':[]," members "}]}"
#define TC(columns) "{'tables':[{'name':'t','columns':[" columns "]}]}"
#define C(members) TC("{'name':'c','type':'text','base':'text'," members "}")

/* problems: "pointer code, ..." as they are found */
static const struct {
    const char *json, *problems;
} refused[] = {
    {"{}", "/m/tables REQUIRED"},
    {"{'tables':null}", "/m/tables REQUIRED"},
    {"{'tables':{}}", "/m/tables WRONG_TYPE"},
    {"{'tables':[],'views':[],'x/y':1}", "/m/views UNKNOWN_FIELD, /m/x~1y UNKNOWN_FIELD"},
    {"{'tables':[7]}", "/m/tables/0 WRONG_TYPE"},
    {"{'tables':[{'name':'','columns':[]}]}", "/m/tables/0/name INVALID_PARAMETER"},
    {"{'tables':[{'name':'a','columns':[]},{'name':'a','columns':[]}]}", "/m/tables DUPLICATE"},
    {T("'kind':'sofa'"), "/m/tables/0/kind UNKNOWN_VALUE"},
    {T("'kind':7"), "/m/tables/0/kind UNKNOWN_VALUE"},
    {TC("{'name':'c'}"),
     "/m/tables/0/columns/0/type REQUIRED, /m/tables/0/columns/0/base REQUIRED"},
    {TC("{'name':'c','type':'','base':'text'}"), "/m/tables/0/columns/0/type WRONG_TYPE"},
    {C("'nullable':1"), "/m/tables/0/columns/0/nullable WRONG_TYPE"},
    {C("'length':-1"), "/m/tables/0/columns/0/length OUT_OF_RANGE"},
    {C("'length':9999999999"), "/m/tables/0/columns/0/length OUT_OF_RANGE"},
    {C("'default':'1','generated':'2'"), "/m/tables/0/columns/0/default CONTRADICTION"},
    {C("'enum':'mood'"), "/m/tables/0/columns/0/enum CONTRADICTION"},
    {TC("{'name':'c','type':'mood','base':'enum'}"), "/m/tables/0/columns/0/enum CONTRADICTION"},
    {TC("{'name':'c','type':'mood','base':'enum','enum':'mood'}"),
     "/m/tables/0/columns/0/enum CONTRADICTION"},
    {TC("{'name':'c','type':'a','base':'text'},{'name':'c','type':'a','base':'text'}"),
     "/m/tables/0/columns DUPLICATE"},
    {T("'primary_key':[]"), "/m/tables/0/primary_key WRONG_TYPE"},
    {T("'primary_key':{'name':'k','columns':['a',1],'definition':'x'}"),
     "/m/tables/0/primary_key/columns WRONG_TYPE"},
    {T("'foreign_keys':[{'name':'k','columns':['a'],'references':{'table':'u','columns':[]}}]"),
     "/m/tables/0/foreign_keys/0/columns CONTRADICTION"},
    {T("'foreign_keys':[{'name':'k','columns':['a'],'references':{'columns':['b'],'on':1}}]"),
     "/m/tables/0/foreign_keys/0/references/on UNKNOWN_FIELD,"
     " /m/tables/0/foreign_keys/0/references/table REQUIRED"},
    {T("'indexes':[{'name':'i','method':'btree','keys':[{}],'definition':'x'}]"),
     "/m/tables/0/indexes/0/keys/0 WRONG_TYPE"},
    {T("'indexes':[{'name':'i','method':'btree','keys':7,'definition':'x'}]"),
     "/m/tables/0/indexes/0 WRONG_TYPE"},
    {T("'indexes':[{'name':'i','method':'btree','keys':[{'column':'a','expression':'b'}],"
       "'definition':'x'}]"),
     "/m/tables/0/indexes/0/keys/0 WRONG_TYPE"},
    {"{'tables':[],'enums':[{'name':'e','labels':'a'}]}", "/m/enums/0/labels WRONG_TYPE"},
    {"{'tables':[],'domains':[{'name':'d','type':'text','base':'text','checks':[null]}]}",
     "/m/domains/0/checks WRONG_TYPE"},
    {"{'tables':[{'name':"
     "'0123456789012345678901234567890123456789012345678901234567890123','columns':[]}]}",
     "/m/tables/0/name SCHEMA_NAME_TOO_LONG"},
};

static void write_problems(const json_t *problems, struct str *out)
{
    size_t i;
    json_t *item;
    json_array_foreach(problems, i, item)
        str_addf(out, "%s%s %s", i ? ", " : "", json_string_value(json_object_get(item, "pointer")),
                 json_string_value(json_object_get(item, "code")));
}

START_TEST(every_problem_is_told)
{
    json_auto_t *json = read_json(refused[_i].json), *problems = json_array();
    CLEANUP(str_clear) struct str text = STR_INIT;
    struct schema *s = NULL;
    struct err err;

    ck_assert_int_eq(schema_parse(json, "/m", problems, &s, &err), ERR_VALIDATION_FAILED);
    ck_assert_ptr_null(s);
    write_problems(problems, &text);
    ck_assert_str_eq(str_text(&text), refused[_i].problems);
    ck_assert_str_eq(err.field,
                     json_string_value(json_object_get(json_array_get(problems, 0), "pointer")));
}
END_TEST

START_TEST(problems_are_bounded)
{
    json_auto_t *json = json_pack("{s:[]}", "tables"), *problems = json_array();
    struct schema *s = NULL;
    struct err err;

    for (int i = 0; i < 1000; i++)
        (void)json_array_append_new(json_object_get(json, "tables"), json_integer(i));
    ck_assert_int_eq(schema_parse(json, "", problems, &s, &err), ERR_VALIDATION_FAILED);
    ck_assert_uint_eq(json_array_size(problems), 100);
}
END_TEST

/* What people write by hand: no order, nothing that need not be there. */
static const char by_hand[] =
    "{'tables':[{'name':'b','columns':[{'name':'x','type':'tall','base':'text'},"
    "{'name':'m','type':'mood','base':'enum','enum':'mood','nullable':false}],"
    "'foreign_keys':[{'name':'k','columns':['x'],'references':{'table':'a','columns':['y']}}]},"
    "{'name':'a','columns':[{'name':'y','type':'text','base':'text','generated':'1'}]}],"
    "'domains':[{'name':'tall','type':'wide','base':'text'},"
    "{'name':'wide','type':'text','base':'text','nullable':false,'default':'1'}],"
    "'enums':[{'name':'mood','labels':['sad']},{'name':'far','schema':'a','labels':[]},"
    "{'name':'b','labels':[]}]}";

START_TEST(what_need_not_be_there)
{
    json_auto_t *json = read_json(by_hand), *problems = json_array();
    CLEANUP(schema_freep) struct schema *s = NULL;
    struct err err = {.code = ERR_NONE};

    ck_assert_msg(schema_parse(json, "", problems, &s, &err) == ERR_NONE, "%s", err.msg);
    ck_assert_str_eq(s->name, "");
    ck_assert_str_eq(s->tables[0].name, "a");
    ck_assert(s->tables[0].columns[0].generated);
    const struct schema_table *b = &s->tables[1];
    ck_assert(b->foreign_keys[0].validated);
    ck_assert(b->columns[0].not_null); /* for its domain's domain refuses NULL */
    ck_assert(b->columns[0].type.domain_not_null);
    ck_assert(b->columns[0].type.domain_default);
    ck_assert(b->columns[1].not_null);
    ck_assert_str_eq(s->enums[b->columns[1].type.enumeration].name, "mood");
    ck_assert_str_eq(s->enums[0].name, "b");
    ck_assert_str_eq(s->enums[2].name, "far");
    ck_assert(s->domains[1].not_null);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema parse");
    TCase *tc = tcase_create("parse");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tc, every_problem_is_told, 0, (int)ARRAY_LEN(refused));
    tcase_add_test(tc, problems_are_bounded);
    tcase_add_test(tc, what_need_not_be_there);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
