#!/usr/bin/env bash
# the only replica is killed in the middle of a run and started again
. "$(dirname "$0")/lib.sh"

pg_start
up one
register_base
make_tenants 200
register_steps 0.03 0001_a 0002_b 0003_c
start_run
until_true 20 "some tenants are migrated" some_done 20
murder one
at_most "tenants migrated at the time of the crash" 190 "$(tasks_done)"
at_least "tasks that the dead replica left running" 1 "$(sql "SELECT count(*) FROM tenantd.task WHERE state = 'running'")"

up one
await_job 60
job_is succeeded
# a tenant whose migrations were committed and not yet reported has nothing left to do
is "tenants migrated" 200 "$(get ".progress | .succeeded + .skipped")"
applied_once
no_orphans
finish
