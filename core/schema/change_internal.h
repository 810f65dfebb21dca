/* SPDX-License-Identifier: MIT */
/* The parts of schema_changes(); for core/schema/change*.c only. */
#pragma once

#include "core/base/str.h"
#include "core/schema/change.h"

/* When a statement runs. What is taken away goes before what is made, so that names are free;
 * what others stand on goes last when taken away and first when made. */
typedef enum change_phase {
    PHASE_RENAME,
    PHASE_DETACH, /* triggers, rules, policies and the like */
    PHASE_DROP_VIEW,
    PHASE_DROP_FOREIGN_KEY,
    PHASE_DROP_TABLE,
    PHASE_DROP_INDEX,
    PHASE_DROP_CHECK,
    PHASE_DROP_KEY,
    PHASE_LOOSEN, /* defaults, identities, generated columns, NOT NULL */
    PHASE_DROP_COLUMN,
    PHASE_DROP_FUNCTION,
    PHASE_RETIRE, /* a type gets another name, for the new one needs its own */
    PHASE_ALTER_TYPE,
    PHASE_CREATE, /* types, sequences, functions and tables */
    PHASE_RETYPE_COLUMN,
    PHASE_ADD_COLUMN,
    PHASE_TIGHTEN, /* the reverse of loosen */
    PHASE_DROP_TYPE,
    PHASE_ADD_KEY,
    PHASE_ADD_CHECK,
    PHASE_VALIDATE_CHECK,
    PHASE_CREATE_VIEW, /* and the functions that need one */
    PHASE_CREATE_INDEX,
    PHASE_ADD_FOREIGN_KEY,
    PHASE_VALIDATE,
    PHASE_ATTACH,
    PHASE_GRANT,
    PHASE_COMMENT,
} change_phase;

/* Within PHASE_CREATE_INDEX: a partition is attached when it has its indexes, the deepest first,
 * and then they are. */
enum { RANK_ATTACH_TABLE = 1000, RANK_ATTACH_INDEX = 2000 };

/* A statement before it has its place. */
struct change_step {
    struct change_statement statement;
    change_phase phase;
    int rank;   /* within the phase */
    size_t seq; /* within the rank */
};

struct changing {
    const struct schema *from, *to;
    json_t *from_json, *to_json; /* of the whole models */
    bool safe;
    const char *schema; /* what stands for the schema's own name; NULL: names are bare */
    struct schema_changes *out;
    struct change_step *steps;
    size_t n_steps;
    size_t change;    /* what statements are for now; SIZE_MAX: nothing alone */
    json_t *loose;    /* types of from that go, or give way to others of their name */
    json_t *touched;  /* {"table": {"column": true}}: their type changes, or they are made anew */
    json_t *replaced; /* the same of those that are made anew */
    json_t *remade;   /* {"view": true} */
    json_t *loose_functions;           /* the same of functions with their arguments */
    json_t *from_heights, *to_heights; /* see height_of() */
    bool makes_functions;
    char **kept; /* texts that live as long as this */
    size_t n_kept;
    bool no_memory;
    err_code rc; /* the first name that cannot be one */
    struct err *err;
};

