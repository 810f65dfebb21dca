/* SPDX-License-Identifier: MIT */
/* run: migrations for many tenants, or what they would do. */
#include <string.h>

#include "service/ctl/ctl.h"

json_t *selector_of(const struct args *args)
{
    bool all = args_flag(args, "all"), ids = args_flag(args, "id"),
         labels = args_flag(args, "label");
    json_t *selector = json_object();
    size_t at = 0;

    if (all == (ids || labels)) {
        if (all)
            complain("--all goes without --id and --label");
        else
            complain("%s needs to know for whom: --all, --id ID... or --label KEY=VALUE...",
                     args->command->name);
        json_decref(selector);
        return NULL;
    }
    if (all)
        (void)json_object_set_new(selector, "all", json_true());
    if (ids)
        (void)json_object_set_new(selector, "ids", json_array());
    for (const char *id; (id = args_next(args, "id", &at));)
        if (json_array_append_new(json_object_get(selector, "ids"), json_string(id))) {
            complain("--id \"%s\" is not UTF-8", id);
            json_decref(selector);
            return NULL;
        }
    json_t *wanted = labels ? labels_of(args) : NULL;
    if (labels && !wanted) {
        json_decref(selector);
        return NULL;
    }
    if (wanted)
        (void)json_object_set_new(selector, "labels", wanted);
    return selector;
}

json_t *target_body(const struct args *args)
{
    json_t *selector = selector_of(args);
    json_t *body = selector ? json_pack("{s:o}", "selector", selector) : NULL;

    if (!body)
        return NULL;
    if (args_value(args, "target"))
        (void)json_object_set_new(body, "target", json_string(args_value(args, "target")));
    if (args_flag(args, "down"))
        (void)json_object_set_new(body, "direction", json_string("down"));
    return body;
}

/* With a plan the rest is the plan's; what is said besides must be the same. */
static json_t *planned_body(const struct args *args)
{
    json_t *body = json_pack("{s:s}", "plan_id", args_value(args, "plan"));

    if (!body)
        complain("--plan is not UTF-8");
    if (body && (args_flag(args, "all") || args_flag(args, "id") || args_flag(args, "label") ||
                 args_flag(args, "target") || args_flag(args, "down"))) {
        complain("a plan says for whom and how far: --plan goes without --all, --id, --label,"
                 " --target and --down");
        json_decref(body);
        return NULL;
    }
    return body;
}

static json_t *body_of(const struct args *args)
{
    json_t *body = args_flag(args, "plan") ? planned_body(args) : target_body(args);

    if (!body)
        return NULL;
    if (args_value(args, "max-parallel"))
        (void)json_object_set_new(body, "max_parallel",
                                  json_integer(args_number(args, "max-parallel", 0)));
    if (args_flag(args, "stop-on-failure"))
        (void)json_object_set_new(body, "on_failure", json_string("stop"));
    if (args_flag(args, "include-shared"))
        (void)json_object_set_new(body, "include_shared", json_true());
    if (args_flag(args, "queue"))
        (void)json_object_set_new(body, "on_conflict", json_string("queue"));
    if (strategy_add(args, body))
        return body;
    json_decref(body);
    return NULL;
}

void names_join(const json_t *list, struct str *out)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        str_addf(out, "%s%s", i ? ", " : "", json_string_value(json_array_get(list, i)));
}

static void print_cohort(struct table *table, const json_t *cohort)
{
    struct str ids = STR_INIT, pending = STR_INIT;

    names_join(json_object_get(cohort, "sample"), &ids);
    names_join(json_object_get(cohort, "pending"), &pending);
    table_add_int(table, json_int(cohort, "tenants"));
    table_add(table, json_str(cohort, "head"));
    table_add(table, str_text(&pending));
    table_add(table, str_text(&ids));
    table_add(table, json_str(json_object_get(cohort, "problem"), "detail"));
    str_clear(&ids);
    str_clear(&pending);
}

void cohorts_print(const struct ctl *ctl, const json_t *plan, bool down)
{
    static const char *const up[] = {"TENANTS",     "NOW AT",  "WOULD APPLY",
                                     "FOR EXAMPLE", "PROBLEM", NULL};
    static const char *const back[] = {"TENANTS",     "NOW AT",  "WOULD TAKE BACK",
                                       "FOR EXAMPLE", "PROBLEM", NULL};
    struct table table;
    size_t i;
    json_t *cohort;

    table_init(&table, down ? back : up);
    json_array_foreach(json_object_get(plan, "cohorts"), i, cohort) print_cohort(&table, cohort);
    table_print(ctl, &table, NULL);
}

static void print_plan(const struct ctl *ctl, const struct args *args, const json_t *plan)
{
    bool down = args_flag(args, "down");
    const json_t *shared = json_object_get(plan, "shared");
    struct str pending = STR_INIT;

    cohorts_print(ctl, plan, down);
    if (json_is_object(shared)) {
        names_join(json_object_get(shared, "pending"), &pending);
        say(ctl, "shared schema first: %s", pending.len ? str_text(&pending) : "nothing to do");
    }
    say(ctl, "to %s: %lld tenants, %lld of them with nothing to do; nothing was changed",
        json_str(plan, "target") ? json_str(plan, "target") : "an empty catalog",
        json_int(plan, "tenants"), json_int(plan, "noop"));
    str_clear(&pending);
}

int run_start(struct ctl *ctl, const struct args *args)
{
    json_auto_t *body = body_of(args);

    if (!body)
        return EXIT_USAGE;
    return job_start(ctl, args, "/v1/migration-runs", NULL, body, print_plan);
}
