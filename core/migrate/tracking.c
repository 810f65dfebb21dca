/* SPDX-License-Identifier: MIT */
#include "core/migrate/tracking_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"

const char *tracking_format_name(tracking_format format)
{
    switch (format) {
    case TRACKING_NAME:
        return "name";
    case TRACKING_HASH:
        return "hash";
    case TRACKING_DRIZZLE_KIT:
        return "drizzle-kit";
    case TRACKING_DRIZZLE_KIT_V1:
        return "drizzle-kit-v1";
    }
    return "";
}

bool tracking_format_parse(const char *name, tracking_format *out)
{
    static const tracking_format formats[] = {TRACKING_NAME, TRACKING_HASH, TRACKING_DRIZZLE_KIT,
                                              TRACKING_DRIZZLE_KIT_V1};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (str_eq(name, tracking_format_name(formats[i]))) {
            *out = formats[i];
            return true;
        }
    }
    return false;
}

void applied_set_free(struct applied_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++) {
        free(set->rows[i].name);
        free(set->rows[i].hash);
    }
    free(set->rows);
    free(set->begun);
    free(set);
}

bool applied_set_begin(struct applied_set *set, const char *version)
{
    char *copy = version ? strdup(version) : NULL;

    if (version && !copy)
        return false;
    free(set->begun);
    set->begun = copy;
    return true;
}

void applied_set_key(const struct applied_set *set, char out[APPLIED_SET_KEY_SIZE])
{
    (void)snprintf(out, APPLIED_SET_KEY_SIZE, "%s%s%s", set->digest, set->begun ? ":" : "",
                   set->begun ? set->begun : "");
}

void applied_set_freep(struct applied_set **set)
{
    applied_set_free(*set);
}

struct applied_set *applied_set_empty(tracking_format format)
{
    struct applied_set *set = calloc(1, sizeof *set);
    if (set) {
        set->format = format;
        applied_set_digest(set);
    }
    return set;
}

bool applied_set_add(struct applied_set *set, const char *name, const char *hash, int64_t at_ms)
{
    if ((set->count & (set->count - 1)) == 0) { /* a power of two: full */
        size_t cap = set->count ? 2 * set->count : 1;
        struct applied_row *rows = realloc(set->rows, cap * sizeof *rows);
        if (!rows)
            return false;
        set->rows = rows;
    }
    struct applied_row row = {.name = name ? strdup(name) : NULL,
                              .hash = hash ? strdup(hash) : NULL,
                              .at_ms = at_ms};
    if ((name && !row.name) || (hash && !row.hash)) {
        free(row.name);
        free(row.hash);
        return false;
    }
    set->rows[set->count++] = row;
    return true;
}

static bool rows_equal(const struct applied_row *a, const struct applied_row *b)
{
    return a->at_ms == b->at_ms && !a->name == !b->name && !a->hash == !b->hash &&
           (!a->name || str_eq(a->name, b->name)) && (!a->hash || str_eq(a->hash, b->hash));
}

void applied_set_remove(struct applied_set *set, const struct applied_row *row)
{
    size_t at = set->count;

    while (at && !rows_equal(&set->rows[at - 1], row))
        at--;
    if (!at--)
        return;
    free(set->rows[at].name);
    free(set->rows[at].hash);
    set->count--;
    memmove(&set->rows[at], &set->rows[at + 1], (set->count - at) * sizeof *set->rows);
}

struct applied_set *applied_set_copy(const struct applied_set *set)
{
    CLEANUP(applied_set_freep) struct applied_set *copy = calloc(1, sizeof *copy);

    if (!copy)
        return NULL;
    copy->format = set->format;
    copy->has_table = set->has_table;
    memcpy(copy->digest, set->digest, sizeof copy->digest);
    if (!applied_set_begin(copy, set->begun))
        return NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct applied_row *row = &set->rows[i];
        if (!applied_set_add(copy, row->name, row->hash, row->at_ms))
            return NULL;
    }
    struct applied_set *out = copy;
    copy = NULL; /* now the caller's */
    return out;
}

/* A row's identity: each value with its length before it, so that no two rows look alike. */
static void add_key(struct str *key, const char *value)
{
    if (value)
        str_addf(key, "%zu:%s;", strlen(value), value);
    else
        str_add(key, "-;");
}

