/* SPDX-License-Identifier: MIT */
/* export, health, token create, version. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "service/ctl/ctl.h"

int output_write(const char *path, const struct str *text)
{
    FILE *f = path && !str_eq(path, "-") ? fopen(path, "we") : stdout;
    bool good = f && fwrite(str_text(text), 1, text->len, f) == text->len;

    if (f && f != stdout)
        good = fclose(f) == 0 && good;
    if (good)
        return EXIT_DONE;
    complain("cannot write %s: %s", path ? path : "the output", strerror(errno));
    return EXIT_REFUSED;
}

/* The --table options with commas between. */
static void join_tables(const struct args *args, struct str *out)
{
    size_t at = 0;

    for (const char *name; (name = args_next(args, "table", &at));)
        str_addf(out, "%s%s", out->len ? "," : "", name);
}

int export_schema(struct ctl *ctl, const struct args *args)
{
    CLEANUP(str_clear) struct str tables = STR_INIT;
    bool shared = args_flag(args, "shared");
    struct pairs query = {.count = 0};
    struct answer answer;
    struct api_request request = {.method = "GET",
                                  .path = shared ? "/v1/shared/schema/export"
                                                 : "/v1/tenants/{}/schema/export",
                                  .query = &query};

    if (!args_value(args, "format")) {
        complain("export needs --format: json, json-schema, typescript, zod, drizzle, mermaid or"
                 " dbml");
        return EXIT_USAGE;
    }
    if (shared == (args->operand_count > 0)) {
        complain("export takes a tenant, or --shared");
        return EXIT_USAGE;
    }
    request.values[0] = shared ? NULL : args->operands[0];
    join_tables(args, &tables);
    pairs_add(&query, "format", args_value(args, "format"));
    pairs_add(&query, "zod", args_flag(args, "zod") ? "true" : NULL);
    pairs_add(&query, "lenient", args_flag(args, "lenient") ? "true" : NULL);
    pairs_add(&query, "indexes", args_flag(args, "indexes") ? "true" : NULL);
    pairs_add(&query, "casing", args_value(args, "casing"));
    pairs_add(&query, "theme", args_value(args, "theme"));
    pairs_add(&query, "tables", tables.len ? str_text(&tables) : NULL);
    int status = api_send(ctl, &request, &answer);
    if (status)
        return status;
    status = output_write(args_value(args, "output"), &answer.body);
    str_clear(&answer.body);
    return status;
}

static void print_health(const struct ctl *ctl, const json_t *health)
{
    static const char *const headings[] = {"TENANT",  "STATUS", "CONNECTIONS",
                                           "WAITING", "ERROR",  NULL};
    struct table table;
    size_t i;
    json_t *pool;

    table_init(&table, headings);
    json_array_foreach(json_object_get(health, "pools"), i, pool)
    {
        table_add(&table, json_str(pool, "tenant_id"));
        table_add(&table, json_str(pool, "status"));
        table_add_int(&table, json_int(pool, "total_connections"));
        table_add_int(&table, json_int(pool, "waiting_requests"));
        table_add(&table, json_str(pool, "error"));
    }
    table_print(ctl, &table, NULL);
    say(ctl, "%s: shared database %s, %lld pools, %lld degraded, %lld unhealthy",
        json_is_true(json_object_get(health, "healthy")) ? "healthy" : "NOT healthy",
        json_str(health, "shared_db"), json_int(health, "total_pools"),
        json_int(health, "degraded_pools"), json_int(health, "unhealthy_pools"));
}

int health_show(struct ctl *ctl, const struct args *args)
{
    json_auto_t *health = NULL;
    struct pairs query = {.count = 0};
    struct api_request request = {
        .method = "GET", .path = "/v1/health", .query = &query, .fine = 503};
    size_t at = 0;

    for (const char *id; (id = args_next(args, "tenant", &at));)
        pairs_add(&query, "tenant_id", id);
    int status = api_json(ctl, &request, &health);
    if (status)
        return status;
    if (!json_is_boolean(json_object_get(health, "healthy"))) {
        const char *why = json_str(health, "detail");
        complain("%s cannot say: %s", ctl->url, why ? why : "no health in its answer");
        return EXIT_REFUSED;
    }
    print_health(ctl, health);
    return json_is_true(json_object_get(health, "healthy")) ? EXIT_DONE : EXIT_REFUSED;
}

int token_create(struct ctl *ctl, const struct args *args)
{
    const char *role = args_value(args, "role");
    json_auto_t *scopes = args_flag(args, "scope") ? json_array() : NULL;
    json_auto_t *made = NULL;
    size_t at = 0;

    if (!role == !scopes) {
        complain("token create needs either --role or --scope");
        return EXIT_USAGE;
    }
    for (const char *scope; (scope = args_next(args, "scope", &at));)
        (void)json_array_append_new(scopes, json_string(scope));
    json_auto_t *body =
        json_pack("{s:s, s:s*, s:O*}", "name", args->operands[0], "role", role, "scopes", scopes);
    if (!body) {
        complain("an argument is not UTF-8");
        return EXIT_USAGE;
    }
    struct api_request request = {.method = "POST", .path = "/v1/tokens", .json = body};
    int status = api_json(ctl, &request, &made);
    if (status || ctl->json)
        return status;
    if (!json_str(made, "token"))
        return EXIT_REFUSED;
    (void)printf("%s\n", json_str(made, "token"));
    if (!ctl->quiet)
        complain("token %s (%s) is shown this once; keep it", json_str(made, "id"),
                 json_str(made, "name"));
    return EXIT_DONE;
}

int version_show(struct ctl *ctl, const struct args *args)
{
    json_auto_t *version = NULL;
    struct api_request request = {.method = "GET", .path = "/v1/version"};
    int status = api_json(ctl, &request, &version);

    (void)args;
    if (status)
        return status;
    const struct detail details[] = {
        {"tenantctl", TENANTCTL_VERSION},
        {"tenantd", json_str(version, "version")},
        {"libpq", json_str(version, "libpq")},
        {"SQL parser", json_str(version, "postgresql_parser")},
    };
    details_print(ctl, details, ARRAY_LEN(details));
    return EXIT_DONE;
}