/* How a statement is to be run. */
struct doing {
    change_phase phase;
    int rank;
    const char *table; /* NULL: nobody notices */
    const char *lock;  /* NULL: that of the phase */
    unsigned hazards;
};
void add_step(struct changing *c, const struct doing *doing, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Begins a change; the statements that follow are for it. expected and actual are borrowed, NULL
 * for none; of two that differ only what differs is kept. */
void add_change(struct changing *c, change_class class, const char *kind, const char *path,
                const json_t *expected, const json_t *actual);
void end_change(struct changing *c);

/* Texts that live as long as c; never NULL. */
const char *keep_text(struct changing *c, char *owned);
const char *quoted(struct changing *c, const char *name);
/* The same where pg_catalog goes first: with the schema's mark, which goes when names are bare. */
const char *own_name(struct changing *c, const char *sql);
const char *quoted_list(struct changing *c, const struct name_list *names);
const char *quoted_text(struct changing *c, const char *text); /* a string literal, or NULL */
const char *path_of(struct changing *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The element of a list by its name; NULL: none. */
const json_t *named(const json_t *list, const char *name);
const json_t *table_json(const json_t *model, const char *table);

bool same_text(const char *a, const char *b); /* or none of both */
bool set_has(const json_t *set, const char *name);
void set_add(json_t *set, const char *name);
bool set2_has(const json_t *sets, const char *name, const char *inner);
void set2_add(json_t *sets, const char *name, const char *inner);
/* Whether SQL mentions a name of the set. */
bool mentions_any(const char *sql, const json_t *set);
/* Whether SQL of the table mentions what will not be as it was. */
bool mentions_touched(const struct changing *c, const char *table, const char *sql);

/* Tables, not views: what has columns of its own. */
bool is_table(const struct schema_table *t);
/* The other side's table of that name, if it is the same kind of thing; NULL: none. */
const struct schema_table *counterpart(const struct schema *s, const struct schema_table *t);

/* The object of a kind and name, on what it is on unless that is NULL. */
const struct schema_object *find_object(const struct schema *s, object_kind kind, const char *name,
                                        const char *on);
bool is_type_of(const struct schema *s, const char *name);
const struct schema_domain *find_domain(const struct schema *s, const char *name);
/* How many things are below "table/x", "type/x" or "function/x(y)", one above the other. */
int height_of(struct changing *c, const struct schema *s, const char *thing);
bool needs_view(struct changing *c, const struct schema *s, const struct name_list *needs,
                int depth);
bool needs_any(const struct name_list *needs, const char *prefix, const json_t *set);

/* A type as a definition needs it, with the dimensions that format_type() leaves out. */
const char *type_sql(struct changing *c, const struct schema *s, const struct schema_type *t);
bool same_type(const struct changing *c, const struct schema_type *a, const struct schema_type *b);
/* The same with what the column adds to it. */
bool same_column_type(const struct changing *c, const struct schema_column *a,
                      const struct schema_column *b);
/* How values become those of another type: the USING clause, or ""; hazards of it are added. */
const char *conversion_sql(struct changing *c, const struct schema_column *a,
                           const struct schema_column *b, unsigned *hazards);
/* What stands in CREATE TABLE and ADD COLUMN. */
const char *column_sql(struct changing *c, const struct schema_column *column);
/* How it is stored. anew: it has the usual values, for it is new (a NULL) or its type changes. */
void change_storage(struct changing *c, const char *table, const struct schema_column *a,
                    const struct schema_column *b, bool anew);
/* What CREATE TABLE does not say of them. */
void finish_columns(struct changing *c, const struct schema_table *t);

/* Parts of a table, by their names; of indexes those of no constraint. */
const struct schema_key *find_key(const struct schema_table *t, const char *name);
const struct schema_index *find_index(const struct schema_table *t, const char *name);
/* Whether b is a, and nothing happens to its columns that it does not survive. */
bool key_stays(const struct changing *c, const char *table, const struct schema_key *a,
               const struct schema_key *b);
bool index_stays(const struct changing *c, const char *table, const struct schema_index *a,
                 const struct schema_index *b);
void drop_constraint(struct changing *c, change_phase phase, const char *table, const char *name);
void validate(struct changing *c, change_phase phase, const char *table, const char *name);
/* The element of a table's list of things, in a model's JSON. */
const json_t *part_json(const json_t *model, const char *table, const char *list, const char *name);
/* Begins the change of such an element, if the models differ in it. */
void tell_part(struct changing *c, const char *kind, const char *table, const char *list,
               const char *name);

/* The parts, each finding its changes and their statements. */
void find_loose_types(struct changing *c);
void find_loose_objects(struct changing *c);
void find_remade_views(struct changing *c);
void find_touched(struct changing *c);
void change_enums(struct changing *c);
void change_domains(struct changing *c);
void change_objects(struct changing *c);
void change_attached(struct changing *c);
void change_tables(struct changing *c);
void change_view(struct changing *c, const struct schema_table *from,
                 const struct schema_table *to);
void create_view(struct changing *c, const struct schema_table *v);
void drop_view(struct changing *c, const struct schema_table *v);
/* Makes room for a type of the same name, or just drops it; what is deeper goes first. */
void drop_type(struct changing *c, const char *name, const char *what, int depth);
void comment_table(struct changing *c, const struct schema_table *t);
const char *options_sql(struct changing *c, const struct name_list *options);
/* How a table is kept: logged, secured by rows, with which options. from NULL: it is new. */
void change_traits(struct changing *c, const struct schema_table *from,
                   const struct schema_table *to);
const json_t *object_json(const json_t *model, const struct schema_object *o);
void tell_object(struct changing *c, const struct schema_object *o);
void change_columns(struct changing *c, const struct schema_table *from,
                    const struct schema_table *to);
void add_keys(struct changing *c, const struct schema_table *t);
void change_keys(struct changing *c, const struct schema_table *from,
                 const struct schema_table *to);
void change_foreign_keys(struct changing *c, const struct schema_table *from,
                         const struct schema_table *to);
/* A constraint that another statement adds: its comment. */
void comment_constraint(struct changing *c, const char *table, const char *name,
                        const char *comment);
void change_checks(struct changing *c, const struct schema_table *from,
                   const struct schema_table *to);
void change_indexes(struct changing *c, const struct schema_table *from,
                    const struct schema_table *to);
void add_comment(struct changing *c, const char *what, const char *name, const char *comment);

/* A copy of from with the renames done, and the statements for them. */
err_code apply_renames(struct changing *c, const struct schema *from, const json_t *renames,
                       struct schema **out, struct err *err) MUST_USE;
