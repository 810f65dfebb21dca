/* SPDX-License-Identifier: MIT */
/*
 * What is known of tables: read from statements, one after the other, or from a live schema. Only
 * what rules ask for. A failed allocation is remembered in struct facts and told at the end.
 */
#pragma once

#include <jansson.h>

#include "core/schema/model.h"

/* Where something was written; of a live schema all is 0. */
struct fact_origin {
    size_t file, statement, offset; /* the offset is within the statement, in bytes */
};

struct fact_column {
    char *name, *type; /* the type as people write it: "integer", "varchar(20)" */
    struct fact_origin at;
};

struct fact_constraint {
    char *name; /* as PostgreSQL would call it when it was given none */
    char kind;  /* 'p'rimary, 'u'nique, 'f'oreign, 'c'heck */
    struct name_list columns;
    bool cascades; /* 'f': a deleted row takes its referrers with it */
    bool valid;
    struct fact_origin at;
};

struct fact_index {
    char *name;
    struct name_list columns; /* "" for an expression */
    bool partial;
};

struct fact_table {
    char *name;  /* with its schema when one was written */
    bool known;  /* its CREATE TABLE was seen; otherwise only what came after it is known */
    bool open;   /* it has columns that were not seen: LIKE, INHERITS, AS */
    bool copied; /* it may have keys that were not seen: LIKE */
    bool temporary, dropped, partition;
    size_t batch; /* when it was made */
    struct fact_column *columns;
    size_t n_columns;
    struct fact_constraint *constraints;
    size_t n_constraints;
    struct fact_index *indexes;
    size_t n_indexes;
    struct fact_origin at;
};

struct facts {
    struct fact_table *tables;
    size_t n_tables;
    json_t *by_name, *by_index; /* to the index of a table */
    size_t batch;               /* goes up where what was made before is taken for filled */
    bool failed;                /* no memory */
};

void facts_init(struct facts *f);
void facts_clear(struct facts *f);

/* NULL when nothing is known of it, or it was dropped; borrowed until a table is added. */
struct fact_table *facts_table(const struct facts *f, const char *name);
/* The table of an index that was made here; NULL. */
struct fact_table *facts_table_of_index(const struct facts *f, const char *index);
/* Whether the table was made in this batch, so that it is empty and nobody uses it. */
bool facts_is_fresh(const struct facts *f, const char *table);
struct fact_column *fact_column(const struct fact_table *t, const char *name);
struct fact_constraint *fact_constraint(const struct fact_table *t, const char *name);
/* The primary key; NULL: none. */
const struct fact_constraint *fact_primary_key(const struct fact_table *t);
/* Whether some index, or the one of a key, begins with these columns in any order. */
bool fact_is_indexed(const struct fact_table *t, const struct name_list *columns);

/* A table that is made; one of the same name is forgotten. NULL and f->failed without memory. */
struct fact_table *facts_add_table(struct facts *f, const char *name, struct fact_origin at);
/* The table, or an empty one that is not known. */
struct fact_table *facts_touch(struct facts *f, const char *name, struct fact_origin at);
void facts_drop_table(struct facts *f, const char *name);
void facts_rename_table(struct facts *f, const char *from, const char *to);
struct fact_column *facts_add_column(struct facts *f, struct fact_table *t, const char *name,
                                     const char *type, struct fact_origin at);
struct fact_constraint *facts_add_constraint(struct facts *f, struct fact_table *t, char kind,
                                             const char *name, struct fact_origin at);
struct fact_index *facts_add_index(struct facts *f, struct fact_table *t, const char *name);
void facts_drop_index(struct facts *f, const char *name);
void facts_drop_column(struct fact_table *t, const char *name);
void facts_drop_constraint(struct fact_table *t, const char *name);
void facts_rename_column(struct facts *f, struct fact_table *t, const char *from, const char *to);
void facts_add_name(struct facts *f, struct name_list *list, const char *name);

/* Takes a statement into account; node is what node_parse() gives. */
void facts_read_statement(struct facts *f, const json_t *node, struct fact_origin at);
/* The tables of a live schema, without its views. */
void facts_read_schema(struct facts *f, const struct schema *schema);
