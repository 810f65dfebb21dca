/* SPDX-License-Identifier: MIT */
/* How names of the database are spelled in TypeScript. The database's own stay as they are. */
#pragma once

#include "core/schema/export/exporter.h"

typedef enum ts_casing {
    TS_PRESERVE, /* as in the database */
    TS_CAMEL,
    TS_SNAKE,
} ts_casing;

/* The casing of that name; fallback for NULL. Names are checked before: see export.c. */
ts_casing ts_casing_of(const char *name, ts_casing fallback);

/* Appends a copy of the name to the list; false without memory. */
bool ts_list_add(struct name_list *list, const char *name) MUST_USE;
/*
 * Appends the first of base, base2, base3 ... that is neither in the list nor among the
 * NULL-terminated words of taken, which may be NULL; false without memory.
 */
bool ts_list_add_free(struct name_list *list, const char *base, const char *const *taken) MUST_USE;
/* The properties that stand for the columns, by position, each another and none of taken, which
 * may be NULL; name_list_clear() them. */
err_code ts_fields_init(struct name_list *fields, const struct schema_table *t, ts_casing casing,
                        const char *const *taken, struct err *err) MUST_USE;
