/* SPDX-License-Identifier: MIT */
#include "service/api/plan_use.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/plan_store.h"
#include "core/pg/array.h"
#include "service/api/cohorts.h"

/* Members of a run's body that its plan decides. */
static const char *const decided[] = {
    "catalog",
    "target",
    "direction",
    "selector",
    "allow",
    "strategy",
    "lock_timeout_ms",
    "lock_attempts",
    "statement_timeout_ms",
    "windows",
    "deadline_seconds",
};

err_code plan_merge(struct call *call, const char *id, struct problems *problems, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    char pointer[32];
    err_code rc = plan_find(call->pg, id, false, &rows, err);

    if (rc == ERR_PLAN_NOT_FOUND) {
        problems_add_err(problems, "/plan_id", err);
        return ERR_NONE;
    }
    if (rc)
        return rc;
    json_auto_t *request = json_loads(pg_text(rows, 0, "request"), 0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(decided); i++) {
        const json_t *own = json_object_get(call->body, decided[i]);
        json_t *planned = json_object_get(request, decided[i]);
        (void)snprintf(pointer, sizeof pointer, "/%s", decided[i]);
        if (own && !json_equal(own, planned))
            problems_add(problems, pointer, "CONTRADICTION", "is not what the plan says");
        else if (planned)
            (void)json_object_set(call->body, decided[i], planned);
    }
    return ERR_NONE;
}

err_code plan_selection(struct call *call, struct run_request *run, const struct problems *problems,
                        struct err *err)
{
    if (problems->list)
        return ERR_NONE;
    selector_clear(&run->selector);
    return plan_selector(call->pg, run->plan_id, &run->selector, err);
}

/* One cohort against what it would get now. */
static err_code check_cohort(struct planning *p, const json_t *cohort, size_t place, json_t *list,
                             struct err *err)
{
    const struct cohort now = {
        .set_id = json_integer_value(json_object_get(cohort, "set")),
        .back_to = json_integer_value(json_object_get(cohort, "back_to")),
    };
    json_auto_t *steps = NULL;
    struct err why = {.code = ERR_NONE};
    err_code rc = cohort_steps(p, &now, &steps, &why, err);

    if (rc || (!why.code && json_equal(steps, json_object_get(cohort, "steps"))))
        return rc;
    (void)json_array_append_new(
        list, json_pack("{s:I, s:O, s:o}", "cohort", (json_int_t)place, "sample",
                        json_object_get(cohort, "sample"), "detail",
                        json_text(why.code ? why.msg
                                           : "the catalog has changed what these tenants get")));
    return ERR_NONE;
}

static err_code check_cohorts(struct planning *p, const char *text, json_t *list, struct err *err)
{
    json_auto_t *cohorts = json_loads(text, 0, NULL);
    err_code rc = cohorts ? ERR_NONE : err_set(err, ERR_INTERNAL, "a plan cannot be read");

    for (size_t i = 0; i < json_array_size(cohorts) && !rc; i++)
        rc = check_cohort(p, json_array_get(cohorts, i), i, list, err);
    return rc;
}

static err_code check_targets(struct pg *pg, const char *id, json_t *list, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = plan_moved(pg, id, &rows, err);

    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        const char *state = pg_text(rows, i, "state");
        char detail[80];
        if (!state)
            (void)snprintf(detail, sizeof detail, "the tenant is gone");
        else if (!str_eq(state, "active") && !str_eq(state, "suspended"))
            (void)snprintf(detail, sizeof detail, "the tenant is %.20s", state);
        else
            (void)snprintf(detail, sizeof detail, "%s",
                           pg_bool(rows, i, "moved") ? "it has applied something else by now"
                                                     : "it has moved to another schema");
        (void)json_array_append_new(
            list,
            json_pack("{s:s, s:s}", "tenant_id", pg_text(rows, i, "tenant_id"), "detail", detail));
    }
    return rc;
}

static err_code check_state(const struct pg_rows *plan, const char *id, struct err *err)
{
    const char *state = pg_text(plan, 0, "state"), *run = pg_text(plan, 0, "run_id");

    if (str_eq(state, "expired"))
        return err_set(err, ERR_PLAN_EXPIRED, "plan %s expired at %s", id,
                       pg_text(plan, 0, "expires_at"));
    if (!run)
        return ERR_NONE;
    (void)err_set(err, ERR_PLAN_USED, "plan %s was run as %s", id, run);
    if (err)
        (void)snprintf(err->subject, sizeof err->subject, "%s", run);
    return ERR_PLAN_USED;
}

/* Says what is different; the first of it in words. */
static err_code fail_stale(struct planning *p, json_t *cohorts, json_t *tenants, struct err *err)
{
    const json_t *tenant = json_array_get(tenants, 0), *cohort = json_array_get(cohorts, 0);
    const json_t *first = cohort ? cohort : tenant;
    const char *id = json_string_value(cohort ? json_array_get(json_object_get(cohort, "sample"), 0)
                                              : json_object_get(tenant, "tenant_id"));

    (void)err_set(err, ERR_PLAN_STALE, "%s%s: %s", cohort ? "tenants like " : "tenant ",
                  id ? id : "?", json_string_value(json_object_get(first, "detail")));
    if (p->run->differences && !*p->run->differences)
        *p->run->differences = json_pack("{s:O, s:O}", "cohorts", cohorts, "tenants", tenants);
    return ERR_PLAN_STALE;
}

err_code plan_check_fresh(struct pg *pg, struct planning *p, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *plan = NULL;
    json_auto_t *cohorts = json_array(), *tenants = json_array();
    const char *id = p->run->plan_id;
    err_code rc = plan_find(pg, id, true, &plan, err);

    if (!rc)
        rc = check_state(plan, id, err);
    if (!rc)
        rc = check_cohorts(p, pg_text(plan, 0, "cohorts"), cohorts, err);
    if (!rc)
        rc = check_targets(pg, id, tenants, err);
    if (rc)
        return rc;
    pg_array_end(&p->done); /* every target has something to do */
    if (json_array_size(cohorts) || json_array_size(tenants))
        return fail_stale(p, cohorts, tenants, err);
    return ERR_NONE;
}
