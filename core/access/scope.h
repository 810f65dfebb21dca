/* SPDX-License-Identifier: MIT */
/*
 * What a token may do: scopes, as a set of bits, and roles, which are named sets. Pure. To add a
 * scope is to add a row at the end of SCOPE_LIST; sets are stored by name, so rows may also move.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

#define SCOPE_LIST(X)                                                                              \
    X(TENANTS_READ, "tenants:read")                                                                \
    X(TENANTS_WRITE, "tenants:write")                                                              \
    X(TENANTS_OPERATE, "tenants:operate")                                                          \
    X(TENANTS_DELETE, "tenants:delete")                                                            \
    X(CATALOG_READ, "catalog:read")                                                                \
    X(CATALOG_WRITE, "catalog:write")                                                              \
    X(MIGRATIONS_READ, "migrations:read")                                                          \
    X(MIGRATIONS_RUN, "migrations:run")                                                            \
    X(JOBS_READ, "jobs:read")                                                                      \
    X(JOBS_OPERATE, "jobs:operate")                                                                \
    X(EVENTS_READ, "events:read")                                                                  \
    X(POOLS_READ, "pools:read")                                                                    \
    X(POOLS_OPERATE, "pools:operate")                                                              \
    X(SCHEMA_READ, "schema:read")                                                                  \
    X(SERVERS_READ, "servers:read")                                                                \
    X(CONFIG_READ, "config:read")                                                                  \
    X(METRICS_READ, "metrics:read")                                                                \
    X(TOKENS_ADMIN, "tokens:admin")                                                                \
    X(MIGRATIONS_REPAIR, "migrations:repair")                                                      \
    X(MIGRATIONS_PLAN, "migrations:plan")                                                          \
    X(QUERIES_RUN, "queries:run")                                                                  \
    X(QUERIES_WRITE, "queries:write")                                                              \
    X(DRIFT_READ, "drift:read")                                                                    \
    X(DRIFT_RUN, "drift:run")                                                                      \
    X(DRIFT_REPAIR, "drift:repair")

#define SCOPE_ENUM(name, text) SCOPE_##name,
typedef enum scope { SCOPE_LIST(SCOPE_ENUM) SCOPE_END } scope;
#undef SCOPE_ENUM

/* A set of scopes is a uint32_t with these bits. */
#define SCOPE_BIT(s) (UINT32_C(1) << (s))
#define SCOPES_ALL (SCOPE_BIT(SCOPE_END) - 1)

const char *scope_name(scope s);
/* Adds the scope called name to *set; false: there is none. */
bool scope_add(const char *name, uint32_t *set);

struct role {
    const char *name;
    uint32_t scopes;
};
const struct role *role_rows(size_t *n);
/* The set of the n scopes and roles named; fails with ERR_VALIDATION_FAILED, err->field being the
 * name that is neither, or when there is not one. */
err_code scopes_parse(const char *const *names, size_t n, uint32_t *out, struct err *err) MUST_USE;
/* The set of names as they are stored, between blanks, which is spoilt. What an older or newer
 * version stored and this one does not know grants nothing. */
uint32_t scopes_stored(char *stored);
/* Appends the names, each but the first after separator. */
void scopes_format(uint32_t set, const char *separator, struct str *out);
