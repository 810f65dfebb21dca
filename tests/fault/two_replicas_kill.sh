#!/usr/bin/env bash
# one of two replicas is killed in the middle of a run: the other finishes it
. "$(dirname "$0")/lib.sh"

pg_start
up one TENANTD_JOBS_WORKERS=4 # so that one replica alone cannot take all places of the run
up two TENANTD_JOBS_WORKERS=4
register_base
make_tenants 200
register_steps 0.03 0001_a 0002_b 0003_c
start_run
until_true 20 "some tenants are migrated" some_done 20
both_work() { sql_is 2 "SELECT count(DISTINCT claimed_by) FROM tenantd.task WHERE state = 'running'"; }
until_true 5 "both replicas work" both_work
murder one
at_most "tenants migrated at the time of the crash" 190 "$(tasks_done)"

at=two
await_job 60
job_is succeeded
is "tenants migrated" 200 "$(get '.progress | .succeeded + .skipped')"
applied_once
no_orphans
finish
