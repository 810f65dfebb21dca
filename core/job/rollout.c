/* SPDX-License-Identifier: MIT */
#include "core/job/rollout.h"

#include "core/base/str.h"

static const char *const budget_names[] = {
    [ON_BUDGET_PAUSE] = "pause",
    [ON_BUDGET_CONTINUE] = "continue",
    [ON_BUDGET_CANCEL] = "cancel",
};

const char *on_budget_name(on_budget value)
{
    return budget_names[value];
}

bool on_budget_parse(const char *name, on_budget *out)
{
    for (size_t i = 0; i < ARRAY_LEN(budget_names); i++)
        if (str_eq(name, budget_names[i])) {
            *out = (on_budget)i;
            return true;
        }
    return false;
}

/* How many failures a ratio bears among so many. */
static int64_t borne(double ratio, int64_t done)
{
    return (int64_t)(ratio * (double)done + 1e-9); /* 0.07 * 100 is a little less than 7 */
}

int64_t failure_limit_missing(const struct failure_limit *limit, struct ended ended, bool whole)
{
    int64_t missing = 0;

    if (limit->by_count && ended.failed > limit->max_failures)
        missing = ended.failed - limit->max_failures;
    if (limit->by_ratio && (whole || ended.done >= ROLLOUT_RATIO_FROM)) {
        int64_t over = ended.failed - borne(limit->max_ratio, ended.done);
        missing = over > missing ? over : missing;
    }
    return missing;
}

bool failure_limit_exceeded(const struct failure_limit *limit, int64_t extra, struct ended ended,
                            bool whole)
{
    return failure_limit_missing(limit, ended, whole) > extra;
}

wave_wait rollout_wait(const struct rollout *r, int next)
{
    if (!r->waves || r->promoted_wave >= next)
        return WAVE_READY;
    const struct wave *before = &r->waves[next - 1], *wave = &r->waves[next];

    if (before->tasks && r->rested_ms < before->bake_ms)
        return WAVE_BAKES;
    return wave->gated && wave->tasks ? WAVE_GATED : WAVE_READY;
}

static void read_limit(const json_t *object, struct failure_limit *out)
{
    const json_t *count = json_object_get(object, "max_failures");
    const json_t *ratio = json_object_get(object, "max_ratio");

    *out = (struct failure_limit){.by_count = json_is_integer(count),
                                  .by_ratio = json_is_number(ratio),
                                  .max_failures = json_integer_value(count),
                                  .max_ratio = json_number_value(ratio)};
}

err_code rollout_read_waves(const json_t *array, struct wave out[ROLLOUT_WAVES_MAX], int *count,
                            struct err *err)
{
    size_t n = json_array_size(array);

    if (n > ROLLOUT_WAVES_MAX)
        return err_set(err, ERR_INTERNAL, "a job has %zu waves, more than this build knows", n);
    for (size_t i = 0; i < n; i++) {
        const json_t *object = json_array_get(array, i);
        out[i] = (struct wave){
            .tasks = json_integer_value(json_object_get(object, "tasks")),
            .bake_ms = json_integer_value(json_object_get(object, "bake_seconds")) * 1000,
            .gated = str_eq(json_string_value(json_object_get(object, "gate")), "manual"),
        };
        read_limit(object, &out[i].limit);
    }
    *count = (int)n;
    return ERR_NONE;
}

json_t *rollout_wave_json(const char *name, const struct wave *w)
{
    return json_pack(
        "{s:s, s:I, s:o, s:o, s:I, s:s}", "name", name, "tasks", (json_int_t)w->tasks,
        "max_failures", w->limit.by_count ? json_integer(w->limit.max_failures) : json_null(),
        "max_ratio", w->limit.by_ratio ? json_real(w->limit.max_ratio) : json_null(),
        "bake_seconds", (json_int_t)(w->bake_ms / 1000), "gate", w->gated ? "manual" : "auto");
}
