/* SPDX-License-Identifier: MIT */
/* A tenant as a plain value, and the rules of its life: names, states, transitions. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/pg/ident.h"

typedef enum tenant_state {
    TENANT_PROVISIONING, /* registered, its schema is being made */
    TENANT_ACTIVE,
    TENANT_SUSPENDED,
    TENANT_ARCHIVED, /* soft-deleted: the schema is kept until purge_at */
    TENANT_DELETING, /* the schema is being dropped */
    TENANT_ERROR,    /* provisioning failed; there is no schema */
} tenant_state;

const char *tenant_state_name(tenant_state state);
bool tenant_state_parse(const char *name, tenant_state *out);
/* ERR_INVALID_STATE when a tenant in `from` cannot become `to`. */
err_code tenant_may_become(const char *id, tenant_state from, tenant_state to,
                           struct err *err) MUST_USE;

struct tenant {
    char *id, *server, *strategy, *schema, *display_name; /* display_name may be NULL */
    tenant_state state;
    json_t *labels;     /* object of strings */
    json_t *last_error; /* object or NULL */
    int64_t applied_set; /* id of what its tracking table said last; 0: not known */
    char *active_job;    /* id of the live exclusive job; NULL: none */
    int64_t epoch;       /* grows with every change: the ETag, and what drops cached connections */
    char *created_at, *updated_at, *checked_at, *suspended_at, *archived_at, *purge_at; /* RFC 3339 */
};
void tenant_clear(struct tenant *t);

enum { TENANT_ID_MAX = 63, LABELS_MAX = 64 };
/* How the names of schemas begin that are kept ready; no tenant's does. */
#define TENANT_WARM_PREFIX "tenantd_warm_"

/* ^[a-z0-9][a-z0-9_-]{0,62}$ and not a reserved word: ERR_INVALID_TENANT_ID, ERR_RESERVED_NAME. */
err_code tenant_check_id(const char *id, struct err *err) MUST_USE;
/* Renders template ("tenant_{id}") for id; refuses names over 63 bytes and reserved schemas
 * (pg_*, public, information_schema, the control schema): ERR_SCHEMA_NAME_TOO_LONG,
 * ERR_RESERVED_NAME. */
err_code tenant_render_schema(const char *template, const char *id, char out[PG_NAME_MAX + 1],
                              struct err *err) MUST_USE;
/* The id that template renders to schema: false when schema does not fit it. */
bool tenant_id_of_schema(const char *template, const char *schema, char out[TENANT_ID_MAX + 1]);
/* Keys: [a-z0-9]([a-z0-9_./-]{0,61}[a-z0-9])?, values: text up to 255 bytes; at most LABELS_MAX.
 * null values are allowed with merge (they delete). ERR_VALIDATION_FAILED with err->field. */
err_code tenant_check_labels(const json_t *labels, bool merge, struct err *err) MUST_USE;
/* The literal words that stand where ids stand in paths; NULL-terminated. */
extern const char *const tenant_reserved_ids[];
