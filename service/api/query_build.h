/* SPDX-License-Identifier: MIT */
/*
 * A query that is described instead of written: tables, joins, conditions. It becomes SQL whose
 * names are quoted and whose values are parameters, and then goes the way of any other query.
 */
#pragma once

#include "core/base/str.h"
#include "service/api/fields.h"

enum { BUILD_TABLES_MAX = 16, BUILD_PARAMS_MAX = 100 };

/* What a body says; NULL where it does not. */
struct query_built {
    const json_t *from, *joins, *select, *where, *order_by;
    int64_t limit, offset; /* limit -1: none */
};

struct built_table {
    const char *name, *alias; /* of it here; NULL: its own name */
    const char *schema;       /* "tenant", "shared" or "auto" */
    const json_t *on;         /* of a join: its conditions and */
    const char *type;         /* its kind */
    char pointer[48];
    bool in_tenant, in_shared; /* what of the name there is */
};

struct building {
    const struct query_built *form;
    struct problems *problems;
    struct built_table tables[BUILD_TABLES_MAX];
    size_t table_count;
    struct str sql;
    json_t *params; /* owned */
};
void building_clear(struct building *b);

/* Reads which tables it is about; then build_sql() finds the other problems that do not need them.
 */
void build_tables(struct building *b);
/* Whether they are in one of the schemas, over a connection to the server. What is nowhere goes to
 * problems. */
err_code build_find_tables(struct building *b, struct pg *pg, const char *tenant_schema,
                           const char *shared_schema, struct err *err) MUST_USE;
/* Writes b->sql anew, with "$tenant." and "$shared.", and b->params. */
void build_sql(struct building *b);

/* Appends a condition, or a list of them that must all hold (query_where.c). */
void build_condition(struct building *b, const json_t *value, const char *pointer, int depth);
void build_all_of(struct building *b, const json_t *list, const char *pointer, const char *between,
                  int depth);
/* Appends "table.column" quoted; with star also "*" and "table.*". */
void build_column(struct building *b, const char *text, const char *pointer, bool star);
void build_name(struct building *b, const char *name, const char *pointer);
