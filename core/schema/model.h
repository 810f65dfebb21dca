/* SPDX-License-Identifier: MIT */
/*
 * What one schema looks like: plain data, read from the catalog by schema_read(). Nothing in it
 * depends on OIDs or on the schema's own name: what lives in the same schema is named bare, what
 * lives in another one with that schema's name. Where a bare name would be taken for one of
 * PostgreSQL's own, and in the text of functions, the schema is written as $tenant. Everything
 * hangs off struct schema and is freed with it; every list is in a fixed order (by name, in the "C"
 * collation; columns by position).
 *
 * "needs" lists name what must be there before: "table/users", "type/mood",
 * "sequence/users_id_seq", "function/slug(text)", "key/users/users_pkey".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/attr.h"

/* What the values of a type are, seen through domains and arrays. */
typedef enum type_class {
    TYPE_BOOL,
    TYPE_SMALLINT,
    TYPE_INTEGER,
    TYPE_BIGINT,
    TYPE_NUMERIC,
    TYPE_FLOAT,
    TYPE_TEXT,
    TYPE_BITS,
    TYPE_BYTES,
    TYPE_UUID,
    TYPE_JSON,
    TYPE_DATE,
    TYPE_TIME,
    TYPE_TIMETZ,
    TYPE_TIMESTAMP,
    TYPE_TIMESTAMPTZ,
    TYPE_ENUM,
    TYPE_COMPOSITE,
    TYPE_OTHER, /* ranges, networks, geometry, extensions: travels as its text */
} type_class;

typedef enum table_kind {
    TABLE_PLAIN,
    TABLE_PARTITIONED,
    TABLE_VIEW,
    TABLE_MATERIALIZED_VIEW,
    TABLE_FOREIGN,
} table_kind;

typedef enum column_identity {
    IDENTITY_NONE,
    IDENTITY_ALWAYS,
    IDENTITY_BY_DEFAULT,
} column_identity;

typedef enum fk_action {
    FK_NO_ACTION,
    FK_RESTRICT,
    FK_CASCADE,
    FK_SET_NULL,
    FK_SET_DEFAULT,
} fk_action;

struct name_list {
    char **items;
    size_t n;
};

struct schema_enum {
    char *schema; /* NULL: this one */
    char *name;
    struct name_list labels; /* in the order of the type */
    char *comment;
};

struct schema_type {
    char *name;           /* as format_type() writes it: varchar(20)[] */
    type_class class;     /* of the innermost element */
    int dimensions;       /* as declared, which PostgreSQL does not enforce; 0: no array */
    int length;           /* of text and bits; 0: none */
    int precision, scale; /* of numeric; precision 0: none */
    size_t enumeration;   /* index in schema.enums; only for TYPE_ENUM */
    bool domain_not_null; /* a domain on the way refuses NULL */
    bool domain_default;  /* a domain on the way has a default */
};

struct schema_domain {
    char *name;
    struct schema_type base;
    struct name_list needs;
    bool not_null;
    char *default_expr;
    struct name_list checks;      /* definitions */
    struct name_list check_names; /* of the same */
    char *collation;              /* as SQL; NULL: that of its base */
    char *comment;
};

struct schema_column {
    char *name;
    struct schema_type type;
    bool not_null;      /* by the column or by its domain */
    bool own_not_null;  /* by the column */
    char *default_expr; /* of a generated column, what it is generated from; NULL: none */
    bool generated;
    column_identity identity;
    char *sequence;    /* of an identity, its options as SQL, with its name; NULL: none */
    char *collation;   /* as SQL; NULL: that of its type */
    char *storage;     /* PLAIN, EXTERNAL, EXTENDED or MAIN; NULL: that of its type */
    char *compression; /* NULL: the server's default */
    int statistics;    /* the target; -1: the server's default */
    bool inherited;    /* from a parent that is not partitioned, and not declared here as well */
    char *comment;
};

struct schema_key {
    char *name;
    struct name_list columns;
    char *definition;
    char *comment;
};

struct schema_foreign_key {
    char *name;
    struct name_list columns;
    char *ref_schema; /* NULL: this one */
    char *ref_table;
    struct name_list ref_columns;
    fk_action on_delete, on_update;
    bool match_full, validated, deferrable, deferred;
    bool inherited; /* that of a partitioned parent */
    char *definition;
    char *comment;
};

/* CHECK and EXCLUDE. */
struct schema_check {
    char *name, *definition;
    bool exclude;
    bool inherited; /* from a parent, and not declared here as well */
    char *comment;
};

struct schema_index_key {
    char *text; /* a column's name, or an expression as SQL */
    bool expression;
};

