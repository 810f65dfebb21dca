/* SPDX-License-Identifier: MIT */
/* diff: what makes one schema look like another. */
#include <string.h>

#include "service/ctl/ctl.h"
#include "service/ctl/files.h"

/* The words for what has no name of its own, and what they are in the body. */
static const struct {
    const char *word, *member, *value;
    bool version; /* "@VERSION" may follow */
} words[] = {
    {"catalog", "catalog", "tenant", true},
    {"shared-catalog", "catalog", "shared", true},
    {"shared", "shared", NULL, false},
};

static json_t *word_side(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i].word);
        const char *rest = text + n;
        if (strncmp(text, words[i].word, n) != 0 || (*rest && !(words[i].version && *rest == '@')))
            continue;
        json_t *out = json_object();
        (void)json_object_set_new(out, words[i].member,
                                  words[i].value ? json_string(words[i].value) : json_true());
        if (*rest)
            (void)json_object_set_new(out, "version", json_string(rest + 1));
        return out;
    }
    return NULL;
}

static json_t *file_side(const char *path)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    struct err err;
    json_error_t error;

    if (files_read(path, &text, &err)) {
        complain("%s", err.msg);
        return NULL;
    }
    json_t *value = str_ends(path, ".sql") ? json_stringn(str_text(&text), text.len)
                                           : json_loadb(str_text(&text), text.len, 0, &error);
    if (!value)
        complain("%s: not %s", path, str_ends(path, ".sql") ? "UTF-8" : "JSON");
    return value ? json_pack("{s:o}", str_ends(path, ".sql") ? "sql" : "model", value) : NULL;
}

/* NULL after a complaint. */
static json_t *side_of(const char *text)
{
    json_t *word = word_side(text);

    if (word)
        return word;
    if (str_ends(text, ".sql") || str_ends(text, ".json"))
        return file_side(text);
    if (str_starts(text, "expected:"))
        return json_pack("{s:s, s:b}", "tenant_id", text + strlen("expected:"), "expected", 1);
    return json_pack("{s:s}", "tenant_id",
                     str_starts(text, "tenant:") ? text + strlen("tenant:") : text);
}

static json_t *renames_of(const struct args *args)
{
    json_t *out = json_object();
    size_t at = 0;

    for (const char *text; (text = args_next(args, "rename", &at));) {
        const char *equals = strchr(text, '=');
        if (!equals || equals == text || !equals[1]) {
            complain("--rename takes OLD=NEW, such as users.email=users.mail, not %s", text);
            json_decref(out);
            return NULL;
        }
        (void)json_object_setn_new(out, text, (size_t)(equals - text), json_string(equals + 1));
    }
    return out;
}

static void print_changes(const struct ctl *ctl, const json_t *diff)
{
    static const char *const headings[] = {"CLASS", "KIND", "WHAT", "HAZARDS", NULL};
    struct table table;
    size_t i;
    json_t *change;

    table_init(&table, headings);
    json_array_foreach(json_object_get(diff, "changes"), i, change)
    {
        CLEANUP(str_clear) struct str hazards = STR_INIT;
        names_join(json_object_get(change, "hazards"), &hazards);
        if (!json_is_string(json_object_get(change, "sql")))
            str_add(&hazards, "no SQL makes it so");
        table_add(&table, json_str(change, "class"));
        table_add(&table, json_str(change, "kind"));
        table_add(&table, json_str(change, "path"));
        table_add(&table, str_text(&hazards));
    }
    table_print(ctl, &table, "both look the same");
}

static int show(struct ctl *ctl, const struct args *args, const json_t *diff)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    const char *path = args_value(args, "output");
    bool equal = json_is_true(json_object_get(diff, "equal"));

    print_changes(ctl, diff);
    str_add(&sql, json_str(diff, "migration_sql"));
    int status = path || (!ctl->json && sql.len) ? output_write(path, &sql) : EXIT_DONE;
    return !status && !equal && args_flag(args, "check") ? EXIT_REFUSED : status;
}

int diff_show(struct ctl *ctl, const struct args *args)
{
    json_auto_t *from = side_of(args->operands[0]), *to = side_of(args->operands[1]);
    json_auto_t *renames = renames_of(args), *diff = NULL;

    if (!from || !to || !renames)
        return EXIT_USAGE;
    json_auto_t *body = json_pack("{s:O, s:O, s:{s:b, s:O}}", "from", from, "to", to, "options",
                                  "safe", (int)args_flag(args, "safe"), "renames", renames);
    struct api_request request = {.method = "POST", .path = "/v1/schema/diff", .json = body};
    int status = api_json(ctl, &request, &diff);
    return status ? status : show(ctl, args, diff);
}
