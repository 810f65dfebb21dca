/* SPDX-License-Identifier: MIT */
/* Markdown (GitHub's tables) for the summary of a CI job: counts, and what failed. */
#include <stdio.h>
#include <string.h>

#include "service/api/report.h"

enum { FAILURES_SHOWN = 100, CELL_MAX = 300 };

/* A cell is one line, and says what stands there: no markup, no HTML. */
static void add_cell(struct str *out, const char *text)
{
    size_t n = text ? utf8_valid_len(text, strnlen(text, CELL_MAX)) : 0;

    str_add(out, " ");
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if ((unsigned char)c < 0x20)
            c = ' ';
        if (strchr("\\`*_{}[]<>()#+-.!|~&@:/", c))
            str_addf(out, "&#%d;", c);
        else
            str_add_char(out, c);
    }
    if (text && text[n])
        str_add(out, "…");
    str_add(out, " |");
}

static void begin(struct report *r)
{
    const struct job *job = r->job;
    const struct task_counts *n = &job->progress;

    str_addf(&r->out,
             "## Migration run: %s\n\n"
             "Run `%s`, %.1f s.\n\n"
             "| succeeded | failed | cancelled | nothing to do |\n|---:|---:|---:|---:|\n"
             "| %lld | %lld | %lld | %lld |\n",
             job_state_name(job->state), job->id, (double)job->elapsed_ms / 1000,
             (long long)n->succeeded, (long long)n->failed, (long long)n->cancelled,
             (long long)n->skipped);
}

static void add(struct report *r, const struct task *task)
{
    CLEANUP(str_clear) struct str place = STR_INIT;

    if (task->state != TASK_FAILED || r->failed > FAILURES_SHOWN)
        return;
    if (r->failed == 1)
        str_add(&r->out, "\n### Failures\n\n| tenant | code | SQLSTATE | at | message |\n"
                         "|---|---|---|---|---|\n");
    report_place(task, &place);
    str_add(&r->out, "|");
    add_cell(&r->out, task->tenant_id ? task->tenant_id : "shared schema");
    add_cell(&r->out, report_outcome(task, "code"));
    add_cell(&r->out, report_outcome(task, "sqlstate"));
    add_cell(&r->out, str_text(&place));
    const char *message = report_outcome(task, "message");
    add_cell(&r->out, message ? message : report_outcome(task, "detail"));
    str_add(&r->out, "\n");
}

static void end(struct report *r)
{
    if (r->failed > FAILURES_SHOWN)
        str_addf(&r->out, "\n%lld more failed.\n", (long long)(r->failed - FAILURES_SHOWN));
}

const struct report_format report_markdown = {
    .name = "markdown", .content_type = "text/markdown", .begin = begin, .add = add, .end = end};
