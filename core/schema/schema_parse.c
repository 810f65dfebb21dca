/* SPDX-License-Identifier: MIT */
/* Reads JSON into structs by tables of members, for any shape; which shapes there are is
 * schema_shapes.c. */
#include "core/schema/schema_parse.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pg/ident.h"
#include "core/schema/schema_shapes.h"

enum { POINTER_SIZE = 256, PROBLEMS_MAX = 100, NUMBER_MAX = 1 << 30 };

void shape_problem(struct shape_reader *r, const char *pointer, const char *code, const char *fmt,
                   ...)
{
    char detail[300];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    if (r->found++ < PROBLEMS_MAX)
        (void)json_array_append_new(r->problems,
                                    json_pack("{s:o, s:s, s:o}", "pointer", json_text(pointer),
                                              "code", code, "detail", json_text(detail)));
}

/* What a member of a kind must be, and the code when it is not. */
static const struct {
    const char *noun, *code;
} kinds[] = {
    [MEMBER_NAME] = {"a string", "WRONG_TYPE"},
    [MEMBER_TEXT] = {"a string that is not empty", "WRONG_TYPE"},
    [MEMBER_COMMENT] = {"a string", "WRONG_TYPE"},
    [MEMBER_BOOL] = {"true or false", "WRONG_TYPE"},
    [MEMBER_NOT] = {"true or false", "WRONG_TYPE"},
    [MEMBER_INT] = {"a number in range", "OUT_OF_RANGE"},
    [MEMBER_NAMES] = {"an array of strings", "WRONG_TYPE"},
    [MEMBER_WORD] = {"one of the known words", "UNKNOWN_VALUE"},
    [MEMBER_LIST] = {"an array", "WRONG_TYPE"},
    [MEMBER_ONE] = {"an object", "WRONG_TYPE"},
    [MEMBER_OBJECT] = {"an object", "WRONG_TYPE"},
};

static void *place(void *element, const struct member *m)
{
    return (char *)element + m->at;
}

static void wrong_kind(struct shape_reader *r, const char *pointer, const struct member *m)
{
    shape_problem(r, pointer, kinds[m->kind].code, "must be %s", kinds[m->kind].noun);
}

bool shape_text(struct shape_reader *r, const json_t *value, char **out)
{
    const char *text = json_string_value(value);
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        r->no_memory = true;
    if (copy) {
        free(*out);
        *out = copy;
    }
    return text != NULL;
}

static void check_name(struct shape_reader *r, const char *name, const char *pointer)
{
    struct pg_ident ident;
    struct err err;

    if (name && pg_ident_quote(name, &ident, &err))
        shape_problem(r, pointer, err_name(err.code), "%.250s", err.msg);
}

static void read_text(struct shape_reader *r, const struct member *m, const json_t *value,
                      const char *pointer, void *element)
{
    char **out = place(element, m);
    if (!shape_text(r, value, out) || (m->kind == MEMBER_TEXT && !*json_string_value(value)))
        wrong_kind(r, pointer, m);
    else if (m->kind == MEMBER_NAME)
        check_name(r, *out, pointer);
}

static void read_bool(struct shape_reader *r, const struct member *m, const json_t *value,
                      const char *pointer, void *element)
{
    bool *out = place(element, m);
    if (!json_is_boolean(value))
        wrong_kind(r, pointer, m);
    else
        *out = json_is_true(value) != (m->kind == MEMBER_NOT);
}

static void read_int(struct shape_reader *r, const struct member *m, const json_t *value,
                     const char *pointer, void *element)
{
    int *out = place(element, m);
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < m->min || number > NUMBER_MAX)
        wrong_kind(r, pointer, m);
    else
        *out = (int)number;
}

static void read_word(struct shape_reader *r, const struct member *m, const json_t *value,
                      const char *pointer, void *element)
{
    int *out = place(element, m);
    const char *text = json_string_value(value);

    for (int i = 0; text && i <= m->last; i++)
        if (str_eq(m->word(i), text)) {
            *out = i;
            return;
        }
    wrong_kind(r, pointer, m);
}

static void read_names(struct shape_reader *r, const struct member *m, const json_t *value,
                       const char *pointer, void *element)
{
    struct name_list *out = place(element, m);
    size_t n = json_array_size(value), i;
    json_t *item;

    out->items = n ? calloc(n, sizeof *out->items) : NULL;
    r->no_memory |= n && !out->items;
    if (!json_is_array(value))
        wrong_kind(r, pointer, m);
    json_array_foreach(value, i, item)
    {
        if (!out->items || !json_is_string(item)) {
            wrong_kind(r, pointer, m);
            return;
        }
        (void)shape_text(r, item, &out->items[out->n]);
        if (!out->items[out->n])
            return;
        out->n++;
    }
}

static void read_one(struct shape_reader *r, const struct member *m, const json_t *value,
                     const char *pointer, void *element)
{
    void **out = place(element, m);
    *out = calloc(1, m->shape->size);
    if (*out)
        shape_read(r, m->shape, value, pointer, *out);
    else
        r->no_memory = true;
}

static int by_order(const void *a, const void *b, void *order)
{
    return ((const struct shape *)order)->order(a, b);
}

