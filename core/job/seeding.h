/* SPDX-License-Identifier: MIT */
/* The values that a seed's variables have for one tenant, or for the shared schema. */
#pragma once

#include "core/migrate/seed_apply.h"
#include "core/tenant/tenant.h"

/* How the names of variables begin that stand for a tenant's labels. */
#define SEED_LABEL_PREFIX "label_"

/* Whether tenantd itself gives the variable its value: schema, and for tenants tenant_id and
 * label_KEY. */
bool seed_is_own_variable(const char *name, bool shared);
/*
 * An object of all values: own ones (may be NULL) and those of the tenant (NULL: the shared
 * schema). In the name of a label's variable "_" stands for the other signs its key may have. NULL:
 * no memory.
 */
json_t *seed_values(const json_t *own, const char *schema, const struct tenant *tenant);
