/* SPDX-License-Identifier: MIT */
/* sync, baseline, convert, adopt, resolve: repairs of tracking tables, or what they would edit. */
#include <string.h>

#include "service/ctl/ctl.h"

/* Which resource a command makes. */
static const struct {
    const char *command, *path;
} resources[] = {
    {"sync", "/v1/migration-syncs"},
    {"baseline", "/v1/migration-baselines"},
    {"convert", "/v1/migration-format-conversions"},
    {"adopt", "/v1/migration-adoptions"},
};

/* Options that become members as they are; a flag says true, or what it says. */
static const struct {
    const char *option, *member;
    bool is_text, says_no;
} members[] = {
    {"clean-orphans", "clean_orphans", false, false},
    {"mark-missing", "mark_missing", false, false},
    {"mark-out-of-order", "mark_out_of_order", false, false},
    {"accept-checksums", "accept_checksums", false, false},
    {"no-verify", "verify", false, true},
    {"verify", "verify", false, false},
    {"restore", "restore", false, false},
    {"no-backup", "keep_backup", false, true},
    {"from", "from", true, false},
    {"table", "table", true, false},
};

static const char *path_of(const struct args *args)
{
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (str_eq(resources[i].command, args->command->name))
            return resources[i].path;
    return NULL;
}

/* What the operands are: a version, or with --only versions; a format. */
static void add_operands(const struct args *args, json_t *body)
{
    bool converts = str_eq(args->command->name, "convert");

    if (!args->operand_count)
        return;
    if (converts || !args_flag(args, "only")) {
        (void)json_object_set_new(body, converts ? "to" : "version",
                                  json_string(args->operands[0]));
        return;
    }
    json_t *versions = json_array();
    for (size_t i = 0; i < args->operand_count; i++)
        (void)json_array_append_new(versions, json_string(args->operands[i]));
    (void)json_object_set_new(body, "versions", versions);
}

static json_t *body_of(const struct args *args)
{
    json_t *selector = selector_of(args);
    json_t *body = selector ? json_pack("{s:o}", "selector", selector) : NULL;

    if (!body)
        return NULL;
    add_operands(args, body);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const char *option = members[i].option;
        if (members[i].is_text && args_value(args, option))
            (void)json_object_set_new(body, members[i].member,
                                      json_string(args_value(args, option)));
        else if (!members[i].is_text && args_flag(args, option))
            (void)json_object_set_new(body, members[i].member, json_boolean(!members[i].says_no));
    }
    return body;
}

/* "remove 0009_x, record 0007_y" */
static void add_edits(const json_t *edits, struct str *out)
{
    size_t i;
    json_t *edit;

    json_array_foreach(edits, i, edit)
    {
        const char *what = json_str(edit, "edit");
        str_addf(out, "%s%s ", i ? ", " : "", what);
        if (str_eq(what, "convert"))
            str_addf(out, "%lld rows from %s to %s", json_int(edit, "rows"), json_str(edit, "from"),
                     json_str(edit, "to"));
        else
            str_add(out, json_str(edit, "version"));
    }
}

static void print_preview(const struct ctl *ctl, const struct args *args, const json_t *preview)
{
    (void)args;
    static const char *const headings[] = {"TENANTS",     "FORMAT",  "WOULD",
                                           "FOR EXAMPLE", "PROBLEM", NULL};
    struct table table;
    size_t i;
    json_t *cohort;

    table_init(&table, headings);
    json_array_foreach(json_object_get(preview, "cohorts"), i, cohort)
    {
        struct str ids = STR_INIT, edits = STR_INIT;
        names_join(json_object_get(cohort, "sample"), &ids);
        add_edits(json_object_get(cohort, "edits"), &edits);
        table_add_int(&table, json_int(cohort, "tenants"));
        table_add(&table, json_str(cohort, "format"));
        table_add(&table, str_text(&edits));
        table_add(&table, str_text(&ids));
        table_add(&table, json_str(json_object_get(cohort, "problem"), "detail"));
        str_clear(&ids);
        str_clear(&edits);
    }
    table_print(ctl, &table, NULL);
    say(ctl, "%lld of %lld tenants looked at, %lld of them with nothing to do; nothing was changed",
        json_int(preview, "examined"), json_int(preview, "tenants"), json_int(preview, "noop"));
}

int repair_start(struct ctl *ctl, const struct args *args)
{
    json_auto_t *body = body_of(args);
    return body ? job_start(ctl, args, path_of(args), NULL, body, print_preview) : EXIT_USAGE;
}

int tenant_resolve(struct ctl *ctl, const struct args *args)
{
    bool applied = args_flag(args, "applied"), rolled_back = args_flag(args, "rolled-back");
    const char *note = args_value(args, "note");

    if (applied == rolled_back) {
        complain("either --applied or --rolled-back is needed");
        return EXIT_USAGE;
    }
    json_auto_t *body = json_pack("{s:s, s:s}", "version", args->operands[1], "as",
                                  applied ? "applied" : "rolled_back");
    if (note)
        (void)json_object_set_new(body, "note", json_string(note));
    return job_start(ctl, args, "/v1/tenants/{}/migrations/resolve", args->operands[0], body,
                     print_preview);
}
