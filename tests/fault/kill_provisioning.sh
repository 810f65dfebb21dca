#!/usr/bin/env bash
# the only replica is killed while it provisions tenants and started again
. "$(dirname "$0")/lib.sh"

pg_start
up one
register_base
register_steps 0.05 0001_a 0002_b
must 202 POST /v1/tenants/batch "$(batch 1 200)"
job=$(get .id)
until_true 20 "some tenants are provisioned" some_done 10
murder one
at_most "tenants provisioned at the time of the crash" 190 "$(tasks_done)"

up one
await_job 60
job_is succeeded
is "tenants provisioned" 200 "$(get .progress.succeeded)"
is "tenants that are active" 200 "$(sql "SELECT count(*) FROM tenantd.tenant WHERE state = 'active'")"
applied_once
no_orphans
finish
