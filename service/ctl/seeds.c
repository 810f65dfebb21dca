/* SPDX-License-Identifier: MIT */
/* seeds list and push, and seed, which applies one. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/ctl/ctl.h"
#include "service/ctl/files.h"

static void add_seeds(void *ctx, const json_t *seeds)
{
    struct table *table = ctx;
    size_t i, k;
    json_t *seed, *name;

    json_array_foreach(seeds, i, seed)
    {
        struct str names = STR_INIT;
        json_array_foreach(json_object_get(seed, "variables"), k, name)
            str_addf(&names, "%s%s", k ? "," : "", json_string_value(name));
        table_add(table, json_str(seed, "name"));
        table_add(table, json_str(seed, "scope"));
        table_add(table, json_str(seed, "mode"));
        table_add_int(table, json_int(seed, "statements"));
        table_add(table, str_text(&names));
        table_add(table, json_str(seed, "updated_at"));
        str_clear(&names);
    }
}

int seeds_list(struct ctl *ctl, const struct args *args)
{
    static const char *const headings[] = {"NAME",      "SCOPE",   "MODE", "STATEMENTS",
                                           "VARIABLES", "UPDATED", NULL};
    struct pairs query = {.count = 0};
    struct table table;

    pairs_add(&query, "scope", args_flag(args, "shared") ? "shared" : NULL);
    table_init(&table, headings);
    int status = api_pages(ctl, "/v1/seeds", NULL, &query, "seeds", add_seeds, &table, false);
    if (status)
        table_clear(&table);
    else
        table_print(ctl, &table, "no seeds");
    return status;
}

static int push_one(struct ctl *ctl, const struct args *args, const char *file)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    CLEANUP(freep) char *path = strdup(file);
    struct pairs query = {.count = 0};
    json_auto_t *seed = NULL;
    struct err err = {.code = ERR_NONE};
    char *name = path ? basename(path) : NULL;

    if (!name || !str_ends(name, ".sql") || str_eq(name, ".sql")) {
        complain("%s: a seed is a file NAME.sql", file);
        return EXIT_USAGE;
    }
    name[strlen(name) - strlen(".sql")] = '\0';
    if (files_read(file, &sql, &err)) {
        complain("%s", err.msg);
        return EXIT_USAGE;
    }
    pairs_add(&query, "scope", args_flag(args, "shared") ? "shared" : NULL);
    pairs_add(&query, "mode", args_value(args, "mode"));
    struct api_request request = {.method = "PUT",
                                  .path = "/v1/seeds/{}",
                                  .values = {name},
                                  .query = &query,
                                  .content_type = "application/sql",
                                  .body = str_text(&sql),
                                  .body_len = sql.len};
    int status = api_json(ctl, &request, &seed);
    if (!status)
        say(ctl, "%s: %s, %s", json_str(seed, "scope"), json_str(seed, "name"),
            json_str(seed, "mode"));
    return status;
}

int seeds_push(struct ctl *ctl, const struct args *args)
{
    int status = EXIT_DONE;

    for (size_t i = 0; i < args->operand_count && !status; i++)
        status = push_one(ctl, args, args->operands[i]);
    return status;
}

static json_t *variables_of(const struct args *args)
{
    json_t *variables = json_object();
    size_t at = 0;

    for (const char *pair; (pair = args_next(args, "set", &at));) {
        const char *equal = strchr(pair, '=');
        json_auto_t *value = equal && equal > pair ? json_string(equal + 1) : NULL;
        if (!value || json_object_setn(variables, pair, (size_t)(equal - pair), value)) {
            complain("--set is NAME=VALUE, not \"%s\"", pair);
            json_decref(variables);
            return NULL;
        }
    }
    return variables;
}

static bool takes_nobody(const struct args *args)
{
    return !args_flag(args, "all") && !args_flag(args, "id") && !args_flag(args, "label");
}

static json_t *body_of(const struct args *args)
{
    bool shared = args_flag(args, "shared");
    json_t *variables = variables_of(args);
    json_t *body = variables ? json_pack("{s:o}", "variables", variables) : NULL;

    if (shared && !takes_nobody(args)) {
        complain("--shared goes without --all, --id and --label");
        json_decref(body);
        return NULL;
    }
    json_t *selector = body && !shared ? selector_of(args) : NULL;
    if (!body || (!shared && !selector)) {
        json_decref(body);
        return NULL;
    }
    (void)json_object_set_new(body, shared ? "shared" : "selector",
                              shared ? json_true() : selector);
    if (args_value(args, "mode"))
        (void)json_object_set_new(body, "mode", json_string(args_value(args, "mode")));
    if (args_flag(args, "force"))
        (void)json_object_set_new(body, "force", json_true());
    if (args_flag(args, "include-shared"))
        (void)json_object_set_new(body, "include_shared", json_true());
    if (args_flag(args, "stop-on-failure"))
        (void)json_object_set_new(body, "on_failure", json_string("stop"));
    return body;
}

static void print_preview(const struct ctl *ctl, const struct args *args, const json_t *plan)
{
    (void)args;
    const char *shared = json_str(plan, "shared_sql"), *sql = json_str(plan, "sql");

    if (!ctl->json)
        (void)printf("%s%s", shared ? shared : "", sql ? sql : "");
    say(ctl, "%lld tenants; nothing was changed", json_int(plan, "tenants"));
}

int seed_apply(struct ctl *ctl, const struct args *args)
{
    json_auto_t *body = body_of(args);

    if (!body)
        return EXIT_USAGE;
    return job_start(ctl, args, "/v1/seeds/{}/apply", args->operands[0], body, print_preview);
}
