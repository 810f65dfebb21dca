/* SPDX-License-Identifier: MIT */
#include "core/tenant/tenant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"

static const char *const state_names[] = {
    [TENANT_PROVISIONING] = "provisioning", [TENANT_ACTIVE] = "active",
    [TENANT_SUSPENDED] = "suspended",       [TENANT_ARCHIVED] = "archived",
    [TENANT_DELETING] = "deleting",         [TENANT_ERROR] = "error",
};

/* The whole life of a tenant, readable at a glance: may[from][to]. */
static const bool may[ARRAY_LEN(state_names)][ARRAY_LEN(state_names)] = {
    [TENANT_PROVISIONING] = {[TENANT_ACTIVE] = true, [TENANT_ERROR] = true},
    [TENANT_ERROR] = {[TENANT_PROVISIONING] = true, [TENANT_DELETING] = true},
    [TENANT_ACTIVE] = {[TENANT_SUSPENDED] = true,
                       [TENANT_ARCHIVED] = true,
                       [TENANT_DELETING] = true},
    [TENANT_SUSPENDED] = {[TENANT_ACTIVE] = true,
                          [TENANT_ARCHIVED] = true,
                          [TENANT_DELETING] = true},
    [TENANT_ARCHIVED] = {[TENANT_ACTIVE] = true, [TENANT_DELETING] = true},
    [TENANT_DELETING] = {[TENANT_DELETING] = true},
};

const char *const tenant_reserved_ids[] = {"batch", "purge", "import", "resolve", NULL};

const char *tenant_state_name(tenant_state state)
{
    return state_names[state];
}

bool tenant_state_parse(const char *name, tenant_state *out)
{
    for (size_t i = 0; i < ARRAY_LEN(state_names); i++)
        if (str_eq(name, state_names[i])) {
            *out = (tenant_state)i;
            return true;
        }
    return false;
}

err_code tenant_may_become(const char *id, tenant_state from, tenant_state to, struct err *err)
{
    if (may[from][to])
        return ERR_NONE;
    return err_set(err, ERR_INVALID_STATE, "tenant %s is %s and cannot become %s", id,
                   state_names[from], state_names[to]);
}

void tenant_clear(struct tenant *t)
{
    char *owned[] = {t->id,         t->server,     t->strategy,   t->schema,
                     t->display_name, t->active_job, t->created_at, t->updated_at,
                     t->checked_at, t->suspended_at, t->archived_at, t->purge_at};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++)
        free(owned[i]);
    json_decref(t->labels);
    json_decref(t->last_error);
    *t = (struct tenant){.id = NULL};
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_id(const char *id)
{
    size_t n = strlen(id);
    if (n == 0 || n > TENANT_ID_MAX || !is_alnum(id[0]))
        return false;
    for (size_t i = 1; i < n; i++)
        if (!is_alnum(id[i]) && id[i] != '_' && id[i] != '-')
            return false;
    return true;
}

err_code tenant_check_id(const char *id, struct err *err)
{
    if (!is_id(id))
        return err_set(err, ERR_INVALID_TENANT_ID,
                       "\"%.100s\" is not a tenant id: 1 to %d of a-z, 0-9, _ and -, beginning"
                       " with a letter or a digit",
                       id, TENANT_ID_MAX);
    for (size_t i = 0; tenant_reserved_ids[i]; i++)
        if (strcmp(id, tenant_reserved_ids[i]) == 0)
            return err_set(err, ERR_RESERVED_NAME, "\"%s\" is a reserved word", id);
    return ERR_NONE;
}

static bool is_reserved_schema(const char *schema)
{
    static const char *const reserved[] = {"public", "information_schema", "tenantd"};
    if (str_starts(schema, "pg_") || str_starts(schema, TENANT_WARM_PREFIX))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        if (strcmp(schema, reserved[i]) == 0)
            return true;
    return false;
}

err_code tenant_render_schema(const char *template, const char *id, char out[PG_NAME_MAX + 1],
                              struct err *err)
{
    const char *hole = strstr(template, "{id}");
    char name[512];

    if (!hole)
        return err_set(err, ERR_INTERNAL, "the schema name template \"%s\" has no {id}", template);
    int n = snprintf(name, sizeof name, "%.*s%s%s", (int)(hole - template), template, id,
                     hole + strlen("{id}"));
    if (n > PG_NAME_MAX)
        return err_set(err, ERR_SCHEMA_NAME_TOO_LONG,
                       "the schema name \"%.100s\" would be %d bytes long, %d at most", name, n,
                       PG_NAME_MAX);
    if (is_reserved_schema(name))
        return err_set(err, ERR_RESERVED_NAME, "the schema name \"%s\" is reserved", name);
    (void)snprintf(out, PG_NAME_MAX + 1, "%.*s", PG_NAME_MAX, name);
    return ERR_NONE;
}

bool tenant_id_of_schema(const char *template, const char *schema, char out[TENANT_ID_MAX + 1])
{
    const char *hole = strstr(template, "{id}");
    size_t before = hole ? (size_t)(hole - template) : 0, n = strlen(schema);
    const char *after = hole ? hole + strlen("{id}") : "";

    if (!hole || n <= before + strlen(after) || n - before - strlen(after) > TENANT_ID_MAX ||
        strncmp(schema, template, before) != 0 || !str_ends(schema, after))
        return false;
    (void)snprintf(out, TENANT_ID_MAX + 1, "%.*s", (int)(n - before - strlen(after)),
                   schema + before);
    return is_id(out);
}

static bool is_label_key(const char *key)
{
    size_t n = strlen(key);
    if (n == 0 || n > 63 || !is_alnum(key[0]) || !is_alnum(key[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_alnum(key[i]) && !strchr("_./-", key[i]))
            return false;
    return true;
}

static err_code label_problem(struct err *err, const char *key, const char *what)
{
    char field[96];
    (void)err_set(err, ERR_VALIDATION_FAILED, "label \"%.80s\": %s", key, what);
    return err ? err_in(err, json_pointer(field, sizeof field, "/labels", key))
               : ERR_VALIDATION_FAILED;
}

err_code tenant_check_labels(const json_t *labels, bool merge, struct err *err)
{
    const char *key;
    json_t *value;

    if (json_object_size(labels) > LABELS_MAX) {
        (void)err_set(err, ERR_VALIDATION_FAILED, "%zu labels, %d at most",
                      json_object_size(labels), LABELS_MAX);
        return err ? err_in(err, "/labels") : ERR_VALIDATION_FAILED;
    }
    json_object_foreach((json_t *)(uintptr_t)labels, key, value) {
        if (!is_label_key(key))
            return label_problem(err, key,
                                 "a key is 1 to 63 of a-z, 0-9, _ . / -, with a letter or a digit"
                                 " at both ends");
        if (merge && json_is_null(value))
            continue;
        if (!json_is_string(value) || json_string_length(value) > 255)
            return label_problem(err, key, "a value is text of up to 255 bytes");
    }
    return ERR_NONE;
}
