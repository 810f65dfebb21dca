/* SPDX-License-Identifier: MIT */
/* drift scan, status, show, accept and unaccept. */
#include <stdlib.h>

#include "service/ctl/ctl.h"

/* "changed column users.email type" */
static void add_what(const json_t *difference, struct str *out)
{
    const char *attribute = json_str(difference, "attribute");

    str_addf(out, "%s %s%s%s", json_str(difference, "class"), json_str(difference, "object"),
             attribute ? " " : "", attribute ? attribute : "");
}

static void add_groups(void *ctx, const json_t *groups)
{
    struct table *table = ctx;
    size_t i;
    json_t *group;

    json_array_foreach(groups, i, group)
    {
        CLEANUP(str_clear) struct str ids = STR_INIT;
        CLEANUP(str_clear) struct str what = STR_INIT;
        const json_t *first = json_array_get(json_object_get(group, "differences"), 0);
        const char *problem = json_str(json_object_get(group, "problem"), "detail");
        names_join(json_object_get(group, "sample"), &ids);
        if (first)
            add_what(first, &what);
        table_add(table, json_str(group, "state"));
        table_add_int(table, json_int(group, "tenants"));
        table_add(table, str_text(&ids));
        table_add_int(table, json_int(group, "errors"));
        table_add_int(table, json_int(group, "warnings"));
        table_add(table, first ? str_text(&what) : problem);
    }
}

/* The counts; *drifted is how many have drifted and are not accepted. */
static int say_counts(struct ctl *ctl, long long *drifted)
{
    json_auto_t *fleet = NULL;
    struct pairs query = {.count = 0};
    struct api_request request = {
        .method = "GET", .path = "/v1/drift", .query = &query, .hidden = true};

    pairs_add(&query, "page_size", "1");
    int status = api_json(ctl, &request, &fleet);
    if (status)
        return status;
    *drifted = json_int(fleet, "drifted");
    say(ctl,
        "%lld tenants: %lld ok, %lld drifted, %lld accepted, %lld unknown, %lld not readable,"
        " %lld never looked at; %lld with warnings",
        json_int(fleet, "tenants"), json_int(fleet, "ok"), *drifted, json_int(fleet, "accepted"),
        json_int(fleet, "unknown"), json_int(fleet, "error"), json_int(fleet, "unscanned"),
        json_int(fleet, "warned"));
    return EXIT_DONE;
}

static int show_groups(struct ctl *ctl, struct pairs *query, bool check)
{
    static const char *const headings[] = {"STATE",    "TENANTS", "FOR EXAMPLE", "ERRORS",
                                           "WARNINGS", "FIRST",   NULL};
    struct table table;
    long long drifted = 0;

    table_init(&table, headings);
    int status = api_pages(ctl, "/v1/drift", NULL, query, "groups", add_groups, &table, false);
    if (status) {
        table_clear(&table);
        return status;
    }
    table_print(ctl, &table, NULL);
    status = say_counts(ctl, &drifted);
    return status || !check || !drifted ? status : EXIT_REFUSED;
}

int drift_status(struct ctl *ctl, const struct args *args)
{
    struct pairs query = {.count = 0};

    pairs_add(&query, "state", args_value(args, "state"));
    pairs_add(&query, "warnings", args_flag(args, "warnings") ? "true" : NULL);
    return show_groups(ctl, &query, args_flag(args, "check"));
}

static json_t *texts_of(const struct args *args, const char *option)
{
    json_t *list = json_array();
    size_t at = 0;

    for (const char *text; (text = args_next(args, option, &at));)
        (void)json_array_append_new(list, json_string(text));
    return list;
}

/* NULL and a complaint when it makes no sense. */
static json_t *scan_body(const struct args *args)
{
    const char *like = args_value(args, "like"), *version = args_value(args, "at");

    if (like && version) {
        complain("--like and --at exclude each other");
        return NULL;
    }
    json_t *selector = selector_of(args);
    json_t *body = selector ? json_pack("{s:o, s:o, s:o, s:b}", "selector", selector, "ignore",
                                        texts_of(args, "ignore"), "exclude_tables",
                                        texts_of(args, "exclude-table"), "column_order",
                                        args_flag(args, "column-order"))
                            : NULL;
    if (like)
        (void)json_object_set_new(body, "reference",
                                  json_pack("{s:s, s:s}", "kind", "tenant", "tenant_id", like));
    if (version)
        (void)json_object_set_new(body, "reference",
                                  json_pack("{s:s, s:s}", "kind", "catalog", "version", version));
    return body;
}

