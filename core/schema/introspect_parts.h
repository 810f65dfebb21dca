/* SPDX-License-Identifier: MIT */
/* The parts of schema_read(); for core/schema/introspect*.c only. */
#pragma once

#include <stdint.h>

#include "core/base/str.h"
#include "core/pg/pg.h"
#include "core/schema/model.h"

/* A type as the catalog has it, domains and arrays not yet seen through. */
struct raw_type {
    int64_t oid;
    int64_t under; /* what the domain is over, or the array of; 0: neither */
    type_class class;
    char kind; /* pg_type.typtype */
    bool is_array, not_null, has_default;
    int typmod, dimensions;
    size_t enumeration;
};

struct oid_at {
    int64_t oid;
    size_t at;
};

struct schema_reader {
    struct pg *pg;
    const char *schema;
    const char *tracking_table;
    struct schema *out;
    int64_t namespace;
    struct oid_at *table_oids; /* places in out->tables, sorted by OID */
    struct str oid_array;      /* the OIDs as PostgreSQL writes an array */
    struct str type_array;     /* the same of the types that columns have */
    struct raw_type *types;    /* sorted by OID */
    size_t n_types;
};

/* The table with that OID; NULL for one that is not in the model. */
struct schema_table *reader_table(const struct schema_reader *r, int64_t oid);

err_code read_types(struct schema_reader *r, struct err *err) MUST_USE;
/* Sees through domains and arrays; the name stays NULL. */
err_code resolve_type(const struct schema_reader *r, int64_t oid, int typmod, int dimensions,
                      struct schema_type *out, struct err *err) MUST_USE;
err_code read_domain_checks(struct schema_reader *r, struct err *err) MUST_USE;
err_code read_constraints(struct schema_reader *r, struct err *err) MUST_USE;
err_code read_indexes(struct schema_reader *r, struct err *err) MUST_USE;

/* Copies of a column's value: NULL stays NULL. */
err_code copy_text(const struct pg_rows *rows, size_t row, const char *column, char **out,
                   struct err *err) MUST_USE;
/* The same of SQL without the schema's own name in it. */
err_code copy_sql(const struct schema_reader *r, const struct pg_rows *rows, size_t row,
                  const char *column, char **out, struct err *err) MUST_USE;
/* A JSON array of strings; null elements become NULL. */
err_code copy_names(const struct pg_rows *rows, size_t row, const char *column,
                    struct name_list *out, struct err *err) MUST_USE;
err_code no_memory(struct err *err) MUST_USE;
