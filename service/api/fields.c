/* SPDX-License-Identifier: MIT */
#include "service/api/fields.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"

enum { PROBLEMS_MAX = 100 };

void problems_clear(struct problems *p)
{
    json_decref(p->list);
    p->list = NULL;
}

void problems_add(struct problems *p, const char *pointer, const char *code, const char *fmt, ...)
{
    char detail[300];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    if (!p->list)
        p->list = json_array();
    if (json_array_size(p->list) < PROBLEMS_MAX)
        (void)json_array_append_new(p->list, json_pack("{s:o, s:s, s:o}", "pointer",
                                                       json_text(pointer), "code", code, "detail",
                                                       json_text(detail)));
}

void problems_add_err(struct problems *p, const char *pointer, const struct err *err)
{
    problems_add(p, pointer, err_name(err->code), "%s", err->msg);
}

struct reply problems_reply(const struct call *call, struct problems *p)
{
    struct err err;
    const json_t *first = json_array_get(p->list, 0);
    const char *code = json_string_value(json_object_get(first, "code"));
    bool specific = json_array_size(p->list) == 1;

    (void)err_set(&err, ERR_VALIDATION_FAILED, "%s: %s",
                  json_string_value(json_object_get(first, "pointer")),
                  json_string_value(json_object_get(first, "detail")));
    /* a single problem with a code of its own is what the whole answer is about */
    static const err_code own[] = {ERR_INVALID_TENANT_ID, ERR_RESERVED_NAME,
                                   ERR_SCHEMA_NAME_TOO_LONG, ERR_EMPTY_SELECTOR,
                                   ERR_UNKNOWN_TARGET};
    for (size_t i = 0; i < ARRAY_LEN(own) && specific; i++)
        if (str_eq(code, err_name(own[i])))
            err.code = own[i];
    json_t *members = json_pack("{s:O}", "errors", p->list);
    return reply_problem(call->req, &err, members);
}

static bool one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static void list_words(const char *const *words, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (; *words && n < size; words++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", *words);
}

static void read_text(const struct field *f, const json_t *value, const char *pointer,
                      struct problems *p)
{
    char words[200];
    size_t n = json_string_length(value);

    if (!json_is_string(value))
        problems_add(p, pointer, "WRONG_TYPE", "must be a string");
    else if ((int64_t)n < f->min || (f->max && (int64_t)n > f->max))
        problems_add(p, pointer, "OUT_OF_RANGE", "must be %lld to %lld bytes long",
                     (long long)f->min, (long long)f->max);
    else if (f->words && !one_of(json_string_value(value), f->words)) {
        list_words(f->words, words, sizeof words);
        problems_add(p, pointer, "UNKNOWN_VALUE", "must be one of %s", words);
    } else
        *(const char **)f->out = json_string_value(value);
}

static void read_int(const struct field *f, const json_t *value, const char *pointer,
                     struct problems *p)
{
    if (!json_is_integer(value))
        problems_add(p, pointer, "WRONG_TYPE", "must be an integer");
    else if (json_integer_value(value) < f->min || json_integer_value(value) > f->max)
        problems_add(p, pointer, "OUT_OF_RANGE", "must be %lld to %lld", (long long)f->min,
                     (long long)f->max);
    else
        *(int64_t *)f->out = json_integer_value(value);
}

static void read_number(const struct field *f, const json_t *value, const char *pointer,
                        struct problems *p)
{
    double number = json_number_value(value);

    if (!json_is_number(value))
        problems_add(p, pointer, "WRONG_TYPE", "must be a number");
    else if (number < (double)f->min || number > (double)f->max)
        problems_add(p, pointer, "OUT_OF_RANGE", "must be %lld to %lld", (long long)f->min,
                     (long long)f->max);
    else
        *(double *)f->out = number;
}

static void read_array(const struct field *f, const json_t *value, const char *pointer,
                       struct problems *p)
{
    int64_t n = (int64_t)json_array_size(value);
    if (!json_is_array(value))
        problems_add(p, pointer, "WRONG_TYPE", "must be an array");
    else if (n < f->min || (f->max && n > f->max))
        problems_add(p, pointer, "OUT_OF_RANGE", "must have %lld to %lld elements",
                     (long long)f->min, (long long)f->max);
    else
        *(const json_t **)f->out = value;
}

static void read_value(const struct field *f, const json_t *value, const char *pointer,
                       struct problems *p)
{
    switch (f->kind) {
    case FIELD_TEXT:
        read_text(f, value, pointer, p);
        return;
    case FIELD_INT:
        read_int(f, value, pointer, p);
        return;
    case FIELD_NUMBER:
        read_number(f, value, pointer, p);
        return;
    case FIELD_BOOL:
        if (json_is_boolean(value))
            *(bool *)f->out = json_is_true(value);
        else
            problems_add(p, pointer, "WRONG_TYPE", "must be true or false");
        return;
    case FIELD_OBJECT:
        if (json_is_object(value))
            *(const json_t **)f->out = value;
        else
            problems_add(p, pointer, "WRONG_TYPE", "must be an object");
        return;
    case FIELD_ARRAY:
        read_array(f, value, pointer, p);
        return;
    case FIELD_ANY:
        *(const json_t **)f->out = value;
        return;
    }
}

static bool is_known(const struct field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].name, name) == 0)
            return true;
    return false;
}

