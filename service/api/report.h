/* SPDX-License-Identifier: MIT */
/* A run that has ended, told to a person or to a CI server. Written as the tasks are read. */
#pragma once

#include "core/base/str.h"
#include "core/job/job.h"

struct report {
    const struct job *job;
    struct str out;
    int64_t tasks, failed, cancelled, skipped; /* added so far */
};

/* One way to write it: what stands before the tasks, each of them, and what follows. */
struct report_format {
    const char *name, *content_type;
    void (*begin)(struct report *report);
    void (*add)(struct report *report, const struct task *task);
    void (*end)(struct report *report);
};

extern const struct report_format report_junit, report_markdown;

/* Targets that had nothing to do from the start and so have no task. */
int64_t report_noop(const struct report *report);
/* Text member of a task's outcome; NULL: there is none. */
const char *report_outcome(const struct task *task, const char *member);
/* "0003_orders.sql, statement 2, line 7" and the like, as far as it is known; "" when it is not. */
void report_place(const struct task *task, struct str *out);

/* Appends text as XML 1.0 (2.2, 2.4, 3.3.3) takes it in content and in attributes: what no document
 * can hold, and what is not UTF-8, becomes U+FFFD. NULL is nothing. */
void xml_add(struct str *out, const char *text);
