/* SPDX-License-Identifier: MIT */
/* The parts of schemas_read(); for core/schema/introspect*.c only. */
#pragma once

#include <stdint.h>

#include "core/base/str.h"
#include "core/pg/pg.h"
#include "core/schema/model.h"

/* Whether the table of that name is left out of a model: $2 is the tracking table's. */
#define LEFT_OUT(name)                                                                             \
    "(" name " = $2::text OR " name " = '__tenantd_seeds'"                                         \
    " OR starts_with(" name "::text, $2::text || '_backup_'))"
/* obj_description() and col_description() are functions in SQL, which cost ten times as much. */
#define DESCRIPTION(oid, class, sub)                                                               \
    "(SELECT description FROM pg_description WHERE objoid = " oid " AND objsubid = " sub           \
    " AND classoid = '" class "'::regclass)"

/* A type as the catalog has it, domains and arrays not yet seen through. */
struct raw_type {
    int64_t oid;
    int64_t under; /* what the domain is over, or the array of; 0: neither */
    type_class class;
    char kind; /* pg_type.typtype */
    bool is_array, not_null, has_default;
    int typmod, dimensions;
    /* of an enum */
    int64_t namespace;
    char *schema, *name, *comment;
    struct name_list labels;
};

/* One of the schemas that are read together. */
struct read_schema {
    const char *name;
    int64_t oid; /* 0: there is none */
    struct schema *out;
    struct name_list shadowed; /* names in it that pg_catalog has too */
};

struct table_at {
    int64_t oid;
    size_t schema, table; /* places in reader.schemas, and in its tables */
};

struct schema_reader {
    struct pg *pg;
    const char *tracking_table;
    struct read_schema *schemas; /* sorted by OID; those that are not there first */
    size_t n;
    struct str namespaces;   /* their OIDs as PostgreSQL writes an array */
    struct table_at *tables; /* sorted by OID */
    size_t n_tables;
    struct str oid_array;   /* the tables' OIDs */
    struct str type_array;  /* those of the types that columns have */
    struct raw_type *types; /* sorted by OID */
    size_t n_types;
};

/* The schema that the row is of, by its column "namespace"; never NULL for rows that the
 * statements here select. */
struct read_schema *reader_schema(const struct schema_reader *r, const struct pg_rows *rows,
                                  size_t row);
/* The table that the row is of, by its column "table_oid", and its schema; NULL for one that is not
 * in the model. */
struct schema_table *reader_table(const struct schema_reader *r, const struct pg_rows *rows,
                                  size_t row, struct read_schema **of);

/* Each reads one kind of thing of all schemas. */
err_code read_tables(struct schema_reader *r, struct err *err) MUST_USE;
err_code read_columns(struct schema_reader *r, struct err *err) MUST_USE;
err_code read_types(struct schema_reader *r, struct err *err)
    MUST_USE; /* called by read_columns() */
err_code read_domain_checks(struct schema_reader *r, struct err *err) MUST_USE;
err_code read_constraints(struct schema_reader *r, struct err *err) MUST_USE;
err_code read_indexes(struct schema_reader *r, struct err *err) MUST_USE;
err_code read_objects(struct schema_reader *r, struct err *err) MUST_USE;
err_code read_needs(struct schema_reader *r, struct err *err) MUST_USE;
err_code read_extensions(struct schema_reader *r, struct err *err) MUST_USE;

/* Sees through domains and arrays; the name stays as it is. An enum on the way becomes one of the
 * schema's. */
err_code resolve_type(const struct schema_reader *r, struct read_schema *of, int64_t oid,
                      int typmod, int dimensions, struct schema_type *out, struct err *err)
    MUST_USE;
/* The enums of other schemas come behind the schema's own, by name: once all types are resolved. */
err_code sort_enums(struct schema *s, struct err *err) MUST_USE;
void raw_types_free(struct raw_type *types, size_t n);

/* Copies of a column's value: NULL stays NULL. */
err_code copy_text(const struct pg_rows *rows, size_t row, const char *column, char **out,
                   struct err *err) MUST_USE;
/* The same of SQL without the schema's own name in it. */
err_code copy_sql(const struct read_schema *of, const struct pg_rows *rows, size_t row,
                  const char *column, char **out, struct err *err) MUST_USE;
/* A JSON array of strings; null elements become NULL. */
err_code copy_names(const struct pg_rows *rows, size_t row, const char *column,
                    struct name_list *out, struct err *err) MUST_USE;
/* A copy of text as a list's last; SQL of that schema unless `of` is NULL. */
err_code add_name(const struct read_schema *of, const char *text, struct name_list *list,
                  struct err *err) MUST_USE;
err_code no_memory(struct err *err) MUST_USE;
