/* SPDX-License-Identifier: MIT */
/* warm-pool get and drain: the schemas that stand ready. */
#include "service/ctl/ctl.h"

int warm_pool_get(struct ctl *ctl, const struct args *args)
{
    static const char *const headings[] = {"SERVER",  "WANTED",  "READY",  "BEHIND",
                                           "FILLING", "UNFIT",   "FAILED", "CLAIMED",
                                           "MISSES",  "PROBLEM", NULL};
    static const char *const counts[] = {"wanted", "ready",  "behind",        "filling",
                                         "unfit",  "failed", "claimed_total", "misses_total"};
    json_auto_t *pool = NULL;
    struct api_request request = {.method = "GET", .path = "/v1/warm-pool"};
    struct table table;
    size_t i;
    json_t *server;
    int status = api_json(ctl, &request, &pool);

    (void)args;
    if (status)
        return status;
    table_init(&table, headings);
    json_array_foreach(json_object_get(pool, "servers"), i, server)
    {
        table_add(&table, json_str(server, "server"));
        for (size_t k = 0; k < ARRAY_LEN(counts); k++)
            table_add_int(&table, json_int(server, counts[k]));
        table_add(&table, json_str(server, "problem"));
    }
    table_print(ctl, &table, "no servers");
    return EXIT_DONE;
}

int warm_pool_drain(struct ctl *ctl, const struct args *args)
{
    json_t *job = NULL;
    struct api_request request = {.method = "POST", .path = "/v1/warm-pool/drain", .hidden = true};
    int status = api_json(ctl, &request, &job);

    return status ? status : job_show(ctl, job, args_flag(args, "wait"));
}
