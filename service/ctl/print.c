/* SPDX-License-Identifier: MIT */
/* What is printed: replies for people, and problems. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "service/ctl/ctl.h"

const char *json_str(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

long long json_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void print_safe(FILE *to, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static void print_safe(FILE *to, const char *fmt, va_list args)
{
    struct str safe = STR_INIT;
    char *text = NULL;

    if (vasprintf(&text, fmt, args) >= 0) {
        (void)text_add_safe(&safe, text);
        (void)fprintf(to, "%s\n", str_text(&safe));
        free(text);
    }
    str_clear(&safe);
}

void say(const struct ctl *ctl, const char *fmt, ...)
{
    va_list args;

    if (ctl->json || ctl->quiet)
        return;
    va_start(args, fmt);
    print_safe(stdout, fmt, args);
    va_end(args);
}

void complain(const char *fmt, ...)
{
    va_list args;

    (void)fflush(stdout);
    (void)fputs("tenantctl: ", stderr);
    va_start(args, fmt);
    print_safe(stderr, fmt, args);
    va_end(args);
}

/* A line under what complain() said. */
static void complain_more(const char *fmt, ...) PRINTF_LIKE(1, 2);

static void complain_more(const char *fmt, ...)
{
    va_list args;

    (void)fputs("  ", stderr);
    va_start(args, fmt);
    print_safe(stderr, fmt, args);
    va_end(args);
}

void table_print(const struct ctl *ctl, struct table *table, const char *when_empty)
{
    struct str out = STR_INIT;

    if (!ctl->json && !table->count && when_empty)
        say(ctl, "%s", when_empty);
    else if (!ctl->json && table->count)
        table_write(table, &out);
    if (!str_ok(&out))
        complain("out of memory");
    (void)fputs(str_text(&out), stdout);
    str_clear(&out);
    table_clear(table);
}

void details_print(const struct ctl *ctl, const struct detail *details, size_t n)
{
    struct str out = STR_INIT;

    for (size_t i = 0; i < n && !ctl->json; i++) {
        str_addf(&out, "%-14s", details[i].name);
        (void)text_add_safe(&out, details[i].value);
        str_add_char(&out, '\n');
    }
    (void)fputs(str_text(&out), stdout);
    str_clear(&out);
}

void labels_text(json_t *labels, struct str *out)
{
    const char *key;
    json_t *value;
    bool first = true;

    json_object_foreach(labels, key, value)
    {
        const char *text = json_string_value(value);
        str_addf(out, "%s%s=%s", first ? "" : ",", key, text ? text : "");
        first = false;
    }
}

static void print_field_errors(const json_t *errors)
{
    static const char *const places[] = {"pointer", "parameter", "header"};
    size_t i;
    json_t *row;

    json_array_foreach(errors, i, row)
    {
        const char *place = NULL;
        for (size_t p = 0; p < ARRAY_LEN(places) && !place; p++)
            place = json_str(row, places[p]);
        complain_more("%s: %s", place ? place : "?",
                      json_str(row, "detail") ? json_str(row, "detail") : "");
    }
}

static void print_place(const json_t *metadata)
{
    const char *sqlstate = json_str(metadata, "sqlstate");

    if (json_int(metadata, "line"))
        complain_more("line %lld, column %lld", json_int(metadata, "line"),
                      json_int(metadata, "column"));
    if (sqlstate)
        complain_more("SQLSTATE %s", sqlstate);
}

void problem_print(const struct ctl *ctl, const struct answer *answer)
{
    json_t *problem = NULL;

    if (!strstr(answer->content_type, "json") ||
        json_parse(str_text(&answer->body), answer->body.len, &problem, NULL)) {
        complain("%s answered %ld, and nothing that this API would say; is the URL right?",
                 ctl->url, answer->status);
        return;
    }
    const char *title = json_str(problem, "title"), *code = json_str(problem, "code"),
               *detail = json_str(problem, "detail"), *id = json_str(problem, "request_id");
    const json_t *errors = json_object_get(problem, "errors");
    /* the detail is often that of the first field again */
    const char *first = json_str(json_array_get(errors, 0), "detail");
    complain("%s (%ld %s)", title ? title : "refused", answer->status, code ? code : "-");
    if (detail && !str_ends(detail, first ? first : "\n"))
        complain_more("%s", detail);
    print_field_errors(errors);
    print_place(json_object_get(problem, "metadata"));
    if (answer->status == 401 && !ctl->token)
        complain_more("no token was given: --token-file, TENANTCTL_TOKEN_FILE or TENANTCTL_TOKEN");
    if (answer->status >= 500 && id)
        complain_more("request %s", id);
    json_decref(problem);
}
