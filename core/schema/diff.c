/* SPDX-License-Identifier: MIT */
#include "core/schema/diff.h"

#include <stdint.h>

#include "core/base/str.h"

struct diffing {
    size_t count, max;
    json_t *out;
};

static const char *name_of(const json_t *value)
{
    return json_string_value(json_object_get(value, "name"));
}

/* An object stands for itself by its name, or by being there. */
static json_t *shown(const json_t *value)
{
    const char *name = name_of(value);

    if (!value)
        return json_null();
    if (json_is_object(value) && name)
        return json_string(name);
    return json_deep_copy(value);
}

static void report(struct diffing *d, const char *path, const json_t *expected, const json_t *found)
{
    if (d->count++ < d->max)
        (void)json_array_append_new(d->out, json_pack("{s:s, s:o, s:o}", "path", path, "expected",
                                                      shown(expected), "found", shown(found)));
}

static void compare(struct diffing *d, const char *path, const json_t *expected,
                    const json_t *found);

static void compare_member(struct diffing *d, const char *path, const char *name,
                           const json_t *expected, const json_t *found)
{
    CLEANUP(str_clear) struct str inner = STR_INIT;

    str_add(&inner, path);
    str_add(&inner, *path ? "/" : "");
    str_add(&inner, name);
    compare(d, str_text(&inner), expected, found);
}

static const json_t *find_named(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (str_eq(name_of(json_array_get(list, i)), name))
            return json_array_get(list, i);
    return NULL;
}

/* Lists of what has names, as all lists of the model that hold objects but an index's keys. */
static void compare_named(struct diffing *d, const char *path, const json_t *expected,
                          const json_t *found)
{
    for (size_t i = 0; i < json_array_size(expected); i++) {
        const char *name = name_of(json_array_get(expected, i));
        compare_member(d, path, name, json_array_get(expected, i), find_named(found, name));
    }
    for (size_t i = 0; i < json_array_size(found); i++) {
        const char *name = name_of(json_array_get(found, i));
        if (!find_named(expected, name))
            compare_member(d, path, name, NULL, json_array_get(found, i));
    }
}

static void compare_objects(struct diffing *d, const char *path, const json_t *expected,
                            const json_t *found)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)expected, key, value)
        compare_member(d, path, key, value, json_object_get(found, key));
    json_object_foreach((json_t *)(uintptr_t)found, key, value) if (!json_object_get(expected, key))
        compare_member(d, path, key, NULL, value);
}

static bool is_named_list(const json_t *list)
{
    return json_is_array(list) && (!json_array_size(list) || name_of(json_array_get(list, 0)));
}

static void compare(struct diffing *d, const char *path, const json_t *expected,
                    const json_t *found)
{
    if (json_equal(expected, found))
        return;
    if (json_is_object(expected) && json_is_object(found))
        compare_objects(d, path, expected, found);
    else if (is_named_list(expected) && is_named_list(found))
        compare_named(d, path, expected, found);
    else
        report(d, path, expected, found);
}

size_t schema_diff(const json_t *expected, const json_t *found, size_t max, json_t *out)
{
    struct diffing d = {.max = max, .out = out};

    compare(&d, "", expected, found);
    return d.count;
}