static void refuse_unknown(const json_t *object, const char *base, const struct field *fields,
                           size_t n, struct problems *p)
{
    char pointer[160];
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (is_known(fields, n, key))
            continue;
        problems_add(p, json_pointer(pointer, sizeof pointer, base, key), "UNKNOWN_FIELD",
                     "is not known here");
    }
}

void fields_read(const json_t *object, const char *base, const struct field *fields, size_t n,
                 struct problems *problems)
{
    char pointer[160];

    if (!json_is_object(object)) {
        problems_add(problems, base, "WRONG_TYPE", "must be an object");
        return;
    }
    refuse_unknown(object, base, fields, n, problems);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_object_get(object, fields[i].name);
        (void)json_pointer(pointer, sizeof pointer, base, fields[i].name);
        if (fields[i].present)
            *fields[i].present = value != NULL;
        if (!value && fields[i].required)
            problems_add(problems, pointer, "REQUIRED", "is required");
        if (value && !(fields[i].nullable && json_is_null(value)))
            read_value(&fields[i], value, pointer, problems);
    }
}

static err_code bad_parameter(struct err *err, const char *name, const char *what)
{
    (void)err_set(err, ERR_INVALID_PARAMETER, "%s %s", name, what);
    return err_in(err, name);
}

err_code query_int(const struct call *call, const char *name, int64_t min, int64_t max,
                   int64_t fallback, int64_t *out, struct err *err)
{
    const char *text = request_query(call->req, name);
    char *end, what[80];

    if (!text) {
        *out = fallback;
        return ERR_NONE;
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool begins = isdigit((unsigned char)*text) || *text == '-'; /* no blank and no plus sign */
    if (errno || !begins || end == text || *end || value < min || value > max) {
        (void)snprintf(what, sizeof what, "must be an integer of %lld to %lld", (long long)min,
                       (long long)max);
        return bad_parameter(err, name, what);
    }
    *out = value;
    return ERR_NONE;
}

err_code query_bool(const struct call *call, const char *name, bool fallback, bool *out,
                    struct err *err)
{
    const char *text = request_query(call->req, name);

    if (text && !str_eq(text, "true") && !str_eq(text, "false"))
        return bad_parameter(err, name, "must be true or false");
    *out = text ? str_eq(text, "true") : fallback;
    return ERR_NONE;
}

err_code query_word(const struct call *call, const char *name, const char *const *words,
                    const char *fallback, const char **out, struct err *err)
{
    const char *text = request_query(call->req, name);
    char list[160], what[200];

    if (!text || one_of(text, words)) {
        *out = text ? text : fallback;
        return ERR_NONE;
    }
    list_words(words, list, sizeof list);
    (void)snprintf(what, sizeof what, "must be one of %s", list);
    return bad_parameter(err, name, what);
}
