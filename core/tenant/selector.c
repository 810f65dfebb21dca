/* SPDX-License-Identifier: MIT */
#include "core/tenant/selector.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/pg/array.h"
#include "core/tenant/tenant.h"

enum { SELECTOR_IDS_MAX = 1000 };

static err_code problem(struct err *err, const char *base, const char *member, const char *what)
{
    char field[96];
    (void)snprintf(field, sizeof field, "%s%s", base, member);
    (void)err_set(err, ERR_VALIDATION_FAILED, "%s", what);
    return err ? err_in(err, field) : ERR_VALIDATION_FAILED;
}

static err_code take_ids(const json_t *ids, const char *base, struct selector *s, struct err *err)
{
    CLEANUP(str_clear) struct str array = STR_INIT;
    char member[32];
    size_t i;
    json_t *id;

    if (!json_is_array(ids) || json_array_size(ids) == 0 ||
        json_array_size(ids) > SELECTOR_IDS_MAX)
        return problem(err, base, "/ids", "must be an array of 1 to 1000 tenant ids");
    json_array_foreach(ids, i, id) {
        (void)snprintf(member, sizeof member, "/ids/%zu", i);
        if (!json_is_string(id) || !json_string_length(id))
            return problem(err, base, member, "must be a tenant id");
        pg_array_add(&array, json_string_value(id));
    }
    pg_array_end(&array);
    s->id_count = json_array_size(ids);
    s->ids = str_take(&array);
    return s->ids ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

/* Puts base in front of the field that an error names. */
static err_code under(const char *base, err_code code, struct err *err)
{
    char field[sizeof err->field];

    if (!err)
        return code;
    (void)snprintf(field, sizeof field, "%s%s", base, err->field);
    return err_in(err, field);
}

static err_code take_labels(const json_t *labels, const char *base, struct selector *s,
                            struct err *err)
{
    if (!json_is_object(labels) || json_object_size(labels) == 0)
        return problem(err, base, "/labels", "must be an object with at least one label");
    err_code rc = tenant_check_labels(labels, false, err);
    if (rc)
        return under(base, rc, err);
    s->labels = json_canonical(labels);
    return s->labels ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code selector_parse(const json_t *value, const char *base, struct selector *out,
                        struct err *err)
{
    CLEANUP(selector_clear) struct selector s = {.ids = NULL};
    const json_t *all = json_object_get(value, "all"), *ids = json_object_get(value, "ids"),
                 *labels = json_object_get(value, "labels");
    char field[sizeof err->field];
    const char *key;
    json_t *member;
    err_code rc = ERR_NONE;

    if (!json_is_object(value))
        return problem(err, base, "", "must be an object");
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
        if (!str_eq(key, "all") && !str_eq(key, "ids") && !str_eq(key, "labels"))
            return problem(err, json_pointer(field, sizeof field, base, key), "",
                           "is not known here: a selector has all, ids and labels");
    if (!json_object_size(value)) {
        (void)err_set(err, ERR_EMPTY_SELECTOR,
                      "an empty selector never means every tenant: say {\"all\": true}");
        return err ? err_in(err, base) : ERR_EMPTY_SELECTOR;
    }
    if (all && (!json_is_true(all) || ids || labels))
        return problem(err, base, "/all", "must be true and stand alone");
    if (ids)
        rc = take_ids(ids, base, &s, err);
    if (!rc && labels)
        rc = take_labels(labels, base, &s, err);
    if (rc)
        return rc;
    *out = s;
    s = (struct selector){.ids = NULL}; /* now the caller's */
    return ERR_NONE;
}

err_code selector_of_id(const char *id, struct selector *out, struct err *err)
{
    CLEANUP(str_clear) struct str array = STR_INIT;
    pg_array_add(&array, id);
    pg_array_end(&array);
    *out = (struct selector){.ids = str_take(&array), .id_count = 1};
    return out->ids ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

void selector_clear(struct selector *s)
{
    free(s->ids);
    free(s->labels);
    *s = (struct selector){.ids = NULL};
}
