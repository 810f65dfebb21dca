/* SPDX-License-Identifier: MIT */
#include "service/api/cohorts.h"

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/hazard.h"
#include "core/migrate/plan_down.h"

/* A cohort with all that is borrowed to look at it. */
struct looking {
    struct planning *p;
    const struct cohort *cohort;
    struct applied_set *set, *back_to;
    struct apply_options options;
    struct plan plan;
    struct err why; /* why it is refused; ERR_NONE when it is not */
};

static void looking_clear(struct looking *l)
{
    applied_set_free(l->set);
    applied_set_free(l->back_to);
    plan_clear(&l->plan);
}

static struct apply_options options_of(const struct planning *p, const char *schema, bool shared)
{
    const struct engine_settings *s = engine_settings(p->call->app->engine);
    const struct run_request *run = p->run;

    return (struct apply_options){.schema = schema,
                                  .shared_schema = s->shared_schema,
                                  .table = shared ? s->shared_tracking_table : s->tracking_table,
                                  .target = shared ? NULL : run->target,
                                  .down = run->down && !shared,
                                  .allow = run->allow,
                                  .async_commit = true,
                                  .lock_timeout_ms = (int)run->lock_timeout_ms,
                                  .statement_timeout_ms = (int)run->statement_timeout_ms,
                                  .format = shared ? s->shared_default_format : s->default_format};
}

static err_code look_at(struct looking *l, struct err *err)
{
    struct call *call = l->p->call;
    struct engine *engine = call->app->engine;
    err_code rc = engine_applied_set(engine, call->pg, l->cohort->set_id, &l->set, err);

    if (!rc)
        rc = engine_applied_set(engine, call->pg, l->cohort->back_to, &l->back_to, err);
    if (!rc && !l->set)
        l->set = applied_set_empty(engine_settings(engine)->default_format);
    if (!rc && !l->set)
        rc = err_set(err, ERR_INTERNAL, "out of memory");
    if (rc)
        return rc;
    l->options = options_of(l->p, "", false);
    l->options.back_to = l->back_to;
    rc = apply_plan(l->p->catalog, l->set, &l->options, &l->plan, err);
    if (!rc && plan_check(&l->plan, l->p->run->allow, &l->why) == ERR_NONE)
        l->why.code = ERR_NONE;
    return rc;
}

static const struct migration *script_of(const struct plan *plan, const struct plan_entry *entry)
{
    return plan->down ? entry->migration->down : entry->migration;
}

static json_t *pending_json(const struct plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->count; i++)
        if (plan_nth(plan, i)->in_target)
            (void)json_array_append_new(list, json_text(plan_nth(plan, i)->version));
    return list;
}

/* Versions and the hashes of what runs; null where there is no way back. */
static json_t *steps_json(const struct plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_entry *entry = plan_nth(plan, i);
        if (!entry->in_target)
            continue;
        const struct migration *m = script_of(plan, entry);
        (void)json_array_append_new(
            list, json_pack("{s:o, s:o, s:I}", "version", json_text(entry->version), "sha256",
                            m ? json_string(m->sha256) : json_null(), "statements",
                            m ? (json_int_t)m->statement_count : (json_int_t)0));
    }
    return list;
}

static json_t *locks_json(const struct hazards *h)
{
    json_t *list = json_array(), *lock;
    const char *table;

    json_object_foreach(h->locks, table, lock)(void)
        json_array_append_new(list, json_pack("{s:s, s:O}", "table", table, "lock", lock));
    return list;
}

static err_code add_hazards(const struct plan *plan, json_t *out, struct err *err)
{
    CLEANUP(hazards_clear) struct hazards h;
    err_code rc = ERR_NONE;

    hazards_init(&h);
    for (size_t i = 0; i < plan->count && !rc; i++) {
        const struct plan_entry *entry = plan_nth(plan, i);
        if (entry->in_target && script_of(plan, entry))
            rc = hazards_add(&h, script_of(plan, entry), err);
    }
    (void)json_object_set(out, "hazards", h.found);
    (void)json_object_set_new(out, "est_locks", locks_json(&h));
    return rc;
}

