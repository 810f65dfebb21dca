/* SPDX-License-Identifier: MIT */
#include "core/lint/issues.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/migrate/place.h"
#include "core/migrate/sqlcheck.h"

void issues_clear(struct issues *issues)
{
    for (size_t i = 0; i < issues->n; i++)
        json_decref(issues->items[i].shown);
    free(issues->items);
    *issues = (struct issues){.items = NULL};
}

void issues_add(struct issues *issues, const struct issue *issue, lint_level level)
{
    struct issue *item = NULL;

    if (level == LINT_ERROR)
        issues->errors++;
    else
        issues->warnings++;
    if (issues->n < LINT_ISSUES_MAX) {
        item = issue->shown ? list_grow((void **)&issues->items, issues->n, sizeof *item) : NULL;
        issues->failed |= !item;
    }
    if (!item) {
        json_decref(issue->shown);
        return;
    }
    *item = *issue;
    issues->n++;
}

static bool is_left(struct lint_run *run, const struct lint_rule *rule, struct fact_origin at)
{
    struct lint_parsed *parsed = run->parsed ? &run->parsed[at.file] : NULL;

    if (lint_config_level(run->config, rule) == LINT_OFF)
        return true;
    return parsed && (parsed->file->context ||
                      (!rule->fixed && ignores_cover(&parsed->ignores, at.statement, rule->name)));
}

static void set_text(json_t *out, const char *key, const char *text)
{
    if (text && *text)
        (void)json_object_set_new(out, key, json_text(text));
}

static void add(struct lint_run *run, const struct lint_rule *rule,
                const struct lint_subject *subject, const char *message)
{
    const struct lint_parsed *parsed = run->parsed ? &run->parsed[subject->at.file] : NULL;
    bool inside = parsed && subject->at.statement < parsed->count;
    lint_level level = lint_config_level(run->config, rule);

    if (run->issues->n == LINT_ISSUES_MAX) { /* only counted */
        issues_add(run->issues, &(struct issue){.shown = NULL}, level);
        return;
    }
    json_t *shown = json_object();

    set_text(shown, "rule", rule->name);
    set_text(shown, "severity", lint_level_name(level));
    set_text(shown, "message", message);
    set_text(shown, "table", subject->table);
    set_text(shown, "column_name", subject->column);
    set_text(shown, "lock", rule->lock);
    set_text(shown, "why", rule->why);
    set_text(shown, "instead", rule->instead);
    if (inside)
        (void)json_object_set_new(shown, "statement",
                                  json_integer((json_int_t)subject->at.statement + 1));
    size_t from = inside ? parsed->statements[subject->at.statement].offset : 0;
    issues_add(run->issues,
               &(struct issue){
                   .file = subject->at.file, .offset = from + subject->at.offset, .shown = shown},
               level);
}

void lint_add(struct lint_run *run, const struct lint_rule *rule,
              const struct lint_subject *subject, const char *fmt, ...)
{
    char message[600];
    va_list args;

    if (is_left(run, rule, subject->at))
        return;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    add(run, rule, subject, message);
}

/* The rule's sentence with {table} and {column} filled in. */
static void say(const struct lint_rule *rule, const struct lint_subject *subject, struct str *out)
{
    for (const char *c = rule->says; *c; c++) {
        if (str_starts(c, "{table}")) {
            str_add(out, subject->table);
            c += strlen("{table}") - 1;
        } else if (str_starts(c, "{column}")) {
            str_add(out, subject->column);
            c += strlen("{column}") - 1;
        } else {
            str_add_char(out, *c);
        }
    }
}

void lint_add_said(struct lint_run *run, const struct lint_rule *rule,
                   const struct lint_subject *subject)
{
    CLEANUP(str_clear) struct str message = STR_INIT;

    if (is_left(run, rule, subject->at))
        return;
    say(rule, subject, &message);
    add(run, rule, subject, str_text(&message));
}

static int compare(const void *a, const void *b)
{
    const struct issue *x = a, *y = b;

    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return strcmp(json_string_value(json_object_get(x->shown, "rule")),
                  json_string_value(json_object_get(y->shown, "rule")));
}

static void place_all(const struct lint_run *run)
{
    struct issues *issues = run->issues;
    struct place at = {.line = 0};

    for (size_t i = 0; i < issues->n && run->parsed; i++) {
        struct issue *issue = &issues->items[i];
        const struct lint_file *file = run->parsed[issue->file].file;
        if (!i || issue->file != issues->items[i - 1].file)
            at = PLACE_START(sql_bom_len(file->sql, file->len));
        if (issue->offset > at.offset)
            place_to_offset(&at, file->sql, issue->offset < file->len ? issue->offset : file->len);
        issue->line = issue->line ? issue->line : at.line;
        issue->column = issue->column ? issue->column : at.column;
    }
}

static json_t *number(int n)
{
    return n ? json_integer(n) : json_null();
}

static json_t *issues_json(const struct lint_run *run)
{
    json_t *list = json_array();

    for (size_t i = 0; i < run->issues->n; i++) {
        const struct issue *issue = &run->issues->items[i];
        json_t *out =
            json_pack("{s:o, s:o, s:o}", "file",
                      run->parsed ? json_text(run->parsed[issue->file].file->path) : json_null(),
                      "line", number(issue->line), "column", number(issue->column));
        (void)json_object_update(out, issue->shown);
        (void)json_array_append_new(list, out);
    }
    return list;
}

static size_t count_tables(const struct facts *facts)
{
    size_t n = 0;
    for (size_t i = 0; i < facts->n_tables; i++)
        n += facts->tables[i].known && !facts->tables[i].dropped;
    return n;
}

err_code issues_result(struct lint_run *run, size_t schemas, json_t **out, struct err *err)
{
    struct issues *issues = run->issues;

    if (issues->failed || run->facts.failed)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (issues->n)
        qsort(issues->items, issues->n, sizeof *issues->items, compare);
    place_all(run);
    *out = json_pack("{s:b, s:I, s:I, s:I, s:I, s:b, s:o}", "success", issues->errors == 0,
                     "total_schemas", (json_int_t)schemas, "tables",
                     (json_int_t)count_tables(&run->facts), "errors", (json_int_t)issues->errors,
                     "warnings", (json_int_t)issues->warnings, "truncated",
                     issues->errors + issues->warnings > issues->n, "issues", issues_json(run));
    return *out ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}
