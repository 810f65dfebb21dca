/* SPDX-License-Identifier: MIT */
#include "core/access/scope.h"

#include <assert.h>
#include <string.h>

static_assert(SCOPE_END < 31, "a set of scopes no longer fits its type");

#define SCOPE_NAME(name, text) [SCOPE_##name] = (text),
static const char *const names[] = {SCOPE_LIST(SCOPE_NAME)};
#undef SCOPE_NAME

#define BIT(name) SCOPE_BIT(SCOPE_##name)
enum {
    VIEWER = BIT(TENANTS_READ) | BIT(CATALOG_READ) | BIT(MIGRATIONS_READ) | BIT(JOBS_READ) |
             BIT(POOLS_READ) | BIT(SCHEMA_READ) | BIT(SERVERS_READ) | BIT(CONFIG_READ) |
             BIT(METRICS_READ) | BIT(EVENTS_READ) | BIT(DRIFT_READ),
};

static const struct role roles[] = {
    {.name = "viewer", .scopes = VIEWER},
    {.name = "ci",
     .scopes = BIT(CATALOG_READ) | BIT(CATALOG_WRITE) | BIT(MIGRATIONS_READ) |
               BIT(MIGRATIONS_PLAN) | BIT(MIGRATIONS_RUN) | BIT(JOBS_READ) | BIT(TENANTS_READ) |
               BIT(SCHEMA_READ) | BIT(EVENTS_READ) | BIT(DRIFT_READ) | BIT(DRIFT_RUN)},
    {.name = "operator",
     .scopes = VIEWER | BIT(TENANTS_OPERATE) | BIT(TENANTS_WRITE) | BIT(MIGRATIONS_PLAN) |
               BIT(MIGRATIONS_RUN) | BIT(MIGRATIONS_REPAIR) | BIT(JOBS_OPERATE) |
               BIT(POOLS_OPERATE) | BIT(DRIFT_RUN) | BIT(DRIFT_REPAIR)},
    {.name = "admin", .scopes = SCOPES_ALL},
};

const char *scope_name(scope s)
{
    return names[s];
}

bool scope_add(const char *name, uint32_t *set)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(name, names[i])) {
            *set |= SCOPE_BIT(i);
            return true;
        }
    }
    return false;
}

const struct role *role_rows(size_t *n)
{
    *n = ARRAY_LEN(roles);
    return roles;
}

static bool role_add(const char *name, uint32_t *set)
{
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (str_eq(name, roles[i].name)) {
            *set |= roles[i].scopes;
            return true;
        }
    }
    return false;
}

err_code scopes_parse(const char *const *given, size_t n, uint32_t *out, struct err *err)
{
    uint32_t set = 0;

    for (size_t i = 0; i < n; i++) {
        if (scope_add(given[i], &set) || role_add(given[i], &set))
            continue;
        (void)err_set(err, ERR_VALIDATION_FAILED, "\"%.40s\" is neither a scope nor a role",
                      given[i]);
        return err ? err_in(err, given[i]) : ERR_VALIDATION_FAILED;
    }
    if (!set)
        return err_set(err, ERR_VALIDATION_FAILED, "a token needs at least one scope or role");
    *out = set;
    return ERR_NONE;
}

uint32_t scopes_stored(char *stored)
{
    char *rest = NULL;
    uint32_t set = 0;

    for (char *name = strtok_r(stored, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
        (void)scope_add(name, &set);
    return set;
}

void scopes_format(uint32_t set, const char *separator, struct str *out)
{
    bool first = true;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!(set & SCOPE_BIT(i)))
            continue;
        str_addf(out, "%s%s", first ? "" : separator, names[i]);
        first = false;
    }
}
