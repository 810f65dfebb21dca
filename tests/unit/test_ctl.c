/* SPDX-License-Identifier: MIT */
/* tenantctl: the command line against its table, URLs, and text that is made harmless. */
#include <check.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/ctl/ctl.h"

#define PARSE(...)                                                                                 \
    parse((const char *const[]){__VA_ARGS__},                                                      \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static struct args args;
static struct err err;

static err_code parse(const char *const *words, size_t n)
{
    args_clear(&args);
    err = (struct err){.code = ERR_NONE};
    return args_parse(&ctl_program, words, n, &args, &err);
}

static void set_up(void)
{
    ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
    args = (struct args){.command = NULL};
}

static void tear_down(void)
{
    args_clear(&args);
}

START_TEST(words_of_a_command)
{
    size_t at = 0;

    ck_assert_int_eq(PARSE("--url", "http://x", "tenants", "create", "a", "--label=k=v", "b",
                           "--label", "l=w", "--wait", "-q", "--", "--c", "-"),
                     ERR_NONE);
    ck_assert_str_eq(args.command->name, "tenants create");
    ck_assert_uint_eq(args.operand_count, 4);
    ck_assert_str_eq(args.operands[0], "a");
    ck_assert_str_eq(args.operands[2], "--c");
    ck_assert_str_eq(args.operands[3], "-");
    ck_assert_str_eq(args_value(&args, "url"), "http://x");
    ck_assert_str_eq(args_next(&args, "label", &at), "k=v");
    ck_assert_str_eq(args_next(&args, "label", &at), "l=w");
    ck_assert_ptr_null(args_next(&args, "label", &at));
    ck_assert(args_flag(&args, "wait") && args_flag(&args, "quiet") && !args_flag(&args, "json"));
}
END_TEST

START_TEST(many_values)
{
    size_t at = 0;

    ck_assert_int_eq(PARSE("run", "--id", "a", "b", "--max-parallel", "7", "--id", "c"), ERR_NONE);
    ck_assert_str_eq(args_next(&args, "id", &at), "a");
    ck_assert_str_eq(args_next(&args, "id", &at), "b");
    ck_assert_str_eq(args_next(&args, "id", &at), "c");
    ck_assert_int_eq(args_number(&args, "max-parallel", 1), 7);
    ck_assert_int_eq(args_number(&args, "timeout", 60), 60);
}
END_TEST

START_TEST(slips)
{
    static const struct {
        const char *words[5], *says;
    } rows[] = {
        {{"tenant", "list"}, "did you mean \"tenants list\"?"},
        {{"tenants", "lst"}, "did you mean \"tenants list\"?"},
        {{"helth", "something"}, "\"helth\"; did you mean \"health\"?"},
        {{"halth"}, "did you mean \"health\"?"},
        {{"xyzzyxyzzyxyzzy"}, "there is no command \"xyzzyxyzzyxyzzy\""},
        {{"run", "--al"}, "did you mean --all?"},
        {{"run", "--qqqqqqqqqqqqqqqqqqqqqq"},
         "there is no option --qqqqqqqqqqqqqqqqqqqqqq for run"},
        {{"run", "-z"}, "there is no option -z"},
        {{"run", "--all=yes"}, "--all takes no value"},
        {{"run", "--target"}, "--target needs a value: --target VERSION"},
        {{"run", "--target", "--all"}, "--target needs a value"},
        {{"run", "--target="}, "--target must not be empty"},
        {{"run", "--target=a", "--target=b"}, "--target can be given once"},
        {{"run", "--max-parallel", "-1"}, "--max-parallel needs a value"},
        {{"run", "--max-parallel=-1"}, "whole number"},
        {{"run", "--max-parallel=1x"}, "whole number"},
        {{"run", "--max-parallel=9999999999"}, "whole number"},
        {{"export", "a", "--format=xml"}, "one of json, json-schema, typescript, zod, drizzle, mermaid, dbml"},
        {{"tenants", "get"}, "tenants get needs ID"},
        {{"tenants", "get", "a", "b"}, "\"b\" is one argument too many"},
        {{"tenants", "get", ""}, "must not be empty"},
        {{"--nothing", "tenants"}, "there is no option --nothing"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = 0;
        while (n < 5 && rows[i].words[n])
            n++;
        ck_assert_int_eq(parse(rows[i].words, n), ERR_VALIDATION_FAILED);
        ck_assert_msg(strstr(err.msg, rows[i].says), "\"%s\" is not in \"%s\"", rows[i].says,
                      err.msg);
    }
}
END_TEST

START_TEST(long_words)
{
    char word[5000];

    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    ck_assert_int_eq(PARSE(word), ERR_VALIDATION_FAILED);
    ck_assert_int_eq(PARSE("tenants", word), ERR_VALIDATION_FAILED);
    word[0] = word[1] = '-';
    ck_assert_int_eq(PARSE("run", word), ERR_VALIDATION_FAILED);
}
END_TEST

START_TEST(without_a_command)
{
    ck_assert_int_eq(parse(NULL, 0), ERR_NONE);
    ck_assert_ptr_null(args.command);
    ck_assert_int_eq(PARSE("tenants"), ERR_NONE);
    ck_assert_ptr_null(args.command);
    ck_assert_int_eq(PARSE("--help"), ERR_NONE);
    ck_assert(args_flag(&args, "help"));
    ck_assert_int_eq(PARSE("tenants", "get", "--help"), ERR_NONE);
    ck_assert_str_eq(args.command->name, "tenants get");
}
END_TEST

/* The table is the help: every command and option has one, no option has two meanings. */
START_TEST(table_is_whole)
{
    const struct command_def *c;
    for (size_t i = 0; (c = command_at(&ctl_program, i)); i++) {
        CLEANUP(str_clear) struct str help = STR_INIT;
        ck_assert(c->fn && c->help && c->operands && c->min <= c->max);
        ck_assert_ptr_null(c->options[COMMAND_OPTIONS_MAX - 1].name);
        args_help(&ctl_program, c, &help);
        ck_assert_ptr_nonnull(strstr(str_text(&help), c->help));
        for (const struct option_def *o = c->options; o->name; o++) {
            ck_assert_msg(o->help != NULL, "%s --%s has no help", c->name, o->name);
            ck_assert_ptr_nonnull(strstr(str_text(&help), o->help));
            for (const struct option_def *g = ctl_program.options; g->name; g++)
                ck_assert_str_ne(o->name, g->name);
        }
    }
}
END_TEST

static const char *built(const char *base, const char *path, const char *const *values,
                         const struct pairs *query, struct str *out)
{
    str_reset(out);
    ck_assert_int_eq(url_build(base, path, values, query, out, &err), ERR_NONE);
    return str_text(out);
}

START_TEST(urls)
{
    CLEANUP(str_clear) struct str out = STR_INIT;
    struct pairs query = {.count = 0};

    pairs_add(&query, "label", "plan=pro&x");
    pairs_add(&query, "absent", NULL);
    pairs_add(&query, "label", "\xc3\xbc +#\n");
    ck_assert_str_eq(built("http://h/", "/v1/tenants", NULL, &query, &out),
                     "http://h/v1/tenants?label=plan%3Dpro%26x&label=%C3%BC%20%2B%23%0A");
    ck_assert_str_eq(
        built("http://h/base//", "/v1/{}/x/{}", (const char *[]){"a/b?c", "..", NULL}, NULL, &out),
        "http://h/base/v1/a%2Fb%3Fc/x/%2E%2E");
    ck_assert_str_eq(built("http://h", "/{}", (const char *[]){"{}", NULL}, NULL, &out),
                     "http://h/%7B%7D");
    ck_assert_str_eq(built("http://h", "/{}", (const char *[]){".", NULL}, NULL, &out),
                     "http://h/%2E");
    for (size_t i = 0; i < 2 * PAIRS_MAX; i++)
        pairs_add(&query, "a", "b");
    ck_assert_int_eq(url_build("http://h", "/", NULL, &query, &out, &err), ERR_VALIDATION_FAILED);
}
END_TEST

START_TEST(bases)
{
    static const char *const good[] = {"http://h", "https://h:8443/x/", "http://[::1]:8080"};
    static const char *const bad[] = {"",          "h",          "ftp://h",     "http://",
                                      "http:///x", "http://:80", "http://a b",  "http://h?x",
                                      "http://h#", "http://u@h", "http://h\nX", "file:///etc"};

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ck_assert_int_eq(url_check_base(good[i], &err), ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(url_check_base(bad[i], &err) != ERR_NONE, "%s is taken", bad[i]);
}
END_TEST

START_TEST(harmless_text)
{
    static const struct {
        const char *in, *out;
        size_t columns;
    } rows[] = {
        {NULL, "-", 1},
        {"", "", 0},
        {"plain", "plain", 5},
        {"\xc3\xbc\xe6\x97\xa5", "\xc3\xbc\xe6\x97\xa5", 3}, /* narrow and wide */
        {"e\xcc\x81", "e\xcc\x81", 1},                       /* a combining accent */
        {"\x1b[31mred", "\\x1b[31mred", 11},
        {"a\nb\r\tc\x7f", "a\\nb\\r\\tc\\x7f", 13},
        {"\xc2\x9b"
         "0m",
         "\\x9b0m", 6},                                /* C1's CSI */
        {"\xe2\x80\xaeoff", "\\u{202e}off", 11},       /* right to left override */
        {"\xe2\x80\x8b", "\\u{200b}", 8},              /* no width */
        {"\xf3\xa0\x81\x81", "\\u{e0041}", 9},         /* a tag */
        {"a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd", 3}, /* no UTF-8 */
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 2},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(str_clear) struct str out = STR_INIT;
        ck_assert_uint_eq(text_add_safe(&out, rows[i].in), rows[i].columns);
        ck_assert_str_eq(str_text(&out), rows[i].out);
    }
}
END_TEST

START_TEST(columns_line_up)
{
    static const char *const headings[] = {"ID", "NAME", "N", NULL};
    CLEANUP(str_clear) struct str out = STR_INIT;
    struct table table;

    table_init(&table, headings);
    table_add(&table, "a");
    table_add(&table, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
    table_add_int(&table, -5);
    table_add(&table, "longer\x1b");
    table_add(&table, "");
    table_add(&table, NULL);
    table_write(&table, &out);
    table_clear(&table);
    ck_assert_str_eq(str_text(&out), "ID          NAME    N\n"
                                     "a           \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e  -5\n"
                                     "longer\\x1b  -       -\n");
}
END_TEST

START_TEST(many_rows)
{
    static const char *const headings[] = {"A", "B", NULL};
    CLEANUP(str_clear) struct str out = STR_INIT;
    struct table table;
    size_t lines = 0;

    table_init(&table, headings);
    for (int i = 0; i < 20000; i++)
        table_add_int(&table, i);
    table_write(&table, &out);
    table_clear(&table);
    for (const char *p = str_text(&out); (p = strchr(p, '\n')); p++)
        lines++;
    ck_assert_uint_eq(lines, 10001);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl");
    TCase *tcase = tcase_create("ctl");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, words_of_a_command);
    tcase_add_test(tcase, many_values);
    tcase_add_test(tcase, slips);
    tcase_add_test(tcase, long_words);
    tcase_add_test(tcase, without_a_command);
    tcase_add_test(tcase, table_is_whole);
    tcase_add_test(tcase, urls);
    tcase_add_test(tcase, bases);
    tcase_add_test(tcase, harmless_text);
    tcase_add_test(tcase, columns_line_up);
    tcase_add_test(tcase, many_rows);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
