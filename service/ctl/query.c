/* SPDX-License-Identifier: MIT */
/* query: SQL in one tenant's schema, in the shared one, or in many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/ctl/ctl.h"
#include "service/ctl/files.h"

/* What is asked, of whom. */
struct asked {
    const char *tenant; /* NULL: of the shared schema, or of many */
    const char *sql;
    bool shared, many;
    struct str file; /* what a file or the standard input gave */
};

static bool is_many(const struct args *args)
{
    return args_flag(args, "all") || args_flag(args, "id") || args_flag(args, "label");
}

static int read_asked(const struct args *args, struct asked *out)
{
    bool one = args->operand_count == 2;
    struct err err = {.code = ERR_NONE};

    *out = (struct asked){.sql = args->operands[args->operand_count - 1],
                          .tenant = one ? args->operands[0] : NULL,
                          .shared = args_flag(args, "shared"),
                          .many = is_many(args),
                          .file = STR_INIT};
    if (one + out->shared + out->many != 1) {
        complain("query needs to know where: a TENANT, --shared, --all, --id or --label");
        return EXIT_USAGE;
    }
    if (out->many && args_flag(args, "write")) {
        complain("--write goes with one tenant, or with --shared");
        return EXIT_USAGE;
    }
    if (out->sql[0] != '@')
        return EXIT_DONE;
    if (files_read(out->sql + 1, &out->file, &err)) {
        complain("%s", err.msg);
        return EXIT_USAGE;
    }
    out->sql = str_text(&out->file);
    return EXIT_DONE;
}

static void add_number(const struct args *args, const char *option, const char *member,
                       json_t *body)
{
    if (args_value(args, option))
        (void)json_object_set_new(body, member, json_integer(args_number(args, option, 0)));
}

/* NULL and a complaint. CSV is what only queries of many have, so one tenant is asked as one of
 * many. */
static json_t *body_of(const struct args *args, const struct asked *asked, bool csv)
{
    json_t *body = json_pack("{s:s, s:[]}", "sql", asked->sql, "params");
    json_t *params = json_object_get(body, "params");
    size_t at = 0;

    if (!body) {
        complain("the SQL is not UTF-8");
        return NULL;
    }
    for (const char *value; (value = args_next(args, "param", &at));)
        (void)json_array_append_new(params, json_string(value));
    add_number(args, "max-rows", "max_rows", body);
    add_number(args, "timeout-ms", "timeout_ms", body);
    if (args_flag(args, "write"))
        (void)json_object_set_new(body, "write", json_true());
    if (csv)
        (void)json_object_set_new(body, "output", json_string("csv"));
    json_t *selector = asked->many            ? selector_of(args)
                       : csv && asked->tenant ? json_pack("{s:[s]}", "ids", asked->tenant)
                                              : NULL;
    if (selector)
        (void)json_object_set_new(body, "selector", selector);
    if (selector || !asked->many)
        return body;
    json_decref(body);
    return NULL;
}

/* A value as text for people; NULL stays NULL. free() *made. */
static const char *cell_of(const json_t *value, char **made)
{
    *made =
        json_is_string(value) || json_is_null(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
    return *made ? *made : json_string_value(value);
}

static void print_wide(const struct ctl *ctl, const char *const *names, size_t n,
                       const json_t *rows)
{
    size_t i, k;
    json_t *row, *value;

    json_array_foreach(rows, i, row)
    {
        say(ctl, "%s", "--");
        json_array_foreach(row, k, value)
        {
            char *made = NULL;
            const struct detail detail = {k < n ? names[k] : "", cell_of(value, &made)};
            details_print(ctl, &detail, 1);
            free(made);
        }
    }
}

static void print_table(const struct ctl *ctl, const char *const *names, const json_t *rows)
{
    struct table table;
    size_t i, k;
    json_t *row, *value;

    table_init(&table, names);
    json_array_foreach(rows, i, row) json_array_foreach(row, k, value)
    {
        char *made = NULL;
        table_add(&table, cell_of(value, &made));
        free(made);
    }
    table_print(ctl, &table, "no rows");
}

/* Names of columns are somebody's text, too. */
static void print_rows(const struct ctl *ctl, const json_t *result)
{
    const json_t *columns = json_object_get(result, "columns"),
                 *rows = json_object_get(result, "rows");
    size_t n = json_array_size(columns);
    const char **names = calloc(n + 1, sizeof *names);
    struct str *safe = calloc(n + 1, sizeof *safe);

    for (size_t i = 0; names && safe && i < n; i++) {
        (void)text_add_safe(&safe[i], json_str(json_array_get(columns, i), "name"));
        names[i] = str_text(&safe[i]);
    }
    if (names && safe && n > TABLE_COLUMNS_MAX)
        print_wide(ctl, names, n, rows);
    else if (names && safe && n)
        print_table(ctl, names, rows);
    for (size_t i = 0; safe && i < n; i++)
        str_clear(&safe[i]);
    free(safe);
    free(names);
}

static void complain_of(const json_t *list)
{
    size_t i;
    json_t *row;

    json_array_foreach(list, i, row) complain("%s: %s (%s)", json_str(row, "tenant_id"),
                                              json_str(row, "detail"), json_str(row, "code"));
}

static int print_result(const struct ctl *ctl, const struct asked *asked, const json_t *result)
{
    long long failed = json_int(result, "error_count") + json_int(result, "unreachable_count");
    bool truncated = json_is_true(json_object_get(result, "truncated"));

    if (ctl->json)
        return failed ? EXIT_REFUSED : EXIT_DONE;
    print_rows(ctl, result);
    complain_of(json_object_get(result, "errors"));
    complain_of(json_object_get(result, "unreachable"));
    if (json_object_get(result, "affected"))
        say(ctl, "%lld rows changed", json_int(result, "affected"));
    if (asked->many)
        say(ctl, "%lld rows of %lld tenants, %lld failed", json_int(result, "row_count"),
            json_int(result, "succeeded"), failed);
    if (truncated && !ctl->quiet)
        complain("there is more: --max-rows");
    return failed ? EXIT_REFUSED : EXIT_DONE;
}

static int ask(struct ctl *ctl, const struct args *args, const struct asked *asked)
{
    const char *output = args_value(args, "output");
    bool csv = output && str_eq(output, "csv");
    json_auto_t *body = NULL, *result = NULL;
    struct answer answer;

    if (csv && (asked->shared || args_flag(args, "write"))) {
        complain("--output csv goes with tenants, and without --write");
        return EXIT_USAGE;
    }
    body = body_of(args, asked, csv);
    if (!body)
        return EXIT_USAGE;
    struct api_request request = {.method = "POST",
                                  .path = asked->many || csv ? "/v1/queries"
                                          : asked->shared    ? "/v1/shared/query"
                                                             : "/v1/tenants/{}/query",
                                  .values = {asked->tenant},
                                  .json = body};
    ctl->json = ctl->json || (output && str_eq(output, "json"));
    if (!csv) {
        int status = api_json(ctl, &request, &result);
        return status ? status : print_result(ctl, asked, result);
    }
    int status = api_send(ctl, &request, &answer);
    if (status)
        return status;
    status = output_write(NULL, &answer.body);
    str_clear(&answer.body);
    return status;
}

int query_sql(struct ctl *ctl, const struct args *args)
{
    struct asked asked;
    int status = read_asked(args, &asked);

    if (!status)
        status = ask(ctl, args, &asked);
    str_clear(&asked.file);
    return status;
}
