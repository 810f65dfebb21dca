/* SPDX-License-Identifier: MIT */
/* Following a job to its end, and saying how it ended. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "service/ctl/ctl.h"

enum { WAIT_TERMINAL_S = 1, WAIT_PLAIN_S = 5 };

/* Paused: nothing happens until somebody says so. */
static bool is_paused(const json_t *job)
{
    return str_eq(json_str(job, "state"), "paused");
}

static bool is_over(const json_t *job)
{
    static const char *const live[] = {"queued", "running", "paused", "cancelling"};
    for (size_t i = 0; i < ARRAY_LEN(live); i++)
        if (str_eq(json_str(job, "state"), live[i]))
            return false;
    return true;
}

/* Runs have paths of their own, so that who may only run migrations can follow them. */
static const char *path_of(const json_t *job, bool tasks)
{
    if (str_eq(json_str(job, "kind"), "migration.run"))
        return tasks ? "/v1/migration-runs/{}/tasks" : "/v1/migration-runs/{}";
    return tasks ? "/v1/jobs/{}/tasks" : "/v1/jobs/{}";
}

static void progress_text(const json_t *job, struct str *out)
{
    const json_t *progress = json_object_get(job, "progress");
    long long total = json_int(progress, "total"), failed = json_int(progress, "failed");
    const json_t *rate = json_object_get(job, "rate_per_second"),
                 *eta = json_object_get(job, "eta_seconds");
    const char *waiting = json_str(json_object_get(job, "rollout"), "waiting");

    str_addf(out, "%s %lld/%lld", json_str(job, "state") ? json_str(job, "state") : "?",
             total - json_int(progress, "queued") - json_int(progress, "running"), total);
    if (failed)
        str_addf(out, ", %lld failed", failed);
    if (json_is_number(rate))
        str_addf(out, ", %.1f/s", json_number_value(rate));
    if (waiting)
        str_addf(out, ", waits for a %s", waiting);
    else if (json_is_integer(eta))
        str_addf(out, ", %lld s left", (long long)json_integer_value(eta));
}

/* On a terminal the line is written over; otherwise there is one line for each news. */
static void show_progress(const struct ctl *ctl, const json_t *job, bool terminal, struct str *last)
{
    struct str now = STR_INIT, safe = STR_INIT;

    progress_text(job, &now);
    if (!ctl->quiet && !str_eq(str_text(&now), str_text(last))) {
        (void)text_add_safe(&safe, str_text(&now));
        (void)fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", str_text(&safe));
        str_reset(last);
        str_add(last, str_text(&now));
    }
    str_clear(&now);
    str_clear(&safe);
}

/* Asks again until the job is over, or paused; *job is replaced by what it is then. */
static int follow(struct ctl *ctl, json_t **job, bool terminal)
{
    struct str last = STR_INIT;
    struct pairs query = {.count = 0};
    int status = EXIT_DONE;

    pairs_add(&query, "wait", terminal ? "1" : "5");
    while (!status && !is_over(*job) && !is_paused(*job)) {
        json_t *newer = NULL;
        struct api_request request = {.method = "GET",
                                      .path = path_of(*job, false),
                                      .values = {json_str(*job, "id")},
                                      .query = &query,
                                      .wait_s = terminal ? WAIT_TERMINAL_S : WAIT_PLAIN_S,
                                      .hidden = true};
        show_progress(ctl, *job, terminal, &last);
        status = api_json(ctl, &request, &newer);
        if (!status) {
            json_decref(*job);
            *job = newer;
        }
    }
    if (terminal && last.len)
        (void)fputs(status ? "\n" : "\r\033[K", stderr);
    str_clear(&last);
    return status;
}

