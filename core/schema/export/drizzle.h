/* SPDX-License-Identifier: MIT */
/* The parts of the drizzle export; for core/schema/export/drizzle*.c only. */
#pragma once

#include "core/schema/export/ts_case.h"

/* A table that the file refers to and does not have: of another schema, or not chosen. */
struct drizzle_stub {
    const char *schema, *table;        /* schema NULL: this one */
    size_t constant;                   /* in drizzle.constants */
    struct name_list columns, fields;  /* those that are referred to */
    const struct schema_column **like; /* for each, a column of the same type */
};

/* A type that pg-core has no function for. */
struct drizzle_custom {
    const char *type;
    size_t constant;
};

struct drizzle {
    const struct export_view *view;
    ts_casing casing;
    bool zod;
    struct name_list constants; /* tables and enums by position, then stubs and custom types */
    struct name_list *fields;   /* by position of the table: the properties of its columns */
    struct name_list imports;   /* from drizzle-orm/pg-core */
    bool uses_sql, uses_extra_type;
    struct drizzle_stub *stubs;
    size_t n_stubs;
    struct drizzle_custom *customs;
    size_t n_customs;
    struct str custom_text, stub_text, body;
    struct str lost; /* a comment line for each thing that Drizzle has no word for */
    struct str first_lost;
};

/* The name, which is imported from now on. */
const char *drizzle_use(struct drizzle *d, const char *import);
/* Notes something of the tables' shape that the file does not say: without leave it is refused. */
void drizzle_lose(struct drizzle *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same of what is beside it, like functions: nobody looks for that in such a file. */
void drizzle_mention(struct drizzle *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Notes what of the table, and of what is beside tables, the file does not say. */
void drizzle_lose_of_table(struct drizzle *d, const struct schema_table *t);
void drizzle_lose_objects(struct drizzle *d);
/* Appends sql`text`. */
void drizzle_add_sql(struct drizzle *d, struct str *out, const char *text);
/* Makes a constant's name out of name; SIZE_MAX without memory. */
size_t drizzle_new_constant(struct drizzle *d, const char *name);

/* What no property may be called. */
extern const char *const drizzle_own_members[];

/* Finds the tables that are referred to and not written; false without memory. */
bool drizzle_note_stubs(struct drizzle *d) MUST_USE;
void drizzle_add_stubs(struct drizzle *d);
void drizzle_clear_stubs(struct drizzle *d);

const char *drizzle_table_constant(const struct drizzle *d, const struct schema_table *t);
const struct name_list *drizzle_fields(const struct drizzle *d, const struct schema_table *t);
const struct drizzle_stub *drizzle_find_stub(const struct drizzle *d,
                                             const struct schema_foreign_key *k);
/* The property of a column; NULL when the table has no such column. */
const char *drizzle_field(const struct drizzle *d, const struct schema_table *t,
                          const char *column);

/* Appends the type of a column, as text("name") with .array(); without what else it has. */
void drizzle_add_type(struct drizzle *d, struct str *out, const struct schema_column *c,
                      const char *name);
/* Appends the column of a table or view. */
void drizzle_add_column(struct drizzle *d, const struct schema_table *t,
                        const struct schema_column *c);
/* Whether the primary key is said at its only column. */
bool drizzle_is_own_key(const struct schema_table *t, const struct schema_column *c);
/* Appends `, (t) => [...]`: keys, foreign keys, checks and indexes, if there are any. */
void drizzle_add_extras(struct drizzle *d, const struct schema_table *t);
