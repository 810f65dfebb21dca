/* SPDX-License-Identifier: MIT */
/* The kinds of tasks, one function each; run->ctx is the struct engine. */
#pragma once

#include "core/job/runner.h"

/* tenant.create: schema, tracking table and all migrations in one transaction; task args
 * {"schema"}, job args {"revision"}. */
void kind_create(struct task_run *run, struct task_result *result);
/* tenant.clone: the schema of another tenant of the same server, made anew with its rows; task args
 * {"schema", "source", "key"}, job args {"include_data", "exclude_tables", "anonymize", "sample"}. */
void kind_clone(struct task_run *run, struct task_result *result);
/* tenant.import: reads the tracking table of a schema that exists; task args {"schema"}. */
void kind_import(struct task_run *run, struct task_result *result);
/* tenant.purge: drops the schema in chunks, then the registry's row; task args {"schema"}. */
void kind_purge(struct task_run *run, struct task_result *result);
/* migration.run, shared.migrate: task args {"schema", "set"} for a tenant, {"shared": true} for the
 * shared schema; job args {"target", "revision", "shared_revision", "allow", …}. With "direction":
 * "down" what is applied after the target is taken back, or what a task's "back_to" lacks. */
void kind_migrate(struct task_run *run, struct task_result *result);
/* Those in a row that are thought to have the same applied set, in one round trip. */
size_t kind_migrate_many(struct task_run *run, struct task_result *results, size_t n);
/* migration.refresh: reads the tracking table again; task args {"schema"}. */
void kind_refresh(struct task_run *run, struct task_result *result);
/* pool.warmup: opens a first connection of the tenant on this replica; job args {"ping"}. */
void kind_warmup(struct task_run *run, struct task_result *result);
/* migration.sync, .baseline, .convert, .adopt, .resolve: edits the tracking table (core/migrate/repair.h); task
 * args {"schema"}, job args the body that asked for it and {"revision"}. */
void kind_repair(struct task_run *run, struct task_result *result);
/* warm.fill: makes a schema of the warm pool or brings it to the catalog's head; warm.drain: drops
 * it. Task args {"warm", "schema"}. */
void kind_warm_fill(struct task_run *run, struct task_result *result);
void kind_warm_drain(struct task_run *run, struct task_result *result);
/* seed.apply: puts seeds into a tenant's schema, or with task args {"shared": true} into the shared
 * one; job args {"seeds", "shared_seeds", "mode", "force", "variables"}, seeds as [name, sha256]. */
void kind_seed(struct task_run *run, struct task_result *result);
/* drift.scan: looks at a tenant's schema beside what it should be (drift_scan.h); job args are those
 * of drift_scan_options. */
void kind_drift(struct task_run *run, struct task_result *result);
/* Those in a row, a batch at a time. */
size_t kind_drift_many(struct task_run *run, struct task_result *results, size_t n);
