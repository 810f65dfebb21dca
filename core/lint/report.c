/* SPDX-License-Identifier: MIT */
/* Results as text for people, and as the workflow commands of GitHub Actions. */
#include "core/lint/report.h"

#include <string.h>

#include "core/lint/lint.h"
#include "core/migrate/sqlnode.h"

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void add_place(const json_t *issue, struct str *out)
{
    const char *file = node_text(issue, "file");

    if (*file)
        str_addf(out, "%s:%lld:%lld: ", file, number(issue, "line"), number(issue, "column"));
}

/* A control character in a name would do to a terminal what it wants. */
static void add_plain(struct str *out, const char *text)
{
    for (; *text; text++)
        str_add_char(out, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void report_text(const json_t *result, struct str *out)
{
    static const char *const more[] = {"lock", "why", "instead"};
    size_t i;
    json_t *issue;

    json_array_foreach (json_object_get(result, "issues"), i, issue) {
        CLEANUP(str_clear) struct str place = STR_INIT;
        add_place(issue, &place);
        add_plain(out, str_text(&place));
        str_addf(out, "%s: ", node_text(issue, "severity"));
        add_plain(out, node_text(issue, "message"));
        str_addf(out, " (%s)\n", node_text(issue, "rule"));
        for (size_t m = 0; m < ARRAY_LEN(more); m++)
            if (*node_text(issue, more[m]))
                str_addf(out, "    %s: %s\n", more[m], node_text(issue, more[m]));
    }
    if (json_is_true(json_object_get(result, "truncated")))
        str_add(out, "and more; these are the first\n");
    str_addf(out, "%lld tables: %lld errors, %lld warnings\n", number(result, "tables"),
             number(result, "errors"), number(result, "warnings"));
}

/* As the toolkit of GitHub Actions escapes them: data, and with it properties. */
static void add_escaped(struct str *out, const char *text, bool property)
{
    for (; *text; text++) {
        if (*text == '%' || *text == '\r' || *text == '\n' ||
            (property && (*text == ':' || *text == ',')))
            str_addf(out, "%%%02X", (unsigned)*text);
        else
            str_add_char(out, *text);
    }
}

static void report_github(const json_t *result, struct str *out)
{
    size_t i;
    json_t *issue;

    json_array_foreach (json_object_get(result, "issues"), i, issue) {
        bool error = str_eq(node_text(issue, "severity"), "error");
        str_addf(out, "::%s ", error ? "error" : "warning");
        if (*node_text(issue, "file")) {
            str_add(out, "file=");
            add_escaped(out, node_text(issue, "file"), true);
            str_addf(out, ",line=%lld,col=%lld,", number(issue, "line"), number(issue, "column"));
        }
        str_addf(out, "title=%s::", node_text(issue, "rule"));
        add_escaped(out, node_text(issue, "message"), false);
        if (*node_text(issue, "instead")) {
            str_add(out, "; instead: ");
            add_escaped(out, node_text(issue, "instead"), false);
        }
        str_add_char(out, '\n');
    }
    str_addf(out, "::notice::Lint: %lld tables, %lld errors, %lld warnings\n",
             number(result, "tables"), number(result, "errors"), number(result, "warnings"));
}

static const struct {
    const char *name, *content_type;
    void (*write)(const json_t *result, struct str *out);
} formats[] = {
    {"text", "text/plain; charset=utf-8", report_text},
    {"github", "text/plain; charset=utf-8", report_github},
    {"sarif", "application/sarif+json", report_sarif},
};

char *lint_report(const json_t *result, const char *format, const char **content_type)
{
    struct str out = STR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (!str_eq(format, formats[i].name))
            continue;
        *content_type = formats[i].content_type;
        formats[i].write(result, &out);
    }
    return str_take(&out);
}
