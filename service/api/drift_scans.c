/* SPDX-License-Identifier: MIT */
/* Starting a scan for drift: whom, beside what, and what does not count. */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/job/drift_store.h"
#include "core/tenant/tenant_store.h"
#include "service/api/fields.h"
#include "service/api/handlers.h"
#include "service/api/selection.h"

enum { PATTERNS_MAX = 100, PATTERN_BYTES = 200, WORDS_MAX = 50 };

/* What the body says. */
struct scan_request {
    struct call *call;
    struct selector selector;               /* owned */
    json_t *args;                           /* owned; of the job */
    const json_t *reference;                /* borrowed from the body */
    const char *kind, *tenant_id, *version; /* of the reference */
    json_t *model;                          /* owned; of the tenant that is the reference */
    char fingerprint[SHA256_HEX_SIZE];
    int64_t max_parallel;
    char *id;
};

static void scan_request_clear(struct scan_request *r)
{
    selector_clear(&r->selector);
    json_decref(r->args);
    json_decref(r->model);
}

static bool is_ignorable(const char *word)
{
    for (size_t i = 0; drift_ignorable[i]; i++)
        if (str_eq(word, drift_ignorable[i]))
            return true;
    return false;
}

static void check_words(const json_t *words, struct problems *problems)
{
    char pointer[48];

    for (size_t i = 0; i < json_array_size(words); i++) {
        const json_t *word = json_array_get(words, i);
        (void)snprintf(pointer, sizeof pointer, "/ignore/%zu", i);
        if (!json_is_string(word))
            problems_add(problems, pointer, "WRONG_TYPE", "must be a string");
        else if (!is_ignorable(json_string_value(word)))
            problems_add(problems, pointer, "UNKNOWN_VALUE",
                         "must be one of comments, grants, indexes, constraints, views, functions,"
                         " triggers, policies, rules, sequences, statistics");
    }
}

static void check_patterns(const json_t *patterns, struct problems *problems)
{
    char pointer[48];

    for (size_t i = 0; i < json_array_size(patterns); i++) {
        const json_t *pattern = json_array_get(patterns, i);
        size_t n = json_string_length(pattern);
        (void)snprintf(pointer, sizeof pointer, "/exclude_tables/%zu", i);
        if (!json_is_string(pattern))
            problems_add(problems, pointer, "WRONG_TYPE", "must be a string");
        else if (!n || n > PATTERN_BYTES)
            problems_add(problems, pointer, "OUT_OF_RANGE", "must be 1 to %d bytes long",
                         PATTERN_BYTES);
    }
}

static void check_reference(const struct scan_request *r, struct problems *problems)
{
    bool tenant = str_eq(r->kind, "tenant"), catalog = str_eq(r->kind, "catalog");

    if (tenant && !r->tenant_id)
        problems_add(problems, "/reference/tenant_id", "REQUIRED", "says which tenant");
    if (!tenant && r->tenant_id)
        problems_add(problems, "/reference/tenant_id", "CONTRADICTION", "goes with tenant only");
    if (!catalog && r->version)
        problems_add(problems, "/reference/version", "CONTRADICTION", "goes with catalog only");
}

static void read_reference(struct scan_request *r, struct problems *problems)
{
    static const char *const kinds[] = {"own", "tenant", "catalog", NULL};
    const struct field fields[] = {
        {.name = "kind", .kind = FIELD_TEXT, .required = true, .words = kinds, .out = &r->kind},
        {.name = "tenant_id",
         .kind = FIELD_TEXT,
         .min = 1,
         .max = TENANT_ID_MAX,
         .out = &r->tenant_id},
        {.name = "version",
         .kind = FIELD_TEXT,
         .min = 1,
         .max = MIGRATION_VERSION_MAX,
         .out = &r->version},
    };

    if (!r->reference)
        return;
    fields_read(r->reference, "/reference", fields, ARRAY_LEN(fields), problems);
    check_reference(r, problems);
}

/* The words, each once, and those that the seed's names stand for. */
static json_t *ignored(const json_t *words, bool indexes, bool constraints)
{
    json_t *list = json_array();

    for (size_t i = 0; drift_ignorable[i]; i++) {
        bool named = (str_eq(drift_ignorable[i], "indexes") && !indexes) ||
                     (str_eq(drift_ignorable[i], "constraints") && !constraints);
        for (size_t k = 0; k < json_array_size(words); k++)
            named |= str_eq(json_string_value(json_array_get(words, k)), drift_ignorable[i]);
        if (named)
            (void)json_array_append_new(list, json_string(drift_ignorable[i]));
    }
    return list;
}