/* SIGINT ends the wait and not the program meanwhile. */
static int follow_watching(struct ctl *ctl, json_t **job)
{
    sigset_t interrupt, before;

    (void)sigemptyset(&interrupt);
    (void)sigaddset(&interrupt, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &interrupt, &before);
    ctl->watching = true;
    int status = follow(ctl, job, !ctl->quiet && isatty(STDERR_FILENO));
    ctl->watching = false;
    if (ctl->interrupted) {
        struct timespec none = {.tv_sec = 0};
        (void)sigtimedwait(&interrupt, NULL, &none);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (status) {
        const char *id = json_str(*job, "id") ? json_str(*job, "id") : "";
        complain("job %s goes on", id);
        complain("to follow it: tenantctl jobs wait %s", id);
        complain("to cancel it: tenantctl jobs cancel %s", id);
    }
    return status;
}

static void add_failures(void *ctx, const json_t *tasks)
{
    struct table *table = ctx;
    size_t i;
    json_t *task;

    json_array_foreach(tasks, i, task)
    {
        const json_t *outcome = json_object_get(task, "outcome");
        table_add(table, json_str(task, "tenant_id"));
        table_add(table, json_str(outcome, "version"));
        if (json_int(outcome, "line"))
            table_add_int(table, json_int(outcome, "line"));
        else
            table_add(table, NULL);
        table_add(table, json_str(outcome, "sqlstate"));
        table_add(table, json_str(outcome, "code"));
        table_add(table, json_str(outcome, "message"));
    }
}

/* The job itself has the first ones; more are asked for. */
static void print_failures(struct ctl *ctl, const json_t *job)
{
    static const char *const headings[] = {"TENANT", "MIGRATION", "LINE", "SQLSTATE",
                                           "CODE",   "MESSAGE",   NULL};
    const json_t *shown = json_object_get(job, "failures");
    struct pairs query = {.count = 0};
    struct table table;
    struct str out = STR_INIT;

    table_init(&table, headings);
    pairs_add(&query, "state", "failed");
    if (json_int(json_object_get(job, "progress"), "failed") <= (long long)json_array_size(shown) ||
        api_pages(ctl, path_of(job, true), json_str(job, "id"), &query, "tasks", add_failures,
                  &table, true)) {
        table_clear(&table);
        table_init(&table, headings);
        add_failures(&table, shown);
    }
    if (table.count)
        table_write(&table, &out);
    (void)fflush(stdout);
    (void)fputs(str_text(&out), stderr);
    str_clear(&out);
    table_clear(&table);
}

/* Who waits for it, CI for one, must not take a run that stands still for one that goes on. */
static int stop_at_pause(struct ctl *ctl, const json_t *job)
{
    const char *reason = json_str(json_object_get(job, "rollout"), "pause_reason");
    const char *id = json_str(job, "id");

    complain("job %s is paused: %s", id,
             str_eq(reason, "budget") ? "more tenants failed than it bears" : "on request");
    complain("to go on: tenantctl jobs resume %s%s", id,
             str_eq(reason, "budget") ? " --extra-failures N" : "");
    print_failures(ctl, job);
    return EXIT_REFUSED;
}

static void say_end(const struct ctl *ctl, const json_t *job)
{
    const json_t *progress = json_object_get(job, "progress");
    struct str text = STR_INIT;

    str_addf(&text, "%s %s: %s, %lld done", json_str(job, "kind"), json_str(job, "id"),
             json_str(job, "state"), json_int(progress, "succeeded"));
    if (json_int(progress, "skipped"))
        str_addf(&text, ", %lld with nothing to do", json_int(progress, "skipped"));
    if (json_int(progress, "failed"))
        str_addf(&text, ", %lld failed", json_int(progress, "failed"));
    if (json_int(progress, "cancelled"))
        str_addf(&text, ", %lld cancelled", json_int(progress, "cancelled"));
    say(ctl, "%s", str_text(&text));
    str_clear(&text);
}

static void print_body(const struct ctl *ctl, const json_t *job)
{
    char *text = ctl->json ? json_dumps(job, JSON_COMPACT) : NULL;

    if (text)
        (void)printf("%s\n", text);
    free(text);
}

int job_show(struct ctl *ctl, json_t *job, bool wait)
{
    json_auto_t *taken = job;

    if (!json_str(taken, "id") || !json_str(taken, "kind") || !json_str(taken, "state")) {
        complain("%s answered with something that is no job", ctl->url);
        return EXIT_REFUSED;
    }
    int status = wait && !is_over(taken) ? follow_watching(ctl, &taken) : EXIT_DONE;
    if (status)
        return status;
    print_body(ctl, taken);
    if (wait && is_paused(taken))
        return stop_at_pause(ctl, taken);
    if (!is_over(taken)) {
        say(ctl, "%s %s: %s; tenantctl jobs wait %s", json_str(taken, "kind"),
            json_str(taken, "id"), json_str(taken, "state"), json_str(taken, "id"));
        return EXIT_DONE;
    }
    say_end(ctl, taken);
    if (str_eq(json_str(taken, "state"), "succeeded"))
        return EXIT_DONE;
    if (ctl->json || ctl->quiet)
        complain("job %s: %s", json_str(taken, "id"), json_str(taken, "state"));
    print_failures(ctl, taken);
    return EXIT_REFUSED;
}

int job_start(struct ctl *ctl, const struct args *args, const char *path, const char *id,
              const json_t *body, preview_fn *preview)
{
    bool dry = args_flag(args, "dry-run");
    struct pairs query = {.count = 0};
    json_t *reply = NULL;

    pairs_add(&query, "dry_run", dry ? "true" : NULL);
    struct api_request request = {.method = "POST",
                                  .path = path,
                                  .values = {id},
                                  .query = &query,
                                  .json = body,
                                  .hidden = !dry};
    int status = api_json(ctl, &request, &reply);
    if (status)
        return status;
    if (!dry)
        return job_show(ctl, reply, !args_flag(args, "no-wait"));
    preview(ctl, args, reply);
    json_decref(reply);
    return EXIT_DONE;
}
