/* SPDX-License-Identifier: MIT */
/* Handlers of /v1/tenants. */
#pragma once

#include "service/api/api.h"

/* A lease of the tenant's pool, found by id; to be released, and the tenant cleared. */
err_code tenant_lease(struct call *call, const char *id, struct tenant *t,
                      struct pool_lease *lease, struct err *err) MUST_USE;

api_handler tenants_list, tenants_get, tenants_create, tenants_create_batch, tenants_import,
    tenants_update, tenants_delete, tenants_suspend, tenants_resume, tenants_migrations,
    tenants_export, tenants_schema, tenants_pool, tenants_pool_evict, tenants_clone;

/* ERR_TENANT_BUSY with the job, when it has a live exclusive one. */
err_code tenants_refuse_busy(const struct tenant *t, struct err *err) MUST_USE;
/* repairs.c, sync_status.c */
api_handler tenants_sync_status, tenants_sync, tenants_baseline, tenants_mark_applied,
    tenants_convert, tenants_adopt, tenants_resolve;
/* drift_live.c, drift.c */
api_handler tenants_drift, tenants_drift_accept;
