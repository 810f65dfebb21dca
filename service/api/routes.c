/* SPDX-License-Identifier: MIT */
/* Every operation of the API, in the order of openapi.yaml. A row begins with who may call it, so
 * one that does not say it does not build. */
#include "core/base/attr.h"
#include "service/api/handlers.h"
#include "service/api/tenants.h"

#define PAGE "page_size", "page_token"
#define EVENTS "types", "after", "page_size", "ticket"
#define NO_TOKEN(m, p, o) .pattern = {.method = HTTP_##m, .path = (p)}, .op = (o), .public = true
#define ANY_TOKEN(m, p, o) .pattern = {.method = HTTP_##m, .path = (p)}, .op = (o), .open = true
#define ROUTE(m, p, o, s) .pattern = {.method = HTTP_##m, .path = (p)}, .op = (o), .scope = (s)

const struct api_route api_routes[] = {
    /* tenants */
    {ROUTE(GET, "/v1/tenants", "listTenants", SCOPE_TENANTS_READ),
     .query = {"state", "label*", "migration_state", "id_prefix", PAGE}, .fn = tenants_list},
    {ROUTE(POST, "/v1/tenants", "createTenant", SCOPE_TENANTS_WRITE),
     .body = BODY_JSON, .query = {"dry_run"}, .fn = tenants_create},
    {ROUTE(POST, "/v1/tenants/batch", "createTenants", SCOPE_TENANTS_WRITE),
     .body = BODY_JSON, .fn = tenants_create_batch},
    {ROUTE(POST, "/v1/tenants/import", "importTenants", SCOPE_TENANTS_WRITE),
     .body = BODY_JSON_OPTIONAL, .query = {"dry_run"}, .fn = tenants_import},
    {ROUTE(GET, "/v1/tenants/{tenant_id}", "getTenant", SCOPE_TENANTS_READ),
     .fn = tenants_get},
    {ROUTE(PATCH, "/v1/tenants/{tenant_id}", "updateTenant", SCOPE_TENANTS_WRITE),
     .body = BODY_MERGE_PATCH, .fn = tenants_update},
    {ROUTE(DELETE, "/v1/tenants/{tenant_id}", "deleteTenant", SCOPE_TENANTS_DELETE), .query = {"mode", "force"}, .fn = tenants_delete},
    {ROUTE(POST, "/v1/tenants/{tenant_id}/suspend", "suspendTenant", SCOPE_TENANTS_OPERATE), .body = BODY_JSON_OPTIONAL, .fn = tenants_suspend},
    {ROUTE(POST, "/v1/tenants/{tenant_id}/resume", "resumeTenant", SCOPE_TENANTS_OPERATE), .body = BODY_JSON_OPTIONAL, .fn = tenants_resume},
    {ROUTE(GET, "/v1/tenants/{tenant_id}/migrations", "getTenantMigrations", SCOPE_MIGRATIONS_READ), .fn = tenants_migrations},
    {ROUTE(POST, "/v1/tenants/{tenant_id}/migrate", "migrateTenant", SCOPE_MIGRATIONS_RUN), .body = BODY_JSON_OPTIONAL, .fn = tenants_migrate},
    {ROUTE(GET, "/v1/tenants/{tenant_id}/schema/export", "exportTenantSchema", SCOPE_SCHEMA_READ), .query = {"format", "zod", "theme", "indexes", "tables"},
     .fn = tenants_export},
    {ROUTE(GET, "/v1/tenants/{tenant_id}/pool", "getTenantPool", SCOPE_POOLS_READ), .fn = tenants_pool},
    {ROUTE(DELETE, "/v1/tenants/{tenant_id}/pool", "evictTenantPool", SCOPE_POOLS_OPERATE), .fn = tenants_pool_evict},
    /* servers */
    {ROUTE(GET, "/v1/servers", "listServers", SCOPE_SERVERS_READ),
     .fn = servers_list},
    {ROUTE(GET, "/v1/servers/{server_id}", "getServer", SCOPE_SERVERS_READ),
     .fn = servers_get},
    /* migration catalogs */
    {ROUTE(GET, "/v1/catalogs", "listCatalogs", SCOPE_CATALOG_READ),
     .fn = catalogs_list},
    {ROUTE(GET, "/v1/catalogs/{catalog}", "getCatalog", SCOPE_CATALOG_READ),
     .fn = catalogs_get},
    {ROUTE(GET, "/v1/catalogs/{catalog}/migrations", "listMigrations", SCOPE_CATALOG_READ), .query = {PAGE}, .fn = migrations_list},
    {ROUTE(PUT, "/v1/catalogs/{catalog}/migrations/{version}", "putMigration", SCOPE_CATALOG_WRITE), .body = BODY_SQL, .query = {"allow_out_of_order"},
     .fn = migrations_put},
    {ROUTE(GET, "/v1/catalogs/{catalog}/migrations/{version}", "getMigration", SCOPE_CATALOG_READ), .fn = migrations_get},
    {ROUTE(DELETE, "/v1/catalogs/{catalog}/migrations/{version}", "deleteMigration", SCOPE_CATALOG_WRITE), .fn = migrations_delete},
    {ROUTE(POST, "/v1/catalogs/{catalog}/bundles", "createBundle", SCOPE_CATALOG_WRITE), .body = BODY_BUNDLE, .query = {"allow_out_of_order"},
     .fn = bundles_create},
    /* migrations */
    {ROUTE(POST, "/v1/migration-runs", "createMigrationRun", SCOPE_MIGRATIONS_RUN),
     .body = BODY_JSON, .query = {"dry_run"}, .fn = runs_create},
    {ROUTE(GET, "/v1/migration-runs", "listMigrationRuns", SCOPE_MIGRATIONS_READ),
     .query = {"state", "subject", "created_by", PAGE}, .fn = runs_list},
    {ROUTE(GET, "/v1/migration-runs/{run_id}", "getMigrationRun", SCOPE_MIGRATIONS_READ), .query = {"wait", "expect"}, .fn = runs_get},
    {ROUTE(PATCH, "/v1/migration-runs/{run_id}", "updateMigrationRun", SCOPE_MIGRATIONS_RUN), .body = BODY_MERGE_PATCH, .fn = runs_update},
    {ROUTE(GET, "/v1/migration-runs/{run_id}/tasks", "listMigrationRunTasks", SCOPE_MIGRATIONS_READ), .query = {"state", "tenant_id", "sqlstate", "code", PAGE},
     .fn = jobs_tasks},
    {ROUTE(POST, "/v1/migration-runs/{run_id}/tasks/{task_id}/skip", "skipMigrationRunTask", SCOPE_MIGRATIONS_RUN), .body = BODY_JSON, .fn = runs_task_skip},
    {ROUTE(POST, "/v1/migration-runs/{run_id}/tasks/{task_id}/retry", "retryMigrationRunTask", SCOPE_MIGRATIONS_RUN), .body = BODY_JSON_OPTIONAL, .fn = runs_task_retry},
    {ROUTE(POST, "/v1/migration-runs/{run_id}/pause", "pauseMigrationRun", SCOPE_MIGRATIONS_RUN), .body = BODY_JSON_OPTIONAL, .fn = jobs_pause},
    {ROUTE(POST, "/v1/migration-runs/{run_id}/resume", "resumeMigrationRun", SCOPE_MIGRATIONS_RUN), .body = BODY_JSON_OPTIONAL, .fn = jobs_resume},
    {ROUTE(POST, "/v1/migration-runs/{run_id}/promote", "promoteMigrationRun", SCOPE_MIGRATIONS_RUN), .body = BODY_JSON_OPTIONAL, .fn = runs_promote},
    {ROUTE(GET, "/v1/migration-runs/{run_id}/events", "listMigrationRunEvents", SCOPE_MIGRATIONS_READ), .query = {EVENTS},
     .ticket = true, .fn = jobs_events},
    {ROUTE(POST, "/v1/migration-runs/{run_id}/cancel", "cancelMigrationRun", SCOPE_MIGRATIONS_RUN), .body = BODY_JSON_OPTIONAL, .fn = jobs_cancel},
    {ROUTE(POST, "/v1/migration-runs/{run_id}/retry", "retryMigrationRun", SCOPE_MIGRATIONS_RUN), .body = BODY_JSON_OPTIONAL, .fn = jobs_retry},
    {ROUTE(GET, "/v1/migration-status", "getMigrationStatus", SCOPE_MIGRATIONS_READ), .fn = migration_status},
    {ROUTE(POST, "/v1/migration-status/refresh", "refreshMigrationStatus", SCOPE_MIGRATIONS_RUN), .body = BODY_JSON_OPTIONAL, .fn = migration_status_refresh},
    {ROUTE(GET, "/v1/shared", "getShared", SCOPE_MIGRATIONS_READ),
     .fn = shared_get},
    {ROUTE(GET, "/v1/shared/migrations", "getSharedMigrations", SCOPE_MIGRATIONS_READ), .fn = shared_migrations},
    {ROUTE(POST, "/v1/shared/migrate", "migrateShared", SCOPE_MIGRATIONS_RUN),
     .body = BODY_JSON_OPTIONAL, .fn = shared_migrate},
    {ROUTE(GET, "/v1/shared/schema/export", "exportSharedSchema", SCOPE_SCHEMA_READ), .query = {"format", "zod", "theme", "indexes", "tables"},
     .fn = shared_export},
    /* jobs */
    {ROUTE(GET, "/v1/jobs", "listJobs", SCOPE_JOBS_READ),
     .query = {"state", "kind", "subject", "created_by", PAGE}, .fn = jobs_list},
    {ROUTE(GET, "/v1/jobs/{job_id}", "getJob", SCOPE_JOBS_READ),
     .query = {"wait", "expect"}, .fn = jobs_get},
    {ROUTE(GET, "/v1/jobs/{job_id}/tasks", "listJobTasks", SCOPE_JOBS_READ),
     .query = {"state", "tenant_id", "sqlstate", "code", PAGE}, .fn = jobs_tasks},
    {ROUTE(POST, "/v1/jobs/{job_id}/pause", "pauseJob", SCOPE_JOBS_OPERATE),
     .body = BODY_JSON_OPTIONAL, .fn = jobs_pause},
    {ROUTE(POST, "/v1/jobs/{job_id}/resume", "resumeJob", SCOPE_JOBS_OPERATE),
     .body = BODY_JSON_OPTIONAL, .fn = jobs_resume},
    {ROUTE(GET, "/v1/jobs/{job_id}/events", "listJobEvents", SCOPE_JOBS_READ), .query = {EVENTS},
     .ticket = true, .fn = jobs_events},
    {ROUTE(POST, "/v1/jobs/{job_id}/cancel", "cancelJob", SCOPE_JOBS_OPERATE),
     .body = BODY_JSON_OPTIONAL, .fn = jobs_cancel},
    {ROUTE(POST, "/v1/jobs/{job_id}/retry", "retryJob", SCOPE_JOBS_OPERATE),
     .body = BODY_JSON_OPTIONAL, .fn = jobs_retry},
    /* events */
    {ROUTE(GET, "/v1/events", "listEvents", SCOPE_EVENTS_READ),
     .query = {EVENTS, "job_id", "tenant_id"}, .ticket = true, .fn = events_list},
    {ROUTE(POST, "/v1/event-tickets", "createEventTicket", SCOPE_EVENTS_READ),
     .body = BODY_JSON_OPTIONAL, .secret = true, .fn = event_tickets_create},
    /* pools */
    {ROUTE(GET, "/v1/pools", "listPools", SCOPE_POOLS_READ), .offline = true, .fn = pools_list},
    {ROUTE(POST, "/v1/warmups", "createWarmup", SCOPE_POOLS_OPERATE),
     .body = BODY_JSON, .fn = warmups_create},
    {ROUTE(GET, "/v1/health", "getHealth", SCOPE_POOLS_READ),
     .query = {"tenant_id*", "ping", "ping_timeout_ms", "include_shared"}, .offline = true, .fn = health_get},
    {ROUTE(GET, "/v1/metrics", "getPoolMetrics", SCOPE_METRICS_READ),
     .query = {"include_health", "include_runtime"}, .offline = true, .fn = metrics_get},
    /* access */
    {ROUTE(POST, "/v1/tokens", "createToken", SCOPE_TOKENS_ADMIN),
     .body = BODY_JSON, .secret = true, .fn = tokens_create},
    {ROUTE(GET, "/v1/tokens", "listTokens", SCOPE_TOKENS_ADMIN), .query = {PAGE},
     .fn = tokens_list},
    {ROUTE(GET, "/v1/tokens/{token_id}", "getToken", SCOPE_TOKENS_ADMIN),
     .fn = tokens_get},
    {ROUTE(DELETE, "/v1/tokens/{token_id}", "revokeToken", SCOPE_TOKENS_ADMIN),
     .fn = tokens_revoke},
    {ANY_TOKEN(GET, "/v1/whoami", "whoami"), .fn = whoami_get},
    /* the service itself */
    {ANY_TOKEN(GET, "/v1/version", "getVersion"), .offline = true, .fn = version_get},
    {ROUTE(GET, "/v1/config", "getConfig", SCOPE_CONFIG_READ), .offline = true, .fn = config_get},
    {ANY_TOKEN(GET, "/v1/errors", "listErrors"), .offline = true, .fn = errors_list},
    {NO_TOKEN(GET, "/openapi.json", "getOpenapi"), .offline = true, .fn = openapi_get},
};
const size_t api_route_count = ARRAY_LEN(api_routes);
