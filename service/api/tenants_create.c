/* SPDX-License-Identifier: MIT */
/* Creating tenants: one, or up to a thousand in one job. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/tenant/server_store.h"
#include "core/tenant/tenant_store.h"
#include "service/api/fields.h"
#include "service/api/making.h"
#include "service/api/tenants.h"

enum { BATCH_MAX = 1000, CREATE_PARALLEL = 4 };

void wish_check(const struct call *call, const char *base, struct wish *wish,
                struct problems *problems)
{
    const char *template = call->app->config->isolation.schema_name_template;
    char pointer[128];
    struct err err;

    (void)snprintf(pointer, sizeof pointer, "%s/id", base);
    if (wish->id && (tenant_check_id(wish->id, &err) ||
                     tenant_render_schema(template, wish->id, wish->schema, &err)))
        problems_add_err(problems, pointer, &err);
    if (wish->labels && tenant_check_labels(wish->labels, false, &err)) {
        (void)snprintf(pointer, sizeof pointer, "%s%s", base,
                       err.field[0] ? err.field : "/labels");
        problems_add_err(problems, pointer, &err);
    }
}

static void read_wish(const struct call *call, const json_t *item, const char *base,
                      struct wish *wish, struct problems *problems)
{
    const struct field fields[] = {
        {.name = "id", .kind = FIELD_TEXT, .required = true, .out = &wish->id},
        {.name = "display_name", .kind = FIELD_TEXT, .nullable = true, .min = 1, .max = 200,
         .out = &wish->display_name},
        {.name = "labels", .kind = FIELD_OBJECT, .out = &wish->labels},
        {.name = "server", .kind = FIELD_TEXT, .min = 1, .max = 63, .out = &wish->server},
    };

    wish->server = "default";
    fields_read(item, base, fields, ARRAY_LEN(fields), problems);
    wish_check(call, base, wish, problems);
}

static struct reply preview(const struct call *call, const struct wish *wish)
{
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    struct err err;
    CLEANUP(pg_rows_freep) struct pg_rows *server = NULL;
    err_code rc = server_list(call->pg, wish->server, &server, &err);

    if (!rc)
        rc = tenant_find(call->pg, wish->id, false, &t, &err);
    if (rc && rc != ERR_TENANT_NOT_FOUND)
        return call_fail(call, &err);
    return reply_json(200, json_pack("{s:b, s:s, s:s, s:s, s:b}", "dry_run", 1, "id", wish->id,
                                     "schema", wish->schema, "server", wish->server, "exists",
                                     rc == ERR_NONE));
}

struct reply tenants_create(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    struct wish wish = {.id = NULL};
    struct making m = {.call = call,
                       .kind = "tenant.create",
                       .wishes = &wish,
                       .count = 1,
                       .max_parallel = 1,
                       .takes_ready = true};
    struct err err;
    bool dry_run = false;

    read_wish(call, call->body, "", &wish, &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    if (query_bool(call, "dry_run", false, &dry_run, &err))
        return call_fail(call, &err);
    m.subject = wish.id;
    return dry_run ? preview(call, &wish) : make_tenants(&m);
}

static void refuse_doubles(const struct wish *wishes, size_t n, struct problems *problems)
{
    json_auto_t *seen = json_object();
    char pointer[64];

    for (size_t i = 0; i < n; i++) {
        if (!wishes[i].id)
            continue;
        if (json_object_get(seen, wishes[i].id)) {
            (void)snprintf(pointer, sizeof pointer, "/items/%zu/id", i);
            problems_add(problems, pointer, "DUPLICATE", "stands twice in the batch");
        }
        (void)json_object_set_new(seen, wishes[i].id, json_true());
    }
}

struct reply tenants_create_batch(struct call *call)
{
    CLEANUP(problems_clear) struct problems problems = {.list = NULL};
    const json_t *items = NULL, *item;
    int64_t parallel = CREATE_PARALLEL;
    size_t i;
    char pointer[64];
    const struct field fields[] = {
        {.name = "items", .kind = FIELD_ARRAY, .required = true, .min = 1, .max = BATCH_MAX,
         .out = &items},
        {.name = "max_parallel", .kind = FIELD_INT, .min = 1, .max = 64, .out = &parallel},
    };

    fields_read(call->body, "", fields, ARRAY_LEN(fields), &problems);
    CLEANUP(freep) char *memory = calloc(BATCH_MAX, sizeof(struct wish));
    struct wish *wishes = (struct wish *)(void *)memory;
    for (i = 0; wishes && i < json_array_size(items); i++) {
        item = json_array_get(items, i);
        (void)snprintf(pointer, sizeof pointer, "/items/%zu", i);
        read_wish(call, item, pointer, &wishes[i], &problems);
    }
    if (!memory)
        return call_fail(call, &(struct err){.code = ERR_INTERNAL, .msg = "out of memory"});
    refuse_doubles(wishes, json_array_size(items), &problems);
    if (problems.list)
        return problems_reply(call, &problems);
    struct making m = {.call = call,
                       .kind = "tenant.create",
                       .wishes = wishes,
                       .count = json_array_size(items),
                       .max_parallel = (int)parallel,
                       .tell_conflicts = true,
                       .takes_ready = true};
    return make_tenants(&m);
}
