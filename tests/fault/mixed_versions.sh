#!/usr/bin/env bash
# two versions at once: what only the newer one knows waits for it, and holds up nobody meanwhile
. "$(dirname "$0")/lib.sh"

pg_start
up one
up two
register_base
make_tenants 40

# as a replica of a newer version would have made it: first in the queue, for every tenant
sql "INSERT INTO tenantd.job (id, kind, priority, max_parallel, created_by)
     VALUES ('00000000-0000-7000-8000-000000000001', 'future.kind', 0, 64, 'test')"
sql "INSERT INTO tenantd.task (job_id, tenant_id, server, exclusive)
     SELECT '00000000-0000-7000-8000-000000000001', id, server, true FROM tenantd.tenant"
future() { sql "SELECT string_agg(DISTINCT state || ' ' || attempt, ',') FROM tenantd.task WHERE job_id = '00000000-0000-7000-8000-000000000001'"; }

register_steps 0 0001_a
start_run
await_job 60
job_is succeeded
is "tenants migrated" 40 "$(get .progress.succeeded)"
is "tasks of a kind that nobody here knows" "queued 0" "$(future)"
is "replicas that say what they know" 2 "$(sql "SELECT count(*) FROM tenantd.worker WHERE 'migration.run' = ANY (kinds) AND NOT 'future.kind' = ANY (kinds)")"
must 200 GET /v1/jobs/00000000-0000-7000-8000-000000000001
is "it is shown" future.kind "$(get .kind)"
must 202 POST /v1/jobs/00000000-0000-7000-8000-000000000001/cancel '{}'
await_future() { [ "$(sql "SELECT state FROM tenantd.job WHERE id = '00000000-0000-7000-8000-000000000001'")" = cancelled ]; }
until_true 10 "it can be cancelled" await_future

# one of them goes and the other does the rest: a rolling upgrade
register_steps 0.02 0002_b
start_run
until_true 20 "some tenants are migrated" some_done 5
stop two
await_job 60
job_is succeeded
applied_once
finish
