/* SPDX-License-Identifier: MIT */
/* events: what has happened, and what goes on happening. report: how a run ended, as a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "service/ctl/ctl.h"

enum { FOLLOW_EVERY_S = 1 };

/* "9/10, 1 failed" of a job, "MIGRATION_FAILED 42P01: message" of a task, "active" of a tenant. */
static void add_summary(const json_t *data, struct str *out)
{
    const json_t *progress = json_object_get(data, "progress");
    const char *code = json_str(data, "code"), *sqlstate = json_str(data, "sqlstate");
    long long total = json_int(progress, "total");

    if (json_str(data, "kind"))
        str_addf(out, "%s %s", json_str(data, "kind"), json_str(data, "job_id"));
    else if (json_str(data, "state"))
        str_add(out, json_str(data, "state"));
    if (total)
        str_addf(out, " %lld/%lld",
                 total - json_int(progress, "queued") - json_int(progress, "running"), total);
    if (json_int(progress, "failed"))
        str_addf(out, ", %lld failed", json_int(progress, "failed"));
    if (code)
        str_addf(out, "%s%s%s", code, sqlstate ? " " : "", sqlstate ? sqlstate : "");
    if (json_str(data, "message"))
        str_addf(out, ": %s", json_str(data, "message"));
}

static void print_event(const struct ctl *ctl, const json_t *event)
{
    struct str line = STR_INIT, safe = STR_INIT;
    char *text = ctl->json ? json_dumps(event, JSON_COMPACT) : NULL;
    const char *subject = json_str(event, "subject");

    str_addf(&line, "%s  %-20s  %s%s", json_str(event, "time"), json_str(event, "type"),
             subject ? subject : "", subject ? "  " : "");
    add_summary(json_object_get(event, "data"), &line);
    (void)text_add_safe(&safe, str_text(&line));
    (void)printf("%s\n", text ? text : str_text(&safe));
    free(text);
    str_clear(&line);
    str_clear(&safe);
}

/* Whether the job that is followed has told its last. */
static bool is_last(const json_t *event, const char *job)
{
    static const char *const last[] = {"job.succeeded", "job.partial", "job.failed",
                                       "job.cancelled"};
    const char *of = json_str(json_object_get(event, "data"), "job_id");

    for (size_t i = 0; i < ARRAY_LEN(last); i++)
        if (job && str_eq(json_str(event, "type"), last[i]) && str_eq(of, job))
            return true;
    return false;
}

struct watch {
    const char *job;
    struct pairs query; /* what stands before the place */
    char after[24];     /* "": from the beginning */
    bool more, over;
};

static int read_page(struct ctl *ctl, struct watch *w)
{
    json_auto_t *page = NULL;
    struct pairs query = w->query;
    size_t i;
    json_t *event;

    pairs_add(&query, "after", w->after[0] ? w->after : NULL);
    int status =
        api_json(ctl,
                 &(struct api_request){.method = "GET",
                                       .path = w->job ? "/v1/jobs/{}/events" : "/v1/events",
                                       .values = {w->job},
                                       .query = &query,
                                       .hidden = true},
                 &page);
    if (status)
        return status;
    json_array_foreach(json_object_get(page, "events"), i, event)
    {
        print_event(ctl, event);
        w->over |= is_last(event, w->job);
    }
    const char *after = json_str(page, "after");
    (void)snprintf(w->after, sizeof w->after, "%s", after ? after : "");
    w->more = json_is_true(json_object_get(page, "more"));
    (void)fflush(stdout);
    return EXIT_DONE;
}

/* Goes on after the last event it saw: a connection that is lost in between loses nothing. */
int events_show(struct ctl *ctl, const struct args *args)
{
    struct watch w = {.job = args_value(args, "job")};
    bool follow = args_flag(args, "follow");
    const char *after = args_value(args, "after");
    int status;

    pairs_add(&w.query, "types", args_value(args, "type"));
    pairs_add(&w.query, "tenant_id", args_value(args, "tenant"));
    pairs_add(&w.query, "page_size", "1000");
    (void)snprintf(w.after, sizeof w.after, "%s", after ? after : "");
    if (w.job && args_value(args, "tenant")) {
        complain("events takes either --job or --tenant");
        return EXIT_USAGE;
    }
    do {
        status = read_page(ctl, &w);
        if (!status && follow && !w.more && !w.over)
            (void)nanosleep(&(struct timespec){.tv_sec = FOLLOW_EVERY_S}, NULL);
    } while (!status && (w.more || (follow && !w.over)));
    return status;
}

int report_write(struct ctl *ctl, const struct args *args)
{
    struct pairs query = {.count = 0};
    struct answer answer;
    const char *format = args_value(args, "format");
    struct api_request request = {.method = "GET",
                                  .path = "/v1/migration-runs/{}/report",
                                  .values = {args->operands[0]},
                                  .query = &query};

    pairs_add(&query, "format", format ? format : "markdown");
    int status = api_send(ctl, &request, &answer);
    if (status)
        return status;
    status = output_write(args_value(args, "output"), &answer.body);
    str_clear(&answer.body);
    return status;
}
