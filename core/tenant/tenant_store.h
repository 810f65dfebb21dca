/* SPDX-License-Identifier: MIT */
/* The registry of tenants: one function, one statement on tenantd.tenant. */
#pragma once

#include "core/pg/pg.h"
#include "core/tenant/selector.h"
#include "core/tenant/tenant.h"

struct tenant_spec {
    const char *id, *server, *schema, *display_name; /* display_name may be NULL */
    const json_t *labels;                            /* may be NULL */
};

/*
 * Registers a tenant in state provisioning; one that failed before (state error) starts again.
 * ERR_TENANT_EXISTS, ERR_SCHEMA_NAME_TAKEN, ERR_SERVER_NOT_FOUND; an open transaction stays usable,
 * but when a tenant that starts again loses its schema's name in a race.
 */
err_code tenant_register(struct pg *pg, const struct tenant_spec *spec, struct err *err) MUST_USE;
/* ERR_TENANT_NOT_FOUND. lock: holds the row until the transaction ends. */
err_code tenant_find(struct pg *pg, const char *id, bool lock, struct tenant *out,
                     struct err *err) MUST_USE;

struct tenant_filter {
    const char *states;        /* text[] literal, NULL: any */
    const char *labels;        /* jsonb text, NULL: any */
    const char *id_prefix;     /* NULL: any */
    const char *applied_sets;  /* bigint[] literal; NULL: any */
    bool unknown_set;          /* with applied_sets: those never read match too */
    const char *after_id;      /* keyset; NULL: from the start */
    int limit;
};
err_code tenant_list(struct pg *pg, const struct tenant_filter *filter, struct tenant **out,
                     size_t *count, struct err *err) MUST_USE;
void tenant_list_free(struct tenant *tenants, size_t count);

/* Merges into the labels (null deletes) and sets the display name when set_name. */
err_code tenant_update(struct pg *pg, const char *id, const json_t *labels, bool set_name,
                       const char *display_name, struct err *err) MUST_USE;
/* Moves a tenant to a state and keeps the times that go with it; purge_days is for archived. */
err_code tenant_set_state(struct pg *pg, const char *id, tenant_state state, int purge_days,
                          struct err *err) MUST_USE;
/* Bumps the epoch: every replica drops what it caches about the tenant. */
err_code tenant_bump(struct pg *pg, const char *id, struct err *err) MUST_USE;
err_code tenant_delete(struct pg *pg, const char *id, struct err *err) MUST_USE;

/* What the tracking table of a tenant was seen to say. */
err_code tenant_seen(struct pg *pg, const char *id, int64_t applied_set, struct err *err) MUST_USE;

/* Ids of the selector that are no tenants, as rows (id, place from 0), in its order, 100 at most. */
err_code tenant_unknown_ids(struct pg *pg, const struct selector *selector, struct pg_rows **out,
                            struct err *err) MUST_USE;
/*
 * Tenants that migrations concern (active, suspended) by what they have applied: rows
 * (applied_set, tenants, sample: up to five ids as a JSON array), the biggest group first.
 */
err_code tenant_cohorts(struct pg *pg, const struct selector *selector, struct pg_rows **out,
                        struct err *err) MUST_USE;
/* Number of tenants by state: rows (state, tenants). */
err_code tenant_count_by_state(struct pg *pg, struct pg_rows **out, struct err *err) MUST_USE;