int drift_scan(struct ctl *ctl, const struct args *args)
{
    json_auto_t *body = scan_body(args);
    struct pairs query = {.count = 0};

    if (!body)
        return EXIT_USAGE;
    int status = job_start(ctl, args, "/v1/drift-scans", NULL, body, NULL);
    if (status || ctl->json || args_flag(args, "no-wait"))
        return status;
    pairs_add(&query, "state", "drifted");
    return show_groups(ctl, &query, args_flag(args, "check"));
}

static void print_differences(const struct ctl *ctl, const json_t *list)
{
    static const char *const headings[] = {"SEVERITY", "WHAT", "EXPECTED", "ACTUAL", NULL};
    struct table table;
    size_t i;
    json_t *difference;

    table_init(&table, headings);
    json_array_foreach(list, i, difference)
    {
        static const char *const sides[] = {"expected", "actual"};
        CLEANUP(str_clear) struct str what = STR_INIT;
        add_what(difference, &what);
        table_add(&table, json_str(difference, "severity"));
        table_add(&table, str_text(&what));
        for (size_t k = 0; k < ARRAY_LEN(sides); k++) {
            const json_t *value = json_object_get(difference, sides[k]);
            CLEANUP(freep)
            char *text = json_is_string(value) || json_is_null(value)
                             ? NULL
                             : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
            table_add(&table, text ? text : json_string_value(value));
        }
    }
    table_print(ctl, &table, NULL);
}

int drift_show(struct ctl *ctl, const struct args *args)
{
    json_auto_t *drift = NULL;
    struct pairs query = {.count = 0};
    struct api_request request = {.method = "GET",
                                  .path = "/v1/tenants/{}/drift",
                                  .values = {args->operands[0]},
                                  .query = &query};

    pairs_add(&query, "source", args_flag(args, "scan") ? "scan" : NULL);
    pairs_add(&query, "reference_tenant", args_value(args, "like"));
    pairs_add(&query, "version", args_value(args, "at"));
    int status = api_json(ctl, &request, &drift);
    if (status)
        return status;
    const struct detail details[] = {
        {"state", json_str(drift, "state")},
        {"problem", json_str(json_object_get(drift, "problem"), "detail")},
        {"accepted", json_str(json_object_get(drift, "acceptance"), "reason")},
        {"fingerprint", json_str(drift, "fingerprint")},
        {"reference", json_str(drift, "reference")},
        {"checked", json_str(drift, "checked_at")},
    };
    if (!ctl->json) {
        details_print(ctl, details, ARRAY_LEN(details));
        print_differences(ctl, json_object_get(drift, "differences"));
    }
    return EXIT_DONE;
}

int drift_accept(struct ctl *ctl, const struct args *args)
{
    const char *fingerprint = args_value(args, "fingerprint");
    const char *reference = args_value(args, "reference"), *reason = args_value(args, "reason");
    const char *id = args->operand_count ? args->operands[0] : NULL;
    json_auto_t *accepted = NULL;

    if (!reason) {
        complain("accept needs --reason");
        return EXIT_USAGE;
    }
    if (!id && (!fingerprint || !reference)) {
        complain("accept needs a tenant, or --fingerprint and --reference of a group");
        return EXIT_USAGE;
    }
    json_auto_t *body = json_pack("{s:s, s:s*, s:s*}", "reason", reason, "fingerprint", fingerprint,
                                  "reference", reference);
    struct api_request request = {.method = "POST",
                                  .path = id ? "/v1/tenants/{}/drift/accept" : "/v1/drift/accept",
                                  .values = {id},
                                  .json = body};
    int status = api_json(ctl, &request, &accepted);
    if (!status)
        say(ctl, "accepted for %lld tenants; tenantctl drift unaccept %s",
            json_int(accepted, "tenants"), json_str(accepted, "id"));
    return status;
}

int drift_unaccept(struct ctl *ctl, const struct args *args)
{
    struct answer answer;
    struct api_request request = {
        .method = "DELETE", .path = "/v1/drift/acceptances/{}", .values = {args->operands[0]}};
    int status = api_send(ctl, &request, &answer);

    if (status)
        return status;
    str_clear(&answer.body);
    say(ctl, "what %s covered has drifted again", args->operands[0]);
    return EXIT_DONE;
}
