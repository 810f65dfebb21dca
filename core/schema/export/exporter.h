/* SPDX-License-Identifier: MIT */
/* What an exporter is: a function here and a row in core/schema/export.c. */
#pragma once

#include "core/base/str.h"
#include "core/schema/export.h"

/* What is to be exported: the chosen tables, in the order of the model. */
struct export_view {
    const struct schema *schema;
    const struct schema_table **tables;
    size_t n_tables;
    bool filtered;
};

/* Appends the document to out, whose failure the caller looks at. */
typedef err_code export_write(const struct export_view *view, const struct export_options *options,
                              struct str *out, struct err *err);

export_write export_json_schema, export_typescript, export_zod, export_drizzle, export_mermaid,
    export_dbml, export_json;

/* Whether the enum is to be in the export: a chosen table uses it, or all is exported. */
bool export_wants_enum(const struct export_view *view, size_t enumeration);
/* Whether the table, of this schema, is among the chosen. */
bool export_has_table(const struct export_view *view, const char *name);
