/* SPDX-License-Identifier: MIT */
#include "core/base/json.h"
#include "core/lint/report.h"
#include "core/lint/rule.h"
#include "core/migrate/sqlnode.h"

static const char *level_word(const char *severity)
{
    return str_eq(severity, "error") ? "error" : str_eq(severity, "off") ? "none" : "warning";
}

static json_t *message(const char *text)
{
    return json_pack("{s:o}", "text", json_text(text));
}

static json_t *rules_json(void)
{
    json_t *list = json_array();

    for (size_t i = 0; i < lint_rule_count; i++) {
        const struct lint_rule *rule = &lint_rules[i];
        CLEANUP(str_clear) struct str help = STR_INIT;
        str_addf(&help, "%s%s%s%s%s", rule->about, rule->why ? " Why: " : "",
                 rule->why ? rule->why : "", rule->instead ? ". Instead: " : "",
                 rule->instead ? rule->instead : "");
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:o, s:o, s:{s:s}, s:{s:s}}", "id", rule->name,
                                              "shortDescription", message(rule->about), "help",
                                              message(str_text(&help)), "defaultConfiguration",
                                              "level", level_word(lint_level_name(rule->level)),
                                              "properties", "group", rule->group));
    }
    return list;
}

/* A path as a URI reference (RFC 3986, 4.2). */
static json_t *uri(const char *path)
{
    CLEANUP(str_clear) struct str out = STR_INIT;

    for (const char *c = path; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || *c == '-' || *c == '.' || *c == '_' || *c == '~' ||
                     *c == '/';
        if (plain)
            str_add_char(&out, *c);
        else
            str_addf(&out, "%%%02X", (unsigned char)*c);
    }
    return json_string(str_text(&out));
}

/* In a file, or in a schema that is live. */
static json_t *location_json(const json_t *issue)
{
    const char *file = node_text(issue, "file"), *column = node_text(issue, "column_name");

    if (*file)
        return json_pack("{s:{s:{s:o}, s:{s:O, s:O}}}", "physicalLocation", "artifactLocation",
                         "uri", uri(file), "region", "startLine", json_object_get(issue, "line"),
                         "startColumn", json_object_get(issue, "column"));
    CLEANUP(str_clear) struct str name = STR_INIT;
    str_addf(&name, "%s%s%s", node_text(issue, "table"), *column ? "." : "", column);
    return json_pack("{s:[{s:o}]}", "logicalLocations", "fullyQualifiedName",
                     json_text(str_text(&name)));
}

static json_t *result_json(const json_t *issue)
{
    const struct lint_rule *rule = lint_rule_find(node_text(issue, "rule"));

    return json_pack("{s:O, s:o*, s:s, s:o, s:[o]}", "ruleId", json_object_get(issue, "rule"),
                     "ruleIndex", rule ? json_integer(rule - lint_rules) : NULL, "level",
                     level_word(node_text(issue, "severity")), "message",
                     message(node_text(issue, "message")), "locations", location_json(issue));
}

void report_sarif(const json_t *result, struct str *out)
{
    json_t *results = json_array(), *issue;
    size_t i;

    json_array_foreach (json_object_get(result, "issues"), i, issue)
        (void)json_array_append_new(results, result_json(issue));
    json_auto_t *log =
        json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:o}}, s:s, s:o}]}", "$schema",
                  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
                  "sarif-schema-2.1.0.json",
                  "version", "2.1.0", "runs", "tool", "driver", "name", "tenantd", "rules",
                  rules_json(), "columnKind", "unicodeCodePoints", "results", results);
    CLEANUP(freep) char *text = log ? json_dumps(log, JSON_INDENT(1)) : NULL;
    if (text)
        str_add(out, text);
    else
        out->failed = true;
}
