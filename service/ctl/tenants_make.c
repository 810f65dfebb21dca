/* SPDX-License-Identifier: MIT */
/* tenants create and import: what makes tenants, one or many. */
#include <string.h>

#include "service/ctl/ctl.h"

json_t *labels_of(const struct args *args)
{
    json_t *labels = json_object();
    size_t at = 0;

    for (const char *pair; (pair = args_next(args, "label", &at));) {
        const char *equal = strchr(pair, '=');
        if (!equal || equal == pair) {
            complain("--label is KEY=VALUE, not \"%s\"", pair);
            json_decref(labels);
            return NULL;
        }
        json_auto_t *value = json_string(equal + 1);
        if (!value || json_object_setn(labels, pair, (size_t)(equal - pair), value)) {
            complain("--label \"%s\" is not UTF-8", pair);
            json_decref(labels);
            return NULL;
        }
    }
    return labels;
}

static json_t *item_of(const struct args *args, const char *id, json_t *labels)
{
    json_t *item = json_pack("{s:s, s:s*}", "id", id, "display_name", args_value(args, "name"));

    if (item && json_object_size(labels))
        (void)json_object_set(item, "labels", labels);
    return item;
}

static json_t *batch_of(const struct args *args, json_t *labels)
{
    json_t *items = json_array();

    for (size_t i = 0; i < args->operand_count; i++)
        if (json_array_append_new(items, item_of(args, args->operands[i], labels))) {
            json_decref(items);
            return NULL;
        }
    return json_pack("{s:o}", "items", items);
}

int tenants_create(struct ctl *ctl, const struct args *args)
{
    bool one = args->operand_count == 1;
    json_t *job = NULL;

    if (!one && args_flag(args, "name")) {
        complain("--name names one tenant; several ids were given");
        return EXIT_USAGE;
    }
    json_auto_t *labels = labels_of(args);
    if (!labels)
        return EXIT_USAGE;
    json_auto_t *body = one ? item_of(args, args->operands[0], labels) : batch_of(args, labels);
    if (!body) {
        complain("an argument is not UTF-8");
        return EXIT_USAGE;
    }
    struct api_request request = {.method = "POST",
                                  .path = one ? "/v1/tenants" : "/v1/tenants/batch",
                                  .json = body,
                                  .hidden = true};
    int status = api_json(ctl, &request, &job);
    return status ? status : job_show(ctl, job, args_flag(args, "wait"));
}

static void print_schemas(const struct ctl *ctl, const json_t *schemas)
{
    static const char *const headings[] = {"SCHEMA", "TENANT", "PROBLEM", NULL};
    struct table table;
    size_t i;
    json_t *schema;

    table_init(&table, headings);
    json_array_foreach(schemas, i, schema)
    {
        table_add(&table, json_str(schema, "schema"));
        table_add(&table, json_str(schema, "id"));
        table_add(&table, json_str(json_object_get(schema, "problem"), "detail"));
    }
    table_print(ctl, &table, "no schema matches that is not a tenant already");
}

int tenants_import(struct ctl *ctl, const struct args *args)
{
    bool dry = args_flag(args, "dry-run");
    struct pairs query = {.count = 0};
    json_auto_t *body = json_pack("{s:s*}", "schema_pattern", args_value(args, "pattern"));
    struct api_request request = {.method = "POST",
                                  .path = "/v1/tenants/import",
                                  .query = &query,
                                  .json = body,
                                  .hidden = !dry};
    json_t *reply = NULL;

    if (!body) {
        complain("--pattern is not UTF-8");
        return EXIT_USAGE;
    }
    pairs_add(&query, "dry_run", dry ? "true" : NULL);
    int status = api_json(ctl, &request, &reply);
    if (status)
        return status;
    if (!dry)
        return job_show(ctl, reply, args_flag(args, "wait"));
    print_schemas(ctl, json_object_get(reply, "schemas"));
    json_decref(reply);
    return EXIT_DONE;
}