static json_t *problem_json(const struct err *why)
{
    return why->code
               ? json_pack("{s:s, s:o}", "code", err_name(why->code), "detail", json_text(why->msg))
               : json_null();
}

/* Of a refused cohort there is no SQL. */
static err_code add_sql(struct looking *l, const json_t *sample, json_t *out, struct err *err)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    CLEANUP(str_clear) struct str sql = STR_INIT;
    const char *first = json_string_value(json_array_get(sample, 0));
    err_code rc = ERR_NONE;

    if (!l->why.code)
        rc = tenant_find(l->p->call->pg, first ? first : "", false, &t, err);
    l->options.schema = t.schema;
    if (!rc && !l->why.code)
        rc = apply_preview(l->p->catalog, l->set, &l->options, &sql, err);
    (void)json_object_set_new(out, "sql", json_text(str_text(&sql)));
    return rc;
}

/* The list of what stands against the whole; its first is what the answer is about. */
static void note_refusal(struct looking *l, const json_t *sample)
{
    struct planning *p = l->p;

    if (!l->why.code)
        return;
    if (!p->refused) {
        p->refused = json_array();
        p->why = l->why;
    }
    (void)json_array_append_new(p->refused,
                                json_pack("{s:I, s:O, s:s, s:o}", "tenants",
                                          (json_int_t)l->cohort->tenants, "sample", sample, "code",
                                          err_name(l->why.code), "detail", json_text(l->why.msg)));
}

static err_code show(struct looking *l, json_t *out, struct err *err)
{
    json_auto_t *sample = json_loads(l->cohort->sample, 0, NULL);

    note_refusal(l, sample);
    (void)json_object_set_new(out, "tenants", json_integer(l->cohort->tenants));
    (void)json_object_set(out, "sample", sample);
    (void)json_object_set_new(out, "format", json_string(tracking_format_name(l->set->format)));
    (void)json_object_set_new(out, "head", json_text(l->plan.head));
    (void)json_object_set_new(out, "pending", pending_json(&l->plan));
    (void)json_object_set_new(out, "steps", steps_json(&l->plan));
    (void)json_object_set_new(out, "problem", problem_json(&l->why));
    err_code rc = add_hazards(&l->plan, out, err);
    return rc ? rc : add_sql(l, sample, out, err);
}

err_code cohort_json(struct planning *p, const struct cohort *cohort, json_t **out, struct err *err)
{
    CLEANUP(looking_clear) struct looking l = {.p = p, .cohort = cohort};
    err_code rc = look_at(&l, err);

    *out = NULL;
    if (rc)
        return rc;
    p->tenants += cohort->tenants;
    if (cohort->set_id && !l.plan.todo && !l.why.code) {
        p->noop += cohort->tenants;
        return ERR_NONE;
    }
    json_t *shown = json_object();
    rc = show(&l, shown, err);
    if (rc)
        json_decref(shown);
    else
        *out = shown;
    return rc;
}

err_code cohort_steps(struct planning *p, const struct cohort *cohort, json_t **out,
                      struct err *why, struct err *err)
{
    CLEANUP(looking_clear) struct looking l = {.p = p, .cohort = cohort};
    err_code rc = look_at(&l, err);

    if (rc)
        return rc;
    *why = l.why;
    *out = steps_json(&l.plan);
    return ERR_NONE;
}

err_code cohort_shared_json(struct planning *p, const struct catalog *catalog,
                            const struct applied_set *set, json_t **out, struct err *err)
{
    const struct engine_settings *s = engine_settings(p->call->app->engine);
    struct apply_options options = options_of(p, s->shared_schema, true);
    CLEANUP(plan_clear) struct plan plan = {.entries = NULL};
    CLEANUP(str_clear) struct str sql = STR_INIT;
    err_code rc = apply_plan(catalog, set, &options, &plan, err);

    if (!rc && plan_check(&plan, options.allow, NULL) == ERR_NONE)
        rc = apply_preview(catalog, set, &options, &sql, err);
    if (!rc)
        *out = json_pack("{s:o, s:o}", "pending", pending_json(&plan), "sql",
                         json_text(str_text(&sql)));
    return rc;
}
