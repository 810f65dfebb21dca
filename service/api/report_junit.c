/* SPDX-License-Identifier: MIT */
/* JUnit's XML as CI servers read it: a test case a tenant that had something to do. */
#include <stdio.h>

#include "service/api/report.h"

static void add_attribute(struct str *out, const char *name, const char *value)
{
    str_addf(out, " %s=\"", name);
    xml_add(out, value);
    str_add_char(out, '"');
}

static void add_property(struct str *out, const char *name, const char *value)
{
    str_add(out, "<property");
    add_attribute(out, "name", name);
    add_attribute(out, "value", value);
    str_add(out, "/>\n");
}

static void begin(struct report *r)
{
    (void)r; /* the head has counts: it is written at the end */
}

static void add_number(struct str *out, const char *name, int64_t value)
{
    str_addf(out, " %s=\"%lld\"", name, (long long)value);
}

static void add_head(const struct report *r, struct str *out)
{
    const struct job *job = r->job;
    char noop[24];

    (void)snprintf(noop, sizeof noop, "%lld", (long long)report_noop(r));
    str_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite");
    add_attribute(out, "name", job->kind);
    add_attribute(out, "id", job->id);
    add_attribute(out, "timestamp", job->started_at ? job->started_at : job->created_at);
    str_addf(out, " time=\"%.3f\"", (double)job->elapsed_ms / 1000);
    add_number(out, "tests", r->tasks);
    add_number(out, "failures", r->failed);
    add_number(out, "errors", 0);
    add_number(out, "skipped", r->skipped + r->cancelled);
    str_add(out, ">\n<properties>\n");
    add_property(out, "state", job_state_name(job->state));
    add_property(out, "created_by", job->created_by);
    add_property(out, "nothing_to_do", noop); /* targets without a task are no tests */
    str_add(out, "</properties>\n");
}

static double seconds_of(const struct task *task)
{
    const json_t *ms = json_object_get(task->outcome, "duration_ms");
    return json_is_number(ms) ? json_number_value(ms) / 1000 : 0;
}

static void add_detail(struct str *out, const char *label, const char *text)
{
    if (!text)
        return;
    str_add(out, label);
    xml_add(out, text);
    str_add_char(out, '\n');
}

static void add_failure(struct str *out, const struct task *task)
{
    CLEANUP(str_clear) struct str place = STR_INIT;
    const char *sqlstate = report_outcome(task, "sqlstate"), *code = report_outcome(task, "code");
    const char *message = report_outcome(task, "message");

    report_place(task, &place);
    str_add(out, "<failure");
    add_attribute(out, "message", message ? message : report_outcome(task, "detail"));
    add_attribute(out, "type", sqlstate ? sqlstate : code);
    str_add(out, ">");
    add_detail(out, "code: ", code);
    add_detail(out, "SQLSTATE: ", sqlstate);
    add_detail(out, "at: ", place.len ? str_text(&place) : NULL);
    add_detail(out, "detail: ", report_outcome(task, "detail"));
    add_detail(out, "hint: ", report_outcome(task, "hint"));
    add_detail(out, "context: ", report_outcome(task, "context"));
    str_add(out, "</failure>\n");
}

static void add(struct report *r, const struct task *task)
{
    struct str *out = &r->out;

    str_add(out, "<testcase");
    add_attribute(out, "name", task->tenant_id ? task->tenant_id : "shared schema");
    add_attribute(out, "classname", r->job->kind);
    str_addf(out, " time=\"%.3f\"", seconds_of(task));
    if (task->state == TASK_SUCCEEDED) {
        str_add(out, "/>\n");
        return;
    }
    str_add(out, ">");
    if (task->state == TASK_FAILED)
        add_failure(out, task);
    else
        str_addf(out, "<skipped message=\"%s\"/>",
                 task->state == TASK_SKIPPED ? "there was nothing to do" : "cancelled");
    str_add(out, "</testcase>\n");
}

static void end(struct report *r)
{
    struct str whole = STR_INIT;

    add_head(r, &whole);
    str_add_n(&whole, str_text(&r->out), r->out.len);
    str_add(&whole, "</testsuite>\n</testsuites>\n");
    whole.failed |= r->out.failed;
    str_clear(&r->out);
    r->out = whole;
}

const struct report_format report_junit = {
    .name = "junit", .content_type = "application/xml", .begin = begin, .add = add, .end = end};
