/* SPDX-License-Identifier: MIT */
/* Rules that the configuration adds, each a query. */
#pragma once

#include "core/lint/lint.h"

struct custom_rule {
    char *name, *sql, *about, *instead; /* owned; instead may be NULL */
    lint_level level;
};

struct custom_rules {
    struct custom_rule *items;
    size_t n;
};

void custom_rules_clear(struct custom_rules *rules);
/* false without memory. */
bool custom_rules_copy(const struct custom_rules *from, struct custom_rules *out);
struct custom_rule *custom_rule_find(const struct custom_rules *rules, const char *name);
/* Adds the rules of an object; what is wrong is told, and left out. */
void custom_rules_read(struct custom_rules *rules, const json_t *object, lint_complaint *complain,
                       void *ctx);
