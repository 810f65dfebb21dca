/* SPDX-License-Identifier: MIT */
/* jobs list, get, wait, cancel, retry. */
#include "service/ctl/ctl.h"

static void add_jobs(void *ctx, const json_t *jobs)
{
    struct table *table = ctx;
    size_t i;
    json_t *job;

    json_array_foreach(jobs, i, job)
    {
        const json_t *progress = json_object_get(job, "progress");
        table_add(table, json_str(job, "id"));
        table_add(table, json_str(job, "kind"));
        table_add(table, json_str(job, "state"));
        table_add(table, json_str(json_object_get(job, "subject"), "id"));
        table_add_int(table, json_int(progress, "total"));
        table_add_int(table, json_int(progress, "succeeded"));
        table_add_int(table, json_int(progress, "failed"));
        table_add(table, json_str(job, "created_at"));
    }
}

int jobs_list(struct ctl *ctl, const struct args *args)
{
    static const char *const headings[] = {"ID",   "KIND",   "STATE",   "TENANT", "TASKS",
                                           "DONE", "FAILED", "CREATED", NULL};
    struct pairs query = {.count = 0};
    struct table table;

    pairs_add(&query, "state", args_value(args, "state"));
    pairs_add(&query, "kind", args_value(args, "kind"));
    table_init(&table, headings);
    int status = api_pages(ctl, "/v1/jobs", NULL, &query, "jobs", add_jobs, &table, false);
    if (status)
        table_clear(&table);
    else
        table_print(ctl, &table, "no jobs");
    return status;
}

static int get_job(struct ctl *ctl, const char *id, bool hidden, json_t **out)
{
    return api_json(ctl,
                    &(struct api_request){
                        .method = "GET", .path = "/v1/jobs/{}", .values = {id}, .hidden = hidden},
                    out);
}

int jobs_get(struct ctl *ctl, const struct args *args)
{
    json_auto_t *job = NULL;
    struct str progress = STR_INIT;
    int status = get_job(ctl, args->operands[0], false, &job);

    if (status)
        return status;
    const json_t *p = json_object_get(job, "progress");
    str_addf(&progress,
             "%lld of %lld done, %lld running, %lld skipped, %lld failed, %lld cancelled",
             json_int(p, "succeeded"), json_int(p, "total"), json_int(p, "running"),
             json_int(p, "skipped"), json_int(p, "failed"), json_int(p, "cancelled"));
    const struct detail details[] = {
        {"id", json_str(job, "id")},
        {"kind", json_str(job, "kind")},
        {"state", json_str(job, "state")},
        {"tenant", json_str(json_object_get(job, "subject"), "id")},
        {"tasks", str_text(&progress)},
        {"retry of", json_str(job, "retry_of")},
        {"created by", json_str(job, "created_by")},
        {"created", json_str(job, "created_at")},
        {"started", json_str(job, "started_at")},
        {"finished", json_str(job, "finished_at")},
    };
    details_print(ctl, details, ARRAY_LEN(details));
    str_clear(&progress);
    return EXIT_DONE;
}

int jobs_wait(struct ctl *ctl, const struct args *args)
{
    json_t *job = NULL;
    int status = get_job(ctl, args->operands[0], true, &job);
    return status ? status : job_show(ctl, job, true);
}

int jobs_cancel(struct ctl *ctl, const struct args *args)
{
    json_auto_t *job = NULL;
    struct api_request request = {
        .method = "POST", .path = "/v1/jobs/{}/cancel", .values = {args->operands[0]}};
    int status = api_json(ctl, &request, &job);

    if (!status)
        say(ctl, "job %s: %s", args->operands[0], json_str(job, "state"));
    return status;
}

int jobs_retry(struct ctl *ctl, const struct args *args)
{
    json_t *job = NULL;
    struct api_request request = {.method = "POST",
                                  .path = "/v1/jobs/{}/retry",
                                  .values = {args->operands[0]},
                                  .hidden = true};
    int status = api_json(ctl, &request, &job);
    return status ? status : job_show(ctl, job, args_flag(args, "wait"));
}
