/* SPDX-License-Identifier: MIT */
#include "openapi/yaml_json.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "core/base/str.h"

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    struct err *err;
};

static err_code fail_at(struct reader *r, yaml_mark_t mark, const char *why)
{
    err_code code = err_set(r->err, ERR_CONFIG_INVALID, "line %zu, column %zu: %s", mark.line + 1,
                            mark.column + 1, why);
    if (r->err) {
        r->err->line = (int)mark.line + 1;
        r->err->column = (int)mark.column + 1;
    }
    return code;
}

static err_code fail(struct reader *r, const char *why)
{
    return fail_at(r, r->event.start_mark, why);
}

static err_code advance(struct reader *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event))
        return ERR_NONE;
    return fail_at(r, r->parser.problem_mark,
                   r->parser.problem ? r->parser.problem : "this is not YAML");
}

static bool is_one_of(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

/* Leaves out one sign. */
static const char *unsigned_part(const char *text)
{
    return *text == '-' || *text == '+' ? text + 1 : text;
}

/* 0, 8, 10 or 16: the base in which the core schema reads text as an integer; 0: it does not. */
static int integer_base(const char *text)
{
    static const char octal[] = "01234567", hex[] = "0123456789abcdefABCDEF";
    const char *digits = unsigned_part(text);

    if (str_starts(text, "0o"))
        return text[2] && strspn(text + 2, octal) == strlen(text + 2) ? 8 : 0;
    if (str_starts(text, "0x"))
        return text[2] && strspn(text + 2, hex) == strlen(text + 2) ? 16 : 0;
    return *digits && strspn(digits, "0123456789") == strlen(digits) ? 10 : 0;
}

static size_t digits_of(const char *text)
{
    return strspn(text, "0123456789");
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text)
{
    const char *p = unsigned_part(text);
    size_t whole = digits_of(p), fraction = 0;

    p += whole;
    if (*p == '.') {
        fraction = digits_of(p + 1);
        p += 1 + fraction;
    }
    if (!whole && !fraction)
        return false;
    if (*p == 'e' || *p == 'E') {
        p = unsigned_part(p + 1);
        if (!digits_of(p))
            return false;
        p += digits_of(p);
    }
    return !*p;
}

static bool is_not_finite(const char *text)
{
    static const char *const words[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};
    return is_one_of(unsigned_part(text), words, ARRAY_LEN(words));
}

static err_code read_integer(struct reader *r, const char *text, int base, json_t **out)
{
    errno = 0;
    long long value = strtoll(base == 8 ? text + 2 : text, NULL, base);
    if (errno)
        return fail(r, "the integer does not fit into 64 bits");
    *out = json_integer(value);
    return ERR_NONE;
}

static err_code read_plain(struct reader *r, const char *text, json_t **out)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const trues[] = {"true", "True", "TRUE"};
    static const char *const falses[] = {"false", "False", "FALSE"};
    int base = integer_base(text);

    if (base)
        return read_integer(r, text, base, out);
    if (is_not_finite(text))
        return fail(r, "JSON has no such number");
    if (is_one_of(text, nulls, ARRAY_LEN(nulls)))
        *out = json_null();
    else if (is_one_of(text, trues, ARRAY_LEN(trues)))
        *out = json_true();
    else if (is_one_of(text, falses, ARRAY_LEN(falses)))
        *out = json_false();
    else
        *out = is_float(text) ? json_real(strtod(text, NULL)) : json_string(text);
    return ERR_NONE;
}

static err_code check_node(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return fail(r, "anchors are not taken; use $ref");
    return tag ? fail(r, "tags are not taken") : ERR_NONE;
}

static err_code check_scalar(struct reader *r)
{
    const char *text = (const char *)r->event.data.scalar.value;
    err_code code = check_node(r, r->event.data.scalar.anchor, r->event.data.scalar.tag);

    if (code)
        return code;
    return strlen(text) == r->event.data.scalar.length ? ERR_NONE : fail(r, "a NUL stands here");
}

