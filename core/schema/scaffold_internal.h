/* SPDX-License-Identifier: MIT */
/* For core/schema/scaffold*.c only. */
#pragma once

#include "core/base/str.h"
#include "core/schema/build.h"
#include "core/schema/scaffold.h"

/* The name as a table's or column's, in snake_case; field is the option it came from. */
err_code scaffold_snake(const char *name, const char *field, char out[64], struct err *err)
    MUST_USE;
/* Hands path and content over. */
err_code scaffold_finish(struct str *path, struct str *content, struct scaffold *out,
                         struct err *err) MUST_USE;
/* The example table; false without memory. */
bool scaffold_build(struct schema_builder *b, const char *table, const struct scaffold_schema *o);
/* It in SQL. */
void scaffold_write_sql(const struct schema *s, struct str *out);
