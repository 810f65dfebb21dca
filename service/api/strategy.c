/* SPDX-License-Identifier: MIT */
#include "service/api/strategy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pg/array.h"

enum {
    CANARY_NAMED_MAX = 1000,
    COUNT_MAX = 1000000,
    BAKE_MAX_S = 7 * 86400,
    WINDOWS_MAX = 16,
    POINTER_SIZE = 96,
};

static const char *const gate_words[] = {"auto", "manual", NULL};
static const char *const budget_words[] = {"pause", "continue", "cancel", NULL};
static const char *const order_words[] = {"hash", "id", NULL};

/* The members that the canary, a wave and a budget have in common. */
#define LIMIT_FIELDS(limit)                                                                        \
    {.name = "max_failures",                                                                       \
     .kind = FIELD_INT,                                                                            \
     .nullable = true,                                                                             \
     .max = COUNT_MAX,                                                                             \
     .out = &(limit)->max_failures,                                                                \
     .present = &(limit)->by_count},                                                               \
    {                                                                                              \
        .name = "max_ratio", .kind = FIELD_NUMBER, .nullable = true, .max = 1,                     \
        .out = &(limit)->max_ratio, .present = &(limit)->by_ratio                                  \
    }

/* A member that is there and null is no limit. */
static void drop_nulls(const json_t *object, struct failure_limit *limit)
{
    limit->by_count &= !json_is_null(json_object_get(object, "max_failures"));
    limit->by_ratio &= !json_is_null(json_object_get(object, "max_ratio"));
}

void strategy_read_limit(const json_t *object, const char *base, struct failure_limit *out,
                         struct problems *problems)
{
    const struct field fields[] = {LIMIT_FIELDS(out)};

    fields_read(object, base, fields, ARRAY_LEN(fields), problems);
    drop_nulls(object, out);
}

static char *read_ids(const json_t *list, const char *base, struct problems *problems)
{
    CLEANUP(str_clear) struct str array = STR_INIT;
    char pointer[2 * POINTER_SIZE];

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));
        (void)snprintf(pointer, sizeof pointer, "%s/%zu", base, i);
        if (id)
            pg_array_add(&array, id);
        else
            problems_add(problems, pointer, "WRONG_TYPE", "must be the id of a tenant");
    }
    pg_array_end(&array);
    return strdup(str_text(&array));
}

static void read_canary(const json_t *object, struct strategy *s, struct problems *problems)
{
    const json_t *ids = NULL;
    int64_t bake = 0;
    struct failure_limit *limit = &s->canary.limit;
    const struct field fields[] = {
        {.name = "tenants", .kind = FIELD_ARRAY, .min = 1, .max = CANARY_NAMED_MAX, .out = &ids},
        {.name = "count", .kind = FIELD_INT, .min = 1, .max = COUNT_MAX, .out = &s->canary_count},
        {.name = "bake_seconds", .kind = FIELD_INT, .max = BAKE_MAX_S, .out = &bake},
        LIMIT_FIELDS(limit),
    };

    s->has_canary = s->staged = true;
    fields_read(object, "/strategy/canary", fields, ARRAY_LEN(fields), problems);
    if (!limit->by_count && !limit->by_ratio)
        limit->by_count = true; /* a canary that dies warns: it bears no failure unless told so */
    drop_nulls(object, limit);
    s->canary.bake_ms = bake * 1000;
    if (ids)
        s->canary_ids = read_ids(ids, "/strategy/canary/tenants", problems);
    if (!ids && !s->canary_count)
        problems_add(problems, "/strategy/canary", "REQUIRED", "needs tenants or a count");
}

/* What a wave's size is given as. */
typedef enum size_kind { SIZE_REST, SIZE_PERCENT, SIZE_COUNT } size_kind;

static size_kind add_size(struct strategy *s, int64_t percent, int64_t count)
{
    json_t *size = json_object();

    if (percent)
        (void)json_object_set_new(size, "percent", json_integer(percent));
    else if (count)
        (void)json_object_set_new(size, "count", json_integer(count));
    (void)json_array_append_new(s->sizes, size);
    return percent ? SIZE_PERCENT : count ? SIZE_COUNT : SIZE_REST;
}

static size_kind read_wave(const json_t *object, const char *base, struct strategy *s,
                           int64_t *percent, struct problems *problems)
{
    int64_t count = 0, bake = 0, share = 0;
    const char *gate = "auto";
    struct wave *wave = &s->waves[s->wave_count++];
    struct failure_limit *limit = &wave->limit;
    const struct field fields[] = {
        {.name = "percent", .kind = FIELD_INT, .min = 1, .max = 100, .out = &share},
        {.name = "count", .kind = FIELD_INT, .min = 1, .max = COUNT_MAX, .out = &count},
        {.name = "bake_seconds", .kind = FIELD_INT, .max = BAKE_MAX_S, .out = &bake},
        {.name = "gate", .kind = FIELD_TEXT, .words = gate_words, .out = &gate},
        LIMIT_FIELDS(limit),
    };

    fields_read(object, base, fields, ARRAY_LEN(fields), problems);
    drop_nulls(object, limit);
    wave->bake_ms = bake * 1000;
    wave->gated = str_eq(gate, "manual");
    if (share && count)
        problems_add(problems, base, "CONTRADICTION", "has a percent and a count");
    if (share && share <= *percent)
        problems_add(problems, base, "OUT_OF_RANGE",
                     "percents count from the first wave on: this"
                     " one must be more than %lld",
                     (long long)*percent);
    *percent = share > *percent ? share : *percent;
    return add_size(s, share, count);
}

