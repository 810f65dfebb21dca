/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, in one value. A function that can fail returns an err_code that must be looked
 * at; the caller owns the struct err that takes the detail, and may pass NULL. Setting an error
 * never allocates.
 */
#pragma once

#include <stdbool.h>

#include "core/base/attr.h"
#include "core/base/err_list.h"

#define ERR_ENUM(code, kind, title) ERR_##code,
enum err_code { ERR_NONE = 0, ERR_LIST(ERR_ENUM) };
#undef ERR_ENUM
typedef enum err_code err_code;

/* What a caller can do about an error; a protocol maps kinds, not codes. */
typedef enum err_kind {
    ERR_KIND_INTERNAL, /* ours: an alarm */
    ERR_KIND_MALFORMED,
    ERR_KIND_UNAUTHENTICATED,
    ERR_KIND_FORBIDDEN,
    ERR_KIND_NOT_FOUND,
    ERR_KIND_METHOD,
    ERR_KIND_NOT_ACCEPTABLE,
    ERR_KIND_CONFLICT,
    ERR_KIND_BUSY, /* a conflict that passes by itself */
    ERR_KIND_GONE,
    ERR_KIND_PRECONDITION,
    ERR_KIND_PRECONDITION_REQUIRED,
    ERR_KIND_TOO_LARGE,
    ERR_KIND_URI_TOO_LONG,
    ERR_KIND_MEDIA_TYPE,
    ERR_KIND_INVALID,
    ERR_KIND_NOT_IMPLEMENTED,
    ERR_KIND_RATE, /* this caller has too much already */
    ERR_KIND_UNAVAILABLE,
    ERR_KIND_TIMEOUT, /* what was asked for took too long */
} err_kind;

struct err {
    err_code code;
    char field[96];    /* which input: a JSON pointer, a parameter's or a file's name; or "" */
    char sqlstate[6];  /* PostgreSQL's code where it was the cause; or "" */
    char subject[128]; /* the id of what stands in the way; or "" */
    int line, column;  /* place in the input text, from 1; 0 when there is none */
    char msg[512];
    const char *at; /* source file and line that set it, for the log */
    int at_line;
};

/* Sets *err (NULL is allowed) and returns code, so that failing is one statement. */
#define err_set(err, code, ...) err_set_at((err), (code), __FILE__, __LINE__, __VA_ARGS__)
err_code err_set_at(struct err *err, err_code code, const char *file, int line, const char *fmt,
                    ...) PRINTF_LIKE(5, 6);

/* Names the input an error set before is about; returns err->code. err must not be NULL. */
err_code err_in(struct err *err, const char *field) NONNULL(1, 2);

/* "TENANT_EXISTS" and the like; "NONE" for ERR_NONE. */
const char *err_name(err_code code);
const char *err_title(err_code code);
err_kind err_kind_of(err_code code);
/* Whether the same call may succeed later with nothing changed by the caller. */
bool err_is_retryable(err_code code);
