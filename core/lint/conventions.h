/* SPDX-License-Identifier: MIT */
/* The rules of drizzle-multitenant's linter, over what is known of a table. */
#pragma once

#include "core/lint/rule.h"

typedef void lint_table_rule(struct lint_run *run, const struct fact_table *t);

lint_table_rule lint_table_naming, lint_column_naming, lint_primary_key, lint_uuid, lint_timestamps,
    lint_foreign_keys, lint_cascade, lint_soft_delete;
