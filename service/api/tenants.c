/* SPDX-License-Identifier: MIT */
/* Reading the registry of tenants, and what changes one row of it. */
#include "service/api/tenants.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pg/array.h"
#include "core/tenant/tenant_store.h"
#include "service/api/fields.h"
#include "service/api/page.h"
#include "service/api/render.h"

struct reply tenants_get(struct call *call)
{
    return reply_tenant(call, call->req->params[0]);
}

/* state=a,b as a text[]; every word must be a state. */
static err_code read_states(const struct call *call, struct str *out, struct err *err)
{
    const char *text = request_query(call->req, "state");
    CLEANUP(freep) char *words = text ? strdup(text) : NULL;
    char *rest = NULL;
    tenant_state ignored;

    if (text && !words)
        return err_set(err, ERR_INTERNAL, "out of memory");

    for (char *word = words ? strtok_r(words, ",", &rest) : NULL; word;
         word = strtok_r(NULL, ",", &rest)) {
        if (!tenant_state_parse(word, &ignored)) {
            (void)err_set(err, ERR_INVALID_PARAMETER, "there is no state \"%.40s\"", word);
            return err_in(err, "state");
        }
        pg_array_add(out, word);
    }
    if (text && !out->len) {
        (void)err_set(err, ERR_INVALID_PARAMETER, "state names no state");
        return err_in(err, "state");
    }
    if (text)
        pg_array_end(out);
    return str_ok(out) ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

/* label=key=value, as often as needed, as one jsonb object. */
static err_code read_labels(const struct call *call, char **out, struct err *err)
{
    json_auto_t *labels = json_object();

    for (size_t i = 0; i < call->req->query_count; i++) {
        const struct http_field *q = &call->req->query[i];
        const char *equals = str_eq(q->name, "label") ? strchr(q->value, '=') : NULL;
        if (!str_eq(q->name, "label"))
            continue;
        size_t n = equals ? (size_t)(equals - q->value) : 0;
        if (!n || json_object_getn(labels, q->value, n)) {
            (void)err_set(err, ERR_INVALID_PARAMETER, "label must be key=value, each key once");
            return err_in(err, "label");
        }
        if (json_object_setn_new(labels, q->value, n, json_text(equals + 1)))
            return err_set(err, ERR_INTERNAL, "out of memory");
    }
    if (!json_object_size(labels))
        return ERR_NONE;
    *out = json_canonical(labels);
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

/* The applied sets whose plan has the wanted status, as a bigint[]. */
static err_code read_migration_state(struct call *call, struct tenant_plans *plans,
                                     const struct catalog *catalog, struct tenant_filter *filter,
                                     struct str *sets, struct err *err)
{
    static const char *const words[] = {"ok", "behind", "diverged", "dirty", "unknown", NULL};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct selector everyone = {.ids = NULL};
    const char *wanted = NULL;
    err_code rc = query_word(call, "migration_state", words, NULL, &wanted, err);

    if (rc || !wanted)
        return rc;
    rc = tenant_cohorts(call->pg, &everyone, &rows, err);
    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        int64_t set = pg_bigint(rows, i, "applied_set");
        rc = tenant_plans_load(plans, call, catalog, set, err);
        const json_t *summary = tenant_plans_get(plans, set);
        if (!rc && summary &&
            str_eq(json_string_value(json_object_get(summary, "status")), wanted))
            pg_array_add(sets, pg_text(rows, i, "applied_set"));
    }
    pg_array_end(sets);
    filter->applied_sets = str_text(sets);
    filter->unknown_set = str_eq(wanted, "unknown");
    return rc;
}

static err_code render_page(struct call *call, struct tenant_plans *plans,
                            const struct catalog *catalog, const struct tenant_filter *filter,
                            int size, json_t *out, struct err *err)
{
    struct tenant *tenants = NULL;
    size_t count = 0;
    json_t *list = json_array();
    err_code rc = tenant_list(call->pg, filter, &tenants, &count, err);
    size_t shown = count > (size_t)size ? (size_t)size : count;

    for (size_t i = 0; i < shown && !rc; i++) {
        rc = tenant_plans_load(plans, call, catalog, tenants[i].applied_set, err);
        if (!rc)
            (void)json_array_append_new(list, tenant_json(&tenants[i], plans));
    }
    (void)json_object_set_new(out, "tenants", list);
    if (!rc && count > shown)
        rc = page_next(call, tenants[shown - 1].id, out, err);
    tenant_list_free(tenants, count);
    return rc;
}

static err_code list(struct call *call, const struct catalog *catalog, json_t *out,
                     struct err *err)
{
    CLEANUP(tenant_plans_freep) struct tenant_plans *plans = tenant_plans_new();
    CLEANUP(str_clear) struct str states = STR_INIT, sets = STR_INIT;
    CLEANUP(freep) char *labels = NULL;
    struct tenant_filter filter = {.id_prefix = request_query(call->req, "id_prefix")};
    struct page page;
    err_code rc = plans ? page_read(call, &page, err) : err_set(err, ERR_INTERNAL, "out of memory");

    if (!rc)
        rc = read_states(call, &states, err);
    if (!rc)
        rc = read_labels(call, &labels, err);
    if (!rc)
        rc = read_migration_state(call, plans, catalog, &filter, &sets, err);
    if (rc)
        return rc;
    filter.states = states.len ? str_text(&states) : NULL;
    filter.labels = labels;
    filter.after_id = page.first ? NULL : page.after;
    filter.limit = page.size + 1;
    return render_page(call, plans, catalog, &filter, page.size, out, err);
}

struct reply tenants_list(struct call *call)
{
    struct catalog_cache *catalogs = engine_catalogs(call->app->engine);
    const struct catalog *catalog = NULL;
    json_t *out = json_object();
    struct err err;
    err_code rc = catalog_acquire(catalogs, call->pg, "tenant", 0, &catalog, &err);

    if (!rc)
        rc = list(call, catalog, out, &err);
    catalog_release(catalogs, catalog);
    if (!rc)
        return reply_json(200, out);
    json_decref(out);
    return call_fail(call, &err);
}

/* A change of one row under its lock, with the If-Match of the request. */
struct change {
    struct call *call;
    const char *id;
    err_code (*apply)(struct change *change, const struct tenant *t, struct pg *pg,
                      struct err *err);
    bool required_match; /* If-Match must be sent */
    bool ignore_match;
    tenant_state to;
    const json_t *labels;
    const char *display_name;
    bool set_name;
};

static err_code change_work(struct pg *pg, void *arg, struct err *err)
{
    struct change *change = arg;
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    char etag[32];
    err_code rc = tenant_find(pg, change->id, true, &t, err);

    if (rc)
        return rc;
    tenant_etag(&t, etag);
    if (!change->ignore_match)
        rc = call_if_match(change->call, etag, change->required_match, err);
    return rc ? rc : change->apply(change, &t, pg, err);
}

static struct reply change_tenant(struct change *change)
{
    struct err err;
    change->id = change->call->req->params[0];
    if (pg_tx(change->call->pg, change_work, change, &err))
        return call_fail(change->call, &err);
    return reply_tenant(change->call, change->id);
}

/* The patch may be fine by itself and still make too many of them. */
static err_code check_merged(const json_t *labels, const json_t *patch, struct err *err)
{
    json_auto_t *merged = json_copy((json_t *)(uintptr_t)labels);
    const char *key;
    json_t *value;

    if (!merged)
        return err_set(err, ERR_INTERNAL, "out of memory");
    json_object_foreach((json_t *)(uintptr_t)patch, key, value)
        if (json_is_null(value))
            (void)json_object_del(merged, key);
        else if (json_object_set(merged, key, value))
            return err_set(err, ERR_INTERNAL, "out of memory");
    return tenant_check_labels(merged, false, err);
}

static err_code apply_update(struct change *change, const struct tenant *t, struct pg *pg,
                             struct err *err)
{
    err_code rc = change->labels ? check_merged(t->labels, change->labels, err) : ERR_NONE;

    if (rc)
        return rc;
    return tenant_update(pg, t->id, change->labels, change->set_name, change->display_name, err);
}

struct reply tenants_update(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct change change = {.call = call, .apply = apply_update};
    struct err err;
    const struct field fields[] = {
        {.name = "display_name", .kind = FIELD_TEXT, .nullable = true, .min = 1, .max = 200,
         .out = &change.display_name, .present = &change.set_name},
        {.name = "labels", .kind = FIELD_OBJECT, .out = &change.labels},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    if (change.labels && tenant_check_labels(change.labels, true, &err))
        problems_add_err(&problems, err.field[0] ? err.field : "/labels", &err);
    return problems.list ? problems_reply(call, &problems) : change_tenant(&change);
}

err_code tenants_refuse_busy(const struct tenant *t, struct err *err)
{
    if (!t->active_job)
        return ERR_NONE;
    (void)err_set(err, ERR_TENANT_BUSY, "tenant %s has the live job %s", t->id, t->active_job);
    (void)strncpy(err->subject, t->active_job, sizeof err->subject - 1);
    return ERR_TENANT_BUSY;
}

static err_code apply_state(struct change *change, const struct tenant *t, struct pg *pg,
                            struct err *err)
{
    int days = change->call->app->config->tenants.purge_after_days;
    err_code rc = tenant_may_become(t->id, t->state, change->to, err);

    if (!rc && change->to == TENANT_ARCHIVED)
        rc = tenants_refuse_busy(t, err);
    return rc ? rc : tenant_set_state(pg, t->id, change->to, days, err);
}

struct reply tenants_suspend(struct call *call)
{
    return change_tenant(&(struct change){
        .call = call, .apply = apply_state, .to = TENANT_SUSPENDED});
}

struct reply tenants_resume(struct call *call)
{
    return change_tenant(&(struct change){
        .call = call, .apply = apply_state, .to = TENANT_ACTIVE});
}

/* Starts the purge: the row says deleting, the job drops the schema and then the row. */
static err_code apply_purge(struct change *change, const struct tenant *t, struct pg *pg,
                            struct err *err)
{
    struct call *call = change->call;
    struct job_spec spec = {.kind = "tenant.purge",
                            .subject = t->id,
                            .max_parallel = 1,
                            .wave_count = 1,
                            .created_by = call->who.id,
                            .request_id = call->req->id};
    json_auto_t *args = json_pack("{s:s, s:b}", "schema", t->schema, "never_active",
                                    !t->applied_set);
    err_code rc = tenants_refuse_busy(t, err);

    if (!rc)
        rc = tenant_may_become(t->id, t->state, TENANT_DELETING, err);
    if (!rc)
        rc = tenant_set_state(pg, t->id, TENANT_DELETING, 0, err);
    if (!rc)
        rc = job_insert(pg, &spec, call->job_id, err);
    if (!rc)
        rc = task_insert(pg, call->job_id, 0, t->id, t->server, 0, true, args, err);
    return rc ? rc : job_enqueued(pg, call->job_id, err);
}

struct reply tenants_delete(struct call *call)
{
    static const char *const modes[] = {"archive", "purge", NULL};
    struct change change = {.call = call,
                            .apply = apply_state,
                            .to = TENANT_ARCHIVED,
                            .id = call->req->params[0]};
    struct err err;
    const char *mode = NULL;
    bool force = false;

    if (query_word(call, "mode", modes, "archive", &mode, &err) ||
        query_bool(call, "force", false, &force, &err))
        return call_fail(call, &err);
    change.ignore_match = force;
    change.required_match = !force;
    if (str_eq(mode, "archive"))
        return change_tenant(&change);
    change.apply = apply_purge;
    if (pg_tx(call->pg, change_work, &change, &err)) {
        call->job_id[0] = '\0';
        return call_fail(call, &err);
    }
    char job_id[UUID_TEXT_SIZE];
    memcpy(job_id, call->job_id, sizeof job_id);
    return reply_job(call, job_id);
}