struct schema_index {
    char *name, *method;
    struct schema_index_key *keys; /* then the n_include INCLUDEd columns */
    size_t n_keys, n_include;
    char *predicate;  /* NULL: not partial */
    char *definition; /* the CREATE INDEX */
    bool unique, valid;
    bool of_constraint; /* made by a primary key, UNIQUE or EXCLUDE */
    char *attached_to;  /* the index of the partitioned parent; NULL: none */
    bool clustered;     /* what CLUSTER goes by */
    bool replica_identity;
    char *comment;
};

typedef enum object_kind {
    OBJECT_COMPOSITE,
    OBJECT_RANGE,
    OBJECT_SEQUENCE,
    OBJECT_FUNCTION, /* procedures and aggregates too */
    OBJECT_STATISTICS,
    OBJECT_TRIGGER,
    OBJECT_RULE,
    OBJECT_POLICY,
    OBJECT_GRANT,
    OBJECT_OTHER, /* operators, text search and the like, which are named and no more */
} object_kind;

/* What is its definition and no more. */
struct schema_object {
    object_kind kind;
    char *name; /* of a function with the types of its arguments */
    char *on;   /* the table that a trigger, rule or policy is of, the column (table.column, as SQL)
                   that   a sequence is owned by, the class of another object; NULL: nothing */
    char *definition; /* the statement that makes it; NULL: cannot be told */
    char *comment;
    struct name_list needs;
};

struct schema_table {
    char *name;
    table_kind kind;
    char *partition_of;    /* the parent's name, with its schema if that is another; NULL: none */
    char *partition_key;   /* of a partitioned table */
    char *partition_bound; /* of a partition: FOR VALUES ..., or DEFAULT */
    struct name_list inherits; /* the parents of a table that is no partition */
    char *definition;          /* of a view, its query */
    char *access_method;       /* NULL: the server's default */
    char *of_type;             /* of a typed table; NULL: none */
    char *foreign;             /* of a foreign table: SERVER ... OPTIONS (...) */
    struct name_list options;  /* as in WITH (...): fillfactor=70 */
    bool unlogged, row_security, row_security_forced;
    char replica_identity; /* d: by the primary key, n: nothing, f: the whole row, i: an index */
    struct name_list needs;
    char *comment;
    struct schema_column *columns;
    size_t n_columns;
    struct schema_key *primary_key; /* NULL: none */
    struct schema_key *uniques;
    size_t n_uniques;
    struct schema_foreign_key *foreign_keys;
    size_t n_foreign_keys;
    struct schema_check *checks;
    size_t n_checks;
    struct schema_index *indexes;
    size_t n_indexes;
};

struct schema {
    char *name;
    struct schema_table *tables;
    size_t n_tables;
    struct schema_enum *enums; /* this schema's and those its columns use */
    size_t n_enums;
    struct schema_domain *domains; /* this schema's */
    size_t n_domains;
    struct schema_object *objects; /* by kind, then name, then what they are on */
    size_t n_objects;
    struct name_list extensions; /* that something here needs */
};

void schema_free(struct schema *s); /* NULL is fine */
void schema_freep(struct schema **s);

/* NULL when there is none; borrowed. */
const struct schema_table *schema_find_table(const struct schema *s, const char *name);
const struct schema_column *schema_find_column(const struct schema_table *t, const char *name);
void name_list_clear(struct name_list *list); /* frees; for CLEANUP() */
bool name_list_has(const struct name_list *list, const char *name);

/* Whether rows of t never agree in the named columns: a key or a full unique index is among them.
 */
bool schema_columns_are_unique(const struct schema_table *t, const struct name_list *columns);
bool schema_table_is_view(const struct schema_table *t);

/* "integer", "partitioned_table", "set_null" and the like, for renderings of the model. */
const char *type_class_name(type_class class);
const char *table_kind_name(table_kind kind);
const char *fk_action_name(fk_action action);
const char *column_identity_name(column_identity identity);
const char *object_kind_name(object_kind kind);

/* What COMMENT ON and DROP call it: "MATERIALIZED VIEW", "AGGREGATE"; "" for what neither knows. */
const char *table_sql_word(table_kind kind);
const char *object_sql_word(const struct schema_object *o);
/* How SQL names a function: an aggregate without arguments has a star in their place. free() it; NULL:
 * no memory. */
char *object_signature(const struct schema_object *o) MUST_USE;

/*
 * For building: makes room for one more element of size bytes behind the n of *items, zeroed.
 * NULL without memory; *items is as before then.
 */
void *list_grow(void **items, size_t n, size_t size) MUST_USE;
