/* SPDX-License-Identifier: MIT */
/* Models that are made rather than read: from templates, and from other formats. */
#pragma once

#include "core/schema/model.h"

/* A model in the making. Once something failed for want of memory nothing more is added. */
struct schema_builder {
    struct schema *schema; /* the caller's, schema_free(); NULL without memory */
    bool failed;
};

void model_begin(struct schema_builder *b, const char *name);
/* A copy that hangs off the model. */
char *model_text(struct schema_builder *b, const char *text);

/* What they return is the model's, and moves when the next of its kind is added; NULL once failed.
 */
struct schema_table *model_table(struct schema_builder *b, const char *name);
struct schema_enum *model_enum(struct schema_builder *b, const char *name);
void model_label(struct schema_builder *b, struct schema_enum *e, const char *label);
/* With the type as people write it: varchar(20), timestamptz[]. An enum of the model by its name.
 */
struct schema_column *model_column(struct schema_builder *b, struct schema_table *t,
                                   const char *name, const char *type);

/* NULL-terminated columns; names are PostgreSQL's own for what has none. */
void model_primary_key(struct schema_builder *b, struct schema_table *t,
                       const char *const *columns);
void model_unique(struct schema_builder *b, struct schema_table *t, const char *const *columns);
/* name NULL: PostgreSQL's own. */
void model_index(struct schema_builder *b, struct schema_table *t, const char *name, bool unique,
                 const char *const *columns);
struct schema_foreign_key *model_foreign_key(struct schema_builder *b, struct schema_table *t,
                                             const char *const *columns, const char *ref_table,
                                             const char *const *ref_columns);

/* At the end: the definitions that follow from the rest, of foreign keys and identities. */
void model_end(struct schema_builder *b);

/*
 * Reads a type as people write it into out, whose name is as format_type() writes it and hangs off
 * the model: int4 is integer, timestamptz(3) timestamp(3) with time zone. A name that is not
 * PostgreSQL's own stays as it is, of class TYPE_OTHER, or TYPE_ENUM if the model has an enum of
 * that name.
 */
void model_type(struct schema_builder *b, const char *type, struct schema_type *out);
