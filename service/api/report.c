/* SPDX-License-Identifier: MIT */
#include "service/api/report.h"

int64_t report_noop(const struct report *report)
{
    int64_t noop = report->job->progress.skipped - report->skipped;
    return noop > 0 ? noop : 0;
}

const char *report_outcome(const struct task *task, const char *member)
{
    return json_string_value(json_object_get(task->outcome, member));
}

static void add_number(struct str *out, const struct task *task, const char *member)
{
    const json_t *value = json_object_get(task->outcome, member);

    if (json_is_integer(value))
        str_addf(out, "%s%s %lld", out->len ? ", " : "", member,
                 (long long)json_integer_value(value));
}

void report_place(const struct task *task, struct str *out)
{
    const char *version = report_outcome(task, "version");

    str_add(out, version ? version : "");
    add_number(out, task, "statement");
    add_number(out, task, "line");
    add_number(out, task, "column");
}