static int compare_keys(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

void applied_set_keys(const struct applied_set *set, key_writer *write, const char *between,
                      struct str *out)
{
    char **keys = calloc(set->count + 1, sizeof *keys);

    out->failed = out->failed || !keys;
    for (size_t i = 0; keys && i < set->count; i++) {
        struct str key = STR_INIT;
        write(&key, set->format, &set->rows[i]);
        keys[i] = str_take(&key);
        out->failed = out->failed || !keys[i];
    }
    if (!out->failed && set->count)
        qsort(keys, set->count, sizeof *keys, compare_keys);
    for (size_t i = 0; keys && i < set->count; i++) {
        if (!out->failed) {
            str_add(out, i ? between : "");
            str_add(out, keys[i]);
        }
        free(keys[i]);
    }
    free(keys);
}

static void add_row_key(struct str *key, tracking_format format, const struct applied_row *row)
{
    if (format != TRACKING_HASH && format != TRACKING_DRIZZLE_KIT)
        add_key(key, row->name);
    if (format != TRACKING_NAME)
        add_key(key, row->hash);
}

/* The same as tracking_sql_digest() computes in the database; a test holds them together. */
void applied_set_digest(struct applied_set *set)
{
    CLEANUP(str_clear) struct str all = STR_INIT;

    applied_set_keys(set, add_row_key, "", &all);
    if (str_ok(&all))
        sha256_hex(str_text(&all), all.len, set->digest);
    else
        set->digest[0] = '\0'; /* no memory: equals no table, so the guard stops the script */
}

json_t *applied_set_to_json(const struct applied_set *set)
{
    json_auto_t *rows = json_array();

    for (size_t i = 0; i < set->count; i++) {
        const struct applied_row *row = &set->rows[i];
        json_t *item = json_pack("[o, o, I]", json_text(row->name), json_text(row->hash),
                                 (json_int_t)row->at_ms);
        if (json_array_append_new(rows, item))
            return NULL;
    }
    json_t *out = json_pack("{s:s, s:b, s:O}", "format", tracking_format_name(set->format),
                            "has_table", set->has_table, "rows", rows);
    if (out && set->begun && json_object_set_new(out, "begun", json_text(set->begun))) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static bool is_text_or_null(const json_t *value)
{
    return json_is_string(value) || json_is_null(value);
}

static err_code add_json_row(struct applied_set *set, const json_t *row, struct err *err)
{
    const json_t *name = json_array_get(row, 0), *hash = json_array_get(row, 1);
    const json_t *at = json_array_get(row, 2);

    if (json_array_size(row) != 3 || !is_text_or_null(name) || !is_text_or_null(hash) ||
        !json_is_integer(at))
        return err_set(err, ERR_VALIDATION_FAILED,
                       "a row of an applied set must be [name, hash, at_ms]");
    if (!applied_set_add(set, json_string_value(name), json_string_value(hash),
                         json_integer_value(at)))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return ERR_NONE;
}

err_code applied_set_from_json(const json_t *json, struct applied_set **out, struct err *err)
{
    tracking_format format;
    const char *name = json_string_value(json_object_get(json, "format"));
    const json_t *has_table = json_object_get(json, "has_table");
    const json_t *rows = json_object_get(json, "rows");

    if (!name || !tracking_format_parse(name, &format) || !json_is_boolean(has_table) ||
        !json_is_array(rows))
        return err_set(err, ERR_VALIDATION_FAILED,
                       "an applied set must have \"format\", \"has_table\" and \"rows\"");
    CLEANUP(applied_set_freep) struct applied_set *set = applied_set_empty(format);
    if (!set)
        return err_set(err, ERR_INTERNAL, "out of memory");
    set->has_table = json_is_true(has_table);
    if (!applied_set_begin(set, json_string_value(json_object_get(json, "begun"))))
        return err_set(err, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        err_code rc = add_json_row(set, json_array_get(rows, i), err);
        if (rc)
            return rc;
    }
    applied_set_digest(set);
    *out = set;
    set = NULL; /* now the caller's */
    return ERR_NONE;
}
