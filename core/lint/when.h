/* SPDX-License-Identifier: MIT */
/* When an act is one that a rule is about; see struct lint_match. */
#pragma once

#include "core/lint/rule.h"

typedef bool lint_condition(const struct lint_run *run, const struct lint_act *act);

/* columns that are added */
lint_condition when_fills_each_row, when_lacks_values, when_adds_primary_key, when_adds_unique,
    when_refers_with_values, when_adds_check;
/* constraints */
lint_condition when_validated, when_builds_index, when_null_not_excluded, when_validated_at_once;
/* types */
lint_condition when_rewrites, when_char, when_varchar, when_timestamp, when_json, when_int,
    when_smallint, when_serial;
/* indexes */
lint_condition when_blocks, when_unique_index, when_wide_index, when_in_transaction,
    when_detach_blocks;
/* objects */
lint_condition when_column, when_table, when_cascades, when_domain_constraint,
    when_domain_has_constraint, when_enum_unordered, when_no_schema;
/* the run of a file */
lint_condition when_whole_table, when_assigns_twice, when_full, when_controls_transaction,
    when_timeout_off, when_not_repeatable;
