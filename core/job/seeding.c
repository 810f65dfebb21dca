/* SPDX-License-Identifier: MIT */
#include "core/job/seeding.h"

#include <string.h>

#include "core/base/str.h"

bool seed_is_own_variable(const char *name, bool shared)
{
    return str_eq(name, "schema") ||
           (!shared && (str_eq(name, "tenant_id") || str_starts(name, SEED_LABEL_PREFIX)));
}

static void add_label(json_t *values, const char *key, json_t *value)
{
    CLEANUP(str_clear) struct str name = STR_INIT;
    bool exact = !strpbrk(key, "./-");

    str_add(&name, SEED_LABEL_PREFIX);
    for (const char *p = key; *p; p++)
        str_add_char(&name, strchr("./-", *p) ? '_' : *p);
    if (exact ||
        !json_object_get(values, str_text(&name))) /* a label of just that name goes first */
        (void)json_object_set(values, str_text(&name), value);
}

json_t *seed_values(const json_t *own, const char *schema, const struct tenant *tenant)
{
    json_t *values = json_is_object(own) ? json_copy((json_t *)(uintptr_t)own) : json_object();
    const char *key;
    json_t *value;

    if (!values || json_object_set_new(values, "schema", json_string(schema))) {
        json_decref(values);
        return NULL;
    }
    if (!tenant)
        return values;
    (void)json_object_set_new(values, "tenant_id", json_string(tenant->id));
    json_object_foreach(tenant->labels, key, value) add_label(values, key, value);
    return values;
}
