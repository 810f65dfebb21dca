/* SPDX-License-Identifier: MIT */
/* The handlers of every resource but tenants; each file has one resource. */
#pragma once

#include "service/api/api.h"

/* baselines.c */
api_handler baselines_get, baselines_make;
/* catalogs.c */
api_handler catalogs_list, catalogs_get, migrations_list, migrations_put, migrations_get,
    migrations_delete, downs_get, downs_put, downs_delete, bundles_create;
/* runs.c, run_plan.c */
api_handler runs_create, runs_list, runs_get, tenants_migrate, shared_migrate;
/* plans.c */
api_handler plans_create, plans_list, plans_get, plans_targets, plans_delete, runs_rollback_plan;
/* status.c */
api_handler migration_status, migration_status_refresh;
/* repairs.c, sync_status.c */
api_handler syncs_create, baselines_create, conversions_create, adoptions_create, sync_status;
/* jobs.c */
api_handler jobs_list, jobs_get, jobs_tasks, jobs_cancel;
/* rollout.c */
api_handler jobs_pause, jobs_resume, jobs_retry, runs_update, runs_promote, runs_task_skip,
    runs_task_retry;
api_handler jobs_list, jobs_get, jobs_tasks, jobs_cancel, jobs_retry;
/* events.c */
api_handler jobs_events, events_list, event_tickets_create;
/* run_tasks.c, run_report.c */
api_handler run_tasks_get, run_tasks_session, runs_report;
/* queries.c */
api_handler tenants_query, shared_query;
/* fleet_queries.c */
api_handler queries_create;
/* schema_diff.c */
api_handler schemas_diff;
/* shared.c */
api_handler shared_get, shared_migrations, shared_export;
/* lint.c */
api_handler lint_create, lint_rules_list;
bool lint_only_reads(const struct call *call); /* always */
api_handler shared_get, shared_migrations, shared_export, shared_schema;
/* pools.c */
api_handler pools_list, warmups_create, health_get, metrics_get;
/* seeds.c, seed_runs.c */
api_handler seeds_list, seeds_get, seeds_put, seeds_delete, seeds_apply, tenants_seed, shared_seed;
/* scaffold.c */
api_handler scaffold_schema_create, scaffold_seed_create, scaffold_migration_create;
/* schema_import.c */
api_handler schema_import_create;
/* warm_pool.c */
api_handler warm_pool_get, warm_pool_drain;
/* drift_scans.c, drift.c */
api_handler drift_scans_create, drift_get, drift_tenants_list, drift_accept_group,
    drift_acceptances_list, drift_acceptances_delete;
/* servers.c */
api_handler servers_list, servers_get;
/* tokens.c */
api_handler tokens_create, tokens_list, tokens_get, tokens_revoke, whoami_get;
/* meta.c */
api_handler version_get, config_get, errors_list, openapi_get;
