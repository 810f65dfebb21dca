/* SPDX-License-Identifier: MIT */
/* PascalCase TypeScript names for tables and enums, each its own. */
#pragma once

#include "core/schema/export/exporter.h"

struct ts_names {
    char **tables; /* by position in schema.tables: "User", with "NewUser" free beside it */
    char **enums;  /* by position in schema.enums */
    size_t n_tables, n_enums;
};

/* The names depend on the whole schema, so that a selection does not change them. */
err_code ts_names_init(struct ts_names *names, const struct schema *s, struct err *err) MUST_USE;
void ts_names_clear(struct ts_names *names);

/*
 * Appends name as an identifier that starts with a capital: letters, digits, and what other
 * scripts' letters surely may stand in one; all else separates words. "" becomes T.
 */
void ts_add_pascal(struct str *out, const char *name);
/* The same with a small letter at the beginning (userId), and in small letters (user_id). */
void ts_add_camel(struct str *out, const char *name);
void ts_add_snake(struct str *out, const char *name);
/* Whether name, as it is, can stand as an identifier. */
bool ts_is_identifier(const char *name);
/* Appends a property's name, quoted unless it is an identifier. */
void ts_add_property(struct str *out, const char *name);
/* Appends what comes behind an object to reach the property: .name or ["name"]. */
void ts_add_access(struct str *out, const char *name);
/* Appends a doc comment, harmless and indented; nothing for NULL. */
void ts_add_comment(struct str *out, const char *indent, const char *comment);
