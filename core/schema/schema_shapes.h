/* SPDX-License-Identifier: MIT */
/* How JSON becomes structs, as tables; for schema_parse.c and schema_shapes*.c only. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/schema/model.h"

typedef enum member_kind {
    MEMBER_NAME,    /* char *: may stand as an identifier */
    MEMBER_TEXT,    /* char *: not empty */
    MEMBER_COMMENT, /* char *: anything */
    MEMBER_BOOL,
    MEMBER_NOT, /* bool, the other way round */
    MEMBER_INT, /* int */
    MEMBER_NAMES,
    MEMBER_WORD,     /* an enumeration, by its words */
    MEMBER_LIST,     /* items at .at, their number at .n_at */
    MEMBER_ONE,      /* a pointer to one; NULL: none */
    MEMBER_OBJECT,   /* an object of its own, in the same struct */
    MEMBER_SAME,     /* the same object, a struct in the struct */
    MEMBER_FINISHED, /* read by the shape's finish() */
} member_kind;

struct shape;
struct member {
    const char *name;
    member_kind kind;
    bool required;
    size_t at, n_at;
    const struct shape *shape;
    const char *(*word)(int value);
    int last; /* word */
    int min;  /* of MEMBER_INT */
};

struct shape_reader {
    struct schema *out;
    json_t *problems;
    size_t found, before; /* problems of this reading, and of others before it */
    bool no_memory;
};

struct shape {
    size_t size, name_at;
    const struct member *members;
    size_t n;
    int (*order)(const void *a, const void *b); /* of lists of it; NULL: as they came */
    void (*finish)(struct shape_reader *r, const json_t *json, const char *pointer, void *element);
};

extern const struct shape shape_of_schema, shape_of_table, shape_of_type;
/* Every list of things with names has the name first; strcmp() is the "C" collation. */
int shape_by_name(const void *a, const void *b);

void shape_read(struct shape_reader *r, const struct shape *shape, const json_t *json,
                const char *pointer, void *element);
void shape_problem(struct shape_reader *r, const char *pointer, const char *code, const char *fmt,
                   ...) PRINTF_LIKE(4, 5);
/* Copies a string, in place of what is there; false: it is none. */
bool shape_text(struct shape_reader *r, const json_t *value, char **out);
