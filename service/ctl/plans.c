/* SPDX-License-Identifier: MIT */
/* plan and rollback: what a run would do, frozen and shown. */
#include "service/ctl/ctl.h"

static void print_hazards(const struct ctl *ctl, const json_t *plan)
{
    static const char *const headings[] = {"HAZARD", "VERSION", "LINE", "TABLE",
                                           "LOCK",   "WHY",     NULL};
    struct table table;
    size_t i, k;
    json_t *cohort, *hazard;

    table_init(&table, headings);
    json_array_foreach(json_object_get(plan, "cohorts"), i, cohort)
        json_array_foreach(json_object_get(cohort, "hazards"), k, hazard)
    {
        table_add(&table, json_str(hazard, "rule"));
        table_add(&table, json_str(hazard, "version"));
        table_add_int(&table, json_int(hazard, "line"));
        table_add(&table, json_str(hazard, "table"));
        table_add(&table, json_str(hazard, "lock"));
        table_add(&table, json_str(hazard, "detail"));
    }
    table_print(ctl, &table, "no known hazards");
}

/* Errors alone: warnings are for who writes migrations, not for who runs them. */
static void print_lint(const struct ctl *ctl, const json_t *plan)
{
    static const char *const headings[] = {"LINT", "VERSION", "LINE", "TABLE",
                                           "ROWS", "INSTEAD", NULL};
    struct table table;
    size_t i, k;
    json_t *cohort, *issue;

    table_init(&table, headings);
    json_array_foreach (json_object_get(plan, "cohorts"), i, cohort)
        json_array_foreach (json_object_get(json_object_get(cohort, "lint"), "issues"), k, issue) {
            if (!str_eq(json_str(issue, "severity"), "error"))
                continue;
            table_add(&table, json_str(issue, "rule"));
            table_add(&table, json_str(issue, "file"));
            table_add_int(&table, json_int(issue, "line"));
            table_add(&table, json_str(issue, "table"));
            table_add_int(&table, json_int(issue, "rows"));
            table_add(&table, json_str(issue, "instead"));
        }
    table_print(ctl, &table, "no lint errors");
}

static void print_plan(const struct ctl *ctl, const json_t *plan)
{
    bool down = str_eq(json_str(plan, "direction"), "down");

    cohorts_print(ctl, plan, down);
    print_hazards(ctl, plan);
    if (!down) /* the way back drops what came, and means to */
        print_lint(ctl, plan);
    say(ctl, "%s to %s: %lld tenants, %lld more with nothing to do; nothing was changed",
        down ? "down" : "up",
        json_str(plan, "target") ? json_str(plan, "target")
                                 : (down ? "where each was" : "an empty catalog"),
        json_int(plan, "tenants"), json_int(plan, "noop"));
    say(ctl, "until %s: tenantctl run --plan %s", json_str(plan, "expires_at"),
        json_str(plan, "id"));
}

int plan_make(struct ctl *ctl, const struct args *args)
{
    json_auto_t *body = target_body(args), *plan = NULL;
    struct api_request request = {.method = "POST", .path = "/v1/migration-plans", .json = body};

    if (!body)
        return EXIT_USAGE;
    int status = api_json(ctl, &request, &plan);
    if (!status)
        print_plan(ctl, plan);
    return status;
}

static int run_plan(struct ctl *ctl, const char *id, bool wait)
{
    json_auto_t *body = json_pack("{s:s}", "plan_id", id);
    json_t *job = NULL;
    struct api_request request = {
        .method = "POST", .path = "/v1/migration-runs", .json = body, .hidden = true};
    int status = api_json(ctl, &request, &job);
    return status ? status : job_show(ctl, job, wait);
}

int rollback_plan(struct ctl *ctl, const struct args *args)
{
    bool run = args_flag(args, "run");
    json_auto_t *body = json_object(), *plan = NULL;
    struct api_request request = {.method = "POST",
                                  .path = "/v1/migration-runs/{}/rollback-plan",
                                  .values = {args->operands[0]},
                                  .json = body,
                                  .hidden = run};
    int status = api_json(ctl, &request, &plan);

    if (status)
        return status;
    print_plan(ctl, plan);
    return run ? run_plan(ctl, json_str(plan, "id"), !args_flag(args, "no-wait")) : EXIT_DONE;
}