static err_code read_scalar(struct reader *r, json_t **out)
{
    const char *text = (const char *)r->event.data.scalar.value;
    err_code code = check_scalar(r);

    if (code)
        return code;
    if (r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        code = read_plain(r, text, out);
    else
        *out = json_string(text);
    if (!code && !*out)
        return fail(r, "this cannot be kept as JSON");
    return code;
}

static err_code read_node(struct reader *r, int depth, json_t **out);

static err_code read_sequence(struct reader *r, int depth, json_t **out)
{
    json_auto_t *array = json_array();
    const yaml_event_t *event = &r->event;
    err_code code =
        check_node(r, event->data.sequence_start.anchor, event->data.sequence_start.tag);

    while (!code && !(code = advance(r)) && event->type != YAML_SEQUENCE_END_EVENT) {
        json_t *item = NULL;
        code = read_node(r, depth + 1, &item);
        if (!code && json_array_append_new(array, item))
            code = fail(r, "out of memory");
    }
    if (!code)
        *out = json_incref(array);
    return code;
}

static err_code read_key(struct reader *r, const json_t *object, char **out)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail(r, "a key is a scalar");
    err_code code = check_scalar(r);
    if (code)
        return code;
    if (json_object_get(object, (const char *)r->event.data.scalar.value))
        return fail(r, "this key stands here before");
    *out = strdup((const char *)r->event.data.scalar.value);
    return *out ? ERR_NONE : fail(r, "out of memory");
}

static err_code read_member(struct reader *r, int depth, json_t *object)
{
    CLEANUP(freep) char *key = NULL;
    json_t *value = NULL;
    err_code code = read_key(r, object, &key);

    if (!code)
        code = advance(r);
    if (!code)
        code = read_node(r, depth + 1, &value);
    if (!code && json_object_set_new(object, key, value))
        return fail(r, "this cannot be kept as JSON");
    return code;
}

static err_code read_mapping(struct reader *r, int depth, json_t **out)
{
    json_auto_t *object = json_object();
    const yaml_event_t *event = &r->event;
    err_code code = check_node(r, event->data.mapping_start.anchor, event->data.mapping_start.tag);

    while (!code && !(code = advance(r)) && event->type != YAML_MAPPING_END_EVENT)
        code = read_member(r, depth, object);
    if (!code)
        *out = json_incref(object);
    return code;
}

/* From the event that begins a node to the one that ends it. */
static err_code read_node(struct reader *r, int depth, json_t **out)
{
    if (depth > YAML_JSON_DEPTH_MAX)
        return fail(r, "nested too deep");
    if (r->event.type == YAML_SCALAR_EVENT)
        return read_scalar(r, out);
    if (r->event.type == YAML_SEQUENCE_START_EVENT)
        return read_sequence(r, depth, out);
    if (r->event.type == YAML_MAPPING_START_EVENT)
        return read_mapping(r, depth, out);
    return fail(r, r->event.type == YAML_ALIAS_EVENT ? "aliases are not taken; use $ref"
                                                     : "a value is missing");
}

static err_code expect(struct reader *r, yaml_event_type_t type, const char *why)
{
    err_code code = advance(r);
    if (code)
        return code;
    return r->event.type == type ? ERR_NONE : fail(r, why);
}

static err_code read_document(struct reader *r, json_t **out)
{
    json_auto_t *value = NULL;
    err_code code = expect(r, YAML_STREAM_START_EVENT, "this is not YAML");

    if (!code)
        code = expect(r, YAML_DOCUMENT_START_EVENT, "there is no document");
    if (!code)
        code = advance(r);
    if (!code)
        code = read_node(r, 0, &value);
    if (!code)
        code = expect(r, YAML_DOCUMENT_END_EVENT, "the document goes on");
    if (!code)
        code = expect(r, YAML_STREAM_END_EVENT, "there is a second document");
    if (!code)
        *out = json_incref(value);
    return code;
}

err_code yaml_to_json(const char *bytes, size_t n, json_t **out, struct err *err)
{
    struct reader r = {.err = err};

    if (!yaml_parser_initialize(&r.parser))
        return err_set(err, ERR_CONFIG_INVALID, "out of memory");
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, n);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    err_code code = read_document(&r, out);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return code;
}
