/* SPDX-License-Identifier: MIT */
/* tenants list, get, suspend, resume, delete. */
#include "service/ctl/ctl.h"

static void add_tenants(void *ctx, const json_t *tenants)
{
    struct table *table = ctx;
    size_t i;
    json_t *tenant;

    json_array_foreach(tenants, i, tenant)
    {
        const json_t *migration = json_object_get(tenant, "migration");
        struct str labels = STR_INIT;
        labels_text(json_object_get(tenant, "labels"), &labels);
        table_add(table, json_str(tenant, "id"));
        table_add(table, json_str(tenant, "state"));
        table_add(table, json_str(tenant, "schema"));
        table_add(table, json_is_object(migration) ? json_str(migration, "status") : "unknown");
        table_add(table, json_str(migration, "head"));
        table_add(table, str_text(&labels));
        table_add(table, json_str(tenant, "display_name"));
        str_clear(&labels);
    }
}

int tenants_list(struct ctl *ctl, const struct args *args)
{
    static const char *const headings[] = {"ID",   "STATE",  "SCHEMA", "MIGRATIONS",
                                           "HEAD", "LABELS", "NAME",   NULL};
    struct pairs query = {.count = 0};
    struct table table;
    size_t at = 0;

    pairs_add(&query, "state", args_value(args, "state"));
    pairs_add(&query, "migration_state", args_value(args, "migration-state"));
    pairs_add(&query, "id_prefix", args_value(args, "prefix"));
    for (const char *label; (label = args_next(args, "label", &at));)
        pairs_add(&query, "label", label);
    table_init(&table, headings);
    int status = api_pages(ctl, "/v1/tenants", NULL, &query, "tenants", add_tenants, &table, false);
    if (status)
        table_clear(&table);
    else
        table_print(ctl, &table, "no tenants");
    return status;
}

static int get_tenant(struct ctl *ctl, const char *id, bool hidden, json_t **out)
{
    return api_json(
        ctl,
        &(struct api_request){
            .method = "GET", .path = "/v1/tenants/{}", .values = {id}, .hidden = hidden},
        out);
}

static void describe(const struct ctl *ctl, const json_t *tenant)
{
    const json_t *migration = json_object_get(tenant, "migration");
    const json_t *error = json_object_get(tenant, "last_error");
    struct str labels = STR_INIT, counts = STR_INIT;

    labels_text(json_object_get(tenant, "labels"), &labels);
    if (json_is_object(migration))
        str_addf(&counts, "%s: %lld applied, %lld pending, %lld orphaned, %lld modified",
                 json_str(migration, "status"), json_int(migration, "applied"),
                 json_int(migration, "pending"), json_int(migration, "orphaned"),
                 json_int(migration, "modified"));
    const struct detail details[] = {
        {"id", json_str(tenant, "id")},
        {"name", json_str(tenant, "display_name")},
        {"state", json_str(tenant, "state")},
        {"server", json_str(tenant, "server")},
        {"schema", json_str(tenant, "schema")},
        {"labels", labels.len ? str_text(&labels) : NULL},
        {"migrations", counts.len ? str_text(&counts) : "not known yet"},
        {"head", json_str(migration, "head")},
        {"active job", json_str(tenant, "active_job")},
        {"last error",
         json_str(error, "message") ? json_str(error, "message") : json_str(error, "code")},
        {"created", json_str(tenant, "created_at")},
        {"suspended", json_str(tenant, "suspended_at")},
        {"archived", json_str(tenant, "archived_at")},
        {"purge", json_str(tenant, "purge_at")},
    };
    details_print(ctl, details, ARRAY_LEN(details));
    str_clear(&labels);
    str_clear(&counts);
}

int tenants_get(struct ctl *ctl, const struct args *args)
{
    json_auto_t *tenant = NULL;
    int status = get_tenant(ctl, args->operands[0], false, &tenant);

    if (!status)
        describe(ctl, tenant);
    return status;
}

static int change(struct ctl *ctl, const char *path, const char *id)
{
    json_auto_t *tenant = NULL;
    struct api_request request = {.method = "POST", .path = path, .values = {id}};
    int status = api_json(ctl, &request, &tenant);

    if (!status)
        say(ctl, "tenant %s: %s", id, json_str(tenant, "state"));
    return status;
}

int tenants_suspend(struct ctl *ctl, const struct args *args)
{
    return change(ctl, "/v1/tenants/{}/suspend", args->operands[0]);
}

int tenants_resume(struct ctl *ctl, const struct args *args)
{
    return change(ctl, "/v1/tenants/{}/resume", args->operands[0]);
}

/* Without --force: as the tenant is now, or not at all. */
static int delete_it(struct ctl *ctl, const struct args *args, const char *etag, json_t **out)
{
    struct pairs query = {.count = 0};
    bool purge = args_flag(args, "purge");

    pairs_add(&query, "mode", purge ? "purge" : "archive");
    pairs_add(&query, "force", etag ? NULL : "true");
    return api_json(ctl,
                    &(struct api_request){.method = "DELETE",
                                          .path = "/v1/tenants/{}",
                                          .values = {args->operands[0]},
                                          .query = &query,
                                          .if_match = etag,
                                          .hidden = purge},
                    out);
}

int tenants_delete(struct ctl *ctl, const struct args *args)
{
    json_auto_t *before = NULL;
    json_t *after = NULL;
    bool force = args_flag(args, "force");
    int status = force ? EXIT_DONE : get_tenant(ctl, args->operands[0], true, &before);

    if (!status)
        status = delete_it(ctl, args, json_str(before, "etag"), &after);
    if (status)
        return status;
    if (args_flag(args, "purge"))
        return job_show(ctl, after, args_flag(args, "wait"));
    say(ctl, "tenant %s: %s, to be purged at %s", args->operands[0], json_str(after, "state"),
        json_str(after, "purge_at") ? json_str(after, "purge_at") : "no set time");
    json_decref(after);
    return EXIT_DONE;
}
