/* SPDX-License-Identifier: MIT */
/* The settings for people: effective configuration, help, Markdown. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "service/config_setting.h"

enum { COLUMNS = 100, INDENT = 6, COMMENT_COLUMN = 48 };

/* Opens the sections that name has and before has not; returns the depth. */
static int open_sections(const char *name, const char *before, struct str *out)
{
    int depth = 0;
    bool same = true;

    for (const char *dot = strchr(name, '.'), *from = name; dot; dot = strchr(from, '.')) {
        size_t len = (size_t)(dot + 1 - name);
        same = same && strncmp(name, before, len) == 0;
        if (!same)
            str_addf(out, "%*s%.*s:\n", 2 * depth, "", (int)(dot - from), from);
        depth++;
        from = dot + 1;
    }
    return depth;
}

void config_write_yaml(const struct config *config, struct str *out)
{
    size_t n;
    const struct setting *rows = setting_rows(&n);

    for (size_t i = 0; i < n; i++) {
        const char *dot = strrchr(rows[i].name, '.');
        int depth = open_sections(rows[i].name, i ? rows[i - 1].name : "", out);
        size_t start = out->len;
        str_addf(out, "%*s%s: ", 2 * depth, "", dot ? dot + 1 : rows[i].name);
        setting_format(&rows[i], config, out);
        int width = (int)(out->len - start);
        str_addf(out, "%*s # %s\n", width < COMMENT_COLUMN ? COMMENT_COLUMN - width : 0, "",
                 config->sources[i]);
    }
}

json_t *config_json(const struct config *config)
{
    size_t n;
    const struct setting *rows = setting_rows(&n);
    json_auto_t *all = json_object();

    for (size_t i = 0; all && i < n; i++) {
        CLEANUP(str_clear) struct str text = STR_INIT;
        setting_format(&rows[i], config, &text);
        json_t *value = json_loads(str_text(&text), JSON_DECODE_ANY, NULL);
        json_t *entry = json_pack("{so ss}", "value", value, "source", config->sources[i]);
        if (!value || json_object_set_new(all, rows[i].name, entry))
            return NULL;
    }
    json_t *out = all;
    all = NULL; /* now the caller's */
    return out;
}

/* Appends text broken at blanks, each line indented. */
static void add_wrapped(struct str *out, const char *text)
{
    size_t column = COLUMNS;

    while (*text) {
        size_t word = strcspn(text, " ");
        if (column + 1 + word > COLUMNS) {
            str_addf(out, "%s%*s", str_ends(str_text(out), "\n") ? "" : "\n", INDENT, "");
            column = INDENT;
        } else {
            str_add_char(out, ' ');
            column++;
        }
        str_add_n(out, text, word);
        column += word;
        text += word + strspn(text + word, " ");
    }
    str_add_char(out, '\n');
}

static void add_placeholder(const struct setting *s, struct str *out)
{
    switch (s->kind) {
    case SETTING_TEXT:
    case SETTING_JSON:
    case SETTING_SECRET:
        str_add(out, " TEXT");
        return;
    case SETTING_COUNT:
    case SETTING_AMOUNT:
    case SETTING_NUMBER:
        str_add(out, " N");
        return;
    case SETTING_BOOL:
        str_add(out, "[=false]");
        return;
    case SETTING_CHOICE:
        for (const char *const *word = s->choices; *word; word++)
            str_addf(out, "%c%s", word == s->choices ? ' ' : '|', *word);
        return;
    case SETTING_ADDRESS:
        str_add(out, " HOST:PORT");
        return;
    }
}

static bool is_numeric(const struct setting *s)
{
    return s->kind == SETTING_COUNT || s->kind == SETTING_AMOUNT || s->kind == SETTING_NUMBER;
}

