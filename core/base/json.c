/* SPDX-License-Identifier: MIT */
#include "core/base/json.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"

static size_t depth_of(const char *bytes, size_t n)
{
    size_t depth = 0, most = 0;
    bool quoted = false;

    for (size_t i = 0; i < n; i++) {
        char c = bytes[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > most)
                most = depth;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return most;
}

err_code json_parse(const char *bytes, size_t n, json_t **out, struct err *err)
{
    json_error_t why;

    if (n && memchr(bytes, '\0', n)) /* jansson 2.14 reads past a raw NUL: [1\0] becomes [1] */
        return err_set(err, ERR_MALFORMED_JSON, "the body contains a NUL byte");
    if (depth_of(bytes, n) > JSON_DEPTH_MAX)
        return err_set(err, ERR_MALFORMED_JSON, "nested deeper than %d", JSON_DEPTH_MAX);
    json_t *value = json_loadb(n ? bytes : "", n, JSON_REJECT_DUPLICATES, &why);
    if (!value) {
        (void)err_set(err, ERR_MALFORMED_JSON, "line %d, column %d: %s", why.line, why.column,
                      why.text);
        if (err) {
            err->line = why.line;
            err->column = why.column;
        }
        return ERR_MALFORMED_JSON;
    }
    *out = value;
    return ERR_NONE;
}

json_t *json_text(const char *text)
{
    if (!text)
        return json_null();
    json_t *value = json_string(text);
    if (value)
        return value;
    CLEANUP(str_clear) struct str clean = STR_INIT;
    for (size_t left = strlen(text); left;) {
        size_t good = utf8_valid_len(text, left);
        str_add_n(&clean, text, good);
        text += good;
        left -= good;
        if (left) {
            str_add(&clean, "\xef\xbf\xbd");
            text++;
            left--;
        }
    }
    return str_ok(&clean) ? json_string(str_text(&clean)) : NULL;
}

char *json_canonical(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

const char *json_pointer(char *out, size_t size, const char *base, const char *name)
{
    int room = (int)size - 1;
    int n = snprintf(out, size, "%s/", base);

    for (n = n < room ? n : room; *name; name++) {
        bool escaped = *name == '~' || *name == '/';
        if (n + (escaped ? 2 : 1) > room)
            break;
        out[n++] = escaped ? '~' : *name;
        if (escaped)
            out[n++] = *name == '~' ? '0' : '1';
    }
    out[n] = '\0';
    out[utf8_valid_len(out, (size_t)n)] = '\0'; /* no half of a character at the end */
    return out;
}

json_t *json_time(int64_t unix_ms)
{
    char text[RFC3339_SIZE];
    clock_rfc3339(unix_ms, text);
    return json_string(text);
}
