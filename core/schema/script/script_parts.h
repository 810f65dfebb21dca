/* SPDX-License-Identifier: MIT */
/* The parts of schema_script(); for core/schema/script/ and clone/ only. */
#pragma once

#include "core/base/str.h"
#include "core/schema/script.h"

struct writer {
    const struct schema *schema;
    const char *name; /* of the schema to be; NULL: not said */
    struct schema_script *out;
    script_part part;
    bool failed; /* no memory */
};

/* A statement of what sql has; empties it. */
void writer_end(struct writer *w, struct str *sql);
void write_name(struct str *sql, const char *name); /* quoted */

void write_enum(struct writer *w, const struct schema_enum *e);
void write_domain(struct writer *w, const struct schema_domain *d);
void write_object(struct writer *w, const struct schema_object *o);
void write_table(struct writer *w, const struct schema_table *t);
void write_view(struct writer *w, const struct schema_table *t);
/* Whether rows may be there that break it: CREATE TABLE would take it for validated. */
bool check_is_late(const struct schema_check *k);
/* What comes once everything is there, table by table. */
void write_late_checks(struct writer *w, const struct schema_table *t);
void write_indexes(struct writer *w, const struct schema_table *t);
/* Once all indexes are there: which belong to which, and which one a table goes by. */
void write_attachments(struct writer *w, const struct schema_table *t);
void write_foreign_keys(struct writer *w, const struct schema_table *t);
void write_row_security(struct writer *w, const struct schema_table *t);
void write_table_comments(struct writer *w, const struct schema_table *t);
void write_object_comment(struct writer *w, const struct schema_object *o);
/* COMMENT ON `what` IS ...; nothing for a NULL comment. */
void write_comment(struct writer *w, const struct str *what, const char *comment);
