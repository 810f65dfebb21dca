/* SPDX-License-Identifier: MIT */
/* Bodies and query parameters become C values in one call; every problem is reported at once. */
#pragma once

#include "service/api/api.h"

typedef enum field_kind {
    FIELD_TEXT,   /* const char ** (borrowed); min and max are bytes */
    FIELD_INT,    /* int64_t *; min and max are values */
    FIELD_NUMBER, /* double *; min and max are values */
    FIELD_BOOL,   /* bool * */
    FIELD_OBJECT, /* const json_t ** (borrowed) */
    FIELD_ARRAY,  /* const json_t **; min and max are numbers of elements */
    FIELD_ANY,    /* const json_t ** */
} field_kind;

struct field {
    const char *name;
    field_kind kind;
    bool required, nullable; /* null leaves *out as it is */
    int64_t min, max;
    const char *const *words; /* FIELD_TEXT: the only values; NULL-terminated */
    void *out;                /* untouched when the member is absent */
    bool *present;            /* may be NULL */
};

/* Problems found so far, as the "errors" of a problem document. */
struct problems {
    json_t *list; /* owned; NULL while there is none */
};
void problems_clear(struct problems *p);
/* Adds one; pointer is a JSON pointer into the body. */
void problems_add(struct problems *p, const char *pointer, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void problems_add_err(struct problems *p, const char *pointer, const struct err *err);
/* The 422 that reports them. */
struct reply problems_reply(const struct call *call, struct problems *p);

/* Reads the members of object; base is its JSON pointer ("" for the body). Unknown members, wrong
 * types and values out of range go to problems. */
void fields_read(const json_t *object, const char *base, const struct field *fields, size_t n,
                 struct problems *problems);

/* Query parameters. Each fails with ERR_INVALID_PARAMETER and err->field; absent: the fallback. */
err_code query_int(const struct call *call, const char *name, int64_t min, int64_t max,
                   int64_t fallback, int64_t *out, struct err *err) MUST_USE;
err_code query_bool(const struct call *call, const char *name, bool fallback, bool *out,
                    struct err *err) MUST_USE;
/* One of the NULL-terminated words. */
err_code query_word(const struct call *call, const char *name, const char *const *words,
                    const char *fallback, const char **out, struct err *err) MUST_USE;
