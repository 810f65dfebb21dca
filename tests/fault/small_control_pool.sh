#!/usr/bin/env bash
# with as few control connections as the configuration allows a busy run and requests do not wait for each other
. "$(dirname "$0")/lib.sh"

pg_start
up one TENANTD_CONTROL_POOL_MAX=11 TENANTD_JOBS_WORKERS=8
register_base
make_tenants 100
register_steps 0.05 0001_a 0002_b 0003_c
start_run
until_true 20 "some tenants are migrated" some_done 5
for path in /v1/servers "/v1/jobs/$job" /v1/tenants/t-0001/migrations /v1/servers; do
    began=$(now_ms)
    must 200 GET "$path"
    at_most "ms for $path while all workers are busy" $((2000 * slow)) $(($(now_ms) - began))
done
is "reachable" true "$(get '.servers[0].reachable')"
must 200 POST '/v1/migration-runs?dry_run=true' '{"selector":{"all":true},"include_shared":true}'
await_job 60
job_is succeeded
applied_once
finish
