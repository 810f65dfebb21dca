/* SPDX-License-Identifier: MIT */
/* tenants clone: a tenant made after another one. */
#include "service/ctl/ctl.h"
#include "service/ctl/files.h"

/* The rules are too many for a line of a shell; NULL and a complaint. */
static json_t *rules_of(const char *path)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    struct err err;
    json_error_t why;

    if (files_read(path, &text, &err)) {
        complain("%s", err.msg);
        return NULL;
    }
    json_t *rules = json_loadb(str_text(&text), text.len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(rules)) {
        complain("%s: not a JSON object of {\"table.column\": {\"rule\": ...}}", path);
        json_decref(rules);
        return NULL;
    }
    return rules;
}

static bool add_excluded(const struct args *args, json_t *body)
{
    json_t *list = json_array();
    bool fine = true;
    size_t at = 0;

    for (const char *name; fine && (name = args_next(args, "exclude", &at));)
        fine = !json_array_append_new(list, json_string(name));
    if (!fine)
        complain("--exclude is not UTF-8");
    if (fine && json_array_size(list))
        (void)json_object_set(body, "exclude_tables", list);
    json_decref(list);
    return fine;
}

static bool add_data(const struct args *args, json_t *body)
{
    const char *rows = args_value(args, "sample");

    if (rows && args_flag(args, "no-data")) {
        complain("--sample takes rows along, --no-data none");
        return false;
    }
    (void)json_object_set_new(body, "include_data",
                              json_string(rows                         ? "sample"
                                          : args_flag(args, "no-data") ? "none"
                                                                       : "all"));
    if (rows)
        (void)json_object_set_new(
            body, "sample", json_pack("{s:I}", "rows", (json_int_t)args_number(args, "sample", 0)));
    return true;
}

static json_t *body_of(const struct args *args)
{
    const char *file = args_value(args, "anonymize");
    json_t *body =
        json_pack("{s:s, s:s*}", "id", args->operands[1], "display_name", args_value(args, "name"));
    json_auto_t *labels = labels_of(args), *rules = file && labels ? rules_of(file) : NULL;

    if (!body)
        complain("an argument is not UTF-8");
    if (!body || !labels || (file && !rules) || !add_data(args, body) ||
        !add_excluded(args, body)) {
        json_decref(body);
        return NULL;
    }
    if (json_object_size(labels))
        (void)json_object_set(body, "labels", labels);
    if (rules)
        (void)json_object_set(body, "anonymize", rules);
    return body;
}

static void show(const struct ctl *ctl, const struct args *args, const json_t *preview)
{
    static const char *const headings[] = {"TABLE", "KIND", "ROWS", "ANONYMIZED", NULL};
    struct table table;
    size_t i;
    json_t *row;

    (void)args;
    table_init(&table, headings);
    json_array_foreach(json_object_get(preview, "tables"), i, row)
    {
        CLEANUP(str_clear) struct str columns = STR_INIT;
        names_join(json_object_get(row, "anonymized"), &columns);
        table_add(&table, json_str(row, "name"));
        table_add(&table, json_str(row, "kind"));
        table_add(&table, json_str(row, "rows"));
        table_add(&table, str_text(&columns));
    }
    table_print(ctl, &table, "no tables");
}

int tenants_clone(struct ctl *ctl, const struct args *args)
{
    json_auto_t *body = body_of(args);

    if (!body)
        return EXIT_USAGE;
    return job_start(ctl, args, "/v1/tenants/{}/clone", args->operands[0], body, show);
}