/* Percents grow to 100; counts are followed by a wave without a size, which is the rest. */
static void read_waves(const json_t *list, struct strategy *s, struct problems *problems)
{
    size_t n = json_array_size(list);
    size_kind first = SIZE_REST, kind = SIZE_REST;
    int64_t percent = 0;
    char base[POINTER_SIZE];

    for (size_t i = 0; i < n; i++) {
        (void)snprintf(base, sizeof base, "/strategy/waves/%zu", i);
        kind = read_wave(json_array_get(list, i), base, s, &percent, problems);
        first = i ? first : kind;
        if (kind != first && !(kind == SIZE_REST && i + 1 == n))
            problems_add(problems, base, "CONTRADICTION",
                         "waves are all percents or all counts; the last may be the rest");
        if (kind == SIZE_REST && i + 1 < n)
            problems_add(problems, base, "REQUIRED", "needs a percent or a count");
    }
    if (n && kind == SIZE_PERCENT && percent != 100)
        problems_add(problems, base, "OUT_OF_RANGE", "the last percent must be 100");
}

static void read_strategy(const json_t *object, struct strategy *s, struct problems *problems)
{
    const json_t *canary = NULL, *waves = NULL, *budget = NULL;
    const char *over = "pause", *order = "hash";
    const struct field fields[] = {
        {.name = "canary", .kind = FIELD_OBJECT, .out = &canary},
        {.name = "waves",
         .kind = FIELD_ARRAY,
         .min = 1,
         .max = ROLLOUT_WAVES_MAX - 2,
         .out = &waves},
        {.name = "failure_budget", .kind = FIELD_OBJECT, .out = &budget},
        {.name = "on_budget", .kind = FIELD_TEXT, .words = budget_words, .out = &over},
        {.name = "order", .kind = FIELD_TEXT, .words = order_words, .out = &order},
    };

    fields_read(object, "/strategy", fields, ARRAY_LEN(fields), problems);
    if (canary)
        read_canary(canary, s, problems);
    if (waves)
        read_waves(waves, s, problems);
    if (budget)
        strategy_read_limit(budget, "/strategy/failure_budget", &s->rollout.limit, problems);
    (void)on_budget_parse(over, &s->rollout.on_budget);
    s->staged |= waves != NULL;
    s->by_id = str_eq(order, "id");
}

static bool is_time_of_day(const char *text)
{
    return text && strlen(text) == 5 && text[2] == ':' && strspn(text, "0123456789:") == 5 &&
           strtol(text, NULL, 10) < 24 && strtol(text + 3, NULL, 10) < 60;
}

static void read_days(const json_t *days, const char *base, struct problems *problems)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    char pointer[2 * POINTER_SIZE];

    for (size_t i = 0; i < json_array_size(days); i++) {
        const char *day = json_string_value(json_array_get(days, i));
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(names); k++)
            known |= str_eq(day, names[k]);
        (void)snprintf(pointer, sizeof pointer, "%s/days/%zu", base, i);
        if (!known)
            problems_add(problems, pointer, "UNKNOWN_VALUE",
                         "must be mon, tue, wed, thu, fri, sat or sun");
    }
}

static void read_window(const json_t *object, const char *base, struct problems *problems)
{
    const json_t *days = NULL;
    const char *from = NULL, *to = NULL, *zone = NULL;
    char pointer[POINTER_SIZE];
    const struct field fields[] = {
        {.name = "days", .kind = FIELD_ARRAY, .required = true, .min = 1, .max = 7, .out = &days},
        {.name = "from", .kind = FIELD_TEXT, .required = true, .max = 5, .out = &from},
        {.name = "to", .kind = FIELD_TEXT, .required = true, .max = 5, .out = &to},
        {.name = "time_zone",
         .kind = FIELD_TEXT,
         .required = true,
         .min = 1,
         .max = 64,
         .out = &zone},
    };

    fields_read(object, base, fields, ARRAY_LEN(fields), problems);
    read_days(days, base, problems);
    if (from && !is_time_of_day(from))
        problems_add(problems, json_pointer(pointer, sizeof pointer, base, "from"), "OUT_OF_RANGE",
                     "must be a time of day such as 22:00");
    if (to && !is_time_of_day(to))
        problems_add(problems, json_pointer(pointer, sizeof pointer, base, "to"), "OUT_OF_RANGE",
                     "must be a time of day such as 04:00");
}

static void read_windows(const json_t *windows, struct problems *problems)
{
    char base[POINTER_SIZE];
    size_t n = json_array_size(windows);

    if (!n || n > WINDOWS_MAX)
        problems_add(problems, "/windows", "OUT_OF_RANGE", "must have 1 to %d elements",
                     WINDOWS_MAX);
    for (size_t i = 0; i < n && i < WINDOWS_MAX; i++) {
        (void)snprintf(base, sizeof base, "/windows/%zu", i);
        read_window(json_array_get(windows, i), base, problems);
    }
}

void strategy_read(const json_t *strategy, const json_t *windows, int64_t deadline_seconds,
                   struct strategy *out, struct problems *problems)
{
    *out = (struct strategy){
        .sizes = json_array(),
        .rollout = {.windows = windows, .deadline_seconds = deadline_seconds},
    };
    if (strategy)
        read_strategy(strategy, out, problems);
    if (!out->wave_count) {
        out->wave_count = 1;
        (void)add_size(out, 0, 0);
    }
    if (windows)
        read_windows(windows, problems);
}

void strategy_clear(struct strategy *s)
{
    free(s->canary_ids);
    json_decref(s->sizes);
    *s = (struct strategy){.sizes = NULL};
}