static void read_body(struct scan_request *r, struct problems *problems)
{
    const json_t *selector = NULL, *ignore = NULL, *exclude = NULL;
    bool indexes = true, constraints = true, order = false;
    const struct field fields[] = {
        {.name = "selector", .kind = FIELD_ANY, .required = true, .out = &selector},
        {.name = "reference", .kind = FIELD_OBJECT, .out = &r->reference},
        {.name = "ignore", .kind = FIELD_ARRAY, .max = WORDS_MAX, .out = &ignore},
        {.name = "exclude_tables", .kind = FIELD_ARRAY, .max = PATTERNS_MAX, .out = &exclude},
        {.name = "include_indexes", .kind = FIELD_BOOL, .out = &indexes},
        {.name = "include_constraints", .kind = FIELD_BOOL, .out = &constraints},
        {.name = "column_order", .kind = FIELD_BOOL, .out = &order},
        {.name = "max_parallel", .kind = FIELD_INT, .min = 1, .max = 64, .out = &r->max_parallel},
    };

    fields_read(r->call->body, "", fields, ARRAY_LEN(fields), problems);
    selection_parse(selector, &r->selector, problems);
    read_reference(r, problems);
    check_words(ignore, problems);
    check_patterns(exclude, problems);
    r->args = json_pack("{s:o, s:o, s:b}", "ignore", ignored(ignore, indexes, constraints),
                        "exclude_tables", exclude ? json_deep_copy(exclude) : json_array(),
                        "column_order", order);
}

static err_code check_version(const struct scan_request *r, struct problems *problems,
                              struct err *err)
{
    struct catalog_cache *catalogs = engine_catalogs(r->call->app->engine);
    const struct catalog *catalog = NULL;

    if (!r->version || problems->list)
        return ERR_NONE;
    err_code rc = catalog_acquire(catalogs, r->call->pg, "tenant", 0, &catalog, err);
    if (rc)
        return rc;
    if (catalog_find(catalog, r->version) == catalog->count)
        problems_add(problems, "/reference/version", err_name(ERR_UNKNOWN_TARGET),
                     "the catalog has no migration \"%.100s\"", r->version);
    catalog_release(catalogs, catalog);
    return ERR_NONE;
}

/* The reference is what the tenant looks like now, for the whole scan. */
static err_code read_model(struct scan_request *r, const struct tenant *t, struct err *err)
{
    struct engine *engine = r->call->app->engine;
    struct pg *pg = NULL;
    err_code rc = engine_open_server(engine, r->call->pg, t->server, &pg, err);

    if (!rc)
        rc = drift_read(engine, pg, t->schema, r->args, &r->model, r->fingerprint, err);
    engine_close_server(engine, t->server, pg);
    return rc;
}

static err_code find_model(struct scan_request *r, struct problems *problems, struct err *err)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};

    if (!r->tenant_id || problems->list)
        return ERR_NONE;
    err_code rc = tenant_find(r->call->pg, r->tenant_id, false, &t, err);
    if (rc == ERR_TENANT_NOT_FOUND) {
        problems_add_err(problems, "/reference/tenant_id", err);
        return ERR_NONE;
    }
    return rc ? rc : read_model(r, &t, err);
}

static void set_reference(struct scan_request *r, int64_t revision)
{
    json_t *reference = json_pack("{s:s}", "kind", r->kind);

    if (r->tenant_id)
        (void)json_object_set_new(reference, "tenant_id", json_string(r->tenant_id));
    if (r->model)
        (void)json_object_set_new(reference, "fingerprint", json_string(r->fingerprint));
    if (r->version)
        (void)json_object_set_new(reference, "version", json_string(r->version));
    (void)json_object_set_new(r->args, "reference", reference);
    (void)json_object_set_new(r->args, "revision", json_integer((json_int_t)revision));
}

static err_code create_work(struct pg *pg, void *arg, struct err *err)
{
    struct scan_request *r = arg;
    struct catalog_info info;
    struct job_spec spec = {.kind = "drift.scan",
                            .args = r->args,
                            .max_parallel = (int)r->max_parallel,
                            .wave_count = 1,
                            .created_by = r->call->who.id,
                            .request_id = r->call->req->id};
    err_code rc = catalog_info(pg, "tenant", &info, err);

    if (rc)
        return rc;
    set_reference(r, info.revision);
    rc = drift_sweep(pg, err);
    if (!rc && r->model)
        rc = drift_store_model(pg, r->fingerprint, r->model, err);
    if (!rc)
        rc = job_insert(pg, &spec, r->id, err);
    if (!rc)
        rc = selection_tasks(pg, r->id, &r->selector, false, err);
    return rc ? rc : job_enqueued(pg, r->id, err);
}

struct reply drift_scans_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    char id[UUID_TEXT_SIZE];
    CLEANUP(scan_request_clear)
    struct scan_request r = {.call = call,
                             .kind = "own",
                             .max_parallel = config_max_parallel(call->app->config),
                             .id = id};
    struct err err = {.code = ERR_NONE};

    read_body(&r, &problems);
    if (selection_check(call, &r.selector, &problems, &err) || check_version(&r, &problems, &err) ||
        find_model(&r, &problems, &err))
        return call_fail(call, &err);
    if (problems.list)
        return problems_reply(call, &problems);
    if (pg_tx(call->pg, create_work, &r, &err))
        return call_fail(call, &err);
    return reply_job(call, id);
}
