/* SPDX-License-Identifier: MIT */
/* Where the fleet stands: one grouped query, and one plan for each distinct applied set. */
#include "core/base/json.h"
#include "core/base/str.h"
#include "core/tenant/tenant_store.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/render.h"
#include "service/api/selection.h"

struct tally {
    int64_t tenants, ok, behind, diverged, dirty, unknown;
};

static void count(struct tally *tally, const char *status, int64_t n)
{
    tally->tenants += n;
    if (str_eq(status, "ok"))
        tally->ok += n;
    else if (str_eq(status, "behind"))
        tally->behind += n;
    else if (str_eq(status, "diverged"))
        tally->diverged += n;
    else if (str_eq(status, "dirty"))
        tally->dirty += n;
    else
        tally->unknown += n;
}

/* A cohort whose tracking tables were never read. */
static json_t *unknown_cohort(void)
{
    return json_pack("{s:n, s:i, s:i, s:i, s:i, s:i, s:n, s:s}", "head", "applied", 0, "pending", 0,
                     "orphaned", 0, "modified", 0, "out_of_order", 0, "format", "status",
                     "unknown");
}

static err_code add_cohort(struct call *call, const struct catalog *catalog,
                           struct tenant_plans *plans, const struct pg_rows *rows, size_t row,
                           struct tally *tally, json_t *list, struct err *err)
{
    int64_t set = pg_bigint(rows, row, "applied_set"), n = pg_bigint(rows, row, "tenants");
    err_code rc = tenant_plans_load(plans, call, catalog, set, err);

    if (rc)
        return rc;
    json_t *cohort = set ? json_copy(tenant_plans_get(plans, set)) : unknown_cohort();
    count(tally, json_string_value(json_object_get(cohort, "status")), n);
    (void)json_object_set_new(cohort, "tenants", json_integer(n));
    (void)json_object_set_new(cohort, "sample", json_loads(pg_text(rows, row, "sample"), 0, NULL));
    (void)json_array_append_new(list, cohort);
    return ERR_NONE;
}

static err_code fleet(struct call *call, const struct catalog *catalog, json_t **out,
                      struct err *err)
{
    CLEANUP(tenant_plans_freep) struct tenant_plans *plans = tenant_plans_new();
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct selector everyone = {.ids = NULL};
    struct tally tally = {.tenants = 0};
    json_t *list = json_array();
    err_code rc = plans ? tenant_cohorts(call->pg, &everyone, &rows, err)
                        : err_set(err, ERR_INTERNAL, "out of memory");

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++)
        rc = add_cohort(call, catalog, plans, rows, i, &tally, list, err);
    const char *head = catalog->count ? catalog->items[catalog->count - 1].version : NULL;
    *out = json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "catalog", "tenant", "head",
                     json_text(head), "tenants", (json_int_t)tally.tenants, "ok",
                     (json_int_t)tally.ok, "behind", (json_int_t)tally.behind, "diverged",
                     (json_int_t)tally.diverged, "dirty", (json_int_t)tally.dirty, "unknown", (json_int_t)tally.unknown, "cohorts",
                     list);
    if (rc)
        json_decref(*out);
    return rc;
}

struct reply migration_status(struct call *call)
{
    return reply_catalog(call, fleet);
}

struct refreshing {
    struct call *call;
    const struct selector *selector;
    char *id;
};

static err_code refresh_work(struct pg *pg, void *arg, struct err *err)
{
    const struct refreshing *r = arg;
    struct job_spec spec = {.kind = "migration.refresh",
                            .max_parallel = config_max_parallel(r->call->app->config),
                            .wave_count = 1,
                            .created_by = r->call->who.id,
                            .request_id = r->call->req->id};
    err_code rc = job_insert(pg, &spec, r->id, err);

    if (!rc)
        rc = selection_tasks(pg, r->id, r->selector, false, err);
    return rc ? rc : job_enqueued(pg, r->id, err);
}

struct reply migration_status_refresh(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    CLEANUP(selector_clear) struct selector selector = {.ids = NULL};
    const json_t *value = NULL;
    char id[UUID_TEXT_SIZE];
    struct err err = {.code = ERR_NONE};
    const struct field fields[] = {{.name = "selector", .kind = FIELD_ANY, .out = &value}};

    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    selection_parse(value, &selector, &problems);
    if (selection_check(call, &selector, &problems, &err))
        return call_fail(call, &err);
    if (problems.list)
        return problems_reply(call, &problems);
    struct refreshing r = {.call = call, .selector = &selector, .id = id};
    if (pg_tx(call->pg, refresh_work, &r, &err))
        return call_fail(call, &err);
    return reply_job(call, id);
}
