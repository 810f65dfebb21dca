/* SPDX-License-Identifier: MIT */
/* SQL as PostgreSQL writes it, without the name of the schema that it was read from. */
#pragma once

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/schema/model.h"

/* What stands for the schema where it has to be named. */
#define SCHEMA_MARK "$tenant"

/*
 * sql without the qualification by `schema`: a.users becomes users, and 'a.seq'::regclass likewise.
 * In front of a name that is in shadowed (NULL: none), and of an operator, the schema becomes
 * SCHEMA_MARK: bare it would be looked for in pg_catalog first. Other literals stay as they are.
 * NULL without memory; free() it.
 */
char *schema_unqualify(const char *sql, const char *schema, const struct name_list *shadowed)
    MUST_USE;
/* The same for the text of a function, which runs with whatever path its caller has: every
 * qualification becomes the mark, and so does a literal that is just the schema's name. */
char *schema_mark(const char *sql, const char *schema) MUST_USE;
/* The way back: the schema of that name in place of the mark; with NULL names are bare, and the mark
 * stays where nothing else can; with SCHEMA_MARK it stays everywhere. */
char *schema_requalify(const char *sql, const char *schema) MUST_USE;
/* sql with `with` as it stands in place of every mark, which is no SQL yet. NULL without memory, and
 * where the schema is named in a literal, which takes it in other quotes. */
char *schema_put_mark(const char *sql, const char *with) MUST_USE;

/* Whether the name stands in the SQL, bare or quoted, outside of its literals. */
bool sql_mentions(const char *sql, const char *name);
/* The SQL with `to`, quoted, for every such place of `from`. free() it; NULL without memory. */
char *sql_renamed(const char *sql, const char *from, const char *to) MUST_USE;
/* Whether the SQL starts with this name. */
bool sql_starts_with(const char *sql, const char *name);
/* Whether a type's text is this name, or an array of it. */
bool sql_type_is(const char *type, const char *name);