/* Two of one name: next to each other where there is an order, else anywhere. */
static void check_unique(struct shape_reader *r, const struct shape *shape, const char *items,
                         size_t n, const char *pointer)
{
    const char *name;

    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n && (j == i + 1 || !shape->order); j++) {
            const char *a = items + i * shape->size, *b = items + j * shape->size;
            name = *(char *const *)(a + shape->name_at);
            if (shape->order ? !shape->order(a, b)
                             : str_eq(name, *(char *const *)(b + shape->name_at)))
                shape_problem(r, pointer, "DUPLICATE", "has %.100s twice", name ? name : "");
        }
}

static void read_list(struct shape_reader *r, const struct member *m, const json_t *value,
                      const char *pointer, void *element)
{
    void **items = place(element, m);
    size_t *n = (size_t *)(void *)((char *)element + m->n_at), i;
    char inner[POINTER_SIZE], index[24];
    json_t *item;

    if (!json_is_array(value))
        wrong_kind(r, pointer, m);
    json_array_foreach(value, i, item)
    {
        void *one = list_grow(items, *n, m->shape->size);
        if (!one) {
            r->no_memory = true;
            return;
        }
        (*n)++;
        (void)snprintf(index, sizeof index, "%zu", i);
        shape_read(r, m->shape, item, json_pointer(inner, sizeof inner, pointer, index), one);
    }
    if (r->found || r->no_memory)
        return; /* names may be missing */
    if (m->shape->order && *n)
        qsort_r(*items, *n, m->shape->size, by_order, (void *)(uintptr_t)m->shape);
    check_unique(r, m->shape, *items, *n, pointer);
}

static void read_object(struct shape_reader *r, const struct member *m, const json_t *value,
                        const char *pointer, void *element)
{
    shape_read(r, m->shape, value, pointer, element);
}

static void (*const readers[])(struct shape_reader *r, const struct member *m, const json_t *value,
                               const char *pointer, void *element) = {
    [MEMBER_NAME] = read_text,   [MEMBER_TEXT] = read_text,     [MEMBER_COMMENT] = read_text,
    [MEMBER_BOOL] = read_bool,   [MEMBER_NOT] = read_bool,      [MEMBER_INT] = read_int,
    [MEMBER_NAMES] = read_names, [MEMBER_WORD] = read_word,     [MEMBER_LIST] = read_list,
    [MEMBER_ONE] = read_one,     [MEMBER_OBJECT] = read_object, [MEMBER_FINISHED] = NULL,
};

static bool knows(const struct shape *shape, const char *key)
{
    for (size_t i = 0; i < shape->n; i++) {
        const struct member *m = &shape->members[i];
        if (m->kind == MEMBER_SAME ? knows(m->shape, key) : str_eq(m->name, key))
            return true;
    }
    return false;
}

static void refuse_unknown(struct shape_reader *r, const struct shape *shape, const json_t *json,
                           const char *pointer)
{
    char inner[POINTER_SIZE];
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)json, key, value) if (!knows(shape, key))
        shape_problem(r, json_pointer(inner, sizeof inner, pointer, key), "UNKNOWN_FIELD",
                      "is not known");
}

static void read_members(struct shape_reader *r, const struct shape *shape, const json_t *json,
                         const char *pointer, void *element)
{
    char inner[POINTER_SIZE];

    for (size_t i = 0; i < shape->n; i++) {
        const struct member *m = &shape->members[i];
        if (m->kind == MEMBER_SAME) {
            read_members(r, m->shape, json, pointer, (char *)element + m->at);
            continue;
        }
        const json_t *value = json_object_get(json, m->name);
        (void)json_pointer(inner, sizeof inner, pointer, m->name);
        if (value && !json_is_null(value) && readers[m->kind])
            readers[m->kind](r, m, value, inner, element);
        else if (m->required && (!value || json_is_null(value)))
            shape_problem(r, inner, "REQUIRED", "is required");
    }
    if (shape->finish)
        shape->finish(r, json, pointer, element);
}

void shape_read(struct shape_reader *r, const struct shape *shape, const json_t *json,
                const char *pointer, void *element)
{
    if (!json_is_object(json)) {
        shape_problem(r, pointer, "WRONG_TYPE", "must be an object");
        return;
    }
    refuse_unknown(r, shape, json, pointer);
    read_members(r, shape, json, pointer, element);
}

static err_code first_problem(const struct shape_reader *r, struct err *err)
{
    const json_t *first = json_array_get(r->problems, r->before);
    const char *pointer = json_string_value(json_object_get(first, "pointer"));
    const char *detail = json_string_value(json_object_get(first, "detail"));
    err_code rc = err_set(err, ERR_VALIDATION_FAILED, "the model is not valid: %.150s %.250s",
                          pointer ? pointer : "", detail ? detail : "");
    return err && pointer ? err_in(err, pointer) : rc;
}

err_code schema_parse(const json_t *json, const char *base, json_t *problems, struct schema **out,
                      struct err *err)
{
    CLEANUP(schema_freep) struct schema *s = calloc(1, sizeof *s);
    struct shape_reader r = {.out = s, .problems = problems, .before = json_array_size(problems)};

    if (!s)
        return err_set(err, ERR_INTERNAL, "no memory for a model");
    shape_read(&r, &shape_of_schema, json, base, s);
    if (!s->name)
        s->name = strdup("");
    if (r.no_memory || !s->name)
        return err_set(err, ERR_INTERNAL, "no memory for a model");
    if (r.found)
        return first_problem(&r, err);
    *out = s;
    s = NULL;
    return ERR_NONE;
}
