/* SPDX-License-Identifier: MIT */
#include "core/query/param.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/pg/array.h"
#include "core/query/text.h"

void query_params_clear(struct query_params *params)
{
    for (size_t i = 0; i < params->count; i++)
        free(params->owned[i]);
    free(params->owned);
    free(params->values);
    *params = (struct query_params){.values = NULL};
}

/* false: it is neither a string nor a number nor a boolean */
static bool add_scalar(const json_t *value, struct str *out)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        str_add(out, json_string_value(value));
        return true;
    case JSON_INTEGER:
        str_addf(out, "%lld", (long long)json_integer_value(value));
        return true;
    case JSON_REAL:
        str_addf(out, "%.17g", json_real_value(value));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        str_add(out, json_is_true(value) ? "true" : "false");
        return true;
    default:
        return false;
    }
}

static bool add_array(const json_t *list, struct str *out)
{
    size_t i;
    json_t *value;

    json_array_foreach(list, i, value)
    {
        CLEANUP(str_clear) struct str text = STR_INIT;
        if (!json_is_null(value) && !add_scalar(value, &text))
            return false;
        pg_array_add(out, json_is_null(value) ? NULL : str_text(&text));
    }
    pg_array_end(out);
    return true;
}

static bool add_object(const json_t *value, struct str *out)
{
    CLEANUP(freep) char *text = json_dumps(value, JSON_COMPACT);

    out->failed |= !text;
    str_add(out, text ? text : "");
    return true;
}

static err_code take(const json_t *value, size_t i, struct query_params *out, struct err *err)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    char field[32];
    bool known = json_is_null(value)     ? true
                 : json_is_array(value)  ? add_array(value, &text)
                 : json_is_object(value) ? add_object(value, &text)
                                         : add_scalar(value, &text);

    if (!known) {
        (void)snprintf(field, sizeof field, "/params/%zu", i);
        (void)err_set(err, ERR_VALIDATION_FAILED,
                      "the elements of an array are strings, numbers, booleans or null");
        return err ? err_in(err, field) : ERR_VALIDATION_FAILED;
    }
    if (json_is_null(value))
        return ERR_NONE;
    str_add(&text, ""); /* so that an empty one has memory */
    out->owned[i] = str_take(&text);
    out->values[i] = out->owned[i];
    return out->owned[i] ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code query_params_make(const json_t *list, struct query_params *out, struct err *err)
{
    size_t n = json_array_size(list);
    err_code rc = ERR_NONE;

    *out = (struct query_params){.values = calloc(n + 1, sizeof *out->values),
                                 .owned = calloc(n + 1, sizeof *out->owned)};
    if (!out->values || !out->owned)
        rc = err_set(err, ERR_INTERNAL, "out of memory");
    else
        out->count = n;
    for (size_t i = 0; i < n && !rc; i++)
        rc = take(json_array_get(list, i), i, out, err);
    if (rc)
        query_params_clear(out);
    return rc;
}
