/* SPDX-License-Identifier: MIT */
/* The parts of schema_clone(); for core/schema/clone/ only. */
#pragma once

#include "core/base/str.h"
#include "core/pg/ident.h"
#include "core/schema/clone.h"

/* spec.c: what the spec says of a table or a column. */
bool clone_is_kept(const struct clone_spec *spec, const char *table); /* tracking and seeds */
/* Whether the table holds rows of its own that are wanted. */
bool clone_has_rows(const struct schema *s, const struct clone_spec *spec,
                    const struct schema_table *t);
/* The table that is meant by a name as PostgreSQL writes it in SQL; NULL: none of this schema. */
const struct schema_table *clone_table_named(const struct schema *s, const char *sql);
/* The partitioned table at the top that t is a part of, or t. */
const struct schema_table *clone_root(const struct schema *s, const struct schema_table *t);
/* The rule of a column, which may be said of a table that t is a partition or child of; NULL. */
const json_t *clone_rule(const struct schema *s, const struct clone_spec *spec,
                         const struct schema_table *t, const char *column);
bool clone_is_personal(const struct schema *s, const struct clone_spec *spec,
                       const struct schema_table *t, const char *column);
/* Splits "table.column" of this schema; false: there is none. */
bool clone_find_column(const struct schema *s, const char *key, const struct schema_table **t,
                       const struct schema_column **c);
/* Whether values that differ have to go on to differ, and those that agree to agree: the column is
 * in a unique index, or at either end of a foreign key. */
bool clone_is_exact(const struct schema *s, const struct schema_table *t, const char *column);

/* mask.c: what stands in place of a value. */
/* Why the rule cannot be: a sentence, in a buffer; false: it can. */
bool clone_mask_refused(const struct schema_column *c, const json_t *rule, bool exact,
                        char why[160]);
/* The expression for a column whose value is the SQL `value`. $1 and $2 are the inner and outer pad
 * of the key. target: the schema of own types. */
void clone_mask(struct str *sql, const struct schema_column *c, const json_t *rule, bool exact,
                const char *value, const char *target);
/* Whether the expression has $1 and $2 in it. */
bool clone_mask_is_keyed(const json_t *rule);

/* What is under way. */
struct cloning {
    const struct clone_options *o;
    struct pg *pg;
    const struct schema *model; /* of the source */
    struct clone_result *result;
    struct pg_ident source, target;
    char pads[2][2 * 64 + 3]; /* of the key, as text of a bytea */
    int64_t deadline;         /* clock_mono_ms(); 0: none */
};
/* ERR_CANCELLED: it shall not go on. */
err_code cloning_check(const struct cloning *c, struct err *err) MUST_USE;
/* copy.c: the rows, then the places of sequences. */
err_code cloning_copy_rows(struct cloning *c, struct err *err) MUST_USE;
err_code cloning_set_sequences(struct cloning *c, struct err *err) MUST_USE;
/* sample.c: makes temporary tables of the keys of the rows that come along. */
err_code cloning_choose(struct cloning *c, struct err *err) MUST_USE;
/* Appends the condition on the row t of a table, where its rows were chosen. */
void cloning_chosen(const struct cloning *c, const struct schema_table *table, struct str *sql);
