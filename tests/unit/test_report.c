/* SPDX-License-Identifier: MIT */
/* Reports as text: what tenants and PostgreSQL say must not become markup. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "service/api/report.h"

static const struct {
    const char *text, *want;
} escapes[] = {
    {NULL, ""},
    {"plain", "plain"},
    {"a<b>&\"c'", "a&lt;b&gt;&amp;&quot;c&apos;"},
    {"]]>", "]]&gt;"},
    {"line\nnext\r\tend", "line&#10;next&#13;&#9;end"},
    {"\x01\x1f\x7f", "\xEF\xBF\xBD\xEF\xBF\xBD\x7f"},
    {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x98", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x98"},
    {"\xff\xfe", "\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"cut \xc3", "cut \xEF\xBF\xBD"},
    {"\xc3(", "\xEF\xBF\xBD("},
    {"\xed\xa0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* half of a surrogate pair */
    {"\xef\xbf\xbe\xef\xbf\xbd", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
};

START_TEST(xml_holds_any_text)
{
    CLEANUP(str_clear) struct str out = STR_INIT;

    xml_add(&out, escapes[_i].text);
    ck_assert_str_eq(str_text(&out), escapes[_i].want);
}
END_TEST

static const struct job job = {
    .id = "01890000-0000-7000-8000-000000000001",
    .kind = (char[]){"migration.run"},
    .created_by = (char[]){"<ci>"},
    .created_at = (char[]){"2026-01-05T10:00:00.000Z"},
    .state = JOB_PARTIAL,
    .progress = {.succeeded = 1, .skipped = 8, .failed = 1, .cancelled = 1},
    .elapsed_ms = 1500};

static void count(struct report *r, const struct task *task)
{
    r->tasks++;
    r->failed += task->state == TASK_FAILED;
    r->cancelled += task->state == TASK_CANCELLED;
    r->skipped += task->state == TASK_SKIPPED;
}

static void write_report(const struct report_format *format, struct report *r)
{
    json_auto_t *outcome = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "code", "MIGRATION_FAILED",
                                     "sqlstate", "42601", "message", "near \"<script>\" | `x`\n]]>",
                                     "version", "0003_a&b", "statement", 2, "line", 7);
    json_auto_t *fine = json_pack("{s:i}", "duration_ms", 250);
    const struct task tasks[] = {
        {.tenant_id = (char[]){"acme"}, .state = TASK_SUCCEEDED, .outcome = fine},
        {.tenant_id = (char[]){"beta"}, .state = TASK_FAILED, .outcome = outcome},
        {.tenant_id = (char[]){"gamma"}, .state = TASK_SKIPPED},
        {.tenant_id = NULL, .state = TASK_CANCELLED},
    };

    *r = (struct report){.job = &job};
    format->begin(r);
    for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
        count(r, &tasks[i]);
        format->add(r, &tasks[i]);
    }
    format->end(r);
}

START_TEST(junit_has_a_case_a_tenant_that_had_something_to_do)
{
    struct report r;

    write_report(&report_junit, &r);
    ck_assert_str_eq(
        str_text(&r.out),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
        "<testsuite name=\"migration.run\" id=\"01890000-0000-7000-8000-000000000001\""
        " timestamp=\"2026-01-05T10:00:00.000Z\" time=\"1.500\" tests=\"4\" failures=\"1\""
        " errors=\"0\" skipped=\"2\">\n<properties>\n"
        "<property name=\"state\" value=\"partial\"/>\n"
        "<property name=\"created_by\" value=\"&lt;ci&gt;\"/>\n"
        "<property name=\"nothing_to_do\" value=\"7\"/>\n</properties>\n"
        "<testcase name=\"acme\" classname=\"migration.run\" time=\"0.250\"/>\n"
        "<testcase name=\"beta\" classname=\"migration.run\" time=\"0.000\">"
        "<failure message=\"near &quot;&lt;script&gt;&quot; | `x`&#10;]]&gt;\" type=\"42601\">"
        "code: MIGRATION_FAILED\nSQLSTATE: 42601\nat: 0003_a&amp;b, statement 2, line 7\n"
        "</failure>\n</testcase>\n"
        "<testcase name=\"gamma\" classname=\"migration.run\" time=\"0.000\">"
        "<skipped message=\"there was nothing to do\"/></testcase>\n"
        "<testcase name=\"shared schema\" classname=\"migration.run\" time=\"0.000\">"
        "<skipped message=\"cancelled\"/></testcase>\n"
        "</testsuite>\n</testsuites>\n");
    str_clear(&r.out);
}
END_TEST

START_TEST(markdown_has_counts_and_failures)
{
    struct report r;

    write_report(&report_markdown, &r);
    ck_assert_str_eq(str_text(&r.out),
                     "## Migration run: partial\n\n"
                     "Run `01890000-0000-7000-8000-000000000001`, 1.5 s.\n\n"
                     "| succeeded | failed | cancelled | nothing to do |\n|---:|---:|---:|---:|\n"
                     "| 1 | 1 | 1 | 8 |\n"
                     "\n### Failures\n\n| tenant | code | SQLSTATE | at | message |\n"
                     "|---|---|---|---|---|\n"
                     "| beta | MIGRATION&#95;FAILED | 42601 |"
                     " 0003&#95;a&#38;b, statement 2, line 7 |"
                     " near \"&#60;script&#62;\" &#124; &#96;x&#96; &#93;&#93;&#62; |\n");
    str_clear(&r.out);
}
END_TEST

START_TEST(markdown_stays_short)
{
    struct report r = {.job = &job};
    const struct task task = {.tenant_id = (char[]){"t"}, .state = TASK_FAILED};

    report_markdown.begin(&r);
    for (int i = 0; i < 10000; i++) {
        count(&r, &task);
        report_markdown.add(&r, &task);
    }
    report_markdown.end(&r);
    ck_assert_uint_lt(r.out.len, 10000);
    ck_assert_ptr_nonnull(strstr(r.out.data, "\n9900 more failed.\n"));
    str_clear(&r.out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tc = tcase_create("all");

    tcase_add_loop_test(tc, xml_holds_any_text, 0, (int)ARRAY_LEN(escapes));
    tcase_add_test(tc, junit_has_a_case_a_tenant_that_had_something_to_do);
    tcase_add_test(tc, markdown_has_counts_and_failures);
    tcase_add_test(tc, markdown_stays_short);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