/* "10 connections (1 to 1000)", or what there is of it. */
static void add_default(const struct setting *s, struct str *out)
{
    str_add(out, *s->fallback ? s->fallback : "none");
    if (!is_numeric(s))
        return;
    str_addf(out, "%s%s (%" PRId64 " to %" PRId64 ")", s->unit ? " " : "", s->unit ? s->unit : "",
             s->min, s->max);
}

static void add_help(const struct setting *s, struct str *out)
{
    char flag[SETTING_NAME_SIZE], variable[SETTING_NAME_SIZE];
    CLEANUP(str_clear) struct str text = STR_INIT;

    setting_spell(&setting_in_args, s->name, flag);
    setting_spell(&setting_in_env, s->name, variable);
    str_addf(out, "  %s", flag);
    add_placeholder(s, out);
    add_wrapped(out, s->help);
    str_addf(&text, "[%s, %s", s->name, variable);
    if (s->kind == SETTING_SECRET)
        str_addf(&text, " or %s_FILE with a file's name", variable);
    str_add(&text, "; default ");
    add_default(s, &text);
    str_add_char(&text, ']');
    add_wrapped(out, str_text(&text));
}

static const char usage[] =
    "tenantd: the control plane for schema-per-tenant PostgreSQL\n"
    "\n"
    "Usage: tenantd [--config FILE] [--NAME VALUE | --NAME=VALUE]...\n"
    "\n"
    "  --config FILE    read settings from this YAML file (variable TENANTD_CONFIG)\n"
    "  --check-config   report every problem of the configuration, start nothing\n"
    "  --print-config   print the effective configuration and where each value comes from\n"
    "  --help           print this;  --help-markdown: as Markdown\n"
    "  --version        print the version\n"
    "\n"
    "A setting comes from the last of these that has it: its default, the file, the environment,\n"
    "a flag. An empty variable counts as not set. In the file, dots may be nesting: pool.max is\n"
    "max under pool. Exit status: 0 stopped as asked, 1 failed at run time, 2 the configuration\n"
    "is not usable.\n";

void config_write_help(struct str *out)
{
    size_t n, group_count;
    const struct setting *rows = setting_rows(&n);
    const struct setting_group *groups = setting_groups(&group_count);

    str_add(out, usage);
    for (size_t g = 0; g < group_count; g++) {
        str_addf(out, "\n%s\n", groups[g].title);
        for (size_t i = 0; i < n; i++)
            if (setting_in_group(&rows[i], &groups[g]))
                add_help(&rows[i], out);
    }
}

/* A bar would end the cell. */
static void add_cell(struct str *out, const char *text)
{
    for (; *text; text++)
        str_addf(out, "%s%c", *text == '|' ? "\\" : "", *text);
}

static void add_markdown_row(const struct setting *s, struct str *out)
{
    char variable[SETTING_NAME_SIZE];
    CLEANUP(str_clear) struct str fallback = STR_INIT;

    setting_spell(&setting_in_env, s->name, variable);
    add_default(s, &fallback);
    str_addf(out, "| `%s` | `%s` | ", s->name, variable);
    add_cell(out, str_text(&fallback));
    str_add(out, " | ");
    add_cell(out, s->help);
    for (const char *const *word = s->choices; word && *word; word++)
        str_addf(out, "%s`%s`", word == s->choices ? " One of " : ", ", *word);
    str_add(out, s->choices ? ". |\n" : s->kind == SETTING_SECRET ? " Secret. |\n" : " |\n");
}

void config_write_markdown(struct str *out)
{
    size_t n, group_count;
    const struct setting *rows = setting_rows(&n);
    const struct setting_group *groups = setting_groups(&group_count);

    for (size_t g = 0; g < group_count; g++) {
        str_addf(out, "%s### %s\n\n| Setting | Variable | Default | Meaning |\n|---|---|---|---|\n",
                 g ? "\n" : "", groups[g].title);
        for (size_t i = 0; i < n; i++)
            if (setting_in_group(&rows[i], &groups[g]))
                add_markdown_row(&rows[i], out);
    }
}
