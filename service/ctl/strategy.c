/* SPDX-License-Identifier: MIT */
/* How a run is staged, from the options of `run`; what is said to a live job. */
#include <stdlib.h>
#include <string.h>

#include "service/ctl/ctl.h"

/* "10%", "100" or "rest", with ":manual" behind for a gate; NULL and a complaint otherwise. */
static json_t *wave_of(const char *text)
{
    char *end = NULL;
    long n = strtol(text, &end, 10);
    bool rest = strncmp(text, "rest", 4) == 0, percent = !rest && *end == '%';
    const char *tail = rest ? text + 4 : percent ? end + 1 : end;
    bool manual = str_eq(tail, ":manual");

    if ((!rest && (n < 1 || end == text)) || (*tail && !manual)) {
        complain("--wave \"%s\" is not 10%%, 100 or rest, with :manual behind for a gate", text);
        return NULL;
    }
    json_t *wave = json_object();
    if (!rest)
        (void)json_object_set_new(wave, percent ? "percent" : "count", json_integer(n));
    if (manual)
        (void)json_object_set_new(wave, "gate", json_string("manual"));
    return wave;
}

static bool add_waves(const struct args *args, json_t *strategy)
{
    json_t *list = json_array();
    size_t at = 0;
    bool ok = true;

    for (const char *text; ok && (text = args_next(args, "wave", &at));) {
        json_t *wave = wave_of(text);
        ok = wave && !json_array_append_new(list, wave);
    }
    if (json_array_size(list))
        (void)json_object_set(strategy, "waves", list);
    json_decref(list);
    return ok;
}

static void add_canary(const struct args *args, json_t *strategy)
{
    json_t *canary = json_object(), *ids = json_array();
    size_t at = 0;

    for (const char *id; (id = args_next(args, "canary-id", &at));)
        (void)json_array_append_new(ids, json_string(id));
    if (json_array_size(ids))
        (void)json_object_set(canary, "tenants", ids);
    if (args_value(args, "canary"))
        (void)json_object_set_new(canary, "count", json_integer(args_number(args, "canary", 0)));
    if (args_value(args, "bake"))
        (void)json_object_set_new(canary, "bake_seconds",
                                  json_integer(args_number(args, "bake", 0)));
    if (json_object_size(canary))
        (void)json_object_set(strategy, "canary", canary);
    json_decref(ids);
    json_decref(canary);
}

bool strategy_add(const struct args *args, json_t *body)
{
    json_auto_t *strategy = json_object();

    add_canary(args, strategy);
    if (!add_waves(args, strategy))
        return false;
    if (args_value(args, "max-failures"))
        (void)json_object_set_new(
            strategy, "failure_budget",
            json_pack("{s:I}", "max_failures", (json_int_t)args_number(args, "max-failures", 0)));
    if (json_object_size(strategy))
        (void)json_object_set(body, "strategy", strategy);
    return true;
}

static int tell(struct ctl *ctl, const char *path, const struct args *args, json_t *body)
{
    json_auto_t *sent = body, *job = NULL;
    struct api_request request = {
        .method = "POST",
        .path = path,
        .values = {args->operands[0], args->operand_count > 1 ? args->operands[1] : NULL},
        .json = sent};
    int status = api_json(ctl, &request, &job);

    if (!status)
        say(ctl, "job %s: %s", args->operands[0], json_str(job, "state"));
    return status;
}

int jobs_pause(struct ctl *ctl, const struct args *args)
{
    return tell(ctl, "/v1/jobs/{}/pause", args, json_object());
}

int jobs_resume(struct ctl *ctl, const struct args *args)
{
    return tell(
        ctl, "/v1/jobs/{}/resume", args,
        json_pack("{s:I}", "extra_failures", (json_int_t)args_number(args, "extra-failures", 0)));
}

int runs_promote(struct ctl *ctl, const struct args *args)
{
    return tell(ctl, "/v1/migration-runs/{}/promote", args, json_object());
}

int runs_skip(struct ctl *ctl, const struct args *args)
{
    const char *reason = args_value(args, "reason");

    if (!reason) {
        complain("a task is skipped for a --reason");
        return EXIT_USAGE;
    }
    return tell(ctl, "/v1/migration-runs/{}/tasks/{}/skip", args,
                json_pack("{s:s}", "reason", reason));
}
